package config

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// across finds what two services, of one environment or of two that share a
// cluster, can't both have.
func (b *builder) across(stack *slipway.Stack) {
	hosts, names := map[string]taken{}, map[string]taken{}
	for i := range stack.Environments {
		env := &stack.Environments[i]
		where := strings.Join([]string{env.On, env.Account, env.Region, env.Cluster.Name}, " ")
		for j := range env.Services {
			s := &env.Services[j]
			who := taken{env.Name, s.Key, s.At.Of("name")}
			if first, ok := names[where+" "+s.Name]; ok {
				b.found.add(who.at, `name: "{env}-{app}"`, "the service name %s is taken by %s", s.Name, first)
			}
			names[where+" "+s.Name] = who
			b.routes(hosts, where, s, who)
		}
	}
}

// taken is who has a name already.
type taken struct {
	env, service string
	at           slipway.Position
}

func (t taken) String() string {
	s := t.env
	if t.service != "" {
		s += "'s " + t.service
	}
	return s + " (line " + strings.TrimPrefix(slipway.Position{Line: t.at.Line}.String(), ":") + ")"
}

func (b *builder) routes(hosts map[string]taken, where string, s *slipway.Service, who taken) {
	for _, r := range s.Rules {
		paths := r.Paths
		if len(paths) == 0 {
			paths = []string{""}
		}
		for _, h := range r.Hosts {
			for _, p := range paths {
				key := where + " " + h + p
				who.at = r.At
				if first, ok := hosts[key]; ok {
					b.found.add(r.At, "", "%s leads to %s already", h+p, first)
				}
				hosts[key] = who
			}
		}
	}
}
