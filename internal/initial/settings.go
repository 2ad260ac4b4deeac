package initial

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// settings are keys of slipway.yaml with their values as YAML text, in order; a
// dot leads into a key: variables.LOG_LEVEL.
type settings struct {
	keys   []string
	values map[string]string
}

func newSettings() *settings {
	return &settings{values: map[string]string{}}
}

func (s *settings) set(key, value string) {
	if value == "" {
		return
	}
	if _, ok := s.values[key]; !ok {
		s.keys = append(s.keys, key)
	}
	s.values[key] = value
}

func (s *settings) drop(key string) {
	delete(s.values, key)
	s.keys = slices.DeleteFunc(s.keys, func(k string) bool { return k == key })
}

// common takes what all have alike out of them.
func common(all []*settings) *settings {
	shared := newSettings()
	if len(all) == 0 {
		return shared
	}
	for _, key := range slices.Clone(all[0].keys) {
		value := all[0].values[key]
		if slices.ContainsFunc(all, func(s *settings) bool { return s.values[key] != value }) {
			continue
		}
		shared.set(key, value)
		for _, s := range all {
			s.drop(key)
		}
	}
	return shared
}

// scalar writes a text as YAML, quoted where it would be read as something else.
func scalar(s string) string {
	if s == "" || token.IsNeedQuoted(s) || strings.ContainsAny(s, "{}[],#&*!|>'\"%@`\n") || strings.Contains(s, ": ") || strings.HasSuffix(s, ":") || looksOther(s) {
		return strconv.Quote(s)
	}
	return s
}

// looksOther tells whether some YAML reads a plain text as no text.
func looksOther(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off", "y", "n", "true", "false", "null", "~":
		return true
	}
	return strings.Trim(s, "0123456789.+-_eExXoO:") == ""
}

// words writes a command.
func words(list []string) string {
	if len(list) == 0 {
		return ""
	}
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = scalar(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
