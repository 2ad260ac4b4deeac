package report

import (
	"maps"
	"slices"

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
			s.Settings[k] = slipway.Presentable(k, v)
		}
		s.Differences = slices.Clone(s.Differences)
		for j := range s.Differences {
			d := &s.Differences[j]
			d.Have, d.Want = slipway.Presentable(d.Field, d.Have), slipway.Presentable(d.Field, d.Want)
		}
	}
	return &shown
}

// Seen is what was observed, as it may be shown.
func Seen(o *slipway.Observed) *slipway.Observed {
	shown := *o
	shown.Resources = maps.Clone(o.Resources)
	for id, have := range shown.Resources {
		have.Settings = maps.Clone(have.Settings)
		for k, v := range have.Settings {
			have.Settings[k] = slipway.Presentable(k, v)
		}
		shown.Resources[id] = have
	}
	return &shown
}
