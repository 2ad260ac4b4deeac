package events

import (
	"context"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// late is how long after its time a rule still runs: EventBridge promises the
// minute. What is later was missed, and is not caught up.
const late = time.Minute

// Run runs rules when they are due, until ctx ends. Nothing that was due before it
// began is run: an engine that was away is away like AWS in an outage, and a rule
// whose time passes twice, because the engine was killed in between, runs once.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(Rules)
	defer watch.Close()
	began := s.env.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := s.pass(ctx, began)
		timer.Stop()
		if !wake.IsZero() {
			// A clock that was put, or a machine that slept, is noticed by the minute.
			timer.Reset(min(max(0, wake.Sub(s.env.Now())), late))
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

// pass runs what is due and tells when something will be due next.
func (s *Service) pass(ctx context.Context, began time.Time) (wake time.Time) {
	now := s.env.Now()
	after := now.Add(-late)
	if after.Before(began) {
		after = began
	}
	for scope, r := range Rules.Everywhere(s.env.Store.View()) {
		at := r.due(after)
		if !at.IsZero() && !at.After(now) {
			s.fire(ctx, scope, r.Name, at)
			at = r.due(now)
		}
		if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	return wake
}

// fire runs a rule for an instant. That it did is durable before it does: whatever
// happens in between, the rule never runs twice for one instant.
func (s *Service) fire(ctx context.Context, scope state.Scope, name string, at time.Time) {
	var targets []api.Target
	err := s.env.Store.Update(func(tx *state.Tx) error {
		r, ok := Rules.Get(tx, scope, name)
		if !ok || !r.enabled() || !r.Ran.Before(at) {
			return nil
		}
		targets = r.Targets
		Rules.Change(tx, scope, name, func(r *Rule) { r.Ran = at })
		return nil
	})
	if err != nil {
		s.env.Log.Error("scheduled rule", "rule", name, "at", at, "error", err)
		return
	}
	for _, t := range targets {
		if err := s.tasks.RunTask(ctx, scope, *t.RoleArn, name, request(name, &t)); err != nil {
			s.env.Log.Error("scheduled rule: no task was started", "rule", name, "target", *t.Id, "at", at, "error", err)
			continue
		}
		s.env.Log.Info("scheduled rule", "rule", name, "target", *t.Id, "at", at)
	}
}
