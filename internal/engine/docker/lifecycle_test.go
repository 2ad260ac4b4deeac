package docker

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

func TestBridgeTaskRunsAndStops(t *testing.T) {
	r := open(t)
	web := run("web", "listen=:8080", "term=7", "wait")
	web.Ports = []Port{{Container: 8080}}
	job := task(web)
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if len(c.Bindings) != 1 || c.Bindings[0].ContainerPort != 8080 || c.Bindings[0].HostPort == 0 || c.Bindings[0].Host.String() != "127.0.0.1" {
		t.Fatalf("bindings are %+v", c.Bindings)
	}
	if !strings.HasPrefix(c.DockerName, "ecs-web-3-web-") {
		t.Errorf("the daemon's name is %q", c.DockerName)
	}
	fetch(t, fmt.Sprintf("http://127.0.0.1:%d/", c.Bindings[0].HostPort))
	fetch(t, fmt.Sprintf("http://%s:8080/", c.Address))
	stop(t, r, job)
	c = now(t, r, job, "web")
	if c.Phase != Stopped || c.ExitCode == nil || *c.ExitCode != 7 || c.StoppedAt.IsZero() || c.Reason != "" {
		t.Fatalf("after the stop it is %+v", c)
	}
	if err := r.Remove(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if tasks, err := r.List(t.Context()); err != nil || len(tasks) != 0 {
		t.Fatalf("left: %v %v", tasks, err)
	}
}

func TestEventsTellALife(t *testing.T) {
	r := open(t)
	events := r.Events(t.Context())
	job := task(run("web", "term=0", "wait"))
	start(t, r, job)
	until(t, r, job, "web", isRunning)
	stop(t, r, job)
	if err := r.Remove(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	var got []Phase
	var last Event
	for last = range events {
		if got = append(got, last.Container.Phase); last.Container.Phase == Removed {
			break
		}
		if c := last.Container; c.Phase >= Created && (c.ID == "" || c.CreatedAt.IsZero()) || c.Phase >= Running && c.StartedAt.IsZero() {
			t.Errorf("an event lacks facts: %+v", c)
		}
	}
	if diff := cmp.Diff([]Phase{Pulling, Pulled, Created, Running, Stopped, Removed}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(job.Identity, last.Identity); diff != "" {
		t.Error(diff)
	}
}

func TestCauseOfAnEndIsTold(t *testing.T) {
	r := open(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint16(taken.Addr().(*net.TCPAddr).Port)
	tests := map[string]struct {
		c Container
		// started tells whether Start succeeds: the container then ends by itself.
		started bool
		exit    *int
		reason  string // that it holds; "" for none
	}{
		"exit code": {run("web", "exit=3"), true, new(3), ""},
		"success":   {run("web", "exit=0"), true, new(0), ""},
		"memory":    {withMemory(run("web", "alloc=200"), 20), true, new(137), "OutOfMemoryError: Container killed due to memory usage"},
		"no image":  {withImage(run("web"), "127.0.0.1:1/none:1"), false, nil, "CannotPullContainerError: Error response from daemon: "},
		"no such program": {Container{Name: "web", EntryPoint: []string{"/nothing"}, Essential: true}, false, nil,
			"CannotStartContainerError: Error response from daemon: "},
		"port taken": {withPort(run("web", "wait"), Port{Container: 80, Host: port}), false, nil, "address already in use"},
		"bad mount":  {Container{Name: "web", Essential: true, Mounts: []Mount{{"none", "/x", false}}}, false, nil, "CannotCreateContainerError: mount point /x names volume none"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			job := task(tt.c)
			err := r.Start(t.Context(), job)
			if tt.started != (err == nil) {
				t.Fatalf("Start returned %v", err)
			}
			c := until(t, r, job, "web", over)
			if diff := cmp.Diff(tt.exit, c.ExitCode); diff != "" {
				t.Error("exit code", diff)
			}
			if !strings.Contains(c.Reason, tt.reason) || tt.reason == "" && c.Reason != "" {
				t.Errorf("the reason is %q, want %q", c.Reason, tt.reason)
			}
			if err != nil && err.Error() != c.Reason {
				t.Errorf("Start says %q, the event %q", err, c.Reason)
			}
			if again := r.Start(t.Context(), job); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("started again it says %v, first %v", again, err)
			}
		})
	}
}

func TestMemoryEndIsAlwaysToldFromOtherKills(t *testing.T) {
	r := open(t)
	for range 5 {
		job := task(withMemory(run("web", "alloc=200"), 20))
		start(t, r, job)
		if c := until(t, r, job, "web", over); !c.OOMKilled || !strings.HasPrefix(c.Reason, "OutOfMemoryError") {
			t.Errorf("it is %+v", c)
		}
	}
	job := task(run("web", "wait"))
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if _, err := r.cli.ContainerKill(t.Context(), c.ID, client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		t.Fatal(err)
	}
	if c := until(t, r, job, "web", over); c.OOMKilled || c.Reason != "" || *c.ExitCode != 137 {
		t.Errorf("a killed container is %+v", c)
	}
}

func TestProgramOfAnotherArchitectureIsNamed(t *testing.T) {
	r := open(t)
	ref := probeImage + "-foreign"
	if err := buildForeign(ref, r.host.Architecture); err != nil {
		t.Fatal(err)
	}
	job := task(withImage(run("web"), ref))
	err := r.Start(t.Context(), job)
	c := until(t, r, job, "web", over)
	if !strings.Contains(c.Reason, "exec format error") {
		t.Errorf("Start returned %v, the reason is %q", err, c.Reason)
	}
	t.Log(c.Reason)
}

func TestStopSignals(t *testing.T) {
	r := open(t)
	usr1 := probeImage + "-usr1"
	if err := buildImage(usr1, "STOPSIGNAL SIGUSR1"); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		c    Container
		exit int
	}{
		"handled":       {run("web", "term=5", "print=ready", "wait"), 5},
		"the image's":   {withImage(run("web", "usr1=6", "print=ready", "wait"), usr1), 6},
		"ignored":       {run("web", "term=ignore", "print=ready", "wait"), 137},
		"not listening": {run("web", "print=ready", "wait"), 2}, // Go's runtime ends a process at an unhandled SIGTERM, even pid 1
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.c.StopTimeout = time.Second
			job := task(tt.c)
			start(t, r, job)
			c := until(t, r, job, "web", isRunning)
			waitLine(t, r, c.ID, "ready")
			stop(t, r, job)
			if c := now(t, r, job, "web"); c.Phase != Stopped || c.ExitCode == nil || *c.ExitCode != tt.exit {
				t.Errorf("it ended as %+v", c)
			}
		})
	}
}

