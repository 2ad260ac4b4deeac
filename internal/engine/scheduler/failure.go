package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/scheduler/rollout"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// blame counts a task of a service that has stopped for its deployment, if it
// failed: it could not start, ended by itself, or was stopped for its health. What
// counts is in the API reference of DeploymentCircuitBreaker; that a crash after
// the start counts, too, is how the service behaves with a target group.
func blame(tx *state.Tx, scope state.Scope, t *ecs.Task, now time.Time) {
	svc, d := deploymentOf(tx, scope, t)
	if d == nil || !isFailure(t) {
		return
	}
	if strings.HasPrefix(t.StopReason, "ECS was unable to assume the role") {
		ecs.AddEvent(tx, scope, svc, now, "failed to launch a task with (error "+t.StopReason+").")
	}
	c := *svc
	c.Deployments = slices.Clone(svc.Deployments)
	for i := range c.Deployments {
		if c.Deployments[i].ID != d.ID {
			continue
		}
		c.Deployments[i].Failed++
		c.Deployments[i].NotBefore = now.Add(rollout.Wait(c.Deployments[i].Failed, t.StartedAt, now))
		if c.Deployments[i].Failed%10 == 5 {
			ecs.AddEvent(tx, scope, svc, now, "is unable to consistently start tasks successfully.")
		}
	}
	ecs.Services.Put(tx, scope, &c)
}

// forgive sets the PRIMARY's failures back once one of its tasks has shown that
// it works.
func (s *step) forgive() {
	p := s.svc.Primary()
	if p == nil || p.Failed == 0 || p.State == api.DeploymentRolloutStateFailed {
		return
	}
	for t := range ecs.TasksByStarter.Get(s.tx, s.p.scope, s.svc.Cluster+"/"+p.ID) {
		if t.Last == ecs.Running && t.Desired == ecs.Running && s.proven(t, p) {
			s.deployment(p.ID, func(d *ecs.Deployment) { d.Failed, d.NotBefore = 0, time.Time{} })
			return
		}
	}
}

// proven tells whether a running task has shown that it works.
func (s *step) proven(t *ecs.Task, d *ecs.Deployment) bool {
	if len(d.LoadBalancers) == 0 && !s.hasCheck(d.Definition) {
		return s.now.Sub(t.StartedAt) >= rollout.Settle
	}
	h, _ := s.health(t, d)
	return h == rollout.Healthy
}

func isFailure(t *ecs.Task) bool {
	switch t.StopCode {
	case api.TaskStopCodeTaskFailedToStart, api.TaskStopCodeEssentialContainerExited:
		return true
	case api.TaskStopCodeServiceSchedulerInitiated:
		return len(t.StopReason) > 11 && t.StopReason[:11] == "Task failed"
	}
	return false
}

// failedTarget is the reason for stopping a task whose target is unhealthy; an
// event tells what the check saw.
func (s *step) failedTarget(t *ecs.Task) string {
	r, _ := Registrations.Get(s.tx, s.p.scope, t.Key())
	for _, g := range r.Targets {
		row, ok := elbv2.Targets.Get(s.tx, s.p.scope, elbv2.TargetKey(g.Group, g.ID, g.Port))
		if !ok {
			continue
		}
		h := elbv2.HealthOf(s.tx, s.p.scope, row)
		if h.State != elbapi.TargetHealthStateEnumUnhealthy {
			continue
		}
		why := "Health checks failed"
		if h.Description != nil {
			why = *h.Description
		}
		s.event(fmt.Sprintf("(task %s) (instance %s) (port %d) is unhealthy in (target-group %s) due to (reason %s).", t.ID, g.ID, g.Port, g.Group, why))
		return fmt.Sprintf("Task failed ELB health checks in (target-group %s)", g.Group)
	}
	return "Task failed ELB health checks"
}
