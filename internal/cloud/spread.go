package cloud

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Spread chooses the load balancer that the environment's services go to; 0 where
// the file doesn't let them choose.
func (a *Account) Spread(ctx context.Context, env *slipway.Environment) (int, error) {
	if !env.Cluster.Spread || env.Cluster.LoadBalancer != "" {
		return 0, nil
	}
	raw := a.Resolve(*env)
	wanted := plan.Wanted(&raw)
	var have []plan.Balancer
	for nth := 1; ; nth++ {
		one := raw
		one.Cluster.Nth = nth
		a.mu.Lock()
		a.seen = &slipway.Observed{Resources: map[slipway.ID]slipway.Seen{}, Running: map[string]slipway.Running{}}
		a.mu.Unlock()
		if err := a.observeBalancer(ctx, &one, wanted); err != nil {
			return 0, err
		}
		if a.Ref(plan.Of(&one).Balancer()) == "" {
			return plan.Spread(env, have), nil
		}
		b := plan.Balancer{Rules: a.seen.Rules, Certificates: a.seen.Certificates, TargetGroups: a.seen.TargetGroups}
		for id := range maps.Keys(a.seen.Resources) {
			b.Serves = b.Serves || id.Kind == slipway.KindRule
		}
		have = append(have, b)
	}
}

// besides are the load balancers of an environment of ours beside the one that
// this run looks at.
func (a *Account) besides(ctx context.Context, env *slipway.Environment) ([]slipway.Environment, error) {
	if !env.Cluster.Owned || env.Cluster.LoadBalancer != "" {
		return nil, nil
	}
	var list []slipway.Environment
	for nth := 1; ; nth++ {
		if nth == max(env.Cluster.Nth, 1) {
			continue
		}
		one := *env
		one.Cluster.Nth = nth
		lb, err := a.balancer(ctx, &one)
		if err != nil {
			return nil, err
		}
		if lb == nil {
			return list, nil
		}
		a.found(plan.Of(&one).Balancer(), slipway.Seen{Ref: aws.ToString(lb.LoadBalancerArn)})
		list = append(list, one)
	}
}