func TestStartWaitsForDependencies(t *testing.T) {
	r := open(t)
	migrate := run("migrate", "write=/shared/done:yes", "exit=0")
	migrate.Essential = false
	migrate.Mounts = []Mount{{"shared", "/shared", false}}
	proxy := run("proxy", "sleep=300ms", "write=/tmp/ok:1", "term=0", "wait")
	proxy.HealthCheck = &HealthCheck{Command: []string{"CMD", "/probe", "there=/tmp/ok"}, Interval: 100 * time.Millisecond, Timeout: time.Second, Retries: 50}
	app := run("app", "there=/shared/done", "term=0", "wait")
	app.Mounts = []Mount{{"shared", "/shared", true}}
	app.DependsOn = []Dependency{{"migrate", OnSuccess}, {"proxy", OnHealthy}}
	job := task(app, proxy, migrate)
	job.Volumes = []Volume{{Name: "shared"}}
	start(t, r, job)
	a := until(t, r, job, "app", isRunning)
	m, p := now(t, r, job, "migrate"), now(t, r, job, "proxy")
	if !a.CreatedAt.After(m.StoppedAt) || m.StoppedAt.IsZero() {
		t.Errorf("app was created at %v, migrate ended at %v", a.CreatedAt, m.StoppedAt)
	}
	if p.Health.Status != Healthy || !a.CreatedAt.After(p.Health.Since.Add(-time.Millisecond)) {
		t.Errorf("app was created at %v, proxy is %+v", a.CreatedAt, p.Health)
	}
	stop(t, r, job)
	a, p = now(t, r, job, "app"), now(t, r, job, "proxy")
	if p.StoppedAt.Before(a.StoppedAt) {
		t.Errorf("proxy stopped at %v, before app at %v, which depends on it", p.StoppedAt, a.StoppedAt)
	}
}

func TestDependencyThatFailsStopsTheStart(t *testing.T) {
	r := open(t)
	slow := run("first", "wait")
	slow.StartTimeout = 200 * time.Millisecond
	sick := run("first", "wait")
	sick.HealthCheck = &HealthCheck{Command: []string{"CMD", "/probe", "exit=1"}, Interval: 50 * time.Millisecond, Timeout: time.Second, Retries: 1}
	sick.StartTimeout = 300 * time.Millisecond
	tests := map[string]struct {
		first Container
		on    Condition
		want  string
	}{
		"failed":       {run("first", "exit=4"), OnSuccess, "TaskDependencyError: container first did not exit successfully: exit code 4"},
		"never ended":  {slow, OnComplete, "TaskDependencyError: container first was not COMPLETE within its start timeout of 200ms"},
		"never healed": {sick, OnHealthy, "TaskDependencyError: container first was not HEALTHY within its start timeout of 300ms"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			second := run("second", "wait")
			second.DependsOn = []Dependency{{"first", tt.on}}
			job := task(tt.first, second)
			err := r.Start(t.Context(), job)
			if err == nil || err.Error() != tt.want {
				t.Fatalf("Start returned %v, want %s", err, tt.want)
			}
			c := until(t, r, job, "second", over)
			if c.ID != "" || c.ExitCode != nil || c.Reason != tt.want {
				t.Errorf("second is %+v", c)
			}
		})
	}
}

