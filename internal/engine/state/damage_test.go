package state

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestADamagedFileIsRefusedAndLeft spoils a sound file in the ways that disks,
// copies and people do. Each must be refused by a message that names the file,
// and none may be written to.
func TestADamagedFileIsRefusedAndLeft(t *testing.T) {
	file := func(dir string) string { return filepath.Join(dir, "state.db") }
	rewrite := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			b, err := os.ReadFile(file(dir))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file(dir), change(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	execute := func(statement string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			query(t, dir, func(db *sql.DB) error { _, err := db.Exec(statement); return err })
		}
	}
	for name, spoil := range map[string]func(*testing.T, string){
		"cut short":            rewrite(func(b []byte) []byte { return b[:len(b)/2] }),
		"a page of zeros":      rewrite(func(b []byte) []byte { clear(b[2*4096 : 3*4096]); return b }),
		"a page of noise":      rewrite(func(b []byte) []byte { copy(b[4096:], bytes.Repeat([]byte{0xa5, 3, 0xff}, 1300)); return b }),
		"no header":            rewrite(func(b []byte) []byte { clear(b[:100]); return b }),
		"another program's":    execute(`PRAGMA application_id = 7`),
		"a row that is cut":    execute(`UPDATE rows SET value = '{"Name":' WHERE key = 'large-0003'`),
		"a row of another key": execute(`UPDATE rows SET key = 'stray' WHERE key = 'large-0003'`),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			for n := range 20 {
				put(t, s, here, *large(n))
			}
			s.Close()
			spoil(t, dir)
			before, err := os.ReadFile(file(dir))
			if err != nil {
				t.Fatal(err)
			}
			s, err = Open(dir, pets, toys)
			if s != nil {
				s.Close()
			}
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("%v, want ErrDamaged", err)
			}
			if !strings.Contains(err.Error(), file(dir)) {
				t.Errorf("the message does not name the file: %v", err)
			}
			if after, _ := os.ReadFile(file(dir)); !bytes.Equal(before, after) {
				t.Error("the refused file was written to")
			}
		})
	}
}
