package iam

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func TestAUserAsToldAndAsListed(t *testing.T) {
	r := newRig(t)
	tags := []api.Tag{{Key: new("b"), Value: new("1")}, {Key: new("a"), Value: new("")}}
	made := ok[api.CreateUserResponse](t)(r.CreateUser(t.Context(), r.root, &api.CreateUserRequest{UserName: new("Travis"), Path: new("/ci/"), Tags: tags})).User
	plain := api.User{
		Arn: new("arn:aws:iam::000000000000:user/ci/Travis"), CreateDate: r.time, Path: new("/ci/"), UserId: made.UserId, UserName: new("Travis"),
	}
	with := plain
	with.Tags = tags
	if diff := cmp.Diff(&with, made); diff != "" {
		t.Errorf("created: %s", diff)
	}
	with.Tags = []api.Tag{tags[1], tags[0]}
	got := ok[api.GetUserResponse](t)(r.GetUser(t.Context(), r.root, &api.GetUserRequest{UserName: new("travis")})).User
	if diff := cmp.Diff(&with, got); diff != "" {
		t.Errorf("told, by a name in another case: %s", diff)
	}
	list := ok[api.ListUsersResponse](t)(r.ListUsers(t.Context(), r.root, &api.ListUsersRequest{PathPrefix: new("/c")}))
	if diff := cmp.Diff(&api.ListUsersResponse{Users: []api.User{plain}, IsTruncated: new(false)}, list); diff != "" {
		t.Errorf("listed: %s", diff)
	}
	if diff := cmp.Diff([]api.User{}, ok[api.ListUsersResponse](t)(r.ListUsers(t.Context(), r.root, &api.ListUsersRequest{PathPrefix: new("/x/")})).Users); diff != "" {
		t.Errorf("listed below another path: %s", diff)
	}
}

func TestUsersNamesAreUniqueInAnyCase(t *testing.T) {
	r := newRig(t)
	r.user("Ana")
	r.user("bob")
	_, err := r.CreateUser(t.Context(), r.root, &api.CreateUserRequest{UserName: new("ANA")})
	refused(t, err, "EntityAlreadyExists", 409, "User with name ANA already exists.")
	_, err = r.UpdateUser(t.Context(), r.root, &api.UpdateUserRequest{UserName: new("bob"), NewUserName: new("ana")})
	refused(t, err, "EntityAlreadyExists", 409, "User with name ana already exists.")
	ok[awsapi.Empty](t)(r.UpdateUser(t.Context(), r.root, &api.UpdateUserRequest{UserName: new("ana"), NewUserName: new("ANA")}))
	if got := r.caller("ana").Name; got != "ANA" {
		t.Errorf("the user is called %s", got)
	}
}

