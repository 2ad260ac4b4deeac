package cloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// adopt looks whether a cluster that the file doesn't say to own was made by
// others. Then it and what is around it is used as it is, and never destroyed.
func (a *Account) adopt(ctx context.Context, env *slipway.Environment) error {
	if !env.Cluster.Implied {
		return nil
	}
	out, err := a.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{env.Cluster.Name}, Include: []types.ClusterField{types.ClusterFieldTags}})
	if err != nil {
		return fmt.Errorf("reading cluster %s: %w", env.Cluster.Name, plain(err))
	}
	for _, c := range out.Clusters {
		if aws.ToString(c.Status) == "INACTIVE" {
			continue
		}
		env.Cluster.Owned = false
		for _, t := range c.Tags {
			if aws.ToString(t.Key) == tagCluster {
				env.Cluster.Owned = true
			}
		}
	}
	return nil
}
