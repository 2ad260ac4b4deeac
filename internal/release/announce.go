package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// announce says what a run is about to do: the tag, what differs, whether there
// is room, and how long it may take.
func (o Options) announce(ctx context.Context, env *slipway.Environment, p *slipway.Plan, seen *slipway.Observed, v Version, dir string) {
	o.note("tag", "", chosen(ctx, env, seen, v, dir))
	for _, n := range p.Notes {
		o.note("note", "", n)
	}
	for i := range env.Services {
		s := &env.Services[i]
		running, there := seen.Running[s.Name]
		if !there || running.Desired == 0 {
			continue
		}
		name := ""
		if len(env.Services) > 1 {
			name = s.Name
		}
		what := changes(p, s.Name, env.Image.Released(running.Tag), v.Tag)
		o.note("change", name, what)
		if what == nothing && !o.Force {
			continue
		}
		if text := roomText(p, s.Name); text != "" {
			o.note("room", name, text)
		}
		o.note("budget", name, plan.BudgetOf(s).String())
	}
}

const nothing = "nothing"

// chosen is the release in a line: tag, why this one, commit, age, and what it
// takes the place of.
func chosen(ctx context.Context, env *slipway.Environment, seen *slipway.Observed, v Version, dir string) string {
	text := fmt.Sprintf("%s, %s", v.Tag, cmpOr(v.Why, "as asked for"))
	if v.Commit != "" {
		text += " (" + v.Commit[:min(7, len(v.Commit))]
		if at, err := repository(dir).committed(ctx, v.Commit); err == nil {
			text += ", " + slipway.Ago(time.Since(at)) + " ago"
		}
		text += ")"
	}
	for _, s := range env.Services {
		if r := seen.Running[s.Name]; r.Tag != "" {
			return text + "; running " + env.Image.Released(r.Tag)
		}
	}
	return text
}

// changes are a service's differences in a line.
func changes(p *slipway.Plan, service, have, want string) string {
	var parts []string
	if have != want && have != "" {
		parts = append(parts, fmt.Sprintf("image %s → %s", have, want))
	}
	for _, s := range p.Steps {
		if s.Service != service {
			continue
		}
		for _, d := range s.Differences {
			text := d.String()
			if s.Kind != slipway.KindService {
				text = s.ID.String() + " " + text
			}
			parts = append(parts, text)
		}
		if s.Action == slipway.Create {
			parts = append(parts, s.ID.String()+" is added")
		}
	}
	switch {
	case len(parts) == 0:
		return nothing
	case len(parts) > 6:
		parts = append(slices.Clip(parts[:6]), fmt.Sprintf("%d more (slipway plan %s)", len(parts)-6, p.Environment))
	default:
		parts = append(parts, "nothing else")
	}
	return strings.Join(parts, " · ")
}

// roomText is where a deploy's further tasks go.
func roomText(p *slipway.Plan, service string) string {
	for _, r := range p.Rooms {
		if r.Service != service || r.Tasks == 0 || !r.Fits || len(r.Instances) == 0 {
			continue
		}
		i := r.Instances[0]
		return fmt.Sprintf("%d more task%s of %d MiB: fits (%s %s: %d MiB free)", r.Tasks, plural(r.Tasks), r.Memory, i.Type, i.ID, i.FreeMemory)
	}
	return ""
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
