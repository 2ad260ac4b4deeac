package runner

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/pipeline/travis"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// listener reads what a job's shell writes: its marks and its commands' output.
type listener struct {
	run    *run
	script *script
	job    *travis.SelectedJob
	out    *JobOutcome

	phase      travis.Phase
	phaseBegan time.Time
	began      time.Time // of the command
	current    int       // the command that runs, -1 for none
	ended      string    // "done" or "errored", what the script itself said
}

const (
	// longest is the longest line that is kept whole.
	longest = 64 << 10
	// overlap is what is kept of a longer one, so that no mark is cut in two.
	overlap = 256
)

func (l *listener) listen(r io.Reader) {
	l.current = -1
	in := bufio.NewReaderSize(r, longest)
	var kept []byte
	for {
		more, err := in.ReadSlice('\n')
		line := append(kept, more...)
		if errors.Is(err, bufio.ErrBufferFull) {
			l.line(line[:len(line)-overlap])
			kept = append([]byte(nil), line[len(line)-overlap:]...)
			continue
		}
		l.line(line)
		kept = nil
		if err != nil {
			return
		}
	}
}

// line is a line of output, or a mark, which may stand behind output that did not
// end its line.
func (l *listener) line(b []byte) {
	before, rest, marked := bytes.Cut(b, []byte("\x1e"+l.script.key+" "))
	if len(before) > 0 {
		l.output(strings.TrimRight(string(before), "\r\n"))
	}
	if marked {
		l.mark(strings.Fields(string(rest)))
	}
}

// output is a line of a command's.
func (l *listener) output(text string) {
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:] // a progress bar: what is left of it
	}
	l.tell(slipway.PipelineEvent{Kind: slipway.PipelineOutput, Text: l.run.mask.line(text)})
}

func (l *listener) tell(e slipway.PipelineEvent) {
	e.Job, e.Phase = l.job.Number, string(l.phase)
	l.run.tell(e)
}

func (l *listener) mark(words []string) {
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	number := func(i int) int {
		if n, err := strconv.Atoi(word(i)); err == nil {
			return n
		}
		return -1
	}
	switch word(0) {
	case "phase":
		l.end()
		l.phase, l.phaseBegan = travis.Phase(word(1)), time.Now()
	case "start":
		if n := number(1); n >= 0 && n < len(l.script.steps) {
			l.current, l.began = n, time.Now()
			st := l.script.steps[n]
			l.tell(slipway.PipelineEvent{Kind: slipway.PipelineCommand, At: st.at.String(), Text: l.run.mask.line(st.text)})
		}
	case "end":
		if l.current >= 0 {
			l.exited(number(2))
		}
	case "done", "errored":
		l.ended = words[0]
	}
}

// exited is the end of a command.
func (l *listener) exited(code int) {
	st := l.script.steps[l.current]
	l.current = -1
	if code != 0 {
		l.out.Failures = append(l.out.Failures, Failure{st.phase, l.run.mask.line(st.text), st.at, code})
	}
	l.tell(slipway.PipelineEvent{Kind: slipway.PipelineExited, At: st.at.String(), Text: l.run.mask.line(st.text), Code: &code, Elapsed: time.Since(l.began)})
}

// end is the end of a phase.
func (l *listener) end() {
	if l.phase != "" && l.phase != variables {
		l.tell(slipway.PipelineEvent{Kind: slipway.PipelinePhase, Elapsed: time.Since(l.phaseBegan)})
	}
	l.phase = ""
}

// finish is called when the shell has ended.
func (l *listener) finish() {
	phase := l.phase
	l.end()
	l.phase = phase
}

// verdict is the job's result, by what the script said and how bash ended.
func (l *listener) verdict(err error) error {
	code := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		return fmt.Errorf("bash: %w", err)
	}
	switch {
	case l.ended == "errored":
		l.out.Result = slipway.Errored
		return nil
	case l.ended == "done" && code == 0:
		l.out.Result = slipway.Passed
		return nil
	case l.ended == "done":
		l.out.Result = slipway.FailedJob
		return nil
	case code == 0:
		l.out.Result = slipway.Passed
		return fmt.Errorf("the shell ended in %s with exit 0: what comes after it did not run", l.phase)
	}
	l.out.Result = slipway.FailedJob
	if l.current >= 0 {
		st := l.script.steps[l.current]
		l.out.Failures = append(l.out.Failures, Failure{st.phase, l.run.mask.line(st.text), st.at, code})
	}
	return fmt.Errorf("the shell ended in %s with exit %d (exit, set -e or travis_terminate): what comes after it did not run", l.phase, code)
}
