package awslogs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var (
	scope    = state.Scope{Account: "000000000000", Region: "eu-west-1"}
	identity = docker.Identity{ID: "0123", Cluster: "web", Family: "web", Revision: "1", Account: scope.Account, Region: scope.Region, Instance: "i"}
	began    = time.Date(2026, 3, 20, 10, 0, 0, 0, time.UTC)
)

// machine is a runtime that runs nothing: what containers write, tests say.
type machine struct {
	mu      sync.Mutex
	changed chan struct{}
	events  chan docker.Event
	status  map[string]docker.ContainerStatus // by the container's id
	written map[string][]string
	failing int // how many readings end in an error, in the middle
	removed []string
}

func newMachine() *machine {
	return &machine{changed: make(chan struct{}), events: make(chan docker.Event, 100), status: map[string]docker.ContainerStatus{}, written: map[string][]string{}}
}

func (m *machine) change(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
	close(m.changed)
	m.changed = make(chan struct{})
}

// is puts a container into a phase, without telling.
func (m *machine) is(id, name string, phase docker.Phase, started time.Time) docker.Event {
	c := docker.ContainerStatus{ID: id, Name: name, Phase: phase, StartedAt: started}
	m.change(func() { m.status[id] = c })
	return docker.Event{Identity: identity, Container: c}
}

func (m *machine) says(id string, lines ...string) {
	m.change(func() { m.written[id] = append(m.written[id], lines...) })
}

func (m *machine) Start(context.Context, *docker.Task) error  { return nil }
func (m *machine) Events(context.Context) <-chan docker.Event { return m.events }
func (m *machine) Stop(_ context.Context, _ string) error {
	m.change(func() {
		for id, c := range m.status {
			c.Phase = docker.Stopped
			m.status[id] = c
		}
	})
	return nil
}

func (m *machine) Remove(_ context.Context, task string) error {
	m.change(func() { m.removed = append(m.removed, task); m.status = map[string]docker.ContainerStatus{} })
	return nil
}

func (m *machine) Task(string) (docker.TaskStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := docker.TaskStatus{Identity: identity}
	for _, c := range m.status {
		t.Containers = append(t.Containers, c)
	}
	return t, len(m.status) > 0
}

var errCut = errors.New("cut")

