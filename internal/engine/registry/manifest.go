package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/distribution/distribution/v3"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxManifest is the size of the largest manifest taken (model of ECR,
// ImageManifest).
const maxManifest = 4 << 20

// Manifest is one to store.
type Manifest struct {
	// Payload is kept byte for byte.
	Payload []byte
	// MediaType may be empty where the payload names it.
	MediaType string
	// Tag may be empty.
	Tag string
	// Digest is what the client takes the payload's to be, or "".
	Digest    string
	Principal string
}

// PutManifest stores a manifest, and tags it. changed is false when it was there
// already and the tag stood at it. The errors are [Error]s.
func (g *Registry) PutManifest(ctx context.Context, id Repository, m Manifest) (i Image, changed bool, err error) {
	r, err := g.repository(id)
	if err != nil {
		return Image{}, false, err
	}
	doc, parsed, err := m.check()
	if err != nil {
		return Image{}, false, err
	}
	d := digest.FromBytes(m.Payload)
	if m.Digest != "" && m.Digest != d.String() {
		return Image{}, false, digestInvalid(fmt.Sprintf("The digest of the manifest is '%s', not '%s'", d, m.Digest))
	}
	r.change.Lock()
	defer r.change.Unlock()
	if err := r.load(); err != nil {
		return Image{}, false, err
	}
	moved, tagged := r.tags[m.Tag]
	if tagged && moved != d && g.o.Immutable(ctx, id, m.Tag) {
		return Image{}, false, tagImmutable(id, m.Tag)
	}
	if r.images[d] != nil && (m.Tag == "" || moved == d) {
		return r.locked(d), false, nil
	}
	if err := r.put(ctx, d, doc, parsed, m.Tag); err != nil {
		return Image{}, false, err
	}
	i = r.locked(d)
	g.o.OnPush(Push{Repository: id, Image: i, Tag: m.Tag, Moved: moved.String(), Principal: m.Principal})
	return i, true, nil
}

// locked describes an image that is there for as long as the caller holds
// r.change.
func (r *repository) locked(d digest.Digest) Image {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.describe(d, r.tagsOf(d))
}

// check reads the manifest, with our eyes and with the library's.
func (m *Manifest) check() (document, distribution.Manifest, error) {
	if m.Tag != "" && !tagForm.MatchString(m.Tag) {
		return document{}, nil, tagInvalid(m.Tag)
	}
	if len(m.Payload) > maxManifest {
		return document{}, nil, &Error{Status: 413, Code: "MANIFEST_INVALID", Message: "The manifest is larger than 4 MiB"}
	}
	doc, err := parse(m.Payload)
	if err != nil {
		return doc, nil, manifestInvalid(fmt.Sprintf("The manifest cannot be read: %v", err))
	}
	mediaType, _, _ := strings.Cut(m.MediaType, ";")
	if mediaType = strings.TrimSpace(mediaType); mediaType == "" {
		mediaType = doc.MediaType
	}
	parsed, _, err := distribution.UnmarshalManifest(mediaType, m.Payload)
	if err != nil {
		return doc, nil, manifestInvalid(fmt.Sprintf("The manifest is not one of type %s: %v", mediaType, err))
	}
	if doc.MediaType != mediaType {
		return doc, nil, manifestInvalid(fmt.Sprintf("The manifest says that it is %s, the request that it is %s", doc.MediaType, mediaType))
	}
	return doc, parsed, nil
}

// put writes the manifest and the tag, files first; r.change is held. All that
// the manifest needs is pinned until a collection can see it in r.images, and
// vouched for after that: so it is safe from one that began at any time.
func (r *repository) put(ctx context.Context, d digest.Digest, doc document, parsed distribution.Manifest, tag string) error {
	needed := append(doc.blobs(), d)
	defer r.scope.pin(needed)()
	r.vouchAll(needed)
	if err := r.write(ctx, d, doc, parsed); err != nil {
		return err
	}
	if err := r.tag(ctx, tag, d); err != nil {
		return err
	}
	info, err := r.scope.driver.Stat(ctx, r.linkPath(d))
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.images[d] = &image{doc, info.ModTime()}
	if tag != "" {
		r.tags[tag] = d
	}
	r.mu.Unlock()
	r.vouchAll(needed)
	return nil
}

// vouchAll renews the times of the blobs that are there. Which may be missing is
// the library's to judge: foreign layers are.
func (r *repository) vouchAll(blobs []digest.Digest) {
	for _, b := range blobs {
		r.vouch(b)
	}
}

