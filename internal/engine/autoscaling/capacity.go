package autoscaling

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// SetDesiredCapacity sets a group's desired capacity within its bounds.
func (s *Service) SetDesiredCapacity(_ context.Context, c *operation.Caller, in *api.SetDesiredCapacityType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		n, now := *in.DesiredCapacity, s.env.Now()
		switch {
		case n > g.Max:
			return invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", n, g.Max)
		case n < g.Min:
			return invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", n, g.Min)
		case awsapi.V(in.HonorCooldown) && g.cooling(now):
			return api.ScalingActivityInProgressFault("Scaling activity %s is in progress and blocks this action", g.Name)
		}
		setDesired(tx, c.Scope(), g, n, now, "a user request explicitly set group desired capacity")
		return nil
	})
}

// cooling tells whether the group's cooldown since the last activity runs.
func (g *Group) cooling(now time.Time) bool {
	return now.Before(g.Changed.Add(time.Duration(g.Cooldown) * time.Second))
}

// setDesired sets the desired capacity, which must be in bounds.
func setDesired(tx *state.Tx, scope state.Scope, g *Group, n int, now time.Time, why string) {
	if n == g.Desired {
		return
	}
	cause := at(now, "%s changing the desired capacity from %d to %d.", why, g.Desired, n)
	Groups.Change(tx, scope, g.Name, func(g *Group) {
		g.Desired, g.Cause, g.Changed, g.Failures, g.Failed = n, cause, now, 0, time.Time{}
	})
}

// TerminateInstanceInAutoScalingGroup ends one instance, with a new one in its
// place unless the capacity shall shrink by it.
func (s *Service) TerminateInstanceInAutoScalingGroup(_ context.Context, c *operation.Caller, in *api.TerminateInstanceInAutoScalingGroupType) (*api.ActivityType, error) {
	var out api.Activity
	return &api.ActivityType{Activity: &out}, s.env.Store.Update(func(tx *state.Tx) error {
		i, g, err := s.managed(tx, c.Scope(), in.InstanceId)
		if err != nil {
			return err
		}
		if i.Ending != nil {
			if a, ok := activities.Get(tx, c.Scope(), i.Activity); ok {
				out = a.Spec
			}
			return nil
		}
		now := s.env.Now()
		if awsapi.V(in.ShouldDecrementDesiredCapacity) && i.counts() {
			if g.Desired <= g.Min {
				return invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", g.Min)
			}
			setDesired(tx, c.Scope(), g, g.Desired-1, now, "a user request")
		}
		id := s.end(tx, c.Scope(), g, i, at(now, "instance %s was taken out of service in response to a user request.", i.ID), now)
		a, _ := activities.Get(tx, c.Scope(), id)
		out = a.Spec
		return nil
	})
}

// managed is an instance that is in some group, and the group.
func (s *Service) managed(tx *state.Tx, scope state.Scope, id *string) (*Instance, *Group, error) {
	i, ok := Instances.Get(tx, scope, awsapi.V(id))
	if !ok {
		return nil, nil, invalid("Instance Id not found - No managed instance found for instance ID: %s", awsapi.V(id))
	}
	g, ok := Groups.Get(tx, scope, i.Group)
	if !ok {
		return nil, nil, invalid("Instance Id not found - No managed instance found for instance ID: %s", i.ID)
	}
	return i, g, nil
}

// end has an instance terminated: it records the activity, takes the instance
// from its target groups and has it wait for the group's termination hooks. It
// returns the activity's id.
func (s *Service) end(tx *state.Tx, scope state.Scope, g *Group, i *Instance, cause string, now time.Time) string {
	if i.pending() && i.Activity != "" {
		mark(tx, scope, i.Activity, api.ScalingActivityStatusCodeCancelled, now, "")
	}
	id := begin(tx, scope, g, now, api.Activity{Description: new("Terminating EC2 instance: " + i.ID), Cause: &cause}, i.Subnet, i.Zone)
	s.deregister(tx, scope, i.RegisteredWith, i.ID, now)
	Instances.Change(tx, scope, i.ID, func(n *Instance) {
		n.Ending, n.Activity, n.RegisteredWith = &Ending{Cause: cause, At: now, Force: g.Deleting}, id, nil
		n.State, n.Actions = api.LifecycleStateTerminating, nil
	})
	return id
}

// SetInstanceHealth tells that an instance is healthy or not; the controller
// replaces one that is not.
func (s *Service) SetInstanceHealth(_ context.Context, c *operation.Caller, in *api.SetInstanceHealthQuery) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, g, err := s.managed(tx, c.Scope(), in.InstanceId)
		if err != nil {
			return err
		}
		status := *in.HealthStatus
		if status != "Healthy" && status != "Unhealthy" {
			return invalid("Invalid health status: %s. Valid values are Healthy and Unhealthy", status)
		}
		grace := in.ShouldRespectGracePeriod == nil || *in.ShouldRespectGracePeriod
		if grace && status == "Unhealthy" && i.inGrace(g, s.env.Now()) {
			return nil
		}
		Instances.Change(tx, c.Scope(), i.ID, func(i *Instance) { i.Unhealthy = status == "Unhealthy" })
		return nil
	})
}

// inGrace tells whether an instance's health does not count yet.
func (i *Instance) inGrace(g *Group, now time.Time) bool {
	return i.InService.IsZero() || now.Before(i.InService.Add(time.Duration(g.Grace)*time.Second))
}

