package e2e

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// What goes wrong with a container can be read through the API, in AWS's words.
func TestWhyATaskStoppedCanBeRead(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	alien := s.alien()
	const failed, ended = types.TaskStopCodeTaskFailedToStart, types.TaskStopCodeEssentialContainerExited
	for _, tt := range []struct {
		name   string
		edit   func(c *types.ContainerDefinition)
		code   types.TaskStopCode
		reason string // the task's
		own    string // the container's
		exit   *int32
	}{
		{"an image that is not there", func(c *types.ContainerDefinition) { c.Image = aws.String(strings.TrimSuffix(s.image, ":v1") + ":v2") }, failed,
			"CannotPullContainerError: ", "CannotPullContainerError: Error response from daemon: ", nil},
		{"an image for another machine", func(c *types.ContainerDefinition) { c.Image, c.Command = &alien, nil }, ended,
			"Essential container in task exited", "exec format error", aws.Int32(1)},
		{"a port that is taken", func(c *types.ContainerDefinition) {
			c.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(80), HostPort: aws.Int32(int32(port))}}
		}, failed, "CannotStartContainerError: ", "address already in use", nil},
		{"a command that is not there", func(c *types.ContainerDefinition) { c.EntryPoint = []string{"/nothing"} }, failed,
			"Error: ", "/nothing", nil},
		{"a log driver that is not there", func(c *types.ContainerDefinition) {
			c.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "absent", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "x"}}
		}, failed, "The specified log group does not exist", "", nil},
		{"no memory left", func(c *types.ContainerDefinition) { c.Command, c.Memory = []string{"eat"}, aws.Int32(32) }, ended,
			"Essential container in task exited", "OutOfMemoryError: Container killed due to memory usage", aws.Int32(137)},
		{"an exit", func(c *types.ContainerDefinition) { c.Command = []string{"exit", "3"} }, ended, "Essential container in task exited", "", aws.Int32(3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.probe("wait")
			tt.edit(&c)
			task := s.stopped(t, s.run(t, &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{c}}, ecs.RunTaskInput{}))
			if task.StopCode != tt.code || !strings.Contains(aws.ToString(task.StoppedReason), tt.reason) {
				t.Errorf("the task: %s %q", task.StopCode, aws.ToString(task.StoppedReason))
			}
			own := task.Containers[0]
			if !strings.Contains(aws.ToString(own.Reason), tt.own) {
				t.Errorf("the container: %q", aws.ToString(own.Reason))
			}
			if (own.ExitCode == nil) != (tt.exit == nil) || own.ExitCode != nil && *own.ExitCode != *tt.exit {
				t.Errorf("the exit code: %v", own.ExitCode)
			}
			if tt.code == failed && task.StartedAt != nil {
				t.Error("it never ran, and has a startedAt")
			}
		})
	}
	t.Run("a signal that is not heeded", func(t *testing.T) {
		arn := s.run(t, &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{s.probe("deaf")}}, ecs.RunTaskInput{})
		s.said(t, s.running(t, arn), "deaf")
		task := s.stop(t, arn)
		if task.StopCode != types.TaskStopCodeUserInitiated || aws.ToString(task.StoppedReason) != "Task stopped by user" || aws.ToInt32(task.Containers[0].ExitCode) != 137 {
			t.Errorf("%s %q %v", task.StopCode, aws.ToString(task.StoppedReason), task.Containers[0].ExitCode)
		}
		if took := task.StoppedAt.Sub(*task.StoppingAt); took < 2*time.Second {
			t.Errorf("it got %v of its stop timeout of 2 s", took)
		}
	})
	t.Run("a container that is not essential", func(t *testing.T) {
		side := s.probe("exit", "0")
		side.Name, side.Essential = aws.String("side"), aws.Bool(false)
		main := s.probe("wait")
		main.DependsOn = []types.ContainerDependency{{ContainerName: aws.String("side"), Condition: types.ContainerConditionSuccess}}
		task := s.running(t, s.run(t, &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{main, side}}, ecs.RunTaskInput{}))
		if task.DesiredStatus == nil || *task.DesiredStatus != "RUNNING" {
			t.Errorf("the task is to be %s", aws.ToString(task.DesiredStatus))
		}
		s.stop(t, *task.TaskArn)
	})
	t.Run("a dependency that fails", func(t *testing.T) {
		side := s.probe("exit", "7")
		side.Name, side.Essential = aws.String("side"), aws.Bool(false)
		main := s.probe("wait")
		main.DependsOn = []types.ContainerDependency{{ContainerName: aws.String("side"), Condition: types.ContainerConditionSuccess}}
		task := s.stopped(t, s.run(t, &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{main, side}}, ecs.RunTaskInput{}))
		if task.StopCode != failed || !strings.Contains(reasons(task), "TaskDependencyError") {
			t.Errorf("%s %q: %s", task.StopCode, aws.ToString(task.StoppedReason), reasons(task))
		}
	})
}

