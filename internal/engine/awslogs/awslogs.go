// Package awslogs is the awslogs log driver: it brings what containers write
// into their streams of CloudWatch Logs, in order, each line once, whatever
// restarts in between. It stands around the runtime: a task whose stream can't
// be opened does not start, and a task is not removed before it was read to its
// end. The engine puts it between the scheduler and docker.
package awslogs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Runtime is what runs and tells what it wrote: docker's.
type Runtime interface {
	Start(ctx context.Context, t *docker.Task) error
	Stop(ctx context.Context, task string) error
	Remove(ctx context.Context, task string) error
	Events(ctx context.Context) <-chan docker.Event
	Logs(ctx context.Context, container string, from docker.Cursor, follow bool, each func(docker.Line) error) error
}

// Streams is where lines go: the logs service.
type Streams interface {
	OpenStream(scope state.Scope, group, stream string, makeGroup bool) error
	Write(scope state.Scope, group, stream string, lines []logs.Line, cursor []byte) error
	Cursor(scope state.Scope, group, stream string) ([]byte, error)
}

// Definition finds a container of a task definition: its family and revision.
type Definition func(scope state.Scope, family, revision, container string) *api.ContainerDefinition

// Shipper is a Runtime whose containers' output is shipped.
type Shipper struct {
	Runtime
	streams    Streams
	definition Definition
	log        *slog.Logger

	mu    sync.Mutex
	tasks map[string]map[string]*shipment // task → container's id
}

// New puts a shipper around a runtime.
func New(r Runtime, streams Streams, definition Definition, log *slog.Logger) *Shipper {
	return &Shipper{Runtime: r, streams: streams, definition: definition, log: log, tasks: map[string]map[string]*shipment{}}
}

// shipment is one container's output on its way.
type shipment struct {
	scope         state.Scope
	group, stream string
	done          chan struct{}
}

// stream is where a container's output goes; false where it has another driver.
func (s *Shipper) stream(id docker.Identity, container string) (shipment, bool, bool) {
	scope := state.Scope{Account: id.Account, Region: id.Region}
	c := s.definition(scope, id.Family, id.Revision, container)
	if c == nil || c.LogConfiguration == nil || c.LogConfiguration.LogDriver != api.LogDriverAwslogs {
		return shipment{}, false, false
	}
	o := c.LogConfiguration.Options
	if r := o["awslogs-region"]; r != "" {
		scope.Region = r
	}
	name := id.ID
	if prefix := o["awslogs-stream-prefix"]; prefix != "" {
		name = prefix + "/" + container + "/" + id.ID
	}
	return shipment{scope: scope, group: o["awslogs-group"], stream: name, done: make(chan struct{})}, o["awslogs-create-group"] == "true", true
}

// Start opens every container's stream and starts the task.
func (s *Shipper) Start(ctx context.Context, t *docker.Task) error {
	for _, c := range t.Containers {
		ship, makeGroup, ok := s.stream(t.Identity, c.Name)
		if !ok {
			continue
		}
		if err := s.streams.OpenStream(ship.scope, ship.group, ship.stream, makeGroup); err != nil {
			// The words of the agent and of the daemon's own driver.
			return fmt.Errorf("CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: %w", err)
		}
	}
	return s.Runtime.Start(ctx, t)
}

// Events passes the runtime's events on, and begins to ship a container's output
// when its id is first heard of: also after the engine's restart, where the last
// write's cursor says.
func (s *Shipper) Events(ctx context.Context) <-chan docker.Event {
	in, out := s.Runtime.Events(ctx), make(chan docker.Event)
	go func() {
		defer close(out)
		for e := range in {
			if e.Container.ID != "" && (e.Container.Phase == docker.Running || e.Container.Phase == docker.Stopped) {
				s.ship(ctx, e)
			}
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (s *Shipper) ship(ctx context.Context, e docker.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := s.tasks[e.ID]
	if running[e.Container.ID] != nil && !(e.Container.Phase == docker.Running && ended(running[e.Container.ID])) {
		return
	}
	sh, _, ok := s.stream(e.Identity, e.Container.Name)
	if !ok {
		return
	}
	if running == nil {
		running = map[string]*shipment{}
		s.tasks[e.ID] = running
	}
	running[e.Container.ID] = &sh
	go func() {
		defer close(sh.done)
		err := s.carry(ctx, &sh, e.Container.ID)
		if err != nil && ctx.Err() == nil && !errors.Is(err, logs.ErrGone) {
			s.log.Warn("awslogs", "stream", sh.stream, "error", err)
		}
	}()
}

// ended tells whether a container was read to its end; one that runs again after
// that is read again.
func ended(sh *shipment) bool {
	select {
	case <-sh.done:
		return true
	default:
		return false
	}
}

// most is how many lines go into one write.
const most = 500

// carry reads a container's output to its end. Lines that arrive while a write
// is made durable go together with the next.
func (s *Shipper) carry(ctx context.Context, sh *shipment, container string) error {
	var from docker.Cursor
	at, err := s.streams.Cursor(sh.scope, sh.group, sh.stream)
	if err != nil {
		return err
	}
	if at != nil {
		if err := json.Unmarshal(at, &from); err != nil {
			return fmt.Errorf("reading the cursor of %s: %w", sh.stream, err)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines := make(chan docker.Line, most)
	written := make(chan error, 1)
	go func() {
		err := s.write(sh, lines)
		if err != nil {
			cancel(err)
		}
		written <- err
	}()
	err = s.Runtime.Logs(ctx, container, from, true, func(l docker.Line) error {
		l.Text = append([]byte(nil), l.Text...)
		select {
		case lines <- l:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(lines)
	return errors.Join(<-written, err)
}

func (s *Shipper) write(sh *shipment, lines <-chan docker.Line) error {
	for l := range lines {
		batch := []docker.Line{l}
		for more := true; more && len(batch) < most; {
			select {
			case next, open := <-lines:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		cursor, err := json.Marshal(batch[len(batch)-1].Cursor)
		if err != nil {
			return err
		}
		out := make([]logs.Line, len(batch))
		for i, b := range batch {
			out[i] = logs.Line{At: b.Time, Text: strings.ToValidUTF8(string(b.Text), "\uFFFD")}
		}
		if err := s.streams.Write(sh.scope, sh.group, sh.stream, out, cursor); err != nil {
			return err
		}
	}
	return nil
}

// Remove waits until all that the task wrote is in its streams, and removes it.
func (s *Shipper) Remove(ctx context.Context, task string) error {
	s.mu.Lock()
	running := s.tasks[task]
	s.mu.Unlock()
	for _, sh := range running {
		select {
		case <-sh.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := s.Runtime.Remove(ctx, task); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.tasks, task)
	s.mu.Unlock()
	return nil
}
