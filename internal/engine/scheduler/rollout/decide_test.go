package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// task is a running task with checks.
func task(id string, h Health) Task {
	return Task{ID: id, Phase: Running, Health: h, Checked: true, Since: noon.Add(-time.Hour)}
}

func pending(id string) Task { return Task{ID: id, Phase: Pending, Checked: true} }

func rolling(desired, min, max int, deployments ...Deployment) Picture {
	return Picture{Desired: desired, MinPercent: min, MaxPercent: max, Deployments: deployments}
}

func TestDecisions(t *testing.T) {
	old := Deployment{ID: "old", State: Completed, Tasks: []Task{task("o1", Healthy)}}
	stop := func(id string, why Reason) []Stop { return []Stop{{id, why}} }
	tests := []struct {
		name string
		in   Picture
		want Decision
	}{
		{"a new service starts its tasks", rolling(3, 100, 200, Deployment{ID: "new"}), Decision{Start: 3}},
		{"the old task stays until the new one serves", rolling(1, 100, 200, Deployment{ID: "new", Tasks: []Task{pending("n1")}}, old), Decision{}},
		{"the old task goes once the new one serves", rolling(1, 100, 200, Deployment{ID: "new", Tasks: []Task{task("n1", Healthy)}}, old), Decision{Stop: stop("o1", Replaced)}},
		{"without room for two the old one goes first", rolling(1, 0, 100, Deployment{ID: "new"}, old), Decision{Stop: stop("o1", Replaced)}},
		{"percentages that allow nothing are told", rolling(1, 100, 150, Deployment{ID: "new"}, old), Decision{Stuck: true}},
		{"a task whose old one drains completes nothing yet",
			rolling(1, 100, 200, Deployment{ID: "new", Tasks: []Task{task("n1", Healthy)}}, Deployment{ID: "old", State: Completed, Tasks: []Task{{ID: "o1", Phase: Stopping}}}), Decision{}},
		{"when the old one is gone it is completed", rolling(1, 100, 200, Deployment{ID: "new", Tasks: []Task{task("n1", Healthy)}}, Deployment{ID: "old", State: Completed}),
			Decision{Drop: []string{"old"}, Complete: true, Steady: true}},
		{"a completed one is steady", rolling(1, 100, 200, old), Decision{Steady: true}},
		{"scaling in takes what does not serve first", rolling(1, 100, 200, Deployment{ID: "d", State: Completed, Tasks: []Task{task("a", Healthy), pending("b")}}), Decision{Stop: stop("b", ScaledIn)}},
		{"an unhealthy task is replaced at once", rolling(1, 100, 200, Deployment{ID: "d", State: Completed, Tasks: []Task{task("a", Unhealthy)}}),
			Decision{Start: 1, Replaced: 1, Stop: stop("a", FailedTargetHealth)}},
		{"three failures trip the breaker", Picture{Desired: 1, MinPercent: 100, MaxPercent: 200, Breaker: Breaker{true, true}, Deployments: []Deployment{{ID: "new", Failures: 3, RollsBackTo: "old"}, old}},
			Decision{Fail: true, RollBackTo: "old"}},
		{"a rollback is never rolled back", Picture{Desired: 1, MinPercent: 100, MaxPercent: 200, Breaker: Breaker{true, true}, Deployments: []Deployment{{ID: "new", Failures: 3, RollsBackTo: "old", Rollback: true}}},
			Decision{Fail: true}},
		{"without a breaker it goes on", rolling(1, 100, 200, Deployment{ID: "new", Failures: 30}), Decision{Start: 1}},
		{"a failed deployment starts nothing more", rolling(1, 100, 200, Deployment{ID: "new", State: Failed}), Decision{}},
		{"a crash loop waits", rolling(1, 100, 200, Deployment{ID: "new", NotBefore: noon.Add(time.Minute)}), Decision{Wake: noon.Add(time.Minute)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Decide(tt.in, noon)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATaskWithoutChecksServesAfterFortySeconds(t *testing.T) {
	fresh := Task{ID: "n1", Phase: Running, Since: noon.Add(-39 * time.Second)}
	p := rolling(1, 100, 200, Deployment{ID: "new", Tasks: []Task{fresh}}, Deployment{ID: "old", State: Completed, Tasks: []Task{task("o1", Healthy)}})
	if d := Decide(p, noon); len(d.Stop) != 0 || !d.Wake.Equal(noon.Add(time.Second)) {
		t.Errorf("after 39 s: %+v", d)
	}
	if d := Decide(p, noon.Add(time.Second)); len(d.Stop) != 1 {
		t.Errorf("after 40 s: %+v", d)
	}
}

func TestGraceSparesAFailingTask(t *testing.T) {
	a := task("a", Unhealthy)
	a.Grace = noon.Add(time.Minute)
	p := rolling(1, 100, 200, Deployment{ID: "d", Tasks: []Task{a}})
	if d := Decide(p, noon); len(d.Stop) != 0 || !d.Wake.Equal(a.Grace) {
		t.Errorf("within its grace: %+v", d)
	}
	if d := Decide(p, a.Grace); len(d.Stop) != 1 {
		t.Errorf("after it: %+v", d)
	}
}

func TestScaleInTakesFromTheFullestZoneAndSparesTheProtected(t *testing.T) {
	in := func(id, zone string) Task { x := task(id, Healthy); x.Zone = zone; return x }
	safe := in("a1", "a")
	safe.Protected = noon.Add(time.Hour)
	d := Decide(rolling(2, 100, 200, Deployment{ID: "d", State: Completed, Tasks: []Task{safe, in("a2", "a"), in("b1", "b")}}), noon)
	if diff := cmp.Diff([]Stop{{"a2", ScaledIn}}, d.Stop); diff != "" {
		t.Error(diff)
	}
}

func TestProtectedTasksAreWaitedFor(t *testing.T) {
	safe := task("o1", Healthy)
	safe.Protected = noon.Add(time.Hour)
	d := Decide(rolling(1, 100, 200, Deployment{ID: "new", Tasks: []Task{task("n1", Healthy)}}, Deployment{ID: "old", State: Completed, Tasks: []Task{safe}}), noon)
	if len(d.Stop) != 0 || d.Protected != 1 || d.Complete || !d.Wake.Equal(safe.Protected) {
		t.Errorf("%+v", d)
	}
}

func TestAnInstanceDrainsWithinThePercentages(t *testing.T) {
	leaving := func(x Task) Task { x.Leaving = true; return x }
	a, b := leaving(task("a", Healthy)), task("b", Healthy)
	tests := []struct {
		name     string
		min, max int
		tasks    []Task
		noRoom   bool
		want     Decision
	}{
		{"the replacement starts first", 100, 200, []Task{a, b}, false, Decision{Start: 1}},
		{"it waits for the replacement", 100, 200, []Task{a, b, pending("c")}, false, Decision{}},
		{"it goes once that serves", 100, 200, []Task{a, b, task("c", Healthy)}, false, Decision{Stop: []Stop{{"a", Replaced}}}},
		{"it goes first where the minimum allows it", 50, 100, []Task{a, b}, false, Decision{Stop: []Stop{{"a", Replaced}}}},
		{"without room only the minimum stays", 50, 200, []Task{a, b}, true, Decision{Start: 1, Stop: []Stop{{"a", Replaced}}}},
		{"without room nor slack nothing goes", 100, 200, []Task{a, b}, true, Decision{Start: 1}},
		{"what has not begun goes at once", 100, 200, []Task{leaving(pending("a")), b}, false, Decision{Start: 1, Stop: []Stop{{"a", Replaced}}}},
		{"a daemon's goes last", 0, 100, []Task{{ID: "a", Phase: Running, Leaving: true, Last: true}, b, task("c", Healthy)}, false, Decision{Steady: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := rolling(2, tt.min, tt.max, Deployment{ID: "d", State: Completed, Tasks: tt.tasks})
			p.NoRoom = tt.noRoom
			if diff := cmp.Diff(tt.want, Decide(p, noon)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The heaps choose as a look at every task would.
func TestVictimsGoFromWhereMostAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tasks []Task
		for i := range rapid.IntRange(0, 20).Draw(t, "tasks") {
			zone := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "zone")
			tasks = append(tasks, Task{
				ID: fmt.Sprint(i), Phase: Running, Health: Healthy, Checked: true, Zone: zone, Instance: zone + fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "instance")),
				Since: noon.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "age")) * time.Hour),
			})
		}
		d := &decider{Picture: rolling(0, 0, 200, Deployment{Tasks: tasks}), now: noon}
		left := slices.Clone(tasks)
		for _, got := range d.victims(0, func(Task) bool { return true }) {
			zones, instances := map[string]int{}, map[string]int{}
			for _, x := range left {
				zones[x.Zone]++
				instances[x.Instance]++
			}
			want := slices.MinFunc(left, func(a, b Task) int {
				return cmpOr(zones[b.Zone]-zones[a.Zone], instances[b.Instance]-instances[a.Instance], b.Since.Compare(a.Since), strings.Compare(a.ID, b.ID))
			})
			if got.ID != want.ID {
				t.Fatalf("%s goes before %s, of %+v", got.ID, want.ID, left)
			}
			left = slices.DeleteFunc(left, func(x Task) bool { return x.ID == got.ID })
		}
		if len(left) > 0 {
			t.Fatalf("%d are forgotten", len(left))
		}
	})
}

