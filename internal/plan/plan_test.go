package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// shop is an environment with one service behind the load balancer.
func shop() *slipway.Environment {
	return &slipway.Environment{
		Name: "playground", On: "aws", Region: "eu-west-1", DNS: slipway.DNS{Provider: "cloudflare"},
		Image:   slipway.Image{Build: true, Repository: "shop", Tag: "{tag}-playground"},
		Cluster: slipway.Cluster{Name: "shared", Owned: true, Instance: "t3.small", Min: 1, Max: 4, CIDR: "10.0.0.0/16"},
		Services: []slipway.Service{{
			Name: "playground-shop", Family: "playground-shop", TargetGroup: "playground-shop-tg", Port: 8000, Protocol: "http", Count: 1, MinHealthy: 100, Most: 200, Rollback: true,
			Hosts: []string{"shop.example.com"}, Rules: []slipway.Rule{{Hosts: []string{"shop.example.com"}}}, Drain: 5 * time.Second, LogGroup: "shared", LogPrefix: "playground-shop",
			Health:     slipway.Health{Path: "/", Status: "200", Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 2},
			Containers: []slipway.Container{{Name: "shop", MemorySoft: 128, Port: 8000, Essential: true, Stop: 10 * time.Second, Variables: map[string]string{"LOG": "info"}}},
		}},
	}
}

// as is an account that has exactly what is wanted.
func as(wanted []slipway.Resource) *slipway.Observed {
	seen := &slipway.Observed{Resources: map[slipway.ID]slipway.Seen{}, Running: map[string]slipway.Running{}}
	for _, r := range wanted {
		s := slipway.Settings{}
		s.Set(r.Settings)
		seen.Resources[r.ID] = slipway.Seen{Ref: "arn:" + r.ID.String(), Settings: s}
	}
	return seen
}