// Logs gives lines from the cursor on until the container has ended.
func (m *machine) Logs(ctx context.Context, id string, from docker.Cursor, _ bool, each func(docker.Line) error) error {
	for at := from.Stdout.Seen; ; {
		m.mu.Lock()
		lines, changed := m.written[id][at:], m.changed
		c, there := m.status[id]
		if m.failing > 0 && len(lines) > 1 {
			m.failing--
			m.mu.Unlock()
			return errors.Join(each(line(lines[0], at)), errCut)
		}
		m.mu.Unlock()
		if !there {
			return errors.New("no such container")
		}
		for _, text := range lines {
			if err := each(line(text, at)); err != nil {
				return err
			}
			at++
		}
		if len(lines) > 0 {
			continue
		}
		if c.Phase == docker.Stopped {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func line(text string, at int) docker.Line {
	when := began.Add(time.Duration(at) * time.Millisecond)
	return docker.Line{Time: when, Text: []byte(text), Cursor: docker.Cursor{Stdout: docker.Position{Time: when, Seen: at + 1}}}
}

// rig is a machine, a real logs service with the group g, and the options of the
// definition's only container.
type rig struct {
	t       *testing.T
	machine *machine
	logs    *logs.Service
	options map[string]string
	denied  sync.Map // actions
}

func (r *rig) MayLog(_ docker.Identity, _ state.Scope, action, _, _ string) error {
	if why, ok := r.denied.Load(action); ok {
		return why.(error)
	}
	return nil
}

func newRig(t *testing.T, options ...string) *rig {
	store := state.InMemory(logs.Tables...)
	t.Cleanup(func() { store.Close() })
	a, err := archive.Open(filepath.Join(t.TempDir(), "logs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	r := &rig{t: t, machine: newMachine(), options: map[string]string{"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"}}
	for i := 0; i < len(options); i += 2 {
		r.options[options[i]] = options[i+1]
	}
	r.logs = logs.New(&operation.Env{Store: store, Now: func() time.Time { return began }, Log: slog.New(slog.DiscardHandler)}, a)
	if err := r.logs.OpenStream(scope, "g", "", true); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) definition(state.Scope, string, string, string) *ecsapi.ContainerDefinition {
	return &ecsapi.ContainerDefinition{LogConfiguration: &ecsapi.LogConfiguration{LogDriver: ecsapi.LogDriverAwslogs, Options: r.options}}
}

// ship makes a shipper and has its events taken; end ends it as a kill would.
func (r *rig) ship(streams Streams) (s *Shipper, end func()) {
	s = New(r.machine, streams, r, r.definition, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for range s.Events(ctx) {
		}
	}()
	r.t.Cleanup(cancel)
	return s, cancel
}

// has gives a stream's messages.
func (r *rig) has(stream string) (got []string) {
	r.t.Helper()
	in := &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: &stream, StartFromHead: new(true)}
	out, err := r.logs.GetLogEvents(context.Background(), &operation.Caller{Account: scope.Account, Region: scope.Region}, in)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range out.Events {
		got = append(got, *e.Message)
	}
	return got
}

func (r *rig) want(stream string, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.has(stream)); diff != "" {
		r.t.Error(stream, diff)
	}
}

func numbers(from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprint(i))
	}
	return lines
}

const stream = "p/web/0123"

func TestARemovedTaskWasReadToItsEnd(t *testing.T) {
	r := newRig(t)
	s, _ := r.ship(r.logs)
	r.machine.events <- r.machine.is("c", "web", docker.Running, began)
	r.machine.says("c", numbers(0, 1000)...)
	r.machine.is("c", "web", docker.Stopped, began)
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want(stream, numbers(0, 1000)...)
	if diff := cmp.Diff([]string{"0123"}, r.machine.removed); diff != "" {
		t.Error(diff)
	}
}

// An engine that was killed before it heard of a container removes its task: it
// reads first.
func TestATaskIsReadBeforeItsRemovalThoughNoEventCame(t *testing.T) {
	r := newRig(t)
	s, _ := r.ship(r.logs)
	r.machine.says("c", "last words")
	r.machine.is("c", "web", docker.Stopped, began)
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want(stream, "last words")
}

func TestWhatStillRunsIsStoppedBeforeItIsRemoved(t *testing.T) {
	r := newRig(t)
	s, _ := r.ship(r.logs)
	r.machine.says("c", "running")
	r.machine.events <- r.machine.is("c", "web", docker.Running, began)
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want(stream, "running")
}

// killing are streams whose first write is the engine's last.
type killing struct {
	*logs.Service
	kill func()
}

func (k killing) Write(scope state.Scope, group, stream string, lines []logs.Line, cursor []byte) error {
	defer k.kill()
	return k.Service.Write(scope, group, stream, lines, cursor)
}

// Engines that are killed one after another, each in the middle, leave every line
// once.
func TestEnginesThatAreKilledLeaveEveryLineOnce(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		ctx, kill := context.WithCancel(t.Context())
		t.Cleanup(kill)
		s := New(r.machine, r.logs, r, r.definition, slog.New(slog.DiscardHandler))
		if i%2 == 0 {
			s.streams = killing{r.logs, kill}
		}
		r.machine.says("c", numbers(i*100, i*100+100)...)
		s.heard(ctx, r.machine.is("c", "web", docker.Running, began)) // as Events does
		if i%2 == 1 {
			kill() // wherever it is by then
		}
		<-s.shipments("0123")[0].done
	}
	s, _ := r.ship(r.logs)
	r.machine.is("c", "web", docker.Stopped, began)
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want(stream, numbers(0, 2000)...)
}

// A reader may see the container ended just before its policy starts it again.
func TestAContainerThatBeginsAnewIsReadAgain(t *testing.T) {
	r := newRig(t)
	s, _ := r.ship(r.logs)
	for i := range 5 {
		r.machine.says("c", fmt.Sprintf("run %d", i))
		s.heard(t.Context(), r.machine.is("c", "web", docker.Running, began.Add(time.Duration(i)*time.Second)))
		r.machine.is("c", "web", docker.Stopped, began.Add(time.Duration(i)*time.Second))
		if i%2 == 0 { // at times it is read to its end in between
			<-s.shipments("0123")[0].done
		}
	}
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want(stream, "run 0", "run 1", "run 2", "run 3", "run 4")
}

// Writing is tried until it works, reading for a while.
func TestFailuresLoseAndDoubleNothing(t *testing.T) {
	r := newRig(t)
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		m.failing = enough - 1
		full := &taken{full: 2 * enough}
		s := New(m, full, r, r.definition, slog.New(slog.DiscardHandler))
		m.says("c", numbers(0, 100)...)
		m.is("c", "web", docker.Stopped, began)
		if err := s.Remove(t.Context(), "0123"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(numbers(0, 100), full.all()); diff != "" {
			t.Error(diff)
		}
	})
}

// A group that is deleted under a container takes no lines; the task goes all the
// same.
func TestATaskWhoseGroupIsGoneCanBeRemoved(t *testing.T) {
	r := newRig(t)
	s, _ := r.ship(r.logs)
	r.machine.says("c", "x")
	r.machine.is("c", "web", docker.Stopped, began)
	if _, err := r.logs.DeleteLogGroup(t.Context(), &operation.Caller{Account: scope.Account, Region: scope.Region}, &api.DeleteLogGroupRequest{LogGroupName: new("g")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), "0123"); err != nil || len(r.machine.removed) != 1 {
		t.Errorf("%v, removed %v", err, r.machine.removed)
	}
}