func cmpOr(all ...int) int {
	for _, n := range all {
		if n != 0 {
			return n
		}
	}
	return 0
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	last := time.Duration(0)
	for n := range 40 {
		b := Backoff(n)
		if b < last || b > 27*time.Minute {
			t.Fatalf("Backoff(%d) = %v after %v", n, b, last)
		}
		last = b
	}
	if Backoff(2) != 0 || Backoff(3) != 5*time.Second || last != 27*time.Minute {
		t.Errorf("%v %v %v", Backoff(2), Backoff(3), last)
	}
}

// world carries decisions out with tasks that start, serve and stop whenever the
// test says.
type world struct {
	p    Picture
	next int
}

func (w *world) apply(d Decision) {
	for _, s := range d.Stop {
		for i := range w.p.Deployments {
			for j := range w.p.Deployments[i].Tasks {
				if x := &w.p.Deployments[i].Tasks[j]; x.ID == s.Task {
					x.Phase = Stopping
				}
			}
		}
	}
	for range d.Start {
		w.next++
		w.p.Deployments[0].Tasks = append(w.p.Deployments[0].Tasks, pending(fmt.Sprint(w.next)))
	}
	if d.Complete {
		w.p.Deployments[0].State = Completed
	}
}

// move lets one task go one step on by itself.
func (w *world) move(t *rapid.T) {
	d := rapid.IntRange(0, len(w.p.Deployments)-1).Draw(t, "deployment")
	tasks := w.p.Deployments[d].Tasks
	if len(tasks) == 0 {
		return
	}
	i := rapid.IntRange(0, len(tasks)-1).Draw(t, "task")
	switch x := &tasks[i]; x.Phase {
	case Pending:
		x.Phase, x.Health = Running, Healthy
	case Stopping:
		w.p.Deployments[d].Tasks = append(tasks[:i:i], tasks[i+1:]...)
	}
}

