package elbv2

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	acmapi "github.com/slipway-dev/slipway/internal/awsapi/acm"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1"}
)

// vpc is a Network of one VPC with the subnets a and b in two zones, a2 in the
// first again, and one that is nearly full in the second.
type vpc struct{}

func (vpc) Subnet(_ *state.Tx, _ state.Scope, id string) (string, string, bool) {
	zone, ok := map[string]string{"a": "eu-west-1a", "a2": "eu-west-1a", "b": "eu-west-1b", "full": "eu-west-1b"}[id]
	return "vpc-1", zone, ok
}
func (vpc) ZoneOf(_ *state.Tx, _ state.Scope, id string, addr netip.Addr) (string, bool) {
	return "eu-west-1a", id == "vpc-1" && netip.MustParsePrefix("10.0.0.0/24").Contains(addr)
}
func (vpc) FreeAddresses(_ *state.Tx, _ state.Scope, id string) int {
	if id == "full" {
		return 7
	}
	return 8
}
func (vpc) SecurityGroup(_ *state.Tx, _ state.Scope, id string) (string, bool) {
	return "vpc-1", strings.HasPrefix(id, "sg-")
}
func (vpc) DefaultSecurityGroup(*state.Tx, state.Scope, string) string { return "sg-default" }
func (vpc) VPC(_ *state.Tx, _ state.Scope, id string) bool             { return id == "vpc-1" }
func (vpc) Attach(*state.Tx, state.Scope, *LoadBalancer) error         { return nil }
func (vpc) Detach(*state.Tx, state.Scope, *LoadBalancer)               {}
func (vpc) Instance(_ *state.Tx, _ state.Scope, id string) (string, string, bool) {
	return "vpc-1", "eu-west-1a", strings.HasPrefix(id, "i-")
}

type rig struct {
	*Service
	t *testing.T
}

func newRig(t *testing.T) *rig {
	store := state.InMemory(append(Tables, acm.Tables...)...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{Store: store, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Account: caller.Account}
	return &rig{New(env, vpc{}), t}
}

func must[T any](t *testing.T, out T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func code(err error) string {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func (r *rig) loadBalancer(name string) string {
	out, err := r.CreateLoadBalancer(r.t.Context(), caller, &api.CreateLoadBalancerInput{Name: &name, Subnets: []string{"a", "b"}})
	return *must(r.t, out, err).LoadBalancers[0].LoadBalancerArn
}

func (r *rig) group(name string) string {
	out, err := r.CreateTargetGroup(r.t.Context(), caller, &api.CreateTargetGroupInput{Name: &name, Protocol: "HTTP", Port: new(80), VpcId: new("vpc-1")})
	return *must(r.t, out, err).TargetGroups[0].TargetGroupArn
}

func forwardTo(group string) []api.Action {
	return []api.Action{{Type: "forward", TargetGroupArn: &group}}
}

func notFoundPage() []api.Action {
	return []api.Action{{Type: "fixed-response", FixedResponseConfig: &api.FixedResponseActionConfig{StatusCode: new("404")}}}
}

func (r *rig) listener(lb string, port int) string {
	out, err := r.CreateListener(r.t.Context(), caller, &api.CreateListenerInput{LoadBalancerArn: &lb, Port: &port, Protocol: "HTTP", DefaultActions: notFoundPage()})
	return *must(r.t, out, err).Listeners[0].ListenerArn
}

func host(h string) []api.RuleCondition {
	return []api.RuleCondition{{Field: new("host-header"), Values: []string{h}}}
}

func (r *rig) rule(listener string, priority int, group string) (string, error) {
	out, err := r.CreateRule(r.t.Context(), caller, &api.CreateRuleInput{ListenerArn: &listener, Priority: &priority, Conditions: host("demo.example.com"), Actions: forwardTo(group)})
	if err != nil {
		return "", err
	}
	return *out.Rules[0].RuleArn, nil
}

func TestALoadBalancerNeedsTwoZones(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		in   api.CreateLoadBalancerInput
		want string
	}{
		{api.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"a"}}, "ValidationError"},
		{api.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"a", "a2"}}, "InvalidConfigurationRequest"},
		{api.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"a", "z"}}, "SubnetNotFound"},
		{api.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"a", "b"}, SecurityGroups: []string{"no"}}, "InvalidSecurityGroup"},
		{api.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"a", "b"}, Type: "network"}, "UnsupportedProtocol"},
		{api.CreateLoadBalancerInput{Name: new("internal-x"), Subnets: []string{"a", "b"}}, "ValidationError"},
		{api.CreateLoadBalancerInput{Name: new("-x"), Subnets: []string{"a", "b"}}, "ValidationError"},
		{api.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"a", "full"}}, "InvalidSubnet"},
	}
	for i, tt := range tests {
		if _, err := r.CreateLoadBalancer(t.Context(), caller, &tt.in); code(err) != tt.want {
			t.Errorf("%d: %v, want %s", i, err, tt.want)
		}
	}
}

