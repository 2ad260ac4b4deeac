// Package ecs is the control plane of ECS as an API over state: clusters,
// capacity providers, container instances, task definitions, services, their
// deployments and revisions, tasks, tags and account settings.
//
// It writes what is wanted and answers what is; it starts and stops nothing.
// The scheduler's loops make services and tasks real over this package's
// tables: they read desired state, act, and write observed state back with
// PutTask, ChangeTask and AddEvent. Where a task runs is chosen by a [Placer].
//
// Called by the engine's chain (Operations) and by the scheduler (tables).
package ecs

import (
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Service serves ECS's API.
type Service struct {
	env *operation.Env
}

// New is the service on the environment.
func New(env *operation.Env) *Service { return &Service{env: env} }

// Operations is the table of what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{}
}