// alien pushes an image whose program is for another architecture.
func (s *site) alien() string {
	s.t.Helper()
	dir := s.t.TempDir()
	foreign := map[string]string{"amd64": "arm64", "arm64": "amd64"}[arch()]
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "./testdata/web")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+foreign)
	s.runs(build)
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY probe /probe\nENTRYPOINT [\"/probe\"]\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	image := strings.TrimSuffix(s.image, ":v1") + ":alien"
	s.t.Cleanup(func() { exec.Command("docker", "rmi", image).Run() })
	// The docker command takes --platform from experimental daemons only.
	tar := exec.Command("tar", "-C", dir, "-cf", filepath.Join(dir, "context.tar"), "Dockerfile", "probe")
	s.runs(tar)
	s.runs(exec.Command("curl", "-sf", "--unix-socket", daemonSocket, "-H", "Content-Type: application/x-tar", "--data-binary", "@"+filepath.Join(dir, "context.tar"),
		"http://docker/build?t="+image+"&platform=linux/"+foreign))
	return image
}

// A service's task whose container is unhealthy is stopped and replaced, and the
// events say so.
func TestAnUnhealthyContainerIsReplaced(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	c := s.probe("wait")
	c.HealthCheck = &types.HealthCheck{Command: []string{"CMD", "/probe", "sick"}, Interval: aws.Int32(5), Timeout: aws.Int32(2), Retries: aws.Int32(1)}
	def, err := s.ecs.RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{Family: aws.String("sick"), ContainerDefinitions: []types.ContainerDefinition{c}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ecs.CreateService(context.Background(), &ecs.CreateServiceInput{Cluster: &s.cluster, ServiceName: aws.String("sick"), TaskDefinition: def.TaskDefinition.TaskDefinitionArn, DesiredCount: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for end := time.Now().Add(time.Minute); first == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if list, err := s.ecs.ListTasks(context.Background(), &ecs.ListTasksInput{Cluster: &s.cluster, ServiceName: aws.String("sick")}); err == nil && len(list.TaskArns) > 0 {
			first = list.TaskArns[0]
		}
	}
	task := s.stopped(t, first)
	if aws.ToString(task.StoppedReason) != "Task failed container health checks" || task.StopCode != types.TaskStopCodeServiceSchedulerInitiated || task.HealthStatus != types.HealthStatusUnhealthy {
		t.Errorf("%s %q %s", task.StopCode, aws.ToString(task.StoppedReason), task.HealthStatus)
	}
	id := first[strings.LastIndex(first, "/")+1:]
	events := s.must("ecs", "describe-services", "--cluster", s.cluster, "--services", "sick", "--query", "services[0].events[].message")
	if !strings.Contains(events, "(task "+id+") failed container health checks.") {
		t.Errorf("the events: %s", events)
	}
	s.must("ecs", "delete-service", "--cluster", s.cluster, "--service", "sick", "--force")
}

func arch() string {
	out, _ := exec.Command("go", "env", "GOARCH").Output()
	return strings.TrimSpace(string(out))
}

// cable is the way to the Docker daemon, which can be cut.
type cable struct {
	path string
	mu   sync.Mutex
	l    net.Listener
	ends []net.Conn
}

const daemonSocket = "/var/run/docker.sock"

func (c *cable) plug(t *testing.T) {
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
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("unix", daemonSocket)
			if err != nil {
				a.Close()
				continue
			}
			c.mu.Lock()
			c.ends = append(c.ends, a, b)
			c.mu.Unlock()
			go func() { io.Copy(a, b); a.Close() }()
			go func() { io.Copy(b, a); b.(*net.UnixConn).CloseWrite() }()
		}
	}()
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.l != nil {
		c.l.Close()
	}
	for _, end := range c.ends {
		end.Close()
	}
	c.ends = nil
}

