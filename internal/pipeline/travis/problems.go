package travis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// problems collects what is wrong or not served.
type problems struct {
	file   string
	source []byte
	found  config.Errors
}

func (p *problems) add(at slipway.Position, format string, args ...any) {
	problem := config.Problem{At: at, Message: fmt.Sprintf(format, args...)}
	if !slices.ContainsFunc(p.found, func(q config.Problem) bool { return q.At == at && q.Message == problem.Message }) {
		p.found = append(p.found, problem)
	}
}

// err is all problems in the file's order, or nil; each has its line.
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
	slices.SortStableFunc(p.found, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return p.found
}
