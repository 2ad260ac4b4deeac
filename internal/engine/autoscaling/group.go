package autoscaling

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// invalid is Auto Scaling's ValidationError, which the model does not name.
func invalid(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("ValidationError", 400, format, args...)
}

// unserved refuses what the engine cannot honour.
func unserved(what string) *awsapi.Error {
	return invalid("%s is not served by this engine; leave it out", what)
}

// find is the group that an operation names.
func find(tx *state.Tx, scope state.Scope, name *string) (*Group, error) {
	g, ok := Groups.Get(tx, scope, awsapi.V(name))
	if !ok {
		return nil, invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", awsapi.V(name))
	}
	return g, nil
}

// findLive is the group that an operation changes: one that is not being deleted.
func findLive(tx *state.Tx, scope state.Scope, name *string) (*Group, error) {
	g, err := find(tx, scope, name)
	if err == nil && g.Deleting {
		return nil, invalid("AutoScalingGroup '%s' is pending delete", g.Name)
	}
	return g, err
}

// CreateAutoScalingGroup makes a group; the controller launches its instances.
func (s *Service) CreateAutoScalingGroup(_ context.Context, c *operation.Caller, in *api.CreateAutoScalingGroupType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if old, ok := Groups.Get(tx, c.Scope(), *in.AutoScalingGroupName); ok {
			if old.Deleting {
				return api.AlreadyExistsFault("AutoScalingGroup by this name already exists and is pending delete - %s", old.Name)
			}
			return api.AlreadyExistsFault("AutoScalingGroup by this name already exists - A group with the name %s already exists", old.Name)
		}
		if Groups.Len(tx, c.Scope()) >= maxGroups {
			return api.LimitExceededFault("You have already reached the limit of %d AutoScalingGroups", maxGroups)
		}
		g, err := s.newGroup(tx, c, in)
		if err != nil {
			return err
		}
		for _, h := range in.LifecycleHookSpecificationList {
			if err := putHook(tx, c.Scope(), hookOf(g.Name, h)); err != nil {
				return err
			}
		}
		Groups.Put(tx, c.Scope(), g)
		return nil
	})
}

