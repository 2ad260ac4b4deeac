// Package git makes the engine a git remote: smart HTTP at /git/<app>.git, a bare
// repository for each application. A pushed tag is built, a pushed branch is
// deployed where an environment of slipway.yaml asks for it; the output goes to
// who pushed, and to CloudWatch Logs. A ref moves only when its build has ended
// well; the objects are kept all the same.
//
// The protocol's server side of a push is here (push.go), because a ref waits for
// its build; packs, objects and fetches are the stock git program's. What a build
// does is the deploy wing's: Options.Program, a child process.
package git

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/signature"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The actions that IAM is asked for, on arn:aws:slipway:REGION:ACCOUNT:git/APP.
const (
	ActionPush = "slipway:GitPush"
	ActionPull = "slipway:GitPull"
)

// Journal is CloudWatch Logs.
type Journal interface {
	OpenStream(scope state.Scope, group, stream string, makeGroup bool) error
	Write(scope state.Scope, group, stream string, lines []logs.Line, cursor []byte) error
}

// Options are what a remote needs of its engine.
type Options struct {
	// Dir is the folder of all repositories.
	Dir   string
	Scope state.Scope
	Store *state.Store
	Logs  Journal
	Log   *slog.Logger
	Now   func() time.Time
	// Caller is whose an access key is, false for one that is none.
	Caller func(accessKey string) (*operation.Caller, bool)
	// Key is the access key with its secret.
	Key func(accessKey string) (signature.Key, bool)
	// Allowed is "" where IAM allows, else its message.
	Allowed func(c *operation.Caller, action, resource string) string
	// Environment leads a program to this engine, with the key's rights.
	Environment func(key signature.Key) ([]string, error)
	// Program is a build: it runs in a clone of the repository with the ref
	// behind it, and ends with 0 when all went well.
	Program []string
	// Limit is the largest push in bytes, Time the longest build.
	Limit int64
	Time  time.Duration
}

// The limits where Options name none.
const (
	DefaultLimit = 512 << 20
	DefaultTime  = 30 * time.Minute
)

// Remote is the engine's git remote.
type Remote struct {
	o   Options
	mux *http.ServeMux

	running sync.WaitGroup

	mu     sync.Mutex
	ctx    context.Context // ends with the engine, or at a reset
	cancel context.CancelCauseFunc
	queues map[string][]*build // by application, the first one runs
	next   map[string]int
}

// New makes the remote. Builds that an earlier run left are taken up by Run.
func New(o Options) *Remote {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Time == 0 {
		o.Time = DefaultTime
	}
	g := &Remote{o: o, mux: http.NewServeMux(), queues: map[string][]*build{}, next: map[string]int{}}
	g.ctx, g.cancel = context.WithCancelCause(context.Background())
	g.mux.HandleFunc("GET /git/{app}/info/refs", g.advertise)
	g.mux.HandleFunc("POST /git/{app}/git-upload-pack", g.fetch)
	g.mux.HandleFunc("POST /git/{app}/git-receive-pack", g.push)
	g.mux.HandleFunc("GET /git/{app}/builds", g.list)
	return g
}

