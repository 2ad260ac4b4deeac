package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// defaults is a service as config makes it, with one value written in the file.
func defaults() slipway.Service {
	return slipway.Service{
		Name: "s", Family: "s", TargetGroup: "s-tg", Port: 8000, Count: 1, MinHealthy: 100, Most: 200, Rollback: true, Drain: 5 * time.Second, Protocol: "http",
		Rules:      []slipway.Rule{{Hosts: []string{"a.b"}}},
		Health:     slipway.Health{Path: "/up", Status: "200", Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 2},
		Containers: []slipway.Container{{Name: "s", Port: 8000, MemorySoft: 128, Stop: 10 * time.Second, Essential: true}},
		At:         slipway.Positions{"": {Line: 3}, "health.path": {Line: 4}},
	}
}

// hand is what the console makes of a target group and a service.
func hand() *slipway.Observed {
	s := defaults()
	n := For(&s)
	return &slipway.Observed{Resources: map[slipway.ID]slipway.Seen{
		n.TargetGroup(): {Ref: "tg", Settings: slipway.Settings{"target type": "instance", "protocol": "HTTP", "health path": "/", "health status": "200", "health interval": "30s",
			"health timeout": "5s", "healthy after": "5", "unhealthy after": "2", "drain": "5m0s"}},
		n.Service(): {Ref: "s", Settings: slipway.Settings{"network mode": "bridge", "container": "s", "soft memory": "128", "port": "8000", "minimum healthy": "50%", "maximum": "150%",
			"family": "s", "roll back": "off", "count": "1", "grace": "1m0s", "target group": "s-tg"}},
	}}
}

func changes(t *testing.T, env slipway.Environment, seen *slipway.Observed) []string {
	t.Helper()
	env = Settle(env, seen)
	p, err := Make(&env, Wanted(&env), seen)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range p.Steps {
		if s.Service == "" {
			continue
		}
		for _, d := range s.Differences {
			list = append(list, s.ID.String()+": "+d.Field+" "+d.Have+" → "+d.Want)
		}
	}
	return list
}

func TestWhatOthersMadeKeepsWhatTheFileLeavesOpen(t *testing.T) {
	env := slipway.Environment{Name: "e", Services: []slipway.Service{defaults()}, Cluster: slipway.Cluster{Name: "c", Owned: true}}
	want := []string{"target group s-tg: health path / → /up"}
	if d := cmp.Diff(want, changes(t, env, hand())); d != "" {
		t.Error(d)
	}
}

func TestWhatSlipwaySetIsDriftWhenItChanges(t *testing.T) {
	s := defaults()
	env := slipway.Environment{Name: "e", Services: []slipway.Service{s}, Cluster: slipway.Cluster{Name: "c", Owned: true}}
	seen := hand()
	group := For(&s).TargetGroup()
	have := seen.Resources[group]
	have.Mark, have.Settings = Mark(TargetGroupSettings(&s)), TargetGroupSettings(&s)
	have.Settings["drain"] = "1m0s"
	seen.Resources[group] = have
	want := []string{"target group s-tg: drain 1m0s → 5s"}
	if d := cmp.Diff(want, changes(t, env, seen)); d != "" {
		t.Error(d)
	}
}