// Without a prefix, each of a task's containers has a stream of its own.
func TestWithoutAPrefixStreamsHaveContainersIDs(t *testing.T) {
	r := newRig(t, "awslogs-stream-prefix", "")
	s, _ := r.ship(r.logs)
	for _, id := range []string{"aaa", "bbb"} {
		r.machine.says(id, "from "+id)
		r.machine.is(id, "web", docker.Stopped, began)
	}
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want("aaa", "from aaa")
	r.want("bbb", "from bbb")
}

func TestLinesThatBelongTogetherAreOneEvent(t *testing.T) {
	lines := []string{"[2026-03-20 10:00:00] panic", "  at main.go", "  at run.go", "[2026-03-20 10:00:01] gone"}
	whole := []string{"[2026-03-20 10:00:00] panic\n  at main.go\n  at run.go\n", "[2026-03-20 10:00:01] gone\n"}
	for name, pattern := range map[string]string{"awslogs-multiline-pattern": `^\[`, "awslogs-datetime-format": `\[%Y-%m-%d %H:%M:%S\]`} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, name, pattern)
			s, _ := r.ship(r.logs)
			r.machine.says("c", lines...)
			r.machine.is("c", "web", docker.Stopped, began)
			if err := s.Remove(t.Context(), "0123"); err != nil {
				t.Fatal(err)
			}
			r.want(stream, whole...)
		})
	}
}

// An event that is waiting for more when the engine is killed is not cut in two.
func TestAnEventIsWholeAcrossAKill(t *testing.T) {
	r := newRig(t, "awslogs-multiline-pattern", "^begin")
	s, kill := r.ship(r.logs)
	r.machine.says("c", "begin 1", "more 1", "begin 2")
	running := r.machine.is("c", "web", docker.Running, began)
	ctx, cancel := context.WithCancel(t.Context())
	s.heard(ctx, running)
	cancel()
	kill()
	<-s.shipments("0123")[0].done
	r.machine.says("c", "more 2")
	r.machine.is("c", "web", docker.Stopped, began)
	s, _ = r.ship(r.logs)
	if err := s.Remove(t.Context(), "0123"); err != nil {
		t.Fatal(err)
	}
	r.want(stream, "begin 1\nmore 1\n", "begin 2\nmore 2\n")
}

func TestAnEventWaitsForMoreLinesOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got taken
		s := New(nil, &got, &rig{}, nil, slog.New(slog.DiscardHandler))
		lines, read := make(chan docker.Line), make(chan error, 1)
		go s.deliver(&shipment{begin: datetimeOf(t, "%Y")}, lines, read)
		lines <- line("2026 one", 0)
		lines <- line("two", 1)
		time.Sleep(patience - time.Second) // the bubble's clock
		synctest.Wait()
		if early := got.all(); len(early) != 0 {
			t.Errorf("too early: %q", early)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"2026 one\ntwo\n"}, got.all()); diff != "" {
			t.Error(diff)
		}
		read <- nil
		close(lines)
	})
}

// taken are streams that note what they get, once their disk is no longer full.
type taken struct {
	mu     sync.Mutex
	got    []string
	cursor []byte
	full   int // how many writes fail
}

func (k *taken) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.got)
}

func (k *taken) OpenStream(state.Scope, string, string, bool) error { return nil }

func (k *taken) Cursor(state.Scope, string, string) ([]byte, error) { return k.cursor, nil }

func (k *taken) Write(_ state.Scope, _, _ string, lines []logs.Line, cursor []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.full--; k.full >= 0 {
		return errors.New("disk is full")
	}
	for _, l := range lines {
		k.got = append(k.got, l.Text)
	}
	k.cursor = cursor
	return nil
}

// What can't be honoured is a task's stop reason, by name.
func TestATaskWhoseLogsCannotBeShippedDoesNotStart(t *testing.T) {
	for _, c := range []struct {
		option, value, instance, want string
	}{
		{"awslogs-group", "none", "i", "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."},
		{"awslogs-group", "none", "", "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."},
		{"awslogs-stream", "x", "i", "log opt 'awslogs-stream' for awslogs log driver is not served"},
		{"awslogs-colour", "x", "i", "unknown log opt 'awslogs-colour' for awslogs log driver"},
		{"awslogs-create-group", "perhaps", "i", "must specify valid value for log opt 'awslogs-create-group'"},
		{"awslogs-multiline-pattern", "(", "i", "awslogs could not parse multiline pattern key '('"},
		{"max-buffer-size", "much", "i", "error parsing option max-buffer-size: invalid size: 'much'"},
	} {
		r := newRig(t, c.option, c.value)
		s, _ := r.ship(r.logs)
		task := &docker.Task{Identity: identity, Containers: []docker.Container{{Name: "web"}}}
		task.Instance = c.instance
		if err := s.Start(t.Context(), task); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", c.option, c.value, err)
		}
	}
	both := newRig(t, "awslogs-multiline-pattern", "x", "awslogs-datetime-format", "%Y")
	s, _ := both.ship(both.logs)
	if err := s.Start(t.Context(), &docker.Task{Identity: identity, Containers: []docker.Container{{Name: "web"}}}); err == nil || !strings.Contains(err.Error(), "at the same time") {
		t.Errorf("both: %v", err)
	}
}

