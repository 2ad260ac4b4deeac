package docker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// Events tells what becomes of containers: first what is known now, one event
// each, then every change, in order, nothing left out and nothing going
// backwards. It ends when ctx does, or the Runtime is closed. Several may
// listen.
func (r *Runtime) Events(ctx context.Context) <-chan Event { return r.hub.subscribe(ctx) }

// List tells all of this engine's tasks, as the daemon has them now.
func (r *Runtime) List(ctx context.Context) ([]TaskStatus, error) {
	if err := r.resync(ctx); err != nil {
		return nil, err
	}
	return r.hub.all(), nil
}

// Task tells what is known of one task.
func (r *Runtime) Task(id string) (TaskStatus, bool) { return r.hub.task(id) }

// How the daemon is tried again when its event stream has ended.
const (
	retryFirst = 50 * time.Millisecond
	retryLast  = 2 * time.Second
)

// follow takes in the daemon's events until ctx is done, through the daemon's
// own restarts.
func (r *Runtime) follow(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		connected, err := r.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected {
			wait = retryFirst
			r.log.Warn("docker: the event stream ended; trying again until it is back", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, retryLast)
	}
}

// replay is how far back the daemon is asked for events at a connection: more
// than between its answer and its subscription. Seeing an event twice does no
// harm, since each only makes us look.
const replay = 5 * time.Second

// stream takes in one connection's events. It looks at everything once the
// stream stands, so that what happened in between is not missed.
func (r *Runtime) stream(ctx context.Context) (connected bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res := r.cli.Events(ctx, client.EventsListOptions{
		Since: time.Now().Add(-replay).Format(time.RFC3339Nano),
		Filters: make(client.Filters).
			Add("type", string(events.ContainerEventType)).
			Add("label", labelEngine+"="+r.opt.Engine).
			Add("event", "create", "start", "die", "oom", "destroy", "health_status", string(podmanCleanup), string(podmanRemove)),
	})
	select {
	case err := <-res.Err:
		return false, err
	default:
	}
	if err := r.resync(ctx); err != nil {
		return false, err
	}
	for {
		select {
		case m := <-res.Messages:
			r.heard(ctx, &m)
		case err := <-res.Err:
			return true, err
		}
	}
}

// Podman says "remove" for "destroy", and "cleanup" once what it shows of a
// container that died is true.
const (
	podmanRemove  events.Action = "remove"
	podmanCleanup events.Action = "cleanup"
)

// heard takes in one event: it says where to look.
func (r *Runtime) heard(ctx context.Context, m *events.Message) {
	if m.Actor.Attributes[labelRole] != "" {
		return
	}
	switch m.Action {
	case events.ActionDestroy, podmanRemove:
		r.vanished(m.Actor.ID)
		return
	case events.ActionOOM:
		r.hear(m.Actor.ID, func(h *hearsay) { h.oom = true })
	case events.ActionDie:
		if code, err := strconv.Atoi(m.Actor.Attributes["exitCode"]); err == nil {
			r.hear(m.Actor.ID, func(h *hearsay) { h.exit = new(code) })
		}
	}
	if err := r.look(ctx, m.Actor.ID); err != nil && ctx.Err() == nil {
		r.log.Warn("docker: looking at a container", "event", m.Action, "error", err)
	}
}

// hearsay is what is known of a container that an inspection does not show.
type hearsay struct {
	oom      bool // the kernel killed a process in it
	kills    int  // what the kernel's log says of that from before its last start
	exit     *int // how it ended, should it be gone before we look
	restarts int
}

func (r *Runtime) hear(containerID string, note func(*hearsay)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heardOf[containerID]
	if h == nil {
		h = &hearsay{}
		r.heardOf[containerID] = h
	}
	note(h)
}

// told is what was heard of a container.
func (r *Runtime) told(containerID string) hearsay {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.heardOf[containerID]; h != nil {
		return *h
	}
	return hearsay{}
}

// vanished takes in that the daemon has a container no more.
func (r *Runtime) vanished(containerID string) {
	r.looking.Lock()
	defer r.looking.Unlock()
	heard := r.told(containerID)
	id, mode, c, ok := r.hub.byID(containerID)
	r.mu.Lock()
	delete(r.heardOf, containerID)
	ordered := r.stopping[id.ID]
	r.mu.Unlock()
	if !ok {
		return
	}
	if c.Phase < Stopped {
		c.StoppedAt = r.now()
		c.ExitCode = heard.exit
		if !ordered {
			c.Reason = vanished + ": No container matching saved ID found"
		}
	}
	c.Phase = Removed
	r.hub.observe(id, mode, c)
}

// resync looks at every container of this engine's, and finds out which of
// those that were known are gone.
func (r *Runtime) resync(ctx context.Context) error {
	before := r.hub.all()
	items, err := r.mine(ctx)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, c := range items {
		if c.Labels[labelRole] == "" {
			ids[c.ID] = true
		}
	}
	for _, t := range before {
		for _, c := range t.Containers {
			if c.ID != "" {
				ids[c.ID] = true
			}
		}
	}
	return each(ctx, ids, r.look)
}

// mine lists this engine's containers, running or not.
func (r *Runtime) mine(ctx context.Context, more ...string) ([]container.Summary, error) {
	filters := make(client.Filters).Add("label", labelEngine+"="+r.opt.Engine)
	filters.Add("label", more...)
	res, err := r.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	return res.Items, nil
}

// each does something for each id, a few at a time.
func each(ctx context.Context, ids map[string]bool, do func(context.Context, string) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		slot = make(chan struct{}, 8)
	)
	for id := range ids {
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			if err := do(ctx, id); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
