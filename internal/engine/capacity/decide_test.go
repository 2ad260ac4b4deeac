package capacity

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// busy, empty and fresh are instances in service: with tasks, without, and
// without and just launched.
func busy(id string) Machine {
	return Machine{ID: id, Launched: noon.Add(-time.Hour), InService: true, Joined: true, Busy: true, Alive: true, Protected: true}
}
func empty(id string) Machine {
	return Machine{ID: id, Launched: noon.Add(-time.Hour), InService: true, Joined: true, Protected: true}
}
func fresh(id string) Machine {
	m := empty(id)
	m.Launched = noon
	return m
}

// going is an instance whose termination waits for its tasks.
func going(m Machine, draining bool) Machine {
	m.InService, m.Going, m.Waits, m.Until, m.Draining = false, true, true, noon.Add(time.Hour), draining
	return m
}

func managed(desired, wanting int, machines ...Machine) Picture {
	return Picture{Scaling: true, Target: 100, MinStep: 1, MaxStep: 10000, Warmup: 5 * time.Minute, Max: 10, Desired: desired, Wanting: wanting, Machines: machines}
}

func with(p Picture, change func(*Picture)) Picture { change(&p); return p }

func TestDecisions(t *testing.T) {
	protected := func(p *Picture) { p.Protect = true }
	bare := busy("a")
	bare.Protected = false
	loose := empty("a")
	loose.Protected = false
	tests := []struct {
		name string
		in   Picture
		want Decision
	}{
		{"tasks that wait make an empty group grow", managed(0, 2), Decision{Scale: true, Desired: 2}},
		{"tasks that wait make a group grow by what they need", managed(2, 3, busy("a"), busy("b")), Decision{Scale: true, Desired: 5}},
		{"instances on their way are not asked for twice", managed(5, 3, busy("a"), busy("b")), Decision{}},
		{"the group's maximum holds", managed(9, 5, busy("a"), busy("b"), busy("c"), busy("d"), busy("e"), busy("f"), busy("g"), busy("h"), busy("i")), Decision{Scale: true, Desired: 10}},
		{"a step has its maximum", with(managed(0, 7), func(p *Picture) { p.MaxStep = 3 }), Decision{Scale: true, Desired: 3}},
		{"the next step waits for the last", with(managed(3, 7), func(p *Picture) { p.MaxStep = 3 }), Decision{}},
		{"a step has its minimum", with(managed(1, 1, busy("a")), func(p *Picture) { p.MinStep = 4 }), Decision{Scale: true, Desired: 5}},
		{"a target below 100 keeps spare instances", with(managed(2, 0, busy("a"), busy("b")), func(p *Picture) { p.Target = 50 }), Decision{Scale: true, Desired: 4}},
		{"an empty instance goes", managed(2, 0, busy("a"), empty("b")), Decision{Scale: true, Desired: 1}},
		{"one that is warming up stays", managed(2, 0, busy("a"), fresh("b")), Decision{Wake: noon.Add(5 * time.Minute)}},
		{"nothing goes while tasks wait", managed(2, 1, empty("a"), empty("b")), Decision{Scale: true, Desired: 3}},
		{"the group's minimum holds", with(managed(2, 0, busy("a"), empty("b")), func(p *Picture) { p.Min = 2 }), Decision{}},
		{"the last one goes too", managed(1, 0, empty("a")), Decision{Scale: true}},
		{"what goes is unprotected, and only that", with(managed(3, 0, busy("a"), empty("b"), fresh("c")), protected), Decision{Scale: true, Desired: 2, Unprotect: []string{"b"}, Wake: noon.Add(5 * time.Minute)}},
		{"one that is asked for already is not counted twice", with(managed(2, 0, loose, empty("b"), busy("c")), protected), Decision{Scale: true, Desired: 1, Unprotect: []string{"b"}}},
		{"what the group does not want any more loses its protection", with(managed(0, 0, empty("a"), empty("b")), protected), Decision{Unprotect: []string{"a", "b"}}},
		{"an instance with tasks is protected", with(managed(1, 0, bare), protected), Decision{Protect: []string{"a"}}},
		{"without managed scaling nothing is scaled", Picture{Desired: 0, Wanting: 2, Max: 10, Target: 100}, Decision{}},
		{"an instance to terminate drains", managed(0, 0, going(busy("a"), false)), Decision{Drain: []string{"a"}}},
		{"its termination waits for its tasks", managed(0, 0, going(busy("a"), true)), Decision{Wake: noon.Add(59 * time.Minute)}},
		{"it goes on without", managed(0, 0, going(empty("a"), true)), Decision{Complete: []string{"a"}}},
		{"what is no container instance is not waited for", managed(0, 0, going(Machine{ID: "a"}, false)), Decision{Complete: []string{"a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Decide(tt.in, noon)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALongDrainIsExtended(t *testing.T) {
	m := going(busy("a"), true)
	if d := Decide(managed(0, 0, m), m.Until.Add(-early)); len(d.Extend) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestReservation(t *testing.T) {
	for _, tt := range []struct {
		in   Picture
		want int
	}{
		{managed(0, 0), 100}, {managed(0, 3), 200}, {managed(2, 0, busy("a"), empty("b")), 50}, {managed(2, 2, busy("a"), empty("b")), 200}, {managed(1, 0, busy("a")), 100},
	} {
		if got := tt.in.Reservation(); got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.in, got, tt.want)
		}
	}
}

func TestPack(t *testing.T) {
	instance := Load{CPU: 2048, Memory: 1944, ENI: 2}
	small := Load{CPU: 256, Memory: 256}
	times := func(n int, l Load) (all []Load) {
		for range n {
			all = append(all, l)
		}
		return all
	}
	for _, tt := range []struct {
		name  string
		tasks []Load
		want  int
	}{
		{"none", nil, 0},
		{"seven fit by memory", times(7, small), 1},
		{"eight do not", times(8, small), 2},
		{"larger than any instance", times(3, Load{Memory: 4096}), 0},
		{"two interfaces to an instance", times(5, Load{Memory: 10, ENI: 1}), 3},
		{"one port to an instance", times(3, Load{Memory: 10, Ports: []int{80}}), 3},
		{"one task of the group to an instance", times(4, Load{Memory: 10, Alone: "service:a"}), 4},
		{"small ones fill the gaps", append(times(2, Load{CPU: 100, Memory: 1500}), times(2, Load{CPU: 100, Memory: 400})...), 2},
		{"no more than the group may have", times(100, Load{Memory: 1900}), 20},
	} {
		if got := Pack(tt.tasks, instance, 20); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Whatever the picture: the bounds hold, only empty instances lose their
// protection, and what waits is never made to wait by a scale-in.
func TestDecisionsAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := managed(0, rapid.IntRange(0, 5).Draw(t, "wanting"))
		p.Target = rapid.IntRange(1, 100).Draw(t, "target")
		p.MinStep = rapid.IntRange(1, 3).Draw(t, "min step")
		p.MaxStep = rapid.IntRange(p.MinStep, 5).Draw(t, "max step")
		p.Protect = rapid.Bool().Draw(t, "protect")
		kinds := map[string]bool{}
		for i := range rapid.IntRange(0, 8).Draw(t, "machines") {
			id := fmt.Sprint(i)
			m := rapid.SampledFrom([]Machine{busy(id), empty(id), fresh(id), going(busy(id), true), {ID: id, Launched: noon}}).Draw(t, "machine")
			p.Machines = append(p.Machines, m)
			kinds[id] = m.Busy
			if !m.Going {
				p.Desired++
			}
		}
		p.Min = rapid.IntRange(0, p.Desired).Draw(t, "min")
		d := Decide(p, noon)
		if d.Scale && (d.Desired < p.Min || d.Desired > p.Max) {
			t.Fatalf("%d is out of %d…%d", d.Desired, p.Min, p.Max)
		}
		if d.Scale && d.Desired < p.Desired && p.Wanting > 0 {
			t.Fatal("it shrinks while tasks wait")
		}
		if d.Scale && d.Desired > p.Desired+p.MaxStep {
			t.Fatalf("a step of %d", d.Desired-p.Desired)
		}
		for _, id := range d.Unprotect {
			if kinds[id] {
				t.Fatalf("%s has tasks and loses its protection", id)
			}
		}
	})
}
