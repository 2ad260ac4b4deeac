package iam

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func (r *rig) role(name, trust string) *api.Role {
	r.t.Helper()
	return ok[api.CreateRoleResponse](r.t)(r.CreateRole(r.t.Context(), r.root, &api.CreateRoleRequest{RoleName: &name, AssumeRolePolicyDocument: &trust})).Role
}

// Each operation tells other parts of a role; Terraform compares them.
func TestARoleAsEachOperationTellsIt(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	tags := []api.Tag{{Key: new("a"), Value: new("1")}}
	made := ok[api.CreateRoleResponse](t)(r.CreateRole(ctx, r.root, &api.CreateRoleRequest{
		RoleName: new("web"), Path: new("/app/"), AssumeRolePolicyDocument: new(trustEC2), Description: new("d"), MaxSessionDuration: new(7200), Tags: tags,
		PermissionsBoundary: new("arn:aws:iam::aws:policy/ReadOnlyAccess"),
	})).Role
	brief := api.Role{
		Arn: new("arn:aws:iam::000000000000:role/app/web"), AssumeRolePolicyDocument: new(strings.ReplaceAll(url.QueryEscape(trustEC2), "+", "%20")),
		CreateDate: r.time, Path: new("/app/"), RoleId: made.RoleId, RoleName: new("web"),
	}
	bounded := &api.AttachedPermissionsBoundary{PermissionsBoundaryArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess"), PermissionsBoundaryType: "PermissionsBoundaryPolicy"}
	want := brief
	want.Tags, want.PermissionsBoundary = tags, bounded
	if diff := cmp.Diff(&want, made); diff != "" {
		t.Errorf("CreateRole: %s", diff)
	}
	want.Description, want.MaxSessionDuration, want.RoleLastUsed = new("d"), new(7200), &api.RoleLastUsed{}
	got := ok[api.GetRoleResponse](t)(r.GetRole(ctx, r.root, &api.GetRoleRequest{RoleName: new("web")})).Role
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("GetRole: %s", diff)
	}
	want = brief
	want.Description, want.MaxSessionDuration = new("d"), new(7200)
	list := ok[api.ListRolesResponse](t)(r.ListRoles(ctx, r.root, &api.ListRolesRequest{}))
	if diff := cmp.Diff([]api.Role{want}, list.Roles); diff != "" {
		t.Errorf("ListRoles: %s", diff)
	}
	ok[api.UpdateRoleResponse](t)(r.UpdateRole(ctx, r.root, &api.UpdateRoleRequest{RoleName: new("web")}))
	if got := ok[api.GetRoleResponse](t)(r.GetRole(ctx, r.root, &api.GetRoleRequest{RoleName: new("web")})).Role; *got.Description != "d" || *got.MaxSessionDuration != 7200 {
		t.Error("an update of nothing changed something")
	}
	_, err := r.CreateRole(ctx, r.root, &api.CreateRoleRequest{RoleName: new("WEB"), AssumeRolePolicyDocument: new(trustEC2)})
	refused(t, err, "EntityAlreadyExists", 409, "Role with name WEB already exists.")
}

