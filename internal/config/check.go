package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// check holds a value against its shape and gives back what of it is right, with
// short forms written out: health: / is health: { path: / }. What is wrong is
// told and becomes nothing, so that one mistake isn't told twice.
func check(found *problems, n *node, s *shape, path string) *node {
	c := checker{found}
	return c.value(n, &key{name: path, shape: s})
}

type checker struct{ found *problems }

// value checks n as the value of k; nil when it is wrong or nothing.
func (c checker) value(n *node, k *key) *node {
	s := k.shape
	if n.kind == null {
		return c.nothing(n, k)
	}
	switch a := s.alternative(n.kind); {
	case a == nil:
	case a.kind == dict:
		return c.dict(n, a)
	case a.kind == list:
		return c.list(n, k, a)
	default:
		return c.scalar(n, k, a)
	}
	if s.short != "" && n.kind != dict {
		return c.short(n, k)
	}
	c.mistake(n.at, k, n.kind.String())
	return nil
}

// alternative is the shape for a value of that kind: exactly that, or a scalar
// for a scalar, so that messages can say what is wrong with it.
func (s *shape) alternative(k kind) *shape {
	var scalar *shape
	for a := s; a != nil; a = a.or {
		if a.kind == k {
			return a
		}
		if scalar == nil && a.kind.scalar() && k.scalar() {
			scalar = a
		}
	}
	return scalar
}

// nothing is a key without a value: it removes, is an empty dict, or is a mistake.
func (c checker) nothing(n *node, k *key) *node {
	switch {
	case k.empty:
		return &node{kind: dict, at: n.at}
	case k.removes:
		return n
	}
	c.mistake(n.at, k, "nothing")
	return nil
}

// mistake says that k takes something else than it was given.
func (c checker) mistake(at slipway.Position, k *key, given string) {
	c.found.add(at, k.sample(), "%s takes %s, not %s", k.said(), k.takes(), given)
}

// said is what messages call a key.
func (k *key) said() string {
	if k.name == "" {
		return "the file"
	}
	return k.name
}

// sample is the example of a key, as it is written.
func (k *key) sample() string {
	if k.example == "" {
		return ""
	}
	return k.name + ": " + k.example
}

func (c checker) short(n *node, k *key) *node {
	inner := *k.shape.key(k.short)
	inner.name, inner.example = k.name, k.example
	if !inner.fits(n.kind) {
		c.mistake(n.at, k, n.kind.String())
		return nil
	}
	v := c.value(n, &inner)
	if v == nil {
		return nil
	}
	return &node{kind: dict, at: n.at, entries: []entry{{k.short, n.at, v}}}
}

func (s *shape) fits(k kind) bool {
	for a := s; a != nil; a = a.or {
		if a.kind == k || a.kind.scalar() && k.scalar() || a.short != "" && k.scalar() {
			return true
		}
	}
	return false
}

func (c checker) list(n *node, k *key, s *shape) *node {
	l := &node{kind: list, at: n.at}
	for _, i := range n.items {
		if v := c.value(i, &key{name: k.name, shape: s.each, example: k.example}); v != nil {
			l.items = append(l.items, v)
		}
	}
	if len(n.items) == 0 {
		c.found.add(n.at, k.sample(), "%s is an empty list", k.said())
	}
	return l
}

func (c checker) dict(n *node, s *shape) *node {
	d := &node{kind: dict, at: n.at}
	for _, e := range n.entries {
		k := c.key(e, s)
		if k == nil {
			continue
		}
		v := c.value(e.value, k)
		if v == nil {
			v = &node{kind: null, wrong: true, at: e.value.at}
		}
		d.entries = append(d.entries, entry{e.key, e.at, v})
	}
	for _, k := range s.keys {
		if k.required && n.get(k.name) == nil {
			c.found.add(n.at, k.sample(), "%s is missing: %s", k.name, lowerFirst(strings.TrimSuffix(k.what, ".")))
		}
	}
	return d
}

// key is the key of s that e means, or nil.
func (c checker) key(e entry, s *shape) *key {
	if s.each != nil {
		if !s.names.pattern.MatchString(e.key) {
			c.found.add(e.at, "", "%q is no name for a %s: %s", e.key, s.called, s.names.says)
			return nil
		}
		return &key{name: e.key, shape: s.each}
	}
	if k := s.key(e.key); k != nil {
		return k
	}
	if almost := nearest(e.key, s.keyNames()); almost != "" {
		c.found.add(e.at, "", "unknown key %q; did you mean %q?", e.key, almost)
	} else if where := elsewhere(e.key); where != "" && s.name != "" {
		c.found.add(e.at, "", "unknown key %q in %s; it belongs to %s", e.key, s.name, where)
	} else {
		c.found.add(e.at, "", "unknown key %q; known are %s", e.key, strings.Join(s.keyNames(), ", "))
	}
	return nil
}

