package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// repository is a repository's tags and manifests in memory, over its files.
type repository struct {
	id    Repository
	scope *scope
	named reference.Named
	log   *slog.Logger

	// change is held from a change's first check to its last write.
	change sync.Mutex

	mu     sync.RWMutex // guards what follows
	read   bool
	tags   map[string]digest.Digest
	images map[digest.Digest]*image
}

// image is a manifest that the repository has.
type image struct {
	document
	pushedAt time.Time
}

// Image is what a repository knows of a manifest.
type Image struct {
	Digest, MediaType string
	// Tags are sorted; there may be none.
	Tags []string
	// Size is the bytes of configuration and layers; of an index, the largest of
	// its images' (model of ECR, imageSizeInBytes).
	Size int64
	// PushedAt is when the digest was first pushed here.
	PushedAt time.Time
	// ConfigMediaType is the artifact's type in ECR's sense
	// (artifactMediaType); ArtifactType the manifest's own.
	ConfigMediaType, ArtifactType string
	// Subject is the digest of the manifest that this one refers to, or "".
	Subject string
	// Manifests are the digests that an index lists.
	Manifests []string
	// Annotations are the manifest's.
	Annotations map[string]string
}

// store is the library's view.
func (r *repository) store(ctx context.Context) (distribution.Repository, error) {
	return r.scope.namespace.Repository(ctx, r.named)
}

// load reads the repository's tags and manifests unless they are known.
func (r *repository) load() error {
	r.mu.RLock()
	known := r.read
	r.mu.RUnlock()
	if known {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read {
		return nil
	}
	images, err := r.readImages()
	if err != nil {
		return fmt.Errorf("reading repository %s: %w", r.id, err)
	}
	tags, err := r.readTags()
	if err != nil {
		return fmt.Errorf("reading repository %s: %w", r.id, err)
	}
	maps.DeleteFunc(tags, func(_ string, d digest.Digest) bool { return images[d] == nil })
	r.images, r.tags, r.read = images, tags, true
	return nil
}

func (r *repository) readImages() (map[digest.Digest]*image, error) {
	out := map[digest.Digest]*image{}
	links, err := filepath.Glob(filepath.Join(escapeGlob(r.revisions()), "*", "*", "link"))
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		text, err := os.ReadFile(link)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(link)
		if err != nil {
			return nil, err
		}
		d, err := digest.Parse(string(text))
		if err != nil {
			r.log.Error("a manifest's link is spoilt and left out", "file", link, "error", err)
			continue
		}
		payload, err := os.ReadFile(r.scope.blobFile(d))
		if err == nil && digest.FromBytes(payload) != d {
			err = errors.New("its content is another")
		}
		var doc document
		if err == nil {
			doc, err = parse(payload)
		}
		if err != nil {
			r.log.Error("a manifest is spoilt and left out: push the image again", "repository", r.id.String(), "digest", d, "error", err)
			continue
		}
		out[d] = &image{doc, info.ModTime()}
	}
	return out, nil
}

func (r *repository) readTags() (map[string]digest.Digest, error) {
	out := map[string]digest.Digest{}
	entries, err := os.ReadDir(r.tagsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(r.tagsDir(), e.Name(), "current", "link"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // tagging was cut off: it was never answered
		}
		if err != nil {
			return nil, err
		}
		if d, err := digest.Parse(string(text)); err == nil {
			out[e.Name()] = d
		}
	}
	return out, nil
}

