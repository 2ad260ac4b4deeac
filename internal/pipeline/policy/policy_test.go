package policy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func stack(t *testing.T, name string) *slipway.Stack {
	t.Helper()
	s, err := config.Load("../../config/testdata/good/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func scopes(s *slipway.Stack) []Scope {
	var list []Scope
	for i := range s.Environments {
		list = append(list, Scope{Account: "029479441096", Region: "eu-west-1", Env: &s.Environments[i]})
	}
	return list
}

// unbound are actions that the Service Authorization Reference gives no resource
// type, or that read a whole registry.
var unbound = regexp.MustCompile(`^(ec2:Describe|elasticloadbalancing:Describe|autoscaling:Describe|application-autoscaling:Describe|acm:ListCertificates|ssm:DescribeParameters|ecr:GetAuthorizationToken|ecs:DescribeTaskDefinition|ecs:ListTaskDefinitions|ecs:ListServices|route53:ListHostedZones|cloudwatch:GetMetricData|events:ListRules|sts:GetCallerIdentity)`)

// What is true of the policies of each command in each file.
func TestEveryPolicyIsBound(t *testing.T) {
	sid := regexp.MustCompile(`^[A-Za-z0-9]+$`)
	for _, file := range []string{"seed", "own", "several", "small", "worker"} {
		for _, scope := range scopes(stack(t, file)) {
			for _, command := range Commands() {
				d, err := For([]string{command}, scope)
				if err != nil {
					t.Fatal(err)
				}
				if len(d.Statement) == 0 {
					t.Errorf("%s %s %s: IAM takes no policy without a statement", file, scope.Env.Name, command)
				}
				for _, s := range d.Statement {
					where := fmt.Sprintf("%s %s %s %s", file, scope.Env.Name, command, s.Sid)
					if !sid.MatchString(s.Sid) {
						t.Errorf("%s: IAM does not take this Sid", where)
					}
					for _, a := range s.Action {
						if strings.Contains(a, "*") || slices.Contains(s.Resource, "*") && !unbound.MatchString(a) {
							t.Errorf("%s: %s on %v", where, a, s.Resource)
						}
						if a == "iam:PassRole" && len(s.Condition["StringEquals"]["iam:PassedToService"]) != 1 {
							t.Errorf("%s: a role is passed to whom? %v", where, s.Condition)
						}
					}
					if slices.Contains(s.Resource, "*") && s.Why == "" {
						t.Errorf("%s: * without a reason", where)
					}
				}
				if command == Deploy && strings.Contains(d.JSON(), "iam:PutRolePolicy") {
					t.Errorf("%s %s: a pipeline may write roles", file, scope.Env.Name)
				}
			}
		}
	}
}

func TestThePushPolicyOfTheSeed(t *testing.T) {
	d, err := For([]string{Push}, scopes(stack(t, "seed"))...)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ecr:GetAuthorizationToken on * (the password is the whole registry's)",
		"ecr:BatchCheckLayerAvailability, CompleteLayerUpload, InitiateLayerUpload, PutImage, UploadLayerPart on repository/wt-demo-app",
		"ecr:BatchGetImage, DescribeImages, DescribeRepositories, GetDownloadUrlForLayer on repository/wt-demo-app",
	}
	if diff := cmp.Diff(want, d.Lines()); diff != "" {
		t.Error(diff)
	}
}

func TestWhomRolesTrust(t *testing.T) {
	s := stack(t, "seed")
	scope := scopes(s)[0]
	scope.Env.Branch = "release/playground"
	for _, tt := range []struct {
		service, url, host, repository, step string
		want                                 []string
	}{
		{"github", "", "github.com", "windingtree/wt-demo-app", Push, []string{"repo:windingtree/wt-demo-app:ref:refs/tags/*", "repo:windingtree@*/wt-demo-app@*:ref:refs/tags/*"}},
		{"github", "", "github.com", "windingtree/wt-demo-app", Deploy, []string{"repo:windingtree/wt-demo-app:ref:refs/heads/release/playground", "repo:windingtree@*/wt-demo-app@*:ref:refs/heads/release/playground"}},
		{"github", "", "", "windingtree@12/wt-demo-app@34", Deploy, []string{"repo:windingtree@12/wt-demo-app@34:ref:refs/heads/release/playground"}},
		{"gitlab", "", "git.example.com", "a/b/c", Push, []string{"project_path:a/b/c:ref_type:tag:ref:*"}},
		{"gitlab", "https://id.example.com/", "git.example.com", "a/b", Deploy, []string{"project_path:a/b:ref_type:branch:ref:release/playground"}},
	} {
		i, err := NewIssuer(tt.service, tt.url, tt.host, tt.repository)
		if err != nil {
			t.Fatal(err)
		}
		var trust struct {
			Statement []struct {
				Principal map[string]string
				Condition Condition
			}
		}
		if err := json.Unmarshal([]byte(i.Trust(scope, tt.step)), &trust); err != nil {
			t.Fatal(err)
		}
		c := trust.Statement[0].Condition
		if diff := cmp.Diff(tt.want, c["StringLike"][i.Host()+":sub"]); diff != "" {
			t.Errorf("%+v: %s", tt, diff)
		}
		if aud := c["StringEquals"][i.Host()+":aud"]; len(aud) != 1 || aud[0] != i.Audience {
			t.Errorf("%+v: audience %v", tt, aud)
		}
	}
	for _, bad := range []string{"wt-demo-app", "*/*", "a/b:c", "a b/c"} {
		if _, err := NewIssuer("github", "", "", bad); err == nil {
			t.Errorf("repository %q is taken", bad)
		}
	}
	if _, err := NewIssuer("travis", "", "", "a/b"); err == nil || !strings.Contains(err.Error(), "--user") {
		t.Errorf("travis: %v", err)
	}
}

// A document that is too large for IAM is several, which together say the same.
func TestPartsFitAndLoseNothing(t *testing.T) {
	var list []Statement
	for i := range 40 {
		list = append(list, Statement{Sid: fmt.Sprint("S", i), Action: []string{"ecs:UpdateService"}, Resource: []string{strings.Repeat("x", 400)}})
	}
	whole := Of(list...)
	parts, err := whole.Parts()
	if err != nil {
		t.Fatal(err)
	}
	var all []Statement
	for _, p := range parts {
		if p.size() > most {
			t.Errorf("a part has %d characters", p.size())
		}
		all = append(all, p.Statement...)
	}
	if diff := cmp.Diff(whole.Statement, all); diff != "" || len(parts) != 4 {
		t.Errorf("%d parts: %s", len(parts), diff)
	}
	if _, err := Of(Statement{Sid: "Large", Action: []string{"a:B"}, Resource: []string{strings.Repeat("x", most)}}).Parts(); err == nil {
		t.Error("a statement that is too large is taken")
	}
}

// One image that all environments share is pushed by one role.
func TestASharedImageIsPushedOnce(t *testing.T) {
	built := slipway.Image{Build: true, Repository: "app", Tag: "{tag}"}
	env := func(name, account string) slipway.Environment {
		return slipway.Environment{Name: name, On: "aws", Account: account, Region: "eu-west-1", Image: built, Services: []slipway.Service{{Name: name, Containers: []slipway.Container{{Name: "app"}}}}}
	}
	s := &slipway.Stack{App: "app", Environments: []slipway.Environment{env("a", "1"), env("b", "1"), env("c", "2")}}
	var got []string
	for _, scope := range scopes(s) {
		steps, err := Steps(s, scope, []string{Push, Deploy}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			got = append(got, step.Name)
		}
	}
	want := []string{"slipway-a-app-push", "slipway-a-app-deploy", "slipway-b-app-deploy", "slipway-c-app-push", "slipway-c-app-deploy"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
