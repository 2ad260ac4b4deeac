package balancer

import (
	"sync"
	"sync/atomic"
	"time"
)

// turns counts round robin.
type turns struct{ n atomic.Uint64 }

func (t *turns) next() uint64 { return t.n.Add(1) - 1 }

// group is a target group at work. It outlives configurations.
type group struct {
	id      string
	bal     *Balancer
	roster  atomic.Pointer[roster]
	turn    turns
	metrics groupMetrics
	h2      upstreamH2

	mu      sync.Mutex
	targets []*target // registered, in the order of the configuration
	leaving []*target // deregistering, or replaced and finishing
	used    bool      // a listener's rule forwards to the group
	gone    bool
}

func newGroup(b *Balancer, id string) *group {
	g := &group{id: id, bal: b}
	g.roster.Store(&roster{settings: &TargetGroup{}})
	g.h2.init(g)
	return g
}

// settings are the group's latest, normalized.
func (g *group) settings() *TargetGroup { return g.roster.Load().settings }

// configure makes the group what the configuration says, by difference.
func (g *group) configure(want *TargetGroup, used bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = false
	before := g.settings()
	recheck := !sameChecks(&before.HealthCheck, &want.HealthCheck) || g.used != used
	g.used = used
	have := map[string]*target{}
	for _, t := range g.targets {
		have[t.id] = t
	}
	leaving := map[string]*target{}
	for _, t := range g.leaving {
		leaving[t.id] = t
	}
	empty := len(g.targets) == 0
	var registered, fresh, retire []*target
	for i := range want.Targets {
		w := &want.Targets[i]
		t := have[w.ID]
		if t != nil && t.address != w.Address {
			retire = append(retire, t) // another address is another target
			delete(have, w.ID)
			t = nil
		}
		switch {
		case w.DrainUntil.IsZero() && t != nil:
			delete(have, w.ID)
			registered = append(registered, t)
		case w.DrainUntil.IsZero():
			t = g.newTarget(w)
			t.firstBatch = empty
			registered, fresh = append(registered, t), append(fresh, t)
			if old := leaving[w.ID]; old != nil {
				old.drainUntil, old.drained = time.Time{}, false
				retire = append(retire, old) // registered again: the old one finishes in peace
				delete(leaving, w.ID)
			}
		case t != nil:
			delete(have, w.ID)
			t.drainUntil = w.DrainUntil
			retire = append(retire, t)
			delete(leaving, w.ID)
		case leaving[w.ID] != nil:
			t = leaving[w.ID]
			delete(leaving, w.ID)
			if !t.drainUntil.Equal(w.DrainUntil) {
				t.drainUntil = w.DrainUntil
				g.armDeadline(t)
			}
		default: // draining, and never seen by this process
			t = g.newTarget(w)
			t.drainUntil = w.DrainUntil
			retire = append(retire, t)
		}
		if t != nil {
			t.obstacle.Store(new(w.Obstacle))
			t.checkObstacle.Store(new(w.CheckObstacle))
		}
	}
	g.targets = registered
	g.refresh(want) // before closing: pick relies on it
	for _, t := range retire {
		g.retire(t, want)
	}
	for _, t := range have { // no longer in the configuration at all
		g.remove(t)
	}
	for _, t := range leaving {
		if !t.drainUntil.IsZero() {
			g.remove(t)
		}
	}
	for _, t := range g.targets {
		if *t.obstacle.Load() != "" {
			t.idle.closeAll()
		}
	}
	if recheck {
		for _, t := range g.targets {
			g.stopChecks(t)
		}
		fresh = g.targets
	}
	for _, t := range fresh {
		g.startChecks(t, want)
	}
	g.refresh(want)
}

func (g *group) newTarget(w *Target) *target {
	t := &target{id: w.ID, address: w.Address, group: g}
	t.health = newHealth(Initial, RegistrationInProgress)
	return t
}

// retire lets a target finish what it has; with a deadline it is draining.
func (g *group) retire(t *target, want *TargetGroup) {
	g.stopChecks(t)
	t.slowSince.Store(0)
	if !containsTarget(g.leaving, t) {
		g.leaving = append(g.leaving, t)
	}
	if !t.drainUntil.IsZero() {
		t.health = newHealth(Draining, DeregistrationInProgress)
		g.armDeadline(t)
	} else if t.deadline != nil {
		t.deadline.Stop()
		t.deadline = nil
	}
	idle := t.close()
	t.idle.shut()
	if idle {
		g.finished(t)
	} else if !t.drainUntil.IsZero() {
		g.report(t)
	}
}

// armDeadline cuts what is under way when the deregistration delay has passed.
func (g *group) armDeadline(t *target) {
	if t.deadline != nil {
		t.deadline.Stop()
	}
	until := t.drainUntil
	t.deadline = time.AfterFunc(time.Until(until), func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if t.drainUntil.Equal(until) {
			g.remove(t)
		}
	})
}

