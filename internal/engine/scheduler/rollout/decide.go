package rollout

import (
	"time"
)

// Decide is the next step for a service.
func Decide(p Picture, now time.Time) Decision {
	d := decider{Picture: p, now: now}
	if len(p.Deployments) == 0 {
		return d.out
	}
	d.survey()
	d.drop()
	d.judge()
	if !d.out.Fail {
		d.stopUnhealthy()
		d.stopPendingLeavers()
		d.start()
		d.stopOld()
		d.stopSurplus()
		d.finish()
	}
	return d.out
}

// decider is one decision in the making.
type decider struct {
	Picture
	now time.Time
	out Decision

	atLeast, atMost int
	primary         *Deployment
	// active counts the tasks not ordered to stop, healthy those of them that
	// serve; both change as the decision orders stops and starts.
	active, healthy int
	mine            int // active tasks of the PRIMARY that may stay
	doomed          map[string]bool
}

func (d *decider) survey() {
	d.primary = &d.Deployments[0]
	d.atLeast = (d.Desired*d.MinPercent + 99) / 100
	d.atMost = d.Desired * d.MaxPercent / 100
	d.doomed = map[string]bool{}
	for i := range d.Deployments {
		for _, t := range d.Deployments[i].Tasks {
			if t.Phase == Stopping || t.Last {
				continue
			}
			d.active++
			if i == 0 && !t.Leaving {
				d.mine++
			}
			if d.serves(t) {
				d.healthy++
			}
		}
	}
}

// serves tells whether a task counts as healthy.
func (d *decider) serves(t Task) bool {
	if t.Phase != Running {
		return false
	}
	if t.Checked {
		return t.Health == Healthy
	}
	ready := t.Since.Add(Settle)
	if d.now.Before(ready) {
		d.wake(ready)
		return false
	}
	return true
}

func (d *decider) wake(at time.Time) {
	if d.out.Wake.IsZero() || at.Before(d.out.Wake) {
		d.out.Wake = at
	}
}

// drop finds older deployments whose last task is gone.
func (d *decider) drop() {
	for _, old := range d.Deployments[1:] {
		if len(old.Tasks) == 0 {
			d.out.Drop = append(d.out.Drop, old.ID)
		}
	}
}

// judge trips the breaker. A rollback that fails too is not rolled back again.
func (d *decider) judge() {
	p := d.primary
	if p.State != InProgress || !d.Breaker.Enabled || p.Failures < Threshold(d.Desired) {
		return
	}
	d.out.Fail = true
	if d.Breaker.Rollback && !p.Rollback {
		d.out.RollBackTo = p.RollsBackTo
	}
}

// stopUnhealthy orders the stop of tasks whose checks fail, one for one with
// replacements where the maximum allows those, and otherwise first.
func (d *decider) stopUnhealthy() {
	for i := range d.Deployments {
		for _, t := range d.Deployments[i].Tasks {
			if t.Phase != Running || t.Health != Unhealthy {
				continue
			}
			if d.now.Before(t.Grace) {
				d.wake(t.Grace)
				continue
			}
			why := FailedTargetHealth
			if t.Why == ContainerHealth {
				why = FailedContainerHealth
			}
			d.order(i, t, why)
			d.out.Replaced++
		}
	}
}

// order adds a stop to the decision.
func (d *decider) order(deployment int, t Task, why Reason) {
	d.out.Stop = append(d.out.Stop, Stop{t.ID, why})
	d.doomed[t.ID] = true
	d.active--
	if deployment == 0 && !t.Leaving {
		d.mine--
	}
	if d.serves(t) {
		d.healthy--
	}
}

func (d *decider) start() {
	missing := d.Desired - d.mine
	if missing <= 0 || d.primary.State == Failed {
		d.out.Replaced = 0
		return
	}
	if d.now.Before(d.primary.NotBefore) {
		d.wake(d.primary.NotBefore)
		d.out.Replaced = 0
		return
	}
	d.out.Start = max(0, min(missing, d.atMost-d.active))
	d.out.Replaced = min(d.out.Replaced, d.out.Start)
	d.active += d.out.Start
	d.mine += d.out.Start
}

// stopPendingLeavers orders the stop of tasks that have not begun to run on an
// instance that drains: they go at once (UpdateContainerInstancesState).
func (d *decider) stopPendingLeavers() {
	for i := range d.Deployments {
		for _, t := range d.Deployments[i].Tasks {
			if t.Leaving && !t.Last && t.Phase == Pending {
				d.order(i, t, Replaced)
			}
		}
	}
}

// stopOld orders the stop of older deployments' tasks, and then of the
// PRIMARY's on instances that drain: at once those that do not serve, and of
// those that do as many as leave enough. When the new tasks find a place without
// it, enough is the desired count; when they do not, it is the minimum.
func (d *decider) stopOld() {
	if d.primary.State == Failed {
		return
	}
	enough := d.Desired
	if d.mine < d.Desired || d.NoRoom {
		enough = d.atLeast
	}
	enough = max(enough, d.atLeast)
	for i := len(d.Deployments) - 1; i >= 0; i-- {
		for _, t := range d.victims(i, func(t Task) bool { return i > 0 || t.Leaving }) {
			if d.serves(t) && d.healthy <= enough {
				continue
			}
			if !d.serves(t) && d.healthy < d.atLeast && t.Phase == Running {
				continue // it may be about to serve
			}
			if !d.spared(t) {
				d.order(i, t, Replaced)
			}
		}
	}
}

// spared tells whether a task that should go is protected.
func (d *decider) spared(t Task) bool {
	if !d.now.Before(t.Protected) {
		return false
	}
	d.wake(t.Protected)
	d.out.Protected++
	return true
}

// stopSurplus scales the PRIMARY in.
func (d *decider) stopSurplus() {
	if d.mine <= d.Desired {
		return
	}
	for _, t := range d.victims(0, func(t Task) bool { return !t.Leaving }) {
		if d.mine <= d.Desired {
			return
		}
		if !d.spared(t) {
			d.order(0, t, ScaledIn)
		}
	}
}

// finish tells whether the service is where it should be, or can never get there.
func (d *decider) finish() {
	idle := d.out.Start == 0 && len(d.out.Stop) == 0
	older := len(d.Deployments) - 1 - len(d.out.Drop)
	stopping, leaving := 0, 0
	for _, t := range d.primary.Tasks {
		switch {
		case t.Phase == Stopping:
			stopping++
		case t.Leaving && !t.Last:
			leaving++
		}
	}
	reached := idle && older == 0 && leaving == 0 && d.mine == d.Desired && d.healthy >= d.Desired
	d.out.Steady = reached && stopping == 0
	d.out.Complete = reached && d.primary.State == InProgress
	waits := !d.out.Wake.IsZero() || d.NoRoom || d.primary.State == Failed || d.Desired == 0 && d.active == 0
	d.out.Stuck = idle && !waits && d.stuck()
}

// stuck is the deadlock of the percentages: tasks are missing, no start is
// allowed, everything that could stop serves and must not, and nothing is under
// way that would change this.
func (d *decider) stuck() bool {
	if d.mine >= d.Desired || d.active < d.atMost || d.healthy > d.atLeast {
		return false
	}
	for _, dep := range d.Deployments {
		for _, t := range dep.Tasks {
			if t.Phase != Running || !d.serves(t) {
				return false
			}
		}
	}
	return true
}
