package runner

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Passed is how many jobs did.
func (o *Outcome) Passed() (n int) {
	for _, j := range o.Jobs {
		if j.Result == slipway.Passed {
			n++
		}
	}
	return n
}

// Err names each job that did not pass and its commands that failed; nil when the
// pipeline passed.
func (o *Outcome) Err() error {
	if o.Result == slipway.Passed {
		return nil
	}
	var lines []string
	for _, j := range o.Jobs {
		if j.Result == slipway.Passed || j.AllowFailure {
			continue
		}
		name := j.Name
		if name == "" {
			name = j.Stage
		}
		line := fmt.Sprintf("job %s (%s) %s", j.Number, name, j.Result)
		for _, f := range j.Failures {
			first, _, more := strings.Cut(f.Text, "\n")
			if more {
				first += " …"
			}
			line += fmt.Sprintf("\n  %s: %s: exited with %d: %s", f.At, f.Phase, f.Code, first)
		}
		lines = append(lines, line)
	}
	if o.NotRun > 0 {
		lines = append(lines, fmt.Sprintf("%d more stages did not run", o.NotRun))
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}
