package cloud

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// The tags that Slipway's own resources carry.
const (
	tagCluster = "slipway:cluster" // the environment that a resource belongs to
	tagMark    = "slipway:mark"    // plan.Mark of what Slipway set last
)

func ec2Tags(kind ec2types.ResourceType, name, cluster string) []ec2types.TagSpecification {
	return []ec2types.TagSpecification{{ResourceType: kind, Tags: []ec2types.Tag{
		{Key: aws.String("Name"), Value: &name}, {Key: aws.String(tagCluster), Value: &cluster},
	}}}
}

func elbTags(cluster string, s slipway.Settings) []elbtypes.Tag {
	return []elbtypes.Tag{{Key: aws.String(tagCluster), Value: &cluster}, {Key: aws.String(tagMark), Value: aws.String(mark(s))}}
}

func iamTags(cluster string) []iamtypes.Tag {
	return []iamtypes.Tag{{Key: aws.String(tagCluster), Value: &cluster}}
}

func filter(name string, values ...string) ec2types.Filter {
	return ec2types.Filter{Name: &name, Values: values}
}

func ec2Name(tags []ec2types.Tag) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == "Name" {
			return aws.ToString(t.Value)
		}
	}
	return ""
}
