package applicationautoscaling

import (
	"math"
	"slices"
	"time"
)

// The metric of a target tracking policy is measured every Period. On AWS
// CloudWatch does so once a minute and two alarms per policy judge 3 and 15 minutes;
// here the same numbers of points are judged, which come sooner.
const (
	Period  = 5 * time.Second
	highFor = 3  // points above the target before a scale-out
	lowFor  = 15 // points below 90 % of it before a scale-in
)

// slack is how far below its target a metric must be for a scale-in.
const slack = 0.9

// tracking is one target tracking policy with what was measured for it, the newest
// point last.
type tracking struct {
	name, id string
	target   float64
	// stays tells that it never scales in (DisableScaleIn).
	stays   bool
	out, in time.Duration // cooldowns
	points  []float64
}

// scaled is when a service was last scaled by a policy.
type scaled struct{ Out, In time.Time }

// verdict is what tracking policies make of a service's desired count.
type verdict struct {
	count int
	// policy is the one that says so, nil when nothing changes.
	policy *tracking
}

// track decides the desired count from all of a service's policies: it is raised
// as soon as one wants that, to the highest that any wants, and lowered only when
// all want that ("Target tracking scaling policies", Application Auto Scaling
// guide). It is pure.
func track(policies []tracking, count, least, most int, last scaled, now time.Time) verdict {
	v := verdict{count: count}
	for i := range policies {
		p := &policies[i]
		if to := min(p.wantsOut(count), most); to > v.count && !now.Before(last.Out.Add(p.out)) {
			v = verdict{to, p}
		}
	}
	if v.policy != nil {
		return v
	}
	lowest := -1
	for i := range policies {
		p := &policies[i]
		if p.stays {
			continue
		}
		to, low := p.wantsIn(count)
		if !low || now.Before(last.In.Add(p.in)) || now.Before(last.Out.Add(p.in)) {
			return v
		}
		if to > lowest {
			lowest, v.policy = to, p
		}
	}
	if v.count = max(lowest, least); v.policy == nil || v.count >= count {
		return verdict{count: count}
	}
	return v
}

// wantsOut is the count that brings the metric down to its target, or the present
// one while it is not high for long enough.
func (p *tracking) wantsOut(count int) int {
	recent, ok := p.last(highFor)
	if !ok || slices.Min(recent) <= p.target {
		return count
	}
	if count == 0 {
		return 1
	}
	return int(math.Ceil(float64(count) * recent[len(recent)-1] / p.target))
}

// wantsIn is the count that would bring the metric up to its target without ever
// going above it.
func (p *tracking) wantsIn(count int) (to int, low bool) {
	recent, ok := p.last(lowFor)
	if !ok || slices.Max(recent) >= p.target*slack {
		return count, false
	}
	return int(math.Ceil(float64(count) * slices.Max(recent) / p.target)), true
}

func (p *tracking) last(n int) ([]float64, bool) {
	if len(p.points) < n {
		return nil, false
	}
	return p.points[len(p.points)-n:], true
}
