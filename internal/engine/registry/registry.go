// Package registry is the OCI registry behind ECR: what `docker push` and
// `docker pull` talk to, and the folder that images lie in.
//
// Storage, manifest validation and uploads are those of
// github.com/distribution/distribution/v3 used as a library, on a driver of our
// own (see driver); the HTTP side is ours, because ECR's rules are not
// distribution's: basic authentication as user AWS, no repository that was not
// created, immutable tags, ECR's words in every error. The ECR service calls the
// methods of [Registry] for its own API and supplies the decisions in [Options];
// the engine serves the [Registry] as an http.Handler.
//
// # Names
//
// Every account and region has repositories of its own: a scope. A client
// reaches the default scope as
//
//	127.0.0.1:4611/<repository>
//
// because loopback is the one place where a stock Docker pushes without TLS and
// without configuration. Other scopes have no host name that would do (Docker
// takes only 127.0.0.0/8 and "localhost" itself for local), so they are reached
// by a prefix:
//
//	127.0.0.1:4611/<account>/<region>/<repository>
//
// A request for the host <account>.dkr.ecr.<region>.amazonaws.com is for that
// scope whatever the path says. A repository of the default scope whose own name
// begins like such a prefix is reached with the default scope's prefix before it.
//
// # What is stored
//
// <Dir>/<account>/<region> holds distribution's layout, so the files can be read
// by its tools. What is stored here is the truth about images: when a push has
// been answered, its blobs, manifest and tag are on the disk, synced. Each
// repository's tags and manifests are also kept in memory, read at the first use.
//
// Images are kept and served as they were pushed: Docker schema 2, manifest
// list, OCI manifest and index. Schema 1 is refused, and nothing is translated.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/reference"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	"github.com/sirupsen/logrus"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Options are a registry's surroundings. Dir, Account and Region are required.
type Options struct {
	// Dir is the folder that images are kept in.
	Dir string
	// Account and Region are the default scope.
	Account, Region string
	// Authorize names the principal that the credentials belong to, and allows
	// all of the access or fails: with [Unauthorized], [Denied], or an error
	// that the client sees as a fault of the registry's. With no access it only
	// checks the credentials. Default: everything is allowed.
	Authorize func(ctx context.Context, c Credentials, access []Access) (principal string, err error)
	// Exists tells whether the repository has been created. Default: always.
	Exists func(ctx context.Context, r Repository) bool
	// Immutable tells whether a tag may not be moved. Default: never.
	Immutable func(ctx context.Context, r Repository, tag string) bool
	// OnPush, OnPull and OnDelete are told what has happened, in order for one
	// repository. OnPush and OnDelete are called before the client is answered
	// and while the repository is held: they must not change it.
	OnPush   func(Push)
	OnPull   func(Pull)
	OnDelete func(Deletion)
	// Catalog serves GET /v2/_catalog, which ECR does not.
	Catalog bool
	// Grace is how long Collect leaves a blob alone after a client last asked
	// for it. Default one hour.
	Grace time.Duration
	// Log takes faults. Default: nowhere.
	Log *slog.Logger
	// Now is the clock. Default time.Now. (Files' ages come from the disk's.)
	Now func() time.Time
}

// Push is a manifest that was stored, tagged, or both.
type Push struct {
	Repository Repository
	Image      Image
	// Tag is the one that was pushed, "" for a push by digest.
	Tag string
	// Moved is the digest that the tag stood at before, "" for none.
	Moved     string
	Principal string
}

// Pull is a manifest that was asked for with GET.
type Pull struct {
	Repository Repository
	Digest     string
	Tag        string
	Principal  string
}

// Deletion is a tag that was removed or, with Tag "", a manifest with all its
// tags.
type Deletion struct {
	Repository Repository
	Digest     string
	Tag        string
	Principal  string
}

// Repository names a repository in its scope.
type Repository struct{ Account, Region, Name string }

func (r Repository) String() string { return r.Account + "/" + r.Region + "/" + r.Name }

