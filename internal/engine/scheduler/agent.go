package scheduler

import (
	"context"
	"fmt"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// agent is the loop for tasks.
type agent struct {
	*Scheduler
	wakes wakes
	// busy are tasks that the runtime is working on; ended brings the result.
	busy  map[place]bool
	ended chan outcome
	// left are the tasks that the runtime has something of.
	left map[string]map[string]bool // task id → container names
	// launched are tasks whose containers have been started: what comes of it,
	// their events say.
	launched map[place]bool
	edits    edits
}

// outcome is how a call of the runtime went.
type outcome struct {
	place place
	what  act
	err   error
}

func (s *Scheduler) runTasks(ctx context.Context) error {
	watch := s.env.Store.Watch(ecs.Tasks, elbv2.Targets)
	defer watch.Close()
	a := &agent{Scheduler: s, wakes: wakes{}, busy: map[place]bool{}, ended: make(chan outcome), left: map[string]map[string]bool{}, launched: map[place]bool{}}
	var events <-chan docker.Event
	if s.parts.Runtime != nil {
		events = s.parts.Runtime.Events(ctx)
	}
	for scope, t := range ecs.Tasks.Everywhere(s.env.Store.View()) {
		if t.Last != ecs.Stopped {
			a.look(ctx, place{scope, t.Key()})
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for _, p := range a.wakes.due(s.env.Now()) {
			a.look(ctx, p)
		}
		timer.Stop()
		if wake := a.wakes.next(); !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(s.env.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if err := a.heard(ctx, e, events); err != nil {
				return err
			}
		case o := <-a.ended:
			if err := a.over(ctx, o); err != nil {
				return err
			}
		case <-watch.C():
			for _, c := range watch.Take() {
				if c.Table == ecs.Tasks.Name() {
					a.look(ctx, place{c.Scope, c.Key})
				}
			}
		case <-timer.C:
		}
	}
}

// heard takes in an event and those that wait behind it, in one write.
func (a *agent) heard(ctx context.Context, first docker.Event, more <-chan docker.Event) error {
	batch := []docker.Event{first}
	for len(batch) < 256 {
		select {
		case e, ok := <-more:
			if ok {
				batch = append(batch, e)
				continue
			}
		default:
		}
		break
	}
	now := a.env.Now()
	own := a.parts.Own != nil && a.parts.Own()
	err := a.env.Store.Update(func(tx *state.Tx) error {
		for _, e := range batch {
			route(tx, e, own)
			ecs.ChangeTask(tx, scopeOf(e.Identity), taskKey(e.Identity), func(t *ecs.Task) bool { return observe(t, e.Container, now) })
		}
		return nil
	})
	for _, e := range batch {
		a.keep(e)
		a.look(ctx, place{scopeOf(e.Identity), taskKey(e.Identity)})
	}
	return err
}

func scopeOf(id docker.Identity) state.Scope {
	return state.Scope{Account: id.Account, Region: id.Region}
}

func taskKey(id docker.Identity) string { return id.Cluster + "/" + id.ID }

// keep notes which tasks the runtime has something of.
func (a *agent) keep(e docker.Event) {
	if a.left[e.ID] == nil {
		a.left[e.ID] = map[string]bool{}
	}
	if e.Container.Phase == docker.Removed {
		delete(a.left[e.ID], e.Container.Name)
	} else {
		a.left[e.ID][e.Container.Name] = true
	}
	if len(a.left[e.ID]) == 0 {
		delete(a.left, e.ID)
	}
}

// look asks for the task's next step and sets about it.
func (a *agent) look(ctx context.Context, p place) {
	if a.busy[p] {
		return
	}
	tx := a.env.Store.View()
	t, ok := ecs.Tasks.Get(tx, p.scope, p.key)
	if !ok {
		a.stray(ctx, p)
		return
	}
	what, wake := next(t, a.situation(tx, p, t))
	a.wakes.set(p, wake)
	if what != rest {
		a.busy[p] = true
		go func() {
			o := outcome{p, what, a.do(ctx, p, t, what)}
			select {
			case a.ended <- o:
			case <-ctx.Done():
			}
		}()
	}
}

// stray removes what the runtime has of a task that is no more.
func (a *agent) stray(ctx context.Context, p place) {
	id := p.key[len(p.key)-len(lastPart(p.key)):]
	if len(a.left[id]) == 0 {
		return
	}
	a.busy[p] = true
	go func() {
		o := outcome{p, cleanup, a.parts.Runtime.Remove(ctx, id)}
		select {
		case a.ended <- o:
		case <-ctx.Done():
		}
	}()
}

func lastPart(key string) string {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i] == '/' {
			return key[i+1:]
		}
	}
	return key
}

