package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// repository is one application's bare repository.
type repository struct{ dir string }

// appName is what an application may be called: slipway.yaml's rule.
var appName = lazyregexp.New(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// refName is which refs may be pushed: branches and tags, in git's own form.
// Nothing of it can lead out of the repository or to a hook.
var refName = lazyregexp.New(`^refs/(heads|tags)/[A-Za-z0-9_+=@][A-Za-z0-9_.+=@-]*(/[A-Za-z0-9_+=@][A-Za-z0-9_.+=@-]*)*$`)

func validRef(ref string) bool {
	return len(ref) <= 200 && refName.MatchString(ref) && !strings.Contains(ref, "..") && !strings.Contains(ref, "@{") &&
		!strings.HasSuffix(ref, ".") && !strings.Contains(ref, ".lock/") && !strings.HasSuffix(ref, ".lock")
}

// kept is where the objects of a build stay reachable, whatever became of it.
const kept = "refs/slipway/kept/"

// there tells whether the repository has been made.
func (r repository) there() bool {
	_, err := os.Stat(filepath.Join(r.dir, "HEAD"))
	return err == nil
}

// make makes the repository where it is not there. No template is used, so that
// it has no hooks, and none ever runs: see environment.
func (r repository) make(ctx context.Context) error {
	if r.there() {
		return nil
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	_, err := r.run(ctx, nil, "init", "--quiet", "--bare", "--template=")
	return err
}

// environment is git's: nothing of the machine's configuration, no hooks, no
// question asked.
func environment(dir string, more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_COUNT=6",
		"GIT_CONFIG_KEY_0=core.hooksPath", "GIT_CONFIG_VALUE_0=/dev/null",
		"GIT_CONFIG_KEY_1=transfer.hideRefs", "GIT_CONFIG_VALUE_1=refs/slipway",
		"GIT_CONFIG_KEY_2=safe.directory", "GIT_CONFIG_VALUE_2=*",
		"GIT_CONFIG_KEY_3=core.symlinks", "GIT_CONFIG_VALUE_3=false",
		"GIT_CONFIG_KEY_4=gc.autoDetach", "GIT_CONFIG_VALUE_4=false",
		"GIT_CONFIG_KEY_5=advice.detachedHead", "GIT_CONFIG_VALUE_5=false",
	}, more...)
}

func (r repository) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env = r.dir, environment(r.dir, env...)
	return cmd
}

// run gives a git command's output.
func (r repository) run(ctx context.Context, in io.Reader, args ...string) (string, error) {
	return r.runWith(ctx, nil, in, args...)
}

func (r repository) runWith(ctx context.Context, env []string, in io.Reader, args ...string) (string, error) {
	cmd := r.command(ctx, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &errs
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", errNoGit
		}
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

var errNoGit = errors.New("the engine's machine has no git; install it (apt-get install git)")

// refs are the branches and tags, by name.
func (r repository) refs(ctx context.Context) (map[string]string, []string, error) {
	out, err := r.run(ctx, nil, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
	if err != nil {
		return nil, nil, err
	}
	all, order := map[string]string{}, []string(nil)
	for line := range strings.Lines(out) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[name] = id
		order = append(order, name)
	}
	return all, order, nil
}

// commit is the commit that an object, a tag perhaps, leads to.
func (r repository) commit(ctx context.Context, env []string, id string) (string, error) {
	return r.runWith(ctx, env, nil, "rev-parse", "--verify", "--quiet", id+"^{commit}")
}

// set moves a ref, if it is where it was.
func (r repository) set(ctx context.Context, ref, new, old string) error {
	_, err := r.run(ctx, nil, "update-ref", "--no-deref", ref, new, old)
	return err
}

// from is where a ref moves from when its build begins. Builds before it may have
// moved it since it was pushed: forward to what this one has too, or past it, and
// then an older push must not overtake the newer.
func (r repository) from(ctx context.Context, ref, new string) (old string, err error) {
	refs, _, err := r.refs(ctx)
	if err != nil {
		return "", err
	}
	old, there := refs[ref]
	switch {
	case !there:
		return noObject, nil
	case strings.HasPrefix(ref, "refs/tags/") && old != new:
		return "", fmt.Errorf("a push before this one has made it at %.7s, and a tag is never moved; tag anew", old)
	}
	if _, err := r.run(ctx, nil, "merge-base", "--is-ancestor", old, new); err != nil {
		return "", fmt.Errorf("a push before this one has moved it to %.7s; fetch first", old)
	}
	return old, nil
}

// keep keeps a build's objects.
func (r repository) keep(ctx context.Context, n int, id string) error {
	_, err := r.run(ctx, nil, "update-ref", "--no-deref", fmt.Sprint(kept, n), id)
	return err
}

// forget lets go of an old build's objects.
func (r repository) forget(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	_, err := r.run(ctx, nil, "update-ref", "-d", fmt.Sprint(kept, n))
	return err
}

func (r repository) delete(ctx context.Context, ref, old string) error {
	_, err := r.run(ctx, nil, "update-ref", "-d", ref, old)
	return err
}

// quarantine is a folder for a push's objects, out of the repository's sight
// until they have been looked at.
type quarantine struct {
	repository
	objects string
}

func (r repository) quarantine() (*quarantine, error) {
	dir, err := os.MkdirTemp(r.dir, "incoming-")
	if err != nil {
		return nil, err
	}
	return &quarantine{r, dir}, os.Mkdir(filepath.Join(dir, "pack"), 0o700)
}

// environment lets git see the repository's objects and the new ones.
func (q *quarantine) environment() []string {
	return []string{"GIT_OBJECT_DIRECTORY=" + q.objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + filepath.Join(q.dir, "objects")}
}

// unpack takes a push's pack in: every object is checked, and none larger than
// the limit comes in.
func (q *quarantine) unpack(ctx context.Context, pack io.Reader, limit int64) error {
	_, err := q.runWith(ctx, q.environment(), pack, "index-pack", "--stdin", "--fix-thin", "--strict", fmt.Sprintf("--max-input-size=%d", limit))
	return err
}

// whole tells whether everything that the objects lead to is there.
func (q *quarantine) whole(ctx context.Context, ids []string) error {
	_, err := q.runWith(ctx, q.environment(), strings.NewReader(strings.Join(ids, "\n")+"\n"), "rev-list", "--objects", "--stdin", "--not", "--all", "--quiet", "--")
	return err
}

// admit moves the objects into the repository.
func (q *quarantine) admit() error {
	files, err := os.ReadDir(filepath.Join(q.objects, "pack"))
	if err != nil {
		return err
	}
	into := filepath.Join(q.dir, "objects", "pack")
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	for _, suffix := range []string{".pack", ".rev", ".idx"} { // git looks for the index
		for _, f := range files {
			if strings.HasSuffix(f.Name(), suffix) {
				if err := os.Rename(filepath.Join(q.objects, "pack", f.Name()), filepath.Join(into, f.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (q *quarantine) remove() { os.RemoveAll(q.objects) }

// sweep removes what earlier runs left in quarantine.
func sweep(root string) {
	left, err := filepath.Glob(filepath.Join(root, "*.git", "incoming-*"))
	if err == nil {
		for _, dir := range left {
			os.RemoveAll(dir)
		}
	}
	if err := os.RemoveAll(filepath.Join(root, "work")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
}
