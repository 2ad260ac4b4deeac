package placement

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expression is a parsed expression of the cluster query language, as in
// memberOf constraints and ListContainerInstances' filter:
//
//	attribute:ecs.instance-type =~ t3.* and not (task:group == database)
type Expression struct {
	text string
	root term
	// still tells that only attributes are named, so that instances with the same
	// attributes all get the same answer.
	still bool
}

// String is the expression's text.
func (e *Expression) String() string { return e.text }

// Match tells whether the expression is true of the instance.
func (e *Expression) Match(i *Instance) bool { return e.root.match(i) }

// term is a node of an expression's tree.
type term interface{ match(*Instance) bool }

type and struct{ a, b term }
type or struct{ a, b term }
type not struct{ a term }

func (t and) match(i *Instance) bool { return t.a.match(i) && t.b.match(i) }
func (t or) match(i *Instance) bool  { return t.a.match(i) || t.b.match(i) }
func (t not) match(i *Instance) bool { return !t.a.match(i) }

// comparison is "subject operator argument". The negative operators are a not
// around the positive ones, so an instance without the attribute matches them.
type comparison struct {
	subject string // attribute's are under "attribute:"
	op      string // ==, <, <=, >, >=, exists, in, =~
	args    []string
	re      *regexp.Regexp
	number  int
	at      time.Time
}

// operators are the spellings, each with its positive operator.
var operators = map[string]struct {
	op       string
	negative bool
}{
	"==": {"==", false}, "equals": {"==", false},
	"!=": {"==", true}, "not_equals": {"==", true},
	">": {">", false}, "greater_than": {">", false},
	">=": {">=", false}, "greater_than_equal": {">=", false},
	"<": {"<", false}, "less_than": {"<", false},
	"<=": {"<=", false}, "less_than_equal": {"<=", false},
	"exists": {"exists", false}, "!exists": {"exists", true}, "not_exists": {"exists", true},
	"in": {"in", false}, "!in": {"in", true}, "not_in": {"in", true},
	"=~": {"=~", false}, "matches": {"=~", false},
	"!~": {"=~", true}, "not_matches": {"=~", true},
}

// allowed are the operators of the subjects that do not take all.
var allowed = map[string][]string{
	"agentConnected":    {"==", "in", "=~"},
	"agentVersion":      {"==", "<", "<=", ">", ">="},
	"ec2InstanceId":     {"==", "in", "=~"},
	"registeredAt":      {"==", "<", "<=", ">", ">="},
	"runningTasksCount": {"==", "<", "<=", ">", ">="},
	"task:group":        {"==", "in", "=~", "exists", "<", "<=", ">", ">="},
}

// prepare checks a comparison and parses its argument once.
func (c *comparison) prepare() error {
	if name, ok := strings.CutPrefix(c.subject, "attribute:"); ok && name != "" {
		return c.pattern()
	}
	ops, ok := allowed[c.subject]
	if !ok {
		return fmt.Errorf("%q is not a subject", c.subject)
	}
	if !slices.Contains(ops, c.op) {
		return fmt.Errorf("%s does not take the operator %s", c.subject, c.op)
	}
	var err error
	switch c.subject {
	case "runningTasksCount":
		if c.number, err = strconv.Atoi(c.args[0]); err != nil {
			return fmt.Errorf("%q is not a number", c.args[0])
		}
	case "registeredAt":
		if c.at, err = parseTime(c.args[0]); err != nil {
			return err
		}
	}
	return c.pattern()
}

func (c *comparison) pattern() (err error) {
	if c.op != "=~" {
		return nil
	}
	// Java's matches() is of the whole text.
	if c.re, err = regexp.Compile(`\A(?:` + c.args[0] + `)\z`); err != nil {
		return fmt.Errorf("%q is not a regular expression that can be served", c.args[0])
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date", s)
}

func (c *comparison) match(i *Instance) bool {
	switch c.subject {
	case "agentConnected":
		return c.text(strconv.FormatBool(i.Connected))
	case "agentVersion":
		return ordered(c.op, compareVersions(i.Agent, c.args[0]))
	case "ec2InstanceId":
		return c.text(i.EC2)
	case "registeredAt":
		return ordered(c.op, i.RegisteredAt.Compare(c.at))
	case "runningTasksCount":
		return ordered(c.op, i.Running-c.number)
	case "task:group":
		for g, n := range i.Groups {
			if n > 0 && c.text(g) {
				return true
			}
		}
		return false
	}
	v, ok := i.Attributes[c.subject[len("attribute:"):]]
	return ok && c.text(v)
}

// text compares a text that exists.
func (c *comparison) text(v string) bool {
	switch c.op {
	case "exists":
		return true
	case "==":
		return v == c.args[0]
	case "in":
		return slices.Contains(c.args, v)
	case "=~":
		return c.re.MatchString(v)
	}
	return ordered(c.op, compareTexts(v, c.args[0]))
}

func ordered(op string, cmp int) bool {
	switch op {
	case "==":
		return cmp == 0
	case "<":
		return cmp < 0
	case "<=":
		return cmp <= 0
	case ">":
		return cmp > 0
	default:
		return cmp >= 0
	}
}

// compareTexts compares numbers as numbers and everything else as text.
func compareTexts(a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	switch {
	case err1 != nil || err2 != nil:
		return strings.Compare(a, b)
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// compareVersions compares 1.14.5 and 1.9 part by part.
func compareVersions(a, b string) int {
	as, bs := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range max(len(as), len(bs)) {
		x, y := "0", "0"
		if i < len(as) {
			x = as[i]
		}
		if i < len(bs) {
			y = bs[i]
		}
		if c := compareTexts(x, y); c != 0 {
			return c
		}
	}
	return 0
}
