package iam

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/signature"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestAUsersKey(t *testing.T) {
	r := newRig(t)
	r.user("travis")
	made := ok[api.CreateAccessKeyResponse](t)(r.CreateAccessKey(t.Context(), r.root, &api.CreateAccessKeyRequest{UserName: new("travis")})).AccessKey

	key, found := r.Key(*made.AccessKeyId)
	if !found || !key.Active || key.Secret != *made.SecretAccessKey || key.Token != "" {
		t.Fatalf("key %+v, found %v", key, found)
	}
	want := &operation.Caller{
		Account: testAccount, Kind: operation.User, ARN: "arn:aws:iam::000000000000:user/travis",
		UserID: key.Caller.(*operation.Caller).UserID, Name: "travis", AccessKey: *made.AccessKeyId,
	}
	if diff := cmp.Diff(want, key.Caller, cmpopts.EquateComparable(operation.Caller{}.Source), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	again, _ := r.Key(*made.AccessKeyId)
	if again.Caller != key.Caller {
		t.Error("an unchanged key was opened twice")
	}

	// What changes is seen at once.
	ok[awsapi.Empty](t)(r.UpdateUser(t.Context(), r.root, &api.UpdateUserRequest{UserName: new("travis"), NewUserName: new("ci"), NewPath: new("/bots/")}))
	key, _ = r.Key(*made.AccessKeyId)
	if got := key.Caller.(*operation.Caller).ARN; got != "arn:aws:iam::000000000000:user/bots/ci" {
		t.Errorf("the renamed user calls as %s", got)
	}
	ok[awsapi.Empty](t)(r.UpdateAccessKey(t.Context(), r.root, &api.UpdateAccessKeyRequest{UserName: new("ci"), AccessKeyId: made.AccessKeyId, Status: api.StatusTypeInactive}))
	if key, found = r.Key(*made.AccessKeyId); !found || key.Active {
		t.Error("an inactive key is active")
	}
	ok[awsapi.Empty](t)(r.DeleteAccessKey(t.Context(), r.root, &api.DeleteAccessKeyRequest{UserName: new("ci"), AccessKeyId: made.AccessKeyId}))
	if _, found = r.Key(*made.AccessKeyId); found {
		t.Error("a deleted key is found")
	}
}

func TestRootKeys(t *testing.T) {
	r := newRig(t, Root{"test", "test"})
	if key, found := r.Key("test"); !found || key.Secret != "test" || !key.AnyToken || key.Caller.(*operation.Caller).Kind != operation.Root {
		t.Errorf("the fixed root key: %+v, %v", key, found)
	}
	own, err := r.RootKey()
	if err != nil {
		t.Fatal(err)
	}
	key, found := r.Key(own.ID)
	if !found || key.Secret != own.Secret || key.AnyToken {
		t.Errorf("the engine's own root key: %+v, %v", key, found)
	}
	if err := r.env.Store.Reset(); err != nil {
		t.Fatal(err)
	}
	after, err := r.RootKey()
	if err != nil || after != own {
		t.Errorf("after a reset the root key is %v, %v, want %v", after, err, own)
	}
}

func TestTheRootKeyAndSessionsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	open := func() (*rig, *state.Store) {
		store, err := state.Open(dir, Tables...)
		if err != nil {
			t.Fatal(err)
		}
		return newRigOn(t, store), store
	}
	r, store := open()
	own, err := r.RootKey()
	if err != nil {
		t.Fatal(err)
	}
	role := ok[api.CreateRoleResponse](t)(r.CreateRole(t.Context(), r.root, &api.CreateRoleRequest{RoleName: new("web"), AssumeRolePolicyDocument: new(trustEC2)}))
	issued := r.issue(t, *role.Role.Arn, time.Hour)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r, _ = open()
	if again, err := r.RootKey(); err != nil || again != own {
		t.Errorf("root key %v, %v, want %v", again, err, own)
	}
	key, found := r.Key(issued.AccessKeyID)
	want := signature.Key{ID: issued.AccessKeyID, Secret: issued.SecretAccessKey, Token: issued.SessionToken, Active: true, Expires: issued.Expiration}
	if diff := cmp.Diff(want, key, cmpopts.IgnoreFields(signature.Key{}, "Caller")); diff != "" || !found {
		t.Errorf("found %v: %s", found, diff)
	}
}

