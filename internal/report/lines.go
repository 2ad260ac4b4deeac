package report

import (
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// LogLines writes log lines, each with its time and its task, which has a colour
// of its own on a terminal.
func LogLines(w io.Writer) func(slipway.Line) error {
	w = Looks(w)
	return func(l slipway.Line) error {
		_, err := fmt.Fprintf(w, "%s %s %s\n", faint.Render(l.At.Local().Format("15:04:05.000")), Hue(l.Task, l.Task[:min(8, len(l.Task))]), l.Text)
		return err
	}
}
