package autoscaling

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The transitions that a hook may wait at, and the two results.
const (
	launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	terminating = "autoscaling:EC2_INSTANCE_TERMINATING"
	goOn        = "CONTINUE"
	abandon     = "ABANDON"
)

// maxHooks is the quota of hooks for one group.
const maxHooks = 50

// hookOf is a hook that comes with a new group.
func hookOf(group string, h api.LifecycleHookSpecification) Hook {
	return Hook{
		Group: group, Name: awsapi.V(h.LifecycleHookName), Transition: awsapi.V(h.LifecycleTransition), Heartbeat: awsapi.V(h.HeartbeatTimeout),
		Default: awsapi.V(h.DefaultResult), Metadata: awsapi.V(h.NotificationMetadata), TargetARN: awsapi.V(h.NotificationTargetARN), Role: awsapi.V(h.RoleARN),
	}
}

// putHook checks a hook and keeps it. A hook with a notification target is
// refused: there is neither SNS nor SQS here to tell.
func putHook(tx *state.Tx, scope state.Scope, h Hook) error {
	switch {
	case h.TargetARN != "":
		return unserved("NotificationTargetARN (there is no SNS and no SQS)")
	case h.Transition != launching && h.Transition != terminating:
		return invalid("Lifecycle Transition %s is not valid. Valid values are %s and %s", h.Transition, launching, terminating)
	}
	if h.Heartbeat == 0 {
		h.Heartbeat = 3600
	}
	if h.Heartbeat < 30 || h.Heartbeat > 7200 {
		return invalid("Heartbeat timeout must be between 30 and 7200 seconds")
	}
	if h.Default == "" {
		h.Default = abandon
	}
	if h.Default != goOn && h.Default != abandon {
		return invalid("Default Result %s is not valid. Valid values are %s and %s", h.Default, goOn, abandon)
	}
	if !hooks.Has(tx, scope, hooks.Key(&h)) && len(hooksOf(tx, scope, h.Group)) >= maxHooks {
		return api.LimitExceededFault("An AutoScalingGroup has at most %d lifecycle hooks", maxHooks)
	}
	hooks.Put(tx, scope, &h)
	return nil
}

// PutLifecycleHook adds a hook to a group or changes one: what is left out of a
// change stays.
func (s *Service) PutLifecycleHook(_ context.Context, c *operation.Caller, in *api.PutLifecycleHookType) (*api.PutLifecycleHookAnswer, error) {
	return &api.PutLifecycleHookAnswer{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		h := Hook{Group: g.Name, Name: *in.LifecycleHookName}
		if old, ok := hooks.Get(tx, c.Scope(), hooks.Key(&h)); ok {
			h = *old
		}
		put(&h.Transition, in.LifecycleTransition)
		put(&h.Heartbeat, in.HeartbeatTimeout)
		put(&h.Default, in.DefaultResult)
		put(&h.Metadata, in.NotificationMetadata)
		put(&h.TargetARN, in.NotificationTargetARN)
		put(&h.Role, in.RoleARN)
		return putHook(tx, c.Scope(), h)
	})
}

// DeleteLifecycleHook removes a hook; instances that wait for it go on, as if it
// had been abandoned when they are being launched.
func (s *Service) DeleteLifecycleHook(_ context.Context, c *operation.Caller, in *api.DeleteLifecycleHookType) (*api.DeleteLifecycleHookAnswer, error) {
	return &api.DeleteLifecycleHookAnswer{}, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c.Scope(), in.AutoScalingGroupName); err != nil {
			return err
		}
		if !deleteHook(tx, c.Scope(), *in.AutoScalingGroupName, *in.LifecycleHookName) {
			return invalid("No Lifecycle Hook found with name: %s", *in.LifecycleHookName)
		}
		return nil
	})
}

// deleteHook completes the outstanding actions first: ABANDON for launching
// instances, CONTINUE for terminating ones (API reference, DeleteLifecycleHook).
func deleteHook(tx *state.Tx, scope state.Scope, group, name string) bool {
	h, ok := hooks.Get(tx, scope, group+sep+name)
	if !ok {
		return false
	}
	result := goOn
	if h.Transition == launching {
		result = abandon
	}
	for _, i := range InstancesOf(tx, scope, group) {
		if at := slices.IndexFunc(i.Actions, func(a Action) bool { return a.Hook == name && a.Result == "" }); at >= 0 {
			complete(tx, scope, i, at, result)
		}
	}
	return hooks.Delete(tx, scope, group+sep+name)
}

