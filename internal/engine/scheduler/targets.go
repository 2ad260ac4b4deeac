package scheduler

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/awsapi"
	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// deploymentOf is the deployment that a service's task belongs to, with its service.
func deploymentOf(tx *state.Tx, scope state.Scope, t *ecs.Task) (*ecs.ServiceRow, *ecs.Deployment) {
	if t.Service == "" {
		return nil, nil
	}
	svc, ok := ecs.Services.Get(tx, scope, t.Cluster+"/"+t.Service)
	if !ok {
		return nil, nil
	}
	for i := range svc.Deployments {
		if svc.Deployments[i].ID == t.StartedBy {
			return svc, &svc.Deployments[i]
		}
	}
	return svc, nil
}

// targetsOf is where the load balancers reach a task: by its instance and host
// port, or by its own address.
func targetsOf(tx *state.Tx, scope state.Scope, t *ecs.Task, lbs []ecsapi.LoadBalancer) []Target {
	var targets []Target
	for _, lb := range lbs {
		group, ok := elbv2.TargetGroups.Get(tx, scope, awsapi.V(lb.TargetGroupArn))
		if !ok {
			continue
		}
		target := Target{Group: group.ARN}
		if group.Type == elbapi.TargetTypeEnumIp {
			target.ID, target.Port = address(t), awsapi.V(lb.ContainerPort)
		} else if i, ok := ecs.Instances.Get(tx, scope, t.Cluster+"/"+t.Instance); ok {
			target.ID, target.Port = i.EC2, binding(t, awsapi.V(lb.ContainerName), awsapi.V(lb.ContainerPort))
		}
		if target.ID != "" && target.Port != 0 {
			targets = append(targets, target)
		}
	}
	return targets
}

// serve registers a task whose containers run with its target groups, and makes
// it RUNNING.
func (a *agent) serve(tx *state.Tx, scope state.Scope, t *ecs.Task) {
	now := a.env.Now()
	svc, d := deploymentOf(tx, scope, t)
	if d != nil && len(d.LoadBalancers) > 0 {
		t.Advance(ecs.Activating, now)
		targets := targetsOf(tx, scope, t, d.LoadBalancers)
		for _, g := range targets {
			elbv2.Register(tx, scope, g.Group, g.ID, g.Port, t.Zone, now)
			ecs.AddEvent(tx, scope, svc, now, fmt.Sprintf("registered 1 targets in (target-group %s)", g.Group))
		}
		Registrations.Put(tx, scope, &Registration{Cluster: t.Cluster, Task: t.ID, Targets: targets})
	}
	t.Advance(ecs.Running, now)
}

// drain deregisters a task's targets.
func (a *agent) drain(tx *state.Tx, scope state.Scope, t *ecs.Task) {
	now := a.env.Now()
	t.Advance(ecs.Deactivating, now)
	r, ok := Registrations.Get(tx, scope, t.Key())
	if !ok {
		return
	}
	svc, _ := deploymentOf(tx, scope, t)
	for _, g := range r.Targets {
		elbv2.Deregister(tx, scope, g.Group, g.ID, g.Port, now)
		if svc != nil {
			ecs.AddEvent(tx, scope, svc, now, fmt.Sprintf("deregistered 1 targets in (target-group %s)", g.Group))
		}
	}
	if svc != nil && len(r.Targets) > 0 {
		ecs.AddEvent(tx, scope, svc, now, "has begun draining connections on 1 tasks.")
	}
}

// gone tells whether the task's instance has left its cluster: then nothing is
// there that could answer what is under way.
func gone(tx *state.Tx, scope state.Scope, t *ecs.Task) bool {
	i, ok := ecs.Instances.Get(tx, scope, t.Cluster+"/"+t.Instance)
	return t.Instance != "" && (!ok || i.Status == ecs.Inactive)
}
