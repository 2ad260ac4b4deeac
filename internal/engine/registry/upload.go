package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/registry/storage"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// upload is a blob on its way in.
type upload struct {
	busy    sync.Mutex // held while a part is written
	started time.Time

	mu   sync.Mutex
	last time.Time // when a part last came
}

// uploadForm guards the folder names that uploads become.
var uploadForm = lazyregexp.New(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// StartUpload begins a blob and returns the upload's id.
func (g *Registry) StartUpload(ctx context.Context, id Repository) (string, error) {
	r, err := g.repository(id)
	if err != nil {
		return "", err
	}
	store, err := r.store(ctx)
	if err != nil {
		return "", err
	}
	w, err := store.Blobs(ctx).Create(ctx)
	if err != nil {
		return "", fmt.Errorf("beginning an upload to %s: %w", id, err)
	}
	r.scope.upload(w.ID())
	return w.ID(), w.Close()
}

// upload is what is known of an upload in progress.
func (s *scope) upload(id string) *upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[id]
	if u == nil {
		now := time.Now()
		u = &upload{started: now, last: now}
		s.uploads[id] = u
	}
	return u
}

func (s *scope) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, id)
}

// session is an upload opened by one caller alone.
type session struct {
	distribution.BlobWriter
	upload *upload
	ended  bool
}

// resume opens an upload; the caller closes it.
func (r *repository) resume(ctx context.Context, uploadID string) (*session, error) {
	if !uploadForm.MatchString(uploadID) {
		return nil, uploadUnknown()
	}
	store, err := r.store(ctx)
	if err != nil {
		return nil, err
	}
	u := r.scope.upload(uploadID)
	if !u.busy.TryLock() {
		return nil, rangeInvalid("Another part of this upload is being received")
	}
	w, err := store.Blobs(ctx).Resume(ctx, uploadID)
	if err != nil {
		u.busy.Unlock()
		r.scope.forget(uploadID)
		if errors.Is(err, distribution.ErrBlobUploadUnknown) {
			return nil, uploadUnknown()
		}
		return nil, fmt.Errorf("resuming an upload to %s: %w", r.id, err)
	}
	return &session{BlobWriter: w, upload: u}, nil
}

func (s *session) close() {
	s.upload.mu.Lock()
	s.upload.last = time.Now()
	s.upload.mu.Unlock()
	if !s.ended { // the library's Close would bring the upload's folder back
		s.Close()
	}
	s.upload.busy.Unlock()
}

// cancel drops the upload.
func (s *session) cancel(ctx context.Context, r *repository) error {
	s.ended = true
	r.scope.forget(s.ID())
	return s.Cancel(ctx)
}

// UploadSize is how many bytes of an upload have come.
func (g *Registry) UploadSize(ctx context.Context, id Repository, uploadID string) (int64, error) {
	r, err := g.repository(id)
	if err != nil {
		return 0, err
	}
	w, err := r.resume(ctx, uploadID)
	if err != nil {
		return 0, err
	}
	defer w.close()
	return w.Size(), nil
}

// Upload appends to an upload and returns its size. The part must begin at
// offset, or anywhere when that is negative; [ErrRange] otherwise.
func (g *Registry) Upload(ctx context.Context, id Repository, uploadID string, offset int64, part io.Reader) (int64, error) {
	r, err := g.repository(id)
	if err != nil {
		return 0, err
	}
	w, err := r.resume(ctx, uploadID)
	if err != nil {
		return 0, err
	}
	defer w.close()
	return r.receive(ctx, w, offset, part)
}

// receive appends a part. What a disk that is full has of an upload goes at once:
// others need the room, and the client has to begin again anyway.
func (r *repository) receive(ctx context.Context, w *session, offset int64, part io.Reader) (int64, error) {
	if offset >= 0 && offset != w.Size() {
		return w.Size(), rangeInvalid(fmt.Sprintf("The part begins at byte %d, but %d have been received", offset, w.Size()))
	}
	_, err := w.ReadFrom(part)
	if full(err) {
		return w.Size(), errors.Join(noRoom(err), w.cancel(ctx, r))
	}
	if err != nil {
		return w.Size(), fmt.Errorf("receiving a blob: %w", err)
	}
	return w.Size(), nil
}