// DescribeLifecycleHooks lists a group's hooks, all or those named.
func (s *Service) DescribeLifecycleHooks(_ context.Context, c *operation.Caller, in *api.DescribeLifecycleHooksType) (*api.DescribeLifecycleHooksAnswer, error) {
	tx := s.env.View(c)
	g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeLifecycleHooksAnswer{LifecycleHooks: []api.LifecycleHook{}}
	for _, h := range hooksOf(tx, c.Scope(), g.Name) {
		if named(in.LifecycleHookNames, h.Name) {
			out.LifecycleHooks = append(out.LifecycleHooks, api.LifecycleHook{
				AutoScalingGroupName: &h.Group, LifecycleHookName: &h.Name, LifecycleTransition: &h.Transition, HeartbeatTimeout: &h.Heartbeat,
				GlobalTimeout: new(int(limit(h.Heartbeat) / time.Second)), DefaultResult: &h.Default, NotificationMetadata: known(h.Metadata), RoleARN: known(h.Role),
			})
		}
	}
	return out, nil
}

// limit is the longest that an instance waits for a hook: 48 hours or a hundred
// heartbeats, whichever is less.
func limit(heartbeat int) time.Duration {
	return min(48*time.Hour, 100*time.Duration(heartbeat)*time.Second)
}

// actionsFor are the actions of an instance that comes to a transition.
func actionsFor(list []*Hook, transition string, now time.Time) []Action {
	var out []Action
	for _, h := range list {
		if h.Transition == transition {
			out = append(out, Action{
				Hook: h.Name, Token: ids.UUID(), Transition: transition, Since: now, Default: h.Default,
				Until: now.Add(time.Duration(h.Heartbeat) * time.Second), Limit: now.Add(limit(h.Heartbeat)),
			})
		}
	}
	return out
}

// complete gives an action its result.
func complete(tx *state.Tx, scope state.Scope, i *Instance, at int, result string) {
	actions := slices.Clone(i.Actions)
	actions[at].Result = result
	Instances.Change(tx, scope, i.ID, func(i *Instance) { i.Actions = actions })
}

// waiting is the action that a request names by its hook and either its token
// or the instance.
func waiting(tx *state.Tx, scope state.Scope, group, hook, token, instance *string) (*Instance, int, error) {
	g, err := find(tx, scope, group)
	if err != nil {
		return nil, 0, err
	}
	if !hooks.Has(tx, scope, g.Name+sep+awsapi.V(hook)) {
		return nil, 0, invalid("No Lifecycle Hook found with name: %s", awsapi.V(hook))
	}
	for _, i := range InstancesOf(tx, scope, g.Name) {
		for n, a := range i.Actions {
			if a.Hook == *hook && a.Result == "" && (token == nil || a.Token == *token) && (instance == nil || i.ID == *instance) && (token != nil || instance != nil) {
				return i, n, nil
			}
		}
	}
	if token != nil {
		return nil, 0, invalid("No active Lifecycle Action found with token %s", *token)
	}
	return nil, 0, invalid("No active Lifecycle Action found with instance ID %s", awsapi.V(instance))
}

// CompleteLifecycleAction ends an instance's wait for a hook.
func (s *Service) CompleteLifecycleAction(_ context.Context, c *operation.Caller, in *api.CompleteLifecycleActionType) (*api.CompleteLifecycleActionAnswer, error) {
	if r := *in.LifecycleActionResult; r != goOn && r != abandon {
		return nil, invalid("Lifecycle Action Result %s is not valid. Valid values are %s and %s", r, goOn, abandon)
	}
	return &api.CompleteLifecycleActionAnswer{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, at, err := waiting(tx, c.Scope(), in.AutoScalingGroupName, in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId)
		if err != nil {
			return err
		}
		complete(tx, c.Scope(), i, at, *in.LifecycleActionResult)
		return nil
	})
}

// RecordLifecycleActionHeartbeat has the wait start anew, up to its limit.
func (s *Service) RecordLifecycleActionHeartbeat(_ context.Context, c *operation.Caller, in *api.RecordLifecycleActionHeartbeatType) (*api.RecordLifecycleActionHeartbeatAnswer, error) {
	return &api.RecordLifecycleActionHeartbeatAnswer{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, at, err := waiting(tx, c.Scope(), in.AutoScalingGroupName, in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId)
		if err != nil {
			return err
		}
		Heartbeat(tx, c.Scope(), i.ID, i.Actions[at].Hook, s.env.Now())
		return nil
	})
}

// DescribeLifecycleHookTypes lists the transitions.
func (s *Service) DescribeLifecycleHookTypes(context.Context, *operation.Caller, *empty) (*api.DescribeLifecycleHookTypesAnswer, error) {
	return &api.DescribeLifecycleHookTypesAnswer{LifecycleHookTypes: []string{launching, terminating}}, nil
}
