package placement

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func must(t testing.TB, text string) *Expression {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func box(id, zone string, cpu, memory int) *Instance {
	return &Instance{ID: id, Open: true, Connected: true, Free: Amount{CPU: cpu, Memory: memory}, Attributes: map[string]string{Zone: zone}}
}

func fleet(all ...*Instance) *Fleet {
	f := NewFleet()
	for _, i := range all {
		f.Set(i)
	}
	return f
}

func TestStrategies(t *testing.T) {
	boxes := func() *Fleet {
		return fleet(box("a1", "a", 1000, 1000), box("a2", "a", 1000, 500), box("b1", "b", 1000, 2000))
	}
	tests := []struct {
		name     string
		strategy []Strategy
		count    int
		want     []string
	}{
		{"zones in turn, the emptiest instance first", Default, 4, []string{"b1", "a1", "a2", "b1"}},
		{"instances in turn", []Strategy{{Type: Spread}}, 4, []string{"b1", "a1", "a2", "b1"}},
		{"the fullest by memory", []Strategy{{Type: BinpackMemory}}, 6, []string{"a2", "a2", "a2", "a2", "a2", "a1"}},
		{"zones in turn, packed inside", []Strategy{{Type: Spread, Attribute: Zone}, {Type: BinpackMemory}}, 4, []string{"a2", "b1", "a2", "b1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := boxes().Place(&Request{Count: tt.count, Needs: Amount{CPU: 100, Memory: 100}, Group: "service:web", Strategy: tt.strategy})
			if diff := cmp.Diff(tt.want, got.Instances); diff != "" || got.Missing != 0 {
				t.Error(got.Missing, diff)
			}
		})
	}
}

func TestASpreadInsideASpreadCountsInsideIt(t *testing.T) {
	f := NewFleet()
	for _, zone := range []string{"a", "b"} {
		for _, rack := range []string{"1", "2", ""} {
			b := box(zone+rack, zone, 1000, 1000)
			if rack != "" {
				b.Attributes["rack"] = rack
			}
			f.Set(b)
		}
	}
	racks := []Strategy{{Type: Spread, Attribute: Zone}, {Type: Spread, Attribute: "rack"}}
	got := f.Place(&Request{Count: 6, Needs: Amount{Memory: 1}, Group: "g", Strategy: racks})
	slices.Sort(got.Instances)
	if diff := cmp.Diff([]string{"a", "a1", "a2", "b", "b1", "b2"}, got.Instances); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	closed, agentless, other, busy := box("closed", "a", 1, 1), box("agentless", "a", 1000, 1000), box("other", "b", 1000, 1000), box("busy", "a", 1000, 1000)
	closed.Open = false
	agentless.Connected = false
	busy.Ports = Ports{TCP: []int{22, 80}}
	occupied := box("occupied", "a", 1000, 1000)
	occupied.Groups = map[string]int{"g": 1}
	f := fleet(closed, agentless, other, busy, occupied, box("small", "a", 1000, 60), box("slow", "a", 60, 1000))
	r := &Request{
		Count: 1, Needs: Amount{CPU: 100, Memory: 100}, Ports: Ports{TCP: []int{80}}, Group: "g", Distinct: true,
		Only: []*Expression{must(t, "attribute:ecs.availability-zone == a")},
	}
	got := f.Place(r)
	why := map[string]Why{}
	for _, x := range got.Refusals {
		why[x.Instance] = x.Why
	}
	want := map[string]Why{
		"closed": Closed, "agentless": NoAgent, "other": NotMember, "busy": PortTaken, "occupied": NotDistinct, "small": NoMemory, "slow": NoCPU,
	}
	if diff := cmp.Diff(want, why); diff != "" || got.Missing != 1 {
		t.Error(got.Missing, diff)
	}
	if c, ok := got.Closest(); !ok || c.Instance != "busy" || c.Why.Reason() != "RESOURCE:PORTS" {
		t.Errorf("closest: %+v", c)
	}
	if w := f.Check("small", r); w != NoMemory {
		t.Errorf("one alone: %v", w)
	}
	if w := f.Check("nobody", r); w != Closed {
		t.Errorf("an instance that is not there: %v", w)
	}
	if diff := cmp.Diff([]string{"agentless", "busy", "slow", "small"}, f.Eligible(r)); diff != "" {
		t.Error(diff)
	}
}

func TestTheClosestLacksLeast(t *testing.T) {
	f := fleet(box("a", "a", 1000, 10), box("b", "a", 1000, 90), box("c", "a", 10, 1000))
	got := f.Place(&Request{Count: 1, Needs: Amount{CPU: 100, Memory: 100}})
	if c, _ := got.Closest(); c.Instance != "b" || c.Why.Phrase() != "has insufficient memory available" {
		t.Errorf("%+v", c)
	}
	if _, ok := NewFleet().Place(&Request{Count: 1}).Closest(); ok {
		t.Error("an empty fleet has a closest instance")
	}
}

func TestAStaticPortFitsOncePerInstance(t *testing.T) {
	f := fleet(box("a", "a", 1000, 1000), box("b", "a", 1000, 1000))
	got := f.Place(&Request{Count: 3, Ports: Ports{TCP: []int{80}}, Strategy: Default})
	if len(got.Instances) != 2 || got.Instances[0] == got.Instances[1] || got.Missing != 1 {
		t.Errorf("%+v", got)
	}
	many := Ports{}
	for p := range MostPorts {
		many.UDP = append(many.UDP, 1000+p)
	}
	full := box("full", "a", 1000, 1000)
	full.Ports = many
	if why := fleet(full).Check("full", &Request{Ports: Ports{TCP: []int{80}}}); why != PortTaken {
		t.Errorf("port %d of an instance: %v", MostPorts+1, why)
	}
}

func TestAttributesAndProvidersAreAsked(t *testing.T) {
	a, b := box("a", "a", 1000, 1000), box("b", "a", 1000, 1000)
	a.Attributes = map[string]string{"ecs.capability.task-eni": "", "ecs.os-type": "linux"}
	b.Attributes = map[string]string{"ecs.os-type": "windows", "ecs.capability.task-eni": ""}
	b.Provider = "spare"
	f := fleet(a, b)
	tests := []struct {
		r    Request
		want []string
	}{
		{Request{Attributes: []Attribute{{"ecs.capability.task-eni", ""}}}, []string{"a", "b"}},
		{Request{Attributes: []Attribute{{"ecs.os-type", "linux"}}}, []string{"a"}},
		{Request{Attributes: []Attribute{{"ecs.capability.gpu", ""}}}, nil},
		{Request{Provider: "spare"}, []string{"b"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, f.Eligible(&tt.r)); diff != "" {
			t.Errorf("%+v: %s", tt.r, diff)
		}
	}
}

// Every choice must be one that the rules allow: of the instances that fit, the
// first strategy leaves the best, of those the next leaves the best, and so on.
func TestEveryChoiceIsTheBestByTheStrategiesInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		boxes := drawBoxes(t)
		r := &Request{
			Count: rapid.IntRange(0, 30).Draw(t, "count"), Group: "g", Seed: rapid.Uint64().Draw(t, "seed"),
			Needs:    Amount{CPU: rapid.IntRange(0, 300).Draw(t, "cpu"), Memory: rapid.IntRange(0, 300).Draw(t, "memory")},
			Distinct: rapid.Bool().Draw(t, "distinct"),
			Strategy: rapid.SliceOfN(rapid.SampledFrom([]Strategy{
				{Type: Spread, Attribute: Zone}, {Type: Spread}, {Type: BinpackCPU}, {Type: BinpackMemory}, {Type: Random},
			}), 0, 4).Draw(t, "strategy"),
		}
		if rapid.Bool().Draw(t, "static port") {
			r.Ports.TCP = []int{80}
		}
		f := NewFleet()
		for _, b := range boxes {
			f.Set(b)
		}
		got := f.Place(r)
		for k, id := range got.Instances {
			best := oracle(boxes, r)
			if !slices.Contains(best, id) {
				t.Fatalf("task %d went to %s, the best are %v of %v", k, id, best, got.Instances)
			}
			add(boxes[id], r)
		}
		if left := oracle(boxes, r); got.Missing > 0 && len(left) > 0 {
			t.Fatalf("%d missing, but %v fit", got.Missing, left)
		}
		if got.Missing > 0 && len(got.Refusals) != len(boxes) || got.Missing != r.Count-len(got.Instances) {
			t.Fatalf("%d missing of %d, %d refusals", got.Missing, r.Count, len(got.Refusals))
		}
	})
}

