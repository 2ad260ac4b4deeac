package autoscaling

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
)

// sight is all that a decision about one group looks at.
type sight struct {
	group     *Group
	instances []*Instance
	// machines are the instances as EC2 has them; one that is missing is gone.
	machines map[string]Machine
	hooks    []*Hook
	// sick are instances that a load balancer finds unhealthy.
	sick map[string]bool
	// current is the template that the group would launch from now; its version
	// is empty when it cannot be read.
	current Template
	refresh *Refresh
	now     time.Time
}

// plan is what a group needs now.
type plan struct {
	moves    []move
	ends     []end
	launches []place
	// started is the cause of the launches.
	started string
	// settled tells that the capacity is what it should be, so that the cause of
	// its last change is history.
	settled bool
	// gone tells that the group itself can go.
	gone bool
	// refresh is the refresh's new state, nil for none.
	refresh *Refresh
	// wake is when to look again if nothing changes; zero for never.
	wake time.Time
}

// move takes an instance to its next lifecycle state.
type move struct {
	instance string
	to       api.LifecycleState
	actions  []Action
	// sources are the target groups that the instance is to be registered with.
	sources []string
	// unhealthy marks it.
	unhealthy bool
}

// end terminates an instance.
type end struct{ instance, cause string }

// place is where an instance is launched; the subnet is empty for the zone's
// default.
type place struct{ zone, subnet string }

func (p *plan) empty() bool {
	return len(p.moves) == 0 && len(p.ends) == 0 && len(p.launches) == 0 && !p.gone && p.refresh == nil && !p.settled
}

func (p *plan) at(t time.Time) {
	if !t.IsZero() && (p.wake.IsZero() || t.Before(p.wake)) {
		p.wake = t
	}
}

// ended is set for each instance that the plan ends.
func (p *plan) ended(id string) bool {
	return slices.ContainsFunc(p.ends, func(e end) bool { return e.instance == id })
}

// gonePlaces are EC2's states in which an instance does not serve.
var goneStates = []string{"", "shutting-down", "terminated", "stopping", "stopped"}

// decide is what a group needs now. It is pure: the same sight gives the same plan.
func decide(s *sight) *plan {
	p := &plan{}
	for _, i := range s.instances {
		s.step(p, i)
	}
	if s.group.Deleting {
		for _, i := range s.instances {
			if i.Ending == nil && !p.ended(i.ID) {
				p.ends = append(p.ends, end{i.ID, s.group.Cause})
			}
		}
		p.gone = len(s.instances) == 0
		return p
	}
	s.renew(p)
	s.balance(p)
	return p
}

// step decides about one instance.
func (s *sight) step(p *plan, i *Instance) {
	machine := s.machines[i.ID]
	switch i.State {
	case api.LifecycleStatePending:
		s.starting(p, i, machine)
	case api.LifecycleStatePendingWait:
		s.waitingToServe(p, i, machine)
	case api.LifecycleStateInService:
		s.serving(p, i, machine)
	case api.LifecycleStateTerminating:
		if actions := actionsFor(s.hooks, terminating, s.now); len(actions) > 0 && !s.group.Deleting && !i.Ending.Force {
			p.moves = append(p.moves, move{instance: i.ID, to: api.LifecycleStateTerminatingWait, actions: actions})
			return
		}
		p.moves = append(p.moves, move{instance: i.ID, to: api.LifecycleStateTerminatingProceed})
	case api.LifecycleStateTerminatingWait:
		results, next := outcome(i.Actions, s.now)
		if s.group.Deleting || !slices.Contains(results, "") {
			p.moves = append(p.moves, move{instance: i.ID, to: api.LifecycleStateTerminatingProceed})
			return
		}
		p.at(next)
	case api.LifecycleStateTerminatingProceed:
		if machine.State == "" || machine.State == "terminated" {
			p.moves = append(p.moves, move{instance: i.ID, to: api.LifecycleStateTerminated})
		}
	}
}

// outcome is the results of actions, with the default for those whose time is
// over, and when the next one's will be.
func outcome(actions []Action, now time.Time) (results []string, next time.Time) {
	for _, a := range actions {
		until := a.Until
		if a.Limit.Before(until) {
			until = a.Limit
		}
		if a.Result == "" && !now.Before(until) {
			a.Result = a.Default
		}
		if a.Result == "" && (next.IsZero() || until.Before(next)) {
			next = until
		}
		results = append(results, a.Result)
	}
	return results, next
}

const deadCause = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."

