package balancer

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// rule is a compiled rule. The default rule has priority 0 and no condition.
type rule struct {
	id          string
	priority    int
	conditions  []condition
	action      *action
	rewriteHost []rewrite
	rewriteURL  []rewrite
}

// condition reports whether a request meets it; host is the lower-case hostname.
type condition func(r *request, host string) bool

// router finds the rule of a request in a time that does not grow with the
// number of hosts: rules are indexed by exact host and by `*suffix`; only rules
// that name no host, or name one with other wildcards, are scanned. Candidates
// are merged by priority, so the answer is always that of a scan of all rules.
type router struct {
	rules    []rule // by priority
	fallback rule
	exact    map[string][]int32
	suffix   map[string][]int32
	scanned  []int32
}

func newRouter(l *Listener, actions func(Action) (*action, error)) (*router, error) {
	rt := &router{exact: map[string][]int32{}, suffix: map[string][]int32{}}
	def, err := actions(l.Default)
	if err != nil {
		return nil, fmt.Errorf("default rule: %w", err)
	}
	rt.fallback = rule{action: def}
	ordered := slices.Clone(l.Rules)
	slices.SortStableFunc(ordered, func(a, b Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, r := range ordered {
		c, err := compileRule(r, actions)
		if err != nil {
			return nil, fmt.Errorf("rule %d: %w", r.Priority, err)
		}
		rt.rules = append(rt.rules, c)
		n := len(rt.rules) - 1
		if i, found := rt.index(int32(n), r.Conditions); found { // whoever finds the rule has met it
			rt.rules[n].conditions = slices.Delete(rt.rules[n].conditions, i, i+1)
		}
	}
	return rt, nil
}

// index files a rule under its hosts, or among the scanned ones. Where it is under
// its hosts alone it tells which condition that is.
func (rt *router) index(n int32, conditions []Condition) (condition int, found bool) {
	i := slices.IndexFunc(conditions, func(c Condition) bool { return c.Field == HostHeader })
	if i < 0 || len(conditions[i].Regex) > 0 {
		rt.scanned = append(rt.scanned, n)
		return 0, false
	}
	var scan bool
	for _, v := range conditions[i].Values {
		g := newGlob(v, true, false)
		if host, ok := g.literal(); ok {
			rt.exact[host] = append(rt.exact[host], n)
		} else if tail, ok := g.suffix(); ok && tail[0] == '.' {
			rt.suffix[tail] = append(rt.suffix[tail], n)
		} else {
			scan = true
		}
	}
	if scan {
		rt.scanned = append(rt.scanned, n)
	}
	return i, !scan
}

// find returns the rule of the lowest priority whose conditions are met.
func (rt *router) find(r *request, host string) *rule {
	var few [8][]int32
	lists := few[:0]
	if l := rt.exact[host]; len(l) > 0 {
		lists = append(lists, l)
	}
	if len(rt.suffix) > 0 {
		for i := 0; i < len(host); i++ {
			if host[i] == '.' {
				if l := rt.suffix[host[i:]]; len(l) > 0 {
					lists = append(lists, l)
				}
			}
		}
	}
	if len(rt.scanned) > 0 {
		lists = append(lists, rt.scanned)
	}
	for {
		best := -1
		for i, l := range lists {
			if len(l) > 0 && (best < 0 || l[0] < lists[best][0]) {
				best = i
			}
		}
		if best < 0 {
			return &rt.fallback
		}
		c := &rt.rules[lists[best][0]]
		if c.met(r, host) {
			return c
		}
		lists[best] = lists[best][1:]
	}
}

func (c *rule) met(r *request, host string) bool {
	for _, met := range c.conditions {
		if !met(r, host) {
			return false
		}
	}
	return true
}

func compileRule(r Rule, actions func(Action) (*action, error)) (rule, error) {
	a, err := actions(r.Action)
	if err != nil {
		return rule{}, err
	}
	out := rule{id: r.ID, priority: r.Priority, action: a}
	for _, c := range r.Conditions {
		met, err := compileCondition(c)
		if err != nil {
			return rule{}, fmt.Errorf("%s condition: %w", c.Field, err)
		}
		out.conditions = append(out.conditions, met)
	}
	if out.rewriteHost, err = compileRewrites(r.RewriteHost, true); err != nil {
		return rule{}, fmt.Errorf("host-header-rewrite: %w", err)
	}
	if out.rewriteURL, err = compileRewrites(r.RewriteURL, false); err != nil {
		return rule{}, fmt.Errorf("url-rewrite: %w", err)
	}
	return out, nil
}

func compileCondition(c Condition) (condition, error) {
	switch c.Field {
	case HostHeader:
		match, err := newMatcher(c.Values, c.Regex, true)
		return func(_ *request, host string) bool { return match(host) }, err
	case PathPattern:
		match, err := newMatcher(c.Values, c.Regex, false)
		return func(r *request, _ string) bool { return match(r.path) }, err
	case RequestMethod:
		return func(r *request, _ string) bool { return slices.Contains(c.Values, r.method) }, nil
	case SourceIP:
		return sourceCondition(c.Values)
	case HTTPHeader:
		return headerCondition(c)
	case QueryString:
		return queryCondition(c.Query), nil
	}
	return nil, fmt.Errorf("field %q is not known", c.Field)
}

// newMatcher is met when any pattern or regular expression matches.
func newMatcher(values, exprs []string, fold bool) (func(string) bool, error) {
	var globs []glob
	for _, v := range values {
		globs = append(globs, newGlob(v, fold, false))
	}
	var regs []*regexp.Regexp
	for _, e := range exprs {
		if fold {
			e = "(?i)" + e
		}
		re, err := regexp.Compile(e)
		if err != nil {
			return nil, err
		}
		regs = append(regs, re)
	}
	return func(s string) bool {
		for _, g := range globs {
			if g.match(s) {
				return true
			}
		}
		for _, re := range regs {
			if re.MatchString(s) {
				return true
			}
		}
		return false
	}, nil
}

func sourceCondition(blocks []string) (condition, error) {
	var prefixes []netip.Prefix
	for _, b := range blocks {
		p, err := netip.ParsePrefix(b)
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, p.Masked())
	}
	return func(r *request, _ string) bool { return admits(prefixes, r.source) }, nil
}

func admits(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func headerCondition(c Condition) (condition, error) {
	match, err := newMatcher(c.Values, c.Regex, true)
	if equalFold(c.HeaderName, "Host") {
		return func(r *request, _ string) bool { return match(r.host) }, err
	}
	return func(r *request, _ string) bool {
		for v := range r.fields.all(c.HeaderName) {
			if match(v) {
				return true
			}
		}
		return false
	}, err
}

// queryCondition compares raw keys and values, as they stand in the URL.
func queryCondition(values []QueryValue) condition {
	type pair struct {
		key, value glob
		anyKey     bool
	}
	var pairs []pair
	for _, v := range values {
		pairs = append(pairs, pair{newGlob(v.Key, true, true), newGlob(v.Value, true, true), v.Key == ""})
	}
	return func(r *request, _ string) bool {
		if r.query == "" {
			return false
		}
		for part := range strings.SplitSeq(r.query, "&") {
			key, value, _ := strings.Cut(part, "=")
			for _, p := range pairs {
				if (p.anyKey || p.key.match(key)) && p.value.match(value) {
					return true
				}
			}
		}
		return false
	}
}
