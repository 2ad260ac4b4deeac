package executionrole

import (
	"errors"

	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Instance is on what a task runs; the zero value is Fargate.
type Instance struct {
	// ID is the EC2 instance's.
	ID string
	// Role is the ARN of its profile's role; "" when it has none.
	Role string
}

// Logging is nil for a task whose containers' output may be written to CloudWatch
// Logs, and otherwise the error that the service answers with. Asked is the
// execution role; of a task that has none the instance's role, as the daemon has it
// there ("Send Amazon ECS logs to CloudWatch" in the developer guide).
func (f *Fetcher) Logging(tx *state.Tx, t Task, on Instance, need operation.Need) error {
	if t.Role != "" {
		c, err := f.assume(tx, t)
		if err != nil {
			return err
		}
		return f.allowed(tx, c, need)
	}
	c, ok := iam.RoleCaller(tx, on.Role, on.ID)
	if on.Role == "" || !ok {
		return errors.New("NoCredentialProviders: no valid providers in chain: the instance has no role, and the task no execution role")
	}
	c.Region, c.Secure, c.UserAgent = t.Scope.Region, true, "Docker"
	return f.allowed(tx, c, need)
}
