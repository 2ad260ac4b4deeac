package ecs

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func box(id, zone string, cpu, memory int) *Instance {
	return &Instance{
		Cluster: "c", ID: id, ARN: InstanceARN(home, "c", id), Status: Active, Connected: true,
		Has:        Resources{CPU: cpu, Memory: memory, TCP: []int{22, 2375, 2376, 51678, 51679}},
		Attributes: []api.Attribute{{Name: new("ecs.availability-zone"), Value: new(zone)}},
	}
}

// run puts tasks where the placer says.
func run(tx *state.Tx, p Placer, group string, want placement.Request) placement.Result {
	want.Group = group
	got := p.Place(tx, home, "c", &want)
	for _, id := range got.Instances {
		PutTask(tx, home, &Task{
			Cluster: "c", ID: fmt.Sprint("t", Tasks.Len(tx, home)), Group: group, Desired: Running, Last: Pending, Instance: id,
			LaunchType: api.LaunchTypeEc2, Needs: Resources{CPU: want.Needs.CPU, Memory: want.Needs.Memory, TCP: want.Ports.TCP},
		})
	}
	return got
}

func TestThePlacerSeesWhatTheTransactionSees(t *testing.T) {
	store := state.InMemory(Tables...)
	defer store.Close()
	p := NewPlacer()
	big := placement.Request{Count: 1, Needs: placement.Amount{CPU: 100, Memory: 600}}
	update := func(fn func(tx *state.Tx)) { store.Update(func(tx *state.Tx) error { fn(tx); return nil }) }

	update(func(tx *state.Tx) {
		PutInstance(tx, home, box("a", "x", 1000, 1000))
		if got := run(tx, p, "g", big); got.Missing != 0 {
			t.Errorf("its own instance was not seen: %+v", got)
		}
		if got := run(tx, p, "g", big); got.Missing != 1 {
			t.Errorf("its own task was not seen: %+v", got)
		}
	})
	store.Update(func(tx *state.Tx) error {
		ChangeTask(tx, home, "c/t0", func(t *Task) bool { return t.Advance(Stopped, noon) })
		if got := run(tx, p, "g", big); got.Missing != 0 {
			t.Errorf("a stopped task holds its memory: %+v", got)
		}
		return errors.New("roll back")
	})
	update(func(tx *state.Tx) {
		if got := run(tx, p, "g", big); got.Missing != 1 {
			t.Errorf("what was rolled back was seen: %+v", got)
		}
		PutInstance(tx, home, box("b", "x", 1000, 1000))
		Instances.Delete(tx, home, "c/a")
		if got := run(tx, p, "g", big); got.Missing != 0 || got.Instances[0] != "b" {
			t.Errorf("%+v", got)
		}
	})
	update(func(tx *state.Tx) {
		p.Place(tx, home, "c", &placement.Request{Count: 4, Needs: placement.Amount{Memory: 100}}) // and nothing is put
		if got := run(tx, p, "g", placement.Request{Count: 4, Needs: placement.Amount{Memory: 100}}); got.Missing != 0 {
			t.Errorf("places that nobody took are taken: %+v", got)
		}
	})
}

func TestPortsOfTheInstanceAreTaken(t *testing.T) {
	store := state.InMemory(Tables...)
	defer store.Close()
	store.Update(func(tx *state.Tx) error {
		PutInstance(tx, home, box("a", "x", 1000, 1000))
		p := NewPlacer()
		want := &placement.Request{Ports: placement.Ports{TCP: []int{22}}}
		if got := p.Check(tx, home, "c", []string{"a"}, want); got[0] != placement.PortTaken {
			t.Errorf("the instance's own port: %v", got)
		}
		want.Ports.TCP = []int{80}
		if diff := cmp.Diff([]placement.Why{placement.Fits, placement.Closed}, p.Check(tx, home, "c", []string{"a", "nobody"}, want)); diff != "" {
			t.Error(diff)
		}
		return nil
	})
}

// BenchmarkDoor is what the state costs: 10,000 instances, 1,000 services of 100
// tasks, each placed by one call and put into the tables.
func BenchmarkDoor(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		store := state.InMemory(Tables...)
		store.Update(func(tx *state.Tx) error {
			for i := range 10_000 {
				PutInstance(tx, home, box(fmt.Sprintf("%032x", i), string("abc"[i%3]), 4096, 16384))
			}
			return nil
		})
		p := NewPlacer()
		b.StartTimer()
		store.Update(func(tx *state.Tx) error {
			for s := range 1000 {
				want := placement.Request{Count: 100, Needs: placement.Amount{CPU: 256, Memory: 1024}, Strategy: placement.Default}
				want.Group = fmt.Sprint("service:", s)
				if got := p.Place(tx, home, "c", &want); got.Missing > 0 {
					b.Fatal(got.Missing)
				}
			}
			return nil
		})
		b.StopTimer()
		store.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/task")
}

func BenchmarkDoorAndPut(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		store := state.InMemory(Tables...)
		store.Update(func(tx *state.Tx) error {
			for i := range 10_000 {
				PutInstance(tx, home, box(fmt.Sprintf("%032x", i), string("abc"[i%3]), 4096, 16384))
			}
			return nil
		})
		p := NewPlacer()
		b.StartTimer()
		store.Update(func(tx *state.Tx) error {
			for s := range 1000 {
				run(tx, p, fmt.Sprint("service:", s), placement.Request{Count: 100, Needs: placement.Amount{CPU: 256, Memory: 1024}, Strategy: placement.Default})
			}
			return nil
		})
		b.StopTimer()
		store.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/task")
}