// SetInstanceProtection protects instances from scale-in, or no longer.
func (s *Service) SetInstanceProtection(_ context.Context, c *operation.Caller, in *api.SetInstanceProtectionQuery) (*api.SetInstanceProtectionAnswer, error) {
	return &api.SetInstanceProtectionAnswer{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		return SetProtection(tx, c.Scope(), g.Name, in.InstanceIds, *in.ProtectedFromScaleIn)
	})
}

// chosen are the instances of a group that an operation names; all of them must
// be in a state that it can work on.
func chosen(tx *state.Tx, scope state.Scope, g *Group, names []string, ok func(*Instance) bool, states string) ([]*Instance, error) {
	var out []*Instance
	for _, id := range names {
		i, err := instanceIn(tx, scope, g.Name, id)
		if err != nil {
			return nil, err
		}
		if !ok(i) {
			return nil, invalid("The instance %s is not in %s.", id, states)
		}
		out = append(out, i)
	}
	return out, nil
}

func inService(i *Instance) bool { return i.State == api.LifecycleStateInService && i.Ending == nil }
func standby(i *Instance) bool   { return i.State == api.LifecycleStateStandby && i.Ending == nil }

// shrink takes n from the desired capacity when the user asks for it.
func shrink(tx *state.Tx, scope state.Scope, g *Group, n int, asked *bool, now time.Time) error {
	if !awsapi.V(asked) {
		return nil
	}
	if g.Desired-n < g.Min {
		return invalid("AutoScalingGroup %s has min=%d, max=%d, and desired=%d. The %d instances cannot be taken out of it while the desired capacity shrinks below min.", g.Name, g.Min, g.Max, g.Desired, n)
	}
	setDesired(tx, scope, g, g.Desired-n, now, "a user request")
	return nil
}

// DetachInstances takes instances out of a group and lets them run.
func (s *Service) DetachInstances(_ context.Context, c *operation.Caller, in *api.DetachInstancesQuery) (*api.DetachInstancesAnswer, error) {
	out := &api.DetachInstancesAnswer{Activities: []api.Activity{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		list, err := chosen(tx, c.Scope(), g, in.InstanceIds, func(i *Instance) bool { return inService(i) || standby(i) }, "InService or Standby")
		if err != nil {
			return err
		}
		now := s.env.Now()
		if err := shrink(tx, c.Scope(), g, len(list), in.ShouldDecrementDesiredCapacity, now); err != nil {
			return err
		}
		for _, i := range list {
			out.Activities = append(out.Activities, done(tx, c.Scope(), g, i, now, "Detaching EC2 instance: "+i.ID, "instance "+i.ID+" was detached in response to a user request."))
			s.deregister(tx, c.Scope(), i.RegisteredWith, i.ID, now)
			Instances.Delete(tx, c.Scope(), i.ID)
		}
		return nil
	})
}

// done records an activity that is over at once.
func done(tx *state.Tx, scope state.Scope, g *Group, i *Instance, now time.Time, description, cause string) api.Activity {
	id := begin(tx, scope, g, now, api.Activity{Description: &description, Cause: new(at(now, "%s", cause)), StatusCode: api.ScalingActivityStatusCodeSuccessful, Progress: new(100), EndTime: &now}, i.Subnet, i.Zone)
	a, _ := activities.Get(tx, scope, id)
	return a.Spec
}

// EnterStandby takes instances out of service without ending them.
func (s *Service) EnterStandby(_ context.Context, c *operation.Caller, in *api.EnterStandbyQuery) (*api.EnterStandbyAnswer, error) {
	out := &api.EnterStandbyAnswer{Activities: []api.Activity{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		list, err := chosen(tx, c.Scope(), g, in.InstanceIds, inService, "InService")
		if err != nil {
			return err
		}
		now := s.env.Now()
		if err := shrink(tx, c.Scope(), g, len(list), in.ShouldDecrementDesiredCapacity, now); err != nil {
			return err
		}
		for _, i := range list {
			out.Activities = append(out.Activities, done(tx, c.Scope(), g, i, now, "Moving EC2 instance to Standby: "+i.ID, "instance "+i.ID+" was moved to standby in response to a user request."))
			s.deregister(tx, c.Scope(), i.RegisteredWith, i.ID, now)
			Instances.Change(tx, c.Scope(), i.ID, func(i *Instance) { i.State, i.RegisteredWith = api.LifecycleStateStandby, nil })
		}
		return nil
	})
}

// ExitStandby brings instances back into service; the desired capacity grows by
// them.
func (s *Service) ExitStandby(_ context.Context, c *operation.Caller, in *api.ExitStandbyQuery) (*api.ExitStandbyAnswer, error) {
	out := &api.ExitStandbyAnswer{Activities: []api.Activity{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		list, err := chosen(tx, c.Scope(), g, in.InstanceIds, standby, "Standby")
		if err != nil {
			return err
		}
		if g.Desired+len(list) > g.Max {
			return invalid("AutoScalingGroup %s has min=%d, max=%d, and desired=%d. To place into service %d instance(s), the AutoScalingGroup's max size must grow.", g.Name, g.Min, g.Max, g.Desired, len(list))
		}
		now := s.env.Now()
		setDesired(tx, c.Scope(), g, g.Desired+len(list), now, "a user request")
		for _, i := range list {
			out.Activities = append(out.Activities, done(tx, c.Scope(), g, i, now, "Moving EC2 instance out of Standby: "+i.ID, "instance "+i.ID+" was moved out of standby in response to a user request."))
			Instances.Change(tx, c.Scope(), i.ID, func(i *Instance) { i.State, i.InService = api.LifecycleStateInService, now })
		}
		return nil
	})
}
