package iam

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
)

const conditional = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "ecs:*", "Resource": "*", "Condition": {"StringEquals": {"ecs:cluster": "web"}}},
    {"Effect": "Deny", "Action": "ecs:DeleteCluster", "Resource": "*"}
  ]
}`

func TestSimulatingAPrincipal(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana", conditional)
	ok[api.CreateGroupResponse](t)(r.CreateGroup(ctx, r.root, &api.CreateGroupRequest{GroupName: new("devs")}))
	ok[awsapi.Empty](t)(r.AttachGroupPolicy(ctx, r.root, &api.AttachGroupPolicyRequest{GroupName: new("devs"), PolicyArn: new("arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess")}))
	ok[awsapi.Empty](t)(r.AddUserToGroup(ctx, r.root, &api.AddUserToGroupRequest{UserName: new("ana"), GroupName: new("devs")}))
	simulate := func(in *api.SimulatePrincipalPolicyRequest) []api.EvaluationResult {
		t.Helper()
		in.PolicySourceArn = new("arn:aws:iam::000000000000:user/ana")
		return ok[api.SimulatePolicyResponse](t)(r.SimulatePrincipalPolicy(ctx, r.root, in)).EvaluationResults
	}
	web := []api.ContextEntry{{ContextKeyName: new("ecs:cluster"), ContextKeyType: api.ContextKeyTypeEnumString, ContextKeyValues: []string{"web"}}}
	got := simulate(&api.SimulatePrincipalPolicyRequest{ActionNames: []string{"ecs:ListTasks", "ssm:GetParameter"}, ContextEntries: web})
	want := []api.EvaluationResult{
		{EvalActionName: new("ecs:ListTasks"), EvalResourceName: new("*"), EvalDecision: "allowed", MissingContextValues: []string{}, MatchedStatements: []api.Statement{{
			SourcePolicyId: new("pa"), SourcePolicyType: api.PolicySourceTypeUser,
			StartPosition: &api.Position{Line: new(4), Column: new(5)}, EndPosition: &api.Position{Line: new(4), Column: new(115)},
		}}},
		{EvalActionName: new("ssm:GetParameter"), EvalResourceName: new("*"), EvalDecision: "allowed", MissingContextValues: []string{}, MatchedStatements: []api.Statement{{
			SourcePolicyId: new("AmazonSSMReadOnlyAccess"), SourcePolicyType: api.PolicySourceTypeAwsManaged,
			StartPosition: got[1].MatchedStatements[0].StartPosition, EndPosition: got[1].MatchedStatements[0].EndPosition,
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	decisions := func(results []api.EvaluationResult) (list []string) {
		for _, e := range results {
			list = append(list, *e.EvalActionName+" "+string(e.EvalDecision))
		}
		return list
	}
	got = simulate(&api.SimulatePrincipalPolicyRequest{ActionNames: []string{"ecs:ListTasks", "ecs:DeleteCluster", "s3:GetObject"}})
	if diff := cmp.Diff([]string{"ecs:ListTasks implicitDeny", "ecs:DeleteCluster explicitDeny", "s3:GetObject implicitDeny"}, decisions(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ecs:cluster"}, got[0].MissingContextValues); diff != "" {
		t.Errorf("missing keys: %s", diff)
	}
	// A further policy helps, a boundary narrows.
	more := &api.SimulatePrincipalPolicyRequest{ActionNames: []string{"s3:GetObject"}, PolicyInputList: []string{allowAll}, ResourceArns: []string{"arn:aws:s3:::b/a", "arn:aws:s3:::b/b"}}
	got = simulate(more)
	if diff := cmp.Diff([]string{"s3:GetObject allowed", "s3:GetObject allowed"}, decisions(got)); diff != "" {
		t.Error(diff)
	}
	if len(got[1].ResourceSpecificResults) != 1 || *got[1].ResourceSpecificResults[0].EvalResourceName != "arn:aws:s3:::b/b" {
		t.Errorf("for each resource: %+v", got[1].ResourceSpecificResults)
	}
	more.PermissionsBoundaryPolicyInputList = []string{conditional}
	got = simulate(more)
	if got[0].EvalDecision != "implicitDeny" || *got[0].PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("within a boundary: %+v", got[0])
	}
	_, err := r.SimulatePrincipalPolicy(ctx, r.root, &api.SimulatePrincipalPolicyRequest{PolicySourceArn: new("arn:aws:iam::000000000000:user/bob"), ActionNames: []string{"s3:GetObject"}})
	refused(t, err, "NoSuchEntity", 404, "The user with name bob cannot be found.")
	_, err = r.SimulatePrincipalPolicy(ctx, r.root, &api.SimulatePrincipalPolicyRequest{PolicySourceArn: new("arn:aws:iam::000000000000:policy/bob"), ActionNames: []string{"s3:GetObject"}})
	refused(t, err, "InvalidInput", 400, "")
}

func TestSimulatingPolicies(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	in := &api.SimulateCustomPolicyRequest{PolicyInputList: []string{allowAll}, ActionNames: []string{"ecr:PutImage"}, ResourceArns: []string{"arn:aws:ecr:eu-west-1:111111111111:repository/x"}}
	decide := func() api.EvaluationResult {
		t.Helper()
		return ok[api.SimulatePolicyResponse](t)(r.SimulateCustomPolicy(ctx, r.root, in)).EvaluationResults[0]
	}
	if got := decide(); got.EvalDecision != "allowed" || *got.MatchedStatements[0].SourcePolicyId != "PolicyInputList.1" {
		t.Errorf("another account's resource without a policy: %+v", got)
	}
	in.ResourcePolicy, in.CallerArn = new(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:user/ana"},"Action":"ecr:*"}}`), new("arn:aws:iam::000000000000:user/ana")
	if got := decide(); got.EvalDecision != "explicitDeny" {
		t.Errorf("the resource's policy denies, the decision is %s", got.EvalDecision)
	}
	in.PolicyInputList = []string{"{"}
	_, err := r.SimulateCustomPolicy(ctx, r.root, in)
	refused(t, err, "InvalidInput", 400, "")

	keys := ok[api.GetContextKeysForPolicyResponse](t)(r.GetContextKeysForCustomPolicy(ctx, r.root, &api.GetContextKeysForCustomPolicyRequest{
		PolicyInputList: []string{conditional, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}"}}`},
	})).ContextKeyNames
	if diff := cmp.Diff([]string{"aws:username", "ecs:cluster"}, keys); diff != "" {
		t.Error(diff)
	}
}
