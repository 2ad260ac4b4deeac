// Package awslogs is the awslogs log driver: it brings what containers write
// into their streams of CloudWatch Logs, in order, each line once, whatever
// restarts in between. It stands around the runtime: a task whose stream can't
// be opened does not start, and a task is not removed before it was read to its
// end. The engine puts it between the scheduler and docker.
package awslogs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/awsapi"
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
	Task(id string) (docker.TaskStatus, bool)
	Logs(ctx context.Context, container string, from docker.Cursor, follow bool, each func(docker.Line) error) error
}

// Streams is where lines go: the logs service.
type Streams interface {
	// OpenStream makes a stream, and its group where that is asked for. The
	// stream "" is none: only the group is looked for.
	OpenStream(scope state.Scope, group, stream string, makeGroup bool) error
	// Write adds lines, and makes the stream where it is not there. The cursor
	// becomes durable with them.
	Write(scope state.Scope, group, stream string, lines []logs.Line, cursor []byte) error
	// Cursor is the last Write's.
	Cursor(scope state.Scope, group, stream string) ([]byte, error)
}

// Roles says what a task may write.
type Roles interface {
	// MayLog is nil or the error with which CloudWatch Logs refuses an action:
	// CreateLogGroup, CreateLogStream, PutLogEvents.
	MayLog(task docker.Identity, where state.Scope, action, group, stream string) error
}

// Definition finds a container of a task definition: its family and revision.
type Definition func(scope state.Scope, family, revision, container string) *api.ContainerDefinition

// Shipper is a Runtime whose containers' output is shipped.
type Shipper struct {
	Runtime
	streams    Streams
	roles      Roles
	definition Definition
	log        *slog.Logger

	mu    sync.Mutex
	tasks map[string]map[string]*shipment // task → container's id
}

// New puts a shipper around a runtime.
func New(r Runtime, streams Streams, roles Roles, definition Definition, log *slog.Logger) *Shipper {
	return &Shipper{Runtime: r, streams: streams, roles: roles, definition: definition, log: log, tasks: map[string]map[string]*shipment{}}
}

// options are those of a container's log configuration; false where it has
// another driver. They have been checked at the start.
func (s *Shipper) options(id docker.Identity, container string) (o options, ok bool, err error) {
	c := s.definition(scopeOf(id), id.Family, id.Revision, container)
	if c == nil || c.LogConfiguration == nil || c.LogConfiguration.LogDriver != api.LogDriverAwslogs {
		return options{}, false, nil
	}
	o, err = parse(c.LogConfiguration.Options)
	return o, true, err
}

func scopeOf(id docker.Identity) state.Scope {
	return state.Scope{Account: id.Account, Region: id.Region}
}

// scope is where a container's group is: it may be in another region.
func (o options) scope(id docker.Identity) state.Scope {
	scope := scopeOf(id)
	if o.region != "" {
		scope.Region = o.region
	}
	return scope
}

// stream is the name of a container's stream: prefix, name and task; without a
// prefix the id that the daemon gave the container.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
func (o options) stream(id docker.Identity, name, container string) string {
	if o.prefix == "" {
		return container
	}
	return o.prefix + "/" + name + "/" + id.ID
}

// Start opens every container's stream and starts the task.
func (s *Shipper) Start(ctx context.Context, t *docker.Task) error {
	for _, c := range t.Containers {
		o, ok, err := s.options(t.Identity, c.Name)
		if !ok {
			continue
		}
		if err != nil {
			return fmt.Errorf("CannotCreateContainerError: Error response from daemon: %w", err)
		}
		if what, err := s.open(t.Identity, o, o.stream(t.Identity, c.Name, "")); err != nil {
			return unopened(t, what, err)
		}
	}
	return s.Runtime.Start(ctx, t)
}