func TestStopEndsAStartUnderWay(t *testing.T) {
	r := open(t)
	second := run("second", "wait")
	second.DependsOn = []Dependency{{"first", OnComplete}}
	job := task(run("first", "term=0", "wait"), second)
	ended := make(chan error, 1)
	go func() { ended <- r.Start(context.WithoutCancel(t.Context()), job) }()
	until(t, r, job, "first", isRunning)
	stop(t, r, job)
	if err := <-ended; err != ErrStopping {
		t.Errorf("Start returned %v", err)
	}
	if c := now(t, r, job, "second"); c.Phase != Stopped || c.Reason != "" || c.ExitCode != nil {
		t.Errorf("second is %+v", c)
	}
	if err := r.Start(t.Context(), job); err != ErrStopping {
		t.Errorf("a stopped task's Start returned %v", err)
	}
}

func TestHealthIsTold(t *testing.T) {
	r := open(t)
	web := run("web", "write=/tmp/ok:1", "usr1=9", "sleep=1s", "remove=/tmp/ok", "wait")
	web.HealthCheck = &HealthCheck{Command: []string{"CMD", "/probe", "there=/tmp/ok"}, Interval: 100 * time.Millisecond, Timeout: time.Second, Retries: 2}
	image := probeImage + "-health"
	if err := buildImage(image, `HEALTHCHECK --interval=100ms CMD ["/probe", "exit=0"]`); err != nil {
		t.Fatal(err)
	}
	job := task(web, withImage(run("other", "wait"), image))
	start(t, r, job)
	if c := until(t, r, job, "web", func(c *ContainerStatus) bool { return c.Health.Status == Healthy }); !strings.Contains(c.Health.Output, "is there") {
		t.Errorf("health is %+v", c.Health)
	}
	c := until(t, r, job, "web", func(c *ContainerStatus) bool { return c.Health.Status == Unhealthy })
	if c.Phase != Running || c.Health.ExitCode != 1 || !strings.Contains(c.Health.Output, "no such file") || c.Health.Since.IsZero() {
		t.Errorf("health is %+v of a %s container", c.Health, c.Phase)
	}
	if c := now(t, r, job, "other"); c.Health.Status != HealthUnknown {
		t.Errorf("an image's own health check is reported: %+v", c.Health)
	}
}

func TestRestartPolicy(t *testing.T) {
	r := open(t)
	again := run("again", "sleep=300ms", "exit=3")
	again.Restart = &Restart{Period: 200 * time.Millisecond}
	early := run("early", "exit=3")
	early.Restart = &Restart{Period: time.Hour}
	ignored := run("ignored", "sleep=300ms", "exit=3")
	ignored.Restart = &Restart{Period: 200 * time.Millisecond, IgnoredCodes: []int{3}}
	job := task(again, early, ignored)
	events := r.Events(t.Context())
	start(t, r, job)
	until(t, r, job, "early", over)
	until(t, r, job, "ignored", over)
	for e := range events {
		if e.Container.Name != "again" {
			continue
		}
		if e.Container.Phase == Stopped {
			t.Fatal("a container that is started again was said to have stopped")
		}
		if e.Container.Restarts == 2 {
			break
		}
	}
	if c := now(t, r, job, "early"); c.Restarts != 0 {
		t.Errorf("early is %+v", c)
	}
	stop(t, r, job)
	if c := now(t, r, job, "again"); c.Phase != Stopped {
		t.Errorf("after the stop again is %+v", c)
	}
}

func TestPortRangeIsContiguous(t *testing.T) {
	r := open(t)
	web := run("web", "listen=:7000", "listen=:7002", "wait")
	web.Ports = []Port{{Container: 7000, Last: 7002}, {Container: 53, Proto: "udp"}}
	job := task(web)
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if len(c.Bindings) != 4 || c.Bindings[0].Proto != "udp" || c.Bindings[0].HostPort == 0 {
		t.Fatalf("bindings are %+v", c.Bindings)
	}
	first := c.Bindings[1].HostPort
	for i, b := range c.Bindings[1:] {
		if b.ContainerPort != 7000+uint16(i) || b.HostPort != first+uint16(i) {
			t.Errorf("bindings are %+v", c.Bindings)
		}
	}
	fetch(t, "http://127.0.0.1:"+strconv.Itoa(int(first))+"/")
	fetch(t, "http://127.0.0.1:"+strconv.Itoa(int(first)+2)+"/")
}

func TestRefusedTaskLeavesNothing(t *testing.T) {
	r := open(t)
	job := task(Container{Name: "a", DependsOn: []Dependency{{"b", OnStart}}})
	if err := r.Start(t.Context(), job); err == nil || !strings.Contains(err.Error(), "TaskDependencyError: container a depends on b") {
		t.Errorf("Start returned %v", err)
	}
	if tasks, err := r.List(t.Context()); err != nil || len(tasks) != 0 {
		t.Errorf("left: %v %v", tasks, err)
	}
}

func isRunning(c *ContainerStatus) bool { return c.Phase == Running }

func over(c *ContainerStatus) bool { return c.Phase >= Stopped }

func withImage(c Container, image string) Container {
	c.Image = image
	return c
}

func withMemory(c Container, mib int64) Container {
	c.MemoryHard = mib
	return c
}

func withPort(c Container, p Port) Container {
	c.Ports = append(slices.Clone(c.Ports), p)
	return c
}
