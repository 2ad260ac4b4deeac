package capacity

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Picture is one capacity provider at one instant.
type Picture struct {
	// Scaling is managed scaling, Protect managed termination protection.
	Scaling, Protect bool
	// Target is the target capacity in percent, the steps are bounds of one
	// scale-out.
	Target, MinStep, MaxStep int
	// Warmup is how long an empty instance counts as one that comes.
	Warmup time.Duration
	// Min, Max and Desired are the group's.
	Min, Max, Desired int
	Machines          []Machine
	// Wanting is how many more instances the tasks that wait need.
	Wanting int
}

// Machine is an instance of the group.
type Machine struct {
	ID       string
	Launched time.Time
	// InService is the group's word, Going that it is about to be terminated.
	InService, Going bool
	Protected        bool
	// Waits tells that its termination waits for its tasks, until a time.
	Waits bool
	Until time.Time
	// Joined tells that it is a container instance, Draining that this one drains.
	Joined, Draining bool
	// Busy tells that a task other than a daemon's is on it, Alive that any is.
	Busy, Alive bool
}

// Decision is what a provider needs now.
type Decision struct {
	// Scale tells that the group's desired capacity is to be Desired.
	Scale   bool
	Desired int
	// Protect and Unprotect are instances to protect from scale-in, or no longer.
	Protect, Unprotect []string
	// Drain are those to drain, Complete those whose termination may go on, Extend
	// those for which it has to wait longer.
	Drain, Complete, Extend []string
	// Wake is when time alone may change the decision; zero: never.
	Wake time.Time
}

// Idle tells whether there is nothing to do.
func (d Decision) Idle() bool {
	return !d.Scale && len(d.Protect)+len(d.Unprotect)+len(d.Drain)+len(d.Complete)+len(d.Extend) == 0
}

// Reservation is the metric CapacityProviderReservation: the instances that are
// needed, in percent of those that there are. With none of both it is 100, with
// none that there are 200 (developer guide, cluster auto scaling).
func (p Picture) Reservation() int {
	there, busy := p.count()
	switch needed := busy + p.Wanting; {
	case p.Wanting > 0 && there > 0:
		return 100 * (there + p.Wanting) / there
	case there > 0:
		return 100 * needed / there
	case needed > 0:
		return 200
	}
	return 100
}

// count is how many instances are in the cluster to stay, and how many of them
// have tasks.
func (p Picture) count() (there, busy int) {
	for _, m := range p.Machines {
		if m.Going || !m.Joined {
			continue
		}
		there++
		if m.Busy {
			busy++
		}
	}
	return there, busy
}

// Decide is what a provider needs now. It is pure.
func Decide(p Picture, now time.Time) (d Decision) {
	for _, m := range p.Machines {
		d.terminate(m, now)
	}
	if !p.Scaling {
		return d
	}
	if p.grow(&d); !d.Scale && p.Wanting == 0 {
		p.shrink(&d, now)
	}
	if p.Protect {
		for _, m := range p.Machines {
			if m.InService && m.Busy && !m.Protected {
				d.Protect = append(d.Protect, m.ID)
			}
		}
	}
	return d
}

func (d *Decision) wake(at time.Time) {
	if d.Wake.IsZero() || at.Before(d.Wake) {
		d.Wake = at
	}
}

// early is how long before the end of a wait it is made longer.
const early = time.Minute

// terminate drains an instance whose termination waits, and lets that go on when
// its last task is gone.
func (d *Decision) terminate(m Machine, now time.Time) {
	switch {
	case !m.Waits:
	case !m.Joined || m.Draining && !m.Alive:
		d.Complete = append(d.Complete, m.ID)
	case !m.Draining:
		d.Drain = append(d.Drain, m.ID)
	case !now.Before(m.Until.Add(-early)):
		d.Extend = append(d.Extend, m.ID)
	default:
		d.wake(m.Until.Add(-early))
	}
}

// present is how many instances there are that do not leave.
func (p Picture) present() (n int) {
	for _, m := range p.Machines {
		if !m.Going {
			n++
		}
	}
	return n
}

// goal is how many instances are wanted for so many that have tasks.
func (p Picture) goal(busy int) int { return (busy*100 + p.Target - 1) / p.Target }

// grow has the group grow by what waiting tasks need, in steps. Instances that are
// on their way are not asked for again.
func (p Picture) grow(d *Decision) {
	there, busy := p.count()
	want := min(max(there+p.Wanting, p.goal(busy+p.Wanting)), p.Max)
	if p.Wanting == 0 {
		want = min(p.goal(busy), p.Max)
	}
	onTheirWay := max(0, p.Desired-there)
	room := p.MaxStep - onTheirWay
	if want <= p.Desired || room <= 0 {
		return
	}
	step := min(max(want-p.Desired, p.MinStep), room)
	d.Scale, d.Desired = true, min(p.Desired+step, p.Max)
}

// shrink has the group give up empty instances that have been there for the
// warm-up, as far as the target capacity lets it.
func (p Picture) shrink(d *Decision, now time.Time) {
	_, busy := p.count()
	// Of instances that the group does not want any more some may still be there:
	// they are asked for once.
	size := max(p.Desired, p.present())
	spare := size - max(p.goal(busy), p.Min)
	if spare <= 0 {
		return
	}
	var empty []Machine
	for _, m := range p.Machines {
		if !m.InService || !m.Joined || m.Busy {
			continue
		}
		if warm := m.Launched.Add(p.Warmup); now.Before(warm) {
			d.wake(warm)
			continue
		}
		empty = append(empty, m)
	}
	if len(empty) == 0 {
		return
	}
	slices.SortFunc(empty, func(a, b Machine) int { return cmp.Or(a.Launched.Compare(b.Launched), strings.Compare(a.ID, b.ID)) })
	empty = empty[:min(spare, len(empty))]
	if size -= len(empty); size < p.Desired {
		d.Scale, d.Desired = true, size
	}
	for _, m := range empty {
		if p.Protect && m.Protected {
			d.Unprotect = append(d.Unprotect, m.ID)
		}
	}
}