func (s *Service) newGroup(tx *state.Tx, c *operation.Caller, in *api.CreateAutoScalingGroupType) (*Group, error) {
	switch {
	case in.InstanceId != nil:
		return nil, unserved("InstanceId")
	case len(in.LoadBalancerNames) > 0:
		return nil, unserved("LoadBalancerNames (Classic Load Balancers)")
	case in.LaunchTemplate == nil && in.MixedInstancesPolicy == nil && in.LaunchConfigurationName == nil:
		return nil, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	case strings.Contains(*in.AutoScalingGroupName, ":"):
		return nil, invalid("The AutoScalingGroup name '%s' must not contain a colon", *in.AutoScalingGroupName)
	}
	name := *in.AutoScalingGroupName
	g := &Group{
		Name: name, ARN: groupARN(c.Scope(), ids.UUID(), name), Created: s.env.Now(),
		Cooldown: 300, HealthCheck: "EC2", TerminationPolicies: []string{"Default"}, DeletionProtection: api.DeletionProtectionNone,
		Distribution:      &api.AvailabilityZoneDistribution{CapacityDistributionStrategy: api.CapacityDistributionStrategyBalancedBestEffort},
		ServiceLinkedRole: arn.New("iam", c.Global(), "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
	}
	g.Desired = awsapi.V(in.MinSize)
	if err := s.settings(tx, c.Scope(), g, asUpdate(in)); err != nil {
		return nil, err
	}
	if len(g.Zones) == 0 {
		return nil, invalid("At least one Availability Zone or VPC Subnet is required.")
	}
	var err error
	if g.Tags, err = newTags(g, in.Tags); err != nil {
		return nil, err
	}
	sources := slices.Concat(in.TrafficSources, ofTargetGroups(in.TargetGroupARNs))
	if g.Sources, err = attached(tx, c.Scope(), g, sources); err != nil {
		return nil, err
	}
	g.Changed = s.env.Now()
	g.Cause = at(s.env.Now(), "a user request created an AutoScalingGroup changing the desired capacity from 0 to %d.", g.Desired)
	return g, nil
}

// asUpdate is what a creation has in common with an update.
func asUpdate(in *api.CreateAutoScalingGroupType) *api.UpdateAutoScalingGroupType {
	return &api.UpdateAutoScalingGroupType{
		AutoScalingGroupName: in.AutoScalingGroupName, AvailabilityZoneDistribution: in.AvailabilityZoneDistribution, AvailabilityZoneIds: in.AvailabilityZoneIds,
		AvailabilityZoneImpairmentPolicy: in.AvailabilityZoneImpairmentPolicy, AvailabilityZones: in.AvailabilityZones, CapacityRebalance: in.CapacityRebalance,
		CapacityReservationSpecification: in.CapacityReservationSpecification, Context: in.Context, DefaultCooldown: in.DefaultCooldown,
		DefaultInstanceWarmup: in.DefaultInstanceWarmup, DeletionProtection: in.DeletionProtection, DesiredCapacity: in.DesiredCapacity,
		DesiredCapacityType: in.DesiredCapacityType, HealthCheckGracePeriod: in.HealthCheckGracePeriod, HealthCheckType: in.HealthCheckType,
		InstanceLifecyclePolicy: in.InstanceLifecyclePolicy, InstanceMaintenancePolicy: in.InstanceMaintenancePolicy, LaunchConfigurationName: in.LaunchConfigurationName,
		LaunchTemplate: in.LaunchTemplate, MaxInstanceLifetime: in.MaxInstanceLifetime, MaxSize: in.MaxSize, MinSize: in.MinSize,
		MixedInstancesPolicy: in.MixedInstancesPolicy, NewInstancesProtectedFromScaleIn: in.NewInstancesProtectedFromScaleIn, PlacementGroup: in.PlacementGroup,
		ServiceLinkedRoleARN: in.ServiceLinkedRoleARN, TerminationPolicies: in.TerminationPolicies, VPCZoneIdentifier: in.VPCZoneIdentifier,
	}
}

// UpdateAutoScalingGroup changes what a group is to be.
func (s *Service) UpdateAutoScalingGroup(_ context.Context, c *operation.Caller, in *api.UpdateAutoScalingGroupType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		old, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		g := *old
		if err := s.settings(tx, c.Scope(), &g, in); err != nil {
			return err
		}
		g.resized(old, s.env.Now(), "a user request update of AutoScalingGroup constraints")
		Groups.Put(tx, c.Scope(), &g)
		return nil
	})
}

// settings puts what an input says over the group, after checking it.
func (s *Service) settings(tx *state.Tx, scope state.Scope, g *Group, in *api.UpdateAutoScalingGroupType) error {
	if err := refuse(in); err != nil {
		return err
	}
	if err := g.size(in.MinSize, in.MaxSize, in.DesiredCapacity); err != nil {
		return err
	}
	if err := s.place(tx, scope, g, in.AvailabilityZones, in.VPCZoneIdentifier); err != nil {
		return err
	}
	if err := s.template(tx, scope, g, in.LaunchTemplate, in.MixedInstancesPolicy); err != nil {
		return err
	}
	if err := g.health(in); err != nil {
		return err
	}
	if in.TerminationPolicies != nil {
		if err := checkTerminationPolicies(in.TerminationPolicies); err != nil {
			return err
		}
		g.TerminationPolicies = in.TerminationPolicies
	}
	put(&g.Cooldown, in.DefaultCooldown)
	put(&g.Protect, in.NewInstancesProtectedFromScaleIn)
	put(&g.Context, in.Context)
	put(&g.CapacityType, in.DesiredCapacityType)
	put(&g.ServiceLinkedRole, in.ServiceLinkedRoleARN)
	if in.DeletionProtection != "" {
		g.DeletionProtection = in.DeletionProtection
	}
	if in.AvailabilityZoneDistribution != nil {
		g.Distribution = in.AvailabilityZoneDistribution
	}
	if w := in.DefaultInstanceWarmup; w != nil {
		if g.Warmup = w; *w < 0 {
			g.Warmup = nil // -1 takes it back
		}
	}
	return g.lifetimes(in)
}

