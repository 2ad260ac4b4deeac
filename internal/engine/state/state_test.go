package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type pet struct {
	Name, Kind string
	Age        int
}

var (
	pets   = NewTable[pet]("test.pet", func(p *pet) string { return p.Name })
	byKind = NewIndex(pets, func(p *pet) []string { return []string{p.Kind} })
	toys   = NewTable[pet]("test.toy", func(p *pet) string { return p.Name })
	here   = Scope{"000000000000", "eu-west-1"}
	there  = Scope{"000000000000", "us-east-1"}
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, pets, toys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s *Store, scope Scope, p ...pet) {
	t.Helper()
	err := s.Update(func(tx *Tx) error {
		for _, one := range p {
			pets.Put(tx, scope, &one)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func names(seq func(func(*pet) bool)) (all []string) {
	for p := range seq {
		all = append(all, p.Name)
	}
	return all
}

func TestRowsSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, here, pet{"rex", "dog", 3}, pet{"tom", "cat", 4}, pet{"bo", "dog", 1})
	put(t, s, there, pet{"rex", "cat", 9})
	err := s.Update(func(tx *Tx) error {
		pets.Delete(tx, here, "tom")
		pets.Change(tx, here, "bo", func(p *pet) { p.Kind = "cat" })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tx := open(t, dir).View()
	if diff := cmp.Diff([]string{"bo", "rex"}, names(pets.All(tx, here))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bo"}, names(byKind.Get(tx, here, "cat"))); diff != "" {
		t.Errorf("index: %s", diff)
	}
	if p, _ := pets.Get(tx, there, "rex"); p == nil || p.Age != 9 {
		t.Errorf("the other region's row: %v", p)
	}
}

func TestAFailedUpdateLeavesNothing(t *testing.T) {
	s := InMemory(pets)
	put(t, s, here, pet{"rex", "dog", 3})
	boom := errors.New("boom")
	err := s.Update(func(tx *Tx) error {
		pets.Put(tx, here, &pet{Name: "tom"})
		pets.Delete(tx, here, "rex")
		return boom
	})
	if err != boom {
		t.Fatalf("error %v, want the function's own", err)
	}
	if got := names(pets.All(s.View(), here)); len(got) != 1 || got[0] != "rex" {
		t.Errorf("rows %v, want only rex", got)
	}
}

func TestAViewNeverChanges(t *testing.T) {
	s := InMemory(pets)
	put(t, s, here, pet{"rex", "dog", 3})
	before := s.View()
	put(t, s, here, pet{"rex", "cat", 4}, pet{"tom", "cat", 1})
	if p, _ := pets.Get(before, here, "rex"); p.Kind != "dog" || pets.Len(before, here) != 1 {
		t.Error("an update shows in an older view")
	}
	if len(names(byKind.Get(before, here, "cat"))) != 0 {
		t.Error("an update shows in an older view's index")
	}
}

func TestAnIterationMayWrite(t *testing.T) {
	s := InMemory(pets)
	for i := range 100 {
		put(t, s, here, pet{Name: fmt.Sprint(i), Kind: "dog"})
	}
	err := s.Update(func(tx *Tx) error {
		seen := 0
		for p := range byKind.Get(tx, here, "dog") {
			seen++
			pets.Delete(tx, here, p.Name)
		}
		if seen != 100 || pets.Len(tx, here) != 0 {
			return fmt.Errorf("saw %d rows, left %d", seen, pets.Len(tx, here))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestConcurrentWritersAreAllKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 50 {
				put(t, s, here, pet{Name: fmt.Sprintf("%d-%d", w, i)})
				if !pets.Has(s.View(), here, fmt.Sprintf("%d-%d", w, i)) {
					t.Error("an acknowledged write is not in the next view")
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	if n := pets.Len(open(t, dir).View(), here); n != 800 {
		t.Errorf("%d rows after reopening, want 800", n)
	}
}

func TestWatchTellsEachChangedRowOnce(t *testing.T) {
	s := InMemory(pets, toys)
	w := s.Watch(pets)
	defer w.Close()
	err := s.Update(func(tx *Tx) error {
		pets.Put(tx, here, &pet{Name: "rex"})
		pets.Put(tx, here, &pet{Name: "rex", Age: 2})
		toys.Put(tx, here, &pet{Name: "ball"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Change{{"test.pet", here, "rex"}}, got); diff != "" {
		t.Error(diff)
	}
	if p, _ := pets.Get(s.View(), here, "rex"); p == nil || p.Age != 2 {
		t.Error("the change was told before a view has it")
	}
}

func TestResetWipesMemoryAndDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, here, pet{Name: "rex"})
	put(t, s, there, pet{Name: "tom"})
	if s.Empty() {
		t.Error("a store with rows calls itself empty")
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if !s.Empty() {
		t.Error("a store that was reset is not empty")
	}
	put(t, s, here, pet{Name: "bo"})
	s.Close()
	tx := open(t, dir).View()
	if diff := cmp.Diff([]string{"bo"}, names(pets.All(tx, here))); diff != "" || pets.Len(tx, there) != 0 {
		t.Errorf("after reset: %s", diff)
	}
}

func TestOneEngineAFolder(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := Open(dir, pets); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
}

func TestDamagedAndNewerFilesAreRefusedAndLeft(t *testing.T) {
	newer := func(dir string) error {
		d, err := openDisk(dir)
		if err != nil {
			return err
		}
		_, err = d.db.Exec(`PRAGMA user_version = 99`)
		return errors.Join(err, d.close())
	}
	tests := []struct {
		name  string
		spoil func(dir string) error
		want  error
	}{
		{"no database", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "state.db"), []byte("this is not a database, but it is long enough to look at\n"), 0o600)
		}, ErrDamaged},
		{"a newer schema", newer, ErrNewer},
		{"a table of a newer version", func(dir string) error {
			s, err := Open(dir, toys)
			if err != nil {
				return err
			}
			err = s.Update(func(tx *Tx) error { toys.Put(tx, here, &pet{Name: "ball"}); return nil })
			return errors.Join(err, s.Close())
		}, ErrNewer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(filepath.Join(dir, "state.db"))
			if s, err := Open(dir, pets); !errors.Is(err, tt.want) {
				if s != nil {
					s.Close()
				}
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			after, _ := os.ReadFile(filepath.Join(dir, "state.db"))
			if string(before) != string(after) {
				t.Error("the refused file was written to")
			}
		})
	}
}

type copier struct{ Name string }

func (c *copier) Copy() *copier { return &copier{c.Name} }

func TestRowsThatTheTreesWouldCopyAreRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a row type with a method Copy was taken")
		}
	}()
	NewTable[copier]("test.copier", func(c *copier) string { return c.Name })
}

func TestAnIndexFollowsItsRow(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, here, pet{"rex", "dog", 1})
	put(t, s, here, pet{"rex", "dog", 2})
	if got, ok := byKind.One(s.View(), here, "dog"); !ok || got.Age != 2 {
		t.Errorf("under the value that it keeps stands %+v", got)
	}
	put(t, s, here, pet{"rex", "wolf", 3})
	if got, ok := byKind.One(s.View(), here, "dog"); ok {
		t.Errorf("under the value that it had stands %+v", got)
	}
	if got, ok := byKind.One(s.View(), here, "wolf"); !ok || got.Age != 3 {
		t.Errorf("under its new value stands %+v", got)
	}
}
