package balancer_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

func host(patterns ...string) balancer.Condition {
	return balancer.Condition{Field: balancer.HostHeader, Values: patterns}
}

func path(patterns ...string) balancer.Condition {
	return balancer.Condition{Field: balancer.PathPattern, Values: patterns}
}

func query(pairs ...string) balancer.Condition {
	c := balancer.Condition{Field: balancer.QueryString}
	for i := 0; i+1 < len(pairs); i += 2 {
		c.Query = append(c.Query, balancer.QueryValue{Key: pairs[i], Value: pairs[i+1]})
	}
	return c
}

func header(name string, values ...string) balancer.Condition {
	return balancer.Condition{Field: balancer.HTTPHeader, HeaderName: name, Values: values}
}

func TestConditions(t *testing.T) {
	cases := []struct {
		name       string
		conditions []balancer.Condition
		request    string // method host uri, then headers
		want       bool
	}{
		{"host, exact", []balancer.Condition{host("www.example.com")}, "GET www.example.com /", true},
		{"host, other", []balancer.Condition{host("www.example.com")}, "GET example.com /", false},
		{"host compares case-insensitively", []balancer.Condition{host("WWW.example.com")}, "GET www.EXAMPLE.com /", true},
		{"host without its port", []balancer.Condition{host("www.example.com")}, "GET www.example.com:8080 /", true},
		{"host, * in front", []balancer.Condition{host("*.example.com")}, "GET a.b.example.com /", true},
		{"*.example.com is not example.com", []balancer.Condition{host("*.example.com")}, "GET example.com /", false},
		{"host, * inside", []balancer.Condition{host("api-*.example.com")}, "GET api-v1.example.com /", true},
		{"host, ? is exactly one", []balancer.Condition{host("www?.example.com")}, "GET www1.example.com /", true},
		{"host, ? is not none", []balancer.Condition{host("www?.example.com")}, "GET www.example.com /", false},
		{"host, any of the values", []balancer.Condition{host("a.example.com", "*.b.example.com")}, "GET x.b.example.com /", true},
		{"host, regular expression", []balancer.Condition{{Field: balancer.HostHeader, Regex: []string{`^v[0-9]+\.example\.com$`}}}, "GET V12.example.com /", true},
		{"path, exact", []balancer.Condition{path("/img")}, "GET a.example.com /img", true},
		{"path, *", []balancer.Condition{path("/img/*/pics")}, "GET a.example.com /img/a/b/pics", true},
		{"path, * may be empty", []balancer.Condition{path("/img/*")}, "GET a.example.com /img/", true},
		{"path compares case-sensitively", []balancer.Condition{path("/Img")}, "GET a.example.com /img", false},
		{"path without the query", []balancer.Condition{path("/img")}, "GET a.example.com /img?x=1", true},
		{"path, ? is a wildcard", []balancer.Condition{path("/v?/x")}, "GET a.example.com /v1/x", true},
		{"path, regular expression", []balancer.Condition{{Field: balancer.PathPattern, Regex: []string{`^/(a|b)/\d+$`}}}, "GET a.example.com /b/42", true},
		{"path, regular expression, case", []balancer.Condition{{Field: balancer.PathPattern, Regex: []string{`^/a$`}}}, "GET a.example.com /A", false},
		{"method", []balancer.Condition{{Field: balancer.RequestMethod, Values: []string{"PURGE"}}}, "PURGE a.example.com /", true},
		{"method is exact", []balancer.Condition{{Field: balancer.RequestMethod, Values: []string{"GET"}}}, "get a.example.com /", false},
		{"source", []balancer.Condition{{Field: balancer.SourceIP, Values: []string{"127.0.0.0/8"}}}, "GET a.example.com /", true},
		{"source, other", []balancer.Condition{{Field: balancer.SourceIP, Values: []string{"192.0.2.0/24"}}}, "GET a.example.com /", false},
		{"source ignores X-Forwarded-For", []balancer.Condition{{Field: balancer.SourceIP, Values: []string{"192.0.2.0/24"}}}, "GET a.example.com / X-Forwarded-For:192.0.2.1", false},
		{"header", []balancer.Condition{header("X-Tenant", "acme")}, "GET a.example.com / x-tenant:ACME", true},
		{"header, *", []balancer.Condition{header("User-Agent", "*Chrome*")}, "GET a.example.com / User-Agent:a-chrome-b", true},
		{"header, one of several lines", []balancer.Condition{header("X-A", "2")}, "GET a.example.com / X-A:1 X-A:2", true},
		{"header, missing", []balancer.Condition{header("X-A", "*")}, "GET a.example.com /", false},
		{"header, regular expression", []balancer.Condition{{Field: balancer.HTTPHeader, HeaderName: "X-A", Regex: []string{"^b+$"}}}, "GET a.example.com / X-A:BBB", true},
		{"two header conditions are both needed", []balancer.Condition{header("X-A", "1"), header("X-B", "2")}, "GET a.example.com / X-A:1", false},
		{"query, key and value", []balancer.Condition{query("version", "v1")}, "GET a.example.com /?a=b&VERSION=V1", true},
		{"query, any key", []balancer.Condition{query("", "*example*")}, "GET a.example.com /?q=an-example-here", true},
		{"query, other value", []balancer.Condition{query("version", "v1")}, "GET a.example.com /?version=v2", false},
		{"query, escaped *", []balancer.Condition{query("q", `\*`)}, "GET a.example.com /?q=x", false},
		{"query, escaped * matches itself", []balancer.Condition{query("q", `\*`)}, "GET a.example.com /?q=*", true},
		{"query, escaped ? matches itself", []balancer.Condition{query("q", `a\?`)}, "GET a.example.com /?q=a?", true},
		{"query conditions are all needed", []balancer.Condition{query("a", "1"), query("b", "2")}, "GET a.example.com /?b=2&a=1", true},
		{"query, none", []balancer.Condition{query("", "*")}, "GET a.example.com /", false},
		{"conditions are ANDed", []balancer.Condition{host("a.example.com"), path("/x")}, "GET a.example.com /y", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, one(plain(fixed("default"), balancer.Rule{Priority: 7, Conditions: c.conditions, Action: fixed("rule")})))
			parts := strings.Split(c.request, " ")
			w := r.wire("http")
			w.send(parts[0], " ", parts[2], " HTTP/1.1\r\nHost: ", parts[1], "\r\n")
			for _, h := range parts[3:] {
				w.send(strings.Replace(h, ":", ": ", 1), "\r\n")
			}
			w.send("\r\n")
			_, body := w.answer(parts[0])
			if got := body == "rule"; got != c.want {
				t.Errorf("%s answered %q", c.request, body)
			}
			want := 0
			if c.want {
				want = 7
			}
			if e := r.entry(0); e.RulePriority != want {
				t.Errorf("the log says rule %d", e.RulePriority)
			}
		})
	}
}

