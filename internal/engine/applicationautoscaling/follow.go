package applicationautoscaling

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Metrics measures services. Package engine fills it from the containers and the
// load balancer.
type Metrics interface {
	// Measure is the present value of a predefined metric of a service: percent of
	// what its running tasks have reserved, or requests for each target in a minute.
	// false tells that there is none yet.
	Measure(ctx context.Context, scope state.Scope, cluster, service string, metric api.MetricType, label string) (value float64, ok bool)
}

// measured are the points of policies, by policy. They are not kept over a
// restart: it takes a few periods until there are enough again.
type measured map[string][]float64

// Follow measures and scales services that have target tracking policies, until
// ctx ends.
func (s *Service) Follow(ctx context.Context, m Metrics) error {
	points := measured{}
	ticker := time.NewTicker(Period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			s.measure(ctx, m, points)
		}
	}
}

// measure takes one point for every policy and acts on all of them.
func (s *Service) measure(ctx context.Context, m Metrics, points measured) {
	tx := s.env.Store.View()
	seen := map[string]bool{}
	for scope, t := range Targets.Everywhere(tx) {
		var all []tracking
		for p := range policies.Prefix(tx, scope, t.Resource+sep) {
			if p.Spec.PolicyType == api.PolicyTypeTargetTrackingScaling {
				key := *p.Spec.PolicyARN
				seen[key] = true
				points[key] = s.point(ctx, m, scope, p, points[key])
				all = append(all, trackingOf(p, points[key]))
			}
		}
		if len(all) == 0 {
			continue
		}
		err := s.env.Store.Update(func(tx *state.Tx) error { return s.scale(tx, scope, t.Resource, all) })
		if err != nil {
			s.env.Log.Error("target tracking", "resource", t.Resource, "error", err)
		}
	}
	for key := range points {
		if !seen[key] {
			delete(points, key)
		}
	}
}

// point appends what is measured for a policy; where nothing is, the points
// before count no more.
func (s *Service) point(ctx context.Context, m Metrics, scope state.Scope, p *Policy, before []float64) []float64 {
	cluster, name, _ := split(p.Resource)
	spec := p.Spec.TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification
	value, ok := m.Measure(ctx, scope, cluster, name, spec.PredefinedMetricType, awsapi.V(spec.ResourceLabel))
	if !ok {
		return nil
	}
	all := append(before, value)
	return all[max(0, len(all)-lowFor):]
}

// cooldown is the one of ECS services when a policy names none (Application Auto
// Scaling guide).
const cooldown = 300

func trackingOf(p *Policy, points []float64) tracking {
	c := p.Spec.TargetTrackingScalingPolicyConfiguration
	seconds := func(n *int) time.Duration {
		if n == nil {
			return cooldown * time.Second
		}
		return time.Duration(*n) * time.Second
	}
	_, id, _ := strings.Cut(*p.Spec.PolicyARN, "scalingPolicy:")
	id, _, _ = strings.Cut(id, ":")
	return tracking{
		name: *p.Spec.PolicyName, id: id, target: *c.TargetValue, stays: awsapi.V(c.DisableScaleIn),
		out: seconds(c.ScaleOutCooldown), in: seconds(c.ScaleInCooldown), points: points,
	}
}

// scale brings a service's desired count to where its policies want it.
func (s *Service) scale(tx *state.Tx, scope state.Scope, resource string, all []tracking) error {
	old, ok := Targets.Get(tx, scope, resource)
	if !ok {
		return nil
	}
	cluster, name, _ := split(resource)
	count, ok := s.ecs.Desired(tx, scope, cluster, name)
	if !ok {
		return nil
	}
	now := s.env.Now()
	v := track(all, count, old.Min, old.Max, old.Scaled, now)
	t, side := *old, "High"
	switch {
	case v.policy == nil, v.count > count && awsapi.V(t.Suspended.DynamicScalingOutSuspended), v.count < count && awsapi.V(t.Suspended.DynamicScalingInSuspended):
		return nil
	case v.count > count:
		t.Scaled.Out = now
	default:
		t.Scaled.In, side = now, "Low"
	}
	Targets.Put(tx, scope, &t)
	s.ecs.SetDesired(tx, scope, cluster, name, v.count)
	cause := fmt.Sprintf("monitor alarm TargetTracking-%s-Alarm%s-%s in state ALARM triggered policy %s", resource, side, v.policy.id, v.policy.name)
	s.record(tx, scope, resource, cause, fmt.Sprintf("Setting desired count to %d.", v.count), fmt.Sprintf("Successfully set desired count to %d. Change successfully fulfilled by ecs.", v.count))
	return nil
}
