package balancer

import "time"

// A target that is killed is noticed by its failing checks an interval or two
// later, or when its owner deregisters it. Until then every request to it would
// fail that must not be repeated, behind a port forwarder even after a
// connection was made. So a target that refuses a connection or closes a fresh
// one without an answer is under suspicion: as long as others are left, it is
// not chosen before a check of its own has passed. (AWS has no such rule; what
// DescribeTargetHealth tells, and failing open, are not changed by it.)

// suspicionCheck is how often a target under suspicion is checked.
const suspicionCheck = 100 * time.Millisecond

// suspicionTime is how long a suspicion lasts where there are no checks.
const suspicionTime = time.Second

// suspect puts the target under suspicion.
func (t *target) suspect() {
	if t.suspected.Swap(true) {
		return
	}
	g := t.group
	g.bal.work.Go(func() {
		defer t.suspected.Store(false)
		g.acquit(t)
	})
}

// acquit returns when a check of the target has passed, or nobody checks it.
func (g *group) acquit(t *target) {
	settings := g.settings()
	if settings.HealthCheck.Disabled {
		sleep(g.bal.life, suspicionTime)
		return
	}
	p := newProbe(t, settings)
	for g.checks(t) && p.once(g.bal.life).reason != "" {
		if !sleep(g.bal.life, suspicionCheck) {
			return
		}
	}
}

// checks tells whether the target is still checked: whether it is registered.
func (g *group) checks(t *target) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return t.stopProbe != nil
}

// unsuspected is a target from n on that is not under suspicion, or target n.
func (r *roster) unsuspected(n int) *target {
	for i := range r.targets {
		if t := r.targets[(n+i)%len(r.targets)]; !t.suspected.Load() {
			return t
		}
	}
	return r.targets[n]
}
