package docker

import (
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/client"
)

// The daemon may never tell that memory was the cause. The kernel does.
func TestMemoryEndIsToldByTheKernelToo(t *testing.T) {
	r := open(t)
	if fd, err := syscall.Open(kernelLog, syscall.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		t.Skip("SKIP: the kernel's log may not be read:", err)
	} else {
		syscall.Close(fd)
	}
	ask := func(job *Task, wait func(*ContainerStatus) bool) (string, ContainerStatus) {
		id := until(t, r, job, "web", wait).ID
		res, err := r.cli.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		res.Container.State.OOMKilled = false
		r.mu.Lock()
		delete(r.heardOf, id)
		r.mu.Unlock()
		return id, r.observed(&res.Container)
	}
	starved := task(withMemory(run("web", "alloc=200"), 20))
	start(t, r, starved)
	id, c := ask(starved, over)
	if !c.OOMKilled || !strings.HasPrefix(c.Reason, "OutOfMemoryError") || *c.ExitCode != 137 {
		t.Errorf("it is %+v", c)
	}
	if n := memoryKills(id); n != 1 {
		t.Errorf("the kernel's log has %d kills of it", n)
	}
	killed := task(withMemory(run("web", "wait"), 20))
	start(t, r, killed)
	if _, err := r.cli.ContainerKill(t.Context(), until(t, r, killed, "web", isRunning).ID, client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		t.Fatal(err)
	}
	if _, c := ask(killed, over); c.OOMKilled || c.Reason != "" || *c.ExitCode != 137 {
		t.Errorf("one that was killed by hand is %+v", c)
	}
}

func TestKernelsRecordsOfMemory(t *testing.T) {
	const id = "0123456789abcdef"
	for record, want := range map[string]bool{
		"4,81,99,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=" + id + ",mems_allowed=0,oom_memcg=/docker/" + id + ",task_memcg=/docker/" + id + ",task=web,pid=7,uid=0\n":     true,
		"4,81,99,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/docker-" + id + ".scope,task=web,pid=7,uid=0\n":              true,
		"4,81,99,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=" + id + ",mems_allowed=0,oom_memcg=/docker/" + id + ",task_memcg=/docker/another,task=" + id + ",pid=7,uid=0\n": false,
		"3,82,99,-;Memory cgroup out of memory: Killed process 7 (" + id + ") total-vm:1kB\n":                                                                                                   false,
		"6,83,99,-;docker0: port 1(veth" + id + ") entered blocking state\n":                                                                                                                    false,
	} {
		if got := killsForMemory([]byte(record), id); got != want {
			t.Errorf("%s: %t", record, got)
		}
	}
}