func (a *agent) situation(tx *state.Tx, p place, t *ecs.Task) situation {
	s := situation{now: a.env.Now(), left: len(a.left[t.ID]) > 0, launched: a.launched[p]}
	r, ok := Registrations.Get(tx, p.scope, p.key)
	if !ok {
		return s
	}
	for _, target := range r.Targets {
		row, ok := elbv2.Targets.Get(tx, p.scope, elbv2.TargetKey(target.Group, target.ID, target.Port))
		switch {
		case !ok:
		case row.Draining.IsZero():
			s.targets = true
		case row.Until.After(s.drained):
			s.drained = row.Until
		}
	}
	if gone(tx, p.scope, t) {
		s.drained = time.Time{}
	}
	return s
}

// do carries a step out. What it changes in the state wakes the loop again.
func (a *agent) do(ctx context.Context, p place, t *ecs.Task, what act) error {
	switch what {
	case launch:
		return a.launch(ctx, p, t)
	case serve:
		return a.change(p, func(tx *state.Tx, t *ecs.Task) { a.serve(tx, p.scope, t) })
	case drain:
		return a.change(p, func(tx *state.Tx, t *ecs.Task) { a.drain(tx, p.scope, t) })
	case halt:
		return a.halt(ctx, p, t)
	case finish:
		return a.change(p, func(tx *state.Tx, t *ecs.Task) {
			for i := range t.Containers {
				t.Containers[i].Advance(ecs.Stopped)
			}
			t.Advance(ecs.Deprovisioning, a.env.Now())
			t.Advance(ecs.Stopped, a.env.Now())
			Registrations.Delete(tx, p.scope, p.key)
			unprovision(tx, p.scope, t)
			blame(tx, p.scope, t, a.env.Now())
		})
	case cleanup:
		return a.parts.Runtime.Remove(ctx, t.ID)
	}
	return nil
}

func (a *agent) launch(ctx context.Context, p place, t *ecs.Task) error {
	now := a.env.Now()
	var unfit error
	err := a.change(p, func(tx *state.Tx, t *ecs.Task) {
		unfit = provision(tx, p.scope, t)
		t.Advance(ecs.Pending, now)
		if t.ConnectivityAt.IsZero() {
			t.Connectivity, t.ConnectivityAt = api.ConnectivityConnected, now
		}
	})
	if err != nil {
		return err
	}
	if unfit != nil {
		return a.failed(p, fmt.Errorf("ResourceInitializationError: %w", unfit))
	}
	if a.parts.Runtime == nil {
		return a.failed(p, a.parts.Why)
	}
	tx := a.env.Store.View()
	if now, ok := ecs.Tasks.Get(tx, p.scope, p.key); ok {
		t = now
	}
	spec, err := a.parts.Spec(ctx, tx, p.scope, t)
	if err == nil {
		err = a.parts.Runtime.Start(ctx, spec)
	}
	if err != nil && ctx.Err() == nil {
		return a.failed(p, err)
	}
	return nil
}

// failed stops a task that could not be started, unless its containers have
// told why already.
func (a *agent) failed(p place, why error) error {
	a.env.Log.Info("task failed to start", "task", p.key, "error", why)
	return a.change(p, func(_ *state.Tx, t *ecs.Task) {
		t.Stop(api.TaskStopCodeTaskFailedToStart, why.Error(), a.env.Now())
	})
}

func (a *agent) halt(ctx context.Context, p place, t *ecs.Task) error {
	err := a.change(p, func(_ *state.Tx, t *ecs.Task) { t.Advance(ecs.Stopping, a.env.Now()) })
	if err != nil || a.parts.Runtime == nil {
		return err
	}
	if err := a.parts.Runtime.Stop(ctx, t.ID); err != nil {
		return err
	}
	return a.parts.Runtime.Remove(ctx, t.ID)
}

// again is how long after a failure of the runtime the same is tried again.
const again = time.Second

// over takes the result of a step: the task is looked at again, soon when all
// went well, a little later when not.
func (a *agent) over(ctx context.Context, o outcome) error {
	delete(a.busy, o.place)
	if o.err != nil && ctx.Err() == nil {
		a.env.Log.Warn("task", "task", o.place.key, "error", o.err)
		a.wakes.set(o.place, a.env.Now().Add(again))
		return nil
	}
	switch o.what {
	case launch:
		a.launched[o.place] = true
	case finish:
		delete(a.launched, o.place)
	}
	a.look(ctx, o.place)
	return nil
}
