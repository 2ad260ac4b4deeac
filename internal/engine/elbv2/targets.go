package elbv2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// RegisterTargets adds targets to a group; one that drains is taken back.
func (s *Service) RegisterTargets(_ context.Context, c *operation.Caller, in *api.RegisterTargetsInput) (*api.RegisterTargetsOutput, error) {
	return &api.RegisterTargetsOutput{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findTargetGroup(tx, c.Scope(), in.TargetGroupArn)
		if err != nil {
			return err
		}
		for _, d := range in.Targets {
			zone, err := s.checkTarget(tx, c.Scope(), g, d)
			if err != nil {
				return err
			}
			Register(tx, c.Scope(), g.ARN, *d.Id, or(awsapi.V(d.Port), g.Port), zone, s.env.Now())
		}
		if max := limits["targets-per-application-load-balancer"]; countTargets(tx, c.Scope(), g.ARN) > max {
			return api.TooManyTargetsException("The limit of %d targets is exceeded", max)
		}
		return nil
	})
}

// countTargets counts the targets of all the groups that the group's load
// balancer forwards to; those of the group alone while it is nobody's.
func countTargets(tx *state.Tx, scope state.Scope, group string) int {
	n := len(TargetsOf(tx, scope, group))
	for _, lb := range LoadBalancersOf(tx, scope, group) {
		for other := range TargetGroups.All(tx, scope) {
			if other.ARN != group && slices.Contains(LoadBalancersOf(tx, scope, other.ARN), lb) {
				n += len(TargetsOf(tx, scope, other.ARN))
			}
		}
	}
	return n
}

// Register adds a target to a group, or takes back one that drains.
func Register(tx *state.Tx, scope state.Scope, group, id string, port int, zone string, now time.Time) {
	key := TargetKey(group, id, port)
	if old, ok := Targets.Get(tx, scope, key); ok && old.Draining.IsZero() {
		return
	}
	Targets.Put(tx, scope, &Target{Group: group, ID: id, Port: port, Zone: zone, Registered: now})
	Healths.Delete(tx, scope, key)
}

// checkTarget is the zone that a target is in, and an error when it can be none of
// the group's: an instance runs in its VPC; an address is in a subnet of it, whose
// zone it has, or private, and then in all zones
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html).
// Loopback, which AWS has no use for, is the engine's own host.
func (s *Service) checkTarget(tx *state.Tx, scope state.Scope, g *TargetGroup, d api.TargetDescription) (zone string, err error) {
	zone = awsapi.V(d.AvailabilityZone)
	if g.Type == api.TargetTypeEnumInstance {
		vpc, _, ok := s.net.Instance(tx, scope, *d.Id)
		switch {
		case !ok:
			return "", api.InvalidTargetException("The following targets are not in a running state and cannot be registered: '%s'", *d.Id)
		case vpc != g.VPC:
			return "", api.InvalidTargetException("The following targets are not within the target group VPC '%s': '%s'", g.VPC, *d.Id)
		}
		return zone, nil
	}
	addr, err := netip.ParseAddr(*d.Id)
	if err != nil {
		return "", invalid("The IP address '%s' is not a valid IPv4 address", *d.Id)
	}
	in, within := s.net.ZoneOf(tx, scope, g.VPC, addr)
	switch {
	case within && zone != "" && zone != in:
		return "", invalid("The IP address '%s' is within the VPC, and cannot have its Availability Zone overridden to '%s' from '%s'", addr, zone, in)
	case within:
		return in, nil
	case !addr.IsPrivate() && !shared.Contains(addr) && !addr.IsLoopback():
		return "", invalid("The IP address '%s' is not in the VPC, and publicly routable IP addresses cannot be registered", addr)
	case zone == "":
		return "", invalid("The Availability Zone is required for IP address '%s' because it is not in the VPC", addr)
	case zone != "all":
		return "", invalid("You must specify 'all' for all enabled Availability Zones, since the IP address '%s' is outside the VPC", addr)
	}
	return zone, nil
}

// shared is the address space of RFC 6598, which AWS takes for private, too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// DeregisterTargets starts to drain targets. Those that are not registered are
// passed over.
func (s *Service) DeregisterTargets(_ context.Context, c *operation.Caller, in *api.DeregisterTargetsInput) (*api.DeregisterTargetsOutput, error) {
	return &api.DeregisterTargetsOutput{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findTargetGroup(tx, c.Scope(), in.TargetGroupArn)
		if err != nil {
			return err
		}
		for _, d := range in.Targets {
			for _, t := range TargetsOf(tx, c.Scope(), g.ARN) {
				if t.ID == *d.Id && (d.Port == nil || *d.Port == t.Port) {
					Deregister(tx, c.Scope(), t.Group, t.ID, t.Port, s.env.Now())
				}
			}
		}
		return nil
	})
}

