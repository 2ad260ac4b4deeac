package autoscaling

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The account's quotas, as AWS has them from the start.
const (
	maxGroups         = 500
	maxConfigurations = 200
)

// page cuts a page; what and most are the default and the largest size.
func page[T any](seq iter.Seq[T], token *string, size *int, usual, most int, key func(T) string) ([]T, *string, error) {
	n := usual
	if size != nil {
		if n = *size; n < 1 || n > most {
			return nil, nil, invalid("1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy constraint: Member must have value less than or equal to %d", n, most)
		}
	}
	rows, next, err := paging.Page(seq, token, n, key)
	if err != nil {
		return nil, nil, api.InvalidNextToken("The token '%s' is invalid.", awsapi.V(token))
	}
	return rows, next, nil
}

// DescribeAutoScalingGroups tells groups, all or those named. Unknown names are
// passed over.
func (s *Service) DescribeAutoScalingGroups(_ context.Context, c *operation.Caller, in *api.AutoScalingGroupNamesType) (*api.AutoScalingGroupsType, error) {
	tx := s.env.View(c)
	match, err := groupFilter(in.Filters)
	if err != nil {
		return nil, err
	}
	seq := func(yield func(*Group) bool) {
		for g := range Groups.All(tx, c.Scope()) {
			if named(in.AutoScalingGroupNames, g.Name) && match(g) && !yield(g) {
				return
			}
		}
	}
	groups, next, err := page(seq, in.NextToken, in.MaxRecords, 50, 100, func(g *Group) string { return g.Name })
	if err != nil {
		return nil, err
	}
	out := &api.AutoScalingGroupsType{AutoScalingGroups: []api.AutoScalingGroup{}, NextToken: next}
	for _, g := range groups {
		d := g.describe()
		if in.IncludeInstances == nil || *in.IncludeInstances {
			d.Instances = []api.Instance{}
			for _, i := range InstancesOf(tx, c.Scope(), g.Name) {
				d.Instances = append(d.Instances, i.describe())
			}
		}
		out.AutoScalingGroups = append(out.AutoScalingGroups, d)
	}
	return out, nil
}

// named tells whether a list of names, if there is one, has the name.
func named(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }

// groupFilter: "tag-key", "tag-value" and "tag:key" find groups by their tags;
// several filters must all match.
func groupFilter(filters []api.Filter) (func(*Group) bool, error) {
	for _, f := range filters {
		switch n := awsapi.V(f.Name); {
		case n == "tag-key", n == "tag-value", strings.HasPrefix(n, "tag:"):
		default:
			return nil, invalid("Filter type %s is not correct. Allowed Filter types are: tag-key tag-value tag:<key>", n)
		}
	}
	return func(g *Group) bool {
		return !slices.ContainsFunc(filters, func(f api.Filter) bool {
			return !slices.ContainsFunc(g.Tags, func(t Tag) bool { return tagMatches(f, t) })
		})
	}, nil
}

// describe is the group without its instances.
func (g *Group) describe() api.AutoScalingGroup {
	d := api.AutoScalingGroup{
		AutoScalingGroupName: &g.Name, AutoScalingGroupARN: &g.ARN, CreatedTime: &g.Created, MinSize: &g.Min, MaxSize: &g.Max, DesiredCapacity: &g.Desired,
		DefaultCooldown: &g.Cooldown, DefaultInstanceWarmup: g.Warmup, AvailabilityZones: g.Zones, VPCZoneIdentifier: known(g.VPCZones()),
		HealthCheckType: &g.HealthCheck, HealthCheckGracePeriod: &g.Grace, NewInstancesProtectedFromScaleIn: &g.Protect,
		TerminationPolicies: g.TerminationPolicies, ServiceLinkedRoleARN: &g.ServiceLinkedRole, DeletionProtection: g.DeletionProtection,
		InstanceMaintenancePolicy: g.Maintenance, AvailabilityZoneDistribution: g.Distribution, CapacityRebalance: new(false),
		LoadBalancerNames: []string{}, TargetGroupARNs: g.Sources, Instances: []api.Instance{},
		SuspendedProcesses: []api.SuspendedProcess{}, EnabledMetrics: []api.EnabledMetric{}, TrafficSources: []api.TrafficSourceIdentifier{}, Tags: []api.TagDescription{},
		MixedInstancesPolicy: g.Mixed,
	}
	if g.Mixed == nil {
		d.LaunchTemplate = g.Template.spec()
	}
	if g.MaxLifetime > 0 {
		d.MaxInstanceLifetime = &g.MaxLifetime
	}
	if g.Context != "" {
		d.Context = &g.Context
	}
	if g.CapacityType != "" {
		d.DesiredCapacityType = &g.CapacityType
	}
	if g.Deleting {
		d.Status = new("Delete in progress")
	}
	for _, p := range processes {
		if reason, ok := g.Suspended[p]; ok {
			d.SuspendedProcesses = append(d.SuspendedProcesses, api.SuspendedProcess{ProcessName: &p, SuspensionReason: &reason})
		}
	}
	for _, m := range g.Metrics {
		d.EnabledMetrics = append(d.EnabledMetrics, api.EnabledMetric{Metric: &m, Granularity: new("1Minute")})
	}
	for _, a := range g.Sources {
		d.TrafficSources = append(d.TrafficSources, api.TrafficSourceIdentifier{Identifier: &a, Type: new("elbv2")})
	}
	for _, t := range g.Tags {
		d.Tags = append(d.Tags, t.describe(g.Name))
	}
	return d
}

