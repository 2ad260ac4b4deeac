package iam

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
)

// The two policies that the runbook gives to the user travis, attached as it
// says, allow exactly what they say.
func TestTheRunbooksPoliciesAllowWhatTheySayAndNothingMore(t *testing.T) {
	r := newRig(t)
	travis := r.user("travis")
	for _, name := range []string{"push", "deploy"} {
		text, err := os.ReadFile("testdata/runbook-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		document := strings.ReplaceAll(string(text), ":region:xxxxxx:", ":eu-west-1:"+testAccount+":")
		p := ok[api.CreatePolicyResponse](t)(r.CreatePolicy(t.Context(), r.root, &api.CreatePolicyRequest{PolicyName: new("travis-" + name), PolicyDocument: &document}))
		ok[awsapi.Empty](t)(r.AttachUserPolicy(t.Context(), r.root, &api.AttachUserPolicyRequest{UserName: new("travis"), PolicyArn: p.Policy.Arn}))
	}
	repository := "arn:aws:ecr:eu-west-1:" + testAccount + ":repository/wt-demo-app"
	service := "arn:aws:ecs:eu-west-1:" + testAccount + ":service/shared-docker-cluster-t3/playground-wt-demo-app"
	family := "arn:aws:ecs:eu-west-1:" + testAccount + ":task-definition/playground-wt-demo-app:*"

	allowed := map[string]string{
		"ecr:CompleteLayerUpload":         repository,
		"ecr:UploadLayerPart":             repository,
		"ecr:InitiateLayerUpload":         repository,
		"ecr:BatchCheckLayerAvailability": repository,
		"ecr:PutImage":                    repository,
		"ecr:GetAuthorizationToken":       "*",
		"ecs:UpdateService":               service,
		"ecs:RegisterTaskDefinition":      family,
	}
	for action, resource := range allowed {
		if !r.may(travis, action, resource) {
			t.Errorf("%s on %s is refused", action, resource)
		}
	}

	// Every action of every service's model on what the runbook names, on
	// something else of the kind, and on everything.
	others := []string{"*", repository, repository + "-2", "arn:aws:ecr:us-east-1:" + testAccount + ":repository/wt-demo-app", service, family}
	checked := 0
	for prefix, names := range modelActions() {
		for _, name := range names {
			action := prefix + ":" + name
			for _, resource := range others {
				checked++
				want := allowed[action] != "" && (allowed[action] == resource || allowed[action] == "*" || prefix == "ecs")
				if got := r.may(travis, action, resource); got != want {
					t.Errorf("%s on %s: allowed %v, want %v", action, resource, got, want)
				}
			}
		}
	}
	if checked < 3000 {
		t.Errorf("only %d pairs were checked", checked)
	}
}
