package cloud

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeGroups reads the environment's two security groups by name.
func (a *Account) observeGroups(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	out, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		filter("vpc-id", a.Ref(n.VPC())), filter("group-name", n.BalancerGroup().Name, n.InstanceGroup().Name)}})
	if err != nil {
		return fmt.Errorf("reading security groups: %w", plain(err))
	}
	// The balancer's group first: the instances' is compared with it.
	slices.SortFunc(out.SecurityGroups, func(x, y types.SecurityGroup) int {
		if aws.ToString(x.GroupName) == n.BalancerGroup().Name {
			return -1
		}
		return 1
	})
	for _, g := range out.SecurityGroups {
		id := slipway.ID{Kind: slipway.KindSecurityGroup, Name: aws.ToString(g.GroupName)}
		seen := slipway.Seen{Ref: aws.ToString(g.GroupId), Settings: slipway.Settings{}}
		for _, p := range g.IpPermissions {
			a.admits(n, p, seen.Settings)
		}
		a.found(id, seen)
	}
	return nil
}

// admits names what a permission lets in, where it is one of the two rules that
// matter here.
func (a *Account) admits(n plan.Names, p types.IpPermission, s slipway.Settings) {
	for _, r := range p.IpRanges {
		if aws.ToString(p.IpProtocol) == "tcp" && aws.ToInt32(p.FromPort) == aws.ToInt32(p.ToPort) {
			s[fmt.Sprintf("tcp %d", aws.ToInt32(p.FromPort))] = aws.ToString(r.CidrIp)
		}
	}
	for _, g := range p.UserIdGroupPairs {
		if aws.ToString(p.IpProtocol) == "-1" && aws.ToString(g.GroupId) == a.Ref(n.BalancerGroup()) {
			s["all"] = "the load balancer's group"
		}
	}
}

func (a *Account) applyGroup(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	if s.Action == slipway.Create {
		about := "the load balancer of " + env.Cluster.Name + ": HTTP and HTTPS from everywhere"
		if s.ID == n.InstanceGroup() {
			about = "the instances of " + env.Cluster.Name + ": all from the load balancer alone"
		}
		vpc := a.Ref(n.VPC())
		err := a.soon(ctx, func(ctx context.Context) error {
			out, err := a.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &s.Name, Description: &about, VpcId: &vpc,
				TagSpecifications: ec2Tags(types.ResourceTypeSecurityGroup, s.Name, env.Cluster.Name)})
			if err == nil {
				a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.GroupId)})
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	group := a.Ref(s.ID)
	permissions := []types.IpPermission{port(80), port(443)}
	if s.ID == n.InstanceGroup() {
		from := a.Ref(n.BalancerGroup())
		permissions = []types.IpPermission{{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &from}}}}
	}
	for _, p := range permissions {
		err := a.soon(ctx, func(ctx context.Context) error {
			_, err := a.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{p}})
			return err
		})
		if err != nil && !is(err, "InvalidPermission.Duplicate") {
			return err
		}
	}
	return nil
}

func port(n int32) types.IpPermission {
	return types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &n, ToPort: &n, IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}
}
