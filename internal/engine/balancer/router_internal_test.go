package balancer

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// scan is the definition of find: the first rule, by priority, all of whose
// conditions are met.
func scan(t *rapid.T, l *Listener, r *request, host string) int {
	first := 0
	for _, rule := range l.Rules {
		c, err := compileRule(rule, func(a Action) (*action, error) { return &action{fixed: a.FixedResponse}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if c.met(r, host) && (first == 0 || rule.Priority < first) {
			first = rule.Priority
		}
	}
	return first
}

func TestRouterFindsWhatAScanFinds(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "c", "*", "?", "a*", "*b"})
	hostname := rapid.SampledFrom([]string{"a", "b", "c", "ab", "x"})
	rapid.Check(t, func(t *rapid.T) {
		dotted := func(g *rapid.Generator[string], name string) string {
			s := ""
			for i := range rapid.IntRange(1, 4).Draw(t, name+" labels") {
				if i > 0 {
					s += "."
				}
				s += g.Draw(t, name)
			}
			return s
		}
		l := &Listener{Default: Action{FixedResponse: &FixedResponse{Status: 200}}}
		priorities := rapid.SliceOfNDistinct(rapid.IntRange(1, 100), 0, 12, rapid.ID[int]).Draw(t, "priorities")
		for _, p := range priorities {
			r := Rule{Priority: p, Action: l.Default}
			if rapid.Bool().Draw(t, "has a host") {
				c := Condition{Field: HostHeader}
				for range rapid.IntRange(1, 3).Draw(t, "hosts") {
					c.Values = append(c.Values, dotted(label, "pattern"))
				}
				r.Conditions = append(r.Conditions, c)
			}
			if rapid.Bool().Draw(t, "has a path") {
				r.Conditions = append(r.Conditions, Condition{Field: PathPattern, Values: []string{rapid.SampledFrom([]string{"/", "/x", "/*"}).Draw(t, "path pattern")}})
			}
			l.Rules = append(l.Rules, r)
		}
		rt, err := newRouter(l, func(a Action) (*action, error) { return &action{fixed: a.FixedResponse}, nil })
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			r := &request{path: rapid.SampledFrom([]string{"/", "/x", "/y"}).Draw(t, "path"), source: netip.MustParseAddr("127.0.0.1")}
			host := dotted(hostname, "host")
			if got, want := rt.find(r, host).priority, scan(t, l, r, host); got != want {
				t.Fatalf("host %s path %s: found rule %d, a scan finds %d", host, r.path, got, want)
			}
		}
	})
}

// matchSlowly is the definition of a glob, by recursion.
func matchSlowly(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return matchSlowly(p[1:], s) || s != "" && matchSlowly(p, s[1:])
	case s == "":
		return false
	}
	return (p[0] == '?' || p[0] == s[0]) && matchSlowly(p[1:], s[1:])
}

func TestGlobMatchesItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?")), 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 10, -1).Draw(t, "text")
		if got, want := newGlob(p, false, false).match(s), matchSlowly(p, s); got != want {
			t.Fatalf("%q on %q: %v, by definition %v", p, s, got, want)
		}
	})
}

func hostsRouter(n int) *router {
	l := &Listener{Default: Action{FixedResponse: &FixedResponse{Status: 404}}}
	for i := range n {
		l.Rules = append(l.Rules, Rule{Priority: i + 1, Action: l.Default,
			Conditions: []Condition{{Field: HostHeader, Values: []string{fmt.Sprintf("host-%d.example.com", i)}}}})
	}
	rt, err := newRouter(l, func(a Action) (*action, error) { return &action{fixed: a.FixedResponse}, nil })
	if err != nil {
		panic(err)
	}
	return rt
}

func BenchmarkRouteByHost(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rt := hostsRouter(n)
			hosts := make([]string, 64)
			for i := range hosts {
				hosts[i] = fmt.Sprintf("host-%d.example.com", i*n/len(hosts))
			}
			r := &request{path: "/"}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if rt.find(r, hosts[i&63]) == &rt.fallback {
					b.Fatal("not found")
				}
				i++
			}
		})
	}
}