func drawBoxes(t *rapid.T) map[string]*Instance {
	boxes := map[string]*Instance{}
	for i := range rapid.IntRange(0, 12).Draw(t, "instances") {
		b := box(fmt.Sprint("i", i), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "zone"), 100*rapid.IntRange(0, 8).Draw(t, "free cpu"), 100*rapid.IntRange(0, 8).Draw(t, "free memory"))
		b.Open = rapid.IntRange(0, 9).Draw(t, "open") > 0
		b.Connected = rapid.IntRange(0, 9).Draw(t, "connected") > 0
		if n := rapid.IntRange(0, 2).Draw(t, "tasks"); n > 0 {
			b.Groups = map[string]int{"g": n}
		}
		boxes[b.ID] = b
	}
	return boxes
}

// oracle is the slow, plain way to say which instances may take the next task.
func oracle(boxes map[string]*Instance, r *Request) []string {
	var fit []*Instance
	for _, b := range boxes {
		free := b.Free.CPU >= r.Needs.CPU && b.Free.Memory >= r.Needs.Memory && !(len(r.Ports.TCP) > 0 && slices.Contains(b.Ports.TCP, 80))
		if b.Open && b.Connected && free && !(r.Distinct && b.Groups["g"] > 0) {
			fit = append(fit, b)
		}
	}
	for _, s := range r.Strategy {
		if s.Type == Random {
			break
		}
		value := func(b *Instance) int {
			switch {
			case s.Type == BinpackCPU:
				return b.Free.CPU
			case s.Type == BinpackMemory:
				return b.Free.Memory
			case s.Attribute == "":
				return b.Groups["g"]
			}
			n := 0
			for _, o := range boxes {
				if o.Attributes[s.Attribute] == b.Attributes[s.Attribute] {
					n += o.Groups["g"]
				}
			}
			return n
		}
		fit = least(fit, value)
	}
	var ids []string
	for _, b := range fit {
		ids = append(ids, b.ID)
	}
	slices.Sort(ids)
	return ids
}