func put[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// health takes over what an instance's health is judged by.
func (g *Group) health(in *api.UpdateAutoScalingGroupType) error {
	if in.HealthCheckType != nil {
		for _, t := range split(*in.HealthCheckType) {
			if t != "EC2" && t != "ELB" {
				return unserved("the health check type " + t)
			}
		}
		g.HealthCheck = *in.HealthCheckType
	}
	if awsapi.V(in.HealthCheckGracePeriod) < 0 {
		return invalid("HealthCheckGracePeriod must not be negative")
	}
	put(&g.Grace, in.HealthCheckGracePeriod)
	return nil
}

func (g *Group) lifetimes(in *api.UpdateAutoScalingGroupType) error {
	if l := in.MaxInstanceLifetime; l != nil {
		if *l != 0 && (*l < 86400 || *l > 31536000) {
			return invalid("MaxInstanceLifetime must be between 86400 and 31536000 seconds, or 0")
		}
		g.MaxLifetime = *l
	}
	if m := in.InstanceMaintenancePolicy; m != nil {
		least, most := awsapi.V(m.MinHealthyPercentage), awsapi.V(m.MaxHealthyPercentage)
		switch {
		case least == -1 && most == -1:
			g.Maintenance = nil
			return nil
		case m.MinHealthyPercentage == nil || m.MaxHealthyPercentage == nil:
			return invalid("You must specify both MinHealthyPercentage and MaxHealthyPercentage.")
		case most < 100 || most-least > 100:
			return invalid("The difference between MinHealthyPercentage and MaxHealthyPercentage cannot be greater than 100.")
		}
		g.Maintenance = m
	}
	return nil
}

// refuse names what the engine cannot honour.
func refuse(in *api.UpdateAutoScalingGroupType) error {
	switch {
	case in.LaunchConfigurationName != nil:
		return unserved("LaunchConfigurationName (use a launch template)")
	case len(in.AvailabilityZoneIds) > 0:
		return unserved("AvailabilityZoneIds (use AvailabilityZones)")
	case awsapi.V(in.CapacityRebalance):
		return unserved("CapacityRebalance (there are no Spot Instances)")
	case awsapi.V(in.PlacementGroup) != "":
		return unserved("PlacementGroup")
	case in.InstanceLifecyclePolicy != nil:
		return unserved("InstanceLifecyclePolicy")
	case in.DesiredCapacityType != nil && *in.DesiredCapacityType != "units":
		return unserved("the DesiredCapacityType " + *in.DesiredCapacityType)
	case in.AvailabilityZoneImpairmentPolicy != nil && awsapi.V(in.AvailabilityZoneImpairmentPolicy.ZonalShiftEnabled):
		return unserved("zonal shift")
	}
	if r := in.CapacityReservationSpecification; r != nil && (r.CapacityReservationTarget != nil || r.CapacityReservationPreference != api.CapacityReservationPreferenceDefault && r.CapacityReservationPreference != api.CapacityReservationPreferenceNone) {
		return unserved("CapacityReservationSpecification")
	}
	return nil
}

// size changes the bounds; without a new desired capacity the old one is moved
// to the nearest of them.
func (g *Group) size(least, most, desired *int) error {
	put(&g.Min, least)
	put(&g.Max, most)
	switch {
	case g.Min < 0 || g.Max < 0:
		return invalid("MinSize and MaxSize must not be negative")
	case g.Max < g.Min:
		return invalid("Max bound, %d, must be greater than or equal to min bound, %d", g.Max, g.Min)
	}
	if desired == nil {
		g.Desired = min(max(g.Desired, g.Min), g.Max)
		return nil
	}
	if *desired < g.Min || *desired > g.Max {
		return invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", *desired, g.Min, g.Max)
	}
	g.Desired = *desired
	return nil
}

// place takes over subnets and zones. Zones of a group with subnets are theirs.
func (s *Service) place(tx *state.Tx, scope state.Scope, g *Group, zones []string, vpcZones *string) error {
	if vpcZones != nil && *vpcZones != "" {
		return s.placeSubnets(tx, scope, g, zones, split(*vpcZones))
	}
	if len(zones) == 0 {
		return nil
	}
	for _, z := range zones {
		subnet, known := s.machines.ZoneSubnet(tx, scope, z)
		switch {
		case !known:
			return invalid("Invalid availability zones: [%s]", z)
		case subnet == "" && len(g.Subnets) == 0:
			return invalid("No default subnet for availability zone: '%s'", z)
		}
	}
	if len(g.Subnets) > 0 {
		return s.placeSubnets(tx, scope, g, zones, g.Subnets)
	}
	g.Zones = slices.Compact(slices.Sorted(slices.Values(zones)))
	return nil
}

func (s *Service) placeSubnets(tx *state.Tx, scope state.Scope, g *Group, zones, subnets []string) error {
	var in []string
	zoneOf := map[string]string{}
	for _, id := range subnets {
		z, ok := s.machines.Subnet(tx, scope, id)
		if !ok {
			return invalid("The subnet ID '%s' does not exist", id)
		}
		in, zoneOf[id] = append(in, z), z
	}
	in = slices.Compact(slices.Sorted(slices.Values(in)))
	if len(zones) > 0 && !slices.Equal(in, slices.Compact(slices.Sorted(slices.Values(zones)))) {
		return invalid("The availability zones of the specified subnets and the AutoScalingGroup do not match")
	}
	g.Zones, g.Subnets, g.SubnetZones = in, subnets, zoneOf
	return nil
}

// split is the parts of a list with commas.
func split(list string) []string {
	var out []string
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// templateOf is the template that an input names, on its own or in a mixed
// policy, and the type that the policy overrides it with.
func templateOf(ref *api.LaunchTemplateSpecification, mixed *api.MixedInstancesPolicy) (*api.LaunchTemplateSpecification, string) {
	if mixed == nil || mixed.LaunchTemplate == nil {
		return ref, ""
	}
	kind := ""
	if o := mixed.LaunchTemplate.Overrides; len(o) > 0 {
		kind = awsapi.V(o[0].InstanceType)
	}
	return mixed.LaunchTemplate.LaunchTemplateSpecification, kind
}

// template takes over what instances are launched from.
func (s *Service) template(tx *state.Tx, scope state.Scope, g *Group, ref *api.LaunchTemplateSpecification, mixed *api.MixedInstancesPolicy) error {
	if ref == nil && mixed == nil {
		return nil
	}
	if ref != nil && mixed != nil {
		return invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	if err := refuseMixed(mixed); err != nil {
		return err
	}
	spec, kind := templateOf(ref, mixed)
	if spec == nil && g.Mixed != nil {
		spec = g.Mixed.LaunchTemplate.LaunchTemplateSpecification
	}
	if spec == nil || (spec.LaunchTemplateId == nil) == (spec.LaunchTemplateName == nil) {
		return invalid("Valid requests must contain either launchTemplateId or LaunchTemplateName")
	}
	t, err := s.machines.Template(tx, scope, awsapi.V(spec.LaunchTemplateId), awsapi.V(spec.LaunchTemplateName), awsapi.V(spec.Version))
	if err != nil {
		return invalid("You must use a valid fully-formed launch template. %s", sentence(err))
	}
	if t.Image == "" {
		return invalid("You must use a valid fully-formed launch template. The request must contain the parameter ImageId")
	}
	if t.Type == "" && kind == "" {
		return invalid("You must use a valid fully-formed launch template. The request must contain the parameter InstanceType")
	}
	g.Template = TemplateRef{t.ID, t.Name, awsapi.V(spec.Version)}
	if g.Template.Version == "" {
		g.Template.Version = "$Default"
	}
	g.Mixed, g.Type = withDefaults(mixed, g.Template), kind
	return nil
}

// sentence is an error's message without its code.
func sentence(err error) string {
	if e, ok := err.(*awsapi.Error); ok {
		return e.Message
	}
	return err.Error()
}

// refuseMixed: a group here has one type of instance, on demand.
func refuseMixed(p *api.MixedInstancesPolicy) error {
	if p == nil {
		return nil
	}
	if d := p.InstancesDistribution; d != nil && d.OnDemandPercentageAboveBaseCapacity != nil && *d.OnDemandPercentageAboveBaseCapacity < 100 {
		return unserved("OnDemandPercentageAboveBaseCapacity below 100 (there are no Spot Instances)")
	}
	if p.LaunchTemplate == nil {
		return nil
	}
	if len(p.LaunchTemplate.Overrides) > 1 {
		return unserved("a mixed instances policy with more than one override")
	}
	for _, o := range p.LaunchTemplate.Overrides {
		switch {
		case o.InstanceRequirements != nil:
			return unserved("InstanceRequirements")
		case o.LaunchTemplateSpecification != nil:
			return unserved("LaunchTemplateSpecification in an override")
		case o.ImageId != nil:
			return unserved("ImageId in an override")
		case o.WeightedCapacity != nil && *o.WeightedCapacity != "1":
			return unserved("WeightedCapacity")
		}
	}
	return nil
}

// withDefaults is a mixed policy as Auto Scaling tells it back.
func withDefaults(p *api.MixedInstancesPolicy, t TemplateRef) *api.MixedInstancesPolicy {
	if p == nil {
		return nil
	}
	d := api.InstancesDistribution{}
	if p.InstancesDistribution != nil {
		d = *p.InstancesDistribution
	}
	def(&d.OnDemandAllocationStrategy, "prioritized")
	def(&d.OnDemandBaseCapacity, 0)
	def(&d.OnDemandPercentageAboveBaseCapacity, 100)
	def(&d.SpotAllocationStrategy, "lowest-price")
	if *d.SpotAllocationStrategy == "lowest-price" {
		def(&d.SpotInstancePools, 2)
	}
	lt := &api.LaunchTemplate{LaunchTemplateSpecification: t.spec()}
	if p.LaunchTemplate != nil {
		lt.Overrides = p.LaunchTemplate.Overrides
	}
	return &api.MixedInstancesPolicy{InstancesDistribution: &d, LaunchTemplate: lt}
}

func def[T any](p **T, value T) {
	if *p == nil {
		*p = &value
	}
}

func (t TemplateRef) spec() *api.LaunchTemplateSpecification {
	s := &api.LaunchTemplateSpecification{LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name}
	if t.Version != "" {
		s.Version = &t.Version
	}
	return s
}

var terminationPolicies = []string{"AllocationStrategy", "ClosestToNextInstanceHour", "Default", "NewestInstance", "OldestInstance", "OldestLaunchConfiguration", "OldestLaunchTemplate"}

func checkTerminationPolicies(names []string) error {
	for _, n := range names {
		if strings.HasPrefix(n, "arn:") {
			return unserved("a Lambda function as termination policy")
		}
		if !slices.Contains(terminationPolicies, n) {
			return invalid("Invalid termination policy: %s", n)
		}
	}
	return nil
}

// DeleteAutoScalingGroup removes a group: one without instances at once, with
// ForceDelete also one with instances, which the controller terminates.
func (s *Service) DeleteAutoScalingGroup(_ context.Context, c *operation.Caller, in *api.DeleteAutoScalingGroupType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil || g.Deleting {
			return err
		}
		force := awsapi.V(in.ForceDelete)
		switch g.DeletionProtection {
		case api.DeletionProtectionPreventAllDeletion:
			return invalid("The AutoScalingGroup '%s' cannot be deleted: its DeletionProtection is prevent-all-deletion", g.Name)
		case api.DeletionProtectionPreventForceDeletion:
			if force {
				return invalid("The AutoScalingGroup '%s' cannot be force deleted: its DeletionProtection is prevent-force-deletion", g.Name)
			}
		}
		instances := InstancesOf(tx, c.Scope(), g.Name)
		staying := slices.ContainsFunc(instances, func(i *Instance) bool { return i.Ending == nil })
		switch {
		case len(instances) == 0:
			remove(tx, c.Scope(), g.Name)
			return nil
		case !force && staying:
			return api.ResourceInUseFault("You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
		case !force:
			return api.ScalingActivityInProgressFault("You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.")
		}
		cause := at(s.env.Now(), "a user request force deleted AutoScalingGroup changing the desired capacity from %d to 0.", g.Desired)
		Groups.Change(tx, c.Scope(), g.Name, func(g *Group) { g.Deleting, g.Min, g.Desired, g.Cause = true, 0, 0, cause })
		return nil
	})
}

// remove takes a group and all that belongs to it away, but for its activities.
func remove(tx *state.Tx, scope state.Scope, name string) {
	for h := range hooks.Prefix(tx, scope, name+sep) {
		hooks.Delete(tx, scope, hooks.Key(h))
	}
	for p := range policies.Prefix(tx, scope, name+sep) {
		policies.Delete(tx, scope, policies.Key(p))
	}
	for a := range scheduled.Prefix(tx, scope, name+sep) {
		scheduled.Delete(tx, scope, scheduled.Key(a))
	}
	for r := range refreshesOf.Get(tx, scope, name) {
		refreshes.Delete(tx, scope, r.ID)
	}
	Groups.Delete(tx, scope, name)
}