// nameForm is ECR's for repository names (model of ECR, RepositoryName).
var nameForm = lazyregexp.New(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

// maxName is distribution's limit; ECR's is 256.
const maxName = 255

// tagForm is distribution's and the OCI specification's; ECR's API takes up to
// 300 characters, but no client can push more than 128.
var tagForm = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// Registry is the engine's registry: an http.Handler and the doors of the ECR
// service. Its methods may be called at the same time.
type Registry struct {
	o      Options
	signer urlSigner

	mu     sync.Mutex
	scopes map[[2]string]*scope
	trash  sync.Mutex // held while the trash is emptied
}

// scope is one account's registry in one region.
type scope struct {
	account, region string
	driver          *driver
	namespace       distribution.Namespace
	stripes         stripes

	mu           sync.Mutex
	repositories map[string]*repository
	uploads      map[string]*upload
	pinned       map[digest.Digest]int
}

// quiet keeps the library's log lines off standard error. It returns as an error
// whatever it logs as one.
var quiet = sync.OnceFunc(func() {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.PanicLevel)
})

// New is a registry on the folder. It reads nothing yet.
func New(o Options) (*Registry, error) {
	if o.Dir == "" || o.Account == "" || o.Region == "" {
		return nil, errors.New("opening the registry: folder, account and region are required")
	}
	if o.Authorize == nil {
		o.Authorize = func(context.Context, Credentials, []Access) (string, error) { return "", nil }
	}
	if o.Exists == nil {
		o.Exists = func(context.Context, Repository) bool { return true }
	}
	if o.Immutable == nil {
		o.Immutable = func(context.Context, Repository, string) bool { return false }
	}
	if o.OnPush == nil {
		o.OnPush = func(Push) {}
	}
	if o.OnPull == nil {
		o.OnPull = func(Pull) {}
	}
	if o.OnDelete == nil {
		o.OnDelete = func(Deletion) {}
	}
	if o.Grace == 0 {
		o.Grace = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	quiet()
	g := &Registry{o: o, signer: newSigner(), scopes: map[[2]string]*scope{}}
	go g.emptyTrash() // what a process that was killed while it did so has left
	return g, nil
}

// Reset removes everything, of all scopes. It returns when nothing can be
// reached any more; the disk gets its space back soon after.
func (g *Registry) Reset() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := os.Rename(g.o.Dir, g.o.Dir+trash+uuid.NewString())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("resetting the registry: %w", err)
	}
	g.scopes = map[[2]string]*scope{}
	go g.emptyTrash()
	return nil
}

// trash is between the folder's name and a random end while it is being removed.
const trash = ".removed-"

func (g *Registry) emptyTrash() {
	g.trash.Lock()
	defer g.trash.Unlock()
	dirs, _ := filepath.Glob(escapeGlob(g.o.Dir+trash) + "*") // the pattern is well formed
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			g.o.Log.Error("removing the registry's old files", "error", err)
		}
	}
}

// URI is what a client pushes to, on a registry that it reaches at host.
func (g *Registry) URI(host string, r Repository) string {
	if r.Account == g.o.Account && r.Region == g.o.Region {
		if _, _, _, prefixed := cutScope(r.Name); !prefixed {
			return host + "/" + r.Name
		}
	}
	return host + "/" + r.String()
}

// scopeForm guards the folder names that scopes become.
var scopeForm = lazyregexp.New(`^[0-9]{12}/[a-z]{2}(-[a-z]+)+-[0-9]+$`)

func (g *Registry) scope(account, region string) (*scope, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := [2]string{account, region}
	if s := g.scopes[key]; s != nil {
		return s, nil
	}
	if !scopeForm.MatchString(account + "/" + region) {
		return nil, fmt.Errorf("%q is not an account and %q not a region", account, region)
	}
	d := &driver{root: filepath.Join(g.o.Dir, account, region)}
	ns, err := storage.NewRegistry(context.Background(), d, storage.EnableDelete, storage.EnableValidateImageIndexImagesExist)
	if err != nil {
		return nil, fmt.Errorf("opening the registry of %s in %s: %w", account, region, err)
	}
	s := &scope{account: account, region: region, driver: d, namespace: ns, repositories: map[string]*repository{}, uploads: map[string]*upload{}, pinned: map[digest.Digest]int{}}
	g.scopes[key] = s
	return s, nil
}

// repository is the one by that name; whether it has been created is not asked
// here.
func (g *Registry) repository(id Repository) (*repository, error) {
	if len(id.Name) > maxName || !nameForm.MatchString(id.Name) {
		return nil, nameInvalid(id.Name)
	}
	s, err := g.scope(id.Account, id.Region)
	if err != nil {
		return nil, nameInvalid(id.String())
	}
	named, err := reference.WithName(id.Name)
	if err != nil {
		return nil, nameInvalid(id.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repositories[id.Name]
	if r == nil {
		r = &repository{id: id, scope: s, named: named, log: g.o.Log}
		s.repositories[id.Name] = r
	}
	return r, nil
}
