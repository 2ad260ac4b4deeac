package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

// badDays is a site with the service "web" of one version that serves, and a
// circuit breaker.
type badDays struct {
	*site
	group string
	good  string // the task definition that works
}

// TestBadDays deploys what goes wrong, on real containers. Whatever it is, the
// version before serves all along, and the cause can be read through the API.
func TestBadDays(t *testing.T) {
	t.Parallel()
	b := &badDays{site: newSite(t)}
	b.push()
	b.group = b.targetGroup("web", time.Second, "--unhealthy-threshold-count", "2")
	b.listen(b.group)
	b.good = b.version("1", nil)
	b.create("web", b.good, 1, b.group)
	for _, day := range []struct {
		name string
		run  func(t *testing.T, b *badDays)
	}{
		{"a version that crashes at its start is rolled back", crashes},
		{"a version whose health check fails is rolled back", unhealthy},
		{"a version for which there is no room takes nothing away", noRoom},
		{"a host port that is taken is told", portTaken},
		{"two deploys in a row end with the second", twoInARow},
		{"an engine killed in the middle of a deploy finishes it", killed},
	} {
		t.Run(day.name, func(t *testing.T) {
			outer := b.t
			b.t = t
			defer func() { b.t = outer }()
			day.run(t, b)
		})
	}
}

// version registers a revision of the test application, changed as the caller
// likes. The image has the registry's name on AWS, so that it is the same after a
// restart of the engine.
func (b *badDays) version(version string, change func(*types.ContainerDefinition)) string {
	b.t.Helper()
	c := types.ContainerDefinition{
		Name: aws.String("web"), Image: aws.String(fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/web:v1", b.lookup("SLIPWAY_ACCOUNT"), b.lookup("AWS_DEFAULT_REGION"))),
		MemoryReservation: aws.Int32(32), Cpu: 64, StopTimeout: aws.Int32(5), PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8000)}},
		Environment: []types.KeyValuePair{{Name: aws.String("VERSION"), Value: &version}},
	}
	if change != nil {
		change(&c)
	}
	out, err := b.ecs.RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{Family: aws.String("web"), ContainerDefinitions: []types.ContainerDefinition{c}})
	if err != nil {
		b.t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

func fault(name string) func(*types.ContainerDefinition) {
	return func(c *types.ContainerDefinition) {
		c.Environment = append(c.Environment, types.KeyValuePair{Name: aws.String("FAULT"), Value: &name})
	}
}

// create makes a service with a circuit breaker that rolls back.
func (b *badDays) create(name, definition string, count int32, groups ...string) {
	b.t.Helper()
	in := &ecs.CreateServiceInput{
		Cluster: &b.cluster, ServiceName: &name, TaskDefinition: &definition, DesiredCount: &count,
		DeploymentConfiguration: &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true}},
	}
	for _, g := range groups {
		in.LoadBalancers = append(in.LoadBalancers, types.LoadBalancer{TargetGroupArn: aws.String(g), ContainerName: aws.String("web"), ContainerPort: aws.Int32(8000)})
	}
	if _, err := b.ecs.CreateService(context.Background(), in); err != nil {
		b.t.Fatal(err)
	}
	b.settled(name)
}

// settled waits until the service's deployment is completed: "stable" it is when
// its tasks run, before their targets are healthy, and rolled back is only to
// what was completed.
func (b *badDays) settled(name string) {
	b.t.Helper()
	b.stable(name)
	b.until("completed", func(s types.Service) bool {
		return len(s.Deployments) == 1 && s.Deployments[0].RolloutState == types.DeploymentRolloutStateCompleted
	})
}

// update starts a deploy and does not wait.
func (b *badDays) update(definition string) string {
	b.t.Helper()
	out, err := b.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &b.cluster, Service: aws.String("web"), TaskDefinition: &definition})
	if err != nil {
		b.t.Fatal(err)
	}
	return *out.Service.CurrentServiceDeployment
}

func (b *badDays) service() types.Service {
	b.t.Helper()
	out, err := b.ecs.DescribeServices(context.Background(), &ecs.DescribeServicesInput{Cluster: &b.cluster, Services: []string{"web"}})
	if err != nil || len(out.Services) != 1 {
		b.t.Fatalf("%v %+v", err, out)
	}
	return out.Services[0]
}