func (s *sight) starting(p *plan, i *Instance, m Machine) {
	switch {
	case slices.Contains(goneStates, m.State):
		p.ends = append(p.ends, end{i.ID, at(s.now, deadCause)})
	case m.State == "running":
		if actions := actionsFor(s.hooks, launching, s.now); len(actions) > 0 {
			p.moves = append(p.moves, move{instance: i.ID, to: api.LifecycleStatePendingWait, actions: actions})
			return
		}
		p.moves = append(p.moves, s.intoService(i))
	}
}

func (s *sight) waitingToServe(p *plan, i *Instance, m Machine) {
	results, next := outcome(i.Actions, s.now)
	switch {
	case slices.Contains(goneStates, m.State):
		p.ends = append(p.ends, end{i.ID, at(s.now, deadCause)})
	case slices.Contains(results, abandon):
		p.ends = append(p.ends, end{i.ID, at(s.now, "an instance was taken out of service in response to an abandoned lifecycle action.")})
	case !slices.Contains(results, ""):
		p.moves = append(p.moves, s.intoService(i))
	default:
		p.at(next)
	}
}

func (s *sight) intoService(i *Instance) move {
	m := move{instance: i.ID, to: api.LifecycleStateInService}
	if !s.group.suspended("AddToLoadBalancer") {
		m.sources = s.group.Sources
	}
	return m
}

// serving judges the health of an instance in service and keeps it registered.
func (s *sight) serving(p *plan, i *Instance, m Machine) {
	g := s.group
	cause := ""
	switch dead := slices.Contains(goneStates, m.State); {
	case i.Unhealthy && !dead:
		cause = "an instance was taken out of service in response to a user health-check."
	case g.suspended("HealthCheck"):
	case dead:
		cause = deadCause
	case s.sick[i.ID] && !i.inGrace(g, s.now):
		cause = "an instance was taken out of service in response to an ELB system health check failure."
	}
	if s.sick[i.ID] && i.inGrace(g, s.now) {
		p.at(i.InService.Add(time.Duration(g.Grace) * time.Second))
	}
	switch {
	case cause != "" && !g.suspended("ReplaceUnhealthy") && !g.suspended("Terminate"):
		p.ends = append(p.ends, end{i.ID, at(s.now, "%s", cause)})
	case cause != "" && !i.Unhealthy:
		p.moves = append(p.moves, move{instance: i.ID, to: i.State, unhealthy: true, sources: i.RegisteredWith})
	case !slices.Equal(i.RegisteredWith, g.Sources) && !g.suspended("AddToLoadBalancer"):
		p.moves = append(p.moves, move{instance: i.ID, to: i.State, sources: g.Sources})
	}
}

// renew ends instances that an instance refresh or the greatest lifetime is to
// replace.
func (s *sight) renew(p *plan) {
	g := s.group
	if s.refresh != nil {
		s.refreshing(p)
	}
	if g.MaxLifetime == 0 || g.suspended("Terminate") || g.suspended("Launch") || len(p.ends) > 0 {
		return
	}
	life := time.Duration(g.MaxLifetime) * time.Second
	counted := 0
	var oldest *Instance
	for _, i := range s.instances {
		if !inService(i) {
			continue
		}
		counted++
		if oldest == nil || i.Launched.Before(oldest.Launched) {
			oldest = i
		}
	}
	switch {
	case oldest == nil:
	case s.now.Before(oldest.Launched.Add(life)):
		p.at(oldest.Launched.Add(life))
	case counted >= g.Desired: // one at a time
		p.ends = append(p.ends, end{oldest.ID, at(s.now, "an instance was taken out of service in response to its maximum instance lifetime.")})
	}
}

// balance closes the gap between desired and actual capacity.
func (s *sight) balance(p *plan) {
	g := s.group
	var counted []*Instance
	for _, i := range s.instances {
		if i.counts() && !p.ended(i.ID) {
			counted = append(counted, i)
		}
	}
	switch n := len(counted); {
	case n < g.Desired && !g.suspended("Launch"):
		if until := g.retry(); s.now.Before(until) {
			p.at(until)
			return
		}
		p.launches = s.places(counted, g.Desired-n)
		p.started = g.Cause
		if p.started == "" {
			p.started = at(s.now, "an instance was launched in response to an unhealthy instance needing to be replaced.")
			return
		}
		p.started += "  " + at(s.now, "an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d.", n, g.Desired)
	case n > g.Desired && !g.suspended("Terminate"):
		s.shrinkTo(p, counted)
	case n == g.Desired:
		p.settled = g.Cause != "" && !slices.ContainsFunc(counted, (*Instance).pending)
	}
}

