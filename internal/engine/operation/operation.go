// Package operation is the shape of everything that the engine serves: who
// calls, what the call needs to be allowed, and the function that does it.
// Every service has a table of its operations; the engine's chain (signature,
// wire, policy) runs in front of them, so a service sees decoded, validated
// and authorized input only and knows nothing of HTTP.
package operation

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Kind is what kind of principal calls.
type Kind string

// The kinds of callers.
const (
	Root        Kind = "root"
	User        Kind = "user"
	AssumedRole Kind = "assumed-role"
	Federated   Kind = "federated-user"
	Anonymous   Kind = "anonymous" // an operation that takes unsigned requests
)

// Caller is who sent a request.
type Caller struct {
	// Account is the caller's, and Region the one that the request is for.
	Account, Region string
	Kind            Kind
	// ARN and UserID are as sts:GetCallerIdentity tells them.
	ARN, UserID string
	// Name is the user's or role's name and Session the role session's.
	Name, Session string
	// Role is the IAM ARN of an assumed role.
	Role string
	// AccessKey is the id of the key that signed.
	AccessKey string
	// SessionPolicies narrow what the session may do; nil when it has none.
	SessionPolicies []string
	// Tags are the session's principal tags.
	Tags map[string]string
	// Source is the client's address.
	Source netip.Addr
	// Secure tells whether the request came over TLS.
	Secure    bool
	RequestID string
	UserAgent string
	// Age is how old a picture of the state a reading operation is to answer from:
	// 0 but for faults that are injected.
	Age time.Duration
}

// Scope is where a regional service keeps the caller's rows.
func (c *Caller) Scope() state.Scope { return state.Scope{Account: c.Account, Region: c.Region} }

// Global is where a global service (IAM) keeps the caller's rows.
func (c *Caller) Global() state.Scope { return state.Scope{Account: c.Account} }

// Need is one permission that a request must have.
type Need struct {
	// Action is as in a policy: "ecs:UpdateService".
	Action string
	// Resource is an ARN, or "*" for an action that has none.
	Resource string
	// Keys are the condition keys that come with this need beside the global
	// ones: "ecs:cluster", "aws:ResourceTag/env", "iam:PassedToService".
	Keys map[string][]string
	// Policy is the resource's own policy, if it has one.
	Policy string
}

// Needs tells what a request must be allowed to do. It sees the state, to find
// ARNs and tags of what the input names; for a resource that does not exist it
// names the ARN that it would have.
type Needs[In any] func(tx *state.Tx, c *Caller, in *In) []Need

// Operation is one bound operation.
type Operation struct {
	Name    string
	In, Out reflect.Type // the structs
	Needs   func(tx *state.Tx, c *Caller, in any) []Need
	Do      func(ctx context.Context, c *Caller, in any) (any, error)
	// Unsigned operations are served without a signature.
	Unsigned bool
}

// Bind puts an operation together. Services list theirs in one table:
//
//	operation.Bind("CreateCluster", s.needsNewCluster, s.CreateCluster),
func Bind[In, Out any](name string, needs Needs[In], do func(ctx context.Context, c *Caller, in *In) (*Out, error)) Operation {
	return Operation{
		Name:  name,
		In:    reflect.TypeFor[In](),
		Out:   reflect.TypeFor[Out](),
		Needs: func(tx *state.Tx, c *Caller, in any) []Need { return needs(tx, c, in.(*In)) },
		Do:    func(ctx context.Context, c *Caller, in any) (any, error) { return do(ctx, c, in.(*In)) },
	}
}

// Free is the Needs of an operation that every signed caller may use
// (sts:GetCallerIdentity).
func Free[In any](*state.Tx, *Caller, *In) []Need { return nil }

// Everything is the Needs of an operation whose action cannot be narrowed to a
// resource: most List and Describe operations.
func Everything[In any](action string) Needs[In] {
	return func(*state.Tx, *Caller, *In) []Need { return []Need{{Action: action, Resource: "*"}} }
}

// On is the Needs of an operation on one resource.
func On[In any](action string, resource func(c *Caller, in *In) string) Needs[In] {
	return func(_ *state.Tx, c *Caller, in *In) []Need {
		return []Need{{Action: action, Resource: resource(c, in)}}
	}
}

// Env is what every service is built on.
type Env struct {
	Store *state.Store
	Vault *vault.Vault
	// Now is the engine's clock.
	Now func() time.Time
	Log *slog.Logger
	// Account and Region are the engine's defaults.
	Account, Region string
	Simulate        bool
	// Addresses are where the engine listens.
	Addresses Addresses
	// Validation is how much longer than needed certificates' validation takes
	// now: 0 but for faults that are injected. nil is never.
	Validation func() time.Duration
}

// View is the picture that a reading operation answers its caller from.
func (e *Env) View(c *Caller) *state.Tx { return e.Store.ViewBefore(c.Age) }

// Addresses are host:port pairs that clients on this machine reach.
type Addresses struct{ API, HTTP, HTTPS, DNS, Registry string }

// Named is the operation of a table with the name.
func Named(table []Operation, name string) (Operation, error) {
	for _, op := range table {
		if op.Name == name {
			return op, nil
		}
	}
	return Operation{}, fmt.Errorf("no operation is named %q", name)
}