// until waits until the service is as it should be.
func (b *badDays) until(what string, is func(s types.Service) bool) types.Service {
	b.t.Helper()
	var s types.Service
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s = b.service(); is(s) {
			return s
		}
	}
	b.t.Fatalf("it never came to this: %s\n%s\nengine's log:\n%s", what, strings.Join(messages(s), "\n"), b.log())
	return s
}

func messages(s types.Service) (all []string) {
	for _, e := range s.Events {
		all = append(all, *e.Message)
	}
	return all
}

// says tells whether one of the service's events has all parts in their order.
func says(s types.Service, parts ...string) bool {
	for _, m := range messages(s) {
		rest, found := m, true
		for _, p := range parts {
			_, after, ok := strings.Cut(rest, p)
			rest, found = after, found && ok
		}
		if found {
			return true
		}
	}
	return false
}

func (b *badDays) says(parts ...string) {
	b.t.Helper()
	if s := b.service(); !says(s, parts...) {
		b.t.Errorf("no event says %q:\n%s", parts, strings.Join(messages(s), "\n"))
	}
}

// get asks the application for its version.
func (b *badDays) get() (string, error) {
	req, _ := http.NewRequest("GET", "http://"+b.status().HTTP+"/", nil)
	req.Host = "web.example.test"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, body)
	}
	version, _, _ := strings.Cut(string(body), " ")
	return strings.TrimPrefix(version, "version="), err
}

// watch asks all the time until the function that it returns is called, which
// fails the test if an answer was not the version's.
func (b *badDays) watch(version string) (end func()) {
	address := b.status().HTTP
	stop, asked := make(chan struct{}), 0
	var failures []string
	var wg sync.WaitGroup
	wg.Go(func() {
		for first := true; ; first = false {
			select {
			case <-stop:
				if !first {
					return
				}
			case <-time.After(20 * time.Millisecond):
			}
			asked++
			req, _ := http.NewRequest("GET", "http://"+address+"/", nil)
			req.Host = "web.example.test"
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				failures = append(failures, err.Error())
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if !strings.HasPrefix(string(body), "version="+version+" ") {
				failures = append(failures, resp.Status+" "+string(body))
			}
		}
	})
	return func() {
		b.t.Helper()
		close(stop)
		wg.Wait()
		if len(failures) > 0 {
			b.t.Errorf("%d of %d requests were not answered by version %s, the first: %s", len(failures), asked, version, failures[0])
		}
	}
}

// rolledBack waits for a rollback to the good version and its traces.
func (b *badDays) rolledBack(rollout string) {
	b.t.Helper()
	b.until("rolled back", func(s types.Service) bool {
		return len(s.Deployments) == 1 && *s.TaskDefinition == b.good && s.Deployments[0].RolloutState == types.DeploymentRolloutStateCompleted && *s.Deployments[0].TaskDefinition == b.good
	})
	out, err := b.ecs.DescribeServiceDeployments(context.Background(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{rollout}})
	if err != nil || len(out.ServiceDeployments) != 1 {
		b.t.Fatalf("%v %+v", err, out)
	}
	d := out.ServiceDeployments[0]
	if d.Status != types.ServiceDeploymentStatusRollbackSuccessful || d.DeploymentCircuitBreaker.Status != types.ServiceDeploymentRollbackMonitorsStatusTriggered || d.DeploymentCircuitBreaker.FailureCount < 3 {
		b.t.Errorf("the service deployment: %s %+v", d.Status, d.DeploymentCircuitBreaker)
	}
	b.says("(service web) (deployment ecs-svc/", ") deployment failed: tasks failed to start.")
	b.says("(service web) rolling back to deployment ecs-svc/")
}

func crashes(t *testing.T, b *badDays) {
	end := b.watch("1")
	rollout := b.update(b.version("crash", fault("crash")))
	b.rolledBack(rollout)
	end()
	out, err := b.ecs.ListTasks(context.Background(), &ecs.ListTasksInput{Cluster: &b.cluster, DesiredStatus: types.DesiredStatusStopped})
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := b.ecs.DescribeTasks(context.Background(), &ecs.DescribeTasksInput{Cluster: &b.cluster, Tasks: out.TaskArns})
	if err != nil {
		t.Fatal(err)
	}
	crashed := 0
	for _, task := range tasks.Tasks {
		if c := task.Containers[0]; task.StopCode == types.TaskStopCodeEssentialContainerExited && *task.StoppedReason == "Essential container in task exited" && c.ExitCode != nil && *c.ExitCode == 1 {
			crashed++
		}
	}
	if crashed < 3 {
		t.Errorf("%d tasks tell of their crash: %+v", crashed, tasks.Tasks)
	}
}

