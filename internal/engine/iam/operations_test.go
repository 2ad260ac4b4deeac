package iam

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func TestOperationsAreTheModels(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range newRig(t).Operations() {
		if seen[op.Name] {
			t.Errorf("%s is bound twice", op.Name)
		}
		seen[op.Name] = true
		model, ok := api.API.Operation(op.Name)
		if !ok {
			t.Errorf("the model has no operation %s", op.Name)
			continue
		}
		if op.In != model.In || op.Out != model.Out {
			t.Errorf("%s is bound to %v and %v, the model's are %v and %v", op.Name, op.In, op.Out, model.In, model.Out)
		}
	}
}

// Every operation needs the action of its name, whatever exists.
func TestEveryOperationNeedsItsAction(t *testing.T) {
	r := newRig(t)
	ana := r.user("ana")
	for _, op := range r.Operations() {
		in := reflect.New(op.In)
		for i := range op.In.NumField() {
			if f := in.Elem().Field(i); f.Type() == reflect.TypeFor[*string]() {
				f.Set(reflect.ValueOf(new("arn:aws:iam::000000000000:policy/some")))
			}
		}
		for _, c := range []*operation.Caller{r.root, ana} {
			needs := op.Needs(r.env.Store.View(), c, in.Interface())
			if len(needs) == 0 || needs[0].Action != "iam:"+op.Name || needs[0].Resource == "" {
				t.Errorf("%s needs %+v", op.Name, needs)
			}
		}
	}
}

