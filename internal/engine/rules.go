package engine

import (
	"context"
	"fmt"

	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// scheduled is ECS and IAM for the rules of package events: a task is started as
// the target's role would start it by the API.
type scheduled struct {
	permissions
	run   operation.Operation
	store *state.Store
}

func newScheduled(s *services, control *ecs.Service) (scheduled, error) {
	run, err := operation.Named(control.Operations(), "RunTask")
	return scheduled{permissions{s}, run, s.e.store}, err
}

// Assumable implements events.Tasks.
func (t scheduled) Assumable(tx *state.Tx, role, service string) bool {
	return t.s.iam.RoleTrusts(tx, role, service)
}

// RunTask implements events.Tasks.
func (t scheduled) RunTask(ctx context.Context, scope state.Scope, role, session string, in *ecsapi.RunTaskRequest) error {
	const service = "events.amazonaws.com"
	tx := t.store.View()
	if !t.Assumable(tx, role, service) {
		return fmt.Errorf("role %s cannot be assumed by %s", role, service)
	}
	caller, ok := iam.RoleCaller(tx, role, session)
	if !ok {
		return fmt.Errorf("there is no role %s", role)
	}
	caller.Account, caller.Region, caller.UserAgent, caller.Secure = scope.Account, scope.Region, service, true
	if why := t.Allowed(tx, caller, t.run.Needs(tx, caller, in)); why != "" {
		return fmt.Errorf("AccessDeniedException: %s", why)
	}
	out, err := t.run.Do(ctx, caller, in)
	if err != nil {
		return err
	}
	if ran := out.(*ecsapi.RunTaskResponse); len(ran.Failures) > 0 {
		f := ran.Failures[0]
		return fmt.Errorf("%s %s", *f.Reason, *f.Arn)
	}
	return nil
}