// write stores the manifest where everything that it needs is there.
func (r *repository) write(ctx context.Context, d digest.Digest, doc document, parsed distribution.Manifest) error {
	// The library does not write a blob that is there: a spoilt one would stay.
	if have, err := os.ReadFile(r.scope.blobFile(d)); err == nil && digest.FromBytes(have) != d {
		if err := os.Remove(r.scope.blobFile(d)); err != nil {
			return err
		}
	}
	store, err := r.store(ctx)
	if err != nil {
		return err
	}
	manifests, err := store.Manifests(ctx)
	if err != nil {
		return err
	}
	_, err = manifests.Put(ctx, parsed)
	if verification, ok := errors.AsType[distribution.ErrManifestVerification](err); ok {
		return r.verification(doc, verification)
	}
	if err != nil {
		return fmt.Errorf("storing a manifest in %s: %w", r.id, err)
	}
	return nil
}

func (r *repository) tag(ctx context.Context, tag string, d digest.Digest) error {
	if tag == "" {
		return nil
	}
	store, err := r.store(ctx)
	if err != nil {
		return err
	}
	if err := store.Tags(ctx).Tag(ctx, tag, v1.Descriptor{Digest: d}); err != nil {
		return fmt.Errorf("tagging %s:%s: %w", r.id, tag, err)
	}
	return nil
}

func (r *repository) verification(doc document, errs distribution.ErrManifestVerification) error {
	var missing []digest.Digest
	for _, err := range errs {
		if unknown, ok := errors.AsType[distribution.ErrManifestBlobUnknown](err); ok {
			missing = append(missing, unknown.Digest)
			continue
		}
		return manifestInvalid(fmt.Sprintf("The manifest is invalid: %v", err))
	}
	if doc.index() {
		return blobsMissing(r.id, "Images", missing)
	}
	return blobsMissing(r.id, "Layers", missing)
}

// linkPath is a manifest's link as a path of the driver.
func (r *repository) linkPath(d digest.Digest) string {
	return "/" + repositoriesRoot + "/" + r.id.Name + "/_manifests/revisions/" + d.Algorithm().String() + "/" + d.Encoded() + "/link"
}

// Untag removes a tag. The manifest stays, also without any.
func (g *Registry) Untag(ctx context.Context, id Repository, tag, principal string) error {
	r, err := g.repository(id)
	if err != nil {
		return err
	}
	r.change.Lock()
	defer r.change.Unlock()
	if err := r.load(); err != nil {
		return err
	}
	d, ok := r.tags[tag]
	if !ok {
		return manifestUnknown()
	}
	if err := r.untag(ctx, tag); err != nil {
		return err
	}
	g.o.OnDelete(Deletion{Repository: id, Digest: d.String(), Tag: tag, Principal: principal})
	return nil
}

func (r *repository) untag(ctx context.Context, tag string) error {
	store, err := r.store(ctx)
	if err != nil {
		return err
	}
	if err := store.Tags(ctx).Untag(ctx, tag); err != nil {
		return fmt.Errorf("removing tag %s of %s: %w", tag, r.id, err)
	}
	if err := syncDir(r.tagsDir()); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tags, tag)
	return nil
}

// DeleteManifest removes a manifest with all its tags. Its layers go when
// Collect finds that nothing else needs them. Whether an index still lists it is
// the caller's to ask.
func (g *Registry) DeleteManifest(ctx context.Context, id Repository, dgst, principal string) error {
	r, err := g.repository(id)
	if err != nil {
		return err
	}
	r.change.Lock()
	defer r.change.Unlock()
	d, _, err := r.resolve(dgst)
	if err != nil {
		return err
	}
	if d.String() != dgst {
		return manifestUnknown() // a tag
	}
	// The tags first: one must never stand at a manifest that is gone.
	for _, tag := range r.locked(d).Tags {
		if err := r.untag(ctx, tag); err != nil {
			return err
		}
	}
	path := r.linkPath(d)
	if err := r.scope.driver.Delete(ctx, strings.TrimSuffix(path, "/link")); err != nil {
		return fmt.Errorf("deleting %s@%s: %w", id, d, err)
	}
	if err := syncDir(r.revisions() + "/" + d.Algorithm().String()); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.images, d)
	r.mu.Unlock()
	g.o.OnDelete(Deletion{Repository: id, Digest: dgst, Principal: principal})
	return nil
}

// DeleteRepository removes all that a repository holds.
func (g *Registry) DeleteRepository(ctx context.Context, id Repository) error {
	r, err := g.repository(id)
	if err != nil {
		return err
	}
	r.change.Lock()
	defer r.change.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	// Repositories whose names go on below this one's stay.
	for _, part := range []string{"_manifests", "_layers", "_uploads"} {
		err := r.scope.driver.Delete(ctx, "/"+repositoriesRoot+"/"+id.Name+"/"+part)
		if err != nil && !notFound(err) {
			return fmt.Errorf("deleting repository %s: %w", id, err)
		}
	}
	r.tags, r.images, r.read = map[string]digest.Digest{}, map[digest.Digest]*image{}, true
	return syncDir(r.dir())
}