// needsOf is what an operation needs.
func (r *rig) needsOf(c *operation.Caller, name string, in any) []operation.Need {
	r.t.Helper()
	op, err := operation.Named(r.Operations(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	return op.Needs(r.env.Store.View(), c, in)
}

func TestNeeds(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	const account = "arn:aws:iam::000000000000:"
	boundary := ok[api.CreatePolicyResponse](t)(r.CreatePolicy(ctx, r.root, &api.CreatePolicyRequest{PolicyName: new("b"), PolicyDocument: new(allowAll)})).Policy.Arn
	ok[api.CreateUserResponse](t)(r.CreateUser(ctx, r.root, &api.CreateUserRequest{UserName: new("Ana"), Path: new("/ci/"), PermissionsBoundary: boundary, Tags: []api.Tag{{Key: new("team"), Value: new("web")}}}))
	ok[api.CreateRoleResponse](t)(r.CreateRole(ctx, r.root, &api.CreateRoleRequest{RoleName: new("web"), Path: new("/app/"), AssumeRolePolicyDocument: new(trustEC2)}))
	ana := r.caller("ana")
	ofAna := map[string][]string{"aws:ResourceTag/team": {"web"}, "iam:ResourceTag/team": {"web"}, "iam:PermissionsBoundary": {*boundary}}
	plus := func(kv ...string) map[string][]string {
		keys := map[string][]string{}
		for k, v := range ofAna {
			keys[k] = v
		}
		for i := 0; i < len(kv); i += 2 {
			keys[kv[i]] = []string{kv[i+1]}
		}
		return keys
	}
	none := map[string][]string{}
	for _, tt := range []struct {
		name string
		in   any
		want []operation.Need
	}{
		{"GetUser", &api.GetUserRequest{}, []operation.Need{{Action: "iam:GetUser", Resource: account + "user/ci/Ana", Keys: ofAna}}},
		{"GetUser", &api.GetUserRequest{UserName: new("bob")}, []operation.Need{{Action: "iam:GetUser", Resource: account + "user/bob", Keys: none}}},
		{"ListUsers", &api.ListUsersRequest{PathPrefix: new("/ci/")}, []operation.Need{{Action: "iam:ListUsers", Resource: account + "user/ci/", Keys: none}}},
		{"ListPolicies", &api.ListPoliciesRequest{}, []operation.Need{{Action: "iam:ListPolicies", Resource: "policy path /", Keys: none}}},
		{"CreateUser", &api.CreateUserRequest{UserName: new("bob"), Path: new("/x/"), PermissionsBoundary: boundary, Tags: []api.Tag{{Key: new("a"), Value: new("1")}}},
			[]operation.Need{{Action: "iam:CreateUser", Resource: account + "user/x/bob", Keys: map[string][]string{
				"aws:RequestTag/a": {"1"}, "aws:TagKeys": {"a"}, "iam:PermissionsBoundary": {*boundary}}},
				{Action: "iam:TagUser", Resource: account + "user/x/bob", Keys: map[string][]string{"aws:RequestTag/a": {"1"}, "aws:TagKeys": {"a"}}}}},
		{"AttachUserPolicy", &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: boundary},
			[]operation.Need{{Action: "iam:AttachUserPolicy", Resource: account + "user/ci/Ana", Keys: plus("iam:PolicyARN", *boundary)}}},
		{"PutUserPermissionsBoundary", &api.PutUserPermissionsBoundaryRequest{UserName: new("ana"), PermissionsBoundary: new("arn:aws:iam::aws:policy/ReadOnlyAccess")},
			[]operation.Need{{Action: "iam:PutUserPermissionsBoundary", Resource: account + "user/ci/Ana", Keys: plus("iam:PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")}}},
		{"UpdateUser", &api.UpdateUserRequest{UserName: new("ana"), NewUserName: new("eve")},
			[]operation.Need{{Action: "iam:UpdateUser", Resource: account + "user/ci/Ana", Keys: ofAna}, {Action: "iam:UpdateUser", Resource: account + "user/ci/eve", Keys: ofAna}}},
		{"UntagUser", &api.UntagUserRequest{UserName: new("ana"), TagKeys: []string{"b", "a"}},
			[]operation.Need{{Action: "iam:UntagUser", Resource: account + "user/ci/Ana", Keys: map[string][]string{
				"aws:ResourceTag/team": {"web"}, "iam:ResourceTag/team": {"web"}, "iam:PermissionsBoundary": {*boundary}, "aws:TagKeys": {"a", "b"}}}}},
		{"AddRoleToInstanceProfile", &api.AddRoleToInstanceProfileRequest{InstanceProfileName: new("ip"), RoleName: new("web")},
			[]operation.Need{{Action: "iam:AddRoleToInstanceProfile", Resource: account + "instance-profile/ip", Keys: none},
				{Action: "iam:PassRole", Resource: account + "role/app/web", Keys: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}}}},
		{"CreateServiceLinkedRole", &api.CreateServiceLinkedRoleRequest{AWSServiceName: new("ecs.amazonaws.com")},
			[]operation.Need{{Action: "iam:CreateServiceLinkedRole", Resource: account + "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
				Keys: map[string][]string{"iam:AWSServiceName": {"ecs.amazonaws.com"}}}}},
		{"GetServiceLinkedRoleDeletionStatus", &api.GetServiceLinkedRoleDeletionStatusRequest{DeletionTaskId: new("task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/1-2")},
			[]operation.Need{{Action: "iam:GetServiceLinkedRoleDeletionStatus", Resource: account + "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", Keys: none}}},
		{"CreateOpenIDConnectProvider", &api.CreateOpenIDConnectProviderRequest{Url: new("https://gitlab.com/x")},
			[]operation.Need{{Action: "iam:CreateOpenIDConnectProvider", Resource: account + "oidc-provider/gitlab.com/x", Keys: none}}},
		{"GetPolicy", &api.GetPolicyRequest{PolicyArn: boundary}, []operation.Need{{Action: "iam:GetPolicy", Resource: *boundary, Keys: none}}},
	} {
		if diff := cmp.Diff(tt.want, r.needsOf(ana, tt.name, tt.in)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// What the engine does not serve is named in docs/coverage.md; what it serves
// must not shrink unnoticed.
func TestWhatIsNotServed(t *testing.T) {
	served := map[string]bool{}
	for _, op := range newRig(t).Operations() {
		served[op.Name] = true
	}
	for _, family := range [][]string{
		{"CreateUser", "CreateAccessKey", "CreateGroup", "CreateRole", "CreateInstanceProfile", "CreatePolicy", "CreateServiceLinkedRole", "CreateOpenIDConnectProvider"},
		{"SimulatePrincipalPolicy", "SimulateCustomPolicy", "GetContextKeysForCustomPolicy", "GetContextKeysForPrincipalPolicy"},
		{"GetAccountSummary", "GetAccountAuthorizationDetails", "CreateAccountAlias", "ListEntitiesForPolicy"},
	} {
		for _, name := range family {
			if !served[name] {
				t.Errorf("%s is not served", name)
			}
		}
	}
	for _, name := range []string{"CreateLoginProfile", "CreateVirtualMFADevice", "UploadSSHPublicKey", "CreateSAMLProvider", "UploadServerCertificate"} {
		if served[name] || !slices.Contains(api.API.Names, name) {
			t.Errorf("%s: nobody logs into the engine", name)
		}
	}
}
