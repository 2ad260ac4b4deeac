// Package scheduler makes ECS's services and tasks true: what the ecs service
// has written as desired, it brings about, and writes back what it observes.
//
// Two loops run side by side, woken by the state's changes, by the container
// runtime's events and by time. The one for services (services.go) asks the
// pure package rollout for a service's next step and carries it out: it makes
// task rows, asks others to stop, moves deployments on, writes events. The one
// for tasks (agent.go) does for each task what the ECS agent does on an instance:
// it takes a task from status to status, as the pure function next says,
// has containers started and stopped, and registers and drains targets.
//
// Neither keeps anything in memory that it could not find again: after a crash
// both go on from the rows and from what the runtime knows.
package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Runtime runs tasks: the docker package, or the simulation.
type Runtime interface {
	// Start runs a task and returns when its containers have started.
	Start(ctx context.Context, t *docker.Task) error
	// Stop ends a task's containers and returns when they have ended.
	Stop(ctx context.Context, task string) error
	// Remove leaves nothing of a task.
	Remove(ctx context.Context, task string) error
	// Events tells what is known and everything that happens, in order.
	Events(ctx context.Context) <-chan docker.Event
}

// Parts is what the scheduler works with beside the state.
type Parts struct {
	// Runtime runs containers; nil when no daemon was found, and then every task
	// fails to start with Why.
	Runtime Runtime
	Why     error
	// Own tells whether this machine has a route to containers' own addresses;
	// nil is no.
	Own func() bool
	// Tasks makes and places tasks for services.
	Tasks TaskMaker
	// Spec turns a task into what the runtime starts.
	Spec func(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task) (*docker.Task, error)
}

// Scheduler runs the loops.
type Scheduler struct {
	env   *operation.Env
	parts Parts
}

// New is a scheduler.
func New(env *operation.Env, parts Parts) *Scheduler { return &Scheduler{env, parts} }

// Run runs both loops until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context) error{s.runTasks, s.runServices} {
		wg.Go(func() {
			if err := loop(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// Registration is a task's targets, so that they are drained whatever becomes
// of its service.
type Registration struct {
	Cluster, Task string
	Targets       []Target
}

// Target is one target of a task.
type Target struct {
	Group, ID string
	Port      int
}

// Registrations are the tasks' targets by the tasks' keys.
var Registrations = state.NewTable("scheduler.registration", func(r *Registration) string { return r.Cluster + "/" + r.Task })

// Tables are all of the package's.
var Tables = []state.AnyTable{Registrations}

// place is a row's scope and key.
type place struct {
	scope state.Scope
	key   string
}

// wakes are times at which places want to be looked at.
type wakes map[place]time.Time

// set notes when a place wants to be looked at again; zero is never.
func (w wakes) set(p place, at time.Time) {
	if at.IsZero() {
		delete(w, p)
		return
	}
	w[p] = at
}

// due takes out the places whose time has come.
func (w wakes) due(now time.Time) (ready []place) {
	for p, at := range w {
		if !at.After(now) {
			ready = append(ready, p)
			delete(w, p)
		}
	}
	return ready
}

// next is when a place is due next; zero is never. Ask after the ready ones have
// been looked at: most want to be looked at again.
func (w wakes) next() (first time.Time) {
	for _, at := range w {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