// idleNow is told that a closed target's last claim ended.
func (g *group) idleNow(t *target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finished(t)
}

// finished notes that a leaving target has nothing under way. The state stays
// draining until the deadline, idle or not.
func (g *group) finished(t *target) {
	if t.removed || t.drained {
		return
	}
	if t.drainUntil.IsZero() {
		g.drop(t)
		return
	}
	t.drained = true
	g.report(t)
}

// remove ends a target: no request is left to it, by force if need be.
func (g *group) remove(t *target) {
	if t.removed {
		return
	}
	g.stopChecks(t)
	g.drop(t)
	t.close()
	if n := t.inFlight(); n > 0 {
		g.bal.log.Info("target removed with requests under way: cut", "group", g.id, "target", t.id, "requests", n)
	}
	t.cutAll()
	t.health = newHealth(Unused, NotRegistered)
	t.drained = true
	g.report(t)
}

// drop forgets a leaving target without a word.
func (g *group) drop(t *target) {
	t.removed = true
	g.h2.forget(t)
	if t.deadline != nil {
		t.deadline.Stop()
	}
	for i, o := range g.leaving {
		if o == t {
			g.leaving = append(g.leaving[:i:i], g.leaving[i+1:]...)
			break
		}
	}
}

// close ends the group: its targets are cut.
func (g *group) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	targets := append(append([]*target(nil), g.targets...), g.leaving...)
	g.targets = nil
	g.refresh(g.settings())
	for _, t := range targets {
		g.remove(t)
	}
	g.h2.close()
}

// refresh stores the roster that follows from the targets' health.
func (g *group) refresh(settings *TargetGroup) {
	r := &roster{settings: settings, byID: map[string]*target{}}
	for _, t := range g.targets {
		if t.health.state == Healthy || t.health.state == Unavailable {
			r.targets = append(r.targets, t)
		}
	}
	if n := len(r.targets); n < settings.MinHealthy || n*100 < settings.MinHealthyPercent*len(g.targets) {
		r.failOpen, r.targets = true, append([]*target(nil), g.targets...)
	}
	for _, t := range r.targets {
		r.byID[t.id] = t
		r.slow = r.slow || t.slowSince.Load() != 0
	}
	g.roster.Store(r)
}

// checked applies the outcome of a check.
func (g *group) checked(t *target, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.stopProbe == nil {
		return // retired meanwhile
	}
	settings := g.settings()
	was := t.health.state
	t.health = t.health.after(o, &settings.HealthCheck)
	if t.health.state != was {
		g.slowStart(t, settings)
		g.refresh(settings)
		g.bal.log.Debug("target health", "group", g.id, "target", t.id, "state", t.health.state, "was", was, "detail", o.detail)
	}
	g.report(t)
}

// slowStart begins or ends a target's slow start with its health. It needs a
// healthy target that is not slow, and the first batch into an empty group skips
// it ("Slow start mode").
func (g *group) slowStart(t *target, settings *TargetGroup) {
	t.slowSince.Store(0)
	first := t.firstBatch
	t.firstBatch = false
	if t.health.state != Healthy || settings.SlowStart == 0 || first {
		return
	}
	now := time.Now()
	for _, o := range g.targets {
		if o != t && o.health.state == Healthy && o.slowShare(now, settings.SlowStart) >= 1 {
			t.slowSince.Store(now.UnixNano())
			time.AfterFunc(settings.SlowStart, func() { g.warmed(t, now.UnixNano()) })
			return
		}
	}
}

// warmed ends a slow start that began at since.
func (g *group) warmed(t *target, since int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.slowSince.CompareAndSwap(since, 0) && !g.gone {
		g.refresh(g.settings())
	}
}

// report tells the observer when what it would see has changed.
func (g *group) report(t *target) {
	shown := t.health
	shown.passes, shown.failures = 0, 0
	if shown == t.reported && !t.drained {
		return
	}
	t.reported = shown
	g.bal.observer.add(g.view(t))
}

func (g *group) view(t *target) TargetHealth {
	return TargetHealth{
		Group: g.id, Target: t.id, Address: t.address,
		State: t.health.state, Reason: t.health.reason, Description: t.health.description,
		At: time.Now(), InFlight: t.inFlight(), Drained: t.drained,
	}
}

// views lists the group's targets, leaving ones after the registered.
func (g *group) views() []TargetHealth {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []TargetHealth
	for _, t := range g.targets {
		out = append(out, g.view(t))
	}
	for _, t := range g.leaving {
		if !t.drainUntil.IsZero() {
			out = append(out, g.view(t))
		}
	}
	return out
}

func containsTarget(list []*target, t *target) bool {
	for _, o := range list {
		if o == t {
			return true
		}
	}
	return false
}
