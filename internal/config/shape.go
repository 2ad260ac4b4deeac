package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// shape is what a value may be: one row of the table that Load, the JSON Schema
// and the reference page are made of.
type shape struct {
	kind kind
	// name is its definition's in the schema and its section's in the page.
	name string
	// doc is what a section of the page starts with.
	doc string
	// keys are those of a dict; each is the shape of any other key's value, or
	// of a list's items.
	keys []*key
	each *shape
	// names is the rule of a dict's free keys, called what they are.
	names  *rule
	called string
	// rule, words, min, max and numbers are what a scalar has to keep to.
	rule     *rule
	words    []string
	min, max int
	numbers  []int
	span     *span
	// short is the key of this dict that a scalar or list in its place stands for.
	short string
	// or is another shape that does as well, of another kind.
	or *shape
	// coerce lets numbers and flags be text, exactly as written.
	coerce bool
	// removes lets null (~) remove what is inherited; empty lets it be a dict
	// without keys.
	removes, empty bool
	// late texts may have {tag} and {commit}; plain texts no placeholder at all.
	late, plain bool
}

// key is one key that a dict may have.
type key struct {
	name string
	*shape
	what     string // one sentence
	example  string
	fallback string // what it is when left out, for people
	required bool
}

// rule is a pattern and how to say it.
type rule struct {
	pattern *lazyregexp.Regexp
	says    string
}

func newRule(source, says string) *rule { return &rule{lazyregexp.New(source), says} }

// span bounds a duration.
type span struct{ min, max time.Duration }

// key is the key of that name, or nil.
func (s *shape) key(name string) *key {
	for _, k := range s.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}

// names of the keys, for suggestions.
func (s *shape) keyNames() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}

// takes says what a value may be.
func (s *shape) takes() string {
	says := s.takesOne()
	if s.short != "" {
		short := s.key(s.short)
		if first := short.takesOne(); first != "" {
			says = first + ", or " + says
		}
		if short.or != nil {
			says = short.or.takesOne() + ", " + says
		}
	}
	if s.or != nil {
		says += ", or " + s.or.takesOne()
	}
	return says
}

func (s *shape) takesOne() string {
	switch {
	case s.words != nil:
		return "one of " + strings.Join(s.words, ", ")
	case s.numbers != nil:
		return "one of " + strings.Trim(fmt.Sprint(s.numbers), "[]")
	case s.span != nil:
		return "a duration from " + short(s.span.min) + " to " + short(s.span.max)
	case s.kind == number && s.max > 0:
		return fmt.Sprintf("a number from %d to %d", s.min, s.max)
	case s.kind == list:
		return "a list"
	case s.kind == dict && len(s.keys) == 1:
		return "{ " + s.keys[0].name + ": " + s.keys[0].example + " }"
	case s.coerce:
		return "text, a number, true or false"
	}
	return s.kind.String()
}

// short is a duration without the zeroes: 5m, not 5m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func quote(s string) string { return strconv.Quote(s) }
