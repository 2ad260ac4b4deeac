package docker

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// hub holds what is known of every container of this engine and tells
// subscribers what changes, in order, nothing left out.
type hub struct {
	mu      sync.Mutex
	tasks   map[string]*known // by task id
	changed chan struct{}     // closed, and made anew, at each change
	subs    map[*subscriber]bool
	closed  bool
}

// known is a task with its containers by name.
type known struct {
	id          Identity
	networkMode NetworkMode
	containers  map[string]ContainerStatus
}

// subscriber queues events for one reader without a bound: a slow reader must
// neither lose a transition nor hold up the others.
type subscriber struct {
	queue []Event
	wake  chan struct{} // holds one
}

func newHub() *hub {
	return &hub{tasks: map[string]*known{}, changed: make(chan struct{}), subs: map[*subscriber]bool{}}
}

// observe takes in what was seen of a container and announces what is new.
func (h *hub) observe(id Identity, mode NetworkMode, seen ContainerStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tasks[id.ID]
	if t == nil {
		if seen.Phase == Removed {
			return
		}
		t = &known{id: id, networkMode: mode, containers: map[string]ContainerStatus{}}
		h.tasks[id.ID] = t
	}
	states := advance(t.containers[seen.Name], seen)
	if len(states) == 0 {
		return
	}
	for _, s := range states {
		h.announce(Event{Identity: t.id, Container: s})
	}
	last := states[len(states)-1]
	t.containers[seen.Name] = last
	if last.Phase == Removed {
		delete(t.containers, seen.Name)
	}
	if len(t.containers) == 0 {
		delete(h.tasks, id.ID)
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *hub) announce(e Event) {
	for s := range h.subs {
		s.push(e)
	}
}

func (s *subscriber) push(e Event) {
	s.queue = append(s.queue, e)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// container returns what is known of one container.
func (h *hub) container(task, name string) (ContainerStatus, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.tasks[task]; t != nil {
		c, ok := t.containers[name]
		return c, ok
	}
	return ContainerStatus{}, false
}

// byID finds the container with a daemon's id.
func (h *hub) byID(container string) (id Identity, mode NetworkMode, c ContainerStatus, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.tasks {
		for _, c := range t.containers {
			if c.ID == container {
				return t.id, t.networkMode, c, true
			}
		}
	}
	return
}

// all returns every task that is known, by id.
func (h *hub) all() []TaskStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]TaskStatus, 0, len(h.tasks))
	for _, id := range slices.Sorted(maps.Keys(h.tasks)) {
		out = append(out, h.tasks[id].status())
	}
	return out
}

func (h *hub) task(id string) (TaskStatus, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tasks[id]
	if t == nil {
		return TaskStatus{}, false
	}
	return t.status(), true
}

func (t *known) status() TaskStatus {
	s := TaskStatus{Identity: t.id, NetworkMode: t.networkMode}
	for _, name := range slices.Sorted(maps.Keys(t.containers)) {
		s.Containers = append(s.Containers, t.containers[name])
	}
	return s
}

// until waits until ok says so of a container.
func (h *hub) until(ctx context.Context, task, name string, ok func(*ContainerStatus) (bool, error)) error {
	for {
		h.mu.Lock()
		changed := h.changed
		var c ContainerStatus
		if t := h.tasks[task]; t != nil {
			c = t.containers[name]
		}
		h.mu.Unlock()
		c.Name = name
		if done, err := ok(&c); done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// subscribe begins with everything that is known and goes on with what changes
// until ctx is done or the hub is closed.
func (h *hub) subscribe(ctx context.Context) <-chan Event {
	s := &subscriber{wake: make(chan struct{}, 1)}
	h.mu.Lock()
	for _, t := range h.tasks {
		for _, c := range t.containers {
			s.push(Event{Identity: t.id, Container: c})
		}
	}
	h.subs[s] = true
	if h.closed {
		close(s.wake)
	}
	h.mu.Unlock()
	out := make(chan Event)
	go h.deliver(ctx, s, out)
	return out
}

func (h *hub) deliver(ctx context.Context, s *subscriber, out chan<- Event) {
	defer close(out)
	defer func() {
		h.mu.Lock()
		delete(h.subs, s)
		h.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-s.wake:
			h.mu.Lock()
			events := s.queue
			s.queue = nil
			h.mu.Unlock()
			for _, e := range events {
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
			if !open {
				return
			}
		}
	}
}

// close ends all subscriptions once they have read what is queued.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for s := range h.subs {
		close(s.wake)
	}
}
