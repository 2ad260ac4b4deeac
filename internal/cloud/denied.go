package cloud

import (
	"context"
	"errors"
	"fmt"
	"os"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Denied is the error of a call that IAM does not allow: who may not do what, and
// where.
type Denied struct {
	Caller, Action, Resource string
	err                      error
}

func (d *Denied) Error() string {
	if d.Action == "sts:AssumeRoleWithWebIdentity" {
		return fmt.Sprintf("this job's token may not take the role %s (%s): the role trusts tokens of other tags or branches", os.Getenv("AWS_ROLE_ARN"), d.Action)
	}
	text := d.Caller + " may not " + d.Action
	if d.Caller == "" {
		text = "not allowed: " + d.Action
	}
	if d.Resource != "" {
		text += " on " + d.Resource
	}
	return text
}

// Unwrap is the API's error, where it was one.
func (d *Denied) Unwrap() error { return d.err }

// Hint is what to do next.
func (d *Denied) Hint() string {
	return "slipway ci policy prints what each command needs (--for COMMAND); --apply gives a pipeline's identity the two policies of its steps"
}

// refusal is IAM's sentence, which is the same in all services: "User: ARN is not
// authorized to perform: ACTION on resource: ARN because …".
var refusal = lazyregexp.New(`(?:User: (\S+) is )?[Nn]ot authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)(?: on resource: (\S+))?`)

// Refusal reads IAM's sentence in what a client of the account's services wrote;
// nil where it is not there.
func Refusal(text string, err error) *Denied {
	if m := refusal.FindStringSubmatch(text); m != nil {
		return &Denied{Caller: m[1], Action: m[2], Resource: m[3], err: err}
	}
	return nil
}

// deny makes Denied of the services' many codes for it.
func (a *Account) deny(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("slipway.deny", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, md, err := next.HandleInitialize(ctx, in)
		var api smithy.APIError
		if err == nil || !errors.As(err, &api) {
			return out, md, err
		}
		switch api.ErrorCode() {
		case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
			if d := Refusal(api.ErrorMessage(), err); d != nil {
				return out, md, d
			}
			return out, md, &Denied{Caller: a.Caller, Action: awsmiddleware.GetServiceID(ctx) + " " + awsmiddleware.GetOperationName(ctx), err: err}
		}
		return out, md, err
	}), middleware.Before)
}