// The daemon may come after the engine, go away and come back: tasks that cannot
// start say why, running ones are not forgotten, and what happened to them
// meanwhile is found out.
func TestTheDaemonMayComeLateAndGoAway(t *testing.T) {
	if _, err := os.Stat(daemonSocket); err != nil {
		t.Skipf("SKIP: no Docker daemon at %s", daemonSocket)
	}
	c := &cable{path: filepath.Join(t.TempDir(), "docker.sock")}
	t.Setenv("DOCKER_HOST", "unix://"+c.path)
	s := &site{engine: start(t), name: siteName()}
	s.cluster = s.name
	t.Setenv("DOCKER_HOST", "unix://"+daemonSocket) // the test's own commands
	t.Cleanup(s.leaveNothing)
	s.client()
	s.network()
	s.capacity()
	s.image = s.pushed("probe", "ENTRYPOINT [\"/probe\"]\n")
	def := &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{s.probe("exit", "5", "8s")}}

	task := s.stopped(t, s.runWhenPlaced(t, def))
	if task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.Contains(aws.ToString(task.StoppedReason), "no docker daemon answers") {
		t.Errorf("without a daemon: %s %q", task.StopCode, aws.ToString(task.StoppedReason))
	}
	c.plug(t)
	defer c.cut()
	var arn string
	for end := time.Now().Add(30 * time.Second); arn == ""; {
		try := s.run(t, def, ecs.RunTaskInput{})
		for arn == "" && time.Now().Before(end) {
			got := s.task(t, try)
			if aws.ToString(got.LastStatus) == "RUNNING" {
				arn = try
			}
			if aws.ToString(got.LastStatus) == "STOPPED" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if time.Now().After(end) {
			t.Fatal("the daemon is there, and is not found", s.log())
		}
	}

	c.cut()
	other := s.run(t, def, ecs.RunTaskInput{})
	given := s.until(t, other, "given up", func(task types.Task) bool { return aws.ToString(task.DesiredStatus) == "STOPPED" })
	if given.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.Contains(aws.ToString(given.StoppedReason), "failed to connect to the docker API") {
		t.Errorf("the daemon is away: %s %q", given.StopCode, aws.ToString(given.StoppedReason))
	}
	if got := s.task(t, arn); aws.ToString(got.LastStatus) != "RUNNING" {
		t.Errorf("the daemon is away, and a task that runs is %s", aws.ToString(got.LastStatus))
	}
	os.Remove(c.path)
	c.plug(t)
	s.stopped(t, other) // what may have begun of it is looked for first
	ended := s.stopped(t, arn)
	if ended.StopCode != types.TaskStopCodeEssentialContainerExited || aws.ToInt32(ended.Containers[0].ExitCode) != 5 {
		t.Errorf("its end meanwhile: %s %v %q", ended.StopCode, ended.Containers[0].ExitCode, aws.ToString(ended.StoppedReason))
	}
}