// retry is when a group whose launch failed tries again: after 15 seconds, and
// twice as long after every further failure, up to 10 minutes.
func (g *Group) retry() time.Time {
	if g.Failures == 0 {
		return time.Time{}
	}
	return g.Failed.Add(min(15*time.Second<<min(g.Failures-1, 10), 10*time.Minute))
}

// places are where n more instances go: each into the zone that then has the
// fewest, and within it into the subnet with the fewest.
func (s *sight) places(have []*Instance, n int) []place {
	inZone, inSubnet := map[string]int{}, map[string]int{}
	for _, i := range have {
		inZone[i.Zone]++
		inSubnet[i.Subnet]++
	}
	var out []place
	for range n {
		zone := slices.MinFunc(s.group.Zones, func(a, b string) int { return cmp.Compare(inZone[a], inZone[b]) })
		at := place{zone: zone}
		if subnets := s.subnetsIn(zone); len(subnets) > 0 {
			at.subnet = slices.MinFunc(subnets, func(a, b string) int { return cmp.Compare(inSubnet[a], inSubnet[b]) })
		}
		inZone[zone]++
		inSubnet[at.subnet]++
		out = append(out, at)
	}
	return out
}

// subnetsIn are the group's subnets in a zone.
func (s *sight) subnetsIn(zone string) []string {
	var out []string
	for _, id := range s.group.Subnets {
		if s.group.SubnetZones[id] == zone {
			out = append(out, id)
		}
	}
	return out
}

// shrinkTo ends as many instances as are too many. Protected ones stay, even
// when then too many do.
func (s *sight) shrinkTo(p *plan, counted []*Instance) {
	from := len(counted)
	for len(counted) > s.group.Desired {
		i := s.victim(counted)
		if i == nil {
			break
		}
		counted = slices.DeleteFunc(slices.Clone(counted), func(o *Instance) bool { return o == i })
		cause := at(s.now, "an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.", from, s.group.Desired) +
			"  " + at(s.now, "instance %s was selected for termination.", i.ID)
		if s.group.Cause != "" {
			cause = s.group.Cause + "  " + cause
		}
		p.ends = append(p.ends, end{i.ID, cause})
	}
}

// victim is the instance to end next: of the zone with the most instances, among
// those without protection, as the termination policies say ("How termination
// policies work" of the Auto Scaling guide).
func (s *sight) victim(counted []*Instance) *Instance {
	inZone := map[string]int{}
	for _, i := range counted {
		inZone[i.Zone]++
	}
	free := slices.DeleteFunc(slices.Clone(counted), func(i *Instance) bool { return i.Protected })
	if len(free) == 0 {
		return nil
	}
	most := 0
	for _, i := range free {
		most = max(most, inZone[i.Zone])
	}
	free = slices.DeleteFunc(free, func(i *Instance) bool { return inZone[i.Zone] < most })
	for _, policy := range s.group.TerminationPolicies {
		free = s.narrow(free, policy)
	}
	return slices.MinFunc(free, older)
}

func older(a, b *Instance) int {
	return cmp.Or(a.Launched.Compare(b.Launched), strings.Compare(a.ID, b.ID))
}

// narrow is the instances that a policy would end first.
func (s *sight) narrow(free []*Instance, policy string) []*Instance {
	switch policy {
	case "OldestInstance":
		return []*Instance{slices.MinFunc(free, older)}
	case "NewestInstance":
		return []*Instance{slices.MaxFunc(free, older)}
	case "Default", "OldestLaunchTemplate":
		outdated := slices.DeleteFunc(slices.Clone(free), func(i *Instance) bool {
			return i.Template.ID == s.current.ID && i.Template.Version == s.current.Version
		})
		if len(outdated) > 0 && s.current.Version != "" {
			return outdated
		}
	case "ClosestToNextInstanceHour":
		left := func(i *Instance) time.Duration { return time.Hour - s.now.Sub(i.Launched)%time.Hour }
		least := left(slices.MinFunc(free, func(a, b *Instance) int { return cmp.Compare(left(a), left(b)) }))
		return slices.DeleteFunc(slices.Clone(free), func(i *Instance) bool { return left(i) > least })
	}
	return free
}

// percent is the part of n, rounded up.
func percent(n, of int) int { return int(math.Ceil(float64(of) * float64(n) / 100)) }
