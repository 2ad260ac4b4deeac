package registry

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"
)

// Where distribution keeps things below a scope's folder: its storage layout v2,
// which its documentation fixes (registry/storage/paths.go). Collecting and
// reading all of a repository at once need it; a test holds the two together.
const (
	blobsRoot        = "docker/registry/v2/blobs"
	repositoriesRoot = "docker/registry/v2/repositories"
)

var errNotDir = syscall.ENOTDIR

// blobFile is the file of a blob's content.
func (s *scope) blobFile(d digest.Digest) string {
	hex := d.Encoded()
	return filepath.Join(s.driver.root, blobsRoot, d.Algorithm().String(), hex[:2], hex, "data")
}

func (r *repository) dir() string {
	return filepath.Join(r.scope.driver.root, repositoriesRoot, filepath.FromSlash(r.id.Name))
}

// layerLink is the file that lets the repository serve a blob.
func (r *repository) layerLink(d digest.Digest) string {
	return filepath.Join(r.dir(), "_layers", d.Algorithm().String(), d.Encoded(), "link")
}

func (r *repository) revisions() string { return filepath.Join(r.dir(), "_manifests", "revisions") }
func (r *repository) tagsDir() string   { return filepath.Join(r.dir(), "_manifests", "tags") }

// stripes are locks of single things by name. Collect removes a blob while it has
// its stripe alone; whoever makes sure that a blob is there shares the stripe
// until the blob's time is renewed.
type stripes struct {
	locks [64]sync.RWMutex
	seed  maphash.Seed
	once  sync.Once
}

func (s *stripes) of(name string) *sync.RWMutex {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	return &s.locks[maphash.String(s.seed, name)%uint64(len(s.locks))]
}

// pin keeps blobs from being collected until the returned function is called,
// however old they are. A removal that has begun is not stopped: vouch waits for
// it to end.
func (s *scope) pin(blobs []digest.Digest) (unpin func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range blobs {
		s.pinned[d]++
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, d := range blobs {
			if s.pinned[d]--; s.pinned[d] == 0 {
				delete(s.pinned, d)
			}
		}
	}
}

func (s *scope) isPinned(d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pinned[d] > 0
}

// vouch renews the time of a blob and of the repository's link to it: a client
// that has been told that the blob is there may rely on it for the grace period.
// It returns the blob's size; fs.ErrNotExist when the repository has no such
// blob.
func (r *repository) vouch(d digest.Digest) (int64, error) {
	lock := r.scope.stripes.of(d.String())
	lock.RLock()
	defer lock.RUnlock()
	return r.vouchLocked(d)
}

func (r *repository) vouchLocked(d digest.Digest) (int64, error) {
	if d.Validate() != nil {
		return 0, fs.ErrNotExist
	}
	file := r.scope.blobFile(d)
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	now := time.Now() // the disk's clock, which ages are measured by
	if err := errors.Join(os.Chtimes(file, time.Time{}, now), os.Chtimes(r.layerLink(d), time.Time{}, now)); err != nil {
		return 0, err
	}
	return info.Size(), nil
}
