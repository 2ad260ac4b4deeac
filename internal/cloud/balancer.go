package cloud

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeBalancer finds the environment's load balancer and all that hangs on
// it: listeners, their certificates, their rules.
func (a *Account) observeBalancer(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) error {
	n := plan.Of(env)
	lb, err := a.balancer(ctx, env)
	if lb == nil || err != nil {
		return err
	}
	a.found(n.Balancer(), slipway.Seen{Ref: aws.ToString(lb.LoadBalancerArn), Status: string(lb.State.Code), Settings: slipway.Settings{
		"dns name": aws.ToString(lb.DNSName), "vpc": aws.ToString(lb.VpcId), "zone": aws.ToString(lb.CanonicalHostedZoneId), "addresses": string(lb.IpAddressType), "zones": strconv.Itoa(len(lb.AvailabilityZones))}})
	listeners, err := a.elb.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: lb.LoadBalancerArn})
	if err != nil {
		return fmt.Errorf("reading listeners: %w", plain(err))
	}
	for _, l := range listeners.Listeners {
		a.seeListener(env, l)
	}
	https, ok := a.look(n.HTTPS())
	if !ok {
		return nil
	}
	if err := a.observeAttachments(ctx, https.Ref); err != nil {
		return err
	}
	rules, err := a.observeRules(ctx, https.Ref, wanted)
	if err != nil {
		return err
	}
	return a.observeQuotas(ctx, listeners.Listeners, https.Ref, rules)
}

// balancer is the load balancer by name or ARN; in an environment made by others
// that doesn't name one, the only one that there is.
func (a *Account) balancer(ctx context.Context, env *slipway.Environment) (*types.LoadBalancer, error) {
	in := &elb.DescribeLoadBalancersInput{Names: []string{plan.Of(env).Balancer().Name}}
	if strings.HasPrefix(env.Cluster.LoadBalancer, "arn:") {
		in = &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{env.Cluster.LoadBalancer}}
	}
	out, err := a.elb.DescribeLoadBalancers(ctx, in)
	if is(err, "LoadBalancerNotFound", "LoadBalancerNotFoundException") && !env.Cluster.Owned && env.Cluster.LoadBalancer == "" {
		if out, err = a.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{}); err == nil && len(out.LoadBalancers) != 1 {
			return nil, nil
		}
	}
	if is(err, "LoadBalancerNotFound", "LoadBalancerNotFoundException") || err == nil && len(out.LoadBalancers) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading load balancers: %w", plain(err))
	}
	return &out.LoadBalancers[0], nil
}

func (a *Account) applyBalancer(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	if s.Action == slipway.Create {
		in := &elb.CreateLoadBalancerInput{Name: &s.Name, Tags: elbTags(env.Cluster.Name, s.Settings), SecurityGroups: env.Cluster.BalancerSecurityGroups}
		for _, subnet := range n.Subnets() {
			in.Subnets = append(in.Subnets, a.Ref(subnet))
		}
		if len(in.SecurityGroups) == 0 {
			in.SecurityGroups = []string{a.Ref(n.BalancerGroup())}
		}
		out, err := a.elb.CreateLoadBalancer(ctx, in)
		if err != nil {
			return err
		}
		lb := out.LoadBalancers[0]
		a.found(s.ID, slipway.Seen{Ref: aws.ToString(lb.LoadBalancerArn), Settings: slipway.Settings{
			"dns name": aws.ToString(lb.DNSName), "vpc": aws.ToString(lb.VpcId), "zone": aws.ToString(lb.CanonicalHostedZoneId)}})
	}
	return a.until(ctx, "load balancer "+s.Name+" becoming active", 10*time.Minute, func(ctx context.Context) (bool, error) {
		out, err := a.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{a.Ref(s.ID)}})
		if err != nil && unknown(err) {
			return false, nil
		}
		if err != nil || len(out.LoadBalancers) == 0 {
			return false, err
		}
		state := out.LoadBalancers[0].State
		if state.Code == types.LoadBalancerStateEnumFailed {
			return false, fmt.Errorf("load balancer %s failed: %s", s.Name, aws.ToString(state.Reason))
		}
		return state.Code == types.LoadBalancerStateEnumActive, nil
	})
}
