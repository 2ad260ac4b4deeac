package applicationautoscaling

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/crontab"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// next is the first time after t of a schedule: at(2026-03-01T12:00:00),
// rate(5 minutes) counted from start, or cron(...) with six fields. It is zero
// when there is none.
func next(schedule, zone string, start, t time.Time) (time.Time, error) {
	kind, rest, _ := strings.Cut(schedule, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return time.Time{}, fmt.Errorf("the schedule %q is none of at(), rate() and cron()", schedule)
	}
	switch kind {
	case "at":
		in, err := time.LoadLocation(zone)
		if err != nil {
			return time.Time{}, fmt.Errorf("the time zone %q is not known", zone)
		}
		due, err := time.ParseInLocation("2006-01-02T15:04:05", body, in)
		if err != nil || !due.After(t) {
			return time.Time{}, err
		}
		return due, nil
	case "rate":
		every, err := rate(body)
		if err != nil {
			return time.Time{}, err
		}
		if t.Before(start) {
			return start, nil
		}
		return start.Add((t.Sub(start)/every + 1) * every), nil
	case "cron":
		table, err := crontab.Six(body, zone)
		if err != nil {
			return time.Time{}, err
		}
		return table.After(t), nil
	}
	return time.Time{}, fmt.Errorf("the schedule %q is none of at(), rate() and cron()", schedule)
}

// rate reads "5 minutes".
func rate(text string) (time.Duration, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	size := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(unit, "s")]
	if err != nil || n < 1 || n > 1e5 || size == 0 {
		return 0, fmt.Errorf("rate(%s) is not a number of minutes, hours or days", text)
	}
	return time.Duration(n) * size, nil
}

// due is when the action is due next; zero for never.
func (a *Scheduled) due() time.Time {
	after, start := a.Made, a.Made
	if a.Ran.After(after) {
		after = a.Ran
	}
	if st := a.Spec.StartTime; st != nil && st.After(after) {
		after = st.Add(-time.Second)
		start = *st
	} else if st != nil {
		start = *st
	}
	t, err := next(*a.Spec.Schedule, awsapi.V(a.Spec.Timezone), start, after)
	if err != nil || a.Spec.EndTime != nil && t.After(*a.Spec.EndTime) {
		return time.Time{} // the schedule was checked when it was put
	}
	return t
}

// Run does scheduled actions when they are due, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(scheduled)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := s.pass()
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(s.env.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			watch.Take()
		case <-timer.C:
		}
	}
}

// pass does what is due and tells when something will be due next.
func (s *Service) pass() (wake time.Time) {
	for scope, a := range scheduled.Everywhere(s.env.Store.View()) {
		at := a.due()
		if at.IsZero() {
			continue
		}
		if at.After(s.env.Now()) {
			if wake.IsZero() || at.Before(wake) {
				wake = at
			}
			continue
		}
		err := s.env.Store.Update(func(tx *state.Tx) error {
			s.trigger(tx, scope, scheduled.Key(a))
			return nil
		})
		if err != nil {
			s.env.Log.Error("scheduled action", "resource", a.Resource, "action", *a.Spec.ScheduledActionName, "error", err)
		}
	}
	return wake
}

// trigger does a scheduled action, if it is still due.
func (s *Service) trigger(tx *state.Tx, scope state.Scope, key string) {
	a, ok := scheduled.Get(tx, scope, key)
	now := s.env.Now()
	if !ok || a.due().IsZero() || a.due().After(now) {
		return
	}
	if strings.HasPrefix(*a.Spec.Schedule, "at(") {
		scheduled.Delete(tx, scope, key) // a one-time action goes when it is done
	} else {
		scheduled.Change(tx, scope, key, func(a *Scheduled) { a.Ran = now })
	}
	old, ok := Targets.Get(tx, scope, a.Resource)
	if !ok || awsapi.V(old.Suspended.ScheduledScalingSuspended) {
		return
	}
	t := *old
	name, cause := *a.Spec.ScheduledActionName, "scheduled action name "+*a.Spec.ScheduledActionName+" was triggered"
	var set []string
	if n := a.Spec.ScalableTargetAction.MinCapacity; n != nil {
		t.Min, set = *n, append(set, fmt.Sprintf("min capacity to %d", *n))
	}
	if n := a.Spec.ScalableTargetAction.MaxCapacity; n != nil {
		t.Max, set = *n, append(set, fmt.Sprintf("max capacity to %d", *n))
	}
	if t.Max < t.Min { // only one of the two was given
		s.env.Log.Error("scheduled action", "resource", a.Resource, "action", name, "error", "the maximum capacity would be less than the minimum")
		return
	}
	Targets.Put(tx, scope, &t)
	s.record(tx, scope, t.Resource, cause, "Setting "+strings.Join(set, " and "), "Successfully set "+strings.Join(set, " and "))
	s.bound(tx, scope, &t, name)
}

