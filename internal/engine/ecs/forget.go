package ecs

import (
	"context"
	"maps"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// depart notes that the row goes at a time.
func depart(tx *state.Tx, scope state.Scope, at time.Time, table state.AnyTable, key string) {
	Departures.Put(tx, scope, &Departure{At: at, Table: table.Name(), Key: key})
}

// over is what is to be forgotten in a scope, and when there will be more (zero:
// nothing is known to come).
type over struct {
	drained []*ServiceRow // deleted services whose tasks have stopped
	gone    []*Departure
	next    time.Time
}

// decide tells what is over at a time.
func decide(tx *state.Tx, scope state.Scope, now time.Time) (o over) {
	for svc := range ServicesByStatus.Get(tx, scope, Draining) {
		if !serviceAlive(tx, scope, svc) {
			o.drained = append(o.drained, svc)
		}
	}
	for d := range Departures.All(tx, scope) {
		if now.Before(d.At) {
			o.next = d.At
			break
		}
		o.gone = append(o.gone, d)
	}
	return o
}

// serviceAlive tells whether a task of the service has not come to its stop.
func serviceAlive(tx *state.Tx, scope state.Scope, svc *ServiceRow) bool {
	for t := range TasksByService.Get(tx, scope, svc.Key()) {
		if t.Last.Before(Stopping) {
			return true
		}
	}
	return false
}

// Run forgets what is over, when it is time: stopped tasks, deleted clusters and
// services, deleted task definitions that nothing uses any more. A service that
// was deleted becomes INACTIVE when its last task stops.
func (s *Service) Run(ctx context.Context) error {
	w := s.env.Store.Watch(Departures, Services, Tasks)
	defer w.Close()
	due := map[state.Scope]time.Time{}
	for scope := range scopesOf(s.env.Store.View()) {
		due[scope] = s.env.Now()
	}
	for {
		now := s.env.Now()
		for scope, at := range due {
			if now.Before(at) {
				continue
			}
			next, err := s.forget(scope, now)
			if err != nil {
				return err
			}
			if due[scope] = next; next.IsZero() {
				delete(due, scope)
			}
		}
		changed, err := wait(ctx, w, earliest(due), now)
		if err != nil {
			return nil // the engine ends
		}
		for _, c := range changed {
			due[c.Scope] = s.env.Now()
		}
	}
}

func scopesOf(tx *state.Tx) map[state.Scope]bool {
	all := map[state.Scope]bool{}
	for scope := range Departures.Everywhere(tx) {
		all[scope] = true
	}
	for scope := range Services.Everywhere(tx) {
		all[scope] = true
	}
	return all
}

func earliest(due map[state.Scope]time.Time) (first time.Time) {
	for at := range maps.Values(due) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// wait ends at a change, at the time if there is one, or with the context.
func wait(ctx context.Context, w *state.Watch, at, now time.Time) ([]state.Change, error) {
	var due <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(at.Sub(now))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-w.C():
		return w.Take(), nil
	case <-due:
		return nil, nil
	}
}

// forget carries out what is decided, if it is anything.
func (s *Service) forget(scope state.Scope, now time.Time) (next time.Time, err error) {
	o := decide(s.env.Store.View(), scope, now)
	if len(o.drained)+len(o.gone) == 0 {
		return o.next, nil
	}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		o = decide(tx, scope, now)
		for _, svc := range o.drained {
			Retire(tx, scope, svc, now)
		}
		for _, d := range o.gone {
			Departures.Delete(tx, scope, Departures.Key(d))
			forgetRow(tx, scope, d, now)
		}
		o.next = decide(tx, scope, now).next
		return nil
	})
	return o.next, err
}

// forgetRow removes the row, unless it has come back to life.
func forgetRow(tx *state.Tx, scope state.Scope, d *Departure, now time.Time) {
	switch d.Table {
	case Tasks.Name():
		if t, ok := Tasks.Get(tx, scope, d.Key); ok && t.Last == Stopped {
			Tasks.Delete(tx, scope, d.Key)
		}
	case Clusters.Name():
		if c, ok := Clusters.Get(tx, scope, d.Key); ok && c.Status == Inactive && !now.Before(c.Until) {
			Clusters.Delete(tx, scope, d.Key)
		}
	case CapacityProviders.Name():
		if p, ok := CapacityProviders.Get(tx, scope, d.Key); ok && p.Status == api.CapacityProviderStatusInactive && !now.Before(p.Until) {
			CapacityProviders.Delete(tx, scope, d.Key)
		}
	case Instances.Name():
		if i, ok := Instances.Get(tx, scope, d.Key); ok && i.Status == Inactive && !now.Before(i.Until) {
			Instances.Delete(tx, scope, d.Key)
			Usages.Delete(tx, scope, d.Key)
		}
	case Services.Name():
		if svc, ok := Services.Get(tx, scope, d.Key); ok && svc.Status == Inactive && !now.Before(svc.Until) {
			forgetHistory(tx, scope, svc)
			Services.Delete(tx, scope, d.Key)
		}
	case Definitions.Name():
		forgetDefinition(tx, scope, d.Key, now)
	case Tokens.Name():
		Tokens.Delete(tx, scope, d.Key)
	}
}

// forgetHistory removes a service's events, deployments and revisions.
func forgetHistory(tx *state.Tx, scope state.Scope, svc *ServiceRow) {
	prefix := svc.Key() + "/"
	for e := range Events.Prefix(tx, scope, prefix) {
		Events.Delete(tx, scope, Events.Key(e))
	}
	for d := range ServiceDeployments.Prefix(tx, scope, prefix) {
		ServiceDeployments.Delete(tx, scope, ServiceDeployments.Key(d))
	}
	for r := range ServiceRevisions.Prefix(tx, scope, prefix) {
		ServiceRevisions.Delete(tx, scope, ServiceRevisions.Key(r))
	}
}

// forgetDefinition removes a deleted task definition when nothing uses it, and
// otherwise comes back to it.
func forgetDefinition(tx *state.Tx, scope state.Scope, key string, now time.Time) {
	d, ok := Definitions.Get(tx, scope, key)
	if !ok || d.Body.Status != api.TaskDefinitionStatusDeleteInProgress {
		return
	}
	_, task := TasksByDefinition.One(tx, scope, *d.Body.TaskDefinitionArn)
	_, svc := ServicesByDefinition.One(tx, scope, *d.Body.TaskDefinitionArn)
	if task || svc {
		depart(tx, scope, now.Add(TaskLingers), Definitions, key)
		return
	}
	Definitions.Delete(tx, scope, key)
}
