package plan

import "github.com/slipway-dev/slipway/internal/slipway"

// Balancer is one of the load balancers that services are spread over, as it is.
type Balancer struct {
	// Serves tells that a rule of the file's hosts is on it.
	Serves                            bool
	Rules, Certificates, TargetGroups slipway.Quota
}

// Spread chooses the load balancer that an environment's services go to, from 1:
// the one where they are, else the first with room for all of them, else the next
// one, which isn't there yet. An environment is never torn apart: its hosts share
// certificates, and a target group can be behind one load balancer alone.
func Spread(env *slipway.Environment, have []Balancer) int {
	rules, hosts, groups := 0, map[string]bool{}, 0
	for i := range env.Services {
		s := &env.Services[i]
		rules += len(s.Rules)
		if Routed(s) {
			groups++
		}
		for _, r := range s.Rules {
			for _, h := range r.Hosts {
				hosts[h] = true
			}
		}
	}
	for i, b := range have {
		if b.Serves {
			return i + 1
		}
	}
	room := func(q slipway.Quota, more int) bool { return q.Limit == 0 || q.Used+more <= q.Limit }
	for i, b := range have {
		if room(b.Rules, rules) && room(b.Certificates, len(hosts)) && room(b.TargetGroups, groups) {
			return i + 1
		}
	}
	if len(have) > 0 && !env.Cluster.Owned { // who owns the cluster makes another one
		return len(have)
	}
	return len(have) + 1
}
