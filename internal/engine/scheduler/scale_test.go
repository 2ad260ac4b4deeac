package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// world is ECS with its scheduler over a state in memory, whose containers are
// simulated.
type world struct {
	*ecs.Service
	t     testing.TB
	env   *operation.Env
	loops *Scheduler
}

func newWorld(t testing.TB) *world {
	t.Helper()
	store := state.InMemory(slices.Concat(Tables, ecs.Tables, elbv2.Tables, iam.Tables, ec2.Tables, acm.Tables, autoscaling.Tables)...)
	t.Cleanup(func() { store.Close() })
	w := &world{t: t, env: &operation.Env{
		Store: store, Vault: vault.New([32]byte{1}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Account: home.Account, Region: home.Region, Simulate: true,
	}}
	w.Service = ecs.New(w.env, ecs.Neighbours{})
	w.loops = New(w.env, Parts{Runtime: NewSimulation(time.Now), Tasks: w.Service, Spec: oneContainer})
	return w
}

// oneContainer is a task as the simulation needs it.
func oneContainer(_ context.Context, _ *state.Tx, scope state.Scope, t *ecs.Task) (*docker.Task, error) {
	return &docker.Task{
		Identity:   docker.Identity{ARN: t.ARN, ID: t.ID, Cluster: t.Cluster, Account: scope.Account, Region: scope.Region, Service: t.Service},
		Containers: []docker.Container{{Name: t.Containers[0].Name, Essential: true, Ports: []docker.Port{{Container: 80}}, HealthCheck: &docker.HealthCheck{}}},
	}, nil
}

// run runs the scheduler's loops until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.loops.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

func (w *world) caller() *operation.Caller {
	return &operation.Caller{Account: home.Account, Region: home.Region, Kind: operation.User, Name: "a", ARN: "arn:aws:iam::000000000000:user/a"}
}

// do calls an operation.
func do[Out any](w *world, name string, in any) *Out {
	w.t.Helper()
	op, err := operation.Named(w.Operations(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := op.Do(context.Background(), w.caller(), in)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return out.(*Out)
}

// cluster makes the cluster "web" of so many instances in three zones, each with
// room for ten tasks of the definition "web".
func (w *world) cluster(instances int) {
	w.t.Helper()
	do[api.CreateClusterResponse](w, "CreateCluster", &api.CreateClusterRequest{ClusterName: new("web")})
	err := w.env.Store.Update(func(tx *state.Tx) error {
		for i := range instances {
			zone := "eu-west-1" + string("abc"[i%3])
			ecs.Join(tx, home, &ecs.Instance{
				Cluster: "web", EC2: fmt.Sprintf("i-%d", i), Has: ecs.Resources{CPU: 2048, Memory: 1000, TCP: ecs.OwnPorts}, Connected: true,
				Attributes: append(ecs.Capabilities(), api.Attribute{Name: new("ecs.availability-zone"), Value: &zone}),
			})
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	do[api.RegisterTaskDefinitionResponse](w, "RegisterTaskDefinition", &api.RegisterTaskDefinitionRequest{Family: new("web"), ContainerDefinitions: []api.ContainerDefinition{{
		Name: new("web"), Image: new("web:1"), Memory: new(100), PortMappings: []api.PortMapping{{ContainerPort: new(80)}}, HealthCheck: &api.HealthCheck{Command: []string{"CMD", "true"}},
	}}})
}

func (w *world) service(name string, count int) {
	w.t.Helper()
	do[api.CreateServiceResponse](w, "CreateService", &api.CreateServiceRequest{Cluster: new("web"), ServiceName: &name, TaskDefinition: new("web"), DesiredCount: &count})
}

// until waits for a state, looking again at every change of tasks.
func (w *world) until(is func(tx *state.Tx) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	watch := w.env.Store.Watch(ecs.Tasks, ecs.Services)
	defer watch.Close()
	for !is(w.env.Store.View()) {
		if _, err := watch.Next(ctx); err != nil {
			w.t.Fatal("it never came to that")
		}
	}
}

func (w *world) running() int {
	return ecs.ClusterTally(w.env.Store.View(), home, "web", api.LaunchTypeEc2).Running
}

// Everything that is desired runs in the end, spread over the instances, and
// every service is told to be steady.
func TestASimulatedClusterFills(t *testing.T) {
	w := newWorld(t)
	w.cluster(30)
	w.run()
	for i := range 3 {
		w.service(fmt.Sprint("s", i), 100)
	}
	w.until(func(tx *state.Tx) bool {
		for svc := range ecs.Services.All(tx, home) {
			if svc.Deployments[0].State != api.DeploymentRolloutStateCompleted {
				return false
			}
		}
		return true
	})
	if n := w.running(); n != 300 {
		t.Errorf("%d tasks run", n)
	}
	for u := range ecs.Usages.All(w.env.Store.View(), home) {
		if u.Running != 10 {
			t.Errorf("%d tasks run on an instance that has room for 10", u.Running)
		}
	}
	out := do[api.DescribeServicesResponse](w, "DescribeServices", &api.DescribeServicesRequest{Cluster: new("web"), Services: []string{"s0"}})
	if m := awsapi.V(out.Services[0].Events[0].Message); m != "(service s0) has reached a steady state." {
		t.Errorf("the last event: %s", m)
	}
}

// BenchmarkScheduling is services from their creation until all of their tasks
// run, ten tasks to an instance, through every loop of the scheduler: many of 1,000
// tasks, and one large one.
func BenchmarkScheduling(b *testing.B) {
	for _, size := range []struct{ services, tasks int }{{1, 1000}, {10, 1000}, {100, 1000}, {1, 5000}, {1, 10_000}} {
		b.Run(fmt.Sprintf("%dx%d", size.services, size.tasks), func(b *testing.B) {
			all := size.services * size.tasks
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b)
				w.cluster(all / 10)
				w.run()
				b.StartTimer()
				for i := range size.services {
					w.service(fmt.Sprint("s", i), size.tasks)
				}
				w.until(func(tx *state.Tx) bool { return ecs.ClusterTally(tx, home, "web", api.LaunchTypeEc2).Running == all })
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(all), "µs/task")
		})
	}
}
