package ec2

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Run is the controller: it takes instances and NAT gateways from state to state
// and forgets what is gone since long, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(Instances, NATGateways, Interfaces, tokens)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Stop()
		if wake := s.pass(); !wake.IsZero() {
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

// pass does what is due, in one Update if there is anything, and tells when
// something will be due next.
func (s *Service) pass() (wake time.Time) {
	now := s.env.Now()
	wake, due := sweep(s.env.Store.View(), now, false)
	if !due {
		return wake
	}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		wake, _ = sweep(tx, now, true)
		return nil
	})
	if err != nil {
		s.env.Log.Error("taking instances to their next states", "error", err)
		return now.Add(time.Second)
	}
	return wake
}

// sweep looks at everything that changes by time: with write it does what is
// due. It tells when to look again, and whether something was due.
func sweep(tx *state.Tx, now time.Time, write bool) (wake time.Time, due bool) {
	sooner := func(at time.Time) {
		if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	for scope, i := range Instances.Everywhere(tx) {
		to, at, gone := i.next(now)
		switch {
		case !gone && to == i.State:
			sooner(at)
			continue
		case write && gone:
			drop(tx, scope, Instances, i.ID)
		case write:
			i.advance(tx, scope, to, now)
			sooner(now.Add(lingers))
		}
		due = true
	}
	for scope, n := range NATGateways.Everywhere(tx) {
		to, at := n.next(now)
		gone := n.State == to && !at.IsZero() && !now.Before(at)
		switch {
		case !gone && to == n.State:
			sooner(at)
			continue
		case write && gone:
			drop(tx, scope, NATGateways, n.ID)
		case write:
			n.advance(tx, scope, to, now)
			sooner(now.Add(lingers))
		}
		due = true
	}
	for scope, i := range Interfaces.Everywhere(tx) {
		if i.Left == nil {
			continue
		}
		if end := i.LeftAt.Add(detached); now.Before(end) {
			sooner(end)
			continue
		}
		if due = true; write {
			Interfaces.Change(tx, scope, i.ID, func(i *Interface) { i.Left, i.LeftAt = nil, time.Time{} })
		}
	}
	for scope, t := range tokens.Everywhere(tx) {
		end := t.At.Add(remembered)
		if now.Before(end) {
			sooner(end)
			continue
		}
		if due = true; write {
			tokens.Delete(tx, scope, tokens.Key(t))
		}
	}
	return wake, due
}