// elsewhere are the shapes that know a key.
func elsewhere(name string) string {
	var where []string
	for _, s := range shapes() {
		if s.key(name) != nil {
			where = append(where, s.name)
		}
	}
	return strings.Join(where, ", ")
}

// shapes are all dicts with keys of their own, in the table's order.
func shapes() []*shape {
	var all []*shape
	var visit func(s *shape)
	visit = func(s *shape) {
		if s == nil || slices.Contains(all, s) {
			return
		}
		if s.name != "" {
			all = append(all, s)
		}
		for _, k := range s.keys {
			visit(k.shape)
		}
		visit(s.each)
		visit(s.or)
	}
	visit(fileShape)
	return all
}

func (c checker) scalar(n *node, k *key, s *shape) *node {
	switch s.kind {
	case boolean:
		return c.boolean(n, k)
	case number:
		return c.number(n, k, s)
	}
	if n.kind != text && !s.coerce {
		c.unquoted(n, k, s)
		return nil
	}
	if c.text(n, k, s) {
		return &node{kind: text, text: n.text, quoted: n.quoted, at: n.at}
	}
	return nil
}

// unquoted is a number or a flag where a text is due.
func (c checker) unquoted(n *node, k *key, s *shape) {
	if s.span != nil {
		c.span(n, k, s)
		return
	}
	if s.rule == accountID {
		c.found.add(n.at, "", "account has to stand in quotes: account: %s; without them YAML reads a number, an octal one when it starts with 0", quote(n.text))
		return
	}
	c.found.add(n.at, "", "%s takes %s, not %s; in quotes it is text: %s", k.said(), k.takes(), n.kind, quote(n.text))
}

func (c checker) boolean(n *node, k *key) *node {
	if n.kind == boolean && !n.quoted {
		return n
	}
	hint := ""
	switch strings.ToLower(n.text) {
	case "yes", "y", "on", "true":
		hint = ": true"
	case "no", "n", "off", "false":
		hint = ": false"
	}
	if hint == "" {
		c.mistake(n.at, k, quote(n.text))
	} else {
		c.found.add(n.at, "", "%s takes true or false, not the text %s; write %s%s", k.said(), quote(n.text), k.said(), hint)
	}
	return nil
}

func (c checker) number(n *node, k *key, s *shape) *node {
	if n.kind != number {
		c.mistake(n.at, k, n.kind.String()+" "+quote(n.text))
		return nil
	}
	v, err := strconv.Atoi(n.text)
	out := s.max > 0 && (v < s.min || v > s.max) || s.numbers != nil && !slices.Contains(s.numbers, v)
	if err != nil || out {
		c.mistake(n.at, k, n.text)
		return nil
	}
	return n
}

func (c checker) text(n *node, k *key, s *shape) bool {
	switch {
	case s.words != nil:
		if slices.Contains(s.words, n.text) {
			return true
		}
		if almost := nearest(n.text, s.words); almost != "" {
			c.found.add(n.at, "", "%s takes one of %s; did you mean %s?", k.said(), strings.Join(s.words, ", "), almost)
			return false
		}
		c.mistake(n.at, k, quote(n.text))
		return false
	case s.span != nil:
		return c.span(n, k, s)
	case s.rule == accountID && !n.quoted:
		c.unquoted(n, k, s)
		return false
	case s.rule != nil && !s.placeheld(n.text) && !s.rule.pattern.MatchString(n.text):
		c.found.add(n.at, k.sample(), "%s %s is not right: %s", k.said(), quote(n.text), s.rule.says)
		return false
	}
	return true
}

// placeheld tells whether the rule can be asked only after {env} and the like
// are filled in.
func (s *shape) placeheld(t string) bool { return !s.plain && strings.Contains(t, "{") }

func (c checker) span(n *node, k *key, s *shape) bool {
	d, err := time.ParseDuration(n.text)
	switch {
	case err != nil || !duration.pattern.MatchString(n.text):
		c.found.add(n.at, k.sample(), "%s takes %s with its unit, not %s", k.said(), k.takes(), quote(n.text))
		return false
	case d < s.span.min || d > s.span.max:
		c.mistake(n.at, k, n.text)
		return false
	}
	return true
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
