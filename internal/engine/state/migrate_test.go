package state

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// older makes a state file from a dump in testdata.
func older(t *testing.T, dump string) (dir string) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", dump))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	query(t, dir, func(db *sql.DB) error { _, err := db.Exec(string(script)); return err })
	return dir
}

// query opens the folder's file past the store.
func query(t *testing.T, dir string, do func(*sql.DB) error) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func version(t *testing.T, dir string) (v int) {
	t.Helper()
	query(t, dir, func(db *sql.DB) error { return db.QueryRow(`PRAGMA user_version`).Scan(&v) })
	return v
}

func checkV1(t *testing.T, s *Store) {
	t.Helper()
	tx := s.View()
	if diff := cmp.Diff([]string{"rex"}, names(byKind.Get(tx, here, "dog"))); diff != "" {
		t.Error(diff)
	}
	if p, _ := pets.Get(tx, there, "rex"); p == nil || p.Age != 9 {
		t.Errorf("the other region's row: %+v", p)
	}
	if toys.Len(tx, here) != 1 {
		t.Error("the toy is gone")
	}
}

func TestAFileOfVersion1IsReadAndWritten(t *testing.T) {
	dir := older(t, "v1.sql")
	s := open(t, dir)
	checkV1(t, s)
	put(t, s, here, pet{Name: "tom", Kind: "cat"})
	s.Close()
	if got := version(t, dir); got != len(migrations) {
		t.Errorf("the file is of version %d, want %d", got, len(migrations))
	}
	s = open(t, dir)
	checkV1(t, s)
	if !pets.Has(s.View(), here, "tom") {
		t.Error("what was written to the migrated file is gone")
	}
}

// withMigration is a version of slipway that has one more.
func withMigration(t *testing.T, sql string) {
	before := migrations
	migrations = append(before[:len(before):len(before)], sql)
	t.Cleanup(func() { migrations = before })
}

func TestALaterVersionMigratesWhatIsThere(t *testing.T) {
	dir := older(t, "v1.sql")
	withMigration(t, `ALTER TABLE rows ADD COLUMN written INTEGER NOT NULL DEFAULT 0`)
	s := open(t, dir)
	checkV1(t, s)
	s.Close()
	if got := version(t, dir); got != len(migrations) {
		t.Errorf("the file is of version %d, want %d", got, len(migrations))
	}
}

func TestAFailedMigrationLeavesTheFileAsItWas(t *testing.T) {
	dir := older(t, "v1.sql")
	t.Run("failing", func(t *testing.T) {
		withMigration(t, `DELETE FROM rows; ALTER TABLE nowhere ADD COLUMN x`)
		if s, err := Open(dir, pets, toys); err == nil {
			s.Close()
			t.Fatal("a migration that cannot work was taken")
		}
	})
	if got := version(t, dir); got != 1 {
		t.Errorf("the file is of version %d, want 1", got)
	}
	checkV1(t, open(t, dir))
}
