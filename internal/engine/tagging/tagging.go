// Package tagging is the tags of a resource and AWS's rules for them, which all
// services share but word each in its own way. Services convert their own tag
// types to and from a Set.
package tagging

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Most is how many tags a resource may have.
const Most = 50

// Set is a resource's tags.
type Set map[string]string

// Of makes a set from any service's list of tags; split takes one apart. Of a
// key that stands twice the last value counts.
func Of[T any](list []T, split func(T) (key, value *string)) Set {
	s := make(Set, len(list))
	for _, t := range list {
		k, v := split(t)
		if k == nil {
			continue
		}
		s[*k] = ""
		if v != nil {
			s[*k] = *v
		}
	}
	return s
}

// List is the tags as any service's list, sorted by key; join puts one together.
func List[T any](s Set, join func(key, value string) T) []T {
	out := make([]T, 0, len(s))
	for _, k := range s.Keys() {
		out = append(out, join(k, s[k]))
	}
	return out
}

// Keys is the tags' keys, sorted.
func (s Set) Keys() []string { return slices.Sorted(maps.Keys(s)) }

// With is a copy of the set with the tags of the other put over it.
func (s Set) With(other Set) Set {
	c := make(Set, len(s)+len(other))
	maps.Copy(c, s)
	maps.Copy(c, other)
	return c
}

// Without is a copy of the set without the keys.
func (s Set) Without(keys ...string) Set {
	c := maps.Clone(s)
	for _, k := range keys {
		delete(c, k)
	}
	return c
}

// Check says what is wrong with tags that a user gives to a resource: a key
// that is empty, too long or reserved (aws:), a value that is too long, more than Most.
func (s Set) Check() error {
	if len(s) > Most {
		return fmt.Errorf("a resource has at most %d tags, not %d", Most, len(s))
	}
	for _, k := range s.Keys() {
		switch v := s[k]; {
		case k == "":
			return fmt.Errorf("a tag's key is empty")
		case utf8.RuneCountInString(k) > 128:
			return fmt.Errorf("the tag key %.20q… is longer than 128 characters", k)
		case utf8.RuneCountInString(v) > 256:
			return fmt.Errorf("the value of the tag %q is longer than 256 characters", k)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return fmt.Errorf("tag keys that begin with aws: are reserved, %q is one", k)
		}
	}
	return nil
}

// RequestKeys are the condition keys aws:RequestTag/… and aws:TagKeys of a
// request that gives these tags.
func (s Set) RequestKeys(into map[string][]string) {
	for k, v := range s {
		into["aws:RequestTag/"+k] = []string{v}
	}
	if len(s) > 0 {
		into["aws:TagKeys"] = s.Keys()
	}
}

// ResourceKeys are the condition keys aws:ResourceTag/… of a resource with
// these tags.
func (s Set) ResourceKeys(into map[string][]string) {
	for k, v := range s {
		into["aws:ResourceTag/"+k] = []string{v}
	}
}