func TestTrustPoliciesThatAreRefused(t *testing.T) {
	r := newRig(t)
	trust := func(principal string) string {
		return strings.Replace(trustEC2, `{"Service":"ec2.amazonaws.com"}`, principal, 1)
	}
	for _, tt := range []struct{ document, code, message string }{
		{"{", "MalformedPolicyDocument", "This policy contains invalid Json"},
		{strings.Replace(trustEC2, "sts:AssumeRole", "s3:GetObject", 1), "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."},
		{strings.Replace(trustEC2, `"Action"`, `"Resource":"*","Action"`, 1), "MalformedPolicyDocument", "Has prohibited field Resource"},
		{trust(`{"AWS":"arn:aws:iam::000000000000:user/nobody"}`), "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:user/nobody"`},
		{trust(`{"AWS":["` + strings.Repeat(`111111111111","`, 200) + `222222222222"]}`), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"},
	} {
		_, err := r.CreateRole(t.Context(), r.root, &api.CreateRoleRequest{RoleName: new("web"), AssumeRolePolicyDocument: &tt.document})
		status := 400
		if tt.code == "LimitExceeded" {
			status = 409
		}
		refused(t, err, tt.code, status, tt.message)
	}
	r.role("web", trust(`{"AWS":["arn:aws:iam::111111111111:user/of-another-account","arn:aws:iam::000000000000:root"]}`))
	_, err := r.UpdateAssumeRolePolicy(t.Context(), r.root, &api.UpdateAssumeRolePolicyRequest{RoleName: new("web"), PolicyDocument: new("{")})
	refused(t, err, "MalformedPolicyDocument", 400, "This policy contains invalid Json")
}

// A trust policy means the user that bore the name when it was stored: it goes
// with him when he is renamed, and does not pass to another of his name.
func TestATrustPolicyMeansTheUserAndNotTheName(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana")
	r.role("web", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000000:user/ana"]},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::000000000000:user/ana"}}}]}`)
	shown := func() (principal, condition string) {
		got := ok[api.GetRoleResponse](t)(r.GetRole(ctx, r.root, &api.GetRoleRequest{RoleName: new("web")})).Role
		text, err := url.PathUnescape(*got.AssumeRolePolicyDocument)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Statement []struct {
				Principal struct{ AWS []string }
				Condition map[string]map[string]string
			}
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		return doc.Statement[0].Principal.AWS[0], doc.Statement[0].Condition["StringEquals"]["aws:PrincipalArn"]
	}
	id := r.caller("ana").UserID
	ok[awsapi.Empty](t)(r.UpdateUser(ctx, r.root, &api.UpdateUserRequest{UserName: new("ana"), NewUserName: new("eve")}))
	if p, c := shown(); p != "arn:aws:iam::000000000000:user/eve" || c != "arn:aws:iam::000000000000:user/ana" {
		t.Errorf("after a renaming it names %s, its condition %s", p, c)
	}
	ok[awsapi.Empty](t)(r.DeleteUser(ctx, r.root, &api.DeleteUserRequest{UserName: new("eve")}))
	r.user("ana")
	if p, _ := shown(); p != id {
		t.Errorf("after the user's deletion it names %s, want %s", p, id)
	}
}

func TestRoleTrusts(t *testing.T) {
	r := newRig(t)
	arn := *r.role("web", trustEC2).Arn
	tx := r.env.Store.View()
	for _, tt := range []struct {
		arn, service string
		want         bool
	}{
		{arn, "ec2.amazonaws.com", true},
		{arn, "ecs-tasks.amazonaws.com", false},
		{arn + "x", "ec2.amazonaws.com", false},
	} {
		if got := r.RoleTrusts(tx, tt.arn, tt.service); got != tt.want {
			t.Errorf("%s trusts %s: %v", tt.arn, tt.service, got)
		}
	}
}

func TestInstanceProfiles(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	role := r.role("web", trustEC2)
	made := ok[api.CreateInstanceProfileResponse](t)(r.CreateInstanceProfile(ctx, r.root, &api.CreateInstanceProfileRequest{InstanceProfileName: new("ip")})).InstanceProfile
	want := &api.InstanceProfile{
		Arn: new("arn:aws:iam::000000000000:instance-profile/ip"), CreateDate: r.time, InstanceProfileId: made.InstanceProfileId, InstanceProfileName: new("ip"), Path: new("/"), Roles: []api.Role{},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("created: %s", diff)
	}
	add := func(profile, role string) error {
		_, err := r.AddRoleToInstanceProfile(ctx, r.root, &api.AddRoleToInstanceProfileRequest{InstanceProfileName: &profile, RoleName: &role})
		return err
	}
	remove := func(role string) error {
		_, err := r.RemoveRoleFromInstanceProfile(ctx, r.root, &api.RemoveRoleFromInstanceProfileRequest{InstanceProfileName: new("ip"), RoleName: &role})
		return err
	}
	refused(t, add("nothing", "web"), "NoSuchEntity", 404, "Instance Profile nothing cannot be found.")
	refused(t, add("ip", "nobody"), "NoSuchEntity", 404, "The role with name nobody cannot be found.")
	refused(t, remove("web"), "NoSuchEntity", 404, "Role web in Instance Profile ip cannot be found.")
	if err := add("IP", "Web"); err != nil {
		t.Fatal(err)
	}
	refused(t, add("ip", "web"), "LimitExceeded", 409, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	want.Roles, want.Tags = []api.Role{*role}, []api.Tag{}
	got := ok[api.GetInstanceProfileResponse](t)(r.GetInstanceProfile(ctx, r.root, &api.GetInstanceProfileRequest{InstanceProfileName: new("ip")})).InstanceProfile
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told: %s", diff)
	}
	if list := ok[api.ListInstanceProfilesForRoleResponse](t)(r.ListInstanceProfilesForRole(ctx, r.root, &api.ListInstanceProfilesForRoleRequest{RoleName: new("web")})).InstanceProfiles; len(list) != 1 {
		t.Errorf("the role is in %d profiles", len(list))
	}
	for _, name := range []string{"ip", "arn:aws:iam::000000000000:instance-profile/ip"} {
		if p, arn, ok := ProfileRole(r.env.Store.View(), state.Scope{Account: testAccount, Region: "eu-west-1"}, name); !ok || p.Name != "ip" || arn != *role.Arn {
			t.Errorf("the role of %s is %s, %v", name, arn, ok)
		}
	}
	_, err := r.DeleteRole(ctx, r.root, &api.DeleteRoleRequest{RoleName: new("web")})
	refused(t, err, "DeleteConflict", 409, "Cannot delete entity, must remove roles from instance profile first.")
	_, err = r.DeleteInstanceProfile(ctx, r.root, &api.DeleteInstanceProfileRequest{InstanceProfileName: new("ip")})
	refused(t, err, "DeleteConflict", 409, "Cannot delete entity, must remove roles from instance profile first.")
	if err := remove("web"); err != nil {
		t.Fatal(err)
	}
	ok[awsapi.Empty](t)(r.DeleteInstanceProfile(ctx, r.root, &api.DeleteInstanceProfileRequest{InstanceProfileName: new("ip")}))
}

func TestServiceLinkedRoles(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	create := func(service string, suffix *string) (*api.CreateServiceLinkedRoleResponse, error) {
		return r.CreateServiceLinkedRole(ctx, r.root, &api.CreateServiceLinkedRoleRequest{AWSServiceName: &service, CustomSuffix: suffix})
	}
	made := ok[api.CreateServiceLinkedRoleResponse](t)(create("ecs.amazonaws.com", nil)).Role
	if *made.Arn != "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS" {
		t.Errorf("made %s", *made.Arn)
	}
	attached := ok[api.ListAttachedRolePoliciesResponse](t)(r.ListAttachedRolePolicies(ctx, r.root, &api.ListAttachedRolePoliciesRequest{RoleName: made.RoleName})).AttachedPolicies
	if len(attached) != 1 || *attached[0].PolicyArn != "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy" {
		t.Errorf("it has %v", attached)
	}
	_, err := create("ecs.amazonaws.com", nil)
	refused(t, err, "InvalidInput", 400, "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.")
	_, err = create("ecs.amazonaws.com", new("x"))
	refused(t, err, "InvalidInput", 400, "Custom suffix is not allowed for ecs.amazonaws.com")
	if got := *ok[api.CreateServiceLinkedRoleResponse](t)(create("autoscaling.amazonaws.com", new("x"))).Role.RoleName; got != "AWSServiceRoleForAutoScaling_x" {
		t.Errorf("with a suffix it is called %s", got)
	}
	const locked = "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by AWS"
	_, err = r.DeleteRole(ctx, r.root, &api.DeleteRoleRequest{RoleName: made.RoleName})
	refused(t, err, "UnmodifiableEntity", 400, locked)
	_, err = r.PutRolePolicy(ctx, r.root, &api.PutRolePolicyRequest{RoleName: made.RoleName, PolicyName: new("p"), PolicyDocument: new(allowAll)})
	refused(t, err, "UnmodifiableEntity", 400, locked)
	_, err = r.UpdateAssumeRolePolicy(ctx, r.root, &api.UpdateAssumeRolePolicyRequest{RoleName: made.RoleName, PolicyDocument: new(trustEC2)})
	refused(t, err, "UnmodifiableEntity", 400, locked)
	ok[api.UpdateRoleResponse](t)(r.UpdateRole(ctx, r.root, &api.UpdateRoleRequest{RoleName: made.RoleName, Description: new("mine")}))

	if !r.RoleTrusts(r.env.Store.View(), *made.Arn, "ecs.amazonaws.com") {
		t.Error("the role does not trust its service")
	}
}

func TestAServiceLinkedRoleStaysAsLongAsItIsNeeded(t *testing.T) {
	r := newRig(t)
	ctx, scope := t.Context(), state.Scope{Account: testAccount, Region: "eu-west-1"}
	const cluster = "arn:aws:ecs:eu-west-1:000000000000:cluster/web"
	update := func(fn func(tx *state.Tx)) {
		t.Helper()
		if err := r.env.Store.Update(func(tx *state.Tx) error { fn(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *state.Tx) {
		first := r.EnsureLinkedRole(tx, scope, "ecs.amazonaws.com")
		if again := r.EnsureLinkedRole(tx, scope, "ecs.amazonaws.com"); again != first {
			t.Error("the role was made twice")
		}
		UseLinkedRole(tx, scope, "ecs.amazonaws.com", cluster)
	})
	got := ok[api.GetRoleResponse](t)(r.GetRole(ctx, r.root, &api.GetRoleRequest{RoleName: new("AWSServiceRoleForECS")})).Role
	if *got.Description != "Role to enable Amazon ECS to manage your cluster." {
		t.Errorf("description %q", *got.Description)
	}
	try := func() *api.GetServiceLinkedRoleDeletionStatusResponse {
		task := ok[api.DeleteServiceLinkedRoleResponse](t)(r.DeleteServiceLinkedRole(ctx, r.root, &api.DeleteServiceLinkedRoleRequest{RoleName: new("AWSServiceRoleForECS")})).DeletionTaskId
		return ok[api.GetServiceLinkedRoleDeletionStatusResponse](t)(r.GetServiceLinkedRoleDeletionStatus(ctx, r.root, &api.GetServiceLinkedRoleDeletionStatusRequest{DeletionTaskId: task}))
	}
	status := try()
	if status.Status != api.DeletionTaskStatusTypeFailed || cmp.Diff([]api.RoleUsageType{{Region: new("eu-west-1"), Resources: []string{cluster}}}, status.Reason.RoleUsageList) != "" {
		t.Errorf("while it is needed: %+v", status)
	}
	update(func(tx *state.Tx) { ReleaseLinkedRole(tx, scope, "ecs.amazonaws.com", cluster) })
	if status := try(); status.Status != api.DeletionTaskStatusTypeSucceeded {
		t.Errorf("when it is not: %+v", status)
	}
	_, err := r.GetRole(ctx, r.root, &api.GetRoleRequest{RoleName: new("AWSServiceRoleForECS")})
	refused(t, err, "NoSuchEntity", 404, "The role with name AWSServiceRoleForECS cannot be found.")
}

func TestLastUse(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana")
	k := ok[api.CreateAccessKeyResponse](t)(r.CreateAccessKey(ctx, r.root, &api.CreateAccessKeyRequest{UserName: new("ana")})).AccessKey
	last := func() *api.AccessKeyLastUsed {
		return ok[api.GetAccessKeyLastUsedResponse](t)(r.GetAccessKeyLastUsed(ctx, r.root, &api.GetAccessKeyLastUsedRequest{AccessKeyId: k.AccessKeyId})).AccessKeyLastUsed
	}
	if diff := cmp.Diff(&api.AccessKeyLastUsed{Region: new("N/A"), ServiceName: new("N/A")}, last()); diff != "" {
		t.Errorf("unused: %s", diff)
	}
	r.Used(*k.AccessKeyId, "ecs", "eu-west-1")
	first := *r.time
	if diff := cmp.Diff(&api.AccessKeyLastUsed{LastUsedDate: &first, Region: new("eu-west-1"), ServiceName: new("ecs")}, last()); diff != "" {
		t.Errorf("used: %s", diff)
	}
	// It is written once a minute, however often the key is used.
	writes := 0
	for range 180 {
		*r.time = r.time.Add(time.Second)
		r.Used(*k.AccessKeyId, "ecs", "eu-west-1")
		list := r.used.take(false)
		writes += len(list)
		if err := r.write(list); err != nil {
			t.Fatal(err)
		}
	}
	if writes != 4 {
		t.Errorf("three minutes of use are written down %d times, want 4", writes)
	}
	if row, ok := uses.Get(r.env.Store.View(), everywhere, *k.AccessKeyId); !ok || row.At.Sub(first) != 3*time.Minute {
		t.Errorf("written down: %+v", row)
	}

	role := r.role("web", trustEC2)
	issued := r.issue(t, *role.Arn, time.Hour)
	r.Key(issued.AccessKeyID)
	r.Used(issued.AccessKeyID, "ecr", "us-east-1")
	got := ok[api.GetRoleResponse](t)(r.GetRole(ctx, r.root, &api.GetRoleRequest{RoleName: new("web")})).Role.RoleLastUsed
	if diff := cmp.Diff(&api.RoleLastUsed{LastUsedDate: r.time, Region: new("us-east-1")}, got); diff != "" {
		t.Errorf("the role: %s", diff)
	}
	// Nothing is kept of what is gone.
	if err := r.write([]use{{ID: "AKIAGONE", At: *r.time}}); err != nil {
		t.Fatal(err)
	}
	if uses.Has(r.env.Store.View(), everywhere, "AKIAGONE") {
		t.Error("the use of a deleted key is kept")
	}
}