// ServeHTTP implements http.Handler.
func (g *Remote) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// admit tells who asks and for which application, or has answered why not.
func (g *Remote) admit(w http.ResponseWriter, r *http.Request, action string) (repo repository, app string, c *operation.Caller, ok bool) {
	app = strings.TrimSuffix(r.PathValue("app"), ".git")
	id, secret, given := r.BasicAuth()
	c = g.identify(id, secret)
	if !given || c == nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="slipway: an access key's id and secret"`)
		http.Error(w, "the access key is missing or wrong; slipway git remote sets git up for this engine", http.StatusUnauthorized)
		return repo, app, nil, false
	}
	if len(app) < 2 || len(app) > 64 || !appName.MatchString(app) {
		http.Error(w, fmt.Sprintf("%q is no application's name: lowercase letters, digits and single hyphens", app), http.StatusNotFound)
		return repo, app, nil, false
	}
	resource := fmt.Sprintf("arn:aws:slipway:%s:%s:git/%s", g.o.Scope.Region, g.o.Scope.Account, app)
	if refusal := g.o.Allowed(c, action, resource); refusal != "" {
		g.o.Log.Info("git refused", "app", app, "caller", c.ARN, "action", action)
		http.Error(w, refusal, http.StatusForbidden)
		return repo, app, nil, false
	}
	return repository{filepath.Join(g.o.Dir, app+".git")}, app, c, true
}

// identify is the caller whose key this is. A session's password is its token.
func (g *Remote) identify(id, password string) *operation.Caller {
	key, ok := g.o.Key(id)
	want := key.Secret
	if key.Token != "" {
		want = key.Token
	}
	if !ok || want == "" || subtle.ConstantTimeCompare([]byte(password), []byte(want)) != 1 {
		return nil
	}
	c, ok := g.o.Caller(id) // not one that is inactive or expired
	if !ok {
		return nil
	}
	return c
}

// advertise tells a client which refs there are.
func (g *Remote) advertise(w http.ResponseWriter, r *http.Request) {
	service, action := r.URL.Query().Get("service"), ActionPull
	if service == "git-receive-pack" {
		action = ActionPush
	}
	repo, _, _, ok := g.admit(w, r, action)
	if !ok {
		return
	}
	var err error
	switch service {
	case "git-receive-pack":
		if err = repo.make(r.Context()); err == nil {
			err = g.advertisePush(w, r, repo)
		}
	case "git-upload-pack":
		if !repo.there() {
			http.Error(w, "nothing was pushed to this application yet", http.StatusNotFound)
			return
		}
		head(w, "application/x-git-upload-pack-advertisement")
		if protocolOf(r) != "version=2" {
			writePacket(w, "# service=git-upload-pack\n")
			writeFlush(w)
		}
		err = g.uploadPack(w, r, repo, nil, "--advertise-refs")
	default:
		http.Error(w, "this is a remote for git over smart HTTP", http.StatusForbidden)
		return
	}
	if err != nil {
		g.broken(w, r, err)
	}
}

func head(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
}

func (g *Remote) broken(w http.ResponseWriter, r *http.Request, err error) {
	g.o.Log.Error("git", "path", r.URL.Path, "error", err)
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// protocolOf is what the client asks for, if it is something that git knows.
func protocolOf(r *http.Request) string {
	if p := r.Header.Get("Git-Protocol"); p == "version=2" || p == "version=1" {
		return p
	}
	return ""
}

func (g *Remote) uploadPack(w io.Writer, r *http.Request, repo repository, in io.Reader, option ...string) error {
	cmd := repo.command(r.Context(), []string{"GIT_PROTOCOL=" + protocolOf(r)}, append(append([]string{"upload-pack", "--stateless-rpc", "--strict"}, option...), repo.dir)...)
	cmd.Stdin, cmd.Stdout = in, w
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return errNoGit
	}
	return err
}

// fetch answers clones and fetches.
func (g *Remote) fetch(w http.ResponseWriter, r *http.Request) {
	repo, _, _, ok := g.admit(w, r, ActionPull)
	if !ok {
		return
	}
	body, err := content(w, r, 64<<20)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	head(w, "application/x-git-upload-pack-result")
	if err := g.uploadPack(w, r, repo, body); err != nil && r.Context().Err() == nil {
		g.o.Log.Info("git fetch ended early", "path", r.URL.Path, "error", err)
	}
}

// content is a request's body, unpacked and bounded.
func content(w http.ResponseWriter, r *http.Request, limit int64) (*bufio.Reader, error) {
	body := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = io.LimitReader(unpacked, limit)
	}
	return bufio.NewReaderSize(body, 64<<10), nil
}

// list tells of an application's builds, the newest first, as JSON.
func (g *Remote) list(w http.ResponseWriter, r *http.Request) {
	_, app, _, ok := g.admit(w, r, ActionPull)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(g.builds(app))
}