func (w *world) count() (healthy, active int) {
	for _, d := range w.p.Deployments {
		for _, x := range d.Tasks {
			if x.Phase == Stopping {
				continue
			}
			active++
			if x.Phase == Running && x.Health == Healthy {
				healthy++
			}
		}
	}
	return healthy, active
}

// A rollout of healthy tasks never goes below the minimum by its own doing nor
// above the maximum, and it comes to its end.
func TestARolloutIsSafeAndEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired := rapid.IntRange(0, 8).Draw(t, "desired")
		min := rapid.IntRange(0, 100).Draw(t, "min")
		max := rapid.IntRange(100, 200).Draw(t, "max")
		w := &world{p: rolling(desired, min, max, Deployment{ID: "new"}, Deployment{ID: "old", State: Completed})}
		for i := range desired {
			w.p.Deployments[1].Tasks = append(w.p.Deployments[1].Tasks, task(fmt.Sprint("o", i), Healthy))
		}
		least, most := (desired*min+99)/100, desired*max/100
		for range 400 {
			d := Decide(w.p, noon)
			w.apply(d)
			healthy, active := w.count()
			if healthy < least {
				t.Fatalf("%d healthy, at least %d of %d wanted", healthy, least, desired)
			}
			if active > most {
				t.Fatalf("%d active, at most %d of %d allowed", active, most, desired)
			}
			if d.Complete {
				return
			}
			if d.Stuck {
				if least < desired && most >= desired || most > desired {
					t.Fatalf("stuck with min %d and max %d of %d", least, most, desired)
				}
				return
			}
			w.move(t)
		}
		// The moves were drawn: finish those that were not.
		for range 200 {
			d := Decide(w.p, noon)
			w.apply(d)
			if d.Complete || d.Stuck {
				return
			}
			settle(w)
		}
		t.Fatalf("it does not end: %+v", w.p)
	})
}

func settle(w *world) {
	for i := range w.p.Deployments {
		var kept []Task
		for _, x := range w.p.Deployments[i].Tasks {
			switch x.Phase {
			case Stopping:
				continue
			case Pending:
				x.Phase, x.Health = Running, Healthy
			}
			kept = append(kept, x)
		}
		w.p.Deployments[i].Tasks = kept
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		p := rolling(n, 100, 200, Deployment{ID: "new"}, Deployment{ID: "old", State: Completed})
		for i := range n {
			old, now := task(fmt.Sprint("o", i), Healthy), task(fmt.Sprint("n", i), Healthy)
			old.Instance = fmt.Sprint(i % 1000)
			p.Deployments[1].Tasks = append(p.Deployments[1].Tasks, old)
			p.Deployments[0].Tasks = append(p.Deployments[0].Tasks, now)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Decide(p, noon)
			}
		})
	}
}