// FinishUpload appends the last part, which may be empty, and makes the upload a
// blob of the repository. The digest must be the content's; [ErrDigest]
// otherwise, and the upload is gone.
func (g *Registry) FinishUpload(ctx context.Context, id Repository, uploadID, dgst string, offset int64, part io.Reader) (size int64, err error) {
	r, err := g.repository(id)
	if err != nil {
		return 0, err
	}
	d, err := parseDigest(dgst)
	if err != nil {
		return 0, err
	}
	w, err := r.resume(ctx, uploadID)
	if err != nil {
		return 0, err
	}
	defer w.close()
	if _, err := r.receive(ctx, w, offset, part); err != nil {
		return 0, err
	}
	if err := r.commit(ctx, w, d); err != nil {
		return 0, err
	}
	w.ended = true
	r.scope.forget(uploadID)
	return w.Size(), nil
}

// commit makes an upload a blob. The client is told that it is there: so it must
// not be an old one that is just being collected.
func (r *repository) commit(ctx context.Context, w *session, d digest.Digest) error {
	lock := r.scope.stripes.of(d.String())
	lock.RLock()
	defer lock.RUnlock()
	_, err := w.Commit(ctx, v1.Descriptor{Digest: d})
	if invalid, ok := errors.AsType[distribution.ErrBlobInvalidDigest](err); ok {
		return errors.Join(digestInvalid(fmt.Sprintf("The content does not have the digest '%s'", invalid.Digest)), w.cancel(ctx, r))
	}
	if err != nil {
		return fmt.Errorf("storing a blob in %s: %w", r.id, err)
	}
	_, err = r.vouchLocked(d)
	return err
}

// CancelUpload drops an upload.
func (g *Registry) CancelUpload(ctx context.Context, id Repository, uploadID string) error {
	r, err := g.repository(id)
	if err != nil {
		return err
	}
	w, err := r.resume(ctx, uploadID)
	if err != nil {
		return err
	}
	defer w.close()
	return w.cancel(ctx, r)
}

// Layer is the size of a blob that the repository has; [ErrBlobUnknown] where it
// has none such. The caller may rely on it for the grace period.
func (g *Registry) Layer(id Repository, dgst string) (int64, error) {
	r, err := g.repository(id)
	if err != nil {
		return 0, err
	}
	d, err := parseDigest(dgst)
	if err != nil {
		return 0, err
	}
	size, err := r.vouch(d)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, blobUnknown(dgst)
	}
	return size, err
}

// Mount gives a blob of one repository to another of the same scope.
func (g *Registry) Mount(ctx context.Context, to Repository, from Repository, dgst string) error {
	if to.Account != from.Account || to.Region != from.Region {
		return blobUnknown(dgst)
	}
	if _, err := g.Layer(from, dgst); err != nil {
		return err
	}
	source, err := g.repository(from)
	if err != nil {
		return err
	}
	target, err := g.repository(to)
	if err != nil {
		return err
	}
	ref, err := reference.WithDigest(source.named, digest.Digest(dgst))
	if err != nil {
		return err
	}
	store, err := target.store(ctx)
	if err != nil {
		return err
	}
	// The blob is vouched for: it cannot go before the link is there.
	w, err := store.Blobs(ctx).Create(ctx, storage.WithMountFrom(ref))
	if _, mounted := errors.AsType[distribution.ErrBlobMounted](err); mounted {
		_, err := target.vouch(digest.Digest(dgst))
		return err
	}
	if err == nil {
		err = errors.Join(blobUnknown(dgst), w.Cancel(ctx)) // the library fell back to an upload
	}
	return err
}

// parseDigest takes the algorithm that images are pushed with.
func parseDigest(s string) (digest.Digest, error) {
	d, err := digest.Parse(s)
	if err != nil {
		return "", digestInvalid(fmt.Sprintf("'%s' is not a digest", s))
	}
	if d.Algorithm() != digest.SHA256 {
		return "", digestInvalid(fmt.Sprintf("Digests are sha256, not %s", d.Algorithm()))
	}
	return d, nil
}

func notFound(err error) bool {
	_, ok := errors.AsType[storagedriver.PathNotFoundError](err)
	return ok || errors.Is(err, fs.ErrNotExist)
}