func (r *rig) issue(t testing.TB, roleARN string, d time.Duration) (c Credentials) {
	t.Helper()
	err := r.env.Store.Update(func(tx *state.Tx) (err error) {
		c, err = r.IssueRoleSession(tx, roleARN, "s", d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARolesSessionEndsWithTheRole(t *testing.T) {
	r := newRig(t)
	create := &api.CreateRoleRequest{RoleName: new("web"), Path: new("/app/"), AssumeRolePolicyDocument: new(trustEC2), Tags: []api.Tag{{Key: new("env"), Value: new("prod")}}}
	role := ok[api.CreateRoleResponse](t)(r.CreateRole(t.Context(), r.root, create)).Role
	issued := r.issue(t, *role.Arn, time.Hour)
	key, found := r.Key(issued.AccessKeyID)
	if !found {
		t.Fatal("the session's key is not found")
	}
	want := &operation.Caller{
		Account: testAccount, Kind: operation.AssumedRole, ARN: "arn:aws:sts::000000000000:assumed-role/web/s", UserID: *role.RoleId + ":s",
		Name: "web", Session: "s", Role: "arn:aws:iam::000000000000:role/app/web", AccessKey: issued.AccessKeyID, Tags: map[string]string{"env": "prod"},
	}
	if diff := cmp.Diff(want, key.Caller, cmpopts.EquateComparable(operation.Caller{}.Source)); diff != "" {
		t.Error(diff)
	}
	ok[awsapi.Empty](t)(r.DeleteRole(t.Context(), r.root, &api.DeleteRoleRequest{RoleName: new("web")}))
	if _, found := r.Key(issued.AccessKeyID); found {
		t.Error("the session outlives its role")
	}
	ok[api.CreateRoleResponse](t)(r.CreateRole(t.Context(), r.root, create))
	if _, found := r.Key(issued.AccessKeyID); found {
		t.Error("the session came back with another role of the name")
	}
}

func TestExpiredSessionsAreForgottenInTheEnd(t *testing.T) {
	r := newRig(t)
	role := ok[api.CreateRoleResponse](t)(r.CreateRole(t.Context(), r.root, &api.CreateRoleRequest{RoleName: new("web"), AssumeRolePolicyDocument: new(trustEC2)})).Role
	old := r.issue(t, *role.Arn, time.Hour)
	*r.time = r.time.Add(3 * time.Hour)
	if key, found := r.Key(old.AccessKeyID); !found || !key.Expires.Before(*r.time) {
		t.Errorf("an hour later: found %v, expires %v", found, key.Expires)
	}
	*r.time = r.time.AddDate(0, 0, 2)
	r.issue(t, *role.Arn, time.Hour)
	if _, found := r.Key(old.AccessKeyID); found {
		t.Error("the day after the next it is still there")
	}
	if n := sessions.Len(r.env.Store.View(), everywhere); n != 1 {
		t.Errorf("%d sessions are kept, want the new one", n)
	}
}

func TestPermissionsOfUsers(t *testing.T) {
	r := newRig(t)
	c := r.user("ana", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"},{"Effect":"Deny","Action":"ecs:DeleteCluster","Resource":"*"}]}`)
	cluster := "arn:aws:ecs:eu-west-1:000000000000:cluster/web"
	check := func(action string, want bool) {
		t.Helper()
		if got := r.may(c, action, cluster); got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
	check("ecs:DescribeClusters", true)
	check("ecs:DeleteCluster", false)
	check("ecr:DescribeRepositories", false)

	// A group's policies count, from and until membership.
	ok[api.CreateGroupResponse](t)(r.CreateGroup(t.Context(), r.root, &api.CreateGroupRequest{GroupName: new("devs")}))
	ok[awsapi.Empty](t)(r.AttachGroupPolicy(t.Context(), r.root, &api.AttachGroupPolicyRequest{GroupName: new("devs"), PolicyArn: new("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")}))
	check("ecr:DescribeRepositories", false)
	ok[awsapi.Empty](t)(r.AddUserToGroup(t.Context(), r.root, &api.AddUserToGroupRequest{GroupName: new("DEVS"), UserName: new("Ana")}))
	check("ecr:DescribeRepositories", true)
	ok[awsapi.Empty](t)(r.UpdateGroup(t.Context(), r.root, &api.UpdateGroupRequest{GroupName: new("devs"), NewGroupName: new("coders")}))
	check("ecr:DescribeRepositories", true)
	ok[awsapi.Empty](t)(r.RemoveUserFromGroup(t.Context(), r.root, &api.RemoveUserFromGroupRequest{GroupName: new("coders"), UserName: new("ana")}))
	check("ecr:DescribeRepositories", false)

	// A boundary narrows, a new default version of it at once.
	p := ok[api.CreatePolicyResponse](t)(r.CreatePolicy(t.Context(), r.root, &api.CreatePolicyRequest{PolicyName: new("only-describe"),
		PolicyDocument: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecs:Describe*","Resource":"*"}}`)})).Policy
	ok[awsapi.Empty](t)(r.PutUserPermissionsBoundary(t.Context(), r.root, &api.PutUserPermissionsBoundaryRequest{UserName: new("ana"), PermissionsBoundary: p.Arn}))
	check("ecs:DescribeClusters", true)
	check("ecs:CreateCluster", false)
	ok[api.CreatePolicyVersionResponse](t)(r.CreatePolicyVersion(t.Context(), r.root, &api.CreatePolicyVersionRequest{PolicyArn: p.Arn, PolicyDocument: new(allowAll), SetAsDefault: new(true)}))
	check("ecs:CreateCluster", true)
	ok[awsapi.Empty](t)(r.DeleteUserPermissionsBoundary(t.Context(), r.root, &api.DeleteUserPermissionsBoundaryRequest{UserName: new("ana")}))

	// Nothing is left of a detached policy.
	ok[awsapi.Empty](t)(r.DeleteUserPolicy(t.Context(), r.root, &api.DeleteUserPolicyRequest{UserName: new("ana"), PolicyName: new("pa")}))
	check("ecs:DescribeClusters", false)
}

func BenchmarkKey(b *testing.B) {
	s, id, _ := benchmarked(b)
	for b.Loop() {
		if _, found := s.Key(id); !found {
			b.Fatal("no key")
		}
	}
}

func BenchmarkPolicies(b *testing.B) {
	s, _, c := benchmarked(b)
	for b.Loop() {
		if p := s.Policies(s.env.Store.View(), c); len(p.Identity) != 4 {
			b.Fatal(len(p.Identity))
		}
	}
}

// benchmarked is a user like many: two inline policies, a managed one, and a
// group with one of AWS's.
func benchmarked(b *testing.B) (*Service, string, *operation.Caller) {
	r, ctx := newRig(b), b.Context()
	ok[api.CreateUserResponse](b)(r.CreateUser(ctx, r.root, &api.CreateUserRequest{UserName: new("ana")}))
	for _, n := range []string{"a", "b"} {
		ok[awsapi.Empty](b)(r.PutUserPolicy(ctx, r.root, &api.PutUserPolicyRequest{UserName: new("ana"), PolicyName: &n, PolicyDocument: new(allowAll)}))
	}
	p := ok[api.CreatePolicyResponse](b)(r.CreatePolicy(ctx, r.root, &api.CreatePolicyRequest{PolicyName: new("p"), PolicyDocument: new(allowAll)})).Policy
	ok[awsapi.Empty](b)(r.AttachUserPolicy(ctx, r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: p.Arn}))
	ok[api.CreateGroupResponse](b)(r.CreateGroup(ctx, r.root, &api.CreateGroupRequest{GroupName: new("devs")}))
	ok[awsapi.Empty](b)(r.AttachGroupPolicy(ctx, r.root, &api.AttachGroupPolicyRequest{GroupName: new("devs"), PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")}))
	ok[awsapi.Empty](b)(r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{GroupName: new("devs"), UserName: new("ana")}))
	made := ok[api.CreateAccessKeyResponse](b)(r.CreateAccessKey(ctx, r.root, &api.CreateAccessKeyRequest{UserName: new("ana")})).AccessKey
	key, _ := r.Key(*made.AccessKeyId)
	return r.Service, key.ID, key.Caller.(*operation.Caller)
}