func TestCreatingTwiceIsIdempotentOrADuplicate(t *testing.T) {
	r := newRig(t)
	if a, b := r.loadBalancer("web"), r.loadBalancer("web"); a != b {
		t.Error("the same request made two load balancers")
	}
	_, err := r.CreateLoadBalancer(t.Context(), caller, &api.CreateLoadBalancerInput{Name: new("web"), Subnets: []string{"a", "b"}, Scheme: "internal"})
	if code(err) != "DuplicateLoadBalancerName" {
		t.Error(err)
	}
	if a, b := r.group("web"), r.group("web"); a != b {
		t.Error("the same request made two target groups")
	}
	_, err = r.CreateTargetGroup(t.Context(), caller, &api.CreateTargetGroupInput{Name: new("web"), Protocol: "HTTP", Port: new(81), VpcId: new("vpc-1")})
	if code(err) != "DuplicateTargetGroupName" {
		t.Error(err)
	}
}

func TestRulePrioritiesAreUniqueAndOrdered(t *testing.T) {
	r := newRig(t)
	lb := r.loadBalancer("web")
	l, g := r.listener(lb, 80), r.group("g")
	first, err := r.rule(l, 20, g)
	must(t, first, err)
	if _, err := r.rule(l, 20, g); code(err) != "PriorityInUse" {
		t.Errorf("second rule of the priority: %v", err)
	}
	second, err := r.rule(l, 3, g)
	must(t, second, err)
	got := func() (order []string) {
		out, err := r.DescribeRules(t.Context(), caller, &api.DescribeRulesInput{ListenerArn: &l})
		for _, x := range must(t, out, err).Rules {
			order = append(order, *x.Priority)
		}
		return order
	}
	if diff := cmp.Diff([]string{"3", "20", "default"}, got()); diff != "" {
		t.Error(diff)
	}
	_, err = r.SetRulePriorities(t.Context(), caller, &api.SetRulePrioritiesInput{RulePriorities: []api.RulePriorityPair{{RuleArn: &first, Priority: new(3)}, {RuleArn: &second, Priority: new(20)}}})
	if err != nil {
		t.Fatal("swapping two priorities at once:", err)
	}
	if _, err := r.SetRulePriorities(t.Context(), caller, &api.SetRulePrioritiesInput{RulePriorities: []api.RulePriorityPair{{RuleArn: &first, Priority: new(20)}}}); code(err) != "PriorityInUse" {
		t.Error(err)
	}
	var page *string
	var paged []string
	for {
		out, err := r.DescribeRules(t.Context(), caller, &api.DescribeRulesInput{ListenerArn: &l, PageSize: new(1), Marker: page})
		for _, x := range must(t, out, err).Rules {
			paged = append(paged, *x.Priority)
		}
		if page = out.NextMarker; page == nil {
			break
		}
	}
	if diff := cmp.Diff(got(), paged); diff != "" {
		t.Errorf("in pages: %s", diff)
	}
}

func TestATargetGroupIsInUseByRulesAndOfOneLoadBalancer(t *testing.T) {
	r := newRig(t)
	g := r.group("g")
	l := r.listener(r.loadBalancer("web"), 80)
	rule, err := r.rule(l, 1, g)
	must(t, rule, err)
	if _, err := r.DeleteTargetGroup(t.Context(), caller, &api.DeleteTargetGroupInput{TargetGroupArn: &g}); code(err) != "ResourceInUse" {
		t.Error(err)
	}
	if _, err := r.rule(r.listener(r.loadBalancer("other"), 80), 1, g); code(err) != "TargetGroupAssociationLimit" {
		t.Error(err)
	}
	must(t, rule, func() error {
		_, err := r.DeleteRule(t.Context(), caller, &api.DeleteRuleInput{RuleArn: &rule})
		return err
	}())
	if _, err := r.DeleteTargetGroup(t.Context(), caller, &api.DeleteTargetGroupInput{TargetGroupArn: &g}); err != nil {
		t.Error(err)
	}
}

