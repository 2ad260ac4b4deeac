package scheduler

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/scheduler/rollout"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// TaskMaker makes the task rows of services.
type TaskMaker interface {
	// Make puts up to n tasks of a deployment, each with a place to run. With
	// fewer than n, refusal is why the next has none, in the words of a service
	// event, without its full stop's following text.
	Make(tx *state.Tx, scope state.Scope, svc *ecs.ServiceRow, d *ecs.Deployment, n int) (made []*ecs.Task, refusal string)
	// Daemons is how many instances a daemon service's deployment runs on.
	Daemons(tx *state.Tx, scope state.Scope, svc *ecs.ServiceRow) int
}

// keeper is the loop for services.
type keeper struct {
	*Scheduler
	wakes wakes
	// groups are the services that have a target group in a deployment.
	groups map[groupPlace]map[string]bool
	// refused is the last reason for which a service's task found no place.
	refused map[place]string
}

type groupPlace struct {
	scope state.Scope
	group string
}

// retryPlacement is how often a task without a place is tried again when
// nothing has changed meanwhile.
const retryPlacement = 15 * time.Second

func (s *Scheduler) runServices(ctx context.Context) error {
	watch := s.env.Store.Watch(ecs.Services, ecs.Tasks, ecs.Instances, ecs.Usages, ecs.ServiceDeployments, elbv2.Healths)
	defer watch.Close()
	k := &keeper{Scheduler: s, wakes: wakes{}, groups: map[groupPlace]map[string]bool{}, refused: map[place]string{}}
	for scope, svc := range ecs.Services.Everywhere(s.env.Store.View()) {
		k.wakes.set(place{scope, svc.Key()}, s.env.Now())
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for _, p := range k.wakes.due(s.env.Now()) {
			if err := k.keep(p); err != nil {
				s.env.Log.Error("service", "service", p.key, "error", err)
				k.wakes.set(p, s.env.Now().Add(again))
			}
		}
		timer.Stop()
		if wake := k.wakes.next(); !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(s.env.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			k.changed(watch.Take())
		case <-timer.C:
		}
	}
}

// changed marks the services that changes concern.
func (k *keeper) changed(changes []state.Change) {
	tx, now := k.env.Store.View(), k.env.Now()
	mark := func(scope state.Scope, key string) { k.wakes.set(place{scope, key}, now) }
	room := map[state.Scope]bool{}
	for _, c := range changes {
		switch c.Table {
		case ecs.Services.Name():
			mark(c.Scope, c.Key)
		case ecs.Tasks.Name():
			if t, ok := ecs.Tasks.Get(tx, c.Scope, c.Key); ok {
				k.taskChanged(tx, c.Scope, t, mark)
			}
		case ecs.ServiceDeployments.Name():
			if d, ok := ecs.ServiceDeployments.Get(tx, c.Scope, c.Key); ok && d.StopAsked() {
				mark(c.Scope, d.Cluster+"/"+d.Service)
			}
		case elbv2.Healths.Name():
			for svc := range k.groups[groupPlace{c.Scope, elbv2.GroupOf(c.Key)}] {
				mark(c.Scope, svc)
			}
		case ecs.Usages.Name():
			room[c.Scope] = true
		case ecs.Instances.Name():
			room[c.Scope] = true
			k.instanceChanged(tx, c.Scope, c.Key, mark)
		}
	}
	for p := range k.refused {
		if room[p.scope] {
			mark(p.scope, p.key)
		}
	}
}

// taskChanged marks the task's service and, when a task has left an instance that
// drains, the services of those that waited there to be the last.
func (k *keeper) taskChanged(tx *state.Tx, scope state.Scope, t *ecs.Task, mark func(state.Scope, string)) {
	if t.Service != "" {
		mark(scope, t.Cluster+"/"+t.Service)
	}
	if i, ok := ecs.Instances.Get(tx, scope, t.Cluster+"/"+t.Instance); ok && i.Status == ecs.Draining && t.Last == ecs.Stopped {
		k.instanceChanged(tx, scope, i.Key(), mark)
	}
}

// instanceChanged marks the services with tasks on an instance that drains, and
// all daemon services.
func (k *keeper) instanceChanged(tx *state.Tx, scope state.Scope, key string, mark func(state.Scope, string)) {
	if i, ok := ecs.Instances.Get(tx, scope, key); ok && i.Status == ecs.Draining {
		for t := range ecs.TasksByInstance.Get(tx, scope, key) {
			if t.Service != "" && t.Last != ecs.Stopped {
				mark(scope, t.Cluster+"/"+t.Service)
			}
		}
	}
	for svc := range ecs.ServicesByStatus.Get(tx, scope, ecs.Active) {
		if svc.Scheduling == api.SchedulingStrategyDaemon {
			mark(scope, svc.Key())
		}
	}
}

// keep takes a service its next step.
func (k *keeper) keep(p place) error {
	var wake time.Time
	err := k.env.Store.Update(func(tx *state.Tx) error {
		svc, ok := ecs.Services.Get(tx, p.scope, p.key)
		if !ok || svc.Status == ecs.Inactive {
			delete(k.refused, p)
			return nil
		}
		st := newStep(k, tx, p, svc)
		wake = st.run()
		return nil
	})
	if wake.IsZero() && err == nil {
		return nil
	}
	k.wakes.set(p, wake)
	return err
}

