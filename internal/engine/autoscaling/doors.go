package autoscaling

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// FindByARN is the group with an ARN, for a capacity provider. A name alone
// finds a group too, as ECS takes either.
func FindByARN(tx *state.Tx, scope state.Scope, name string) (*Group, bool) {
	if _, ok := arn.Parse(name); ok {
		return groupsByARN.One(tx, scope, name)
	}
	return Groups.Get(tx, scope, name)
}

// SetDesired sets a group's desired capacity, moved into its bounds, and returns
// what it became. Why stands in the activities' cause.
func SetDesired(tx *state.Tx, scope state.Scope, group string, n int, now time.Time, why string) (int, bool) {
	g, ok := Groups.Get(tx, scope, group)
	if !ok || g.Deleting {
		return 0, false
	}
	n = min(max(n, g.Min), g.Max)
	setDesired(tx, scope, g, n, now, why)
	return n, true
}

// SetProtection protects instances of a group from scale-in, or no longer.
func SetProtection(tx *state.Tx, scope state.Scope, group string, instances []string, protect bool) error {
	g, ok := Groups.Get(tx, scope, group)
	if !ok {
		_, err := find(tx, scope, &group)
		return err
	}
	if len(instances) > 50 {
		return invalid("The number of instance ids that may be passed in is limited to 50")
	}
	list, err := chosen(tx, scope, g, instances, func(i *Instance) bool { return inService(i) || standby(i) }, "InService or EnteringStandby or Standby")
	if err != nil {
		return err
	}
	for _, i := range list {
		Instances.Change(tx, scope, i.ID, func(i *Instance) { i.Protected = protect })
	}
	return nil
}

// PutTag tags a group, as ECS does with AmazonECSManaged.
func PutTag(tx *state.Tx, scope state.Scope, group string, t Tag) bool {
	return Groups.Change(tx, scope, group, func(g *Group) { g.Tags = g.withTag(t) })
}

// SetHook gives a group a lifecycle hook, as ECS does with
// ecs-managed-draining-termination-hook; false when it may not have one more.
func SetHook(tx *state.Tx, scope state.Scope, h Hook) bool { return putHook(tx, scope, h) == nil }

// DeleteHook takes a hook from a group; instances that wait for it go on.
func DeleteHook(tx *state.Tx, scope state.Scope, group, name string) bool {
	return deleteHook(tx, scope, group, name)
}

// CompleteHook ends the wait of an instance for a hook; false when it does not
// wait for it.
func CompleteHook(tx *state.Tx, scope state.Scope, instance, hook, result string) bool {
	i, ok := Instances.Get(tx, scope, instance)
	if !ok {
		return false
	}
	at := slices.IndexFunc(i.Actions, func(a Action) bool { return a.Hook == hook && a.Result == "" })
	if at < 0 {
		return false
	}
	complete(tx, scope, i, at, result)
	return true
}

// Waits tells whether an instance waits for a hook, and until when if nobody has
// the wait start anew.
func (i *Instance) Waits(hook string) (waits bool, until time.Time) {
	for _, a := range i.Actions {
		if a.Hook == hook && a.Result == "" {
			return true, a.Until
		}
	}
	return false, time.Time{}
}

// Heartbeat has an instance's wait for a hook start anew.
func Heartbeat(tx *state.Tx, scope state.Scope, instance, hook string, now time.Time) {
	i, ok := Instances.Get(tx, scope, instance)
	if !ok {
		return
	}
	h, ok := hooks.Get(tx, scope, i.Group+sep+hook)
	at := slices.IndexFunc(i.Actions, func(a Action) bool { return a.Hook == hook && a.Result == "" })
	if !ok || at < 0 {
		return
	}
	actions := slices.Clone(i.Actions)
	actions[at].Until = now.Add(time.Duration(h.Heartbeat) * time.Second)
	Instances.Change(tx, scope, i.ID, func(i *Instance) { i.Actions = actions })
}

// Template is the template that a group launches from now.
func (s *Service) Template(tx *state.Tx, scope state.Scope, group string) (Template, error) {
	g, err := find(tx, scope, &group)
	if err != nil {
		return Template{}, err
	}
	return s.machines.Template(tx, scope, g.Template.ID, "", g.Template.Version)
}
