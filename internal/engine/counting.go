package engine

import (
	"strings"
	"time"

	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/cloudwatch"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// counting gives CloudWatch the balancer's counters.
type counting struct{ s *services }

// Bound implements cloudwatch.Source.
func (counting) Bound(bucket int) time.Duration { return balancer.BucketBound(bucket) }

// Readings implements cloudwatch.Source.
func (c counting) Readings() []cloudwatch.Reading {
	counters, tx := c.s.balancer.Metrics(), c.s.e.store.View()
	var all []cloudwatch.Reading
	for scope, l := range elbv2.Listeners.Everywhere(tx) {
		m := counters.Listeners[l.ARN]
		all = append(all, cloudwatch.Reading{
			ID: l.ARN, Scope: scope, LoadBalancer: dimension(l.LoadBalancer),
			Counts: cloudwatch.Counts{cloudwatch.ELB3xx: m.Own3xx, cloudwatch.ELB4xx: m.Own4xx, cloudwatch.ELB5xx: m.Own5xx},
		})
	}
	for scope, g := range elbv2.TargetGroups.Everywhere(tx) {
		// A target group is of one load balancer, or of none.
		for _, lb := range elbv2.LoadBalancersOf(tx, scope, g.ARN) {
			all = append(all, c.group(tx, scope, g, lb, counters.TargetGroups[g.ARN]))
		}
	}
	return all
}

func (c counting) group(tx *state.Tx, scope state.Scope, g *elbv2.TargetGroup, lb string, m balancer.GroupMetrics) cloudwatch.Reading {
	r := cloudwatch.Reading{
		ID: g.ARN + " " + lb, Scope: scope, LoadBalancer: dimension(lb), TargetGroup: dimension(g.ARN),
		Counts: cloudwatch.Counts{
			cloudwatch.Requests: m.Requests, cloudwatch.Target2xx: m.Target[2], cloudwatch.Target3xx: m.Target[3],
			cloudwatch.Target4xx: m.Target[4], cloudwatch.Target5xx: m.Target[5], cloudwatch.ConnectionErrors: m.ConnectErrors,
		},
		Took: m.ResponseTime, Times: m.ResponseTimes[:],
	}
	for _, t := range elbv2.TargetsOf(tx, scope, g.ARN) {
		switch elbv2.HealthOf(tx, scope, t).State {
		case elbapi.TargetHealthStateEnumHealthy:
			r.Healthy++
		case elbapi.TargetHealthStateEnumUnhealthy:
			r.Unhealthy++
		}
	}
	return r
}

// dimension is the value by which CloudWatch knows a load balancer or a target
// group: the end of its ARN.
func dimension(name string) string {
	a, _ := arn.Parse(name)
	return strings.TrimPrefix(a.Resource, "loadbalancer/")
}