func unhealthy(t *testing.T, b *badDays) {
	// The unhealthy target takes no request while another is healthy, so that
	// all are answered by version 1; while it is initial it may not either.
	end := b.watch("1")
	rollout := b.update(b.version("sick", fault("unhealthy")))
	b.rolledBack(rollout)
	end()
	b.says("(task ", ") is unhealthy in (target-group "+b.group+") due to (reason Health checks failed with these codes: [503]).")
}

func noRoom(t *testing.T, b *badDays) {
	end := b.watch("1")
	b.update(b.version("huge", func(c *types.ContainerDefinition) { c.MemoryReservation = aws.Int32(100_000) }))
	b.until("the event", func(s types.Service) bool {
		return says(s, "was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance ", ") has insufficient memory available.")
	})
	if s := b.service(); s.RunningCount != 1 || len(s.Deployments) != 2 {
		t.Errorf("%d tasks run in %d deployments", s.RunningCount, len(s.Deployments))
	}
	end()
	b.update(b.good)
	b.settled("web")
	if got, err := b.get(); got != "1" {
		t.Errorf("%s %v", got, err)
	}
}

func portTaken(t *testing.T, b *badDays) {
	fixed := func(c *types.ContainerDefinition) { c.PortMappings[0].HostPort = aws.Int32(28431) }
	b.update(b.version("2", fixed))
	b.settled("web")
	end := b.watch("2")
	third := b.version("3", fixed)
	b.update(third)
	b.until("the event", func(s types.Service) bool { return says(s, "is already using a port required by your task.") })
	end()
	// With a gap allowed the old task makes room.
	_, err := b.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{
		Cluster: &b.cluster, Service: aws.String("web"), AvailabilityZoneRebalancing: types.AvailabilityZoneRebalancingDisabled, DeploymentConfiguration: &types.DeploymentConfiguration{
			MinimumHealthyPercent: aws.Int32(0), MaximumPercent: aws.Int32(100), DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.settled("web")
	if got, err := b.get(); got != "3" {
		t.Errorf("%s %v", got, err)
	}
	_, err = b.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{
		Cluster: &b.cluster, Service: aws.String("web"), TaskDefinition: &b.good, DeploymentConfiguration: &types.DeploymentConfiguration{
			MinimumHealthyPercent: aws.Int32(100), MaximumPercent: aws.Int32(200), DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.settled("web")
}

func twoInARow(t *testing.T, b *badDays) {
	first := b.update(b.version("4", nil))
	second := b.version("5", nil)
	b.update(second)
	b.settled("web")
	if got, err := b.get(); got != "5" {
		t.Errorf("%s %v", got, err)
	}
	out, err := b.ecs.DescribeServiceDeployments(context.Background(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{first}})
	if err != nil || out.ServiceDeployments[0].Status != types.ServiceDeploymentStatusStopped {
		t.Errorf("%v %+v", err, out)
	}
	if n := len(b.containers()); n != 1 {
		t.Errorf("%d containers run", n)
	}
}

func killed(t *testing.T, b *badDays) {
	_, err := b.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &b.cluster, Service: aws.String("web"), DesiredCount: aws.Int32(3)})
	if err != nil {
		t.Fatal(err)
	}
	b.settled("web")
	sixth := b.version("6", nil)
	b.update(sixth)
	b.until("in the middle", func(s types.Service) bool { return len(s.Deployments) == 2 && s.Deployments[0].RunningCount > 0 })
	if err := syscall.Kill(b.status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := runfile.Wait(b.data); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(b.binary, "engine", "start", "--data", b.data, "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", "0").CombinedOutput(); err != nil {
		t.Fatalf("starting again: %v\n%s", err, out)
	}
	b.read()
	b.client()
	b.settled("web")
	for range 10 {
		if got, err := b.get(); got != "6" {
			t.Fatalf("%s %v", got, err)
		}
	}
	if n := len(b.containers()); n != 3 {
		t.Errorf("%d containers run", n)
	}
	if s := b.service(); *s.Deployments[0].TaskDefinition != sixth || s.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
		t.Errorf("%+v", s.Deployments)
	}
}