func TestAGroupIsMadeWhereThatIsAskedFor(t *testing.T) {
	r := newRig(t, "awslogs-group", "new", "awslogs-create-group", "true", "mode", "non-blocking", "max-buffer-size", "25m")
	s, _ := r.ship(r.logs)
	if err := s.Start(t.Context(), &docker.Task{Identity: identity, Containers: []docker.Container{{Name: "web"}}}); err != nil {
		t.Fatal(err)
	}
	if at, err := r.logs.Cursor(scope, "new", stream); err != nil || at != nil {
		t.Errorf("the group's stream: %q (%v)", at, err)
	}
}

// Which action was refused can be read from the stop reason; CreateLogGroup is
// asked for only where the group is not there.
func TestWhatTheRoleMayNotMakeStopsTheTask(t *testing.T) {
	no := errors.New("AccessDeniedException: User: u is not authorized")
	for _, c := range []struct {
		action, group, want string
	}{
		{"CreateLogStream", "g", "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: AccessDeniedException: User: u is not authorized"},
		{"CreateLogGroup", "new", "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log group: AccessDeniedException: User: u is not authorized"},
		{"CreateLogGroup", "g", ""},
	} {
		r := newRig(t, "awslogs-group", c.group, "awslogs-create-group", "true")
		r.denied.Store(c.action, no)
		s, _ := r.ship(r.logs)
		err := s.Start(t.Context(), &docker.Task{Identity: identity, Containers: []docker.Container{{Name: "web"}}})
		if got := fmt.Sprint(err); err == nil && c.want != "" || err != nil && got != c.want {
			t.Errorf("%s, group %s: %v", c.action, c.group, err)
		}
	}
}

// Lines that the role may not write are dropped, and hold up nothing.
func TestWhatTheRoleMayNotWriteIsDropped(t *testing.T) {
	r := newRig(t)
	r.denied.Store("PutLogEvents", errors.New("AccessDeniedException"))
	s, _ := r.ship(r.logs)
	e := r.machine.is("c", "web", docker.Running, began)
	r.machine.says("c", "one", "two")
	r.machine.events <- e
	if err := s.Remove(t.Context(), identity.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.logs.OpenStream(scope, "g", stream, false); err != nil {
		t.Fatal(err)
	}
	r.want(stream)
}

func TestDatetimeFormatsMatchWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		format, line string
		want         bool
	}{
		{`%Y-%m-%dT%H:%M:%S%L%z`, "2026-03-20T10:00:00.123+0100 x", true},
		{`%Y-%m-%d`, "2026-13-20 x", false},
		{`\[%b %d, %Y %H:%M:%S\]`, "[May 01, 2017 19:00:01] A message", true},
		{`%A %I:%M %p`, "Friday 07:30 PM", true},
		{`%j%%`, "366%", true},
		{`%H:%M`, "24:00", false},
	} {
		if got := datetimeOf(t, c.format).MatchString(c.line); got != c.want {
			t.Errorf("%s on %s: %v", c.format, c.line, got)
		}
	}
}

func datetimeOf(t *testing.T, format string) *regexp.Regexp {
	t.Helper()
	begin, err := beginning(format, "")
	if err != nil {
		t.Fatal(err)
	}
	return begin
}

// What a line costs on its way from the daemon into its stream.
func BenchmarkShipping(b *testing.B) {
	a, err := archive.Open(filepath.Join(b.TempDir(), "logs.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	store := state.InMemory(logs.Tables...)
	defer store.Close()
	service := logs.New(&operation.Env{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, a)
	if err := service.OpenStream(scope, "g", stream, true); err != nil {
		b.Fatal(err)
	}
	s := New(nil, service, &rig{}, nil, slog.New(slog.DiscardHandler))
	lines, read := make(chan docker.Line, most), make(chan error, 1)
	go func() {
		for i := range b.N {
			lines <- line("GET /index.html 200 1234 bytes in 3 ms from 127.0.0.1", i)
		}
		read <- nil
		close(lines)
	}()
	if err := s.deliver(&shipment{scope: scope, group: "g", stream: stream}, lines, read); err != nil {
		b.Fatal(err)
	}
}
