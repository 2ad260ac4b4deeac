package iam

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

const testAccount = "000000000000"

// rig is a service on a store in memory and a clock that stands still until it
// is moved.
type rig struct {
	*Service
	t    testing.TB
	root *operation.Caller
	time *time.Time
}

func newRig(t testing.TB, roots ...Root) *rig {
	t.Helper()
	return newRigOn(t, state.InMemory(Tables...), roots...)
}

func newRigOn(t testing.TB, store *state.Store, roots ...Root) *rig {
	t.Helper()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	s := New(&operation.Env{
		Store: store, Vault: vault.New([32]byte{1}), Now: func() time.Time { return now },
		Log: slog.New(slog.DiscardHandler), Account: testAccount, Region: "eu-west-1",
	}, roots...)
	t.Cleanup(func() { store.Close() })
	return &rig{s, t, rootCaller(testAccount, "AKIAROOT"), &now}
}

// ok is the answer of an operation that must not fail.
func ok[Out any](t testing.TB) func(out *Out, err error) *Out {
	return func(out *Out, err error) *Out {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused checks an operation's error.
func refused(t testing.TB, err error, code string, status int, message string) {
	t.Helper()
	e, ok := errors.AsType[*awsapi.Error](err)
	if !ok {
		t.Errorf("error %v, want %s", err, code)
		return
	}
	if e.Code != code || e.Status != status || message != "" && e.Message != message {
		t.Errorf("%s %d %q,\nwant %s %d %q", e.Code, e.Status, e.Message, code, status, message)
	}
}

// user makes a user with inline policies.
func (r *rig) user(name string, documents ...string) *operation.Caller {
	r.t.Helper()
	ctx := r.t.Context()
	ok[api.CreateUserResponse](r.t)(r.CreateUser(ctx, r.root, &api.CreateUserRequest{UserName: &name}))
	for i, d := range documents {
		ok[awsapi.Empty](r.t)(r.PutUserPolicy(ctx, r.root, &api.PutUserPolicyRequest{UserName: &name, PolicyName: new("p" + string(rune('a'+i))), PolicyDocument: &d}))
	}
	return r.caller(name)
}

// caller is the user as one who calls.
func (r *rig) caller(name string) *operation.Caller {
	u, err := findUser(r.env.Store.View(), r.root.Global(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	return u.caller(r.root.Global(), "AKIATEST")
}

// may asks whether the caller is allowed something.
func (r *rig) may(c *operation.Caller, action, resource string, keys ...string) bool {
	need := policy.Need{Action: action, Resource: resource, Keys: map[string][]string{}}
	for i := 0; i < len(keys); i += 2 {
		need.Keys[keys[i]] = []string{keys[i+1]}
	}
	return policy.Evaluate(r.Policies(r.env.Store.View(), c), &policy.Request{Principal: Principal(c), Need: need, Now: r.env.Now()}).Allowed
}

const (
	trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)
