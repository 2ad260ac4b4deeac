package scheduler

import (
	"time"

	"github.com/slipway-dev/slipway/internal/engine/ecs"
)

// act is what a task needs done now.
type act int

const (
	rest    act = iota // nothing, or nothing before wake
	launch             // start the containers
	serve              // all containers run: register the targets, be RUNNING
	drain              // deregister the targets
	halt               // stop the containers
	finish             // all is stopped: be STOPPED
	cleanup            // it is STOPPED: remove what is left
)

// situation is what next looks at beside the task.
type situation struct {
	now time.Time
	// drained is when the last of its targets has drained; zero when it has
	// none.
	drained time.Time
	// targets tells that it has targets that are not draining yet.
	targets bool
	// left tells that the runtime still has something of it.
	left bool
	// launched tells that its containers have been told to start.
	launched bool
}

// next is a task's next step and, if that is rest, when to look again. The
// order is that of the developer guide's task lifecycle; a task without
// targets skips ACTIVATING and DEACTIVATING.
func next(t *ecs.Task, s situation) (act, time.Time) {
	if t.Last == ecs.Stopped {
		if s.left {
			return cleanup, time.Time{}
		}
		return rest, time.Time{}
	}
	if t.Desired == ecs.Running {
		return rising(t, s.launched), time.Time{}
	}
	switch {
	case s.targets:
		return drain, time.Time{}
	case alive(t) && s.now.Before(s.drained):
		return rest, s.drained
	case s.left || alive(t):
		return halt, time.Time{}
	}
	return finish, time.Time{}
}

func rising(t *ecs.Task, launched bool) act {
	switch {
	case t.Instance == "" && !fargate(t):
		return rest // it waits for a place
	case t.Last.Before(ecs.Running) && up(t):
		return serve
	case t.Last.Before(ecs.Running) && !launched:
		return launch
	}
	return rest
}

// fargate tells whether the task needs no instance.
func fargate(t *ecs.Task) bool { return t.LaunchType == "FARGATE" }

// up tells whether every container has begun to run, or, not being essential,
// has run.
func up(t *ecs.Task) bool {
	for i := range t.Containers {
		c := &t.Containers[i]
		if c.Last.Before(ecs.Running) || (c.Essential && c.Last == ecs.Stopped) {
			return false
		}
	}
	return len(t.Containers) > 0
}

// alive tells whether any container runs or is about to.
func alive(t *ecs.Task) bool {
	for i := range t.Containers {
		if l := t.Containers[i].Last; l == ecs.Running || l == ecs.Activating {
			return true
		}
	}
	return false
}
