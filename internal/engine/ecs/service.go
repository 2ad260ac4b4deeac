// Package ecs is the control plane of ECS as an API over state: clusters,
// capacity providers, container instances, task definitions, services, their
// deployments and revisions, tasks, tags and account settings.
//
// It writes what is wanted and answers what is; it starts and stops nothing.
// The scheduler's loops make services and tasks real over this package's
// tables: they read desired state, act, and write observed state back with
// PutTask, ChangeTask and AddEvent. Where a task runs is chosen by a [Placer].
// The only loop of its own ([Service.Run]) forgets what is over: stopped tasks,
// deleted services and clusters.
//
// Not served, and refused by name: task sets, daemons, express gateway services,
// blue/green, linear and canary deployments, deployment alarms and lifecycle
// hooks, Service Connect, service discovery, VPC Lattice, EBS, EFS and FSx
// volumes, App Mesh, FireLens, updates of the agent.
//
// Called by the engine's chain (Operations) and by the scheduler (tables,
// [NewTask], [ServiceTask], [Placer]).
package ecs

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// API is the facts of the service.
var API = api.API

// Service serves ECS's API.
type Service struct {
	env *operation.Env
	Neighbours
}

// Neighbours is what other services do for this one.
type Neighbours struct {
	// Placer chooses the instances of tasks; nil is NewPlacer.
	Placer Placer
	// LinkedRole makes the account's AWSServiceRoleForECS if there is none.
	LinkedRole func(tx *state.Tx, scope state.Scope)
	// ScalingGroup is an Auto Scaling group by its name or ARN; nil asks
	// autoscaling.
	ScalingGroup func(tx *state.Tx, scope state.Scope, nameOrARN string) (ScalingGroup, bool)
	// ManageGroup tells the group's owner that a capacity provider manages it, or
	// an INACTIVE one no longer does; nil gives the group the tag AmazonECSManaged
	// and the hook of managed draining.
	ManageGroup func(tx *state.Tx, scope state.Scope, p *CapacityProvider)
	// Subnets checks the subnets and security groups of a network configuration:
	// that they are there and in one VPC.
	Subnets func(tx *state.Tx, scope state.Scope, subnets, groups []string) error
	// Session opens a session of ExecuteCommand with a container whose agent runs;
	// nil: none ever does.
	Session func(tx *state.Tx, scope state.Scope, t *Task, container *Container, command string) (*api.Session, error)
}

// ScalingGroup is what is asked of an Auto Scaling group.
type ScalingGroup struct {
	ARN string
	// Protected tells that its instances are protected from scale-in.
	Protected bool
}

// New is the service on the environment.
func New(env *operation.Env, n Neighbours) *Service {
	if n.Placer == nil {
		n.Placer = NewPlacer()
	}
	if n.LinkedRole == nil {
		n.LinkedRole = func(*state.Tx, state.Scope) {}
	}
	if n.ScalingGroup == nil {
		n.ScalingGroup = scalingGroup
	}
	if n.ManageGroup == nil {
		n.ManageGroup = manageGroup
	}
	if n.Subnets == nil {
		n.Subnets = func(*state.Tx, state.Scope, []string, []string) error { return nil }
	}
	return &Service{env: env, Neighbours: n}
}

// unserved refuses by name what the engine cannot do, rather than taking it and
// not doing it.
func unserved(what string) *awsapi.Error {
	return api.UnsupportedFeatureException("This engine does not serve %s.", what)
}
