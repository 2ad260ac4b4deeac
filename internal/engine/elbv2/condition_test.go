package elbv2

import (
	"strings"
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
)

func path(p string) []api.RuleCondition {
	return []api.RuleCondition{{Field: new("path-pattern"), Values: []string{p}}}
}

func header(name string, values ...string) []api.RuleCondition {
	return []api.RuleCondition{{Field: new("http-header"), HttpHeaderConfig: &api.HttpHeaderConditionConfig{HttpHeaderName: &name, Values: values}}}
}

func query(key, value string) []api.RuleCondition {
	return []api.RuleCondition{{Field: new("query-string"), QueryStringConfig: &api.QueryStringConditionConfig{Values: []api.QueryStringKeyValuePair{{Key: &key, Value: &value}}}}}
}

func TestConditionsThatELBRefuses(t *testing.T) {
	r := newRig(t)
	l, g := r.listener(r.loadBalancer("web"), 80), r.group("g")
	tests := []struct {
		name       string
		conditions []api.RuleCondition
	}{
		{"none", []api.RuleCondition{}},
		{"a host without a dot", host("localhost")},
		{"a host that ends in digits", host("example.123")},
		{"a host that ends in a wildcard", host("example.*")},
		{"a host that ends in a dot", host("example.")},
		{"a host with an underscore", host("my_app.example.com")},
		{"a path with a space", path("/a b")},
		{"a path that is a regular expression", path("/[a-z]{2}")},
		{"a path without its slash", path("a")},
		{"the host as a header", header("Host", "a")},
		{"a header with a wildcard", header("X-*", "a")},
		{"a header's long name", header(strings.Repeat("h", 41), "a")},
		{"a header without a value", header("X-A")},
		{"a query's long key", query(strings.Repeat("k", 129), "v")},
		{"a query's key alone", query("k", "")},
		{"a long value", path("/" + strings.Repeat("p", 128))},
		{"two hosts", append(host("a.example.com"), host("b.example.com")...)},
		{"too many wildcards", host("*.*.*.*.*.*.com")},
		{"no CIDR", []api.RuleCondition{{Field: new("source-ip"), SourceIpConfig: &api.SourceIpConditionConfig{Values: []string{"10.0.0.1"}}}}},
		{"a small method", []api.RuleCondition{{Field: new("http-request-method"), HttpRequestMethodConfig: &api.HttpRequestMethodConditionConfig{Values: []string{"get"}}}}},
		{"an unknown field", []api.RuleCondition{{Field: new("colour"), Values: []string{"red"}}}},
		{"six values", []api.RuleCondition{{Field: new("path-pattern"), Values: []string{"/1", "/2", "/3", "/4", "/5", "/6"}}}},
	}
	for _, tt := range tests {
		_, err := r.CreateRule(t.Context(), caller, &api.CreateRuleInput{ListenerArn: &l, Priority: new(1), Conditions: tt.conditions, Actions: forwardTo(g)})
		if code(err) != "ValidationError" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestConditionsThatELBTakes(t *testing.T) {
	r := newRig(t)
	l, g := r.listener(r.loadBalancer("web"), 80), r.group("g")
	for i, conditions := range [][]api.RuleCondition{
		host("*.Example.COM"), host("?.a-b.example.com"), path("/*"), path("*.php"), path(`/a_b-c.d$~"'@:+&?`), header("X-Forwarded-For", "10.*"), query("version", "v?"), query("", "*beta*"),
		append(header("X-A", "1"), header("X-B", "2")...), append(host("a.example.com"), path("/a")...),
		{{Field: new("http-request-method"), HttpRequestMethodConfig: &api.HttpRequestMethodConditionConfig{Values: []string{"GET", "M-SEARCH"}}}},
		{{Field: new("source-ip"), SourceIpConfig: &api.SourceIpConditionConfig{Values: []string{"10.0.0.0/8", "2001:db8::/32"}}}},
	} {
		if _, err := r.CreateRule(t.Context(), caller, &api.CreateRuleInput{ListenerArn: &l, Priority: new(i + 1), Conditions: conditions, Actions: forwardTo(g)}); err != nil {
			t.Errorf("%d: %v", i+1, err)
		}
	}
}
