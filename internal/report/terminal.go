package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// NewTerminal draws a row for each phase and updates it in place: a spinner, how
// far it is, the time that it takes beside the time that it may take. size gives
// the terminal's columns and rows.
func NewTerminal(w io.Writer, size func() (width, height int)) Reporter {
	b := &board{w: w, size: size, stop: make(chan struct{}), stopped: make(chan struct{})}
	go b.tick()
	return b
}

// board is the rows that may still change. What is above them on the terminal is
// final.
type board struct {
	w             io.Writer
	size          func() (width, height int)
	stop, stopped chan struct{}
	once          sync.Once

	mu    sync.Mutex
	rows  []*row
	drawn int // lines of the last drawing
	// top is how many lines of the rows have gone for good, because they do not
	// fit on the screen.
	top int
}

// row is one phase, or one service's deploy.
type row struct {
	phase, step string
	open        map[string]time.Time // steps at work
	done        []string
	verbs       map[string]string // of what was done
	kept        int
	text        string // of the latest event
	lines       []string
	began       time.Time
	took        time.Duration
	budget      time.Duration
	state       slipway.State
}

// frames are the spinner's, each for a tenth of a second.
var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

func (b *board) tick() {
	defer close(b.stopped)
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			b.mu.Lock()
			if slices.ContainsFunc(b.rows, (*row).working) {
				b.draw(now)
			}
			b.mu.Unlock()
		case <-b.stop:
			return
		}
	}
}

// Sink implements Reporter.
func (b *board) Sink(e slipway.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.row(e).take(e)
	b.draw(e.Time)
}

// End implements Reporter: what was drawn stays.
func (b *board) End() {
	b.once.Do(func() {
		close(b.stop)
		<-b.stopped
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, r := range b.rows {
			r.halt()
		}
		b.draw(time.Now())
		b.drawn, b.rows, b.top = 0, nil, 0
	})
}

// row is the one that shows the event: notes have their own, each service's
// deploy has one, and so does each phase.
func (b *board) row(e slipway.Event) *row {
	step := ""
	if e.Phase == "deploy" { // "service web" and "web" are the same service's
		_, step = cutLast(e.Step)
	}
	lone := e.State == slipway.Note && step == ""
	if !lone {
		for _, r := range b.rows {
			if r.phase == e.Phase && r.step == step && r.state != slipway.Note {
				return r
			}
		}
	}
	r := &row{phase: e.Phase, step: step, open: map[string]time.Time{}, verbs: map[string]string{}, began: e.Time.Add(-e.Elapsed)}
	b.rows = append(b.rows, r)
	return r
}

func (r *row) take(e slipway.Event) {
	if e.Budget > 0 {
		r.budget = e.Budget
	}
	r.took = max(r.took, e.Time.Sub(r.began))
	text, rest, _ := strings.Cut(strings.TrimRight(e.Text, "\n"), "\n")
	switch e.State {
	case slipway.Started:
		r.open[e.Step], r.state = e.Time, slipway.Working
		r.text = text
	case slipway.Working:
		r.open[e.Step], r.state = e.Time, slipway.Working
		r.text = text
	case slipway.Kept:
		if text == "" {
			r.kept++
			return
		}
		r.finish(e.Step, text)
	case slipway.Done:
		r.finish(e.Step, text)
	case slipway.Failed:
		delete(r.open, e.Step)
		r.state = slipway.Failed
		r.text = text
	case slipway.Note:
		if r.step == "" {
			r.state, r.text = slipway.Note, text
			if e.Step != "" {
				r.text = e.Step + "  " + text
			}
		} else {
			r.lines = append(r.lines, text)
		}
	}
	for l := range strings.SplitSeq(rest, "\n") {
		if l != "" {
			r.lines = append(r.lines, l)
		}
	}
}

func (r *row) finish(step, text string) {
	delete(r.open, step)
	r.done = append(r.done, step)
	r.verbs[step] = text
	if len(r.open) == 0 && r.state != slipway.Failed {
		r.state = slipway.Done
	}
}

func (r *row) working() bool { return r.state == slipway.Working }

// halt is the end for what still works: it was interrupted.
func (r *row) halt() {
	if r.working() {
		r.state = slipway.Kept
	}
}

// draw writes the rows over what was drawn last, in one write.
func (b *board) draw(now time.Time) {
	width, height := b.size()
	var lines []string
	for _, r := range b.rows {
		lines = append(lines, r.show(now, width)...)
	}
	lines = lines[min(b.top, len(lines)):]
	var out bytes.Buffer
	if b.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\r", b.drawn)
	}
	out.WriteString("\x1b[J")
	for _, l := range lines {
		out.WriteString(l)
		out.WriteByte('\n')
	}
	b.drawn = len(lines)
	if more := len(lines) - max(height-1, 1); more > 0 { // the terminal has scrolled: these can't be reached any more
		b.top += more
		b.drawn -= more
	}
	b.w.Write(out.Bytes())
}

