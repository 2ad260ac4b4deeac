package docker

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

// cutter stands between a Runtime and the daemon, and can cut them apart: to
// the Runtime, the daemon has gone away and come back.
type cutter struct {
	path string
	real string

	mu    sync.Mutex
	l     net.Listener
	conns map[net.Conn]bool
}

func newCutter(t *testing.T, daemon string) *cutter {
	c := &cutter{path: filepath.Join(t.TempDir(), "d.sock"), real: strings.TrimPrefix(daemon, "unix://"), conns: map[net.Conn]bool{}}
	c.restore(t)
	t.Cleanup(c.cut)
	return c
}

func (c *cutter) host() string { return "unix://" + c.path }

func (c *cutter) restore(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", c.path)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.l = l
	c.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", c.real)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			c.conns[in], c.conns[out] = true, true
			c.mu.Unlock()
			go c.copy(in, out)
			go c.copy(out, in)
		}
	}()
}

func (c *cutter) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from) // ends when either end does
	to.Close()
	from.Close()
	c.mu.Lock()
	delete(c.conns, to)
	delete(c.conns, from)
	c.mu.Unlock()
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.l.Close()
	for conn := range c.conns {
		conn.Close()
	}
}

func cuttable(t *testing.T) (*Runtime, *cutter) {
	t.Helper()
	direct := open(t)
	if !strings.HasPrefix(direct.host.Address, "unix://") {
		t.Skip("SKIP: the daemon is not on a unix socket")
	}
	c := newCutter(t, direct.host.Address)
	r, err := Open(t.Context(), Options{Engine: direct.opt.Engine, Host: c.host(), Pull: PullPreferCached})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, c
}

func TestNothingIsMissedWhileTheDaemonIsAway(t *testing.T) {
	r, c := cuttable(t)
	direct, _, err := connect(t.Context(), "unix://"+c.real, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	job := task(run("stays", "wait"), run("dies", "wait"), run("vanishes", "wait"), run("returns", "sleep=20s"))
	start(t, r, job)
	ids := map[string]string{}
	for _, name := range []string{"stays", "dies", "vanishes", "returns"} {
		ids[name] = until(t, r, job, name, isRunning).ID
	}
	events := r.Events(t.Context())
	for range ids {
		<-events // what is known already
	}
	c.cut()
	if _, err := direct.ContainerKill(t.Context(), ids["dies"], client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		t.Fatal(err)
	}
	if _, err := direct.ContainerRemove(t.Context(), ids["vanishes"], client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := direct.ContainerRestart(t.Context(), ids["returns"], client.ContainerRestartOptions{Timeout: new(0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.List(t.Context()); err == nil {
		t.Error("a list without a daemon succeeded")
	}
	c.restore(t)
	got := map[string][]Phase{}
	for len(got["dies"]) < 1 || len(got["vanishes"]) < 2 || len(got["returns"]) < 1 {
		select {
		case e := <-events:
			got[e.Container.Name] = append(got[e.Container.Name], e.Container.Phase)
			if e.Container.Name == "dies" && *e.Container.ExitCode != 137 {
				t.Errorf("it died as %+v", e.Container)
			}
			if e.Container.Name == "vanishes" && !strings.HasPrefix(e.Container.Reason, "ContainerVanishedError: ") {
				t.Errorf("it vanished as %+v", e.Container)
			}
		case <-time.After(patience):
			t.Fatalf("so far: %v", got)
		}
	}
	// The stream stands again, and says each thing once.
	after := task(run("after", "exit=0"))
	start(t, r, after)
	for e := range events {
		got[e.Container.Name] = append(got[e.Container.Name], e.Container.Phase)
		if e.Container.Name == "after" && e.Container.Phase == Stopped {
			break
		}
	}
	want := map[string][]Phase{"dies": {Stopped}, "vanishes": {Stopped, Removed}, "returns": {Running}, "after": {Pulling, Pulled, Created, Running, Stopped}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDaemonThatTakesTooLongIsNamed(t *testing.T) {
	err := within(t.Context(), time.Nanosecond, "web", "started", cannotStart, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err == nil || err.Error() != "DockerTimeoutError: Could not transition to started; timed out after waiting 1ns" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrStopping)
	err = within(ctx, time.Hour, "web", "started", cannotStart, func(ctx context.Context) error { return ctx.Err() })
	if err != ErrStopping {
		t.Errorf("called off: %v", err)
	}
}

func TestLogsGoOnAfterTheDaemonWasAway(t *testing.T) {
	r, c := cuttable(t)
	job := task(run("web", "lines=100", "errs=50", "print=first", "sleep=700ms", "lines=100", "print=last"))
	start(t, r, job)
	id := until(t, r, job, "web", isRunning).ID
	var got []string
	once := sync.OnceFunc(func() {
		c.cut()
		time.AfterFunc(300*time.Millisecond, func() { c.restore(t) })
	})
	err := r.Logs(t.Context(), id, Cursor{}, true, func(l Line) error {
		got = append(got, string(l.Text))
		if string(l.Text) == "first" {
			once()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 252 || got[len(got)-1] != "last" {
		t.Errorf("got %d lines, the last is %q", len(got), got[len(got)-1])
	}
}

func TestNewEngineAdoptsWhatRuns(t *testing.T) {
	first := open(t)
	stranger := open(t)
	theirs := task(run("web", "wait"))
	start(t, stranger, theirs)

	web := run("web", "listen=:8080", "term=0", "wait")
	web.Ports = []Port{{Container: 8080}}
	web.DependsOn = []Dependency{{"setup", OnSuccess}}
	never := run("never", "wait")
	never.DependsOn = []Dependency{{"web", OnComplete}}
	job := task(web, run("setup", "exit=0"), never)
	ctx, crash := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Start(ctx, job) }()
	before := until(t, first, job, "web", isRunning)
	crash()
	<-done
	first.Close()

	second, err := Open(t.Context(), Options{Engine: first.opt.Engine, Pull: PullPreferCached})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	tasks, err := second.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks) != 1 || len(tasks[0].Containers) != 2 {
		t.Fatalf("adopted %+v", tasks)
	}
	if diff := cmp.Diff(job.Identity, tasks[0].Identity); diff != "" {
		t.Error(diff)
	}
	after := now(t, second, job, "web")
	if diff := cmp.Diff(before, after, cmp.Comparer(sameTime), cmp.Comparer(sameAddress)); diff != "" {
		t.Error("known otherwise than before", diff)
	}
	// It goes on where the first left off.
	go func() { done <- second.Start(context.WithoutCancel(t.Context()), job) }()
	stopAfter := now(t, second, job, "web")
	if _, err := second.cli.ContainerStop(t.Context(), stopAfter.ID, client.ContainerStopOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, second, job, "never", isRunning)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c := now(t, second, job, "web"); c.ID != before.ID || c.Phase != Stopped {
		t.Errorf("web is %+v", c)
	}
	if err := second.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := now(t, stranger, theirs, "web"); c.Phase != Running {
		t.Errorf("another engine's container is %+v", c)
	}
	if _, err := stranger.cli.ContainerInspect(t.Context(), now(t, stranger, theirs, "web").ID, client.ContainerInspectOptions{}); err != nil {
		t.Errorf("another engine's container: %v", err)
	}
}
