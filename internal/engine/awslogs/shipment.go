package awslogs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// shipment is one container's output on its way.
type shipment struct {
	scope         state.Scope
	group, stream string
	task          docker.Identity
	begin         *regexp.Regexp
	// started is when the container last began to run, as far as was heard. The
	// Shipper's lock guards it.
	started time.Time
	// done is closed once all was read that the container wrote.
	done chan struct{}
	// refused tells that its role may not write. Only the one that reads uses it.
	refused bool
}

// ended tells whether a container was read to its end.
func (sh *shipment) ended() bool {
	select {
	case <-sh.done:
		return true
	default:
		return false
	}
}

// run reads a container to its end, and again when it began anew meanwhile.
func (s *Shipper) run(ctx context.Context, sh *shipment, container string) {
	for {
		s.mu.Lock()
		heard := sh.started
		s.mu.Unlock()
		err := s.persist(ctx, sh, container)
		s.mu.Lock()
		if err != nil || !sh.started.After(heard) {
			close(sh.done)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

const (
	// again is how long after a failure it is tried anew, from where the last
	// write ended.
	again = time.Second
	// enough is after how many failures to read the rest is given up.
	enough = 10
)

// unwritten is the error of lines that could not be written. They are kept by the
// daemon, and tried until they can be.
type unwritten struct{ error }

func (u unwritten) Unwrap() error { return u.error }

// persist carries a container's output until all of it is in its stream, or never
// can be.
func (s *Shipper) persist(ctx context.Context, sh *shipment, container string) error {
	for failures := 0; ; {
		err := s.carry(ctx, sh, container)
		_, writing := errors.AsType[unwritten](err)
		if !writing {
			failures++
		}
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, logs.ErrGone):
			return err
		case !s.known(sh.task.ID, container):
			return err // removed by other hands: there is nothing left to read
		case failures == enough:
			s.log.Error("awslogs: giving up; what the container wrote since is not in its stream", "stream", sh.stream, "container", container, "error", err)
			return err
		}
		s.log.Warn("awslogs: trying again", "stream", sh.stream, "error", err)
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A batch is bounded in events and in bytes.
const (
	most     = 500
	mostText = 1 << 20
)

// carry reads a container's output to its end, from where the last write to its
// stream ended.
func (s *Shipper) carry(ctx context.Context, sh *shipment, container string) error {
	var from docker.Cursor
	at, err := s.streams.Cursor(sh.scope, sh.group, sh.stream)
	if err != nil {
		return err
	}
	if at != nil {
		if err := json.Unmarshal(at, &from); err != nil {
			return fmt.Errorf("reading the cursor of %s: %w", sh.stream, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	lines, read := make(chan docker.Line, most), make(chan error, 1)
	go func() {
		read <- s.Runtime.Logs(ctx, container, from, true, func(l docker.Line) error {
			select {
			case lines <- l:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		close(lines)
	}()
	err = s.deliver(sh, lines, read)
	cancel()
	for range lines { // until the reader has ended, too
	}
	return err
}

// deliver writes lines as they come, until they end. Those that arrive while a
// write is made durable go together with the next. What is held back of an event
// is written when all was read, but not when reading was cut short: it is read
// again, and stays one event.
func (s *Shipper) deliver(sh *shipment, lines <-chan docker.Line, read <-chan error) error {
	f := fold{begin: sh.begin}
	var waits *event // whose time runs
	late := time.NewTimer(patience)
	late.Stop()
	defer late.Stop()
	for {
		var batch []event
		select {
		case l, open := <-lines:
			if !open {
				err := <-read
				if e := f.flush(); e != nil && err == nil {
					err = s.put(sh, []event{*e})
				}
				return err
			}
			if batch = gather(&f, l, lines); f.held != waits {
				waits = f.held
				late.Reset(patience)
			}
		case <-late.C:
			if e := f.flush(); e != nil {
				batch = []event{*e}
			}
		}
		if err := s.put(sh, batch); err != nil {
			return err
		}
	}
}

// gather takes a line and those that wait behind it.
func gather(f *fold, l docker.Line, lines <-chan docker.Line) (batch []event) {
	for text := 0; ; {
		if e := f.add(l); e != nil {
			batch = append(batch, *e)
		}
		if text += len(l.Text); len(batch) >= most || text >= mostText {
			return batch
		}
		var open bool
		select {
		case l, open = <-lines:
			if !open {
				return batch // the next look at the channel ends it
			}
		default:
			return batch
		}
	}
}

// put writes events together with where reading goes on behind the last. What the
// role may not write is dropped, as the daemon's driver does; the cursor stays before
// it.
func (s *Shipper) put(sh *shipment, batch []event) error {
	if len(batch) == 0 {
		return nil
	}
	if err := s.roles.MayLog(sh.task, sh.scope, "PutLogEvents", sh.group, sh.stream); err != nil {
		if !sh.refused {
			s.log.Warn("awslogs: lines are dropped: the role may not write them", "task", sh.task.ARN, "stream", sh.stream, "error", err)
		}
		sh.refused = true
		return nil
	}
	sh.refused = false
	cursor, err := json.Marshal(batch[len(batch)-1].cursor)
	if err != nil {
		return err
	}
	out := make([]logs.Line, len(batch))
	for i, e := range batch {
		out[i] = e.Line
	}
	if err := s.streams.Write(sh.scope, sh.group, sh.stream, out, cursor); err != nil {
		return unwritten{err}
	}
	return nil
}