// show is the row's lines, each at most width columns.
func (r *row) show(now time.Time, width int) []string {
	mark, text := " ", r.text
	switch r.state {
	case slipway.Working:
		mark = cyan.Render(string(frames[int(now.Sub(r.began)/(100*time.Millisecond))%len(frames)]))
		text = r.progress()
	case slipway.Done:
		mark = green.Render("✓")
		text = r.summary()
	case slipway.Failed:
		mark, text = red.Render("✗"), strings.TrimLeft(r.step+"  "+r.text, " ")
	case slipway.Kept:
		mark = yellow.Render("–")
		text = r.progress()
	case "":
		mark = green.Render("✓")
		text = r.summary()
	}
	tail := r.clock(now)
	room := max(width-18-ansi.StringWidth(tail), 10)
	text = ansi.Truncate(text, room, "…")
	line := mark + " " + bold.Render(pad(r.phase, 13)) + text
	if tail != "" {
		line += strings.Repeat(" ", max(room-ansi.StringWidth(text), 0)+2) + faint.Render(tail)
	}
	lines := []string{line}
	for _, l := range r.lines {
		lines = append(lines, strings.Repeat(" ", 15)+faint.Render(ansi.Truncate(strings.ReplaceAll(ansi.Strip(l), "\t", "    "), max(width-16, 10), "…")))
	}
	return lines
}

// clock is the row's time, beside its budget while it works.
func (r *row) clock(now time.Time) string {
	switch {
	case r.state == slipway.Note:
		return ""
	case r.working() && r.budget > 0:
		return fmt.Sprintf("%s of at most %.0f s", slipway.Seconds(now.Sub(r.began)), r.budget.Seconds())
	case r.working():
		return slipway.Seconds(now.Sub(r.began))
	}
	return slipway.Seconds(r.took)
}

// progress is what the row works at.
func (r *row) progress() string {
	if r.step != "" {
		return r.step + "  " + r.text
	}
	open := slices.SortedFunc(maps.Keys(r.open), func(a, b string) int { return r.open[b].Compare(r.open[a]) })
	if len(open) == 0 {
		return r.text
	}
	text := open[0]
	if r.text != "" && r.text != "create" && r.text != "change" && r.text != "replace" {
		text += "  " + r.text
	}
	if len(open)+len(r.done) > 1 {
		text = fmt.Sprintf("%d of %d  %s", len(r.done), len(r.done)+len(open), text)
	}
	return text
}

// summary is what the row came to: "made vpc · 2 subnets; 7 as they should be".
func (r *row) summary() string {
	if r.step != "" {
		return r.step + "  " + r.last()
	}
	by := map[string][]string{}
	var parts []string
	for _, s := range r.done {
		switch verb := r.verbs[s]; verb {
		case "create", "change", "replace", "remove":
			by[verb] = append(by[verb], s)
		case "removed":
			by["remove"] = append(by["remove"], s)
		default:
			parts = append(parts, strings.TrimSpace(s+"  "+verb))
		}
	}
	for _, v := range []struct{ verb, word string }{{"create", "made"}, {"change", "changed"}, {"replace", "replaced"}, {"remove", "removed"}} {
		if len(by[v.verb]) > 0 {
			parts = append(parts, v.word+" "+kinds(by[v.verb]))
		}
	}
	if r.kept > 0 {
		parts = append(parts, fmt.Sprintf("%d as they should be", r.kept))
	}
	return strings.Join(parts, "; ")
}

// last is the last thing that was done, without its step.
func (r *row) last() string {
	if len(r.done) == 0 {
		return cmp.Or(r.text, "as it should be")
	}
	return r.verbs[r.done[len(r.done)-1]]
}

// kinds counts steps by their kind: "vpc demo · 2 subnets".
func kinds(steps []string) string {
	count := map[string]int{}
	var order []string
	for _, s := range steps {
		kind, _ := cutLast(s)
		if count[kind] == 0 {
			order = append(order, kind)
		}
		count[kind]++
	}
	var parts []string
	for _, kind := range order {
		if count[kind] > 1 {
			kind = fmt.Sprintf("%d %ss", count[kind], kind)
		}
		parts = append(parts, kind)
	}
	return strings.Join(parts, " · ")
}

// cutLast parts "security group demo-balancer" into kind and name.
func cutLast(s string) (kind, name string) {
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}