// describe is an instance as its group tells it.
func (i *Instance) describe() api.Instance {
	health := "Healthy"
	if i.Unhealthy {
		health = "Unhealthy"
	}
	return api.Instance{
		InstanceId: &i.ID, AvailabilityZone: &i.Zone, InstanceType: &i.Type, ImageId: known(i.Image), LaunchTemplate: i.Template.spec(),
		LifecycleState: i.State, HealthStatus: &health, ProtectedFromScaleIn: &i.Protected,
	}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// DescribeAutoScalingInstances tells instances of all groups, or those named.
func (s *Service) DescribeAutoScalingInstances(_ context.Context, c *operation.Caller, in *api.DescribeAutoScalingInstancesType) (*api.AutoScalingInstancesType, error) {
	tx := s.env.View(c)
	seq := func(yield func(*Instance) bool) {
		for i := range Instances.All(tx, c.Scope()) {
			if named(in.InstanceIds, i.ID) && !yield(i) {
				return
			}
		}
	}
	if len(in.InstanceIds) > 50 {
		return nil, invalid("The number of instance ids that may be passed in is limited to 50")
	}
	instances, next, err := page(seq, in.NextToken, in.MaxRecords, 50, 50, func(i *Instance) string { return i.ID })
	if err != nil {
		return nil, err
	}
	out := &api.AutoScalingInstancesType{AutoScalingInstances: []api.AutoScalingInstanceDetails{}, NextToken: next}
	for _, i := range instances {
		d := i.describe()
		out.AutoScalingInstances = append(out.AutoScalingInstances, api.AutoScalingInstanceDetails{
			AutoScalingGroupName: &i.Group, AvailabilityZone: d.AvailabilityZone, HealthStatus: new(strings.ToUpper(*d.HealthStatus)), ImageId: d.ImageId,
			InstanceId: d.InstanceId, InstanceType: d.InstanceType, LaunchTemplate: d.LaunchTemplate, LifecycleState: new(string(i.State)), ProtectedFromScaleIn: d.ProtectedFromScaleIn,
		})
	}
	return out, nil
}

// DescribeAccountLimits tells the quotas and what is used of them.
func (s *Service) DescribeAccountLimits(_ context.Context, c *operation.Caller, _ *empty) (*api.DescribeAccountLimitsAnswer, error) {
	n := Groups.Len(s.env.View(c), c.Scope())
	return &api.DescribeAccountLimitsAnswer{
		MaxNumberOfAutoScalingGroups: new(maxGroups), NumberOfAutoScalingGroups: &n,
		MaxNumberOfLaunchConfigurations: new(maxConfigurations), NumberOfLaunchConfigurations: new(0),
	}, nil
}

// instanceIn is an instance that must be in a group.
func instanceIn(tx *state.Tx, scope state.Scope, group, id string) (*Instance, error) {
	i, ok := Instances.Get(tx, scope, id)
	if !ok || i.Group != group {
		return nil, invalid("The instance %s is not part of Auto Scaling group %s.", id, group)
	}
	return i, nil
}
