package scheduler

import (
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// A daemon runs once on every instance that is ACTIVE, and on one that drains it
// goes when all others have gone.
func TestADaemonIsTheLastToLeaveAnInstance(t *testing.T) {
	w := newWorld(t)
	w.cluster(2)
	w.run()
	do[api.CreateServiceResponse](w, "CreateService", &api.CreateServiceRequest{
		Cluster: new("web"), ServiceName: new("agent"), TaskDefinition: new("web"), SchedulingStrategy: api.SchedulingStrategyDaemon,
	})
	w.service("app", 4)
	at := func(tx *state.Tx, service, instance string) (alive, leaving int) {
		for task := range ecs.TasksByService.Get(tx, home, "web/"+service) {
			if task.Last != ecs.Stopped && task.Instance == instance {
				alive++
				if task.Desired == ecs.Stopped {
					leaving++
				}
			}
		}
		return alive, leaving
	}
	first := ""
	for i := range ecs.Instances.All(w.env.Store.View(), home) {
		if first == "" {
			first = i.ID
		}
	}
	w.until(func(tx *state.Tx) bool { return ecs.ClusterTally(tx, home, "web", api.LaunchTypeEc2).Running == 6 })
	if n, _ := at(w.env.Store.View(), "agent", first); n != 1 {
		t.Fatalf("%d daemons run on an instance", n)
	}
	w.drain(func(id string) bool { return id == first })
	w.until(func(tx *state.Tx) bool {
		daemons, going := at(tx, "agent", first)
		if tasks, _ := at(tx, "app", first); going > 0 && tasks > 0 {
			t.Errorf("the daemon goes before %d tasks", tasks)
		}
		return daemons == 0
	})
	if n, _ := at(w.env.Store.View(), "app", first); n != 0 {
		t.Errorf("%d tasks are left on an instance that has drained", n)
	}
	w.until(func(tx *state.Tx) bool { return ecs.ClusterTally(tx, home, "web", api.LaunchTypeEc2).Running == 5 })
	w.drain(func(string) bool { return false })
	w.until(func(tx *state.Tx) bool { n, _ := at(tx, "agent", first); return n == 1 })
}
