package state

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Watch collects the rows that changed in some tables. Several changes of a row
// between two calls of Next are told as one: look at the row, not at the history.
type Watch struct {
	store   *Store
	tables  map[string]bool
	mu      sync.Mutex
	pending map[Change]struct{}
	signal  chan struct{}
}

// Watch starts collecting changes of the tables (all tables when none is named).
func (s *Store) Watch(tables ...AnyTable) *Watch {
	w := &Watch{store: s, tables: map[string]bool{}, pending: map[Change]struct{}{}, signal: make(chan struct{}, 1)}
	for _, t := range tables {
		w.tables[t.Name()] = true
	}
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	s.watches[w] = struct{}{}
	return w
}

// Next waits for a change and returns all that are new since the last call, in
// no order. Every change it names is durable and seen by a View taken now.
func (w *Watch) Next(ctx context.Context) ([]Change, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-w.signal:
		}
		if c := w.take(); len(c) > 0 {
			return c, nil
		}
	}
}

// C is readable when Next would not wait, for use in a select. Take then has
// the changes.
func (w *Watch) C() <-chan struct{} { return w.signal }

// Take is the changes that are new since the last call, without waiting.
func (w *Watch) Take() []Change { return w.take() }

func (w *Watch) take() []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Collect(maps.Keys(w.pending))
	clear(w.pending)
	return all
}

// Close ends the collecting.
func (w *Watch) Close() {
	w.store.watchMu.Lock()
	defer w.store.watchMu.Unlock()
	delete(w.store.watches, w)
}

func (s *Store) tell(batch []*commit) {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	for w := range s.watches {
		w.add(batch)
	}
}

func (w *Watch) add(batch []*commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range batch {
		for _, ch := range c.changes {
			if len(w.tables) == 0 || w.tables[ch.Table] {
				w.pending[ch.Change] = struct{}{}
			}
		}
	}
	if len(w.pending) == 0 {
		return
	}
	select {
	case w.signal <- struct{}{}:
	default:
	}
}
