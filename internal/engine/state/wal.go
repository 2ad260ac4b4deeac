package state

import (
	"errors"
	"fmt"
	"os"
)

// wal is SQLite's write-ahead log, synced by us after every commit. SQLite would
// do it with fsync, which on a busy file system waits for the file system's own
// journal; the log's content alone is enough, and takes a tenth of the time.
type wal struct {
	name string
	file *os.File
	info os.FileInfo
	// broken is the error of a sync. What is on the disk is not known from there
	// on, so nothing more is written: a new start reads what there is.
	broken error
	// data is syncData, or what a test puts in its place.
	data func(*os.File) error
}

// openWAL opens the log beside an open database.
func openWAL(database string) (*wal, error) {
	w := &wal{name: database + "-wal", data: syncData}
	return w, w.open()
}

func (w *wal) open() (err error) {
	if w.file, err = os.OpenFile(w.name, os.O_RDWR, 0); err != nil {
		return fmt.Errorf("opening the state's log: %w", err)
	}
	w.info, err = w.file.Stat()
	return err
}

// sync returns when all that was committed is on the disk.
func (w *wal) sync() error {
	err := errors.Join(w.follow(), w.data(w.file))
	if err != nil {
		w.broken = fmt.Errorf("syncing the state's log, start the engine again: %w", err)
	}
	return w.broken
}

// follow opens the log anew if SQLite has made another one, which it does only
// after all connections were closed.
func (w *wal) follow() error {
	now, err := os.Stat(w.name)
	if err != nil || os.SameFile(now, w.info) {
		return err
	}
	return errors.Join(w.file.Close(), w.open())
}
