package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// screen is a terminal that knows what the board writes: cursor up, erase below,
// new lines. Lines that scrolled out at the top can't be reached any more.
type screen struct {
	t             *testing.T
	width, height int
	rows          []string
	cur           int
}

var piece = regexp.MustCompile(`\x1b\[(\d*)([AJ])|\x1b\[[0-9;]*m|\r|\n|[^\x1b\r\n]+`)

func (s *screen) Write(p []byte) (int, error) {
	for _, m := range piece.FindAllSubmatch(p, -1) {
		if len(s.rows) == 0 {
			s.rows = []string{""}
		}
		switch text := string(m[0]); {
		case string(m[2]) == "A":
			n, _ := strconv.Atoi(string(m[1]))
			s.cur -= n
			if s.cur < max(0, len(s.rows)-s.height) {
				s.t.Errorf("the cursor goes above the screen")
				s.cur = max(0, len(s.rows)-s.height)
			}
		case string(m[2]) == "J":
			s.rows = append(s.rows[:s.cur], "")
		case text == "\n":
			if s.cur++; s.cur == len(s.rows) {
				s.rows = append(s.rows, "")
			}
		case text == "\r" || strings.HasPrefix(text, "\x1b"):
		default:
			if w := ansi.StringWidth(s.rows[s.cur] + text); w > s.width {
				s.t.Errorf("%d columns: %q", w, s.rows[s.cur]+text)
			}
			s.rows[s.cur] += text
		}
	}
	return len(p), nil
}

func (s *screen) text() string {
	var out []string
	for _, r := range s.rows {
		out = append(out, strings.TrimRight(r, " "))
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// run sends events a second apart to a board on a screen of that size.
func run(t *testing.T, width, height int, events []slipway.Event) (during, after string) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{t: t, width: width, height: height}
		b := NewTerminal(s, func() (int, int) { return width, height })
		for _, e := range events {
			time.Sleep(time.Second)
			e.Time = time.Now()
			b.Sink(e)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		board := b.(*board)
		board.mu.Lock()
		during = s.text()
		board.mu.Unlock()
		b.End()
		after = s.text()
	})
	return during, after
}

var deploy = []slipway.Event{
	{Phase: "tag", State: slipway.Note, Text: "v1.3.0, last tag of release/playground"},
	{Phase: "environment", Step: "vpc demo", State: slipway.Kept},
	{Phase: "environment", Step: "subnet a", State: slipway.Started, Text: "create"},
	{Phase: "environment", Step: "subnet b", State: slipway.Started, Text: "create"},
	{Phase: "environment", Step: "subnet a", State: slipway.Done, Text: "create"},
	{Phase: "environment", Step: "subnet b", State: slipway.Done, Text: "create"},
	{Phase: "image", Step: "web:v1", State: slipway.Kept, Text: "sha256:77aa…09  (exists)"},
	{Phase: "deploy", Step: "service web", State: slipway.Done, Text: "change"},
	{Phase: "deploy", Step: "web", State: slipway.Working, Text: "web:8  new 0/1 running", Budget: 30 * time.Second},
}

func TestATerminalUpdatesInPlace(t *testing.T) {
	during, after := run(t, 90, 24, append(deploy, slipway.Event{Phase: "deploy", Step: "web", State: slipway.Done, Text: "web:8  new 1/1 running"}))
	if during != after {
		t.Errorf("the end changed what was done:\n%s\n%s", during, after)
	}
	want := `  tag          v1.3.0, last tag of release/playground
✓ environment  made 2 subnets; 1 as they should be                                  4.0 s
✓ image        web:v1  sha256:77aa…09  (exists)                                     0.0 s
✓ deploy       web  web:8  new 1/1 running                                          2.0 s`
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
}

func TestATerminalShowsTheBudgetWhileItWaits(t *testing.T) {
	during, after := run(t, 90, 24, deploy)
	if want := "⠋ deploy       web  web:8  new 0/1 running                          2.0 s of at most 30 s"; !strings.HasSuffix(during, want) {
		t.Errorf("got\n%s\nwant\n%s", during, want)
	}
	if !strings.Contains(after, "– deploy") {
		t.Errorf("what was interrupted looks done:\n%s", after)
	}
}

func TestATerminalShowsWhatFailed(t *testing.T) {
	_, after := run(t, 60, 24, append(deploy,
		slipway.Event{Phase: "deploy", Step: "web", State: slipway.Note, Text: "task 4f1c stopped: exited with 1\n│ Error: Cannot find module '/usr/src/app/src/index.js' or any other"},
		slipway.Event{Phase: "deploy", Step: "web", State: slipway.Failed, Text: "exited with 1"}))
	want := `✗ deploy       web  exited with 1                     3.0 s
               task 4f1c stopped: exited with 1
               │ Error: Cannot find module '/usr/src/app/s…`
	if !strings.HasSuffix(after, want) {
		t.Errorf("got\n%s\nwant\n%s", after, want)
	}
}

// More rows than the screen has: what scrolled out is final, and nothing is
// written twice.
func TestATerminalThatIsSmall(t *testing.T) {
	var events []slipway.Event
	for i := range 30 {
		events = append(events, slipway.Event{Phase: "deploy", Step: fmt.Sprintf("web%02d", i), State: slipway.Done, Text: "serves"})
	}
	_, after := run(t, 60, 8, events)
	for i := range 30 {
		if n := strings.Count(after, fmt.Sprintf("web%02d", i)); n != 1 {
			t.Errorf("web%02d is there %d times", i, n)
		}
	}
}

func TestNoColourWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	if err := LogLines(&out)(slipway.Line{Task: "4f1c0123456789", Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "4f1c0123 hello") {
		t.Errorf("got %q", out.String())
	}
}
