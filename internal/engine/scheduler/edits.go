package scheduler

import (
	"sync"

	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// edits are changes of tasks that come while another is written: they go together
// in the next write. A write copies the paths to what it changes, so one of a
// hundred tasks costs little more than one of one.
type edits struct {
	mu      sync.Mutex
	writing bool
	waiting []*edit
}

// edit is a change of one task.
type edit struct {
	place  place
	change func(tx *state.Tx, t *ecs.Task)
	done   chan error
}

// mostEdits is how many changes go together: others wait for the state meanwhile.
const mostEdits = 256

// change changes a task. It returns when the change is durable.
func (a *agent) change(p place, change func(tx *state.Tx, t *ecs.Task)) error {
	e := &edit{p, change, make(chan error, 1)}
	a.edits.mu.Lock()
	a.edits.waiting = append(a.edits.waiting, e)
	writes := !a.edits.writing
	a.edits.writing = true
	a.edits.mu.Unlock()
	if writes {
		go a.write()
	}
	return <-e.done
}

// write writes what waits until nothing does.
func (a *agent) write() {
	for {
		batch := a.edits.take()
		if len(batch) == 0 {
			return
		}
		err := a.env.Store.Update(func(tx *state.Tx) error {
			for _, e := range batch {
				ecs.ChangeTask(tx, e.place.scope, e.place.key, func(t *ecs.Task) bool { e.change(tx, t); return true })
			}
			return nil
		})
		for _, e := range batch {
			e.done <- err
		}
	}
}

// take is the next changes to write; none ends the writing.
func (e *edits) take() (batch []*edit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := min(len(e.waiting), mostEdits)
	batch, e.waiting = e.waiting[:n:n], e.waiting[n:]
	if n == 0 {
		e.writing, e.waiting = false, nil
	}
	return batch
}
