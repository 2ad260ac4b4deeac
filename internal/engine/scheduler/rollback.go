package scheduler

import (
	"fmt"
	"slices"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/scheduler/rollout"
)

// tripped is why a service deployment ends when the circuit breaker trips.
const (
	tripped    = "the circuit breaker threshold was exceeded."
	userAsked  = "the deployment was stopped by a user."
	rolledBack = "Service deployment rolled back because "
)

// before is what a rollback of the i-th deployment goes back to: the newest older
// deployment that has completed or, when it has gone since, the ARN of its service
// revision. It is looked for only when it may be needed.
func (s *step) before(i int) string {
	if d := &s.svc.Deployments[i]; i > 0 || d.Failed == 0 && !s.asked(d) {
		return ""
	}
	for _, d := range s.svc.Deployments[i+1:] {
		if d.State == api.DeploymentRolloutStateCompleted {
			return d.ID
		}
	}
	return ecs.LastGood(s.tx, s.p.scope, s.svc)
}

// asked tells whether somebody asked for the end of a deployment's rollout.
func (s *step) asked(d *ecs.Deployment) bool {
	sd, ok := ecs.RolloutOf(s.tx, s.p.scope, s.svc, d)
	return ok && sd.StopAsked()
}

// halt does what StopServiceDeployment asked for, if it did: it leaves the
// service as it is, or goes back to what it was.
func (s *step) halt() bool {
	p := s.svc.Primary()
	if p == nil || !s.asked(p) {
		return false
	}
	sd, _ := ecs.RolloutOf(s.tx, s.p.scope, s.svc, p)
	back := ""
	if sd.Status == api.ServiceDeploymentStatusRollbackRequested {
		back = s.before(0)
	}
	id := p.ID
	s.deployment(id, func(d *ecs.Deployment) {
		d.State, d.Reason = api.DeploymentRolloutStateFailed, fmt.Sprintf("ECS deployment %s stopped.", id)
	})
	switch {
	case back != "":
		s.rollBack(back, userAsked)
	case sd.Status == api.ServiceDeploymentStatusRollbackRequested:
		ecs.EndRollout(s.tx, s.p.scope, s.svc, p, api.ServiceDeploymentStatusRollbackFailed, "There is no service revision to roll back to.", s.now)
	default:
		ecs.EndRollout(s.tx, s.p.scope, s.svc, p, api.ServiceDeploymentStatusStopped, "Service deployment stopped because "+userAsked, s.now)
	}
	return true
}

// fail marks the PRIMARY as failed and, where there is something to go back to,
// goes back.
func (s *step) fail(back string) {
	p := s.svc.Primary()
	s.event(fmt.Sprintf("(deployment %s) deployment failed: tasks failed to start.", p.ID))
	s.failRollout(p, back)
	s.deployment(p.ID, func(d *ecs.Deployment) {
		d.State, d.Reason = api.DeploymentRolloutStateFailed, ecs.BreakerReason("")
	})
	if back != "" {
		s.rollBack(back, tripped)
	}
}

// failRollout notes in the PRIMARY's rollout that the breaker has tripped, and
// ends it when that is all: a rollback that fails is not rolled back.
func (s *step) failRollout(p *ecs.Deployment, back string) {
	sd, ok := ecs.RolloutOf(s.tx, s.p.scope, s.svc, p)
	if !ok || sd.Over() {
		return
	}
	c := *sd
	c.UpdatedAt = s.now
	c.Breaker = &api.ServiceDeploymentCircuitBreaker{Status: api.ServiceDeploymentRollbackMonitorsStatusTriggered, FailureCount: new(p.Failed), Threshold: new(rollout.Threshold(s.desired()))}
	ecs.ServiceDeployments.Put(s.tx, s.p.scope, &c)
	switch {
	case p.RollbackOf != "":
		ecs.EndRollout(s.tx, s.p.scope, s.svc, p, api.ServiceDeploymentStatusRollbackFailed, "Service deployment rollback failed because "+tripped, s.now)
	case back == "":
		ecs.EndRollout(s.tx, s.p.scope, s.svc, p, api.ServiceDeploymentStatusStopped, "Service deployment stopped because "+tripped, s.now)
	}
}

// rollBack puts what the service was before in front again: the deployment
// itself while it is there, and otherwise a new one of its service revision. Both
// belong to the rollout that they undo.
func (s *step) rollBack(back, why string) {
	failed := *s.svc.Primary()
	s.change(func(svc *ecs.ServiceRow) bool {
		at := slices.IndexFunc(svc.Deployments, func(d ecs.Deployment) bool { return d.ID == back })
		if at >= 0 {
			d := svc.Deployments[at]
			svc.Deployments = slices.Insert(slices.Delete(svc.Deployments, at, at+1), 0, d)
		} else if !ecs.Redeploy(s.tx, s.p.scope, svc, back, s.now) {
			return false
		}
		for i := range svc.Deployments {
			svc.Deployments[i].Status = ecs.Active
		}
		d := &svc.Deployments[0]
		d.Status, d.RollbackOf, d.ServiceDeployment = "PRIMARY", failed.ID, failed.ServiceDeployment
		d.State, d.Failed, d.NotBefore, d.UpdatedAt = api.DeploymentRolloutStateInProgress, 0, time.Time{}, s.now
		d.Reason = ecs.BreakerReason(d.ID)
		svc.Definition, svc.Network, svc.LoadBalancers = d.Definition, d.Network, d.LoadBalancers
		svc.LaunchType, svc.Strategy, svc.Platform, svc.Family = d.LaunchType, d.Strategy, d.Platform, d.Family
		return true
	})
	p := s.svc.Primary()
	if p.RollbackOf != failed.ID {
		return
	}
	s.event(fmt.Sprintf("rolling back to deployment %s.", p.ID))
	sd, ok := ecs.RolloutOf(s.tx, s.p.scope, s.svc, p)
	if !ok || sd.Over() {
		return
	}
	c := *sd
	c.Status, c.Reason, c.UpdatedAt = api.ServiceDeploymentStatusRollbackInProgress, "", s.now
	c.Rollback = &api.Rollback{Reason: new(rolledBack + why), StartedAt: &s.now, ServiceRevisionArn: new(ecs.RevisionARN(s.p.scope, s.svc, p.Revision))}
	ecs.ServiceDeployments.Put(s.tx, s.p.scope, &c)
}

// finishRollout closes the PRIMARY's rollout: a rollback's is that of the
// deployment that it undoes.
func (s *step) finishRollout(p *ecs.Deployment) {
	status, reason := api.ServiceDeploymentStatusSuccessful, ""
	if p.RollbackOf != "" {
		status, reason = api.ServiceDeploymentStatusRollbackSuccessful, rolledBack+tripped
		if sd, ok := ecs.RolloutOf(s.tx, s.p.scope, s.svc, p); ok && sd.Rollback != nil {
			reason = *sd.Rollback.Reason
		}
	}
	ecs.EndRollout(s.tx, s.p.scope, s.svc, p, status, reason, s.now)
}
