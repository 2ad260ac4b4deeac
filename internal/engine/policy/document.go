package policy

import (
	"slices"
	"strings"
	"unicode"
)

// Document is a parsed policy, compiled for evaluation. It is never changed
// once made, so one may be shared by any number of requests.
type Document struct {
	// Version is "2012-10-17" or "2008-10-17"; the latter, which is what a
	// document without one has, knows no policy variables.
	Version string
	// ID is the document's Id element.
	ID string
	// Statements are in the document's order.
	Statements []*Statement

	indented bool // the text begins with white space
	keys     []string
}

// Statement is one statement of a document.
type Statement struct {
	Sid string
	// Allow is the effect: an Allow, or a Deny.
	Allow bool
	// Start and End are where the statement stands in the document's text.
	Start, End Position

	label      string // the Sid, or the number of the statement
	hasSid     bool
	actions    list
	resources  list
	principals *principals // nil when there are none
	exceptThem bool        // they are a NotPrincipal
	conditions []condition
}

// list is an Action, NotAction, Resource or NotResource element.
type list struct {
	present  bool
	not      bool
	patterns []pattern
}

// Position is a place in a document's text; both count from 1.
type Position struct{ Line, Column int }

// ContextKeys are the condition keys that the document refers to, in conditions
// and in policy variables, as first written there, in alphabetical order.
func (d *Document) ContextKeys() []string { return slices.Clone(d.keys) }

// Size is a document's length as IAM's quotas count it: without white space.
func Size(text string) int {
	n := 0
	for _, c := range text {
		if !unicode.IsSpace(c) {
			n++
		}
	}
	return n
}

// collectKeys finds the document's context keys.
func (d *Document) collectKeys() {
	seen := map[string]string{}
	add := func(k key) {
		if _, ok := seen[k.lower]; !ok {
			seen[k.lower] = k.name
		}
	}
	for _, s := range d.Statements {
		for i := range s.resources.patterns {
			s.resources.patterns[i].variables(add)
		}
		for i := range s.conditions {
			add(s.conditions[i].key)
			s.conditions[i].variables(add)
		}
	}
	for _, name := range seen {
		d.keys = append(d.keys, name)
	}
	slices.SortFunc(d.keys, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
}
