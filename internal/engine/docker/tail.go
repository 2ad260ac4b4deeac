package docker

import "slices"

// tail tells which lines of a stream are new.
//
// While Docker 20.10 follows a container whose log file it rotates, it sends
// the new file's beginning again, often thousands of lines (it hears of the
// rotation twice, and opens the file each time). So a line whose time is not
// later than the last one's was seen before, unless the host's clock has been
// set back, when it must not get lost. The two are told apart by marks: a
// stream that goes back and comes again passes lines that we have marked, to
// the nanosecond; a clock that was set back does not. Until that is clear, the
// lines are held.
type tail struct {
	last Position
	// again says that the stream is known to repeat itself up to last.
	again bool
	marks []Position
	count int
	held  []placed
}

// placed is a line with its place in its stream.
type placed struct {
	at   Position
	line Line
}

const (
	// markEvery lines one is marked, and up to maxMarks are remembered: more
	// than a file of our size holds.
	markEvery = 64
	maxMarks  = 8192
)

// newTail goes on after a position: the daemon begins with lines from before
// it.
func newTail(from Position) tail {
	return tail{last: from, again: !from.Time.IsZero()}
}

// next takes in a line and gives those that are now known to be new.
func (t *tail) next(at Position, line Line) []placed {
	p := placed{at, line}
	switch {
	case t.again && !at.after(t.last):
		return nil
	case t.again || len(t.held) == 0 && at.after(t.last):
		t.again = false
		t.mark(at)
		return []placed{p}
	case at == t.last || slices.Contains(t.marks, at):
		t.again, t.held = true, nil
		return nil
	}
	// Back once more: what is held from there on comes again.
	t.held = slices.DeleteFunc(t.held, func(h placed) bool { return !at.after(h.at) })
	t.held = append(t.held, p)
	if at.after(t.last) || len(t.held) > markEvery {
		return t.release()
	}
	return nil
}

// release gives what is held: the clock was set back.
func (t *tail) release() []placed {
	held := t.held
	t.held, t.marks = nil, nil
	for _, p := range held {
		t.mark(p.at)
	}
	return held
}

func (t *tail) mark(at Position) {
	t.last = at
	if t.count++; t.count%markEvery == 0 {
		if len(t.marks) == maxMarks {
			t.marks = slices.Delete(t.marks, 0, maxMarks/2)
		}
		t.marks = append(t.marks, at)
	}
}

func (p Position) after(q Position) bool {
	return p.Time.After(q.Time) || p.Time.Equal(q.Time) && p.Seen > q.Seen
}