func TestRulesGoByPriority(t *testing.T) {
	rules := []balancer.Rule{
		{Priority: 50000, Conditions: []balancer.Condition{path("/*")}, Action: fixed("last")},
		{Priority: 3, Conditions: []balancer.Condition{host("*.example.com")}, Action: fixed("wildcard")},
		{Priority: 2, Conditions: []balancer.Condition{host("a.example.com"), path("/x")}, Action: fixed("exact")},
		{Priority: 1, Conditions: []balancer.Condition{host("*.c.example.com")}, Action: fixed("first")},
	}
	r := newRig(t, one(plain(fixed("default"), rules...)))
	for url, want := range map[string]string{
		"http://a.example.com/x":   "exact",
		"http://a.example.com/y":   "wildcard",
		"http://x.c.example.com/x": "first",
		"http://other.org/":        "last",
	} {
		if _, body := r.get("http", url); body != want {
			t.Errorf("%s went to %q, not %q", url, body, want)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	base := func() balancer.Config { return one(plain(forward("g")), group("g", "127.0.0.1:1")) }
	cases := map[string]func(*balancer.Config){
		"there is no such group": func(c *balancer.Config) { c.TargetGroups = nil },
		"a priority is there twice": func(c *balancer.Config) {
			c.LoadBalancers[0].Listeners[0].Rules = []balancer.Rule{{Priority: 1, Action: fixed("")}, {Priority: 1, Action: fixed("")}}
		},
		"a priority is too high": func(c *balancer.Config) {
			c.LoadBalancers[0].Listeners[0].Rules = []balancer.Rule{{Priority: 50001, Action: fixed("")}}
		},
		"an action is two": func(c *balancer.Config) {
			c.LoadBalancers[0].Listeners[0].Default.FixedResponse = &balancer.FixedResponse{Status: 200}
		},
		"an action is none": func(c *balancer.Config) { c.LoadBalancers[0].Listeners[0].Default = balancer.Action{} },
		"a redirect is 307": func(c *balancer.Config) {
			c.LoadBalancers[0].Listeners[0].Default = balancer.Action{Redirect: &balancer.Redirect{Status: 307}}
		},
		"an expression does not compile": func(c *balancer.Config) {
			c.LoadBalancers[0].Listeners[0].Rules = []balancer.Rule{{Priority: 1, Action: fixed(""),
				Conditions: []balancer.Condition{{Field: balancer.PathPattern, Regex: []string{"("}}}}}
		},
		"HTTPS has no certificate": func(c *balancer.Config) { c.LoadBalancers[0].Listeners[0].Protocol = balancer.HTTPS },
		"the protocol is TCP":      func(c *balancer.Config) { c.LoadBalancers[0].Listeners[0].Protocol = "TCP" },
		"the matcher is no matcher": func(c *balancer.Config) {
			c.TargetGroups[0].HealthCheck.Matcher = "2xx"
		},
		"a target is there twice": func(c *balancer.Config) {
			c.TargetGroups[0].Targets = append(c.TargetGroups[0].Targets, c.TargetGroups[0].Targets[0])
		},
		"the algorithm is not known":  func(c *balancer.Config) { c.TargetGroups[0].Algorithm = "fastest" },
		"the mitigation is not known": func(c *balancer.Config) { c.LoadBalancers[0].Attributes.Desync = "off" },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, one(plain(fixed("as before"))))
			c := base()
			spoil(&c)
			if err := r.bal.Apply(c); err == nil {
				t.Fatal("applied")
			}
			if _, body := r.get("http", "http://a.example.com/"); body != "as before" {
				t.Errorf("after a refused configuration: %q", body)
			}
		})
	}
}