// runWhenPlaced runs a task as soon as there is an instance for it.
func (s *site) runWhenPlaced(t *testing.T, def *ecs.RegisterTaskDefinitionInput) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s.must("ecs", "list-container-instances", "--cluster", s.cluster, "--query", "length(containerInstanceArns)") != "0" {
			break
		}
	}
	return s.run(t, def, ecs.RunTaskInput{})
}

// After kill -9 in a rolling deploy the next run of the engine finishes it, and
// the containers of before are adopted, not started anew.
func TestAnEngineKilledInADeployFinishesIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.push()
	s.serve("web", s.definition("1"), 2)
	next := s.definition("2")
	if _, err := s.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &s.cluster, Service: aws.String("web"), TaskDefinition: &next}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(s.containers()) < 3; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the deploy does not begin", s.log())
		}
	}
	before := s.containers()
	if err := syscall.Kill(s.status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.again()
	s.stable("web")
	out, err := s.ecs.DescribeServices(context.Background(), &ecs.DescribeServicesInput{Cluster: &s.cluster, Services: []string{"web"}})
	if err != nil || *out.Services[0].Deployments[0].TaskDefinition != next || out.Services[0].Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
		t.Errorf("after the restart: %v %v", err, out)
	}
	if got := s.containers(); len(got) != 2 {
		t.Errorf("%d containers run; before the kill: %v", len(got), before)
	}
	// A container's way to the engine is as it was.
	for _, v := range strings.Fields(s.runs(exec.Command("docker", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", s.containers()[0]))) {
		if base, ok := strings.CutPrefix(v, "ECS_CONTAINER_METADATA_URI_V4="); ok {
			if body, err := fetch(base + "/task"); err != nil || !strings.Contains(body, "RUNNING") {
				t.Errorf("the metadata endpoint after the restart: %v %s", err, body)
			}
			return
		}
	}
	t.Error("the container knows no metadata endpoint")
}

// again starts the engine anew on the same data.
func (s *site) again() {
	s.t.Helper()
	args := []string{"engine", "start", "--data", s.data, "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", s.registryPort()}
	var out []byte
	var err error
	for range 50 { // the one that was killed may not be quite gone
		if out, err = exec.Command(s.binary, args...).CombinedOutput(); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		s.t.Fatalf("starting again: %v\n%s", err, out)
	}
	s.read()
	s.client()
}

// registryPort is the port in the images' names.
func (s *site) registryPort() string {
	host, _, _ := strings.Cut(s.image, "/")
	_, port, _ := net.SplitHostPort(host)
	return port
}

// A reset takes the containers away, and what is started afterwards is labelled
// so that the next run of the engine finds it.
func TestAResetTakesContainersAway(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("SKIP: no Docker daemon answers: %s", out)
	}
	s := &site{engine: start(t, "--allow-reset"), name: siteName()}
	s.cluster = s.name
	t.Cleanup(s.leaveNothing)
	s.client()
	for range 2 {
		s.network()
		s.capacity()
		s.image = s.pushed("probe", "ENTRYPOINT [\"/probe\"]\n")
		s.running(t, s.runWhenPlaced(t, &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{s.probe("wait")}}))
		labelled := s.runs(exec.Command("docker", "inspect", "--format", `{{index .Config.Labels "dev.slipway.engine"}}`, s.containers()[0]))
		s.runs(exec.Command(s.binary, "engine", "reset", "--data", s.data))
		if left := s.containers(); len(left) > 0 {
			t.Errorf("after the reset %v run", left)
		}
		// The network with the credentials address stays while other engines have containers.
		if left := s.runs(exec.Command("docker", "network", "ls", "-q", "--filter", "label=dev.slipway.engine="+labelled, "--filter", "label=dev.slipway.role=network")); left != "" {
			t.Errorf("after the reset there are networks: %s", left)
		}
	}
}
