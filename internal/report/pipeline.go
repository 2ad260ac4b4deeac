package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Pipeline writes what a pipeline does, line by line, each line of a job with the
// job's number.
func Pipeline(w io.Writer) func(slipway.PipelineEvent) {
	p := &pipeline{w: Looks(w)}
	return p.sink
}

// PipelineJSON writes each event as a JSON object on a line.
func PipelineJSON(w io.Writer) func(slipway.PipelineEvent) {
	var mu sync.Mutex
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(e slipway.PipelineEvent) {
		mu.Lock()
		defer mu.Unlock()
		encoder.Encode(e)
	}
}

type pipeline struct {
	w     io.Writer
	mu    sync.Mutex
	phase string
}

func (p *pipeline) sink(e slipway.PipelineEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := ""
	if e.At != "" {
		at = " (" + e.At + ")"
	}
	lead := Hue(e.Job, e.Job) + " "
	switch e.Kind {
	case slipway.PipelineNote:
		p.line("note", e.Text+faint.Render(at))
	case slipway.PipelineSkipped:
		p.line("skipped", e.Name+": "+e.Text+faint.Render(at))
	case slipway.PipelineJob:
		fmt.Fprintln(p.w)
		p.phase = ""
		p.line("job "+e.Job, bold.Render(title(e))+faint.Render(at))
	case slipway.PipelineCommand:
		if e.Phase != p.phase {
			fmt.Fprintln(p.w, lead+faint.Render(e.Phase))
			p.phase = e.Phase
		}
		fmt.Fprintln(p.w, lead+bold.Render("$ "+e.Text))
	case slipway.PipelineOutput:
		fmt.Fprintln(p.w, lead+"│ "+e.Text)
	case slipway.PipelineExited:
		if e.Code != nil && *e.Code != 0 {
			fmt.Fprintln(p.w, lead+red.Render(fmt.Sprintf("exited with %d", *e.Code))+faint.Render(at))
		}
	case slipway.PipelinePhase:
		p.line("", fmt.Sprintf("%s took %s", e.Phase, slipway.Seconds(e.Elapsed)))
	case slipway.PipelineResult:
		p.result(e)
	case slipway.PipelineService:
		p.service(e)
	}
}

// service is what became of a service; further lines are what a task of it wrote.
func (p *pipeline) service(e slipway.PipelineEvent) {
	first, rest, _ := strings.Cut(e.Text, "\n")
	p.line("service", e.Name+"  "+first)
	for l := range strings.Lines(rest) {
		p.line("", strings.TrimRight(l, "\n"))
	}
}

func (p *pipeline) line(what, text string) { fmt.Fprintln(p.w, pad(what, 13)+text) }

func (p *pipeline) result(e slipway.PipelineEvent) {
	result := green.Render(string(e.Result))
	if e.Result != slipway.Passed {
		result = red.Render(string(e.Result))
	}
	text := result + " in " + slipway.Seconds(e.Elapsed)
	if e.Text != "" {
		text += ": " + e.Text
	}
	p.line("job "+e.Job, text)
}

// title is a job's name behind its stage's.
func title(e slipway.PipelineEvent) string {
	if e.Name == "" || e.Name == e.Stage {
		return e.Stage
	}
	return e.Stage + ": " + e.Name
}
