package autoscaling

import (
	"context"
	"slices"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Run is the controller: it looks at every group whenever something about groups
// or instances changes, or time has come, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tables := append([]state.AnyTable{Groups, Instances, hooks, scheduled, refreshes, elbv2.Healths}, s.machines.Tables()...)
	watch := s.env.Store.Watch(tables...)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := s.pass()
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(s.env.Now())))
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

// pass does what every group needs and tells when something will be due next.
func (s *Service) pass() (wake time.Time) {
	tx := s.env.Store.View()
	next := &plan{}
	for scope, a := range scheduled.Everywhere(tx) {
		due := a.next()
		if due.IsZero() || due.After(s.env.Now()) {
			next.at(due)
			continue
		}
		s.update(a.Group, func(tx *state.Tx) { s.runScheduled(tx, scope, scheduled.Key(a)) })
	}
	for scope, g := range Groups.Everywhere(tx) {
		p := decide(s.look(tx, scope, g))
		next.at(p.wake)
		if p.empty() {
			continue
		}
		// Decided again on the newest state: somebody may have written meanwhile.
		s.update(g.Name, func(tx *state.Tx) {
			if g, ok := Groups.Get(tx, scope, g.Name); ok {
				s.apply(tx, scope, g, decide(s.look(tx, scope, g)))
			}
		})
	}
	return next.wake
}

func (s *Service) update(group string, fn func(tx *state.Tx)) {
	err := s.env.Store.Update(func(tx *state.Tx) error { fn(tx); return nil })
	if err != nil {
		s.env.Log.Error("auto scaling group", "group", group, "error", err)
	}
}

// look gathers what a decision about a group looks at.
func (s *Service) look(tx *state.Tx, scope state.Scope, g *Group) *sight {
	see := &sight{
		group: g, instances: InstancesOf(tx, scope, g.Name), hooks: hooksOf(tx, scope, g.Name), refresh: activeRefresh(tx, scope, g.Name), now: s.env.Now(),
		machines: map[string]Machine{}, sick: map[string]bool{},
	}
	see.current, _ = s.machines.Template(tx, scope, g.Template.ID, "", g.Template.Version) // without it no instance counts as outdated
	for _, i := range see.instances {
		if m, ok := s.machines.Machine(tx, scope, i.ID); ok {
			see.machines[i.ID] = m
		}
		if strings.Contains(g.HealthCheck, "ELB") {
			see.sick[i.ID] = sick(tx, scope, i)
		}
	}
	return see
}

// sick tells whether a load balancer finds an instance unhealthy.
func sick(tx *state.Tx, scope state.Scope, i *Instance) bool {
	return slices.ContainsFunc(i.RegisteredWith, func(group string) bool {
		return slices.ContainsFunc(elbv2.TargetsOf(tx, scope, group), func(t *elbv2.Target) bool {
			return t.ID == i.ID && elbv2.HealthOf(tx, scope, t).State == elbapi.TargetHealthStateEnumUnhealthy
		})
	})
}

// apply does what a plan says.
func (s *Service) apply(tx *state.Tx, scope state.Scope, g *Group, p *plan) {
	now := s.env.Now()
	for _, m := range p.moves {
		s.move(tx, scope, g, m, now)
	}
	for _, e := range p.ends {
		if i, ok := Instances.Get(tx, scope, e.instance); ok {
			s.end(tx, scope, g, i, e.cause, now)
		}
	}
	if p.refresh != nil {
		refreshes.Put(tx, scope, p.refresh)
	}
	if p.settled {
		Groups.Change(tx, scope, g.Name, func(g *Group) { g.Cause = "" })
		forget(tx, scope, g.Name, now)
	}
	for _, at := range p.launches {
		if !s.launch(tx, scope, g, at, p.started, now) {
			break
		}
	}
	if p.gone {
		remove(tx, scope, g.Name)
	}
}

