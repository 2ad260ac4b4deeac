package policy

import (
	"net/netip"
	"os"
	"testing"
	"time"
)

// A user of CI: the runbook's two policies, one with conditions, and a boundary.
func BenchmarkEvaluate(b *testing.B) {
	read := func(name string) string {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	conditional := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["ecs:Describe*","ecs:List*","elasticloadbalancing:Describe*"],"Resource":"*"},
		{"Effect":"Allow","Action":"ecs:UpdateService","Resource":"arn:aws:ecs:*:*:service/*/${aws:PrincipalTag/app}-*",
		 "Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:eu-west-1:123456789012:cluster/shared"},"StringEquals":{"aws:RequestedRegion":["eu-west-1","eu-west-2"]}}},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["127.0.0.0/8","10.0.0.0/8"]}}}]}`
	p := identity(b, read("push.json"), read("deploy.json"), conditional)
	bounded := *p
	bounded.Boundary = sources(b, Boundary, said("Allow", "ecs:*", "*"))
	r := &Request{
		Principal: Principal{Account: account, ARN: user.ARN, UserName: "travis", UserID: user.UserID, Tags: map[string]string{"app": "web"}},
		Need: Need{Action: "ecs:UpdateService", Resource: "arn:aws:ecs:eu-west-1:123456789012:service/shared/web-production",
			Keys: map[string][]string{"ecs:cluster": {"arn:aws:ecs:eu-west-1:123456789012:cluster/shared"}}},
		Context: map[string][]string{"aws:SecureTransport": {"false"}, "aws:RequestedRegion": {"eu-west-1"}, "aws:UserAgent": {"aws-cli/1.45"}},
		Now:     time.Unix(1773489600, 0), SourceIP: netip.MustParseAddr("127.0.0.1"),
	}
	denied := *r
	denied.Need = Need{Action: "ecs:DeleteService", Resource: r.Need.Resource}
	for _, c := range []struct {
		name string
		p    *Policies
		r    *Request
		want bool
	}{{"allowed", p, r, true}, {"bounded", &bounded, r, true}, {"refused", p, &denied, false}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Evaluate(c.p, c.r).Allowed != c.want {
					b.Fatal("wrong")
				}
			}
		})
	}
	// The condition keys one by one, with the variable that the policy has.
	only := identity(b, conditional)
	b.Run("conditions", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !Evaluate(only, r).Allowed {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("testdata/push.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
