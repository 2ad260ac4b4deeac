package sts

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

const (
	testAccount = "000000000000"
	allowAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	allowNone   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	trustsAll   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`
)

type rig struct {
	*Service
	t    testing.TB
	root *operation.Caller
	time *time.Time
}

func newRig(t testing.TB, fetch Fetch) *rig {
	t.Helper()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	store := state.InMemory(iam.Tables...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{
		Store: store, Vault: vault.New([32]byte{1}), Now: func() time.Time { return now },
		Log: slog.New(slog.DiscardHandler), Account: testAccount, Region: "eu-west-1",
	}
	ident := iam.New(env, iam.Root{ID: "test", Secret: "test"})
	r := &rig{New(env, ident, fetch), t, nil, &now}
	r.root = r.bearer("test")
	return r
}

func ok[Out any](t testing.TB) func(out *Out, err error) *Out {
	return func(out *Out, err error) *Out {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

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

// bearer is who calls with a key.
func (r *rig) bearer(key string) *operation.Caller {
	r.t.Helper()
	k, found := r.iam.Key(key)
	if !found {
		r.t.Fatalf("there is no key %s", key)
	}
	c := *k.Caller.(*operation.Caller)
	c.Region = "eu-west-1"
	return &c
}

// user makes a user with a policy and a key.
func (r *rig) user(name, document string) *operation.Caller {
	r.t.Helper()
	ctx := r.t.Context()
	ok[iamapi.CreateUserResponse](r.t)(r.iam.CreateUser(ctx, r.root, &iamapi.CreateUserRequest{UserName: &name}))
	ok[awsapi.Empty](r.t)(r.iam.PutUserPolicy(ctx, r.root, &iamapi.PutUserPolicyRequest{UserName: &name, PolicyName: new("p"), PolicyDocument: &document}))
	made := ok[iamapi.CreateAccessKeyResponse](r.t)(r.iam.CreateAccessKey(ctx, r.root, &iamapi.CreateAccessKeyRequest{UserName: &name}))
	return r.bearer(*made.AccessKey.AccessKeyId)
}

// role makes a role that may do everything.
func (r *rig) role(name, trust string, more ...func(*iamapi.CreateRoleRequest)) string {
	r.t.Helper()
	in := &iamapi.CreateRoleRequest{RoleName: &name, AssumeRolePolicyDocument: &trust}
	for _, m := range more {
		m(in)
	}
	made := ok[iamapi.CreateRoleResponse](r.t)(r.iam.CreateRole(r.t.Context(), r.root, in))
	ok[awsapi.Empty](r.t)(r.iam.PutRolePolicy(r.t.Context(), r.root, &iamapi.PutRolePolicyRequest{RoleName: &name, PolicyName: new("p"), PolicyDocument: new(allowAll)}))
	return *made.Role.Arn
}

func assume(role string, more ...func(*api.AssumeRoleRequest)) *api.AssumeRoleRequest {
	in := &api.AssumeRoleRequest{RoleArn: &role, RoleSessionName: new("s")}
	for _, m := range more {
		m(in)
	}
	return in
}

func (r *rig) may(c *operation.Caller, action, resource string) bool {
	return policy.Evaluate(r.iam.Policies(r.env.Store.View(), c), &policy.Request{
		Principal: iam.Principal(c), Need: policy.Need{Action: action, Resource: resource}, Now: r.env.Now(),
	}).Allowed
}
