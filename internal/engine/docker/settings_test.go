package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

// What a container's definition asks for, the program in it finds.
func TestProgramFindsWhatWasAskedFor(t *testing.T) {
	r := open(t)
	tests := map[string]struct {
		c    Container
		want []string
	}{
		"environment": {Container{Command: []string{"env=A", "env=B"}, Env: []string{"A=1", "B=two words"}}, []string{"1", "two words"}},
		"entry point": {Container{EntryPoint: []string{"/probe", "print=entry"}, Command: []string{"print=command"}}, []string{"entry", "command"}},
		"user":        {Container{Command: []string{"uid="}, User: "1234:55"}, []string{"1234"}},
		"folder":      {Container{Command: []string{"cwd="}, WorkingDir: "/etc"}, []string{"/etc"}},
		"host name":   {Container{Command: []string{"hostname="}, Hostname: "web-1"}, []string{"web-1"}},
		"ulimit":      {Container{Command: []string{"limit=Max locked memory"}, Ulimits: []Ulimit{{"memlock", 65536, 131072}}}, []string{"65536 131072"}},
		"sysctl":      {Container{Command: []string{"cat=/proc/sys/net/ipv4/ip_unprivileged_port_start"}, Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "99"}}, []string{"99"}},
		"init":        {Container{Command: []string{"ppid="}, Linux: Linux{Init: true}}, []string{"1"}},
		"no init":     {Container{Command: []string{"ppid="}}, []string{"0"}},
		"read-only":   {Container{Command: []string{"write=/x:1"}, ReadonlyRoot: true}, []string{"open /x: read-only file system"}},
		"tmpfs":       {Container{Command: []string{"write=/run/x:1", "cat=/run/x"}, ReadonlyRoot: true, Linux: Linux{Tmpfs: []Tmpfs{{Path: "/run", Size: 1}}}}, []string{"1"}},
		"shared memory": {Container{Command: []string{"space=/dev/shm"}, Linux: Linux{SharedMemory: 7}},
			[]string{fmt.Sprint(7 << 20)}},
		"capability added":   {Container{Command: []string{"capability=19"}, Linux: Linux{CapAdd: []string{"SYS_PTRACE"}}}, []string{"true"}},
		"capability dropped": {Container{Command: []string{"capability=0"}, Linux: Linux{CapDrop: []string{"CHOWN"}}}, []string{"false"}},
		"not privileged":     {Container{Command: []string{"capability=21"}}, []string{"false"}},
		"device":             {Container{Command: []string{"there=/dev/mine"}, Linux: Linux{Devices: []Device{{Host: "/dev/null", Container: "/dev/mine", Permissions: []string{"read"}}}}}, []string{"/dev/mine is there"}},
		"extra host":         {Container{Command: []string{"lookup=api.test"}, ExtraHosts: []string{"api.test:10.1.2.3"}}, []string{"10.1.2.3"}},
		"DNS":                {Container{Command: []string{"cat=/etc/resolv.conf"}, DNSServers: []string{"10.1.2.3"}, DNSSearch: []string{"svc.test"}}, []string{"search svc.test", "nameserver 10.1.2.3"}},
		"terminal":           {Container{Command: []string{"terminal="}, Terminal: true}, []string{"true\r"}},
		"no networking":      {Container{Command: []string{"interfaces="}, DisableNetworking: true}, []string{"lo"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.c.Name = "web"
			job := task(tt.c)
			start(t, r, job)
			c := until(t, r, job, "web", over)
			if diff := cmp.Diff(tt.want, output(t, r, c.ID)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDaemonHoldsTheLimits(t *testing.T) {
	r := open(t)
	web := run("web", "wait")
	web.CPU, web.MemoryHard, web.MemorySoft = 300, 64, 32
	web.DockerLabels = map[string]string{"team": "blue"}
	web.SecurityOptions = []string{"no-new-privileges"}
	job := task(web, run("other", "wait"))
	job.CPU, job.Memory = 512, 128
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	res, err := r.cli.ContainerInspect(t.Context(), c.ID, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := res.Container.HostConfig
	if h.CPUShares != 300 || h.Memory != 64*mib || h.MemoryReservation != 32*mib || h.NanoCPUs != 5e8 {
		t.Errorf("limits are %+v", h.Resources)
	}
	if res.Container.Config.Labels["team"] != "blue" || !slices.Contains(h.SecurityOpt, "no-new-privileges") {
		t.Errorf("labels are %v, security options %v", res.Container.Config.Labels, h.SecurityOpt)
	}
	if o := until(t, r, job, "other", isRunning); o.ID != "" {
		res, err := r.cli.ContainerInspect(t.Context(), o.ID, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if h := res.Container.HostConfig; h.Memory != 128*mib || h.CPUShares != minShares {
			t.Errorf("limits under the task's are %+v", h.Resources)
		}
	}
}

func TestVolumes(t *testing.T) {
	r := open(t)
	dir := filepath.Join(t.TempDir(), "made", "by-docker")
	shared := r.opt.Engine + "-shared"
	write := run("write", "write=/own/a:1", "write=/host/b:2", "write=/shared/c:3")
	write.Mounts = []Mount{{"own", "/own", false}, {"host", "/host", false}, {shared, "/shared", false}}
	read := run("read", "cat=/own/a", "cat=/host/b", "cat=/shared/c", "write=/host/x:1")
	read.VolumesFrom = []VolumesFrom{{"write", true}}
	read.DependsOn = []Dependency{{"write", OnSuccess}}
	job := task(write, read)
	job.Volumes = []Volume{{Name: "own"}, {Name: "host", HostPath: dir}, {Name: shared, Docker: &DockerVolume{Shared: true, Autoprovision: true}}}
	t.Cleanup(func() {
		// Only left where the test failed before it came to removing it.
		_, _ = r.cli.VolumeRemove(context.Background(), shared, client.VolumeRemoveOptions{Force: true})
	})
	start(t, r, job)
	c := until(t, r, job, "read", over)
	if diff := cmp.Diff([]string{"1", "2", "3", "open /host/x: read-only file system"}, output(t, r, c.ID)); diff != "" {
		t.Error(diff)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "b")); string(text) != "2" {
		t.Errorf("on the host it is %q, %v", text, err)
	}
	if err := r.Remove(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.cli.VolumeInspect(t.Context(), r.volumeName(job.Identity, "own"), client.VolumeInspectOptions{}); err == nil {
		t.Error("the task's own volume is left")
	}
	if _, err := r.cli.VolumeInspect(t.Context(), shared, client.VolumeInspectOptions{}); err != nil {
		t.Errorf("the shared volume is gone: %v", err)
	}
	if _, err := r.cli.VolumeRemove(t.Context(), shared, client.VolumeRemoveOptions{}); err != nil {
		t.Error(err)
	}
	missing := task(run("web"))
	missing.Volumes = []Volume{{Name: "nowhere-" + r.opt.Engine, Docker: &DockerVolume{Shared: true}}}
	if err := r.Start(t.Context(), missing); err == nil || !strings.Contains(err.Error(), "is not there, and autoprovision is off") {
		t.Errorf("a missing volume: %v", err)
	}
}

func TestExec(t *testing.T) {
	r := open(t)
	job := task(run("web", "wait"))
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	var out, errs strings.Builder
	code, err := r.Exec(t.Context(), c.ID, Command{
		Args: []string{"/probe", "env=A", "errs=1", "echo=", "exit=4"}, Env: []string{"A=b"},
		Stdin: strings.NewReader("from outside\n"), Stdout: &out, Stderr: &errs,
	})
	if err != nil || code != 4 || out.String() != "b\nfrom outside\n" || errs.String() != "err 0\n" {
		t.Errorf("got %d, %v, %q, %q", code, err, out.String(), errs.String())
	}
	var term strings.Builder
	code, err = r.Exec(t.Context(), c.ID, Command{Args: []string{"/probe", "terminal="}, Terminal: true, Width: 80, Height: 24, Stdout: &term})
	if err != nil || code != 0 || term.String() != "true\r\n" {
		t.Errorf("in a terminal: %d, %v, %q", code, err, term.String())
	}
	if code, err := r.Exec(t.Context(), c.ID, Command{Args: []string{"/nothing"}}); err == nil && code == 0 {
		t.Errorf("a command that is not there: %d, %v", code, err)
	}
	if _, err := r.Exec(t.Context(), "0123456789ab", Command{Args: []string{"/probe"}}); err == nil {
		t.Error("a container that is not there")
	}
}

func TestStats(t *testing.T) {
	r := open(t)
	job := task(withMemory(run("web", "alloc=20", "print=ready", "wait"), 64))
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	waitLine(t, r, c.ID, "ready")
	s, err := r.Stats(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if s.Memory < 20*mib || s.Memory > 64*mib || s.MemoryLimit != 64*mib || s.CPU <= 0 || s.Processes == 0 || len(s.Raw) == 0 || time.Since(s.Time) > time.Hour {
		s.Raw = nil
		t.Errorf("it uses %+v", s)
	}
}
