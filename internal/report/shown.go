package report

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Shown is a plan as it may be shown to anybody who reads a log: values that
// look like secrets are left out.
func Shown(p *slipway.Plan) *slipway.Plan {
	shown := *p
	shown.Steps = slices.Clone(p.Steps)
	for i := range shown.Steps {
		s := &shown.Steps[i]
		s.Settings = maps.Clone(s.Settings)
		for k, v := range s.Settings {
			s.Settings[k] = value(k, v)
		}
		s.Differences = slices.Clone(s.Differences)
		for j := range s.Differences {
			d := &s.Differences[j]
			d.Have, d.Want = value(d.Field, d.Have), value(d.Field, d.Want)
		}
	}
	return &shown
}

// login is a URL with a password in it.
var login = regexp.MustCompile(`://[^/:@\s]*:[^@/\s]+@`)

// value is a setting as it is shown.
func value(field, v string) string {
	if !strings.Contains(field, "variables.") {
		return v
	}
	for _, word := range []string{"KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL", "PRIVATE", "MNEMONIC", "DSN"} {
		if strings.Contains(strings.ToUpper(field), word) && v != "" {
			return "(not shown)"
		}
	}
	if login.MatchString(v) {
		return "(not shown)"
	}
	return strings.TrimPrefix(v, "=")
}

// Seen is what was observed, as it may be shown.
func Seen(o *slipway.Observed) *slipway.Observed {
	shown := *o
	shown.Resources = maps.Clone(o.Resources)
	for id, have := range shown.Resources {
		have.Settings = maps.Clone(have.Settings)
		for k, v := range have.Settings {
			have.Settings[k] = value(k, v)
		}
		shown.Resources[id] = have
	}
	return &shown
}
