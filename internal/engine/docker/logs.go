package docker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Line is one line of a container's output, without its newline.
type Line struct {
	// Stderr tells which stream it came from; a terminal has only one.
	Stderr bool
	// Time is when the daemon read the line's beginning.
	Time time.Time
	Text []byte
	// More says that the line goes on in the next Line of its stream, because
	// it is longer than MaxLine.
	More bool
	// Cursor is where to go on after this line.
	Cursor Cursor
}

// MaxLine is the most bytes of a Line: what one event of CloudWatch Logs holds
// beside its overhead, where Docker's own awslogs driver cuts, too.
const MaxLine = 262118

// Cursor is a place in a container's output: after a number of lines of each
// stream with the same time. The zero one is the beginning. It can be kept as
// JSON.
type Cursor struct {
	Stdout, Stderr Position
}

// Position is a place in one stream.
type Position struct {
	Time time.Time
	// Seen is how many lines with that very time lie before it.
	Seen int
}

// Logs hands over a container's output from a cursor on, line by line, in the
// order that the daemon kept it. With follow it goes on until the container
// has ended, across restarts of the daemon; without, it ends with what is
// there. An error of fn ends it.
//
// A line is handed over once: who goes on from the last line's cursor neither
// misses one nor sees one again. (What the daemon has rotated away before it
// was read is gone: a container's output is bounded.)
func (r *Runtime) Logs(ctx context.Context, containerID string, from Cursor, follow bool, fn func(Line) error) error {
	reader := &logReader{at: from, fn: fn}
	for {
		running, tty, err := r.running(ctx, containerID)
		if err == nil {
			reader.tty = tty
			err = r.readLogs(ctx, containerID, reader, follow && running)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case reader.refused != nil:
			return reader.refused
		case err != nil && (!follow || !away(err)):
			return fmt.Errorf("reading logs: %w", err)
		case err == nil && !running:
			// It had ended before this reading began: this is all there is.
			return reader.flush()
		case err == nil && !follow:
			return nil
		}
		wait := retryFirst
		if err != nil {
			wait = retryLast
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// away tells whether an error is that the daemon went away, or is not back
// yet: not an answer of its own.
func away(err error) bool {
	var network net.Error
	return client.IsErrConnectionFailed(err) || cerrdefs.IsUnavailable(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// running tells whether a container runs, and whether it has a terminal.
func (r *Runtime) running(ctx context.Context, id string) (running, tty bool, err error) {
	res, err := r.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return false, false, err
	}
	c := &res.Container
	if c.Config == nil || c.State == nil || c.Config.Labels[labelEngine] != r.opt.Engine {
		return false, false, cerrdefs.ErrNotFound.WithMessage("container " + id + " is not this engine's")
	}
	return c.State.Running, c.Config.Tty, nil
}

// maxFrame is far beyond the largest message of any log driver.
const maxFrame = 16 << 20

// slack is how far apart the lines of the two streams may be written against
// the order of their times: each is read by a copier of its own.
const slack = time.Second

func (r *Runtime) readLogs(ctx context.Context, id string, reader *logReader, follow bool) error {
	opts := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: follow}
	if since := reader.begin(); !since.IsZero() {
		opts.Since = fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond())
	}
	res, err := r.cli.ContainerLogs(ctx, id, opts)
	if err != nil {
		return err
	}
	defer res.Close()
	return reader.read(res)
}

// logReader turns the daemon's stream into lines.
//
// The stream is made of frames (of raw text, where there is a terminal), one
// for each message that the daemon kept, each beginning with its time. A
// message is a line, or a piece of one: Docker cuts lines at 16 KiB, and only
// the last piece ends in a newline.
type logReader struct {
	fn      func(Line) error
	tty     bool
	at      Cursor
	refused error // fn's
	out     [2]stream
}

// stream is one of the two streams being read.
type stream struct {
	tail
	now   Position
	text  []byte
	begun time.Time
	cut   bool // a part of the line has been handed over already
	// former is the line before.
	former []byte
}

// begin prepares for a reading from the cursor, and says since when to read.
func (l *logReader) begin() time.Time {
	l.out = [2]stream{{tail: newTail(l.at.Stdout)}, {tail: newTail(l.at.Stderr)}}
	since := l.at.Stdout.Time
	if e := l.at.Stderr.Time; since.IsZero() || !e.IsZero() && e.Before(since) {
		since = e
	}
	if since.IsZero() {
		return since
	}
	return since.Add(-slack)
}

func (l *logReader) read(in io.Reader) error {
	if l.tty {
		return l.readPlain(in)
	}
	var head [8]byte
	var body []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return ending(err)
		}
		n := int(binary.BigEndian.Uint32(head[4:]))
		if n > maxFrame {
			return fmt.Errorf("a frame of %d bytes: this is no log stream", n)
		}
		if cap(body) < n {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(in, body); err != nil {
			return ending(err)
		}
		if stdcopy.StdType(head[0]) == stdcopy.Systemerr {
			return errors.New(string(body))
		}
		if err := l.message(stdcopy.StdType(head[0]) == stdcopy.Stderr, body); err != nil {
			return err
		}
	}
}

// ending is nil at the proper end of a stream.
func ending(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readPlain reads the stream of a terminal, where a message has no frame: a
// line is one, since each begins with its time.
func (l *logReader) readPlain(in io.Reader) error {
	var held []byte
	chunk := make([]byte, 32<<10)
	for {
		n, err := in.Read(chunk)
		held = append(held, chunk[:n]...)
		for {
			end := bytes.IndexByte(held, '\n')
			if end < 0 {
				break
			}
			if err := l.message(false, held[:end+1]); err != nil {
				return err
			}
			held = held[end+1:]
		}
		if err != nil {
			return ending(err)
		}
	}
}

// message takes in one message: a time, a space, and a line or a piece of one.
func (l *logReader) message(stderr bool, m []byte) error {
	stamp, text, _ := bytes.Cut(m, []byte{' '})
	when, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return fmt.Errorf("a log message begins with no time: %w", err)
	}
	s := &l.out[index(stderr)]
	if len(s.text) == 0 && !s.cut {
		s.begun = when
	}
	s.text = append(s.text, text...)
	for len(s.text) > MaxLine && !(len(s.text) == MaxLine+1 && s.text[MaxLine] == '\n') {
		if err := l.line(stderr, s.text[:MaxLine], true); err != nil {
			return err
		}
		s.text, s.cut = s.text[MaxLine:], true
	}
	if n := len(s.text); n > 0 && s.text[n-1] == '\n' {
		err := l.line(stderr, s.text[:n-1], false)
		s.text, s.cut = s.text[:0], false
		return err
	}
	return nil
}

func index(stderr bool) int {
	if stderr {
		return 1
	}
	return 0
}

// line hands over what a line makes known to be new: itself, most often.
func (l *logReader) line(stderr bool, text []byte, more bool) error {
	s := &l.out[index(stderr)]
	switch {
	case !s.now.Time.Equal(s.begun):
		s.now = Position{Time: s.begun, Seen: 1}
	case !s.cut && bytes.Equal(text, s.former):
		// The same line at the same nanosecond is one sent again; see tail.
		return nil
	default:
		s.now.Seen++
	}
	line := Line{Stderr: stderr, Time: s.begun, Text: bytes.Clone(text), More: more}
	s.former = line.Text
	for _, known := range s.next(s.now, line) {
		if err := l.hand(known); err != nil {
			return err
		}
	}
	return nil
}

func (l *logReader) hand(p placed) error {
	if p.line.Stderr {
		l.at.Stderr = p.at
	} else {
		l.at.Stdout = p.at
	}
	p.line.Cursor = l.at
	l.refused = l.fn(p.line)
	return l.refused
}

// flush hands over, at the end of everything, what has no newline and what was
// held back.
func (l *logReader) flush() error {
	for i := range l.out {
		s := &l.out[i]
		if len(s.text) > 0 {
			if err := l.line(i == 1, s.text, false); err != nil {
				return err
			}
			s.text = nil
		}
		for _, p := range s.release() {
			if err := l.hand(p); err != nil {
				return err
			}
		}
	}
	return nil
}