// move takes an instance to its next state and does what comes with it.
func (s *Service) move(tx *state.Tx, scope state.Scope, g *Group, m move, now time.Time) {
	i, ok := Instances.Get(tx, scope, m.instance)
	if !ok {
		return
	}
	switch m.to {
	case api.LifecycleStateTerminated:
		mark(tx, scope, i.Activity, api.ScalingActivityStatusCodeSuccessful, now, "")
		Instances.Delete(tx, scope, i.ID)
		return
	case api.LifecycleStateTerminatingProceed:
		mark(tx, scope, i.Activity, api.ScalingActivityStatusCodeInProgress, now, "")
		s.machines.Terminate(tx, scope, i.ID, now)
	case api.LifecycleStatePendingWait, api.LifecycleStateTerminatingWait:
		mark(tx, scope, i.Activity, api.ScalingActivityStatusCodeMidLifecycleAction, now, "")
	case api.LifecycleStateInService:
		s.register(tx, scope, i, m.sources, now)
		if i.State != m.to {
			mark(tx, scope, i.Activity, api.ScalingActivityStatusCodeSuccessful, now, "")
		}
	}
	Instances.Change(tx, scope, i.ID, func(n *Instance) {
		if m.to == api.LifecycleStateInService {
			n.RegisteredWith = m.sources
			if i.State != m.to {
				n.InService = now
			}
		}
		n.State, n.Actions, n.Unhealthy = m.to, m.actions, n.Unhealthy || m.unhealthy
	})
}

// launch starts one instance and tells whether that went well. What EC2 says
// against it becomes the activity's message.
func (s *Service) launch(tx *state.Tx, scope state.Scope, g *Group, at place, cause string, now time.Time) bool {
	id, err := s.launchOne(tx, scope, g, &at, now)
	if err != nil {
		message := sentence(err) + " Launching EC2 instance failed."
		begin(tx, scope, g, now, api.Activity{
			Description: new("Launching a new EC2 instance.  Status Reason: " + message), Cause: &cause, StatusMessage: &message,
			StatusCode: api.ScalingActivityStatusCodeFailed, Progress: new(100), EndTime: &now,
		}, at.subnet, at.zone)
		Groups.Change(tx, scope, g.Name, func(g *Group) { g.Failures, g.Failed = g.Failures+1, now })
		return false
	}
	activity := begin(tx, scope, g, now, api.Activity{Description: new("Launching a new EC2 instance: " + id), Cause: &cause}, at.subnet, at.zone)
	m, _ := s.machines.Machine(tx, scope, id)
	t, _ := s.machines.Template(tx, scope, g.Template.ID, "", g.Template.Version)
	Instances.Put(tx, scope, &Instance{
		ID: id, Group: g.Name, Zone: at.zone, Subnet: at.subnet, Type: m.Type, Image: m.Image, Template: TemplateRef{t.ID, t.Name, t.Version},
		Launched: now, Protected: g.Protect, State: api.LifecycleStatePending, Activity: activity,
	})
	if g.Failures > 0 {
		Groups.Change(tx, scope, g.Name, func(g *Group) { g.Failures, g.Failed = 0, time.Time{} })
	}
	return true
}

func (s *Service) launchOne(tx *state.Tx, scope state.Scope, g *Group, at *place, now time.Time) (string, error) {
	t, err := s.machines.Template(tx, scope, g.Template.ID, "", g.Template.Version)
	if err != nil {
		return "", err
	}
	if at.subnet == "" {
		if at.subnet, _ = s.machines.ZoneSubnet(tx, scope, at.zone); at.subnet == "" {
			return "", invalid("No default subnet for availability zone: '%s'.", at.zone)
		}
	}
	return s.machines.Launch(tx, scope, Launch{Template: t.ID, Version: t.Version, Type: g.Type, Subnet: at.subnet, Zone: at.zone, Tags: g.launchTags(), Now: now})
}