// A load balancer's quota of targets is over all of its groups together.
func TestALoadBalancersTargetsAreCounted(t *testing.T) {
	r := newRig(t)
	a, b, alone := r.group("a"), r.group("b"), r.group("alone")
	l := r.listener(r.loadBalancer("web"), 80)
	for i, g := range []string{a, b} {
		if _, err := r.rule(l, i+1, g); err != nil {
			t.Fatal(err)
		}
	}
	register := func(group string, from, n int) error {
		in := &api.RegisterTargetsInput{TargetGroupArn: &group}
		for i := range n {
			in.Targets = append(in.Targets, api.TargetDescription{Id: new("i-1"), Port: new(from + i)})
		}
		_, err := r.RegisterTargets(t.Context(), caller, in)
		return err
	}
	for _, step := range []struct {
		group   string
		from, n int
		want    string
	}{{a, 1, 600, "<nil>"}, {b, 1, 401, "TooManyTargets"}, {b, 1, 400, "<nil>"}, {a, 601, 1, "TooManyTargets"}, {a, 600, 1, "<nil>"}, {alone, 1, 1000, "<nil>"}} {
		if got := code(register(step.group, step.from, step.n)); got != step.want {
			t.Errorf("%d targets into %s: %s, not %s", step.n, step.group, got, step.want)
		}
	}
}

func TestActionsShowTheirDefaults(t *testing.T) {
	r := newRig(t)
	l, g := r.listener(r.loadBalancer("web"), 80), r.group("g")
	out, err := r.CreateRule(t.Context(), caller, &api.CreateRuleInput{ListenerArn: &l, Priority: new(1), Conditions: host("a.example.com"), Actions: forwardTo(g)})
	got := must(t, out, err).Rules[0]
	want := []api.Action{{Type: "forward", TargetGroupArn: &g, ForwardConfig: &api.ForwardActionConfig{
		TargetGroups:                []api.TargetGroupTuple{{TargetGroupArn: &g, Weight: new(1)}},
		TargetGroupStickinessConfig: &api.TargetGroupStickinessConfig{Enabled: new(false)},
	}}}
	if diff := cmp.Diff(want, got.Actions); diff != "" {
		t.Error(diff)
	}
	if got.Conditions[0].HostHeaderConfig == nil || got.Conditions[0].Values[0] != "a.example.com" {
		t.Errorf("a host condition shows in both places: %+v", got.Conditions[0])
	}
}

