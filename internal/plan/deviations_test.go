package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// adopted is an environment on a load balancer that others made, and an account
// in which it is as Slipway would have made it.
func adopted() (*slipway.Environment, *slipway.Observed) {
	env := shop()
	env.Cluster.Owned, env.Cluster.LoadBalancer = false, "byhand"
	seen := as(Wanted(env))
	n := Of(env)
	seen.Resources[n.Balancer()] = slipway.Seen{Ref: "lb", Settings: slipway.Settings{"zones": "2", "vpc": "vpc-1"}}
	seen.Resources[n.HTTP()] = slipway.Seen{Ref: "80", Settings: slipway.Settings{"default": "redirect to https 301"}}
	seen.Resources[n.HTTPS()] = slipway.Seen{Ref: "443", Settings: slipway.Settings{"default": "404", "policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}}
	return env, seen
}

func TestDeviationsOfALoadBalancerMadeByHand(t *testing.T) {
	n := Of(&slipway.Environment{Cluster: slipway.Cluster{LoadBalancer: "byhand"}})
	for name, c := range map[string]struct {
		edit func(*slipway.Observed)
		says string
	}{
		"none":        {func(*slipway.Observed) {}, ""},
		"one zone":    {func(o *slipway.Observed) { o.Resources[n.Balancer()].Settings["zones"] = "1" }, "in one zone alone"},
		"no port 80":  {func(o *slipway.Observed) { delete(o.Resources, n.HTTP()) }, "nothing listens on port 80"},
		"no redirect": {func(o *slipway.Observed) { o.Resources[n.HTTP()].Settings["default"] = "forward" }, "does not redirect to https (its default is forward)"},
		"no 404":      {func(o *slipway.Observed) { o.Resources[n.HTTPS()].Settings["default"] = "forward" }, "HTTPS listener's default is forward, not 404"},
		"old policy": {func(o *slipway.Observed) {
			o.Resources[n.HTTPS()].Settings["policy"] = "ELBSecurityPolicy-FS-1-1-2019-08"
		}, "still takes TLS 1.0 or 1.1"},
	} {
		env, seen := adopted()
		c.edit(seen)
		p := planned(t, env, seen)
		if got := strings.Join(p.Notes, "\n"); (c.says == "") != (got == "") || !strings.Contains(got, c.says) || len(p.Notes) > 1 {
			t.Errorf("%s: %q", name, got)
		}
		if len(what(p)) != 0 {
			t.Errorf("%s: would be changed: %v", name, what(p))
		}
	}
	own := shop()
	seen := as(Wanted(own))
	if p := planned(t, own, seen); len(p.Notes) != 0 {
		t.Errorf("an own load balancer deviates: %v", p.Notes)
	}
}

func TestALoadBalancerInAnotherVPCIsRefused(t *testing.T) {
	env, seen := adopted()
	seen.Resources[Of(env).VPC()] = slipway.Seen{Ref: "vpc-2"}
	if _, err := Make(env, Wanted(env), seen); err == nil || !strings.Contains(err.Error(), "load balancer byhand stands in vpc-1, cluster shared in vpc-2") {
		t.Error(err)
	}
}

func TestInstancesMadeByHand(t *testing.T) {
	got := Surveyed(shop(), slipway.Survey{Instances: 2, Zones: 1, Open: []slipway.Opening{{Group: "web", What: "all"}}, OldMetadata: []string{"i-1"}})
	want := []string{
		"cluster shared: security group web is open to the world (all); it should admit the load balancer's group alone",
		"cluster shared: all 2 instances are in one zone",
		"cluster shared: i-1 let IMDSv1 in: any request that a container can be talked into reads the instance's role",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := Surveyed(shop(), slipway.Survey{Instances: 2, Zones: 2}); len(got) != 0 {
		t.Error(got)
	}
}

func TestQuotasAreSeenComing(t *testing.T) {
	for _, c := range []struct {
		name, note, err              string
		rules, certificates, targets slipway.Quota
	}{
		{name: "room", rules: slipway.Quota{Used: 20, Limit: 100}, certificates: slipway.Quota{Used: 3, Limit: 25}},
		{name: "nearly", rules: slipway.Quota{Used: 90, Limit: 100}, note: "load balancer shared will have 91 of 100 rules"},
		{name: "the last one", rules: slipway.Quota{Used: 99, Limit: 100}, note: "will have 100 of 100 rules"},
		{name: "full", rules: slipway.Quota{Used: 100, Limit: 100}, err: "load balancer shared has 100 of 100 rules and this needs 1 more; ask AWS for more (quota rules-per-application-load-balancer)"},
		{name: "raised", rules: slipway.Quota{Used: 100, Limit: 200}},
		{name: "certificates", certificates: slipway.Quota{Used: 25, Limit: 25}, err: "25 of 25 certificates"},
		{name: "target groups", targets: slipway.Quota{Used: 100, Limit: 100}, err: "100 of 100 target groups"},
	} {
		env := shop()
		seen := as(EnvironmentOnly(env))
		seen.Rules, seen.Certificates, seen.TargetGroups = c.rules, c.certificates, c.targets
		delete(seen.Resources, Attachment("shop.example.com"))
		p, err := Make(env, Wanted(env), seen)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err != nil {
			continue
		}
		if got := strings.Join(p.Notes, " "); (got == "") != (c.note == "") || !strings.Contains(got, c.note) {
			t.Errorf("%s: %v", c.name, p.Notes)
		}
	}
	env := shop() // what is there already needs no more room
	seen := as(Wanted(env))
	seen.Rules = slipway.Quota{Used: 100, Limit: 100}
	if _, err := Make(env, Wanted(env), seen); err != nil {
		t.Errorf("a full load balancer that needs nothing more: %v", err)
	}
}
