package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ownDocker is a Docker daemon of the test's own, which it may end: nothing else
// runs there. Containers live on without it (live-restore).
type ownDocker struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

func newOwnDocker(t *testing.T) *ownDocker {
	t.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil || os.Geteuid() != 0 {
		t.Skip("SKIP: a daemon of the test's own needs dockerd, and root")
	}
	dir, err := os.MkdirTemp("", "own") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	d := &ownDocker{t: t, dir: dir}
	if err := os.Mkdir(d.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=96m", "slipway-test", d.data()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d.start()
	t.Cleanup(func() {
		ids := strings.Fields(d.docker("ps", "-aq"))
		if len(ids) > 0 {
			d.docker(append([]string{"rm", "-f"}, ids...)...)
		}
		for _, network := range strings.Fields(d.docker("network", "ls", "-q", "--filter", "name=slipway-")) {
			d.docker("network", "rm", network)
		}
		d.end(syscall.SIGTERM)
		for _, mounted := range []string{"x/netns/default", "d", "d"} { // the daemon's own mount of it, where that is left
			exec.Command("umount", filepath.Join(d.dir, mounted)).Run()
		}
		if err := os.RemoveAll(d.dir); err != nil {
			t.Log(err)
		}
	})
	return d
}

// data is the daemon's own small disk.
func (d *ownDocker) data() string { return filepath.Join(d.dir, "d") }

func (d *ownDocker) host() string { return "unix://" + filepath.Join(d.dir, "s") }

func (d *ownDocker) docker(args ...string) string {
	out, _ := exec.Command("docker", append([]string{"--host", d.host()}, args...)...).Output()
	return string(out)
}

// start returns when the daemon answers.
func (d *ownDocker) start() {
	d.t.Helper()
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close()
	// The machine's own bridge, which no container here is on: with none the daemon
	// would delete it under the other daemon.
	d.cmd = exec.Command("dockerd", "--host", d.host(), "--data-root", d.data(), "--exec-root", filepath.Join(d.dir, "x"), "--pidfile", filepath.Join(d.dir, "pid"),
		"--storage-driver", "vfs", "--bridge", "docker0", "--iptables=false", "--ip-forward=false", "--ip-masq=false", "--live-restore")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); exec.Command("docker", "--host", d.host(), "version").Run() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			d.t.Fatalf("the daemon does not answer: %s", text)
		}
	}
}

// end ends the daemon, and waits for the containerd that it started: a killed
// daemon's dies a little later, and the next would take it for a living one.
func (d *ownDocker) end(with syscall.Signal) {
	d.t.Helper()
	file := filepath.Join(d.dir, "x", "containerd", "containerd.pid")
	text, _ := os.ReadFile(file)
	containerd, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	d.cmd.Process.Signal(with)
	d.cmd.Wait()
	for end := time.Now().Add(5 * time.Second); containerd > 1 && syscall.Kill(containerd, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(containerd, syscall.SIGKILL)
		}
	}
	os.Remove(file)
	os.Remove(filepath.Join(d.dir, "pid"))
}

// fill leaves no room on the daemon's disk, until the file that it names is gone.
func (d *ownDocker) fill() (file string) {
	d.t.Helper()
	file = filepath.Join(d.data(), "filler")
	fillUp(d.t, file)
	return file
}

// fillUp makes a file that leaves no room on its disk.
func fillUp(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for piece := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(piece)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func TestBadDaysOfTheDaemon(t *testing.T) {
	d := newOwnDocker(t)
	before := os.Getenv("DOCKER_HOST")
	t.Setenv("DOCKER_HOST", d.host())
	s := &site{engine: start(t), name: siteName()}
	t.Setenv("DOCKER_HOST", before) // the test's own commands
	s.cluster = s.name
	s.client()
	s.network()
	s.capacity()
	s.image = s.pushed("probe", "ENTRYPOINT [\"/probe\"]\n")
	t.Run("restarted and killed, it loses and doubles no line", func(t *testing.T) { restartedWhileItShips(t, s, d) })
	t.Run("its disk is full", func(t *testing.T) { diskOfTheDaemonFull(t, s, d) })
}

// An image for which there is no room is a stop reason; once there is room, the
// same task runs.
func diskOfTheDaemonFull(t *testing.T, s *site, d *ownDocker) {
	web := s.pushed("web", "CMD [\"/web\"]\n")
	def := &ecs.RegisterTaskDefinitionInput{NetworkMode: types.NetworkModeHost, ContainerDefinitions: []types.ContainerDefinition{
		{Name: aws.String("web"), Image: &web, Memory: aws.Int32(64), StopTimeout: aws.Int32(2)},
	}}
	filler := d.fill()
	task := s.stopped(t, s.run(t, def, ecs.RunTaskInput{}))
	if got := aws.ToString(task.StoppedReason); task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.Contains(got, "CannotPullContainerError: ") || !strings.Contains(got, "no space left on device") {
		t.Errorf("%s %q", task.StopCode, got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	arn := s.run(t, def, ecs.RunTaskInput{})
	s.running(t, arn)
	s.stop(t, arn)
}

// The daemon is restarted, and killed, while a container writes: its stream has
// every line, in order, once.
func restartedWhileItShips(t *testing.T, s *site, d *ownDocker) {
	s.must("logs", "create-log-group", "--log-group-name", "g")
	const count = 4000
	def := s.logged(nil, "count", fmt.Sprint(count), "8s")
	def.NetworkMode = types.NetworkModeHost
	arn := s.runWhenPlaced(t, def)
	stream := "p/probe/" + arn[strings.LastIndex(arn, "/")+1:]
	s.running(t, arn)
	seen := 0
	for _, with := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		until(t, "more lines", func() bool {
			n := len(s.lines(stream))
			more := n > seen
			seen = n
			return more
		})
		t.Logf("%v to the daemon after %d lines", with, seen)
		d.end(with)
		d.start()
	}
	if seen >= count {
		t.Error("all lines were written before the last end of the daemon: the test proves nothing")
	}
	s.stopped(t, arn)
	until(t, "the container to be removed", func() bool { return strings.TrimSpace(d.docker("ps", "-aq")) == "" })
	got := s.lines(stream)
	if len(got) != count {
		t.Errorf("%d lines of %d", len(got), count)
	}
	for i, line := range got {
		if want := fmt.Sprintf("line %d", i); line != want {
			t.Fatalf("line %d is %q", i, line)
		}
	}
}
