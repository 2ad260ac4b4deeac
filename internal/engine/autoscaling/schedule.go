package autoscaling

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/crontab"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// next is when the action is due next; zero for never.
func (a *Scheduled) next() time.Time {
	sp := a.Spec
	if sp.Recurrence == nil {
		if sp.StartTime == nil || !a.Ran.IsZero() {
			return time.Time{}
		}
		return *sp.StartTime
	}
	after := a.Made
	if a.Ran.After(after) {
		after = a.Ran
	}
	if sp.StartTime != nil && sp.StartTime.After(after) {
		after = sp.StartTime.Add(-time.Minute)
	}
	r, err := crontab.Five(*sp.Recurrence, awsapi.V(sp.TimeZone))
	if err != nil {
		return time.Time{} // it was checked when it was put
	}
	due := r.After(after)
	if sp.EndTime != nil && due.After(*sp.EndTime) {
		return time.Time{}
	}
	return due
}

// runScheduled does what a scheduled action says, if it is due.
func (s *Service) runScheduled(tx *state.Tx, scope state.Scope, key string) {
	a, ok := scheduled.Get(tx, scope, key)
	now := s.env.Now()
	if !ok || a.next().IsZero() || a.next().After(now) {
		return
	}
	if a.Spec.Recurrence == nil {
		scheduled.Delete(tx, scope, key)
	} else {
		scheduled.Change(tx, scope, key, func(a *Scheduled) { a.Ran = now })
	}
	old, ok := Groups.Get(tx, scope, a.Group)
	if !ok || old.Deleting || old.suspended("ScheduledActions") {
		return
	}
	g := *old
	if err := g.size(a.Spec.MinSize, a.Spec.MaxSize, a.Spec.DesiredCapacity); err != nil {
		s.env.Log.Error("scheduled action", "group", a.Group, "action", *a.Spec.ScheduledActionName, "error", err)
		return
	}
	g.resized(old, now, "a scheduled action update of AutoScalingGroup constraints")
	Groups.Put(tx, scope, &g)
}

// PutScheduledUpdateGroupAction adds a scheduled action or replaces one.
func (s *Service) PutScheduledUpdateGroupAction(_ context.Context, c *operation.Caller, in *api.PutScheduledUpdateGroupActionType) (*empty, error) {
	start := in.StartTime
	if start == nil {
		start = in.Time
	}
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		return s.schedule(tx, c.Scope(), in.AutoScalingGroupName, api.ScheduledUpdateGroupActionRequest{
			ScheduledActionName: in.ScheduledActionName, StartTime: start, EndTime: in.EndTime, Recurrence: in.Recurrence, TimeZone: in.TimeZone,
			MinSize: in.MinSize, MaxSize: in.MaxSize, DesiredCapacity: in.DesiredCapacity,
		})
	})
}

func (s *Service) schedule(tx *state.Tx, scope state.Scope, group *string, r api.ScheduledUpdateGroupActionRequest) error {
	g, err := findLive(tx, scope, group)
	if err != nil {
		return err
	}
	now := s.env.Now()
	switch {
	case r.MinSize == nil && r.MaxSize == nil && r.DesiredCapacity == nil:
		return invalid("At least one of MinSize, MaxSize or DesiredCapacity must be specified")
	case r.StartTime == nil && r.Recurrence == nil:
		return invalid("Either StartTime or Recurrence must be specified")
	case r.StartTime != nil && r.StartTime.Before(now):
		return invalid("Given start time is in the past")
	case r.EndTime != nil && r.EndTime.Before(now):
		return invalid("Given end time is in the past")
	case r.EndTime != nil && r.StartTime != nil && r.EndTime.Before(*r.StartTime):
		return invalid("Start Time must be before End Time")
	case r.MinSize != nil && r.MaxSize != nil && *r.MaxSize < *r.MinSize:
		return invalid("Min and Max bounds are not valid: max %d is less than min %d", *r.MaxSize, *r.MinSize)
	}
	if r.Recurrence != nil {
		if _, err := crontab.Five(*r.Recurrence, awsapi.V(r.TimeZone)); err != nil {
			return invalid("Given recurrence string: %s is invalid: %s", *r.Recurrence, err)
		}
	}
	a := &Scheduled{Group: g.Name, Made: now, Spec: api.ScheduledUpdateGroupAction{
		AutoScalingGroupName: &g.Name, ScheduledActionName: r.ScheduledActionName, StartTime: r.StartTime, EndTime: r.EndTime, Recurrence: r.Recurrence,
		TimeZone: r.TimeZone, MinSize: r.MinSize, MaxSize: r.MaxSize, DesiredCapacity: r.DesiredCapacity,
		ScheduledActionARN: new(arn.New("autoscaling", scope, "scheduledUpdateGroupAction:"+ids.UUID()+":autoScalingGroupName/"+g.Name+":scheduledActionName/"+*r.ScheduledActionName)),
	}}
	if old, ok := scheduled.Get(tx, scope, scheduled.Key(a)); ok {
		a.Spec.ScheduledActionARN = old.Spec.ScheduledActionARN
	}
	scheduled.Put(tx, scope, a)
	return nil
}

