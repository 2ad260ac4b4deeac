package docker

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// podmanConf makes Podman ask for no more than a machine without systemd has.
const podmanConf = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`

// podman is the address of a Podman service with storage of its own.
func podman(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("podman"); err != nil || os.Geteuid() != 0 {
		t.Skip("SKIP: a Podman service of the test's own needs podman, and root")
	}
	dir, err := os.MkdirTemp("", "pod") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("containers.conf"), podmanConf)
	log, err := os.Create(in("log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("podman", "--root", in("root"), "--runroot", in("run"), "--network-config-dir", in("net"), "--storage-driver", "vfs",
		"system", "service", "--time", "0", "unix://"+in("s"))
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "CONTAINERS_CONF="+in("containers.conf")), log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		log.Close()
		if err := os.RemoveAll(dir); err != nil {
			t.Log(err)
		}
	})
	address := "unix://" + in("s")
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if cli, _, err := connect(t.Context(), address, nil); err == nil {
			cli.Close()
			return address
		} else if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("podman does not answer: %v\n%s", err, text)
		}
	}
}

// Podman's socket speaks Docker's API, but for some words: what is tested with
// Docker holds with it. (Pulls from the engine's registry, and health checks, need
// what its user sets up: see docs/containers.md.)
func TestPodmansSocket(t *testing.T) {
	t.Setenv("DOCKER_HOST", podman(t))
	defer func(docker []string) { testImages = docker }(slices.Clone(testImages)) // its own go with its storage
	r, err := Open(t.Context(), Options{Engine: "test-podman"})
	if err != nil || !r.Host().Podman {
		t.Fatalf("it is not Podman that answers: %v", err)
	}
	r.Close()
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"TestBridgeTaskRunsAndStops", TestBridgeTaskRunsAndStops}, {"TestEventsTellALife", TestEventsTellALife}, {"TestCauseOfAnEndIsTold", TestCauseOfAnEndIsTold},
		{"TestAWSVPCTaskHasOneAddress", TestAWSVPCTaskHasOneAddress}, {"TestNewEngineAdoptsWhatRuns", TestNewEngineAdoptsWhatRuns}, {"TestVolumes", TestVolumes},
		{"TestLogsOfADaemonInOrder", TestLogsOfADaemonInOrder},
		{"volumes of others", othersVolumes},
	} {
		t.Run(test.name, test.run)
	}
}

// othersVolumes has two engines keep volumes: one that goes takes its own.
func othersVolumes(t *testing.T) {
	ours, theirs := open(t), open(t)
	for _, r := range []*Runtime{ours, theirs} {
		c := run("web", "wait")
		c.Mounts = []Mount{{"data", "/data", false}}
		job := task(c)
		job.Volumes = []Volume{{Name: "data"}}
		start(t, r, job)
		stop(t, r, job)
	}
	if err := ours.Teardown(context.Background()); err != nil {
		t.Error(err)
	}
	if tasks, err := theirs.List(t.Context()); err != nil || len(tasks) != 1 {
		t.Errorf("the other engine has %v, %v", tasks, err)
	}
}
