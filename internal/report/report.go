// Package report renders what a run does and what it came to: lines that update
// in place on a terminal, plain lines elsewhere, a JSON object a line for
// programs. It renders, and nothing else; the commands choose which.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Reporter shows events as they come. Sink may be called from several
// goroutines; End flushes what is left.
type Reporter interface {
	Sink(slipway.Event)
	End()
}

// NewPlain writes a line for each thing that happened: for CI and pipes.
func NewPlain(w io.Writer) Reporter { return &plain{w: w} }

type plain struct {
	w io.Writer

	mu   sync.Mutex
	kept int // resources that are as they should be, and not told of yet
}

// Sink implements Reporter. What docker prints while it works is left out: where
// it fails it is part of the error.
func (p *plain) Sink(e slipway.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.State {
	case slipway.Started:
		return
	case slipway.Kept:
		if e.Text == "" {
			p.kept++
			return
		}
	case slipway.Working:
		if e.Phase != "deploy" && e.Phase != "certificate" {
			return
		}
	}
	if e.Phase == "deploy" { // all else is done by now
		p.same()
	}
	p.line(e)
}

// same tells of what is as it should be.
func (p *plain) same() {
	if p.kept > 0 {
		what := fmt.Sprintf("%d resources are as they should be", p.kept)
		if p.kept == 1 {
			what = "1 resource is as it should be"
		}
		fmt.Fprintln(p.w, pad("same", 13)+what)
		p.kept = 0
	}
}

func (p *plain) line(e slipway.Event) {
	text := e.Text
	if e.Step != "" {
		text = e.Step + "  " + e.Text
	}
	if e.State == slipway.Failed {
		text = "failed: " + e.Text
	}
	first, rest, more := strings.Cut(text, "\n")
	if e.State == slipway.Done {
		first = pad(first, 108) + slipway.Seconds(e.Elapsed)
	}
	fmt.Fprintln(p.w, strings.TrimRight(pad(e.Phase, 13)+first, " "))
	if more {
		for l := range strings.Lines(rest) {
			fmt.Fprint(p.w, pad("", 13), l)
		}
		fmt.Fprintln(p.w)
	}
}

// End implements Reporter.
func (p *plain) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.same()
}

func pad(s string, n int) string { return fmt.Sprintf("%-*s", n, s) }

// NewJSON writes each event as a JSON object on a line.
func NewJSON(w io.Writer) Reporter { return &lines{encoder: json.NewEncoder(w)} }

type lines struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

// Sink implements Reporter.
func (l *lines) Sink(e slipway.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.encoder.Encode(e)
}

// End implements Reporter.
func (*lines) End() {}
