package elbv2

import (
	"fmt"
	"testing"

	acmapi "github.com/slipway-dev/slipway/internal/awsapi/acm"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// A load balancer takes what its quotas allow, and refuses the next by name.
func TestQuotas(t *testing.T) {
	r := newRig(t)
	issued := func(i int) string {
		arn := fmt.Sprintf("arn:aws:acm:eu-west-1:000000000000:certificate/%d", i)
		must(t, 0, r.env.Store.Update(func(tx *state.Tx) error {
			acm.Certificates.Put(tx, caller.Scope(), &acm.Certificate{ARN: arn, Status: acmapi.CertificateStatusIssued, Content: acm.Content{Certificate: "x"}})
			return nil
		}))
		return arn
	}
	secure := func(lb string) string {
		out, err := r.CreateListener(t.Context(), caller, &api.CreateListenerInput{LoadBalancerArn: &lb, Port: new(443), Protocol: "HTTPS", DefaultActions: notFoundPage(),
			Certificates: []api.Certificate{{CertificateArn: new(issued(0))}}})
		return *must(t, out, err).Listeners[0].ListenerArn
	}
	rules, listeners, tls, groups := r.listener(r.loadBalancer("rules"), 80), r.loadBalancer("listeners"), secure(r.loadBalancer("tls")), r.listener(r.loadBalancer("groups"), 80)
	for _, tt := range []struct {
		name string
		most int
		add  func(i int) error
		want string
	}{
		{"rules", 100, func(i int) error {
			_, err := r.CreateRule(t.Context(), caller, &api.CreateRuleInput{ListenerArn: &rules, Priority: new(i), Conditions: host("a.example.com"), Actions: notFoundPage()})
			return err
		}, "TooManyRules"},
		{"listeners", 50, func(i int) error {
			_, err := r.CreateListener(t.Context(), caller, &api.CreateListenerInput{LoadBalancerArn: &listeners, Port: new(i), Protocol: "HTTP", DefaultActions: notFoundPage()})
			return err
		}, "TooManyListeners"},
		{"certificates beside the default", 25, func(i int) error {
			_, err := r.AddListenerCertificates(t.Context(), caller, &api.AddListenerCertificatesInput{ListenerArn: &tls, Certificates: []api.Certificate{{CertificateArn: new(issued(i))}}})
			return err
		}, "TooManyCertificates"},
		{"target groups, two a rule", 50, func(i int) error {
			both := []api.TargetGroupTuple{{TargetGroupArn: new(r.group(fmt.Sprint("a", i)))}, {TargetGroupArn: new(r.group(fmt.Sprint("b", i)))}}
			_, err := r.CreateRule(t.Context(), caller, &api.CreateRuleInput{ListenerArn: &groups, Priority: new(i), Conditions: host("a.example.com"),
				Actions: []api.Action{{Type: "forward", ForwardConfig: &api.ForwardActionConfig{TargetGroups: both}}}})
			return err
		}, "TooManyUniqueTargetGroupsPerLoadBalancer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.most {
				if err := tt.add(i + 1); err != nil {
					t.Fatalf("number %d: %v", i+1, err)
				}
			}
			if got := code(tt.add(tt.most + 1)); got != tt.want {
				t.Errorf("one more: %s, want %s", got, tt.want)
			}
		})
	}
}

// What ELB chooses where nothing is said.
func TestDefaultsOfHealthChecks(t *testing.T) {
	r := newRig(t)
	for version, want := range map[string]string{
		"HTTP1": "HTTP traffic-port / 30 5 5 2 200 ", "HTTP2": "HTTP traffic-port / 30 5 5 2 200 ", "GRPC": "HTTP traffic-port /AWS.ALB/healthcheck 30 5 5 2  12",
	} {
		out, err := r.CreateTargetGroup(t.Context(), caller, &api.CreateTargetGroupInput{Name: &version, Protocol: "HTTP", ProtocolVersion: &version, Port: new(80), VpcId: new("vpc-1")})
		g := must(t, out, err).TargetGroups[0]
		shown := func(s *string) string {
			if s == nil {
				return ""
			}
			return *s
		}
		got := fmt.Sprint(g.HealthCheckProtocol, " ", *g.HealthCheckPort, " ", *g.HealthCheckPath, " ", *g.HealthCheckIntervalSeconds, " ", *g.HealthCheckTimeoutSeconds, " ",
			*g.HealthyThresholdCount, " ", *g.UnhealthyThresholdCount, " ", shown(g.Matcher.HttpCode), " ", shown(g.Matcher.GrpcCode))
		if got != want {
			t.Errorf("%s: %s, not %s", version, got, want)
		}
	}
}
