package travis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Facts are what a condition is asked about.
type Facts struct {
	// Attributes has branch, tag, type, repo and so on. An attribute that is not
	// there is blank, as tag is in the build of a branch.
	Attributes map[string]string
	// Unknown are attributes that only Travis knows; a condition that comes to ask
	// for one fails with the text.
	Unknown map[string]string
	// Env is what env(NAME) knows: .travis.yml's variables and the repository's
	// settings, never the machine's.
	Env map[string]string
}

// Condition is an if: of .travis.yml, in Travis's language v1.
type Condition struct {
	text string
	root expression
}

// String is the condition as it was written.
func (c *Condition) String() string { return strings.Join(strings.Fields(c.text), " ") }

// Holds evaluates the condition. A nil condition holds.
func (c *Condition) Holds(f Facts) (bool, error) {
	if c == nil {
		return true, nil
	}
	v, err := c.root.value(f)
	return truthy(v), err
}

// value is nil (blank), a bool or a string: Travis turns "true" and "false" into
// booleans wherever they come up.
type value any

func cast(s string) value {
	switch strings.ToLower(s) {
	case "true":
		return true
	case "false":
		return false
	}
	return s
}

// truthy is Ruby's: all but nil and false, the empty string included.
func truthy(v value) bool { return v != nil && v != false }

func present(v value) bool {
	if s, ok := v.(string); ok {
		return s != ""
	}
	return truthy(v)
}

func said(v value) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

type expression interface{ value(Facts) (value, error) }

type (
	literal   string
	attribute string
	call      struct {
		name string
		args []expression
	}
	not    struct{ of expression }
	both   struct{ left, right expression }
	either struct{ left, right expression }
	equal  struct{ left, right expression }
	match  struct {
		left    expression
		pattern expression
	}
	within struct {
		left expression
		list []expression
	}
	is struct {
		of        expression
		predicate string
	}
)

func (l literal) value(Facts) (value, error) { return cast(string(l)), nil }

func (a attribute) value(f Facts) (value, error) {
	if why, ok := f.Unknown[string(a)]; ok {
		return nil, fmt.Errorf("%s is not known here: %s", string(a), why)
	}
	if s, ok := f.Attributes[string(a)]; ok {
		return cast(s), nil
	}
	return nil, nil
}

func (c call) value(f Facts) (value, error) {
	args := make([]string, len(c.args))
	for i, a := range c.args {
		v, err := a.value(f)
		if err != nil {
			return nil, err
		}
		if l, ok := a.(literal); ok {
			v = string(l)
		}
		args[i] = said(v)
	}
	if c.name == "concat" {
		return cast(strings.Join(args, "")), nil
	}
	if s, ok := f.Env[args[0]]; ok {
		return cast(s), nil
	}
	return nil, nil
}

func (n not) value(f Facts) (value, error) {
	v, err := n.of.value(f)
	return !truthy(v), err
}

func (b both) value(f Facts) (value, error) {
	v, err := b.left.value(f)
	if err != nil || !truthy(v) {
		return v, err
	}
	return b.right.value(f)
}

func (e either) value(f Facts) (value, error) {
	v, err := e.left.value(f)
	if err != nil || truthy(v) {
		return v, err
	}
	return e.right.value(f)
}

func (e equal) value(f Facts) (value, error) {
	l, err := e.left.value(f)
	if err != nil {
		return nil, err
	}
	r, err := e.right.value(f)
	return l == r, err
}

func (m match) value(f Facts) (value, error) {
	l, err := m.left.value(f)
	if err != nil {
		return nil, err
	}
	text := ""
	if p, ok := m.pattern.(literal); ok {
		text = string(p)
	} else {
		v, err := m.pattern.value(f)
		if err != nil {
			return nil, err
		}
		text = said(v)
	}
	re, err := ruby(text)
	if err != nil {
		return nil, err
	}
	s, ok := l.(string)
	return ok && re.MatchString(s), nil
}

func (w within) value(f Facts) (value, error) {
	l, err := w.left.value(f)
	if err != nil {
		return nil, err
	}
	for _, e := range w.list {
		v, err := e.value(f)
		if err != nil || v == l {
			return v == l, err
		}
	}
	return false, nil
}

func (i is) value(f Facts) (value, error) {
	v, err := i.of.value(f)
	switch i.predicate {
	case "present":
		return present(v), err
	case "blank":
		return !present(v), err
	case "true":
		return truthy(v), err
	}
	return !truthy(v), err
}

// flagged finds what means another thing in Ruby's regular expressions than in Go's.
var flagged = lazyregexp.New(`\(\?[a-zA-Z-]*[mx]|\(\?P`)

// ruby compiles a regular expression of Ruby's: ^ and $ are at the ends of lines.
// What it may have and Go's has not is an error.
func ruby(text string) (*regexp.Regexp, error) {
	if flagged.MatchString(text) {
		return nil, fmt.Errorf("the regular expression %s has options that are not served here", text)
	}
	re, err := regexp.Compile("(?m)" + text)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return nil, fmt.Errorf("the regular expression %s: %s", text, why)
	}
	return re, nil
}

// attributes are those that Travis knows.
var attributes = []string{"type", "repo", "head_repo", "os", "dist", "group", "sudo", "language", "sender", "fork", "branch", "head_branch", "tag", "commit_message"}

func isAttribute(word string) bool { return slices.Contains(attributes, word) }
