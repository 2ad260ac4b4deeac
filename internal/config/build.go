package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// builder makes nouns of a checked tree, one environment at a time.
type builder struct {
	found    *problems
	file     *node
	app, env string
	// lookup finds variables where slipway runs.
	lookup func(string) (string, bool)
}

func build(found *problems, file *node, lookup func(string) (string, bool)) *slipway.Stack {
	b := &builder{found: found, file: file, lookup: lookup}
	b.app = b.text(file.get("app"), "app")
	stack := &slipway.Stack{App: b.app, At: file.positions()}
	environments := file.get("environments")
	if environments == nil || len(environments.entries) == 0 {
		if environments != nil && len(found.found) == 0 {
			found.add(environments.at, "playground: { on: engine, host: demo.example.com }", "environments has none")
		}
		return stack
	}
	for _, e := range environments.entries {
		one := *b
		one.env = e.key
		stack.Environments = append(stack.Environments, one.environment(e))
	}
	b.across(stack)
	return stack
}

// text is a filled text, or the fallback where n is left out. Where filling
// broke the rule of the key it says so.
func (b *builder) text(n *node, fallback string) string {
	if n.empty() {
		return fallback
	}
	return b.fill(n, false)
}

// ruled is text that has to keep a rule after it is filled.
func (b *builder) ruled(n *node, called string, r *rule, fallback string) string {
	t := b.text(n, fallback)
	if !n.empty() && t != n.text && !strings.Contains(n.text, "{tag}") && !r.pattern.MatchString(t) {
		b.found.add(n.at, "", "%s %s is not right in %s: %s", called, quote(t), b.env, r.says)
	}
	return t
}

func (b *builder) late(n *node, fallback string) string {
	if n.empty() {
		return fallback
	}
	return b.fill(n, true)
}

// texts is a text or a list of them.
func (b *builder) texts(n *node, called string, r *rule) []string {
	var all []string
	for _, i := range n.each() {
		all = append(all, b.ruled(i, called, r, ""))
	}
	return all
}

// each is the items of a list, or a scalar alone.
func (n *node) each() []*node {
	switch {
	case n.empty():
		return nil
	case n.kind == list:
		return n.items
	}
	return []*node{n}
}

func (b *builder) lateMap(n *node) map[string]string {
	return b.dictionary(n, func(v *node) string { return b.fill(v, true) })
}

func (b *builder) dictionary(n *node, value func(*node) string) map[string]string {
	if n.empty() {
		return nil
	}
	m := map[string]string{}
	for _, e := range n.entries {
		if e.value.kind == null {
			continue
		}
		m[e.key] = value(e.value)
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

func numberAt(n *node, fallback int) int {
	if n.empty() {
		return fallback
	}
	v, err := strconv.Atoi(n.text)
	if err != nil {
		return fallback
	}
	return v
}

func flagAt(n *node, fallback bool) bool {
	if n.empty() {
		return fallback
	}
	return n.text == "true" || n.text == "True" || n.text == "TRUE"
}

func spanAt(n *node, fallback time.Duration) time.Duration {
	if n.empty() {
		return fallback
	}
	d, err := time.ParseDuration(n.text)
	if err != nil {
		return fallback
	}
	return d
}

// place is where n stands, or where the thing around it does.
func place(n *node, around slipway.Position) slipway.Position {
	if n == nil || n.at.Line == 0 {
		return around
	}
	return n.at
}