// failed are the actions of a batch that did not go well.
func failed(out []api.FailedScheduledUpdateGroupActionRequest, name string, err error) []api.FailedScheduledUpdateGroupActionRequest {
	if e, ok := err.(*awsapi.Error); ok {
		return append(out, api.FailedScheduledUpdateGroupActionRequest{ScheduledActionName: &name, ErrorCode: &e.Code, ErrorMessage: &e.Message})
	}
	return out
}

// BatchPutScheduledUpdateGroupAction puts several; each by itself.
func (s *Service) BatchPutScheduledUpdateGroupAction(_ context.Context, c *operation.Caller, in *api.BatchPutScheduledUpdateGroupActionType) (*api.BatchPutScheduledUpdateGroupActionAnswer, error) {
	out := &api.BatchPutScheduledUpdateGroupActionAnswer{FailedScheduledUpdateGroupActions: []api.FailedScheduledUpdateGroupActionRequest{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := findLive(tx, c.Scope(), in.AutoScalingGroupName); err != nil {
			return err
		}
		for _, r := range in.ScheduledUpdateGroupActions {
			out.FailedScheduledUpdateGroupActions = failed(out.FailedScheduledUpdateGroupActions, *r.ScheduledActionName, s.schedule(tx, c.Scope(), in.AutoScalingGroupName, r))
		}
		return nil
	})
}

func unschedule(tx *state.Tx, scope state.Scope, group, name string) error {
	if !scheduled.Delete(tx, scope, group+sep+name) {
		return invalid("Scheduled action name not found")
	}
	return nil
}

// DeleteScheduledAction removes one.
func (s *Service) DeleteScheduledAction(_ context.Context, c *operation.Caller, in *api.DeleteScheduledActionType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c.Scope(), in.AutoScalingGroupName); err != nil {
			return err
		}
		return unschedule(tx, c.Scope(), *in.AutoScalingGroupName, *in.ScheduledActionName)
	})
}

// BatchDeleteScheduledAction removes several; each by itself.
func (s *Service) BatchDeleteScheduledAction(_ context.Context, c *operation.Caller, in *api.BatchDeleteScheduledActionType) (*api.BatchDeleteScheduledActionAnswer, error) {
	out := &api.BatchDeleteScheduledActionAnswer{FailedScheduledActions: []api.FailedScheduledUpdateGroupActionRequest{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c.Scope(), in.AutoScalingGroupName); err != nil {
			return err
		}
		for _, n := range in.ScheduledActionNames {
			out.FailedScheduledActions = failed(out.FailedScheduledActions, n, unschedule(tx, c.Scope(), *in.AutoScalingGroupName, n))
		}
		return nil
	})
}

// DescribeScheduledActions lists them; StartTime is told as the next time that
// the action is due.
func (s *Service) DescribeScheduledActions(_ context.Context, c *operation.Caller, in *api.DescribeScheduledActionsType) (*api.ScheduledActionsType, error) {
	tx := s.env.View(c)
	seq := func(yield func(*Scheduled) bool) {
		for a := range scheduled.All(tx, c.Scope()) {
			next := a.next()
			ok := (in.AutoScalingGroupName == nil || a.Group == *in.AutoScalingGroupName) && named(in.ScheduledActionNames, *a.Spec.ScheduledActionName)
			if ok && len(in.ScheduledActionNames) == 0 {
				ok = (in.StartTime == nil || !next.Before(*in.StartTime)) && (in.EndTime == nil || !next.After(*in.EndTime))
			}
			if ok && !yield(a) {
				return
			}
		}
	}
	rows, next, err := page(seq, in.NextToken, in.MaxRecords, 50, 100, scheduled.Key)
	if err != nil {
		return nil, err
	}
	out := &api.ScheduledActionsType{ScheduledUpdateGroupActions: []api.ScheduledUpdateGroupAction{}, NextToken: next}
	for _, a := range rows {
		spec := a.Spec
		if due := a.next(); !due.IsZero() {
			spec.StartTime, spec.Time = &due, &due
		}
		out.ScheduledUpdateGroupActions = append(out.ScheduledUpdateGroupActions, spec)
	}
	return out, nil
}
