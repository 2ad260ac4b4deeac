package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Document is an IAM policy.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition Condition `json:",omitempty"`
	// Why says why a statement's resource is "*"; it is no part of the document.
	Why string `json:"-"`
}

// Condition is operator → key → values.
type Condition map[string]map[string][]string

// most is how large a managed policy may be, white space aside ("IAM and AWS STS
// quotas" in the User Guide).
const most = 6144

// Of is the document of statements. Statements with the same Sid become one.
func Of(statements ...Statement) Document {
	d := Document{Version: "2012-10-17"}
	for _, s := range statements {
		i := slices.IndexFunc(d.Statement, func(o Statement) bool { return o.Sid == s.Sid })
		if i < 0 {
			d.Statement = append(d.Statement, Statement{Sid: s.Sid, Effect: "Allow", Why: s.Why})
			i = len(d.Statement) - 1
		}
		into := &d.Statement[i]
		into.Action, into.Resource = union(into.Action, s.Action), union(into.Resource, s.Resource)
		into.Condition = into.Condition.with(s.Condition)
	}
	d.Statement = slices.DeleteFunc(d.Statement, func(s Statement) bool { return len(s.Action) == 0 || len(s.Resource) == 0 })
	return d
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

func (c Condition) with(more Condition) Condition {
	for op, keys := range more {
		if c == nil {
			c = Condition{}
		}
		if c[op] == nil {
			c[op] = map[string][]string{}
		}
		for k, v := range keys {
			c[op][k] = union(c[op][k], v)
		}
	}
	return c
}

// JSON is the document as IAM takes it.
func (d Document) JSON() string {
	b, err := json.Marshal(d)
	if err != nil { // strings alone
		panic(err)
	}
	return string(b)
}

// Pretty is the document for people.
func (d Document) Pretty() string {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(b)
}

// size is how IAM counts a document: without white space.
func (d Document) size() int {
	size := 0
	for _, r := range d.JSON() {
		if !unicode.IsSpace(r) {
			size++
		}
	}
	return size
}

// Parts are the document as one or more that IAM takes, each with whole
// statements.
func (d Document) Parts() ([]Document, error) {
	part := Document{Version: d.Version}
	var parts []Document
	for _, s := range d.Statement {
		more := Document{Version: d.Version, Statement: append(slices.Clone(part.Statement), s)}
		switch {
		case more.size() <= most:
			part = more
		case len(part.Statement) == 0:
			return nil, fmt.Errorf("statement %s alone has more than the %d characters that IAM takes", s.Sid, most)
		default:
			parts = append(parts, part)
			part = Document{Version: d.Version, Statement: []Statement{s}}
			if part.size() > most {
				return nil, fmt.Errorf("statement %s alone has more than the %d characters that IAM takes", s.Sid, most)
			}
		}
	}
	return append(parts, part), nil
}

// Without is the document without one statement.
func (d Document) Without(sid string) Document {
	return Document{Version: d.Version, Statement: slices.DeleteFunc(slices.Clone(d.Statement), func(s Statement) bool { return s.Sid == sid })}
}

// Lines are the statements as a person reads them, one each: actions on
// resources, both as short as they can be said.
func (d Document) Lines() []string {
	var lines []string
	for _, s := range d.Statement {
		line := short(s.Action) + " on " + resources(s.Resource)
		for _, op := range slices.Sorted(maps.Keys(s.Condition)) {
			for _, k := range slices.Sorted(maps.Keys(s.Condition[op])) {
				if k == "iam:PassedToService" {
					line += " to " + strings.Join(s.Condition[op][k], ", ")
					continue
				}
				line += fmt.Sprintf(" where %s is %s", k, strings.Join(s.Condition[op][k], " or "))
			}
		}
		if s.Why != "" {
			line += " (" + s.Why + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// short says a service once for all of its actions, and of many only how many.
func short(actions []string) string {
	if len(actions) > 8 {
		var services []string
		for _, a := range actions {
			service, _, _ := strings.Cut(a, ":")
			services = append(services, service)
		}
		return fmt.Sprintf("%d actions of %s", len(actions), strings.Join(slices.Compact(services), ", "))
	}
	var b strings.Builder
	last := ""
	for i, a := range actions {
		service, name, _ := strings.Cut(a, ":")
		switch {
		case i == 0:
			b.WriteString(a)
		case service == last:
			b.WriteString(", " + name)
		default:
			b.WriteString(", " + a)
		}
		last = service
	}
	return b.String()
}

func resources(arns []string) string {
	var list []string
	for _, a := range arns {
		if parts := strings.SplitN(a, ":", 6); len(parts) == 6 {
			a = parts[5]
		}
		list = append(list, a)
	}
	return strings.Join(list, ", ")
}
