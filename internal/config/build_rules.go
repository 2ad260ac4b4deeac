package config

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// conditions is how many values the conditions of one rule may have together.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const conditions = 5

// rules are the listener's rules that lead to a service.
func (b *builder) rules(s *slipway.Service, n *node, host entry) {
	s.Hosts = lower(b.texts(host.value, "host", hostName))
	s.Paths = b.texts(n.get("paths"), "path", pathPattern)
	s.Priority = numberAt(n.get("priority"), 0)
	if len(s.Hosts) > 0 {
		s.At["host"] = host.at
		s.Rules = b.split(slipway.Rule{Hosts: s.Hosts, Paths: s.Paths, Priority: s.Priority, At: host.at})
	}
	for _, r := range n.get("rules").each() {
		s.Rules = append(s.Rules, b.split(slipway.Rule{
			Hosts:    lower(b.texts(r.get("host"), "host", hostName)),
			Paths:    b.texts(r.get("paths"), "path", pathPattern),
			Priority: numberAt(r.get("priority"), 0),
			At:       r.at,
		})...)
	}
	if s.Port == 0 && len(s.Rules) > 0 {
		b.found.add(s.Rules[0].At, "port: 8000", "a host leads to the service, but no container has a port")
	}
}

// split keeps each rule within what the balancer allows.
func (b *builder) split(r slipway.Rule) []slipway.Rule {
	room := conditions - len(r.Paths)
	switch {
	case room < 1:
		b.found.add(r.At, "", "%d paths and a host are more than the %d conditions that a rule can have", len(r.Paths), conditions)
		return []slipway.Rule{r}
	case len(r.Hosts) <= room:
		return []slipway.Rule{r}
	case r.Priority != 0:
		b.found.add(r.At, "", "%d hosts and %d paths are more than the %d conditions that a rule can have; without a priority they are spread over several rules", len(r.Hosts), len(r.Paths), conditions)
		return []slipway.Rule{r}
	}
	var rules []slipway.Rule
	for hosts := range slices.Chunk(r.Hosts, room) {
		rules = append(rules, slipway.Rule{Hosts: hosts, Paths: r.Paths, At: r.At})
	}
	return rules
}
