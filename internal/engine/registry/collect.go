package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
)

// Freed is what a collection has given back.
type Freed struct {
	Blobs   int
	Bytes   int64
	Uploads int
}

// staleUpload is how long an upload may rest before it is dropped.
const staleUpload = 24 * time.Hour

// Collect deletes the blobs that no manifest needs, of all scopes, and uploads
// that nobody goes on with. Pushes and pulls go on meanwhile.
//
// It marks what the manifests of all repositories reference and sweeps the rest,
// except blobs younger than the grace period, where a blob's age counts from the
// last time a client was told that it is there: by an upload, a mount, a HEAD, or
// a manifest that references it. A push asks for its blobs first and puts its
// manifest last, so what it relies on is young or marked. While uploads are in
// progress the period counts back from the beginning of the oldest: a push that
// takes long keeps what it asked for at its start. Each blob is removed under a
// lock of its own; nothing else ever waits.
func (g *Registry) Collect(ctx context.Context) (Freed, error) {
	var freed Freed
	dirs, err := filepath.Glob(filepath.Join(escapeGlob(g.o.Dir), "*", "*"))
	if err != nil {
		return freed, fmt.Errorf("collecting: %w", err)
	}
	for _, dir := range dirs {
		account, region := filepath.Base(filepath.Dir(dir)), filepath.Base(dir)
		s, err := g.scope(account, region)
		if err != nil {
			continue // not ours
		}
		if err := g.collect(ctx, s, &freed); err != nil {
			return freed, fmt.Errorf("collecting the registry of %s in %s: %w", account, region, err)
		}
	}
	return freed, nil
}

func (g *Registry) collect(ctx context.Context, s *scope, freed *Freed) error {
	cutoff := s.oldestUpload(time.Now(), g.o.Grace).Add(-g.o.Grace)
	names, err := s.onDisk()
	if err != nil {
		return err
	}
	marked := map[digest.Digest]bool{}
	for _, name := range names {
		r, err := g.repository(Repository{s.account, s.region, name})
		if err != nil {
			return fmt.Errorf("the folder of %q is not a repository's: %w", name, err)
		}
		own, err := r.references()
		if err != nil {
			return err
		}
		for d := range own {
			marked[d] = true
		}
		if err := r.sweepLinks(ctx, own, cutoff); err != nil {
			return err
		}
		if err := r.sweepUploads(freed); err != nil {
			return err
		}
	}
	return s.sweep(ctx, marked, cutoff, freed)
}

// oldestUpload is when the oldest upload that is still being worked on began.
func (s *scope) oldestUpload(now time.Time, grace time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := now
	for id, u := range s.uploads {
		u.mu.Lock()
		last := u.last
		u.mu.Unlock()
		writing := !u.busy.TryLock()
		if !writing {
			u.busy.Unlock()
		}
		switch {
		case writing || now.Sub(last) < grace:
			if u.started.Before(oldest) {
				oldest = u.started
			}
		case now.Sub(last) > staleUpload:
			delete(s.uploads, id)
		}
	}
	return oldest
}

// references are the digests that the repository's manifests are and need.
func (r *repository) references() (map[digest.Digest]bool, error) {
	if err := r.load(); err != nil {
		return nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := map[digest.Digest]bool{}
	for d, i := range r.images {
		out[d] = true
		for _, ref := range i.references() {
			out[ref] = true
		}
	}
	return out, nil
}

// old tells a file last vouched for before the cutoff.
func old(file string, cutoff time.Time) bool {
	info, err := os.Stat(file)
	return err == nil && info.ModTime().Before(cutoff)
}

// sweepLinks takes from the repository the blobs that it does not need any more.
// Another one may still need them.
func (r *repository) sweepLinks(ctx context.Context, needed map[digest.Digest]bool, cutoff time.Time) error {
	links, err := filepath.Glob(filepath.Join(escapeGlob(r.dir()), "_layers", "sha256", "*", "link"))
	if err != nil {
		return err
	}
	for _, link := range links {
		d := digest.NewDigestFromEncoded(digest.SHA256, filepath.Base(filepath.Dir(link)))
		if needed[d] || !old(link, cutoff) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.scope.remove(d, link, cutoff); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the folder of a blob or a link unless it was vouched for
// meanwhile, or is pinned.
func (s *scope) remove(d digest.Digest, file string, cutoff time.Time) error {
	lock := s.stripes.of(d.String())
	lock.Lock()
	defer lock.Unlock()
	if !old(file, cutoff) || s.isPinned(d) {
		return nil
	}
	return os.RemoveAll(filepath.Dir(file))
}

// sweep deletes the blobs that are neither marked nor young.
func (s *scope) sweep(ctx context.Context, marked map[digest.Digest]bool, cutoff time.Time, freed *Freed) error {
	root := filepath.Join(s.driver.root, blobsRoot, "sha256")
	return filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.Name() != "data" {
			return err
		}
		d := digest.NewDigestFromEncoded(digest.SHA256, filepath.Base(filepath.Dir(file)))
		if marked[d] || !old(file, cutoff) {
			return ctx.Err()
		}
		info, err := entry.Info()
		if err != nil {
			return nil // removed meanwhile
		}
		if err := s.remove(d, file, cutoff); err != nil {
			return err
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			freed.Blobs++
			freed.Bytes += info.Size()
		}
		return ctx.Err()
	})
}

// sweepUploads drops the uploads that have rested for too long, also those of a
// process that is no more.
func (r *repository) sweepUploads(freed *Freed) error {
	dir := filepath.Join(r.dir(), "_uploads")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		data := filepath.Join(dir, e.Name(), "data")
		if !old(data, time.Now().Add(-staleUpload)) || !uploadForm.MatchString(e.Name()) {
			continue
		}
		u := r.scope.upload(e.Name())
		if !u.busy.TryLock() {
			continue
		}
		err := os.RemoveAll(filepath.Dir(data))
		u.busy.Unlock()
		r.scope.forget(e.Name())
		if err != nil {
			return err
		}
		freed.Uploads++
	}
	return nil
}