// Deregister starts to drain a target: it gets no new request, and is gone when the
// group's deregistration delay is over. It tells when that will be, and false when
// the target is not registered.
func Deregister(tx *state.Tx, scope state.Scope, group, id string, port int, now time.Time) (until time.Time, ok bool) {
	key := TargetKey(group, id, port)
	t, ok := Targets.Get(tx, scope, key)
	if !ok {
		return time.Time{}, false
	}
	if !t.Draining.IsZero() {
		return t.Until, true
	}
	until = now
	if g, ok := TargetGroups.Get(tx, scope, group); ok && len(LoadBalancersOf(tx, scope, group)) > 0 {
		until = now.Add(g.Delay())
	}
	Targets.Change(tx, scope, key, func(t *Target) { t.Draining, t.Until = now, until })
	return until, true
}

// Delay is the group's deregistration delay.
func (t *TargetGroup) Delay() time.Duration {
	n, err := strconv.Atoi(attribute(targetGroupAttributes, t.Attributes, "deregistration_delay.timeout_seconds"))
	if err != nil {
		return 300 * time.Second
	}
	return time.Duration(n) * time.Second
}

// HealthOf is what is known of a target's health.
func HealthOf(tx *state.Tx, scope state.Scope, t *Target) api.TargetHealth {
	switch {
	case !t.Draining.IsZero():
		return api.TargetHealth{State: api.TargetHealthStateEnumDraining, Reason: api.TargetHealthReasonEnumTargetDeregistrationInProgress, Description: new("Target deregistration is in progress")}
	case len(LoadBalancersOf(tx, scope, t.Group)) == 0:
		return api.TargetHealth{State: api.TargetHealthStateEnumUnused, Reason: api.TargetHealthReasonEnumTargetNotInUse, Description: new("Target group is not configured to receive traffic from the load balancer")}
	}
	h, ok := Healths.Get(tx, scope, TargetKey(t.Group, t.ID, t.Port))
	if !ok || h.Since.Before(t.Registered) {
		return api.TargetHealth{State: api.TargetHealthStateEnumInitial, Reason: api.TargetHealthReasonEnumElbRegistrationInProgress, Description: new("Target registration is in progress")}
	}
	out := api.TargetHealth{State: h.State, Reason: h.Reason}
	if h.Description != "" {
		out.Description = &h.Description
	}
	return out
}

// DescribeTargetHealth tells the health of the targets named, or of all.
func (s *Service) DescribeTargetHealth(_ context.Context, c *operation.Caller, in *api.DescribeTargetHealthInput) (*api.DescribeTargetHealthOutput, error) {
	tx := s.env.View(c)
	g, err := findTargetGroup(tx, c.Scope(), in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeTargetHealthOutput{TargetHealthDescriptions: []api.TargetHealthDescription{}}
	if len(in.Targets) == 0 {
		for _, t := range TargetsOf(tx, c.Scope(), g.ARN) {
			out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, s.describeTarget(tx, c.Scope(), g, t))
		}
		return out, nil
	}
	for _, d := range in.Targets {
		port := or(awsapi.V(d.Port), g.Port)
		if t, ok := Targets.Get(tx, c.Scope(), TargetKey(g.ARN, *d.Id, port)); ok {
			out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, s.describeTarget(tx, c.Scope(), g, t))
			continue
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, api.TargetHealthDescription{
			Target:       &api.TargetDescription{Id: d.Id, Port: &port},
			TargetHealth: &api.TargetHealth{State: api.TargetHealthStateEnumUnused, Reason: api.TargetHealthReasonEnumTargetNotRegistered, Description: new("Target is not registered to the target group")},
		})
	}
	return out, nil
}

func (s *Service) describeTarget(tx *state.Tx, scope state.Scope, g *TargetGroup, t *Target) api.TargetHealthDescription {
	check := strconv.Itoa(t.Port)
	if g.Check.Port != "traffic-port" {
		check = g.Check.Port
	}
	d := api.TargetHealthDescription{
		Target: &api.TargetDescription{Id: &t.ID, Port: &t.Port}, HealthCheckPort: &check, TargetHealth: new(HealthOf(tx, scope, t)),
		AdministrativeOverride: &api.AdministrativeOverride{State: "no_override", Reason: "AdministrativeOverride.NoOverride", Description: new("No override is currently active on target")},
	}
	if t.Zone != "" {
		d.Target.AvailabilityZone = &t.Zone
	}
	return d
}
