package plan

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestServicesGoWhereThereIsRoom(t *testing.T) {
	q := func(used int) slipway.Quota { return slipway.Quota{Used: used, Limit: 100} }
	full, room := Balancer{Rules: q(99)}, Balancer{Rules: q(98)}
	certificates := Balancer{Certificates: slipway.Quota{Used: 25, Limit: 25}}
	env := slipway.Environment{Cluster: slipway.Cluster{Owned: true}, Services: []slipway.Service{{Rules: []slipway.Rule{{Hosts: []string{"a"}}, {Hosts: []string{"a"}, Paths: []string{"/x"}}}}}}
	for name, c := range map[string]struct {
		have []Balancer
		own  bool
		want int
	}{
		"none yet":                    {nil, true, 1},
		"the first has room":          {[]Balancer{room, room}, true, 1},
		"the second has":              {[]Balancer{full, room}, true, 2},
		"none has":                    {[]Balancer{full, certificates}, true, 3},
		"none has, others' own":       {[]Balancer{full, full}, false, 2},
		"where they are, though full": {[]Balancer{room, {Serves: true, Rules: q(100)}}, true, 2},
	} {
		env.Cluster.Owned = c.own
		if got := Spread(&env, c.have); got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
	}
}

func TestEachOfTheLoadBalancersHasAName(t *testing.T) {
	long := "a-cluster-whose-name-takes-all-of-it"
	seen := map[string]bool{}
	for nth := range 12 {
		for _, c := range []string{"yard", long} {
			name := Of(&slipway.Environment{Cluster: slipway.Cluster{Name: c, Nth: nth}}).Balancer().Name
			if len(name) > 32 || nth != 1 && seen[name] {
				t.Errorf("%d of %s is %s", nth, c, name)
			}
			seen[name] = true
		}
	}
}
