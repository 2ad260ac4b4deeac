package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

var signs = map[slipway.Action]string{slipway.Create: "+", slipway.Change: "~", slipway.Replace: "±", slipway.Remove: "-"}

// Plan writes what a deploy would do, each difference with its reason.
func Plan(w io.Writer, p *slipway.Plan, calls int) {
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
	fmt.Fprintf(w, "  the image is the pipeline's and not compared; %d resources the same; %d API calls\n", same, calls)
	fmt.Fprintf(w, "%d to change, %d to add, %d to destroy. %s\n", p.Count(slipway.Change)+p.Count(slipway.Replace), p.Count(slipway.Create), p.Count(slipway.Remove), budget(p))
}

func step(w io.Writer, s slipway.Step) {
	head := fmt.Sprintf("%s %s", signs[s.Action], s.ID)
	if len(s.Differences) == 0 {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-46s %s", head, place(s.At[""])), " "))
	}
	for _, d := range s.Differences {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-46s %-44s %s", head, Difference(d), place(d.At)), " "))
		head = ""
	}
}

// Difference writes one difference in a line; values that look like secrets are
// not shown.
func Difference(d slipway.Difference) string {
	have, want := value(d.Field, d.Have), value(d.Field, d.Want)
	text := fmt.Sprintf("%s %s → %s", d.Field, have, want)
	switch {
	case d.Have == "":
		text = fmt.Sprintf("%s %s is added", d.Field, want)
	case d.Want == "":
		text = fmt.Sprintf("%s %s is removed", d.Field, have)
	}
	if d.Drift {
		text = "drift: " + text
	}
	return text
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
	for _, b := range p.Budgets {
		most = max(most, b.Total())
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf("Time budget %v.", most.Round(time.Second))
}

// Budget writes a service's time budget by its parts.
func Budget(b slipway.Budget) string {
	var parts []string
	for _, p := range []struct {
		what string
		d    time.Duration
	}{{"start ≤", b.Start}, {"first health check ≤", b.Health}, {"drain", b.Drain}, {"stop ≤", b.Stop}} {
		if p.d > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", p.what, p.d))
		}
	}
	text := strings.Join(parts, " + ")
	if b.Rounds > 1 {
		text += fmt.Sprintf(", start and check in %d rounds", b.Rounds)
	}
	return fmt.Sprintf("%s = at most %v", text, b.Total())
}