func planned(t *testing.T, env *slipway.Environment, seen *slipway.Observed) *slipway.Plan {
	t.Helper()
	p, err := Make(env, Wanted(env), seen)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// what names the steps that change something.
func what(p *slipway.Plan) (list []string) {
	for _, s := range p.Steps {
		if s.Action == slipway.Keep {
			continue
		}
		line := string(s.Action) + " " + s.ID.String()
		for _, d := range s.Differences {
			line += "; " + d.Field + ": " + d.Have + " → " + d.Want
		}
		list = append(list, line)
	}
	return list
}

func TestAnEmptyAccountGetsEverythingInAnOrderThatCanBeCarriedOut(t *testing.T) {
	p := planned(t, shop(), as(nil))
	before := map[slipway.ID]bool{}
	for _, s := range p.Steps {
		if s.Action != slipway.Create {
			t.Errorf("%s: %s", s.ID, s.Action)
		}
		for _, id := range s.After {
			if !before[id] {
				t.Errorf("%s comes before %s, which it needs", s.ID, id)
			}
		}
		before[s.ID] = true
	}
	for _, id := range []slipway.ID{{Kind: slipway.KindVPC, Name: "shared"}, {Kind: slipway.KindLogGroup, Name: "shared"}, {Kind: slipway.KindRule, Name: "playground-shop"}, {Kind: slipway.KindRecord, Name: "shop.example.com"}, {Kind: slipway.KindService, Name: "playground-shop"}} {
		if !before[id] {
			t.Errorf("nothing makes %s", id)
		}
	}
}

func TestWhatIsWantedNeedsNothing(t *testing.T) {
	env := shop()
	if got := what(planned(t, env, as(Wanted(env)))); got != nil {
		t.Errorf("steps: %q", got)
	}
}

func TestDifferencesAreThoseOfTheFile(t *testing.T) {
	env := shop()
	group, service := For(&env.Services[0]).TargetGroup(), For(&env.Services[0]).Service()
	for name, c := range map[string]struct {
		change func(*slipway.Observed)
		want   []string
	}{
		"a health check":                   {func(o *slipway.Observed) { o.Resources[group].Settings["health path"] = "/old" }, []string{"change target group playground-shop-tg; health path: /old → /"}},
		"what the file doesn't decide":     {func(o *slipway.Observed) { o.Resources[group].Settings["stickiness"] = "on" }, nil},
		"a variable that the file dropped": {func(o *slipway.Observed) { o.Resources[service].Settings["variables.OLD"] = "=1" }, []string{"change service playground-shop; variables.OLD: =1 → "}},
		"an empty variable":                {func(o *slipway.Observed) { o.Resources[service].Settings["variables.LOG"] = "=" }, []string{"change service playground-shop; variables.LOG: = → =info"}},
		"a certificate that waits": {func(o *slipway.Observed) {
			id := Certificate("shop.example.com")
			o.Resources[id] = slipway.Seen{Ref: "x", Status: "PENDING_VALIDATION", Settings: o.Resources[id].Settings}
		}, []string{"change certificate shop.example.com; status: PENDING_VALIDATION → ISSUED"}},
	} {
		seen := as(Wanted(env))
		c.change(seen)
		if diff := cmp.Diff(c.want, what(planned(t, env, seen))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDriftIsWhatSomebodyElseChanged(t *testing.T) {
	env := shop()
	wanted := Wanted(env)
	id := For(&env.Services[0]).TargetGroup()
	seen := as(wanted)
	s := seen.Resources[id]
	for _, r := range wanted {
		if r.ID == id {
			s.Mark = Mark(r.Settings)
		}
	}
	s.Settings["drain"] = "300s"
	seen.Resources[id] = s
	for _, st := range planned(t, env, seen).Steps {
		for _, d := range st.Differences {
			if !d.Drift {
				t.Errorf("%s of %s is no drift", d.Field, st.ID)
			}
		}
	}
}

func TestWhatOthersMadeHasToBeThere(t *testing.T) {
	env := shop()
	env.Cluster.Owned = false
	_, err := Make(env, Wanted(env), as(nil))
	if err == nil || !strings.Contains(err.Error(), "cluster shared does not exist in eu-west-1") {
		t.Errorf("error %v", err)
	}
}

func TestRoom(t *testing.T) {
	instance := func(memory int, ports ...int) slipway.InstanceRoom {
		return slipway.InstanceRoom{ID: "i-1", FreeMemory: memory, FreeCPU: 1024, Ports: ports, Connected: true}
	}
	for name, c := range map[string]struct {
		change func(*slipway.Environment, *slipway.Observed)
		fits   bool
		tasks  int
	}{
		"a second copy beside the first": {func(_ *slipway.Environment, o *slipway.Observed) { o.Instances = []slipway.InstanceRoom{instance(128)} }, true, 1},
		"too little memory":              {func(_ *slipway.Environment, o *slipway.Observed) { o.Instances = []slipway.InstanceRoom{instance(127)} }, false, 1},
		"a gap is allowed by the file": {func(e *slipway.Environment, _ *slipway.Observed) {
			e.Services[0].MinHealthy, e.Services[0].Most = 0, 100
		}, true, 0},
		"a fixed port is taken by the old task": {func(e *slipway.Environment, o *slipway.Observed) {
			e.Services[0].Containers[0].HostPort = 80
			o.Instances = []slipway.InstanceRoom{instance(999, 80)}
		}, false, 1},
		"Fargate": {func(e *slipway.Environment, _ *slipway.Observed) { e.Services[0].Capacity = "fargate" }, true, 0},
	} {
		env, seen := shop(), as(nil)
		seen.Running["playground-shop"] = slipway.Running{Desired: 1}
		c.change(env, seen)
		if r := RoomFor(env, &env.Services[0], seen); r.Fits != c.fits || r.Tasks != c.tasks {
			t.Errorf("%s: fits %v with %d tasks", name, r.Fits, r.Tasks)
		}
	}
}

func TestBudget(t *testing.T) {
	env := shop()
	b := BudgetOf(&env.Services[0])
	if b.Rounds != 1 || b.Total() != 30*time.Second {
		t.Errorf("%d rounds, %v", b.Rounds, b.Total())
	}
	env.Services[0].Count, env.Services[0].Most = 4, 150
	if b := BudgetOf(&env.Services[0]); b.Rounds != 2 {
		t.Errorf("four tasks, two at a time: %d rounds", b.Rounds)
	}
}

func TestShortNamesAreWithinTheLimitAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9-]{0,80}[a-z0-9]`).Draw(t, "name")
		other := rapid.StringMatching(`[a-z][a-z0-9-]{0,80}[a-z0-9]`).Draw(t, "other")
		short := Short(name, 32)
		if len(short) > 32 || strings.HasSuffix(short, "-") || len(name) <= 32 && short != name {
			t.Fatalf("%q becomes %q", name, short)
		}
		if name != other && short == Short(other, 32) {
			t.Fatalf("%q and %q are both %q", name, other, short)
		}
	})
}
