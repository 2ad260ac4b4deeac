// Package capacity is ECS's managed capacity: for each capacity provider on an
// Auto Scaling group it has the group grow when tasks wait for instances and
// shrink when instances are empty, protects instances with tasks from scale-in,
// and drains those that the group is about to terminate.
//
// What a provider needs is decided by the pure function [Decide] (decide.go); the
// rules are those of the developer guide's pages on cluster auto scaling, managed
// termination protection and managed instance draining. There is no CloudWatch in
// between: it decides on what changes, not on what was measured a minute ago. It
// launches and terminates nothing itself, that is autoscaling's, and stops no task,
// that is the scheduler's. The engine runs its loop.
package capacity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	autoapi "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/agents"
	"github.com/slipway-dev/slipway/internal/engine/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Placer places the tasks of a cluster that wait for an instance, as far as there
// is room. Package ecs is one.
type Placer interface {
	PlaceWaiting(tx *state.Tx, scope state.Scope, cluster string) time.Time
}

// Templates tells what an Auto Scaling group launches. Package autoscaling is one.
type Templates interface {
	Template(tx *state.Tx, scope state.Scope, group string) (autoscaling.Template, error)
}

// Controller is the loop's state.
type Controller struct {
	env       *operation.Env
	placer    Placer
	templates Templates
}

// New is a controller.
func New(env *operation.Env, placer Placer, templates Templates) *Controller {
	return &Controller{env, placer, templates}
}

// Run follows providers, groups, instances and tasks until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	watch := c.env.Store.Watch(ecs.CapacityProviders, ecs.Clusters, ecs.Instances, ecs.Tasks, autoscaling.Groups, autoscaling.Instances)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake, err := c.pass()
		if err != nil {
			return err
		}
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(c.env.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			watch.Take()
		case <-timer.C:
		}
	}
}

// pass does what every provider needs and tells when time may ask for more.
func (c *Controller) pass() (wake time.Time, err error) {
	tx := c.env.Store.View()
	for scope, p := range ecs.CapacityProviders.Everywhere(tx) {
		d := c.decide(tx, scope, p)
		if !d.Idle() {
			err := c.env.Store.Update(func(tx *state.Tx) error {
				d = c.carryOut(tx, scope, p.Name)
				return nil
			})
			if err != nil {
				return wake, err
			}
		}
		if !d.Wake.IsZero() && (wake.IsZero() || d.Wake.Before(wake)) {
			wake = d.Wake
		}
	}
	return wake, nil
}

func (c *Controller) decide(tx *state.Tx, scope state.Scope, p *ecs.CapacityProvider) Decision {
	g, ok := groupOf(tx, scope, p)
	if !ok {
		return Decision{}
	}
	return Decide(c.picture(tx, scope, p, g), c.env.Now())
}

// carryOut decides again on the newest state and does what was decided. Tasks for
// which there is room meanwhile are placed first, so that nothing grows for them.
func (c *Controller) carryOut(tx *state.Tx, scope state.Scope, provider string) Decision {
	p, ok := ecs.CapacityProviders.Get(tx, scope, provider)
	if !ok {
		return Decision{}
	}
	g, ok := groupOf(tx, scope, p)
	if !ok {
		return Decision{}
	}
	for cluster := range clustersOf(tx, scope, p.Name) {
		c.placer.PlaceWaiting(tx, scope, cluster)
	}
	see := c.picture(tx, scope, p, g)
	d := Decide(see, c.env.Now())
	c.apply(tx, scope, g, see, d)
	return d
}

func (c *Controller) apply(tx *state.Tx, scope state.Scope, g *autoscaling.Group, see Picture, d Decision) {
	now := c.env.Now()
	c.protect(tx, scope, g, d.Protect, true)
	c.protect(tx, scope, g, d.Unprotect, false)
	if d.Scale {
		why := fmt.Sprintf("the managed scaling of a capacity provider (CapacityProviderReservation %d, target %d) was", see.Reservation(), see.Target)
		autoscaling.SetDesired(tx, scope, g.Name, d.Desired, now, why)
	}
	for _, id := range d.Drain {
		if row, ok := ecs.InstanceByEC2.One(tx, scope, id); ok {
			changed := *row
			changed.Status = ecs.Draining
			ecs.PutInstance(tx, scope, &changed)
		}
	}
	for _, id := range d.Extend {
		autoscaling.Heartbeat(tx, scope, id, ecs.DrainingHook, now)
	}
	for _, id := range d.Complete {
		autoscaling.CompleteHook(tx, scope, id, ecs.DrainingHook, "CONTINUE")
	}
}

