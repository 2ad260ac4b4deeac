package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Unused refuses to go on while others use what an environment's services share:
// services in its cluster that the file doesn't name, and rules of its load
// balancers that lead to target groups of others. Observe comes before.
func (a *Account) Unused(ctx context.Context, env *slipway.Environment) error {
	users, err := a.foreign(ctx, env)
	if err == nil && len(users) > 0 { // it may be that another run removed them a moment ago
		if err = a.pause(ctx, a.lag()); err == nil {
			users, err = a.foreign(ctx, env)
		}
	}
	if err == nil && len(users) > 0 {
		err = fmt.Errorf("others use environment %s: %s; remove these first, or this file's services alone: slipway destroy %s", env.Cluster.Name, strings.Join(users, ", "), env.Name)
	}
	return err
}

// foreign are the users of an environment that its file doesn't know.
func (a *Account) foreign(ctx context.Context, env *slipway.Environment) ([]string, error) {
	services, err := a.foreignServices(ctx, env)
	if err != nil || !env.Cluster.Owned || env.Cluster.LoadBalancer != "" { // the load balancer stays
		return services, err
	}
	balancers := []string{a.Ref(plan.Of(env).Balancer())}
	others, err := a.besides(ctx, env)
	for i := range others {
		balancers = append(balancers, a.Ref(plan.Of(&others[i]).Balancer()))
	}
	for _, lb := range balancers {
		if lb == "" || err != nil {
			continue
		}
		var more []string
		more, err = a.foreignRules(ctx, env, lb)
		services = append(services, more...)
	}
	return services, err
}

// foreignServices are the cluster's services that the file doesn't name.
func (a *Account) foreignServices(ctx context.Context, env *slipway.Environment) ([]string, error) {
	var list []string
	pages := ecs.NewListServicesPaginator(a.ecs, &ecs.ListServicesInput{Cluster: &env.Cluster.Name, MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if is(err, "ClusterNotFoundException") {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading services: %w", plain(err))
		}
		for _, arn := range page.ServiceArns {
			name := arn[strings.LastIndexByte(arn, '/')+1:]
			if !slices.ContainsFunc(env.Services, func(s slipway.Service) bool { return s.Name == name }) {
				list = append(list, "service "+name)
			}
		}
	}
	return list, nil
}

// foreignRules are the target groups, not of the file, that a load balancer's
// listeners and their rules lead to.
func (a *Account) foreignRules(ctx context.Context, env *slipway.Environment, lb string) ([]string, error) {
	listeners, err := a.elb.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &lb})
	if err != nil {
		return nil, none(fmt.Errorf("reading listeners: %w", plain(err)), "LoadBalancerNotFound")
	}
	var list []string
	for _, l := range listeners.Listeners {
		rules, err := a.rules(ctx, aws.ToString(l.ListenerArn))
		if err != nil {
			return nil, none(err, "ListenerNotFound")
		}
		for _, group := range groupNames(append(rules, types.Rule{Actions: l.DefaultActions})) {
			ours := slices.ContainsFunc(env.Services, func(s slipway.Service) bool { return plan.For(&s).TargetGroup().Name == group })
			if text := "target group " + group; !ours && !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}
