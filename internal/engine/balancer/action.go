package balancer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// action is a compiled action; exactly one of its fields is set.
type action struct {
	forward  *forward
	redirect *Redirect
	fixed    *FixedResponse
}

// forward is a forward action with its groups resolved.
type forward struct {
	shares     []share
	total      int
	stickiness time.Duration
}

type share struct {
	group  *group
	weight int
}

func compileAction(a Action, groups map[string]*group) (*action, error) {
	kinds := 0
	for _, set := range []bool{a.Forward != nil, a.Redirect != nil, a.FixedResponse != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errors.New("an action is exactly one of forward, redirect and fixed response")
	case a.Forward != nil:
		f, err := compileForward(a.Forward, groups)
		return &action{forward: f}, err
	case a.Redirect != nil:
		if s := a.Redirect.Status; s != 301 && s != 302 {
			return nil, fmt.Errorf("a redirect is 301 or 302, not %d", s)
		}
		return &action{redirect: a.Redirect}, nil
	}
	return &action{fixed: a.FixedResponse}, nil
}

func compileForward(in *Forward, groups map[string]*group) (*forward, error) {
	f := &forward{stickiness: in.Stickiness}
	for _, w := range in.Groups {
		g, ok := groups[w.Group]
		if !ok {
			return nil, fmt.Errorf("target group %q is not in the configuration", w.Group)
		}
		weight := w.Weight
		if len(in.Groups) == 1 {
			weight = 1 // a single group gets everything
		}
		f.shares = append(f.shares, share{g, weight})
		f.total += weight
	}
	if len(f.shares) == 0 {
		return nil, errors.New("a forward action needs a target group")
	}
	return f, nil
}

// name is the action's name in the access log.
func (a *action) name() string {
	switch {
	case a.forward != nil:
		return "forward"
	case a.redirect != nil:
		return "redirect"
	}
	return "fixed-response"
}

// pick chooses a group by weight.
func (f *forward) pick() *group {
	if len(f.shares) == 1 {
		return f.shares[0].group
	}
	if f.total == 0 {
		return nil
	}
	n := rand.IntN(f.total)
	for _, s := range f.shares {
		if n -= s.weight; n < 0 {
			return s.group
		}
	}
	return nil
}

// location expands a redirect for a request that came over scheme to port.
// The port is always written, as the load balancer does.
func (d *Redirect) location(r *request, scheme string, port uint16, published map[uint16]uint16) string {
	keep := func(part, keyword string) string {
		if part == "" {
			return keyword
		}
		return part
	}
	expand := strings.NewReplacer(
		"#{protocol}", scheme,
		"#{host}", bracket(stripPort(r.host)),
		"#{port}", strconv.Itoa(int(port)),
		"#{path}", strings.TrimPrefix(r.path, "/"),
		"#{query}", r.query,
	)
	query := r.query
	if d.Query != nil {
		query = expand.Replace(strings.TrimPrefix(*d.Query, "?"))
	}
	to := expand.Replace(keep(d.Port, "#{port}"))
	if n, err := strconv.ParseUint(to, 10, 16); err == nil {
		if p, ok := published[uint16(n)]; ok {
			to = strconv.Itoa(int(p))
		}
	}
	var b strings.Builder
	b.WriteString(strings.ToLower(expand.Replace(keep(d.Protocol, "#{protocol}"))))
	b.WriteString("://")
	b.WriteString(expand.Replace(keep(d.Host, "#{host}")))
	b.WriteString(":" + to)
	b.WriteString(expand.Replace(keep(d.Path, "/#{path}")))
	if query != "" {
		b.WriteString("?" + query)
	}
	return b.String()
}

// bracket puts an IPv6 address back into the brackets a URL needs.
func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// rewrite is one replacement of a transform.
type rewrite struct {
	re      *regexp.Regexp
	replace string
}

func compileRewrites(in []Rewrite, fold bool) ([]rewrite, error) {
	var out []rewrite
	for _, w := range in {
		expr := w.Regex
		if fold {
			expr = "(?i)" + expr
		}
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, err
		}
		out = append(out, rewrite{re, groupReferences(w.Replace)})
	}
	return out, nil
}

// groupReferences turns $1 into ${1}: in a transform `$1x` is group 1 and an x,
// in package regexp it is the group called 1x.
func groupReferences(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '$' && i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9' {
			b.WriteString("${" + s[i+1:i+2] + "}")
			i++
			continue
		}
		if s[i] == '$' {
			b.WriteString("$$")
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// apply rewrites s by the first rewrite that matches.
func apply(rewrites []rewrite, s string) (string, bool) {
	for _, w := range rewrites {
		if w.re.MatchString(s) {
			return w.re.ReplaceAllString(s, w.replace), true
		}
	}
	return s, false
}
