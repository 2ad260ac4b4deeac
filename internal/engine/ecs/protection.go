package ecs

import (
	"context"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// How long a task is protected, in minutes (UpdateTaskProtection).
const (
	protectionDefault = 120
	protectionMost    = 2880
)

// UpdateTaskProtection protects tasks of services from scale-in, or takes the
// protection away.
func (s *Service) UpdateTaskProtection(_ context.Context, c *operation.Caller, in *api.UpdateTaskProtectionRequest) (*api.UpdateTaskProtectionResponse, error) {
	scope := c.Scope()
	if err := batch(in.Tasks, 10, "Tasks"); err != nil {
		return nil, err
	}
	minutes := number(in.ExpiresInMinutes, protectionDefault)
	if minutes < 1 || minutes > protectionMost {
		return nil, api.InvalidParameterException("expiresInMinutes should be between 1 and %d.", protectionMost)
	}
	out := &api.UpdateTaskProtectionResponse{}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		out.ProtectedTasks, out.Failures = []api.ProtectedTask{}, []api.Failure{}
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		now := s.env.Now()
		var until time.Time
		if yes(in.ProtectionEnabled) {
			until = now.Add(time.Duration(minutes) * time.Minute)
		}
		for _, ref := range in.Tasks {
			t, failure := protectable(tx, scope, cl, ref)
			if failure != nil {
				out.Failures = append(out.Failures, *failure)
				continue
			}
			ChangeTask(tx, scope, t.Key(), func(t *Task) bool {
				t.ProtectedUntil = until
				return true
			})
			t, _ = Tasks.Get(tx, scope, t.Key())
			out.ProtectedTasks = append(out.ProtectedTasks, protection(t, now))
		}
		return nil
	})
	return out, err
}

// protectable is the service's task that a request names: one that has not been
// told to stop.
func protectable(tx *state.Tx, scope state.Scope, cl *Cluster, ref string) (*Task, *api.Failure) {
	t, ok := task(tx, scope, cl.Name, ref)
	switch {
	case !ok:
		return nil, new(missing(scope, "task", cl.Name, ref))
	case t.Service == "" || t.Desired == Stopped:
		return nil, &api.Failure{Arn: new(t.ARN), Reason: new("TASK_NOT_VALID")}
	}
	return t, nil
}

func protection(t *Task, now time.Time) api.ProtectedTask {
	out := api.ProtectedTask{TaskArn: new(t.ARN), ProtectionEnabled: new(t.Protected(now))}
	if t.Protected(now) {
		out.ExpirationDate = new(t.ProtectedUntil)
	}
	return out
}

// GetTaskProtection is the protection of the tasks named.
func (s *Service) GetTaskProtection(_ context.Context, c *operation.Caller, in *api.GetTaskProtectionRequest) (*api.GetTaskProtectionResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err == nil {
		err = batch(in.Tasks, 100, "Tasks")
	}
	if err != nil {
		return nil, err
	}
	out := &api.GetTaskProtectionResponse{ProtectedTasks: []api.ProtectedTask{}, Failures: []api.Failure{}}
	for _, ref := range in.Tasks {
		t, failure := protectable(tx, scope, cl, ref)
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		out.ProtectedTasks = append(out.ProtectedTasks, protection(t, s.env.Now()))
	}
	return out, nil
}
