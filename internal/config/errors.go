package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Problem is one thing that is wrong with the file.
type Problem struct {
	At      slipway.Position
	Message string
	// Example is what is right there ("" when the message says it).
	Example string
	// Source is the line of the file that it stands in.
	Source string
}

func (p Problem) Error() string {
	text := p.At.String() + ": " + p.Message
	if p.Example != "" {
		text += "; for example: " + p.Example
	}
	return text
}

// Excerpt is the problem with its line and a caret below the column.
func (p Problem) Excerpt() string {
	number := fmt.Sprintf("%5d", p.At.Line)
	var lead strings.Builder
	for i, r := range []rune(p.Source) {
		if i >= p.At.Column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		lead.WriteRune(r)
	}
	return fmt.Sprintf("%s\n%s │ %s\n%s │ %s^", p.Error(), number, p.Source, strings.Repeat(" ", len(number)), lead.String())
}

// Errors is everything that is wrong with the file, in its order.
type Errors []Problem

func (e Errors) Error() string { return e.join(Problem.Error) }

// Excerpts is Error for a terminal: each problem with its line and a caret.
func (e Errors) Excerpts() string { return e.join(Problem.Excerpt) }

func (e Errors) join(text func(Problem) string) string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = text(p)
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong. What is common to several environments is
// read once for each and said once.
type problems struct {
	file   string
	source []byte
	found  Errors
}

func (p *problems) add(at slipway.Position, example, format string, args ...any) {
	problem := Problem{At: at, Message: fmt.Sprintf(format, args...), Example: example}
	if !slices.ContainsFunc(p.found, func(q Problem) bool { return q.At == at && q.Message == problem.Message }) {
		p.found = append(p.found, problem)
	}
}

func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	lines := strings.Split(string(p.source), "\n")
	for i := range p.found {
		if n := p.found[i].At.Line; n >= 1 && n <= len(lines) {
			p.found[i].Source = strings.TrimRight(lines[n-1], "\r")
		}
	}
	slices.SortStableFunc(p.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return p.found
}