// PutScheduledAction adds a scheduled action to a target or changes one: what is
// left out of a change stays.
func (s *Service) PutScheduledAction(_ context.Context, c *operation.Caller, in *api.PutScheduledActionRequest) (*api.PutScheduledActionResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	return &api.PutScheduledActionResponse{}, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := target(tx, c.Scope(), in.ResourceId, "registered")
		if err != nil {
			return err
		}
		now := s.env.Now()
		a := &Scheduled{Resource: t.Resource, Made: now, Spec: api.ScheduledAction{
			ScheduledActionName: in.ScheduledActionName, ServiceNamespace: in.ServiceNamespace, ScalableDimension: in.ScalableDimension, ResourceId: in.ResourceId, CreationTime: &now,
			ScheduledActionARN: new(arn.New("autoscaling", c.Scope(), "scheduledAction:"+ids.UUID()+":resource/ecs/"+t.Resource+":scheduledActionName/"+*in.ScheduledActionName)),
		}}
		if old, ok := scheduled.Get(tx, c.Scope(), scheduled.Key(a)); ok {
			a.Spec = old.Spec
		}
		over(&a.Spec.Schedule, in.Schedule)
		over(&a.Spec.Timezone, in.Timezone)
		over(&a.Spec.StartTime, in.StartTime)
		over(&a.Spec.EndTime, in.EndTime)
		over(&a.Spec.ScalableTargetAction, in.ScalableTargetAction)
		if err := checkScheduled(&a.Spec, now); err != nil {
			return err
		}
		scheduled.Put(tx, c.Scope(), a)
		return nil
	})
}

func over[T any](to **T, value *T) {
	if value != nil {
		*to = value
	}
}

func checkScheduled(a *api.ScheduledAction, now time.Time) error {
	if a.Schedule == nil {
		return api.ValidationException("Schedule is required for a new scheduled action")
	}
	if _, err := next(*a.Schedule, awsapi.V(a.Timezone), now, now); err != nil {
		return api.ValidationException("The schedule is not valid: %s", err)
	}
	x := a.ScalableTargetAction
	switch {
	case x == nil || x.MinCapacity == nil && x.MaxCapacity == nil:
		return api.ValidationException("ScalableTargetAction must have a MinCapacity or a MaxCapacity")
	case x.MinCapacity != nil && x.MaxCapacity != nil && *x.MaxCapacity < *x.MinCapacity:
		return api.ValidationException("Maximum capacity cannot be less than minimum capacity")
	case a.StartTime != nil && a.EndTime != nil && a.EndTime.Before(*a.StartTime):
		return api.ValidationException("EndTime must be after StartTime")
	}
	return nil
}

// DeleteScheduledAction removes a scheduled action.
func (s *Service) DeleteScheduledAction(_ context.Context, c *operation.Caller, in *api.DeleteScheduledActionRequest) (*api.DeleteScheduledActionResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	return &api.DeleteScheduledActionResponse{}, s.env.Store.Update(func(tx *state.Tx) error {
		if !scheduled.Delete(tx, c.Scope(), *in.ResourceId+sep+*in.ScheduledActionName) {
			return api.ObjectNotFoundException("No scheduled action found for service namespace: ecs, resource ID: %s, scalable dimension: ecs:service:DesiredCount, scheduled action name: %s", *in.ResourceId, *in.ScheduledActionName)
		}
		return nil
	})
}

// DescribeScheduledActions lists scheduled actions.
func (s *Service) DescribeScheduledActions(_ context.Context, c *operation.Caller, in *api.DescribeScheduledActionsRequest) (*api.DescribeScheduledActionsResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	tx := s.env.Store.View()
	seq := func(yield func(*Scheduled) bool) {
		for a := range scheduled.All(tx, c.Scope()) {
			if (in.ResourceId == nil || a.Resource == *in.ResourceId) && named(in.ScheduledActionNames, *a.Spec.ScheduledActionName) && !yield(a) {
				return
			}
		}
	}
	rows, next, err := page(seq, in.NextToken, in.MaxResults, scheduled.Key)
	out := &api.DescribeScheduledActionsResponse{ScheduledActions: []api.ScheduledAction{}, NextToken: next}
	for _, a := range rows {
		out.ScheduledActions = append(out.ScheduledActions, a.Spec)
	}
	return out, err
}
