package ec2

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

// Bounds of filters ("Listing and filtering using the CLI and API").
const (
	maxFilterValues = 200
	maxFilters      = 50
)

// fields are the filter names of a Describe operation and the values that each
// reads from what the operation answers. The names tag:KEY, tag-key and
// tag-value belong to all that have tags.
type fields[T any] map[string]func(*T) []string

// matcher puts filters together: a resource must have, for every filter, one of
// its values.
func (f fields[T]) matcher(filters []api.Filter, tags func(*T) []api.Tag) (func(*T) bool, error) {
	if len(filters) > maxFilters {
		return nil, awsapi.Errorf("FilterLimitExceeded", 400, "The maximum number of filters on a single call is %d", maxFilters)
	}
	type test struct {
		read     func(*T) []string
		patterns []string
	}
	var tests []test
	for _, filter := range filters {
		name := awsapi.V(filter.Name)
		read, ok := f.reader(name, tags)
		switch {
		case !ok:
			return nil, invalidValue("The filter '%s' is invalid", name)
		case len(filter.Values) == 0:
			return nil, invalidValue("The filter '%s' is missing its values", name)
		case len(filter.Values) > maxFilterValues:
			return nil, awsapi.Errorf("FilterLimitExceeded", 400, "The maximum number of filter values specified on a single call is %d", maxFilterValues)
		}
		tests = append(tests, test{read, filter.Values})
	}
	return func(row *T) bool {
		for _, t := range tests {
			if !anyMatch(t.patterns, t.read(row)) {
				return false
			}
		}
		return true
	}, nil
}

func (f fields[T]) reader(name string, tags func(*T) []api.Tag) (func(*T) []string, bool) {
	if read, ok := f[name]; ok || tags == nil {
		return read, ok
	}
	key, isTag := strings.CutPrefix(name, "tag:")
	switch {
	case isTag:
		return func(row *T) []string { return tagValues(tags(row), &key) }, true
	case name == "tag-key":
		return func(row *T) (keys []string) {
			for _, t := range tags(row) {
				keys = append(keys, *t.Key)
			}
			return keys
		}, true
	case name == "tag-value":
		return func(row *T) []string { return tagValues(tags(row), nil) }, true
	}
	return nil, false
}

// tagValues are the values under the key, or all.
func tagValues(tags []api.Tag, key *string) (values []string) {
	for _, t := range tags {
		if key == nil || *key == *t.Key {
			values = append(values, *t.Value)
		}
	}
	return values
}

func anyMatch(patterns, values []string) bool {
	for _, p := range patterns {
		for _, v := range values {
			if wild(p, v) {
				return true
			}
		}
	}
	return false
}

// wild tells whether a filter's value matches: * is any characters, ? any one,
// a backslash takes the next as it is.
func wild(pattern, s string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == s
	}
	p, v := []rune(pattern), []rune(s)
	at, back, from := 0, -1, 0 // back is where the last * stands, from what it has eaten up to
	for i := 0; i < len(v); {
		switch {
		case at < len(p) && p[at] == '*':
			back, from = at, i
			at++
		case at < len(p) && p[at] == '?':
			at, i = at+1, i+1
		case at+1 < len(p) && p[at] == '\\' && p[at+1] == v[i]:
			at, i = at+2, i+1
		case at < len(p) && p[at] != '\\' && p[at] == v[i]:
			at, i = at+1, i+1
		case back >= 0:
			from++
			at, i = back+1, from
		default:
			return false
		}
	}
	for at < len(p) && p[at] == '*' {
		at++
	}
	return at == len(p)
}

// Readers of fields.

// str is the values of a field that is text.
func str[T any](get func(*T) *string) func(*T) []string {
	return func(row *T) []string { return some(get(row)) }
}

// enum is the value of a field that is of an enumeration.
func enum[T any, E ~string](get func(*T) E) func(*T) []string {
	return func(row *T) []string {
		if v := get(row); v != "" {
			return []string{string(v)}
		}
		return nil
	}
}

// flag is the value of a field that is true or false; absent is false.
func flag[T any](get func(*T) *bool) func(*T) []string {
	return func(row *T) []string { return []string{strconv.FormatBool(awsapi.V(get(row)))} }
}

// number is the value of a field that is a number.
func number[T any](get func(*T) *int) func(*T) []string {
	return func(row *T) []string {
		if n := get(row); n != nil {
			return []string{strconv.Itoa(*n)}
		}
		return nil
	}
}

// each is the values of a field of every element of a list.
func each[T, E any](list func(*T) []E, get func(*E) []string) func(*T) []string {
	return func(row *T) (all []string) {
		elems := list(row)
		for i := range elems {
			all = append(all, get(&elems[i])...)
		}
		return all
	}
}

func some(s *string) []string {
	if s == nil || *s == "" {
		return nil
	}
	return []string{*s}
}