func TestRedirects(t *testing.T) {
	tests := []struct {
		name     string
		listener api.ProtocolEnum
		in       api.RedirectActionConfig
		want     string
	}{
		{"to HTTPS", "HTTP", api.RedirectActionConfig{Protocol: new("HTTPS"), Port: new("443"), StatusCode: "HTTP_301"}, "<nil>"},
		{"that changes nothing", "HTTP", api.RedirectActionConfig{StatusCode: "HTTP_301"}, "InvalidLoadBalancerAction"},
		{"that leaves TLS", "HTTPS", api.RedirectActionConfig{Protocol: new("HTTP"), StatusCode: "HTTP_301"}, "InvalidLoadBalancerAction"},
		{"to no port", "HTTP", api.RedirectActionConfig{Port: new("0"), StatusCode: "HTTP_301"}, "ValidationError"},
		{"to a path without slash", "HTTP", api.RedirectActionConfig{Path: new("x"), StatusCode: "HTTP_301"}, "ValidationError"},
	}
	for _, tt := range tests {
		a := api.Action{Type: "redirect", RedirectConfig: &tt.in}
		if got := code(redirect(&a, tt.listener)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestHTTPSTakesOnlyIssuedCertificates(t *testing.T) {
	r := newRig(t)
	lb := r.loadBalancer("web")
	put := func(arn, pem string, status acmapi.CertificateStatus) {
		r.env.Store.Update(func(tx *state.Tx) error {
			acm.Certificates.Put(tx, caller.Scope(), &acm.Certificate{ARN: arn, Names: []string{"a.example.com"}, Status: status, Content: acm.Content{Certificate: pem}})
			return nil
		})
	}
	pendingARN, issued, second := "arn:aws:acm:eu-west-1:000000000000:certificate/1", "arn:aws:acm:eu-west-1:000000000000:certificate/2", "arn:aws:acm:eu-west-1:000000000000:certificate/3"
	put(pendingARN, "", "PENDING_VALIDATION")
	put(issued, "x", "ISSUED")
	put(second, "y", "ISSUED")
	create := func(cert string) (*api.CreateListenerOutput, error) {
		in := &api.CreateListenerInput{LoadBalancerArn: &lb, Port: new(443), Protocol: "HTTPS", DefaultActions: notFoundPage()}
		if cert != "" {
			in.Certificates = []api.Certificate{{CertificateArn: &cert}}
		}
		return r.CreateListener(t.Context(), caller, in)
	}
	for cert, want := range map[string]string{"": "CertificateNotFound", "arn:aws:acm:eu-west-1:000000000000:certificate/9": "CertificateNotFound", pendingARN: "UnsupportedCertificate"} {
		if _, err := create(cert); code(err) != want {
			t.Errorf("%q: %v, want %s", cert, err, want)
		}
	}
	out, err := create(issued)
	l := must(t, out, err).Listeners[0].ListenerArn
	_, err = r.AddListenerCertificates(t.Context(), caller, &api.AddListenerCertificatesInput{ListenerArn: l, Certificates: []api.Certificate{{CertificateArn: &second}}})
	must(t, 0, err)
	if diff := cmp.Diff([]string{lb}, acm.UsedBy(r.env.Store.View(), caller.Scope(), second)); diff != "" {
		t.Errorf("ACM is told who uses a certificate: %s", diff)
	}
	_, err = r.RemoveListenerCertificates(t.Context(), caller, &api.RemoveListenerCertificatesInput{ListenerArn: l, Certificates: []api.Certificate{{CertificateArn: &issued}}})
	if code(err) != "OperationNotPermitted" {
		t.Errorf("removing the default certificate: %v", err)
	}
	if _, err := r.DeleteLoadBalancer(t.Context(), caller, &api.DeleteLoadBalancerInput{LoadBalancerArn: &lb}); err != nil {
		t.Fatal(err)
	}
	if users := acm.UsedBy(r.env.Store.View(), caller.Scope(), issued); len(users) != 0 {
		t.Errorf("still in use by %v after the load balancer is gone", users)
	}
}

func TestDeletionProtection(t *testing.T) {
	r := newRig(t)
	lb := r.loadBalancer("web")
	set := func(v string) error {
		_, err := r.ModifyLoadBalancerAttributes(t.Context(), caller, &api.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &lb, Attributes: []api.LoadBalancerAttribute{{Key: new("deletion_protection.enabled"), Value: &v}}})
		return err
	}
	if err := set("perhaps"); code(err) != "ValidationError" {
		t.Error(err)
	}
	must(t, 0, set("true"))
	if _, err := r.DeleteLoadBalancer(t.Context(), caller, &api.DeleteLoadBalancerInput{LoadBalancerArn: &lb}); code(err) != "OperationNotPermitted" {
		t.Error(err)
	}
}

func TestHealthChecksThatELBRefuses(t *testing.T) {
	r := newRig(t)
	g := r.group("g")
	for name, in := range map[string]api.ModifyTargetGroupInput{
		"a timeout as long as the interval": {HealthCheckTimeoutSeconds: new(30)},
		"a short interval":                  {HealthCheckIntervalSeconds: new(4)},
		"a threshold of one":                {HealthyThresholdCount: new(1)},
		"a path without slash":              {HealthCheckPath: new("health")},
		"a code that is none":               {Matcher: &api.Matcher{HttpCode: new("ok")}},
		"no check at all":                   {HealthCheckEnabled: new(false)},
	} {
		in.TargetGroupArn = &g
		if _, err := r.ModifyTargetGroup(t.Context(), caller, &in); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTagsOnEveryKindOfResource(t *testing.T) {
	r := newRig(t)
	lb := r.loadBalancer("web")
	l, g := r.listener(lb, 80), r.group("g")
	rule, err := r.rule(l, 1, g)
	must(t, rule, err)
	all := []string{lb, l, g, rule}
	_, err = r.AddTags(t.Context(), caller, &api.AddTagsInput{ResourceArns: all, Tags: []api.Tag{{Key: new("env"), Value: new("x")}, {Key: new("b")}}})
	must(t, 0, err)
	_, err = r.RemoveTags(t.Context(), caller, &api.RemoveTagsInput{ResourceArns: all, TagKeys: []string{"b"}})
	must(t, 0, err)
	out, err := r.DescribeTags(t.Context(), caller, &api.DescribeTagsInput{ResourceArns: all})
	for _, d := range must(t, out, err).TagDescriptions {
		if diff := cmp.Diff([]api.Tag{{Key: new("env"), Value: new("x")}}, d.Tags); diff != "" {
			t.Errorf("%s: %s", *d.ResourceArn, diff)
		}
	}
	if _, err := r.AddTags(t.Context(), caller, &api.AddTagsInput{ResourceArns: []string{lb + "x"}, Tags: []api.Tag{{Key: new("a")}}}); code(err) != "LoadBalancerNotFound" {
		t.Error(err)
	}
}