// escapeGlob makes a path a pattern for itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// tagsOf are the tags that stand at a digest; r.mu is held.
func (r *repository) tagsOf(d digest.Digest) []string {
	var out []string
	for tag, at := range r.tags {
		if at == d {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return out
}

// describe is the public form of an image with these tags; r.mu is held.
func (r *repository) describe(d digest.Digest, tags []string) Image {
	i := r.images[d]
	out := Image{
		Digest: d.String(), MediaType: i.MediaType, Tags: tags, PushedAt: i.pushedAt, Size: i.size(), ArtifactType: i.ArtifactType, Annotations: i.Annotations,
	}
	if i.Config != nil {
		out.ConfigMediaType = i.Config.MediaType
	}
	if i.Subject != nil {
		out.Subject = i.Subject.Digest.String()
	}
	for _, m := range i.Manifests {
		out.Manifests = append(out.Manifests, m.Digest.String())
		if child := r.images[m.Digest]; child != nil {
			out.Size = max(out.Size, child.size())
		}
	}
	return out
}

// resolve finds a manifest by tag or digest.
func (r *repository) resolve(ref string) (digest.Digest, *image, error) {
	if err := r.load(); err != nil {
		return "", nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	d := digest.Digest(ref)
	if !strings.Contains(ref, ":") {
		d = r.tags[ref]
	}
	if i := r.images[d]; i != nil {
		return d, i, nil
	}
	return "", nil, manifestUnknown()
}

// Images lists a repository's manifests by digest, tagged or not.
func (g *Registry) Images(id Repository) ([]Image, error) {
	r, err := g.repository(id)
	if err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	tags := make(map[digest.Digest][]string, len(r.images))
	for _, tag := range slices.Sorted(maps.Keys(r.tags)) {
		tags[r.tags[tag]] = append(tags[r.tags[tag]], tag)
	}
	out := make([]Image, 0, len(r.images))
	for _, d := range slices.Sorted(maps.Keys(r.images)) {
		out = append(out, r.describe(d, tags[d]))
	}
	return out, nil
}

// Image is one manifest by tag or digest; [ErrManifestUnknown] where there is
// none.
func (g *Registry) Image(id Repository, ref string) (Image, error) {
	r, err := g.repository(id)
	if err != nil {
		return Image{}, err
	}
	d, _, err := r.resolve(ref)
	if err != nil {
		return Image{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.images[d] == nil {
		return Image{}, manifestUnknown()
	}
	return r.describe(d, r.tagsOf(d)), nil
}

// Manifest is a manifest's bytes by tag or digest, with its media type and
// digest.
func (g *Registry) Manifest(id Repository, ref string) (payload []byte, mediaType, dgst string, err error) {
	r, err := g.repository(id)
	if err != nil {
		return nil, "", "", err
	}
	d, i, err := r.resolve(ref)
	if err != nil {
		return nil, "", "", err
	}
	payload, err = os.ReadFile(r.scope.blobFile(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", "", manifestUnknown() // deleted and collected meanwhile
	}
	return payload, i.MediaType, d.String(), err
}

// Tags lists a repository's tags, sorted.
func (g *Registry) Tags(id Repository) ([]string, error) {
	r, err := g.repository(id)
	if err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.tags)), nil
}

// Referrers lists the manifests whose subject is the digest.
func (g *Registry) Referrers(id Repository, subject string) ([]Image, error) {
	all, err := g.Images(id)
	return slices.DeleteFunc(all, func(i Image) bool { return i.Subject != subject }), err
}

// Repositories lists the repositories of a scope that something was ever pushed
// to, sorted.
func (g *Registry) Repositories(account, region string) ([]string, error) {
	s, err := g.scope(account, region)
	if err != nil {
		return nil, err
	}
	names, err := s.onDisk()
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(s.driver.root, repositoriesRoot, filepath.FromSlash(name), "_manifests"))
		return err != nil
	}), err
}

// onDisk lists the names that have a folder of their own.
func (s *scope) onDisk() ([]string, error) {
	root := filepath.Join(s.driver.root, repositoriesRoot)
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is nothing yet, or it was deleted meanwhile
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), "_") {
			name, _ := filepath.Rel(root, filepath.Dir(path)) // below it
			if name = filepath.ToSlash(name); !slices.Contains(out, name) {
				out = append(out, name)
			}
			return filepath.SkipDir
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}
