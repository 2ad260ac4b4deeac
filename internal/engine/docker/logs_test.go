package docker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// kept is a message as the daemon keeps it: a line, or a piece of one.
type kept struct {
	stderr bool
	at     time.Duration // since some beginning
	text   string
}

func stamp(at time.Duration) time.Time { return time.Unix(1_700_000_000, 0).UTC().Add(at) }

// stream writes messages as the daemon sends them: those from since on.
func daemonStream(messages []kept, since time.Time) []byte {
	var b bytes.Buffer
	for _, m := range messages {
		if stamp(m.at).Before(since) {
			continue
		}
		body := stamp(m.at).Format("2006-01-02T15:04:05.000000000Z07:00") + " " + m.text
		head := [8]byte{0: 1}
		if m.stderr {
			head[0] = 2
		}
		binary.BigEndian.PutUint32(head[4:], uint32(len(body)))
		b.Write(head[:])
		b.WriteString(body)
	}
	return b.Bytes()
}

func TestLinesAreSplitRight(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	tests := map[string]struct {
		messages []kept
		want     []string
	}{
		"lines":               {[]kept{{false, 1, "a\n"}, {true, 2, "b\n"}, {false, 3, "\n"}}, []string{"a", "E b", ""}},
		"pieces":              {[]kept{{false, 1, "ab"}, {false, 1, "cd"}, {false, 1, "e\n"}}, []string{"abcde"}},
		"pieces between":      {[]kept{{false, 1, "ab"}, {true, 2, "err\n"}, {false, 1, "cd\n"}}, []string{"E err", "abcd"}},
		"end without newline": {[]kept{{false, 1, "a\n"}, {false, 2, "end"}}, []string{"a", "end"}},
		"as long as may be":   {[]kept{{false, 1, long}, {false, 1, "\n"}}, []string{long}},
		"one byte longer":     {[]kept{{false, 1, long}, {false, 1, "y\n"}, {false, 2, "z\n"}}, []string{long + "+", "y", "z"}},
		"three times longer":  {[]kept{{false, 1, long + long}, {false, 1, long + "\n"}}, []string{long + "+", long + "+", long}},
		"spaces stay":         {[]kept{{false, 1, "  a b \n"}}, []string{"  a b "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			l := &logReader{fn: func(line Line) error {
				text := string(line.Text)
				if line.Stderr {
					text = "E " + text
				}
				if line.More {
					text += "+"
				}
				got = append(got, text)
				return nil
			}}
			l.begin()
			if err := l.read(bytes.NewReader(daemonStream(tt.messages, time.Time{}))); err != nil {
				t.Fatal(err)
			}
			if err := l.flush(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTerminalOutputIsSplitIntoLines(t *testing.T) {
	var got []string
	l := &logReader{tty: true, fn: func(line Line) error {
		got = append(got, string(line.Text))
		return nil
	}}
	l.begin()
	in := "2026-01-02T03:04:05.000000001Z $ ls\r\n2026-01-02T03:04:05.000000002Z a b\r\n"
	if err := l.read(io.MultiReader(strings.NewReader(in[:40]), strings.NewReader(in[40:]))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"$ ls\r", "a b\r"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCutStreamIsToldFromItsEnd(t *testing.T) {
	whole := daemonStream([]kept{{false, 1, "line\n"}}, time.Time{})
	for cut, want := range map[int]error{len(whole): nil, len(whole) - 1: io.ErrUnexpectedEOF, 4: io.ErrUnexpectedEOF, 0: nil} {
		l := &logReader{fn: func(Line) error { return nil }}
		l.begin()
		if err := l.read(bytes.NewReader(whole[:cut])); !errors.Is(err, want) {
			t.Errorf("cut after %d bytes: got %v, want %v", cut, err, want)
		}
	}
}

// As Docker 20.10 does when it rotates a file that it follows.
func TestWhatIsSentAgainIsHandedOverOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "lines")
		var lines, sent []kept
		for i := range n {
			lines = append(lines, kept{at: time.Duration(i + 1), text: fmt.Sprintf("%d\n", i)})
		}
		at := 0
		for range rapid.IntRange(0, 6).Draw(t, "repetitions") {
			end := rapid.IntRange(at, n).Draw(t, "up to")
			sent = append(sent, lines[at:end]...)
			at = rapid.IntRange(0, end).Draw(t, "back to")
		}
		sent = append(sent, lines[at:]...)
		if diff := cmp.Diff(texts(lines), readAll(t, sent)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLinesAfterTheClockWasSetBackAreKept(t *testing.T) {
	for _, after := range []int{1, 10, 63, 64, 65, 500} {
		var sent []kept
		for i := range 300 {
			sent = append(sent, kept{at: time.Second + time.Duration(i), text: fmt.Sprintf("before %d\n", i)})
		}
		for i := range after {
			sent = append(sent, kept{at: 500*time.Millisecond + time.Duration(i)*7, text: fmt.Sprintf("after %d\n", i)})
		}
		if diff := cmp.Diff(texts(sent), readAll(t, sent)); diff != "" {
			t.Errorf("%d lines after: %s", after, diff)
		}
	}
}

func texts(messages []kept) (out []string) {
	for _, m := range messages {
		out = append(out, strings.TrimSuffix(m.text, "\n"))
	}
	return out
}

func readAll(t interface{ Fatal(...any) }, messages []kept) (out []string) {
	l := &logReader{fn: func(line Line) error { out = append(out, string(line.Text)); return nil }}
	l.begin()
	if err := l.read(bytes.NewReader(daemonStream(messages, time.Time{}))); err != nil {
		t.Fatal(err)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	return out
}

// However often a reading is cut, wherever, and whatever the times of lines:
// going on from the last line's cursor gives each line exactly once. Times grow
// within a stream; between the streams they may be against the order of
// writing, by less than slack.
func TestGoingOnFromACursorGivesEachLineOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := drawMessages(t)
		var want, got []string
		whole := &logReader{fn: func(l Line) error { want = append(want, lineText(l)); return nil }}
		whole.begin()
		if err := whole.read(bytes.NewReader(daemonStream(messages, time.Time{}))); err != nil {
			t.Fatal(err)
		}
		if err := whole.flush(); err != nil {
			t.Fatal(err)
		}
		var at Cursor
		for range rapid.IntRange(0, 5).Draw(t, "cuts") {
			l := &logReader{at: at, fn: func(l Line) error {
				got = append(got, lineText(l))
				at = throughJSON(l.Cursor)
				return nil
			}}
			in := daemonStream(messages, l.begin())
			_ = l.read(bytes.NewReader(in[:rapid.IntRange(0, len(in)).Draw(t, "cut")])) // cut somewhere: may be an error
		}
		l := &logReader{at: at, fn: func(l Line) error { got = append(got, lineText(l)); return nil }}
		if err := l.read(bytes.NewReader(daemonStream(messages, l.begin()))); err != nil {
			t.Fatal(err)
		}
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func drawMessages(t *rapid.T) []kept {
	var out []kept
	var clock [2]time.Duration
	for i := range rapid.IntRange(0, 30).Draw(t, "messages") {
		stderr := rapid.Bool().Draw(t, "stderr")
		s := index(stderr)
		// The one stream's clock is never further behind the other's than slack.
		clock[s] = max(clock[s]+time.Duration(rapid.IntRange(0, 2).Draw(t, "step"))*100*time.Millisecond, clock[1-s]-slack+1)
		text := fmt.Sprintf("%d\n", i)
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			text = fmt.Sprintf("%d%s\n", i, strings.Repeat("x", MaxLine+5))
		}
		out = append(out, kept{stderr, clock[s], text})
	}
	return out
}

func lineText(l Line) string {
	return fmt.Sprint(l.Stderr, " ", l.Time.UnixNano(), " ", l.More, " ", len(l.Text), " ", string(l.Text[:min(8, len(l.Text))]))
}

func throughJSON(c Cursor) (out Cursor) {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func FuzzLogStream(f *testing.F) {
	f.Add(daemonStream([]kept{{false, 1, "a\n"}, {true, 2, "b"}}, time.Time{}))
	f.Add([]byte{3, 0, 0, 0, 0, 0, 0, 4, 'o', 'o', 'p', 's'})
	f.Fuzz(func(t *testing.T, in []byte) {
		l := &logReader{fn: func(line Line) error {
			if len(line.Text) > MaxLine {
				t.Errorf("a line has %d bytes", len(line.Text))
			}
			return nil
		}}
		l.begin()
		_ = l.read(bytes.NewReader(in)) // what is no stream is an error
	})
}