// open makes a stream, as the role may; its group, too, where that is asked for and
// it is not there. What could not be made is a stream or a group.
func (s *Shipper) open(id docker.Identity, o options, stream string) (what string, err error) {
	what = "stream"
	if err = s.roles.MayLog(id, o.scope(id), "CreateLogStream", o.group, stream); err == nil {
		err = s.streams.OpenStream(o.scope(id), o.group, stream, false)
	}
	if missing, ok := errors.AsType[*awsapi.Error](err); !o.create || !ok || missing.Code != "ResourceNotFoundException" {
		return what, err
	}
	if err = s.roles.MayLog(id, o.scope(id), "CreateLogGroup", o.group, ""); err != nil {
		return "group", err
	}
	return what, s.streams.OpenStream(o.scope(id), o.group, stream, true)
}

// unopened is a task's stop reason, in the words of the agent and of the daemon's
// own driver; on Fargate in those of its agent.
func unopened(t *docker.Task, what string, err error) error {
	if t.Instance == "" {
		return fmt.Errorf("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log %s: %w : exit status 1", what, err)
	}
	return fmt.Errorf("CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log %s: %w", what, err)
}

// Events passes the runtime's events on, and begins to ship a container's output
// when its id is first heard of: also after the engine's restart, where the last
// write's cursor says.
func (s *Shipper) Events(ctx context.Context) <-chan docker.Event {
	in, out := s.Runtime.Events(ctx), make(chan docker.Event)
	go func() {
		defer close(out)
		for e := range in {
			s.heard(ctx, e)
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// heard begins to ship a container that runs or has run. One that runs again is
// read again.
func (s *Shipper) heard(ctx context.Context, e docker.Event) {
	c := e.Container
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Phase == docker.Removed {
		s.forget(e.ID, c.ID)
		return
	}
	if c.ID == "" || c.Phase != docker.Running && c.Phase != docker.Stopped || !s.known(e.ID, c.ID) {
		return
	}
	if sh := s.tasks[e.ID][c.ID]; sh != nil {
		ran := c.StartedAt.After(sh.started)
		if ran {
			sh.started = c.StartedAt
		}
		if !ran || !sh.ended() {
			return
		}
	}
	s.ship(ctx, e)
}

func (s *Shipper) ship(ctx context.Context, e docker.Event) {
	o, ok, err := s.options(e.Identity, e.Container.Name)
	if !ok || err != nil {
		return
	}
	if s.tasks[e.ID] == nil {
		s.tasks[e.ID] = map[string]*shipment{}
	}
	sh := &shipment{scope: o.scope(e.Identity), group: o.group, stream: o.stream(e.Identity, e.Container.Name, e.Container.ID), begin: o.begin,
		started: e.Container.StartedAt, task: e.Identity, done: make(chan struct{})}
	s.tasks[e.ID][e.Container.ID] = sh
	go s.run(ctx, sh, e.Container.ID)
}

// known tells whether the daemon has a container of a task.
func (s *Shipper) known(task, container string) bool {
	t, _ := s.Task(task)
	return slices.ContainsFunc(t.Containers, func(c docker.ContainerStatus) bool { return c.ID == container && c.Phase != docker.Removed })
}

func (s *Shipper) forget(task, container string) {
	delete(s.tasks[task], container)
	if len(s.tasks[task]) == 0 {
		delete(s.tasks, task)
	}
}

// Remove waits until all that the task wrote is in its streams, and removes it.
// What still runs is stopped for that.
func (s *Shipper) Remove(ctx context.Context, task string) error {
	t, _ := s.Task(task)
	if slices.ContainsFunc(t.Containers, func(c docker.ContainerStatus) bool { return c.Phase == docker.Running }) {
		if err := s.Stop(ctx, task); err != nil {
			return err
		}
		t, _ = s.Task(task)
	}
	for _, c := range t.Containers { // their events may still be on their way
		s.heard(ctx, docker.Event{Identity: t.Identity, Container: c})
	}
	for _, sh := range s.shipments(task) {
		select {
		case <-sh.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err() // which ended the reading, too
	}
	if err := s.Runtime.Remove(ctx, task); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tasks, task)
	return nil
}

func (s *Shipper) shipments(task string) (list []*shipment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range s.tasks[task] {
		list = append(list, sh)
	}
	return list
}
