package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Survey looks at the instances of a cluster that others made. Observe comes
// before. Who may not look gets a survey that says so.
func (a *Account) Survey(ctx context.Context, env *slipway.Environment, seen *slipway.Observed) (slipway.Survey, error) {
	var s slipway.Survey
	var ids []string
	for _, i := range seen.Instances[:min(len(seen.Instances), 100)] {
		if i.ID != "" {
			ids = append(ids, i.ID)
		}
	}
	if env.Cluster.Owned || len(ids) == 0 {
		return s, nil
	}
	out, err := a.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids})
	if is(err, "UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "InvalidInstanceID.NotFound") {
		s.Denied = says(err)
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading instances: %w", plain(err))
	}
	zones, groups := map[string]bool{}, map[string]bool{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			s.Instances, s.VPC = s.Instances+1, aws.ToString(i.VpcId)
			if i.Placement != nil {
				zones[aws.ToString(i.Placement.AvailabilityZone)] = true
			}
			if i.MetadataOptions != nil && i.MetadataOptions.HttpTokens == types.HttpTokensStateOptional {
				s.OldMetadata = append(s.OldMetadata, aws.ToString(i.InstanceId))
			}
			for _, g := range i.SecurityGroups {
				groups[aws.ToString(g.GroupId)] = true
			}
		}
	}
	s.Zones = len(zones)
	if len(groups) == 0 {
		return s, nil
	}
	held, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: slices.Sorted(maps.Keys(groups))})
	if err != nil {
		return s, fmt.Errorf("reading security groups: %w", plain(err))
	}
	for _, g := range held.SecurityGroups {
		for _, p := range g.IpPermissions {
			if world(p) {
				s.Open = append(s.Open, slipway.Opening{Group: aws.ToString(g.GroupName), What: opening(p)})
			}
		}
	}
	return s, nil
}

// world tells whether a permission lets everybody in.
func world(p types.IpPermission) bool {
	return slices.ContainsFunc(p.IpRanges, func(r types.IpRange) bool { return aws.ToString(r.CidrIp) == "0.0.0.0/0" }) ||
		slices.ContainsFunc(p.Ipv6Ranges, func(r types.Ipv6Range) bool { return aws.ToString(r.CidrIpv6) == "::/0" })
}

// opening is what a permission lets in.
func opening(p types.IpPermission) string {
	protocol, from, to := aws.ToString(p.IpProtocol), aws.ToInt32(p.FromPort), aws.ToInt32(p.ToPort)
	switch {
	case protocol == "-1":
		return "all"
	case from == to:
		return fmt.Sprintf("%s %d", protocol, from)
	}
	return fmt.Sprintf("%s %d-%d", protocol, from, to)
}
