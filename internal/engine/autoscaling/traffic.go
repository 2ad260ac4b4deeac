package autoscaling

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func identifiers(sources []api.TrafficSourceIdentifier) []string {
	var out []string
	for _, s := range sources {
		out = append(out, awsapi.V(s.Identifier))
	}
	return out
}

func ofTargetGroups(arns []string) []api.TrafficSourceIdentifier {
	var out []api.TrafficSourceIdentifier
	for _, a := range arns {
		out = append(out, api.TrafficSourceIdentifier{Identifier: &a, Type: new("elbv2")})
	}
	return out
}

// attached is the group's target groups with more of them.
func attached(tx *state.Tx, scope state.Scope, g *Group, more []api.TrafficSourceIdentifier) ([]string, error) {
	all := slices.Clone(g.Sources)
	for _, m := range more {
		a := awsapi.V(m.Identifier)
		if kind := awsapi.V(m.Type); kind != "" && kind != "elbv2" {
			return nil, unserved("the traffic source type " + kind)
		}
		if !elbv2.TargetGroups.Has(tx, scope, a) {
			return nil, invalid("Provided Target Groups may not be valid. Please ensure they exist and try again.")
		}
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	slices.Sort(all)
	return all, nil
}

func (s *Service) attach(c *operation.Caller, group *string, sources []api.TrafficSourceIdentifier) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), group)
		if err != nil {
			return err
		}
		all, err := attached(tx, c.Scope(), g, sources)
		if err == nil {
			Groups.Change(tx, c.Scope(), g.Name, func(g *Group) { g.Sources = all })
		}
		return err
	})
}

func (s *Service) detach(c *operation.Caller, group *string, arns []string) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), group)
		if err != nil {
			return err
		}
		for _, a := range arns {
			if !slices.Contains(g.Sources, a) {
				return invalid("Trying to remove Target Groups that are not part of the group")
			}
		}
		Groups.Change(tx, c.Scope(), g.Name, func(g *Group) {
			g.Sources = slices.DeleteFunc(slices.Clone(g.Sources), func(a string) bool { return slices.Contains(arns, a) })
		})
		return nil
	})
}

// register has an instance stand in exactly these target groups.
func (s *Service) register(tx *state.Tx, scope state.Scope, i *Instance, sources []string, now time.Time) {
	var left []string
	for _, a := range i.RegisteredWith {
		if !slices.Contains(sources, a) {
			left = append(left, a)
		}
	}
	s.deregister(tx, scope, left, i.ID, now)
	for _, a := range sources {
		if t, ok := elbv2.TargetGroups.Get(tx, scope, a); ok && !slices.Contains(i.RegisteredWith, a) {
			elbv2.Register(tx, scope, a, i.ID, t.Port, "", now)
		}
	}
}

func (s *Service) deregister(tx *state.Tx, scope state.Scope, sources []string, instance string, now time.Time) {
	for _, a := range sources {
		for _, t := range elbv2.TargetsOf(tx, scope, a) {
			if t.ID == instance {
				elbv2.Deregister(tx, scope, a, instance, t.Port, now)
			}
		}
	}
}

// AttachLoadBalancerTargetGroups has the group's instances register with target
// groups.
func (s *Service) AttachLoadBalancerTargetGroups(_ context.Context, c *operation.Caller, in *api.AttachLoadBalancerTargetGroupsType) (*api.AttachLoadBalancerTargetGroupsResultType, error) {
	return &api.AttachLoadBalancerTargetGroupsResultType{}, s.attach(c, in.AutoScalingGroupName, ofTargetGroups(in.TargetGroupARNs))
}

// DetachLoadBalancerTargetGroups has them deregister.
func (s *Service) DetachLoadBalancerTargetGroups(_ context.Context, c *operation.Caller, in *api.DetachLoadBalancerTargetGroupsType) (*api.DetachLoadBalancerTargetGroupsResultType, error) {
	return &api.DetachLoadBalancerTargetGroupsResultType{}, s.detach(c, in.AutoScalingGroupName, in.TargetGroupARNs)
}

// AttachTrafficSources is the same for traffic sources, of which target groups
// are the only kind here.
func (s *Service) AttachTrafficSources(_ context.Context, c *operation.Caller, in *api.AttachTrafficSourcesType) (*api.AttachTrafficSourcesResultType, error) {
	return &api.AttachTrafficSourcesResultType{}, s.attach(c, in.AutoScalingGroupName, in.TrafficSources)
}

// DetachTrafficSources takes them away.
func (s *Service) DetachTrafficSources(_ context.Context, c *operation.Caller, in *api.DetachTrafficSourcesType) (*api.DetachTrafficSourcesResultType, error) {
	return &api.DetachTrafficSourcesResultType{}, s.detach(c, in.AutoScalingGroupName, identifiers(in.TrafficSources))
}

// sourceState is how far the group is with a target group: Adding until every
// instance in service is registered, InService when one is healthy, Removing
// while some that should not be still is.
func sourceState(tx *state.Tx, scope state.Scope, g *Group, source string) string {
	registered, serving := 0, 0
	for _, i := range InstancesOf(tx, scope, g.Name) {
		if inService(i) {
			serving++
			if slices.Contains(i.RegisteredWith, source) {
				registered++
			}
		}
	}
	switch {
	case registered < serving:
		return "Adding"
	case serving == 0:
		return "Added"
	}
	for _, t := range elbv2.TargetsOf(tx, scope, source) {
		if elbv2.HealthOf(tx, scope, t).State == "healthy" {
			return "InService"
		}
	}
	return "Added"
}

// DescribeLoadBalancerTargetGroups tells a group's target groups.
func (s *Service) DescribeLoadBalancerTargetGroups(_ context.Context, c *operation.Caller, in *api.DescribeLoadBalancerTargetGroupsRequest) (*api.DescribeLoadBalancerTargetGroupsResponse, error) {
	tx := s.env.View(c)
	g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	rows, next, err := page(slices.Values(g.Sources), in.NextToken, in.MaxRecords, 100, 100, func(a string) string { return a })
	if err != nil {
		return nil, err
	}
	out := &api.DescribeLoadBalancerTargetGroupsResponse{LoadBalancerTargetGroups: []api.LoadBalancerTargetGroupState{}, NextToken: next}
	for _, a := range rows {
		out.LoadBalancerTargetGroups = append(out.LoadBalancerTargetGroups, api.LoadBalancerTargetGroupState{LoadBalancerTargetGroupARN: &a, State: new(sourceState(tx, c.Scope(), g, a))})
	}
	return out, nil
}

// DescribeTrafficSources tells a group's traffic sources.
func (s *Service) DescribeTrafficSources(_ context.Context, c *operation.Caller, in *api.DescribeTrafficSourcesRequest) (*api.DescribeTrafficSourcesResponse, error) {
	tx := s.env.View(c)
	g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	sources := g.Sources
	if kind := awsapi.V(in.TrafficSourceType); kind != "" && kind != "elbv2" {
		sources = nil
	}
	rows, next, err := page(slices.Values(sources), in.NextToken, in.MaxRecords, 50, 50, func(a string) string { return a })
	if err != nil {
		return nil, err
	}
	out := &api.DescribeTrafficSourcesResponse{TrafficSources: []api.TrafficSourceState{}, NextToken: next}
	for _, a := range rows {
		out.TrafficSources = append(out.TrafficSources, api.TrafficSourceState{Identifier: &a, TrafficSource: &a, Type: new("elbv2"), State: new(sourceState(tx, c.Scope(), g, a))})
	}
	return out, nil
}
