package iam

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
)

func TestTheAccountsAlias(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	listed := func() []string {
		return ok[api.ListAccountAliasesResponse](t)(r.ListAccountAliases(ctx, r.root, &api.ListAccountAliasesRequest{})).AccountAliases
	}
	if diff := cmp.Diff([]string{}, listed()); diff != "" {
		t.Error(diff)
	}
	for _, alias := range []string{"acme", "acme-web"} {
		ok[awsapi.Empty](t)(r.CreateAccountAlias(ctx, r.root, &api.CreateAccountAliasRequest{AccountAlias: &alias}))
	}
	if diff := cmp.Diff([]string{"acme-web"}, listed()); diff != "" {
		t.Error(diff)
	}
	_, err := r.DeleteAccountAlias(ctx, r.root, &api.DeleteAccountAliasRequest{AccountAlias: new("acme")})
	refused(t, err, "NoSuchEntity", 404, "")
	ok[awsapi.Empty](t)(r.DeleteAccountAlias(ctx, r.root, &api.DeleteAccountAliasRequest{AccountAlias: new("acme-web")}))
	if diff := cmp.Diff([]string{}, listed()); diff != "" {
		t.Error(diff)
	}
}

func TestTheAccountsInventory(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana", allowAll)
	ok[api.CreateGroupResponse](t)(r.CreateGroup(ctx, r.root, &api.CreateGroupRequest{GroupName: new("devs")}))
	ok[awsapi.Empty](t)(r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{UserName: new("ana"), GroupName: new("devs")}))
	r.role("web", trustEC2)
	ok[awsapi.Empty](t)(r.AttachRolePolicy(ctx, r.root, &api.AttachRolePolicyRequest{RoleName: new("web"), PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")}))
	r.policy("p")

	all := ok[api.GetAccountAuthorizationDetailsResponse](t)(r.GetAccountAuthorizationDetails(ctx, r.root, &api.GetAccountAuthorizationDetailsRequest{}))
	if len(all.UserDetailList) != 1 || len(all.GroupDetailList) != 1 || len(all.RoleDetailList) != 1 || len(all.Policies) != 2 {
		t.Fatalf("%d users, %d groups, %d roles, %d policies", len(all.UserDetailList), len(all.GroupDetailList), len(all.RoleDetailList), len(all.Policies))
	}
	user := all.UserDetailList[0]
	if diff := cmp.Diff([]string{"devs"}, user.GroupList); diff != "" || len(user.UserPolicyList) != 1 || *user.UserPolicyList[0].PolicyDocument != *encoded(allowAll) {
		t.Errorf("the user: %+v", user)
	}
	if p := all.Policies[1]; *p.Arn != "arn:aws:iam::aws:policy/ReadOnlyAccess" || *p.AttachmentCount != 1 || len(p.PolicyVersionList) != 1 {
		t.Errorf("AWS's policy: %s, %d", *p.Arn, *p.AttachmentCount)
	}
	n, in := 0, &api.GetAccountAuthorizationDetailsRequest{MaxItems: new(2)}
	for {
		out := ok[api.GetAccountAuthorizationDetailsResponse](t)(r.GetAccountAuthorizationDetails(ctx, r.root, in))
		n += len(out.UserDetailList) + len(out.GroupDetailList) + len(out.RoleDetailList) + len(out.Policies)
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	if n != 5 {
		t.Errorf("pages of two tell %d things, want 5", n)
	}
	only := ok[api.GetAccountAuthorizationDetailsResponse](t)(r.GetAccountAuthorizationDetails(ctx, r.root, &api.GetAccountAuthorizationDetailsRequest{Filter: []api.EntityType{api.EntityTypeLocalManagedPolicy}}))
	if len(only.UserDetailList)+len(only.RoleDetailList) != 0 || len(only.Policies) != 1 || *only.Policies[0].PolicyName != "p" {
		t.Errorf("only the account's policies: %+v", only)
	}

	summary := ok[api.GetAccountSummaryResponse](t)(r.GetAccountSummary(ctx, r.root, &awsapi.Empty{})).SummaryMap
	for k, want := range map[string]int{"Users": 1, "Groups": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 1, "AccessKeysPerUserQuota": 2, "AccountAccessKeysPresent": 0} {
		if summary[k] != want {
			t.Errorf("%s is %d, want %d", k, summary[k], want)
		}
	}
}

func TestWhatNobodyHas(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana")
	if out := ok[api.ListMFADevicesResponse](t)(r.ListMFADevices(ctx, r.root, &api.ListMFADevicesRequest{UserName: new("ana")})); len(out.MFADevices) != 0 || *out.IsTruncated {
		t.Errorf("devices: %+v", out)
	}
	_, err := r.ListSSHPublicKeys(ctx, r.root, &api.ListSSHPublicKeysRequest{UserName: new("bob")})
	refused(t, err, "NoSuchEntity", 404, "The user with name bob cannot be found.")
	_, err = r.DeleteLoginProfile(ctx, r.root, &api.DeleteLoginProfileRequest{UserName: new("ana")})
	refused(t, err, "NoSuchEntity", 404, "Login Profile for User ana cannot be found.")
	_, err = r.GetAccountPasswordPolicy(ctx, r.root, &awsapi.Empty{})
	refused(t, err, "NoSuchEntity", 404, "The Password Policy with domain name 000000000000 cannot be found.")
}
