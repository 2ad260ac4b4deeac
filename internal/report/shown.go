package report

import (
	"maps"
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

// Inventory is what an environment has, for programs.
type Inventory struct {
	Account   string                     `json:"account"`
	Region    string                     `json:"region"`
	Resources []Item                     `json:"resources"`
	Instances []slipway.InstanceRoom     `json:"instances"`
	Services  map[string]slipway.Running `json:"services"`
	// Rules, Certificates and TargetGroups are the load balancer's.
	Rules        slipway.Quota `json:"rules"`
	Certificates slipway.Quota `json:"certificates"`
	TargetGroups slipway.Quota `json:"targetGroups"`
	Notes        []string      `json:"notes,omitempty"`
}

// Item is one resource that is there.
type Item struct {
	slipway.ID
	slipway.Seen
}

// Seen is what was observed, as it may be shown, in the order of its names.
func Seen(o *slipway.Observed) *Inventory {
	shown := &Inventory{Account: o.Account, Region: o.Region, Instances: o.Instances, Services: o.Running, Rules: o.Rules, Certificates: o.Certificates, TargetGroups: o.TargetGroups, Notes: o.Notes}
	for id, have := range o.Resources {
		have.Settings = maps.Clone(have.Settings)
		for k, v := range have.Settings {
			have.Settings[k] = slipway.Presentable(k, v)
		}
		shown.Resources = append(shown.Resources, Item{id, have})
	}
	slices.SortFunc(shown.Resources, func(a, b Item) int { return strings.Compare(a.String(), b.String()) })
	return shown
}
