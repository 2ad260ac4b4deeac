package elbv2

import (
	"strings"
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
)

func TestActionsThatELBRefuses(t *testing.T) {
	r := newRig(t)
	listener := r.listener(r.loadBalancer("web"), 80)
	var groups []api.TargetGroupTuple
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		groups = append(groups, api.TargetGroupTuple{TargetGroupArn: new(r.group(name))})
	}
	weighing := func(weight int, n int) []api.Action {
		var given []api.TargetGroupTuple
		for _, g := range groups[:n] {
			given = append(given, api.TargetGroupTuple{TargetGroupArn: g.TargetGroupArn, Weight: &weight})
		}
		return []api.Action{{Type: "forward", ForwardConfig: &api.ForwardActionConfig{TargetGroups: given}}}
	}
	sticky := func(seconds int) []api.Action {
		a := weighing(1, 2)
		a[0].ForwardConfig.TargetGroupStickinessConfig = &api.TargetGroupStickinessConfig{Enabled: new(true), DurationSeconds: &seconds}
		return a
	}
	page := func(kind, body string) []api.Action {
		return []api.Action{{Type: "fixed-response", FixedResponseConfig: &api.FixedResponseActionConfig{StatusCode: new("200"), ContentType: &kind, MessageBody: &body}}}
	}
	after := func(first api.ActionTypeEnum) []api.Action {
		return append([]api.Action{{Type: first}}, notFoundPage()...)
	}
	for _, tt := range []struct {
		name    string
		actions []api.Action
		want    string
	}{
		{"five groups", weighing(999, 5), "<nil>"},
		{"six groups", weighing(1, 6), "TooManyTargetGroups"},
		{"the smallest weight", weighing(0, 2), "<nil>"},
		{"a weight below it", weighing(-1, 2), "ValidationError"},
		{"a weight above the greatest", weighing(1000, 2), "ValidationError"},
		{"the longest stickiness", sticky(604800), "<nil>"},
		{"a longer one", sticky(604801), "ValidationError"},
		{"a stickiness of no time", sticky(0), "ValidationError"},
		{"a group that is not there", forwardTo("arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/x/1"), "TargetGroupNotFound"},
		{"a page of 1024 bytes", page("text/plain", strings.Repeat("x", 1024)), "<nil>"},
		{"a longer page", page("text/plain", strings.Repeat("x", 1025)), "ValidationError"},
		{"a page of JSON", page("application/json", "{}"), "<nil>"},
		{"a page of another type", page("image/png", "x"), "ValidationError"},
		{"two that answer", append(notFoundPage(), notFoundPage()...), "TooManyActions"},
		{"none", nil, "ValidationError"},
		{"authenticate-oidc", after("authenticate-oidc"), "InvalidLoadBalancerAction"},
		{"authenticate-cognito", after("authenticate-cognito"), "InvalidLoadBalancerAction"},
		{"jwt-validation", after("jwt-validation"), "InvalidLoadBalancerAction"},
	} {
		_, err := r.ModifyListener(t.Context(), caller, &api.ModifyListenerInput{ListenerArn: &listener, DefaultActions: or2(tt.actions)})
		if got := code(err); got != tt.want {
			t.Errorf("%s: %s, want %s (%v)", tt.name, got, tt.want, err)
		}
		if tt.want == "InvalidLoadBalancerAction" && !strings.Contains(err.Error(), tt.name) {
			t.Errorf("%s is not named: %v", tt.name, err)
		}
	}
}

// Values and wildcards of all conditions count; what is escaped is none.
func TestTheSizeOfARule(t *testing.T) {
	r := newRig(t)
	l, priority := r.listener(r.loadBalancer("web"), 80), 0
	query := func(values ...string) api.RuleCondition {
		c := api.QueryStringConditionConfig{}
		for _, v := range values {
			c.Values = append(c.Values, api.QueryStringKeyValuePair{Value: &v})
		}
		return api.RuleCondition{Field: new("query-string"), QueryStringConfig: &c}
	}
	for _, tt := range []struct {
		name       string
		conditions []api.RuleCondition
		want       string
	}{
		{"five values", []api.RuleCondition{query("a", "b"), query("c", "d", "e")}, "<nil>"},
		{"six values", []api.RuleCondition{query("a", "b", "c"), query("d", "e", "f")}, "ValidationError"},
		{"five wildcards", append(host("*.a?.example.com"), query("*", "??")), "<nil>"},
		{"six wildcards", append(host("*.a?.example.com"), query("**", "??")), "ValidationError"},
		{"escaped wildcards", []api.RuleCondition{query(`\*\?\*\?\*\?`)}, "<nil>"},
		{"a value of 128 characters", []api.RuleCondition{query(strings.Repeat("x", 128))}, "<nil>"},
		{"a longer one", []api.RuleCondition{query(strings.Repeat("x", 129))}, "ValidationError"},
	} {
		priority++
		_, err := r.CreateRule(t.Context(), caller, &api.CreateRuleInput{ListenerArn: &l, Priority: &priority, Conditions: tt.conditions, Actions: notFoundPage()})
		if got := code(err); got != tt.want {
			t.Errorf("%s: %s, want %s (%v)", tt.name, got, tt.want, err)
		}
	}
}
