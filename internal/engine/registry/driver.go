package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/google/uuid"
)

// driver keeps distribution's files in a folder. Unlike distribution's own
// filesystem driver
//
//   - what has been committed is there after a power loss: the folders that a
//     rename and a new folder change are synced, too;
//   - uploads in progress are not synced: nobody counts on them;
//   - a small file that holds what is written already is left alone, so that a
//     manifest's link keeps the time of the first push;
//   - it does not bring OpenTelemetry's exporters and gRPC into the binary.
type driver struct {
	root   string
	making stripes // folders being made
}

var _ storagedriver.StorageDriver = (*driver)(nil)

// Name is the driver's, for the library's errors.
func (d *driver) Name() string { return "slipway" }

func (d *driver) file(path string) string { return filepath.Join(d.root, filepath.FromSlash(path)) }

// missing turns the system's error into the one that the library looks for.
func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
		return storagedriver.PathNotFoundError{Path: path, DriverName: "slipway"}
	}
	return err
}

// transient tells the paths that need not outlive the process: uploads, and the
// library's record of what tags once stood at, which nobody reads.
func transient(path string) bool {
	if strings.Contains(path, "/_uploads/") {
		return true
	}
	_, below, _ := strings.Cut(path, "/_manifests/tags/")
	_, below, _ = strings.Cut(below, "/") // the tag, which may be any word
	return strings.HasPrefix(below, "index/")
}

// GetContent reads a small file.
func (d *driver) GetContent(_ context.Context, path string) ([]byte, error) {
	b, err := os.ReadFile(d.file(path))
	return b, missing(path, err)
}

// PutContent writes a small file, whole or not at all.
func (d *driver) PutContent(_ context.Context, path string, content []byte) error {
	file := d.file(path)
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := d.makeDir(filepath.Dir(file)); err != nil {
		return err
	}
	tmp := file + "." + uuid.NewString() + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if !transient(path) {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if transient(path) {
		return nil
	}
	return syncDir(filepath.Dir(file))
}

// Reader reads a file from an offset on.
func (d *driver) Reader(_ context.Context, path string, offset int64) (io.ReadCloser, error) {
	f, err := os.Open(d.file(path))
	if err != nil {
		return nil, missing(path, err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, storagedriver.InvalidOffsetError{Path: path, Offset: offset, DriverName: "slipway"}
	}
	return f, nil
}

// Writer writes a file anew or goes on at its end.
func (d *driver) Writer(_ context.Context, path string, appending bool) (storagedriver.FileWriter, error) {
	file := d.file(path)
	if err := d.makeDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	mode := os.O_WRONLY | os.O_CREATE
	if !appending {
		mode |= os.O_TRUNC
	}
	f, err := os.OpenFile(file, mode, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &writer{f: f, size: size}, nil
}

// Stat tells of a file or a folder.
func (d *driver) Stat(_ context.Context, path string) (storagedriver.FileInfo, error) {
	info, err := os.Stat(d.file(path))
	if err != nil {
		return nil, missing(path, err)
	}
	return storagedriver.FileInfoInternal{FileInfoFields: storagedriver.FileInfoFields{
		Path: path, Size: info.Size(), ModTime: info.ModTime(), IsDir: info.IsDir(),
	}}, nil
}

// List gives the paths directly below a folder.
func (d *driver) List(_ context.Context, dir string) ([]string, error) {
	f, err := os.Open(d.file(dir))
	if err != nil {
		return nil, missing(dir, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(0)
	for i, name := range names {
		names[i] = path.Join(dir, name)
	}
	return names, err
}

// Move renames a file.
func (d *driver) Move(_ context.Context, from, to string) error {
	dest := d.file(to)
	if err := d.makeDir(filepath.Dir(dest)); err != nil {
		return err
	}
	if err := os.Rename(d.file(from), dest); err != nil {
		return missing(from, err)
	}
	return syncDir(filepath.Dir(dest))
}

// Delete removes a file or a folder with all that is in it.
func (d *driver) Delete(_ context.Context, path string) error {
	if _, err := os.Lstat(d.file(path)); err != nil {
		return missing(path, err)
	}
	return os.RemoveAll(d.file(path))
}

// RedirectURL says that clients get everything from the registry itself.
func (d *driver) RedirectURL(*http.Request, string) (string, error) { return "", nil }

// Walk visits everything below a path.
func (d *driver) Walk(ctx context.Context, path string, f storagedriver.WalkFn, options ...func(*storagedriver.WalkOptions)) error {
	return storagedriver.WalkFallback(ctx, d, path, f, options...)
}

// writer is an upload's file.
type writer struct {
	f      *os.File
	size   int64
	closed bool
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.size += int64(n)
	return n, err
}

func (w *writer) Size() int64 { return w.size }

// Commit makes sure of the content: it is about to be moved to where it counts.
func (w *writer) Commit(context.Context) error { return w.f.Sync() }

func (w *writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.f.Close()
}

func (w *writer) Cancel(context.Context) error {
	return errors.Join(w.Close(), os.Remove(w.f.Name()))
}

// makeDir makes a folder and those above it. All but transient ones are on the
// disk when it returns, whoever made them.
func (d *driver) makeDir(dir string) error {
	err := d.mkdir(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return d.makeDir(dir)
}

// mkdir makes one folder. Who finds it there has waited for its maker's sync.
func (d *driver) mkdir(dir string) error {
	lock := d.making.of(dir)
	lock.Lock()
	defer lock.Unlock()
	err := os.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil || transient(filepath.ToSlash(dir)+"/"):
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile, with what was in it
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
