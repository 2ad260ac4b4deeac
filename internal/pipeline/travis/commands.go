package travis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// commands are the lines of a phase. "skip" and "ignore" are none, but given.
func (b *builder) commands(n *node) (lines []Command, given bool) {
	if n == nil {
		return nil, false
	}
	for _, line := range n.each() {
		switch {
		case line.kind == list:
			more, _ := b.commands(line) // an alias to a list of lines
			lines = append(lines, more...)
		case line.kind == dict:
			b.add(line.at, `this is no command but a key with a value: put quotes around a line that has ": " in it`)
		case line.kind == null:
		case line.plain && line.text == "false":
			b.add(line.at, "false is a command that fails; write skip to leave the phase out")
		default:
			lines = append(lines, Command{strings.TrimRight(line.text, "\n"), line.at})
		}
	}
	if len(lines) == 1 && (lines[0].Text == "skip" || lines[0].Text == "ignore") {
		lines = nil
	}
	return lines, true
}

// stageName is a stage's name as Travis shows it: its first letter is a capital.
func stageName(s string) string {
	for i, r := range s {
		return s[:i] + strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

func (b *builder) stages(n *node) []Stage {
	var list []Stage
	for _, s := range n.each() {
		stage := Stage{Name: stageName(s.said()), at: s.at}
		if s.kind == dict {
			stage.Name, stage.If = stageName(s.get("name").said()), b.condition(s.get("if"))
			for _, e := range s.entries {
				if e.key != "name" && e.key != "if" {
					b.add(e.at, "stages have name and if; %s is not served by ci run", e.key)
				}
			}
		}
		if stage.Name == "" {
			b.add(s.at, "the stage has no name")
			continue
		}
		list = append(list, stage)
	}
	return list
}

// condition reads an if:.
func (b *builder) condition(n *node) *Condition {
	if n == nil {
		return nil
	}
	if n.kind != scalar {
		b.add(n.at, "a condition has to be text")
		return nil
	}
	c, err := ParseCondition(n.text)
	if e, ok := err.(*SyntaxError); ok {
		b.add(within1(n, e.Offset), "if: %s", b.where(n, e))
	}
	return c
}

// within1 is the place of an offset in a scalar, as far as columns tell.
func within1(n *node, offset int) slipway.Position {
	at := n.at
	if n.plain {
		at.Column += len([]rune(n.text[:min(offset, len(n.text))]))
	}
	return at
}

func (b *builder) where(n *node, e *SyntaxError) string {
	if n.plain {
		return e.Message
	}
	return fmt.Sprintf("%s (character %d of the condition)", e.Message, len([]rune(n.text[:e.Offset]))+1)
}

// same tells whether two jobs would do the same under the same name.
func same(a, b Job) bool {
	if a.Stage != b.Stage || a.Name != b.Name || a.env != b.env || a.Language != b.Language || a.If.string() != b.If.string() || len(a.phases) != len(b.phases) || len(a.Deploys) != len(b.Deploys) {
		return false
	}
	for p, lines := range a.phases {
		if !slices.EqualFunc(lines, b.phases[p], func(x, y Command) bool { return x.Text == y.Text }) {
			return false
		}
	}
	for i := range a.Deploys {
		if a.Deploys[i].Script.Text != b.Deploys[i].Script.Text || fmt.Sprint(a.Deploys[i].On) != fmt.Sprint(b.Deploys[i].On) {
			return false
		}
	}
	for k, v := range a.Versions {
		if b.Versions[k] != v {
			return false
		}
	}
	return len(a.Versions) == len(b.Versions)
}

func (c *Condition) string() string {
	if c == nil {
		return ""
	}
	return c.text
}
