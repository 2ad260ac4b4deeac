package balancer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// loadBalancer is a compiled load balancer.
type loadBalancer struct {
	id, name, dns string
	accessLog     string
	attributes    Attributes
	published     map[uint16]uint16
}

// listener is a compiled listener. Its counters outlive configurations.
type listener struct {
	id      string
	lb      *loadBalancer
	port    uint16
	bind    string
	tls     *listenerTLS // nil for HTTP
	router  *router
	admit   []netip.Prefix
	open    bool // admits everybody
	guard   string
	headers HeaderChanges
	metrics *listenerMetrics
}

func (l *listener) admits(a netip.Addr) bool { return l.open || admits(l.admit, a) }

// sockRoutes is what a socket routes by: immutable, swapped as a whole.
type sockRoutes struct {
	listeners []*listener // oldest first
	byHost    map[string]*listener
	wild      []wildHost // most specific first
}

type wildHost struct {
	glob     glob
	listener *listener
}

// newSockRoutes indexes the listeners that share a bind address. A host belongs
// to the listener whose load balancer has that DNS name; else to the one with a
// rule for it, exact before wildcard and longer before shorter; else to one with
// a certificate for it; else to the oldest. Between equals the oldest wins.
func newSockRoutes(listeners []*listener, hosts map[*listener][]string) *sockRoutes {
	s := &sockRoutes{listeners: listeners, byHost: map[string]*listener{}}
	claim := func(name string, l *listener) {
		g := newGlob(name, true, false)
		if host, ok := g.literal(); ok {
			if _, taken := s.byHost[host]; !taken {
				s.byHost[host] = l
			}
			return
		}
		s.wild = append(s.wild, wildHost{g, l})
	}
	for _, l := range listeners {
		if l.lb.dns != "" {
			claim(l.lb.dns, l)
		}
	}
	for _, l := range listeners {
		for _, h := range hosts[l] {
			claim(h, l)
		}
	}
	byLength := func(a, b wildHost) int { return cmp.Compare(len(b.glob.pattern), len(a.glob.pattern)) }
	slices.SortStableFunc(s.wild, byLength)
	rules := len(s.wild)
	for _, l := range listeners {
		if l.tls != nil {
			for _, n := range l.tls.names() {
				claim(n, l)
			}
		}
	}
	slices.SortStableFunc(s.wild[rules:], byLength)
	return s
}

// pick chooses the listener for a host, in lower case.
func (s *sockRoutes) pick(host string) *listener {
	if len(s.listeners) == 1 {
		return s.listeners[0]
	}
	if l, ok := s.byHost[host]; ok {
		return l
	}
	for _, w := range s.wild {
		if w.glob.match(host) {
			return w.listener
		}
	}
	return s.listeners[0]
}

// compile makes a listener's routes from the configuration.
func (b *Balancer) compileListener(lb *loadBalancer, l *Listener, groups map[string]*group, certs map[string]*Certificate) (*listener, error) {
	out := &listener{
		id: l.ID, lb: lb, port: l.Port, bind: l.Bind,
		admit: l.Admit, open: l.Admit == nil, guard: l.Guard, headers: l.Headers,
		metrics: b.listenerCounters(l.ID),
	}
	var err error
	out.router, err = newRouter(l, func(a Action) (*action, error) { return compileAction(a, groups) })
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w", l.ID, err)
	}
	if l.Protocol == HTTPS {
		if out.tls, err = newListenerTLS(l, lb, certs); err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.ID, err)
		}
	}
	return out, nil
}

// ruleHosts are the host patterns that a listener's rules name.
func ruleHosts(l *Listener) []string {
	var out []string
	for _, r := range l.Rules {
		for _, c := range r.Conditions {
			if c.Field == HostHeader {
				out = append(out, c.Values...)
			}
		}
	}
	return out
}
