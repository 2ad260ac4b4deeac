package travis

import (
	"regexp"
	"slices"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// filter is branches: only and except.
type filter struct {
	only, except []pattern
	at           slipway.Position
}

// pattern is a name, or a regular expression between slashes.
type pattern struct {
	name string
	re   *regexp.Regexp
}

func (p pattern) matches(branch string) bool {
	if p.re != nil {
		return p.re.MatchString(branch)
	}
	return p.name == branch
}

func (b *builder) filter(n *node) filter {
	if n == nil {
		return filter{}
	}
	f := filter{at: n.at}
	if n.kind != dict {
		f.only = b.patterns(n)
		return f
	}
	for _, e := range n.entries {
		switch e.key {
		case "only":
			f.only = b.patterns(e.value)
		case "except":
			f.except = b.patterns(e.value)
		default:
			b.add(e.at, "branches has only and except; %s is neither", e.key)
		}
	}
	return f
}

var slashed = lazyregexp.New(`^/(.*)/i?$`)

func (b *builder) patterns(n *node) []pattern {
	var list []pattern
	for _, v := range n.each() {
		p := pattern{name: v.said()}
		if m := slashed.FindStringSubmatch(p.name); m != nil {
			text := m[1]
			if p.name[len(p.name)-1] == 'i' {
				text = "(?i)" + text
			}
			var err error
			if p.re, err = ruby(text); err != nil {
				b.add(v.at, "%s", err)
				continue
			}
		}
		list = append(list, p)
	}
	return list
}

// excludes tells why a branch, or a tag, which counts as one, is not built.
func (f filter) excludes(branch string) (why string, excluded bool) {
	matches := func(p pattern) bool { return p.matches(branch) }
	switch {
	case len(f.only) > 0 && !slices.ContainsFunc(f.only, matches):
		return "branches.only does not have " + branch + " (a tag counts as a branch)", true
	case len(f.only) > 0:
		return "", false
	case slices.ContainsFunc(f.except, matches):
		return "branches.except has " + branch, true
	case branch == "gh-pages":
		return "Travis does not build gh-pages unless branches.only has it", true
	}
	return "", false
}
