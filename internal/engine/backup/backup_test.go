package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// pair is two rows that every update writes alike.
type pair struct {
	Key string
	N   int
}

var pairs = state.NewTable("pairs", func(p *pair) string { return p.Key })

var nowhere = state.Scope{Account: "000000000000", Region: "eu-west-1"}

func set(s *state.Store, n int) error {
	return s.Update(func(tx *state.Tx) error {
		pairs.Put(tx, nowhere, &pair{"left", n})
		pairs.Put(tx, nowhere, &pair{"right", n})
		return nil
	})
}

// unpack gives a tar file's content and puts it into a folder.
func unpack(t *testing.T, archive io.Reader) (dir string, files map[string]bool) {
	t.Helper()
	dir, files = t.TempDir(), map[string]bool{}
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir, files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode&0o077 != 0 && !strings.HasSuffix(h.Name, "/") && !strings.HasSuffix(h.Name, ".pem") {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
		path := filepath.Join(dir, h.Name)
		if strings.HasSuffix(h.Name, "/") {
			err = os.MkdirAll(path, 0o700)
		} else {
			files[h.Name] = true
			var b bytes.Buffer
			if _, err = io.Copy(&b, r); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b.Bytes(), 0o600))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Under writers: what was acknowledged before the backup began is in it, and no
// update is in it by half.
func TestABackupUnderWriters(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, pairs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var acknowledged atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	first := make(chan struct{})
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := set(s, n); err != nil {
				t.Error(err)
				return
			}
			if acknowledged.Store(int64(n)); n == 1 {
				close(first)
			}
		}
	})
	<-first
	for range 10 {
		before := acknowledged.Load()
		var out bytes.Buffer
		if _, err := Write(t.Context(), dir, &out); err != nil {
			t.Fatal(err)
		}
		restored, _ := unpack(t, &out)
		r, err := state.Open(restored, pairs)
		if err != nil {
			t.Fatal(err)
		}
		left, _ := pairs.Get(r.View(), nowhere, "left")
		right, ok := pairs.Get(r.View(), nowhere, "right")
		if !ok || left.N != right.N || int64(left.N) < before {
			t.Errorf("acknowledged was %d; there are %+v and %+v", before, left, right)
		}
		if err := errors.Join(set(r, 1<<30), r.Close()); err != nil {
			t.Errorf("the restored state cannot be worked on: %v", err)
		}
	}
	close(stop)
	wg.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, ".backup-*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// While images come and go: every name in the copy leads to content in it.
func TestEveryNameHasItsContent(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, pairs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const root = "registry/000000000000/eu-west-1/docker/registry/v2/"
	write := func(name string) error {
		path := filepath.Join(dir, root, name)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(name), 0o600))
	}
	push := func(n int) {
		if err := errors.Join(write(fmt.Sprintf("blobs/%06d/data", n)), write(fmt.Sprintf("repositories/app/%06d/link", n))); err != nil {
			t.Error(err)
		}
	}
	const old = 800 // a collection leaves younger ones alone
	for n := range old {
		push(n)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range old {
			select {
			case <-stop:
				return
			default:
			}
			push(old + n)
			// the name goes before its content
			os.RemoveAll(filepath.Join(dir, root, fmt.Sprintf("repositories/app/%06d", n)))
			os.RemoveAll(filepath.Join(dir, root, fmt.Sprintf("blobs/%06d", n)))
		}
	})
	links := 0
	for range 3 {
		var out bytes.Buffer
		if _, err := Write(t.Context(), dir, &out); err != nil {
			t.Fatal(err)
		}
		_, files := unpack(t, &out)
		for f := range files {
			if n, ok := strings.CutPrefix(f, root+"repositories/app/"); ok {
				links++
				if blob := root + "blobs/" + strings.TrimSuffix(n, "/link") + "/data"; !files[blob] {
					t.Errorf("%s leads to nothing", f)
				}
			}
		}
	}
	close(stop)
	wg.Wait()
	if links == 0 {
		t.Error("no name was ever copied")
	}
}

func TestWhatBelongsToARunIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, pairs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, f := range []string{"engine.json", "engine.log", ".engine.json-123", "secret.key", "s3/bucket/lock", "registry/docker/registry/v2/repositories/app/_uploads/1/data"} {
		path := filepath.Join(dir, f)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "s3", "link")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Write(t.Context(), dir, &out); err != nil {
		t.Fatal(err)
	}
	_, files := unpack(t, &out)
	if len(files) != 3 || !files["state.db"] || !files["secret.key"] || !files["s3/bucket/lock"] {
		t.Errorf("it has %v", files)
	}
	if _, err := Write(t.Context(), t.TempDir(), io.Discard); !errors.Is(err, ErrNoData) {
		t.Errorf("an empty folder: %v", err)
	}
}
