package ecs

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"pgregory.net/rapid"
)

var (
	home = state.Scope{Account: "000000000000", Region: "eu-west-1"}
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func TestATasksStatusNeverGoesBack(t *testing.T) {
	task := &Task{Last: Running}
	for _, s := range []Status{Provisioning, Pending, Activating, Running} {
		if task.Advance(s, noon) || task.Last != Running {
			t.Errorf("a running task went to %s", s)
		}
	}
	if !task.Advance(Stopped, noon) || task.StoppedAt != noon || task.StoppingAt != noon {
		t.Errorf("stopped: %+v", task)
	}
	if task.Advance(Deprovisioning, noon) {
		t.Error("a stopped task was deprovisioned")
	}
}

func TestTheFirstReasonToStopStays(t *testing.T) {
	task := &Task{Last: Running, Desired: Running}
	if !task.Stop(api.TaskStopCodeUserInitiated, "Task stopped by user", noon) {
		t.Fatal("the first stop was refused")
	}
	if task.Stop(api.TaskStopCodeEssentialContainerExited, "Essential container in task exited", noon.Add(time.Second)) {
		t.Error("the second stop was taken")
	}
	if task.StopCode != api.TaskStopCodeUserInitiated || task.StoppingAt != noon || task.Desired != Stopped {
		t.Errorf("%+v", task)
	}
}

// What PutTask keeps beside the tasks must at any time be what counting them
// would give.
func TestCountsAgreeWithTasks(t *testing.T) {
	statuses := []Status{Provisioning, Pending, Activating, Running, Deactivating, Stopping, Deprovisioning, Stopped}
	rapid.Check(t, func(rt *rapid.T) {
		store := state.InMemory(Tables...)
		defer store.Close()
		store.Update(func(tx *state.Tx) error {
			for i := range 3 {
				PutInstance(tx, home, &Instance{Cluster: "c", ID: fmt.Sprint(i)})
			}
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				step(rt, tx, statuses)
			}
			return nil
		})
		agree(rt, store.View())
	})
}

func step(rt *rapid.T, tx *state.Tx, statuses []Status) {
	id := fmt.Sprint(rapid.IntRange(0, 7).Draw(rt, "task"))
	task, ok := Tasks.Get(tx, home, "c/"+id)
	if !ok {
		task = &Task{
			Cluster: "c", ID: id, Desired: Running, Last: Provisioning, LaunchType: api.LaunchTypeEc2,
			Service: "web", Group: "service:web", StartedBy: rapid.SampledFrom([]string{"ecs-svc/1", "ecs-svc/2"}).Draw(rt, "deployment"),
			Needs: Resources{CPU: 10, Memory: 100, TCP: []int{80}},
		}
	}
	c := task.Clone()
	switch rapid.IntRange(0, 2).Draw(rt, "what") {
	case 0:
		c.Advance(rapid.SampledFrom(statuses).Draw(rt, "status"), noon)
	case 1:
		c.Stop(api.TaskStopCodeUserInitiated, "", noon)
	case 2:
		c.Place(&Instance{ID: fmt.Sprint(rapid.IntRange(0, 2).Draw(rt, "instance"))})
	}
	PutTask(tx, home, c)
}

func agree(rt *rapid.T, tx *state.Tx) {
	tallies, usages := map[string]Tally{}, map[string]Usage{}
	for task := range Tasks.All(tx, home) {
		running, pending := task.Last.Counts()
		for _, k := range []string{deploymentTally(task.StartedBy), clusterTally("c", api.LaunchTypeEc2)} {
			v := tallies[k]
			tallies[k] = Tally{k, v.Running + running, v.Pending + pending}
		}
		u := usages[task.Instance]
		u.Running += running
		u.Pending += pending
		if task.Last != Stopped {
			u.Taken = u.Taken.plus(task.Needs)
		}
		if task.Desired == Running {
			u.Groups = map[string]int{"service:web": u.Groups["service:web"] + 1}
		}
		usages[task.Instance] = u
	}
	for k, want := range tallies {
		if got := tallyOf(tx, home, k); got != want {
			rt.Fatalf("tally %s: got %+v, want %+v", k, got, want)
		}
	}
	for i := range Instances.All(tx, home) {
		got, want := UsageOf(tx, home, i), usages[i.ID]
		if got.Running != want.Running || got.Pending != want.Pending || len(got.Taken.TCP) != len(want.Taken.TCP) ||
			got.Taken.CPU != want.Taken.CPU || got.Taken.Memory != want.Taken.Memory || got.Groups["service:web"] != want.Groups["service:web"] {
			rt.Fatalf("usage of %s:\n%s", i.ID, cmp.Diff(want, *got))
		}
	}
}

func TestAServiceKeepsItsLastHundredEvents(t *testing.T) {
	store := state.InMemory(Tables...)
	defer store.Close()
	svc := &ServiceRow{Cluster: "c", Name: "web"}
	store.Update(func(tx *state.Tx) error {
		for i := range 120 {
			AddEvent(tx, home, svc, noon.Add(time.Duration(i)), fmt.Sprintf("event %d.", i))
		}
		AddEvent(tx, home, &ServiceRow{Cluster: "c", Name: "web2"}, noon, "another's.")
		return nil
	})
	all := EventsOf(store.View(), home, svc)
	if len(all) != MostEvents || all[0].Message != "(service web) event 119." || all[99].Message != "(service web) event 20." {
		t.Fatalf("%d events, %q … %q", len(all), all[0].Message, all[len(all)-1].Message)
	}
}

func TestDefinitionReferences(t *testing.T) {
	tests := []struct {
		ref, family string
		revision    int
		ok          bool
	}{
		{"web", "web", 0, true},
		{"web:12", "web", 12, true},
		{"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:3", "web", 3, true},
		{"arn:aws:ecs:eu-west-1:000000000000:service/web/3", "", 0, false},
		{"web:x", "web", 0, false},
		{"web:0", "web", 0, false},
		{"", "", 0, false},
	}
	for _, tt := range tests {
		family, revision, ok := splitDefinition(tt.ref)
		if ok != tt.ok || ok && (family != tt.family || revision != tt.revision) {
			t.Errorf("%q: %q %d %v", tt.ref, family, revision, ok)
		}
	}
}
