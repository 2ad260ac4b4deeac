package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

var signs = map[slipway.Action]string{slipway.Create: "+", slipway.Change: "~", slipway.Replace: "±", slipway.Remove: "-"}

// Plan writes what a deploy would do, each difference with its reason.
func Plan(w io.Writer, p *slipway.Plan) {
	same := 0
	for _, s := range p.Steps {
		if s.Action == slipway.Keep {
			same++
			continue
		}
		step(w, s)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(w, "! %s\n", n)
	}
	for _, r := range p.Rooms {
		room(w, r)
	}
	image := "the image"
	if p.Tag != "" {
		image = "image " + p.Tag
	}
	resources := "resources"
	if same == 1 {
		resources = "resource"
	}
	fmt.Fprintf(w, "  %s is the pipeline's and not compared; %d %s the same; %d API calls\n", image, same, resources, p.Calls)
	fmt.Fprintf(w, "%d to change, %d to add, %d to destroy. %s\n", p.Count(slipway.Change)+p.Count(slipway.Replace), p.Count(slipway.Create), p.Count(slipway.Remove), budget(p))
}

func step(w io.Writer, s slipway.Step) {
	head := fmt.Sprintf("%s %s", signs[s.Action], s.ID)
	switch {
	case s.Why != "":
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-46s %-44s %s", head, s.Why, place(s.At[""])), " "))
	case len(s.Differences) == 0:
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-46s %s", head, place(s.At[""])), " "))
	}
	for _, d := range s.Differences {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-46s %-44s %s", head, d.String(), reason(d)), " "))
		head = ""
	}
}

// reason is where the file says so; for drift, what can be done about it as well.
func reason(d slipway.Difference) string {
	at := place(d.At)
	switch choice := d.Choice(); {
	case choice == "":
		return at
	case at == "":
		return choice
	default:
		return fmt.Sprintf("%s (%s)", choice, at)
	}
}

func place(p slipway.Position) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

func room(w io.Writer, r slipway.Room) {
	if r.Fits || r.Tasks == 0 {
		return
	}
	text := "does not fit"
	if r.Grows {
		text = "does not fit yet: the cluster adds an instance"
	}
	fmt.Fprintf(w, "! %s: %d more task of %d MiB %s\n", r.Service, r.Tasks, r.Memory, text)
}

// budget is the longest that a deploy of all services should take: they run at
// the same time.
func budget(p *slipway.Plan) string {
	var most time.Duration
	gap := slices.ContainsFunc(p.Steps, func(s slipway.Step) bool { return s.Action == slipway.Replace && s.Service != "" })
	for _, b := range p.Budgets {
		most, gap = max(most, b.Total()), gap || b.Gap
	}
	if most == 0 {
		return ""
	}
	interruption := "no interruption"
	if gap {
		interruption = "with an interruption"
	}
	return fmt.Sprintf("Time budget %v, %s.", most.Round(time.Second), interruption)
}