// protect asks in batches as large as the API has them.
func (c *Controller) protect(tx *state.Tx, scope state.Scope, g *autoscaling.Group, instances []string, on bool) {
	for batch := range slices.Chunk(instances, 50) {
		if err := autoscaling.SetProtection(tx, scope, g.Name, batch, on); err != nil {
			c.env.Log.Warn("capacity provider", "group", g.Name, "error", err)
		}
	}
}

func groupOf(tx *state.Tx, scope state.Scope, p *ecs.CapacityProvider) (*autoscaling.Group, bool) {
	if p.Group == nil || p.Status != api.CapacityProviderStatusActive {
		return nil, false
	}
	g, ok := autoscaling.FindByARN(tx, scope, *p.Group.AutoScalingGroupArn)
	return g, ok && !g.Deleting
}

// clustersOf are the clusters that have the provider.
func clustersOf(tx *state.Tx, scope state.Scope, provider string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for c := range ecs.Clusters.All(tx, scope) {
			if slices.Contains(c.Providers, provider) && !yield(c.Name) {
				return
			}
		}
	}
}

// picture is the provider as Decide looks at it.
func (c *Controller) picture(tx *state.Tx, scope state.Scope, p *ecs.CapacityProvider, g *autoscaling.Group) Picture {
	m := p.Group.ManagedScaling
	see := Picture{
		Scaling: p.ManagedScaling(), Protect: p.Group.ManagedTerminationProtection == api.ManagedTerminationProtectionEnabled,
		Target: *m.TargetCapacity, MinStep: *m.MinimumScalingStepSize, MaxStep: *m.MaximumScalingStepSize,
		Warmup: time.Duration(*m.InstanceWarmupPeriod) * time.Second,
		Min:    g.Min, Max: g.Max, Desired: g.Desired, Wanting: c.wanting(tx, scope, p.Name, g),
	}
	for _, i := range autoscaling.InstancesOf(tx, scope, g.Name) {
		see.Machines = append(see.Machines, machine(tx, scope, i))
	}
	return see
}

func machine(tx *state.Tx, scope state.Scope, i *autoscaling.Instance) Machine {
	m := Machine{ID: i.ID, Launched: i.Launched, Protected: i.Protected, Going: i.Ending != nil, InService: i.Ending == nil && i.State == autoapi.LifecycleStateInService}
	m.Waits, m.Until = i.Waits(ecs.DrainingHook)
	if row, ok := ecs.InstanceByEC2.One(tx, scope, i.ID); ok {
		m.Joined, m.Draining = true, row.Status == ecs.Draining
		m.Busy = ecs.Busy(tx, scope, row.Cluster, row.ID)
		m.Alive = m.Busy || ecs.Occupied(tx, scope, row)
	}
	return m
}

// wanting is how many more instances of the group's type the waiting tasks of the
// provider need.
func (c *Controller) wanting(tx *state.Tx, scope state.Scope, provider string, g *autoscaling.Group) int {
	var tasks []Load
	for cluster := range clustersOf(tx, scope, provider) {
		for t := range ecs.TasksWaiting.Get(tx, scope, cluster) {
			if t.Provider == provider {
				tasks = append(tasks, load(t))
			}
		}
	}
	if len(tasks) == 0 {
		return 0
	}
	t, err := c.templates.Template(tx, scope, g.Name)
	if err != nil {
		return 0 // the group cannot launch, and says so in its activities
	}
	kind, ok := catalog.InstanceTypeOf(cmp.Or(g.Type, t.Type))
	if !ok {
		return 0
	}
	has := agents.Registers(kind)
	return Pack(tasks, Load{CPU: has.CPU, Memory: has.Memory, ENI: has.ENI}, g.Max)
}

func load(t *ecs.Task) Load {
	l := Load{CPU: t.Needs.CPU, Memory: t.Needs.Memory, ENI: t.Needs.ENI, Ports: slices.Concat(t.Needs.TCP, t.Needs.UDP)}
	distinct := func(p api.PlacementConstraint) bool { return p.Type == api.PlacementConstraintTypeDistinctInstance }
	if slices.ContainsFunc(t.Constraints, distinct) {
		l.Alone = t.Group
	}
	return l
}
