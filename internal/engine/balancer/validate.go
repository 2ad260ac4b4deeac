package balancer

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"time"
)

// normalize fills in AWS's defaults, on a copy.
func normalize(c Config) Config {
	c.LoadBalancers = slices.Clone(c.LoadBalancers)
	for i := range c.LoadBalancers {
		a := &c.LoadBalancers[i].Attributes
		a.IdleTimeout = cmp.Or(a.IdleTimeout, 60*time.Second)
		a.ClientKeepAlive = cmp.Or(a.ClientKeepAlive, time.Hour)
		a.ConnectTimeout = cmp.Or(a.ConnectTimeout, 10*time.Second)
		a.Desync = cmp.Or(a.Desync, Defensive)
		a.XForwardedFor = cmp.Or(a.XForwardedFor, XFFAppend)
	}
	c.TargetGroups = slices.Clone(c.TargetGroups)
	for i := range c.TargetGroups {
		normalizeGroup(&c.TargetGroups[i])
	}
	return c
}

func normalizeGroup(g *TargetGroup) {
	g.Protocol = cmp.Or(g.Protocol, HTTP)
	g.Version = cmp.Or(g.Version, HTTP1)
	g.Algorithm = cmp.Or(g.Algorithm, RoundRobin)
	g.MinHealthy = cmp.Or(g.MinHealthy, 1)
	g.Stickiness.Duration = cmp.Or(g.Stickiness.Duration, 24*time.Hour)
	h := &g.HealthCheck
	h.Protocol = cmp.Or(h.Protocol, HTTP)
	h.Interval = cmp.Or(h.Interval, 30*time.Second)
	h.Timeout = cmp.Or(h.Timeout, 5*time.Second)
	h.HealthyThreshold = cmp.Or(h.HealthyThreshold, 5)
	h.UnhealthyThreshold = cmp.Or(h.UnhealthyThreshold, 2)
	path, match := "/", "200"
	if g.Version == GRPC {
		path, match = "/AWS.ALB/healthcheck", "12"
	}
	h.Path = cmp.Or(h.Path, path)
	h.Matcher = cmp.Or(h.Matcher, match)
}

// validate refuses what cannot be made true. What the API forbids (quotas,
// lengths) is the API's to refuse.
func validate(c *Config) error {
	ids := map[string]bool{}
	unique := func(kind, id string) error {
		if id == "" {
			return fmt.Errorf("a %s has no id", kind)
		}
		if ids[kind+id] {
			return fmt.Errorf("%s %s is there twice", kind, id)
		}
		ids[kind+id] = true
		return nil
	}
	for i := range c.LoadBalancers {
		lb := &c.LoadBalancers[i]
		if err := unique("load balancer", lb.ID); err != nil {
			return err
		}
		if err := validateAttributes(&lb.Attributes); err != nil {
			return fmt.Errorf("load balancer %s: %w", lb.ID, err)
		}
		for j := range lb.Listeners {
			l := &lb.Listeners[j]
			if err := unique("listener", l.ID); err != nil {
				return err
			}
			if err := validateListener(l); err != nil {
				return fmt.Errorf("listener %s: %w", l.ID, err)
			}
		}
	}
	for i := range c.TargetGroups {
		g := &c.TargetGroups[i]
		if err := unique("target group", g.ID); err != nil {
			return err
		}
		if err := validateGroup(g); err != nil {
			return fmt.Errorf("target group %s: %w", g.ID, err)
		}
	}
	return nil
}

func validateAttributes(a *Attributes) error {
	if !slices.Contains([]DesyncMode{Defensive, Strictest, Monitor}, a.Desync) {
		return fmt.Errorf("desync mitigation mode %q is not known", a.Desync)
	}
	if !slices.Contains([]XFFMode{XFFAppend, XFFPreserve, XFFRemove}, a.XForwardedFor) {
		return fmt.Errorf("X-Forwarded-For processing mode %q is not known", a.XForwardedFor)
	}
	return nil
}

func validateListener(l *Listener) error {
	if l.Protocol != HTTP && l.Protocol != HTTPS {
		return fmt.Errorf("protocol %q is not served", l.Protocol)
	}
	if _, _, err := net.SplitHostPort(l.Bind); err != nil {
		return fmt.Errorf("bind address: %w", err)
	}
	seen := map[int]bool{}
	for _, r := range l.Rules {
		if r.Priority < 1 || r.Priority > 50000 || seen[r.Priority] {
			return fmt.Errorf("priority %d is not unique in 1–50000", r.Priority)
		}
		seen[r.Priority] = true
	}
	return nil
}

func validateGroup(g *TargetGroup) error {
	if !slices.Contains([]Version{HTTP1, HTTP2, GRPC}, g.Version) {
		return fmt.Errorf("protocol version %q is not known", g.Version)
	}
	if g.Protocol != HTTP && g.Protocol != HTTPS {
		return fmt.Errorf("protocol %q is not served", g.Protocol)
	}
	if !slices.Contains([]Algorithm{RoundRobin, LeastOutstanding, WeightedRandom}, g.Algorithm) {
		return fmt.Errorf("algorithm %q is not known", g.Algorithm)
	}
	if _, err := parseMatcher(g.HealthCheck.Matcher); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, t := range g.Targets {
		if seen[t.ID] {
			return fmt.Errorf("target %s is there twice", t.ID)
		}
		seen[t.ID] = true
		if _, _, err := net.SplitHostPort(t.Address); err != nil {
			return fmt.Errorf("target %s: %w", t.ID, err)
		}
	}
	return nil
}
