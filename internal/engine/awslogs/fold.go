package awslogs

import (
	"regexp"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/logs"
)

// event is what goes into a stream: a line, or several that belong together, and
// where reading goes on behind it.
type event struct {
	logs.Line
	cursor docker.Cursor
}

// fold makes events of lines. With an expression for the lines that begin an
// event, it holds one back until the next begins.
type fold struct {
	begin *regexp.Regexp
	held  *event
}

// add takes a line in and gives the event that is whole by it, or nil.
func (f *fold) add(l docker.Line) *event {
	text := strings.ToValidUTF8(string(l.Text), "\uFFFD")
	e := &event{logs.Line{At: l.Time, Text: text}, l.Cursor}
	if f.begin == nil {
		return e
	}
	e.Text += "\n" // as Docker's driver joins lines
	if f.held == nil {
		f.held = e
		return nil
	}
	if whole := f.held; f.begin.MatchString(text) || len(whole.Text)+len(e.Text) > docker.MaxLine {
		f.held = e
		return whole
	}
	f.held.Text += e.Text
	f.held.cursor = e.cursor
	return nil
}

// flush gives what is held back.
func (f *fold) flush() *event {
	e := f.held
	f.held = nil
	return e
}

// patience is how long an event waits for further lines, as with Docker's driver.
const patience = 5 * time.Second
