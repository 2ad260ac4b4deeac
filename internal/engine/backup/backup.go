// Package backup copies an engine's data folder into a tar file while the engine
// works on it. Called by `slipway engine backup`; it asks nothing of the engine,
// so that it works on a stopped one too.
//
// What comes first makes the copy whole: the registry's content before the names
// that lead to it, names before the content that came since, and the state last.
// Databases are copied by SQLite, as of one instant.
package backup

import (
	"archive/tar"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// Summary is what a backup holds.
type Summary struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// ErrNoData is the error for a folder that no engine has used.
var ErrNoData = errors.New("no engine has used this data folder: it has no state.db")

// databases are copied by SQLite, in this order and after everything else.
var databases = []string{"logs.db", "state.db"}

// Write writes the folder's copy as a tar file.
func Write(ctx context.Context, dir string, out io.Writer) (Summary, error) {
	if _, err := os.Stat(filepath.Join(dir, "state.db")); err != nil {
		return Summary{}, fmt.Errorf("%w (%s)", ErrNoData, dir)
	}
	w := &writer{ctx: ctx, dir: dir, tar: tar.NewWriter(out), has: map[string]bool{}}
	parts, err := registries(dir)
	if err != nil {
		return w.sum, err
	}
	w.apart = parts
	for _, part := range append(slices.Clip(parts), ".") {
		if err := w.walk(part); err != nil {
			return w.sum, err
		}
	}
	for _, name := range databases {
		if err := w.database(name); err != nil {
			return w.sum, err
		}
	}
	return w.sum, w.tar.Close()
}

// registries are the registry's folders in their order: blobs, names, blobs. A
// collection leaves young blobs alone, so that none comes and goes meanwhile.
func registries(dir string) ([]string, error) {
	var parts []string
	for _, name := range []string{"blobs", "repositories", "blobs"} {
		found, err := filepath.Glob(filepath.Join(dir, "registry", "*", "*", "docker", "registry", "v2", name))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			part, err := filepath.Rel(dir, path)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
	}
	return parts, nil
}

type writer struct {
	ctx context.Context
	dir string
	tar *tar.Writer
	has map[string]bool
	// apart are folders that have a turn of their own.
	apart []string
	sum   Summary
}

// walk adds what a part of the folder has and the copy has not.
func (w *writer) walk(part string) error {
	err := filepath.WalkDir(filepath.Join(w.dir, part), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since its folder was read
		}
		if err != nil {
			return err
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		name, err := filepath.Rel(w.dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (passing(name) || name != part && slices.Contains(w.apart, name)):
			return filepath.SkipDir
		case passing(name), name == ".", w.has[name], !d.IsDir() && !d.Type().IsRegular():
			return nil
		}
		w.has[name] = true
		return w.add(name, path)
	})
	if err != nil {
		return fmt.Errorf("copying %s: %w", filepath.Join(w.dir, part), err)
	}
	return nil
}

// passing tells what belongs to a run and not to the data: the lock, the run's
// own file, its log, uploads that are under way, temporary files; and the
// databases, which are copied otherwise.
func passing(name string) bool {
	base := filepath.Base(name)
	if slices.Contains([]string{"lock", "engine.json", "engine.log"}, name) || base == "_uploads" || name != "." && strings.HasPrefix(base, ".") {
		return true
	}
	return slices.ContainsFunc(databases, func(db string) bool { return name == db || name == db+"-wal" || name == db+"-shm" })
}

func (w *writer) add(name, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	head, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	head.Name, head.Uid, head.Gid, head.Uname, head.Gname = filepath.ToSlash(name), 0, 0, "", ""
	if info.IsDir() {
		head.Name += "/"
		return w.tar.WriteHeader(head)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.tar.WriteHeader(head); err != nil {
		return err
	}
	// A file that grows meanwhile is copied as long as it was.
	n, err := io.CopyN(w.tar, f, head.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.sum.Files, w.sum.Bytes = w.sum.Files+1, w.sum.Bytes+n
	return nil
}

// database adds a copy that SQLite makes in one read transaction.
func (w *writer) database(name string) error {
	path := filepath.Join(w.dir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// Beside the original: there is room there for another, if anywhere.
	tmp, err := os.MkdirTemp(w.dir, ".backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	copied := filepath.Join(tmp, name)
	f, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL, 0o600) // VACUUM INTO takes an empty file, and keeps its mode
	if err != nil {
		return err
	}
	f.Close()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)&mode=rw")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(w.ctx, `VACUUM INTO ?`, copied); err != nil {
		return fmt.Errorf("copying %s: %w", path, err)
	}
	w.has[name] = true
	return w.add(name, copied)
}