// picture is the service as rollout looks at it.
func (s *step) picture() rollout.Picture {
	c := s.svc.Config
	p := rollout.Picture{Desired: s.desired(), MinPercent: awsapi.V(c.MinimumHealthyPercent), MaxPercent: awsapi.V(c.MaximumPercent), NoRoom: s.k.refused[s.p] != ""}
	if b := c.DeploymentCircuitBreaker; b != nil {
		p.Breaker = rollout.Breaker{Enabled: awsapi.V(b.Enable), Rollback: awsapi.V(b.Rollback)}
	}
	for i := range s.svc.Deployments {
		d := &s.svc.Deployments[i]
		p.Deployments = append(p.Deployments, rollout.Deployment{
			ID: d.ID, State: rolloutState(d.State), Failures: d.Failed, NotBefore: d.NotBefore, Rollback: d.RollbackOf != "", RollsBackTo: s.before(i), Tasks: s.tasks(d),
		})
	}
	return p
}

func rolloutState(s api.DeploymentRolloutState) rollout.RolloutState {
	switch s {
	case api.DeploymentRolloutStateCompleted:
		return rollout.Completed
	case api.DeploymentRolloutStateFailed:
		return rollout.Failed
	}
	return rollout.InProgress
}

// desired is how many tasks are wanted: none of a service that is being
// deleted.
func (s *step) desired() int {
	switch {
	case s.svc.Status != ecs.Active:
		return 0
	case s.svc.Scheduling == api.SchedulingStrategyDaemon:
		return s.k.parts.Tasks.Daemons(s.tx, s.p.scope, s.svc)
	}
	return s.svc.Desired
}

// tasks are a deployment's tasks that have not stopped.
func (s *step) tasks(d *ecs.Deployment) []rollout.Task {
	var tasks []rollout.Task
	checked := len(d.LoadBalancers) > 0 || s.hasCheck(d.Definition)
	for t := range ecs.TasksByStarter.Get(s.tx, s.p.scope, s.svc.Cluster+"/"+d.ID) {
		if t.Last == ecs.Stopped {
			continue
		}
		r := rollout.Task{ID: t.Key(), Since: t.StartedAt, Checked: checked, Zone: t.Zone, Instance: t.Instance}
		if s.svc.Status == ecs.Active {
			r.Protected = t.ProtectedUntil
			r.Leaving, r.Last = s.leaving(t)
		}
		if s.svc.Grace != nil {
			r.Grace = t.StartedAt.Add(time.Duration(*s.svc.Grace) * time.Second)
		}
		switch {
		case t.Desired == ecs.Stopped:
			r.Phase = rollout.Stopping
		case t.Last == ecs.Running:
			r.Phase = rollout.Running
			r.Health, r.Why = s.health(t, d)
		}
		tasks = append(tasks, r)
	}
	return tasks
}

// leaving tells whether a task's instance drains, and whether the task has to
// wait for others there: a daemon is the last to go ("Daemon", developer guide).
func (s *step) leaving(t *ecs.Task) (leaving, last bool) {
	if t.Instance == "" {
		return false, false
	}
	drains, known := s.draining[t.Instance]
	if !known {
		i, ok := ecs.Instances.Get(s.tx, s.p.scope, t.Cluster+"/"+t.Instance)
		drains = ok && i.Status == ecs.Draining
		s.draining[t.Instance] = drains
	}
	if !drains || s.svc.Scheduling != api.SchedulingStrategyDaemon {
		return drains, false
	}
	return true, ecs.Busy(s.tx, s.p.scope, t.Cluster, t.Instance)
}

// hasCheck tells whether an essential container of the task definition has a
// health check.
func (s *step) hasCheck(definition string) bool {
	has, known := s.checks[definition]
	if !known {
		has = s.readCheck(definition)
		s.checks[definition] = has
	}
	return has
}

func (s *step) readCheck(definition string) bool {
	def, ok := ecs.DefinitionOf(s.tx, s.p.scope, definition)
	if !ok {
		return false
	}
	for _, c := range def.Body.ContainerDefinitions {
		if c.HealthCheck != nil && (c.Essential == nil || *c.Essential) {
			return true
		}
	}
	return false
}

// health is what all checks of a running task say together.
func (s *step) health(t *ecs.Task, d *ecs.Deployment) (rollout.Health, rollout.Why) {
	all := rollout.Healthy
	if s.hasCheck(t.Definition) {
		switch t.Health {
		case api.HealthStatusUnhealthy:
			return rollout.Unhealthy, rollout.ContainerHealth
		case api.HealthStatusHealthy:
		default:
			all = rollout.Unknown
		}
	}
	r, registered := Registrations.Get(s.tx, s.p.scope, t.Key())
	if len(d.LoadBalancers) > 0 && !registered {
		return rollout.Unknown, rollout.NotSaid
	}
	if registered {
		for _, g := range r.Targets {
			switch s.targetState(g) {
			case elbapi.TargetHealthStateEnumUnhealthy:
				return rollout.Unhealthy, rollout.TargetHealth
			case elbapi.TargetHealthStateEnumHealthy:
			default:
				all = rollout.Unknown
			}
		}
	}
	return all, rollout.NotSaid
}

func (s *step) targetState(g Target) elbapi.TargetHealthStateEnum {
	row, ok := elbv2.Targets.Get(s.tx, s.p.scope, elbv2.TargetKey(g.Group, g.ID, g.Port))
	if !ok {
		return elbapi.TargetHealthStateEnumUnused
	}
	return elbv2.HealthOf(s.tx, s.p.scope, row).State
}
