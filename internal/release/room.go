package release

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// crowded is the first service that has no room for its new tasks beside the old,
// in a cluster that doesn't grow by itself; nil is that there is room for all.
func crowded(p *slipway.Plan) *slipway.Room {
	for i, r := range p.Rooms {
		if !r.Fits && !r.Grows {
			return &p.Rooms[i]
		}
	}
	return nil
}

// mayAdd tells whether the run may make the cluster larger for a while.
func (o Options) mayAdd(env *slipway.Environment) bool { return o.AddInstance && env.Cluster.Owned }

// gap lets the old tasks of services that have no room leave first, for this run
// alone: what is returned are the services as the file wants them.
func gap(env *slipway.Environment, p *slipway.Plan, o Options) (restore []slipway.Service) {
	for i := range env.Services {
		svc := &env.Services[i]
		for _, r := range p.Rooms {
			if r.Service == svc.Name && !r.Fits && !r.Grows && o.AllowGap && !o.mayAdd(env) {
				restore = append(restore, *svc)
				svc.MinHealthy, svc.Most = 0, 100
				o.note(plan.PhaseDeploy, svc.Name, "no room for both: the old task stops first; a few seconds without service")
			}
		}
	}
	return restore
}

// withRoom does the work with an instance more where a service has no room and
// that is allowed, and takes the instance away afterwards: also one that an earlier
// run left because it was interrupted.
func (o Options) withRoom(ctx context.Context, a *cloud.Account, env *slipway.Environment, p *slipway.Plan, seen *slipway.Observed, work func() error) error {
	spare := env.Cluster.Owned && len(seen.Instances) > env.Cluster.Max
	if r := crowded(p); r != nil && o.mayAdd(env) {
		spare = true
		o.note("room", r.Service, fmt.Sprintf("one more %s for the deploy; it is removed afterwards", env.Cluster.Instance))
		if err := a.AddInstance(ctx, env); err != nil {
			return err
		}
	}
	err := work()
	if spare && ctx.Err() == nil { // after an interruption the next run does it
		err = errors.Join(err, o.remove(ctx, a, env))
	}
	return err
}

// remove takes the instance away that a deploy needed.
func (o Options) remove(ctx context.Context, a *cloud.Account, env *slipway.Environment) error {
	gone, err := a.RemoveInstance(ctx, env)
	switch {
	case err != nil:
		return err
	case gone == "":
		o.note("room", "", "the extra instance still has tasks; the next deploy removes it")
	default:
		o.note("room", "", fmt.Sprintf("instance %s has no tasks any more and is removed", gone))
	}
	return nil
}

// noRoom is the arithmetic of a placement that can't be, and the choices.
func noRoom(env *slipway.Environment, r *slipway.Room) error {
	var b strings.Builder
	cpu := ""
	if r.CPU > 0 {
		cpu = fmt.Sprintf(" and %d CPU units", r.CPU)
	}
	fmt.Fprintf(&b, "%s: no room for %d more task%s of %d MiB%s; the old must stay until the new serves", r.Service, r.Tasks, plural(r.Tasks), r.Memory, cpu)
	least := 0
	for _, i := range r.Instances {
		fmt.Fprintf(&b, "\n  %s (%s) has %d of %d MiB and %d of %d CPU units free", i.ID, i.Type, i.FreeMemory, i.TotalMemory, i.FreeCPU, i.TotalCPU)
		least = max(least, i.FreeMemory)
	}
	if len(r.Instances) == 0 {
		b.WriteString("\n  the cluster has no instance")
	}
	b.WriteString("\n  choices")
	if env.Cluster.Owned {
		cost := ""
		if env.On == "aws" {
			cost = price(env.Cluster.Instance)
		}
		fmt.Fprintf(&b, "\n    --add-instance    one more %s for the deploy%s, removed afterwards", env.Cluster.Instance, cost)
	}
	b.WriteString("\n    --allow-gap       stop the old task first: a few seconds without service")
	if env.Cluster.Owned {
		fmt.Fprintf(&b, "\n    cluster.size.max  more than %d: the cluster grows by itself", env.Cluster.Max)
	}
	if fit := least / max(r.Tasks, 1); fit >= 4 && fit < r.Memory {
		fmt.Fprintf(&b, "\n    service.memory    %d MiB would fit", fit)
	}
	return errors.New(b.String())
}
