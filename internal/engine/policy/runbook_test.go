package policy

import (
	"os"
	"strings"
	"testing"
)

// The policies of the runbook that this project began with: one lets CI push to
// a repository, the other lets it start a new version.
func TestRunbookPoliciesAllowWhatTheySay(t *testing.T) {
	const account = "029479441096"
	read := func(name string) string {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), ":region:xxxxxx:", ":eu-west-1:"+account+":")
	}
	travis := Principal{
		Account: account, ARN: "arn:aws:iam::" + account + ":user/travis",
		UserID: "AIDAEXAMPLEEXAMPLE000", UserName: "travis",
	}
	ecr := func(name string) string { return "arn:aws:ecr:eu-west-1:" + account + ":repository/" + name }
	ecs := func(name string) string { return "arn:aws:ecs:eu-west-1:" + account + ":" + name }
	push := identity(t, read("push.json"))
	deploy := identity(t, read("deploy.json"))
	both := &Policies{Identity: append(append([]Source{}, push.Identity...), deploy.Identity...)}

	for _, c := range []struct {
		name             string
		policies         *Policies
		action, resource string
		want             bool
	}{
		{"token", push, "ecr:GetAuthorizationToken", "*", true},
		{"begin a layer", push, "ecr:InitiateLayerUpload", ecr("wt-demo-app"), true},
		{"a part", push, "ecr:UploadLayerPart", ecr("wt-demo-app"), true},
		{"end a layer", push, "ecr:CompleteLayerUpload", ecr("wt-demo-app"), true},
		{"look for layers", push, "ecr:BatchCheckLayerAvailability", ecr("wt-demo-app"), true},
		{"the image", push, "ecr:PutImage", ecr("wt-demo-app"), true},
		{"another repository", push, "ecr:PutImage", ecr("wt-demo-app2"), false},
		{"another account's", push, "ecr:PutImage", strings.Replace(ecr("wt-demo-app"), account, "000000000000", 1), false},
		{"no pull", push, "ecr:BatchGetImage", ecr("wt-demo-app"), false},
		{"no delete", push, "ecr:BatchDeleteImage", ecr("wt-demo-app"), false},
		{"no deploy", push, "ecs:UpdateService", ecs("service/web/app"), false},
		{"update", deploy, "ecs:UpdateService", ecs("service/shared-docker-cluster-t3/playground-wt-demo-app"), true},
		{"register", deploy, "ecs:RegisterTaskDefinition", ecs("task-definition/playground-wt-demo-app:*"), true},
		{"register on everything", deploy, "ecs:RegisterTaskDefinition", "*", true},
		{"no look", deploy, "ecs:DescribeServices", ecs("service/web/app"), false},
		{"no end", deploy, "ecs:DeleteService", ecs("service/web/app"), false},
		{"no role", deploy, "iam:PassRole", "arn:aws:iam::" + account + ":role/app", false},
		{"both: push", both, "ecr:PutImage", ecr("wt-demo-app"), true},
		{"both: deploy", both, "ecs:UpdateService", ecs("service/web/app"), true},
		{"both: nothing more", both, "iam:CreateUser", "arn:aws:iam::" + account + ":user/eve", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Request{Principal: travis, Need: Need{Action: c.action, Resource: c.resource}}
			if d := Evaluate(c.policies, r); d.Allowed != c.want {
				t.Errorf("%s on %s: %+v %s", c.action, c.resource, d, d.Message(r))
			}
		})
	}
	r := &Request{Principal: travis, Need: Need{Action: "ecs:DescribeServices", Resource: ecs("service/web/app")}}
	const want = "User: arn:aws:iam::029479441096:user/travis is not authorized to perform: ecs:DescribeServices" +
		" on resource: arn:aws:ecs:eu-west-1:029479441096:service/web/app" +
		" because no identity-based policy allows the ecs:DescribeServices action"
	if got := Evaluate(both, r).Message(r); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// parse is Parse for documents that a test writes down.
func parse(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// identity are the policies of somebody who has just these.
func identity(t testing.TB, texts ...string) *Policies {
	t.Helper()
	return &Policies{Identity: sources(t, Identity, texts...)}
}

func sources(t testing.TB, k Kind, texts ...string) []Source {
	t.Helper()
	all := []Source{}
	for i, text := range texts {
		all = append(all, Source{Kind: k, Name: string(rune('a' + i)), Document: parse(t, text)})
	}
	return all
}