func TestADeletedUserHasNothingLeft(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana", allowAll)
	ok[awsapi.Empty](t)(r.AttachUserPolicy(ctx, r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")}))
	key := ok[api.CreateAccessKeyResponse](t)(r.CreateAccessKey(ctx, r.root, &api.CreateAccessKeyRequest{UserName: new("ana")})).AccessKey
	ok[api.CreateGroupResponse](t)(r.CreateGroup(ctx, r.root, &api.CreateGroupRequest{GroupName: new("devs")}))
	ok[awsapi.Empty](t)(r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{GroupName: new("devs"), UserName: new("ana")}))
	for _, step := range []struct {
		message string
		mend    func() (*awsapi.Empty, error)
	}{
		{"Cannot delete entity, must detach all policies first.", func() (*awsapi.Empty, error) {
			return r.DetachUserPolicy(ctx, r.root, &api.DetachUserPolicyRequest{UserName: new("ana"), PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")})
		}},
		{"Cannot delete entity, must delete policies first.", func() (*awsapi.Empty, error) {
			return r.DeleteUserPolicy(ctx, r.root, &api.DeleteUserPolicyRequest{UserName: new("ana"), PolicyName: new("pa")})
		}},
		{"Cannot delete entity, must delete access keys first.", func() (*awsapi.Empty, error) {
			return r.DeleteAccessKey(ctx, r.root, &api.DeleteAccessKeyRequest{UserName: new("ana"), AccessKeyId: key.AccessKeyId})
		}},
		{"Cannot delete entity, must remove users from group first.", func() (*awsapi.Empty, error) {
			return r.RemoveUserFromGroup(ctx, r.root, &api.RemoveUserFromGroupRequest{GroupName: new("devs"), UserName: new("ana")})
		}},
	} {
		_, err := r.DeleteUser(ctx, r.root, &api.DeleteUserRequest{UserName: new("ana")})
		refused(t, err, "DeleteConflict", 409, step.message)
		ok[awsapi.Empty](t)(step.mend())
	}
	ok[awsapi.Empty](t)(r.DeleteUser(ctx, r.root, &api.DeleteUserRequest{UserName: new("ana")}))
	_, err := r.GetUser(ctx, r.root, &api.GetUserRequest{UserName: new("ana")})
	refused(t, err, "NoSuchEntity", 404, "The user with name ana cannot be found.")
}

func TestAUserIsTheOneWhoCallsUnlessNamed(t *testing.T) {
	r := newRig(t)
	ana := r.user("ana")
	if got := ok[api.GetUserResponse](t)(r.GetUser(t.Context(), ana, &api.GetUserRequest{})).User; *got.UserName != "ana" {
		t.Errorf("GetUser tells %s", *got.UserName)
	}
	if got := ok[api.CreateAccessKeyResponse](t)(r.CreateAccessKey(t.Context(), ana, &api.CreateAccessKeyRequest{})).AccessKey; *got.UserName != "ana" {
		t.Errorf("the key is %s's", *got.UserName)
	}
	if got := ok[api.GetUserResponse](t)(r.GetUser(t.Context(), r.root, &api.GetUserRequest{})).User; *got.Arn != "arn:aws:iam::000000000000:root" {
		t.Errorf("root is %s", *got.Arn)
	}
	_, err := r.GetUser(t.Context(), &operation.Caller{Account: testAccount, Kind: operation.AssumedRole}, &api.GetUserRequest{})
	refused(t, err, "ValidationError", 400, "Must specify userName when calling with non-User credentials")
}

func TestAccessKeys(t *testing.T) {
	r := newRig(t)
	r.user("ana")
	var made []string
	for range 2 {
		k := ok[api.CreateAccessKeyResponse](t)(r.CreateAccessKey(t.Context(), r.root, &api.CreateAccessKeyRequest{UserName: new("ana")})).AccessKey
		if k.Status != api.StatusTypeActive || len(*k.SecretAccessKey) != 40 || len(*k.AccessKeyId) != 20 {
			t.Errorf("key %+v", k)
		}
		made = append(made, *k.AccessKeyId)
	}
	_, err := r.CreateAccessKey(t.Context(), r.root, &api.CreateAccessKeyRequest{UserName: new("ana")})
	refused(t, err, "LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2")
	var listed []string
	for _, k := range ok[api.ListAccessKeysResponse](t)(r.ListAccessKeys(t.Context(), r.root, &api.ListAccessKeysRequest{UserName: new("ana")})).AccessKeyMetadata {
		listed = append(listed, *k.AccessKeyId)
	}
	slices.Sort(made)
	if diff := cmp.Diff(made, listed); diff != "" {
		t.Error(diff)
	}
	r.user("bob")
	_, err = r.DeleteAccessKey(t.Context(), r.root, &api.DeleteAccessKeyRequest{UserName: new("bob"), AccessKeyId: &made[0]})
	refused(t, err, "NoSuchEntity", 404, "The Access Key with id "+made[0]+" cannot be found.")
	_, err = r.GetAccessKeyLastUsed(t.Context(), r.root, &api.GetAccessKeyLastUsedRequest{AccessKeyId: new("AKIAIOSFODNN7EXAMPLE")})
	refused(t, err, "AccessDenied", 403, "User: arn:aws:iam::000000000000:root is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key AKIAIOSFODNN7EXAMPLE")
}

// The quota is decided inside the write, so it holds for calls at once.
func TestTwoKeysEvenAtOnce(t *testing.T) {
	r := newRig(t)
	r.user("ana")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { r.CreateAccessKey(t.Context(), r.root, &api.CreateAccessKeyRequest{UserName: new("ana")}) })
	}
	wg.Wait()
	if n := keys.Len(r.env.Store.View(), everywhere); n != 2 {
		t.Errorf("%d keys were made", n)
	}
}

func TestMembershipOfGroups(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana")
	for i := range 11 {
		ok[api.CreateGroupResponse](t)(r.CreateGroup(ctx, r.root, &api.CreateGroupRequest{GroupName: new(fmt.Sprintf("g%02d", i))}))
	}
	for i := range 10 {
		ok[awsapi.Empty](t)(r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{UserName: new("ana"), GroupName: new(fmt.Sprintf("g%02d", 9-i))}))
	}
	_, err := r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{UserName: new("ana"), GroupName: new("g10")})
	refused(t, err, "LimitExceeded", 409, "Cannot exceed quota for GroupsPerUser: 10")
	ok[awsapi.Empty](t)(r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{UserName: new("ana"), GroupName: new("g03")}))
	var names []string
	for _, g := range ok[api.ListGroupsForUserResponse](t)(r.ListGroupsForUser(ctx, r.root, &api.ListGroupsForUserRequest{UserName: new("ana")})).Groups {
		names = append(names, *g.GroupName)
	}
	if diff := cmp.Diff([]string{"g00", "g01", "g02", "g03", "g04", "g05", "g06", "g07", "g08", "g09"}, names); diff != "" {
		t.Error(diff)
	}
	_, err = r.DeleteGroup(ctx, r.root, &api.DeleteGroupRequest{GroupName: new("g00")})
	refused(t, err, "DeleteConflict", 409, "Cannot delete entity, must remove users from group first.")
	if got := ok[api.GetGroupResponse](t)(r.GetGroup(ctx, r.root, &api.GetGroupRequest{GroupName: new("g00")})); len(got.Users) != 1 || *got.Users[0].UserName != "ana" {
		t.Errorf("the group has %v", got.Users)
	}
	for _, tt := range []struct{ user, group, message string }{
		{"nobody", "nothing", "The user with name nobody cannot be found."},
		{"ana", "nothing", "The group with name nothing cannot be found."},
	} {
		_, err := r.RemoveUserFromGroup(ctx, r.root, &api.RemoveUserFromGroupRequest{UserName: &tt.user, GroupName: &tt.group})
		refused(t, err, "NoSuchEntity", 404, tt.message)
	}
}
