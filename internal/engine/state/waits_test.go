package state

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
)

// held keeps the store's writes off the disk until release is called.
func held(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// TestAnAnswerWaitsForWhatItWasDecidedBy has one writer put a row that the disk
// does not take yet, and a second see it and, for that reason, write nothing or
// refuse. The second must not be answered before the row is durable: after a
// crash its answer would have been about a row that never was.
func TestAnAnswerWaitsForWhatItWasDecidedBy(t *testing.T) {
	taken := errors.New("the name is taken")
	for name, decided := range map[string]error{"nothing to do": nil, "refused": taken} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			release := held(t, dir)
			writing, first := make(chan struct{}), make(chan error, 1)
			go func() {
				first <- s.Update(func(tx *Tx) error {
					close(writing)
					pets.Put(tx, here, &pet{Name: "rex"})
					return nil
				})
			}()
			<-writing // so the next writer comes after it
			err := s.Update(func(tx *Tx) error {
				if !pets.Has(tx, here, "rex") {
					return errors.New("the second writer does not see the first one's row")
				}
				go release()
				return decided
			})
			if !pets.Has(s.View(), here, "rex") {
				t.Error("it was answered before the row was durable")
			}
			if err != decided {
				t.Errorf("%v, want %v", err, decided)
			}
			if err := <-first; err != nil {
				t.Error(err)
			}
		})
	}
}
