package autoscaling

import (
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Group is one Auto Scaling group: what was asked for, and how the controller
// fares with launching for it.
type Group struct {
	Name, ARN string
	Created   time.Time

	Min, Max, Desired int
	Cooldown          int
	// Warmup is the default instance warmup, nil when none was given.
	Warmup *int
	// Zones are the group's zones; Subnets are empty for a group that was given
	// zones, which uses their default subnets.
	Zones, Subnets []string
	// SubnetZones are the zones of the subnets.
	SubnetZones map[string]string
	Template    TemplateRef
	// Mixed is the mixed instances policy that the template came in.
	Mixed *api.MixedInstancesPolicy
	// Type is instead of the template's: a mixed policy's only override.
	Type string

	HealthCheck         string
	Grace               int
	Protect             bool
	TerminationPolicies []string
	MaxLifetime         int
	DeletionProtection  api.DeletionProtection
	Maintenance         *api.InstanceMaintenancePolicy
	Distribution        *api.AvailabilityZoneDistribution
	CapacityType        string
	Context             string
	ServiceLinkedRole   string
	// Suspended are processes with the reason.
	Suspended map[string]string
	// Metrics are those whose collection is on.
	Metrics []string
	// Sources are the ARNs of target groups.
	Sources []string
	Tags    []Tag
	// Cause tells in AWS's words why the capacity is what it is since the last
	// change of it.
	Cause string
	// Changed is when a scaling activity last began, for cooldowns.
	Changed time.Time
	// Deleting is a group that goes when its last instance has gone.
	Deleting bool

	// Observed: how launching fares.
	Failures int
	Failed   time.Time
}

// TemplateRef names a launch template as the user did: Version may be $Latest.
type TemplateRef struct{ ID, Name, Version string }

// Tag is a tag of a group.
type Tag struct {
	Key, Value string
	// Propagate gives it to instances at launch.
	Propagate bool
}

// Instance is one instance of a group.
type Instance struct {
	ID, Group      string
	Zone, Subnet   string
	Type, Image    string
	Template       TemplateRef // with the version's number
	Launched       time.Time
	Protected      bool
	Unhealthy      bool // as somebody told by SetInstanceHealth
	Ending         *Ending
	State          api.LifecycleState
	InService      time.Time
	Actions        []Action
	Activity       string
	HookResult     string // ABANDON once a launch hook was abandoned
	RegisteredWith []string
}

// Ending tells that an instance is to be terminated, and why in AWS's words.
type Ending struct {
	Cause string
	At    time.Time
	// Force skips termination hooks.
	Force bool
}

// Action is a lifecycle action: a hook that an instance waits for.
type Action struct {
	Hook, Token string
	Transition  string
	Since       time.Time
	// Until is when the hook's default result comes, Limit when it does
	// whatever heartbeats say.
	Until, Limit time.Time
	Default      string
	// Result is empty while the instance waits.
	Result string
}

// Hook is a lifecycle hook of a group.
type Hook struct {
	Group, Name, Transition string
	// Heartbeat is in seconds.
	Heartbeat                 int
	Default                   string
	Metadata, TargetARN, Role string
}

// Policy is a scaling policy of a group.
type Policy struct {
	Group string
	Spec  api.ScalingPolicy
}

// Scheduled is a scheduled action of a group.
type Scheduled struct {
	Group string
	Spec  api.ScheduledUpdateGroupAction
	// Ran is the last time that it was due and done.
	Ran time.Time
	// Made is when it was put; nothing before is due.
	Made time.Time
}

// Activity is a scaling activity.
type Activity struct {
	Group string
	Spec  api.Activity
}

// Refresh is an instance refresh.
type Refresh struct {
	ID, Group string
	Start     time.Time
	// Old are the instances that it is to replace.
	Old         []string
	Preferences api.RefreshPreferences
	Desired     *api.DesiredConfiguration
	Strategy    api.RefreshStrategy
	// Cancel is set when somebody cancelled it.
	Cancel bool

	// Observed.
	Status   api.InstanceRefreshStatus
	Reason   string
	Replaced int
	End      time.Time
}

// sep parts the halves of a key; a name cannot contain it.
const sep = "\x1f"

// The tables.
var (
	Groups     = state.NewTable("autoscaling.group", func(g *Group) string { return g.Name })
	Instances  = state.NewTable("autoscaling.instance", func(i *Instance) string { return i.ID })
	hooks      = state.NewTable("autoscaling.hook", func(h *Hook) string { return h.Group + sep + h.Name })
	policies   = state.NewTable("autoscaling.policy", func(p *Policy) string { return p.Group + sep + *p.Spec.PolicyName })
	scheduled  = state.NewTable("autoscaling.scheduled", func(a *Scheduled) string { return a.Group + sep + *a.Spec.ScheduledActionName })
	activities = state.NewTable("autoscaling.activity", func(a *Activity) string { return *a.Spec.ActivityId })
	refreshes  = state.NewTable("autoscaling.refresh", func(r *Refresh) string { return r.ID })

	members      = state.NewIndex(Instances, func(i *Instance) []string { return []string{i.Group} })
	groupsByARN  = state.NewIndex(Groups, func(g *Group) []string { return []string{g.ARN} })
	activitiesOf = state.NewIndex(activities, func(a *Activity) []string { return []string{a.Group} })
	refreshesOf  = state.NewIndex(refreshes, func(r *Refresh) []string { return []string{r.Group} })

	// Tables are all of the service's.
	Tables = []state.AnyTable{Groups, Instances, hooks, policies, scheduled, activities, refreshes}
)

// InstancesOf are a group's instances in the order of their ids.
func InstancesOf(tx *state.Tx, scope state.Scope, group string) []*Instance {
	return slices.Collect(members.Get(tx, scope, group))
}

func hooksOf(tx *state.Tx, scope state.Scope, group string) []*Hook {
	return slices.Collect(hooks.Prefix(tx, scope, group+sep))
}

func activeRefresh(tx *state.Tx, scope state.Scope, group string) *Refresh {
	for r := range refreshesOf.Get(tx, scope, group) {
		if r.active() {
			return r
		}
	}
	return nil
}

func (r *Refresh) active() bool {
	switch r.Status {
	case api.InstanceRefreshStatusPending, api.InstanceRefreshStatusInProgress, api.InstanceRefreshStatusCancelling:
		return true
	}
	return false
}

// VPCZones is the group's VPCZoneIdentifier.
func (g *Group) VPCZones() string { return strings.Join(g.Subnets, ",") }

// suspended tells whether a process of the group is suspended.
func (g *Group) suspended(process string) bool { _, ok := g.Suspended[process]; return ok }

func (g *Group) tag(key string) (Tag, bool) {
	i := slices.IndexFunc(g.Tags, func(t Tag) bool { return t.Key == key })
	if i < 0 {
		return Tag{}, false
	}
	return g.Tags[i], true
}

// withTag is the group's tags with one put, sorted by key.
func (g *Group) withTag(t Tag) []Tag {
	tags := g.withoutTag(t.Key)
	i, _ := slices.BinarySearchFunc(tags, t.Key, func(o Tag, k string) int { return strings.Compare(o.Key, k) })
	return slices.Insert(tags, i, t)
}

func (g *Group) withoutTag(key string) []Tag {
	return slices.DeleteFunc(slices.Clone(g.Tags), func(t Tag) bool { return t.Key == key })
}

// launchTags are the tags of an instance that is launched for the group.
func (g *Group) launchTags() map[string]string {
	m := map[string]string{"aws:autoscaling:groupName": g.Name}
	for _, t := range g.Tags {
		if t.Propagate {
			m[t.Key] = t.Value
		}
	}
	return m
}

func (g *Group) withSuspended(processes map[string]string) map[string]string {
	m := maps.Clone(g.Suspended)
	if m == nil {
		m = map[string]string{}
	}
	maps.Copy(m, processes)
	return m
}

// going tells whether an instance leaves the group.
func (i *Instance) going() bool { return strings.HasPrefix(string(i.State), "Terminating") }

// pending tells whether an instance is not in service yet.
func (i *Instance) pending() bool { return strings.HasPrefix(string(i.State), "Pending") }

// counts tells whether an instance is part of the group's actual capacity.
func (i *Instance) counts() bool {
	return i.Ending == nil && !i.going() && i.State != api.LifecycleStateStandby
}
