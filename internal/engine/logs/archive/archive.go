// Package archive keeps log events on disk: streams of lines in groups, in a
// SQLite file of their own, since they are many and seldom read. What Append has
// answered is durable; writers that come together share a commit. It knows
// neither AWS nor containers; the logs service calls it.
package archive

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// schema is version 1 of the file.
const schema = `
CREATE TABLE grp (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE stream (
	id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
	first INTEGER, last INTEGER, ingested INTEGER, bytes INTEGER NOT NULL DEFAULT 0, cursor BLOB, UNIQUE (grp, name));
CREATE TABLE event (
	grp INTEGER NOT NULL, ts INTEGER NOT NULL, id INTEGER NOT NULL, stream INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT NULL,
	PRIMARY KEY (grp, ts, id)) WITHOUT ROWID;
CREATE INDEX event_stream ON event (stream, ts, id);
PRAGMA user_version = 1;`

// ErrNewer is the error of a file that a later version wrote.
var ErrNewer = errors.New("written by a newer version")

// Archive is an open file.
type Archive struct {
	db     *sql.DB
	last   atomic.Int64 // the latest event's id
	writes chan *write
	done   chan struct{}

	mu     sync.RWMutex // held while a write is handed over
	closed bool
}

// write is one change that waits for a commit.
type write struct {
	do   func(*sql.Tx) error
	err  error
	done chan struct{}
}

// Open opens or makes the file.
func Open(file string) (*Archive, error) {
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("opening the logs: %w", err)
	} else {
		f.Close()
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("opening the logs: %w", err)
	}
	a := &Archive{db: db, writes: make(chan *write, 256), done: make(chan struct{})}
	if err := a.prepare(); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening %s: %w", file, err)
	}
	go a.commit()
	return a, nil
}

func (a *Archive) prepare() error {
	var version int
	if err := a.db.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	switch {
	case version > 1:
		return ErrNewer
	case version == 0:
		if _, err := a.db.Exec("BEGIN IMMEDIATE;" + schema + "COMMIT;"); err != nil {
			return err
		}
	}
	var last sql.NullInt64
	if err := a.db.QueryRow(`SELECT max(id) FROM event`).Scan(&last); err != nil {
		return err
	}
	a.last.Store(last.Int64)
	return nil
}

// ErrClosed is the error of a write after Close.
var ErrClosed = errors.New("the logs are closed")

// Close ends the writer, after what it was given, and closes the file.
func (a *Archive) Close() error {
	a.mu.Lock()
	closed := a.closed
	a.closed = true
	a.mu.Unlock()
	if closed {
		return nil
	}
	close(a.writes)
	<-a.done
	return a.db.Close()
}

// commit carries writes out, all that wait in one transaction.
func (a *Archive) commit() {
	defer close(a.done)
	for w := range a.writes {
		batch := []*write{w}
		for more := true; more && len(batch) < 256; {
			select {
			case next, open := <-a.writes:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		err := a.together(batch)
		for _, w := range batch {
			if err != nil {
				w.err = err
			}
			close(w.done)
		}
	}
}

// together runs a batch in one transaction, each write behind a savepoint: one
// that fails takes nothing of the others with it.
func (a *Archive) together(batch []*write) error {
	tx, err := a.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, w := range batch {
		if _, err := tx.Exec("SAVEPOINT w"); err != nil {
			return err
		}
		if w.err = w.do(tx); w.err != nil {
			if _, err := tx.Exec("ROLLBACK TO w"); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("RELEASE w"); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (a *Archive) write(do func(*sql.Tx) error) error {
	w := &write{do: do, done: make(chan struct{})}
	a.mu.RLock()
	if a.closed {
		a.mu.RUnlock()
		return ErrClosed
	}
	a.writes <- w
	a.mu.RUnlock()
	<-w.done
	return w.err
}

// Reset removes everything.
func (a *Archive) Reset() error {
	return a.write(func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM event; DELETE FROM stream; DELETE FROM grp`)
		return err
	})
}

func millis(t time.Time) int64 { return t.UnixMilli() }
