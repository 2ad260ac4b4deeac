package scheduler

import (
	"testing"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestARoleThatCannotBeAssumedIsAnEvent(t *testing.T) {
	store := state.InMemory(ecs.Tables...)
	defer store.Close()
	scope := state.Scope{Account: "000000000000", Region: "eu-west-1"}
	const reason = "ECS was unable to assume the role 'arn:aws:iam::000000000000:role/app' that was provided for this task."
	svc := &ecs.ServiceRow{Cluster: "c", Name: "web", Deployments: []ecs.Deployment{{ID: "ecs-svc/1"}}}
	err := store.Update(func(tx *state.Tx) error {
		ecs.Services.Put(tx, scope, svc)
		for _, why := range []string{"CannotPullContainerError: no such image", reason} {
			task := &ecs.Task{Cluster: "c", ID: "1", Service: "web", StartedBy: "ecs-svc/1"}
			task.Stop(api.TaskStopCodeTaskFailedToStart, why, time.Unix(1, 0))
			blame(tx, scope, task, time.Unix(1, 0))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	events := ecs.EventsOf(store.View(), scope, svc)
	if want := "(service web) failed to launch a task with (error " + reason + ")."; len(events) != 1 || events[0].Message != want {
		t.Errorf("the events are %+v, want %q", events, want)
	}
	if row, _ := ecs.Services.Get(store.View(), scope, "c/web"); row.Deployments[0].Failed != 2 {
		t.Errorf("%d failures are counted", row.Deployments[0].Failed)
	}
}