func least(all []*Instance, value func(*Instance) int) (best []*Instance) {
	for _, b := range all {
		switch {
		case len(best) == 0 || value(b) < value(best[0]):
			best = []*Instance{b}
		case value(b) == value(best[0]):
			best = append(best, b)
		}
	}
	return best
}

func add(b *Instance, r *Request) {
	b.Free.CPU -= r.Needs.CPU
	b.Free.Memory -= r.Needs.Memory
	b.Ports.TCP = append(b.Ports.TCP, r.Ports.TCP...)
	b.Groups = maps.Clone(b.Groups)
	if b.Groups == nil {
		b.Groups = map[string]int{}
	}
	b.Groups["g"]++
}

func TestSettingAnInstanceAgainReplacesIt(t *testing.T) {
	f := fleet(box("a", "a", 1000, 1000))
	r := &Request{Count: 1, Group: "g", Distinct: true}
	f.Place(r)
	if f.Check("a", r) != NotDistinct {
		t.Fatal("the task does not count")
	}
	f.Set(box("a", "b", 1000, 1000))
	if f.Check("a", r) != Fits || len(f.nodes) != 1 || len(f.groups) != 0 || len(f.classes) != 1 {
		t.Errorf("%+v", f)
	}
	f.Remove("a")
	if len(f.nodes) != 0 || len(f.classes) != 0 {
		t.Errorf("%+v", f)
	}
}
