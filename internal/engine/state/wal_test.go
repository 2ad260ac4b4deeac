package state

import (
	"errors"
	"os"
	"testing"
)

func TestEveryWriteIsSyncedBeforeItIsAcknowledged(t *testing.T) {
	s := open(t, t.TempDir())
	syncs, data := 0, s.disk.wal.data
	s.disk.wal.data = func(f *os.File) error {
		syncs++
		if _, there := pets.Get(s.View(), here, "rex"); there {
			t.Error("the row was seen before it was synced")
		}
		log, err := os.Stat(s.disk.file + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := f.Stat(); !os.SameFile(info, log) {
			t.Error("another file was synced")
		}
		return data(f)
	}
	put(t, s, here, pet{Name: "rex"})
	if syncs != 1 {
		t.Errorf("%d syncs, want 1", syncs)
	}
}

// TestNothingIsWrittenAfterAFailedSync: a kernel that could not write may say so
// once and forget what it could not write.
func TestNothingIsWrittenAfterAFailedSync(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, here, pet{Name: "before"})
	failed := errors.New("input/output error")
	data := s.disk.wal.data
	s.disk.wal.data = func(*os.File) error { return failed }
	write := func(name string) error {
		return s.Update(func(tx *Tx) error { pets.Put(tx, here, &pet{Name: name}); return nil })
	}
	if err := write("during"); !errors.Is(err, ErrNotDurable) || !errors.Is(err, failed) {
		t.Errorf("%v, want ErrNotDurable and the reason", err)
	}
	s.disk.wal.data = data
	if err := write("after"); !errors.Is(err, ErrNotDurable) {
		t.Errorf("%v, want ErrNotDurable still", err)
	}
	if got := names(pets.All(s.View(), here)); len(got) != 1 {
		t.Errorf("the view has %v", got)
	}
	s.Close()
	tx := open(t, dir).View()
	if !pets.Has(tx, here, "before") || pets.Has(tx, here, "after") {
		t.Errorf("after a new start: %v", names(pets.All(tx, here)))
	}
}

func TestTheLogIsFollowed(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, here, pet{Name: "rex"})
	w := s.disk.wal
	if err := os.Rename(w.name, w.name+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.sync(); err != nil {
		t.Fatal(err)
	}
	now, err := os.Stat(w.name)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := w.file.Stat(); !os.SameFile(info, now) {
		t.Error("the old log is synced on")
	}
}
