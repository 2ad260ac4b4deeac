package state

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// ErrNotDurable is Update's error when the disk did not take the write: nothing
// of it happened.
var ErrNotDurable = errors.New("the write could not be made durable")

// ErrClosed is Update's error on a closed store.
var ErrClosed = errors.New("the state is closed")

// Store holds the tables. Its zero value is of no use; see Open and InMemory.
type Store struct {
	tables  map[string]AnyTable
	durable atomic.Pointer[snapshot] // what readers see
	disk    *disk                    // nil in memory

	mu     sync.Mutex // one writer at a time
	head   snapshot   // durable, plus what is queued
	tail   *outcome   // of the commit that made the head
	queue  []*commit
	closed bool

	wake    chan struct{}
	stopped chan struct{}

	remembers atomic.Bool
	past      past

	watchMu sync.Mutex
	watches map[*Watch]struct{}
}

// commit is one Update on its way to the disk.
type commit struct {
	after   snapshot
	changes []change
	encoded [][]byte
	ready   chan struct{} // closed when encoded is filled
	// reset is a commit after which there is nothing.
	reset   bool
	outcome *outcome
}

// outcome is how a commit ended: err may be read once done is closed.
type outcome struct {
	once sync.Once
	done chan struct{}
	err  error
}

func (o *outcome) end(err error) {
	o.once.Do(func() {
		o.err = err
		close(o.done)
	})
}

func (o *outcome) wait() error {
	<-o.done
	return o.err
}

// flaw makes the store wrong on purpose, so that tests can show that they would
// notice: "early" acknowledges before the write, "halves" cuts a write in two. It
// is set by the linker in such a test's binary and nowhere else.
var flaw string

// InMemory is a store without a disk, for tests.
func InMemory(tables ...AnyTable) *Store { return newStore(nil, snapshot{}, tables) }

// Open opens or creates the store in the folder and locks it against a second
// engine. See disk.go for what it refuses.
func Open(dir string, tables ...AnyTable) (*Store, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	rows, err := d.load(tables)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return newStore(d, rows, tables), nil
}

func newStore(d *disk, rows snapshot, tables []AnyTable) *Store {
	s := &Store{tables: byName(tables), disk: d, head: rows, tail: &outcome{done: make(chan struct{})}, wake: make(chan struct{}, 1), stopped: make(chan struct{}), watches: map[*Watch]struct{}{}}
	s.durable.Store(&rows)
	s.tail.end(nil)
	go s.flushLoop()
	return s
}

func byName(tables []AnyTable) map[string]AnyTable {
	m := map[string]AnyTable{}
	for _, t := range tables {
		if m[t.Name()] != nil {
			panic("state: two tables are named " + t.Name())
		}
		m[t.Name()] = t
	}
	return m
}

// View is a picture of everything durable at this instant.
func (s *Store) View() *Tx { return &Tx{base: *s.durable.Load()} }

// Empty tells whether there is no row at all.
func (s *Store) Empty() bool { return len(*s.durable.Load()) == 0 }

// Update runs fn on the newest picture and keeps what it wrote, or nothing of
// it when fn returns an error, which Update returns as it is. It returns once
// the write is durable and every later View sees it.
//
// An fn that writes nothing, or refuses, may have decided so by what others
// wrote just before: its answer too waits until that is durable.
func (s *Store) Update(fn func(tx *Tx) error) error {
	c, seen, err := s.write(fn)
	if c == nil {
		if lost := seen.wait(); lost != nil {
			return lost
		}
		return err
	}
	if s.disk != nil {
		c.encode()
	}
	close(c.ready)
	return c.outcome.wait()
}

// write gives the commit to wait for or, when nothing was written, the outcome
// of the newest one that fn saw.
func (s *Store) write(fn func(tx *Tx) error) (*commit, *outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, s.tail, ErrClosed
	}
	seen := s.tail
	tx := &Tx{base: s.head, update: true, written: map[AnyTable]map[Scope]shard{}}
	if err := fn(tx); err != nil || len(tx.changes) == 0 {
		return nil, seen, err
	}
	return s.enqueue(tx.after(), tx.changes), nil, nil
}

// enqueue is called with the store locked.
func (s *Store) enqueue(after snapshot, changes []change) *commit {
	c := &commit{after: after, changes: changes, ready: make(chan struct{}), outcome: &outcome{done: make(chan struct{})}}
	s.head, s.tail = after, c.outcome
	s.queue = append(s.queue, c)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return c
}

// Reset removes every row of every table, durably.
func (s *Store) Reset() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	var gone []change
	for t, shards := range s.head {
		for scope := range shards {
			gone = append(gone, change{Change: Change{Table: t.Name(), Scope: scope}})
		}
	}
	c := s.enqueue(snapshot{}, gone)
	c.reset = true
	s.mu.Unlock()
	close(c.ready)
	return c.outcome.wait()
}

// Close makes the last writes durable and lets go of the folder.
func (s *Store) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	close(s.wake)
	<-s.stopped
	if s.disk == nil {
		return nil
	}
	return s.disk.close()
}

func (s *Store) flushLoop() {
	defer close(s.stopped)
	for {
		_, open := <-s.wake
		for s.flush() {
		}
		if !open {
			return
		}
	}
}

// flush makes all that is queued durable in one commit and tells whether there
// was anything.
func (s *Store) flush() bool {
	batch := s.take()
	if len(batch) == 0 {
		return false
	}
	for _, c := range batch {
		<-c.ready
	}
	if err := s.persist(batch); err != nil {
		s.undo(batch, fmt.Errorf("%w: %w", ErrNotDurable, err))
		return true
	}
	last := batch[len(batch)-1].after
	s.durable.Store(&last)
	if s.remembers.Load() {
		s.past.passes(last)
	}
	s.tell(batch)
	acknowledge(batch, nil)
	return true
}

// take is what is queued. As long as more comes while others get the processor
// it waits: those that the last commit has just answered write again, and one
// commit for all of them costs hardly more than one for the first.
func (s *Store) take() []*commit {
	for seen := 0; ; {
		s.mu.Lock()
		batch := s.queue
		if len(batch) == seen {
			s.queue = nil
			s.mu.Unlock()
			return batch
		}
		seen = len(batch)
		s.mu.Unlock()
		runtime.Gosched()
	}
}

func (s *Store) persist(batch []*commit) error {
	switch {
	case s.disk == nil:
		return nil
	case flaw == "early":
		acknowledge(batch, nil)
	case flaw == "halves":
		return errors.Join(s.disk.write(halves(batch, 0)), s.disk.write(halves(batch, 1)))
	}
	return s.disk.write(batch)
}

// halves is every other change of the batch.
func halves(batch []*commit, which int) (half []*commit) {
	for _, c := range batch {
		h := &commit{reset: c.reset}
		for i := which; i < len(c.changes); i += 2 {
			h.changes = append(h.changes, c.changes[i])
			if c.encoded != nil {
				h.encoded = append(h.encoded, c.encoded[i])
			}
		}
		half = append(half, h)
	}
	return half
}

func acknowledge(batch []*commit, err error) {
	for _, c := range batch {
		c.outcome.end(err)
	}
}

// undo goes back to what is durable. What was queued meanwhile was built on the
// lost writes and is lost with them.
func (s *Store) undo(batch []*commit, err error) {
	s.mu.Lock()
	batch = append(batch, s.queue...)
	s.queue = nil
	s.head, s.tail = *s.durable.Load(), &outcome{done: make(chan struct{})}
	s.tail.end(nil)
	s.mu.Unlock()
	acknowledge(batch, err)
}
