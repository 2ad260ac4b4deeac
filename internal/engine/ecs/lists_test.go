package ecs

import (
	"fmt"
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Pages of a cluster's tasks end with the cluster, whatever comes and goes.
func TestPagesEndWithTheirCluster(t *testing.T) {
	r := newRig(t)
	r.cluster("a", 0)
	r.cluster("b", 0)
	r.update(func(tx *state.Tx) {
		for i := range 25 {
			for _, c := range []string{"a", "b"} {
				PutTask(tx, home, &Task{Cluster: c, ID: fmt.Sprintf("%03d", i), ARN: TaskARN(home, c, fmt.Sprintf("%03d", i)), Desired: Running, Last: Running})
			}
		}
	})
	in := &api.ListTasksRequest{Cluster: new("a"), MaxResults: new(10)}
	seen := 0
	for {
		out := ok[api.ListTasksResponse](r, "ListTasks", in)
		seen += len(out.TaskArns)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		// The token's own row goes between two pages.
		r.update(func(tx *state.Tx) { Tasks.Delete(tx, home, fmt.Sprintf("a/%03d", seen-1)) })
	}
	if seen != 25 {
		t.Errorf("%d tasks on all pages", seen)
	}
}

// BenchmarkListTasks is one page from the end of 100,000 tasks.
func BenchmarkListTasks(b *testing.B) {
	r := newRig(b)
	r.cluster("web", 0)
	r.update(func(tx *state.Tx) {
		for i := range 100_000 {
			PutTask(tx, home, &Task{Cluster: "web", ID: fmt.Sprintf("%032x", i), Desired: Running, Last: Running})
		}
	})
	first := ok[api.ListTasksResponse](r, "ListTasks", &api.ListTasksRequest{Cluster: new("web")})
	in := &api.ListTasksRequest{Cluster: new("web"), NextToken: first.NextToken}
	for b.Loop() {
		ok[api.ListTasksResponse](r, "ListTasks", in)
	}
}

// BenchmarkTaskChange is what a change of one task costs, with its counts, ten
// tasks an instance.
func BenchmarkTaskChange(b *testing.B) {
	for _, tasks := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint("tasks=", tasks), func(b *testing.B) {
			r := newRig(b)
			r.cluster("web", 0)
			r.update(func(tx *state.Tx) { fill(tx, tasks) })
			i := 0
			for b.Loop() {
				k := fmt.Sprintf("web/%032x", i%tasks)
				i++
				r.update(func(tx *state.Tx) {
					ChangeTask(tx, home, k, func(t *Task) bool {
						if t.Last == Running {
							t.Last = Pending // back and forth, to measure the counts
						} else {
							t.Last = Running
						}
						return true
					})
				})
			}
		})
	}
}

func fill(tx *state.Tx, tasks int) {
	for i := range tasks / 10 {
		Join(tx, home, &Instance{Cluster: "web", ID: fmt.Sprintf("%032x", i), Has: Resources{CPU: 1 << 20, Memory: 1 << 20}, Connected: true})
	}
	for i := range tasks {
		PutTask(tx, home, &Task{
			Cluster: "web", ID: fmt.Sprintf("%032x", i), Instance: fmt.Sprintf("%032x", i%(tasks/10)), Desired: Running, Last: Running,
			Service: "s", StartedBy: "ecs-svc/1", Group: "service:s", Needs: Resources{CPU: 1, Memory: 1},
		})
	}
}
