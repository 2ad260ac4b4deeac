package ecs

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func TestAServicesTasks(t *testing.T) {
	r := stage(t, 3)
	ok[api.TagResourceResponse](r, "TagResource", &api.TagResourceRequest{ResourceArn: new(DefinitionARN(home, "app", 1)), Tags: []api.Tag{{Key: new("of"), Value: new("definition")}}})
	svc := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"propagateTags":"TASK_DEFINITION","enableECSManagedTags":true`)).Service
	made, refusal := r.make(3)
	if len(made) != 3 || refusal != "" {
		t.Fatal(len(made), refusal)
	}
	zones := map[string]bool{}
	for _, m := range made {
		zones[m.Zone] = true
		if m.Group != "service:app" || m.StartedBy != *svc.Deployments[0].Id || m.Service != "app" || m.Last != Pending {
			t.Errorf("%+v", m)
		}
		if diff := cmp.Diff(tagging.Set{"of": "definition", "aws:ecs:clusterName": "web", "aws:ecs:serviceName": "app"}, m.Tags); diff != "" {
			t.Error(diff)
		}
	}
	if len(zones) != 3 {
		t.Errorf("the zones are %v", zones)
	}
	if got := r.service(); *got.PendingCount != 3 || *got.Deployments[0].PendingCount != 3 {
		t.Errorf("%+v", got)
	}
	ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"propagateTags":"SERVICE","enableECSManagedTags":false`))
	if more, _ := r.make(1); len(more[0].Tags) != 0 {
		t.Error(more[0].Tags)
	}
}

func TestWhyATaskFindsNoPlace(t *testing.T) {
	r := stage(t, 0)
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	_, refusal := r.make(1)
	if want := " because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."; refusal != want {
		t.Error(refusal)
	}
	i := r.join("web", "a", 1024, 150)
	made, refusal := r.make(2)
	if want := " because no container instance met all of its requirements. The closest matching (container-instance " + i.ID + ") has insufficient memory available. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."; refusal != want || len(made) != 1 {
		t.Error(len(made), refusal)
	}
}

func TestADaemonHasOneTaskOnEachInstance(t *testing.T) {
	r := stage(t, 3)
	in := create(t, `"schedulingStrategy":"DAEMON","placementConstraints":[{"type":"memberOf","expression":"attribute:ecs.availability-zone != eu-west-1c"}]`)
	in.DesiredCount = nil
	ok[api.CreateServiceResponse](r, "CreateService", in)
	count := func() (n int) {
		r.update(func(tx *state.Tx) {
			svc, _ := Services.Get(tx, home, "web/app")
			n = r.Daemons(tx, home, svc)
		})
		return n
	}
	if n := count(); n != 2 {
		t.Fatal(n)
	}
	made, _ := r.make(2)
	if len(made) != 2 || made[0].Instance == made[1].Instance {
		t.Fatalf("%+v", made)
	}
	if n := count(); n != 2 {
		t.Errorf("with its tasks there it wants %d", n)
	}
	if more, refusal := r.make(1); len(more) != 0 || !strings.Contains(refusal, "placement constraint unsatisfied") {
		t.Error(len(more), refusal)
	}
}

// The loops, with time that only passes when everybody waits.
func TestTheLoopsForgetAndPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := stage(t, 1)
		r.env.Now = time.Now
		ctx, cancel := context.WithCancel(t.Context())
		for _, loop := range []func(context.Context) error{r.Run, r.RunWaiting} {
			go func() {
				if err := loop(ctx); err != nil {
					t.Error(err)
				}
			}()
		}
		task := ok[api.RunTaskResponse](r, "RunTask", start(t, "")).Tasks[0]
		id, _ := inCluster(*task.TaskArn, "task", "web")
		r.update(func(tx *state.Tx) {
			ChangeTask(tx, home, "web/"+id, func(t *Task) bool { return t.Advance(Stopped, time.Now()) })
			// One that waits for an instance, and finds it.
			def, _ := definition(tx, home, "app")
			PutTask(tx, home, NewTask(home, &TaskSpec{Cluster: "web", Definition: def, Launch: api.LaunchTypeEc2}, nil, time.Now()))
		})
		synctest.Wait()
		if _, waits := TasksWaiting.One(r.view(), home, "web"); waits {
			t.Error("a task waits beside an empty instance")
		}
		time.Sleep(TaskLingers - time.Second)
		synctest.Wait()
		if !Tasks.Has(r.view(), home, "web/"+id) {
			t.Error("the task was forgotten too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if Tasks.Has(r.view(), home, "web/"+id) {
			t.Error("the task was not forgotten")
		}
		cancel()
		synctest.Wait()
	})
}
