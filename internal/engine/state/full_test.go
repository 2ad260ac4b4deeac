package state

import (
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// TestAFullDiskRefusesAndLosesNothing fills what the store writes to until it
// refuses: what it refused is not there, what it acknowledged is, and it goes on
// as soon as there is room.
func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	if !enginetest.Alone(t) {
		return
	}
	for name, fill := range map[string]func(t *testing.T, s *Store) (empty func()){
		"no space":        limitPages,
		"the file is cut": limitFiles,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			put(t, s, here, pet{Name: "before", Kind: "dog"})
			empty := fill(t, s)
			kept := putUntilRefused(t, s)
			tx := s.View()
			if got := pets.Len(tx, here); got != kept+1 {
				t.Errorf("%d rows are in the view, %d were acknowledged", got, kept+1)
			}
			if err := s.Update(func(tx *Tx) error { pets.Put(tx, here, large(9999)); return nil }); !errors.Is(err, ErrNotDurable) {
				t.Errorf("still full: %v, want ErrNotDurable", err)
			}
			if err := s.Update(func(*Tx) error { return nil }); err != nil {
				t.Errorf("an update that writes nothing: %v", err)
			}
			empty()
			put(t, s, here, pet{Name: "after", Kind: "dog"})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := pets.Len(open(t, dir).View(), here); got != kept+2 {
				t.Errorf("%d rows after reopening, %d were acknowledged", got, kept+2)
			}
		})
	}
}

func large(n int) *pet {
	return &pet{Name: fmt.Sprintf("large-%04d", n), Kind: strings.Repeat("x", 8000)}
}

// putUntilRefused is how many large rows were acknowledged before one was not.
func putUntilRefused(t *testing.T, s *Store) int {
	t.Helper()
	for n := range 1000 {
		err := s.Update(func(tx *Tx) error { pets.Put(tx, here, large(n)); return nil })
		if errors.Is(err, ErrNotDurable) {
			if _, there := pets.Get(s.View(), here, large(n).Name); there {
				t.Error("a refused row is in the view")
			}
			t.Log(err)
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("nothing was refused")
	return 0
}

// limitPages has SQLite itself say that the disk is full.
func limitPages(t *testing.T, s *Store) func() {
	limit := func(pages int) {
		if _, err := s.disk.db.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(60)
	return func() { limit(1 << 30) }
}

// limitFiles has the kernel refuse to let any file grow.
func limitFiles(t *testing.T, _ *Store) func() {
	signal.Ignore(syscall.SIGXFSZ) // it comes with the refusal
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	limit(syscall.Rlimit{Cur: 300_000, Max: before.Max})
	t.Cleanup(func() { limit(before) })
	return func() { limit(before) }
}
