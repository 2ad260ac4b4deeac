package balancer

import (
	"math/rand/v2"
	"slices"
	"time"
)

// roster is a group's routing view at one moment; it is immutable.
type roster struct {
	targets  []*target          // those that get requests
	byID     map[string]*target // the same, for stickiness
	failOpen bool               // too few are healthy: targets holds all
	settings *TargetGroup
	slow     bool // some target is in slow start
}

// pick chooses a target by the group's algorithm and claims it. sticky, when not
// empty, is tried first. nil means that no target is registered.
func (g *group) pick(sticky string) *target {
	for {
		r := g.roster.Load()
		if len(r.targets) == 0 {
			return nil
		}
		if sticky != "" {
			if t := r.byID[sticky]; t != nil && t.claim() {
				return t
			}
			sticky = ""
		}
		t := r.choose(&g.turn)
		if t.suspected.Load() {
			t = r.unsuspected(slices.Index(r.targets, t))
		}
		if t.claim() {
			return t
		}
		// The target closed since the roster was read; a newer roster without
		// it is stored before a target closes, so this ends.
	}
}

// another chooses and claims a target that has not been tried; nil means that
// there is none.
func (g *group) another(tried []*target) *target {
	r := g.roster.Load()
	start := int(g.turn.next() % uint64(max(1, len(r.targets))))
	for i := range r.targets {
		if t := r.targets[(start+i)%len(r.targets)]; !slices.Contains(tried, t) && t.claim() {
			return t
		}
	}
	return nil
}

func (r *roster) choose(turn *turns) *target {
	if len(r.targets) == 1 {
		return r.targets[0]
	}
	switch r.settings.Algorithm {
	case LeastOutstanding:
		return r.leastOutstanding(int(turn.next()))
	case WeightedRandom:
		return r.spared(rand.IntN(len(r.targets)))
	}
	return r.spared(int(turn.next() % uint64(len(r.targets))))
}

// leastOutstanding scans from a moving start, so that equals take turns.
func (r *roster) leastOutstanding(start int) *target {
	n := len(r.targets)
	best := r.targets[start%n]
	least := best.inFlight()
	for i := 1; i < n && least > 0; i++ {
		t := r.targets[(start+i)%n]
		if load := t.inFlight(); load < least {
			best, least = t, load
		}
	}
	return best
}

// spared returns target n, or a later one while n is spared by slow start.
func (r *roster) spared(n int) *target {
	if !r.slow {
		return r.targets[n]
	}
	now := time.Now()
	for i := range r.targets {
		t := r.targets[(n+i)%len(r.targets)]
		if share := t.slowShare(now, r.settings.SlowStart); share >= 1 || rand.Float64() < share {
			return t
		}
	}
	return r.targets[n]
}
