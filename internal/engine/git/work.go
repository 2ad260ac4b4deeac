package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/logs"
)

// mostLine is the longest line of a build's output that is kept whole.
const mostLine = 16 << 10

// do runs a build to its end. An engine that ends meanwhile leaves it as it is,
// for the next run.
func (g *Remote) do(ctx context.Context, b *build) {
	b.tell(func() { b.Status, b.Started, b.Attempts = Running, g.o.Now(), b.Attempts+1 })
	journal := g.journal(b)
	err := g.save(b)
	if err == nil {
		err = g.attempt(ctx, b)
	}
	if why := context.Cause(ctx); why != nil && err != nil {
		b.say(why.Error())
		b.cutShort(why)
		<-journal
		return
	}
	if err == nil {
		b.say(fmt.Sprintf("%s is at %.7s", b.Ref, b.New))
	} else {
		b.say(fmt.Sprintf("failed: %v", err))
		b.say(fmt.Sprintf("%s stays where it was; what was pushed is kept, and pushing again builds it again", b.Ref))
	}
	b.tell(func() {
		b.Status, b.Ended = Succeeded, g.o.Now()
		if err != nil {
			b.Status, b.Reason = Failed, strings.ReplaceAll(err.Error(), "\n", " ")
		}
	})
	if err := g.save(b); err != nil {
		g.o.Log.Error("a build's end was not saved", "app", b.App, "build", b.N, "error", err)
	}
	b.tell(func() { b.ended = true })
	<-journal
	g.o.Log.Info("build ended", "app", b.App, "build", b.N, "ref", b.Ref, "status", b.Status, "took", b.Ended.Sub(b.Started).Round(time.Millisecond))
}

// journal writes what a build says to its stream, until it has ended.
func (g *Remote) journal(b *build) (done <-chan struct{}) {
	ch := make(chan struct{})
	err := g.o.Logs.OpenStream(g.o.Scope, b.Group, b.Stream, true)
	if err != nil {
		g.o.Log.Error("a build has no log", "app", b.App, "build", b.N, "error", err)
		close(ch)
		return ch
	}
	go func() {
		defer close(ch)
		n := 0
		for {
			lines, ended, changed := b.after(n)
			if len(lines) == 0 {
				if ended {
					return
				}
				<-changed
				continue
			}
			batch := make([]logs.Line, 0, min(len(lines), 1000))
			for _, l := range lines[:cap(batch)] {
				batch = append(batch, logs.Line{At: g.o.Now(), Text: l})
			}
			if err := g.o.Logs.Write(g.o.Scope, b.Group, b.Stream, batch, nil); err != nil {
				g.o.Log.Error("lines of a build's log are lost", "app", b.App, "build", b.N, "error", err)
			}
			n += len(batch)
		}
	}()
	return ch
}

// attempt is the build itself, and the ref's move when it has ended well.
func (g *Remote) attempt(ctx context.Context, b *build) error {
	repo := repository{filepath.Join(g.o.Dir, b.App+".git")}
	ctx, cancel := context.WithTimeoutCause(ctx, g.o.Time, fmt.Errorf("it took longer than %v", g.o.Time))
	defer cancel()
	if b.Attempts > mostAttempts {
		return fmt.Errorf("the engine ended %d times while it ran", mostAttempts)
	}
	if b.Attempts > 1 {
		b.say(fmt.Sprintf("the engine was started again; attempt %d", b.Attempts))
	}
	// Reachable, whatever becomes of it.
	if err := repo.keep(ctx, b.N, b.New); err != nil {
		return err
	}
	if err := repo.forget(ctx, b.N-mostBuilds); err != nil {
		return err
	}
	commit, err := repo.commit(ctx, nil, b.New)
	if err != nil {
		return err
	}
	old, err := repo.from(ctx, b.Ref, b.New)
	if err != nil {
		return err
	}
	if err := g.program(ctx, b, repo, commit); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	if err := repo.set(ctx, b.Ref, b.New, old); err != nil {
		return fmt.Errorf("it ended well, and %s could not be moved: %w", b.Ref, err)
	}
	if _, err := repo.run(ctx, nil, "gc", "--auto", "--quiet"); err != nil {
		g.o.Log.Warn("git gc", "app", b.App, "error", err)
	}
	return nil
}

// program runs Options.Program in a clone of its own at the commit.
func (g *Remote) program(ctx context.Context, b *build, repo repository, commit string) error {
	key, ok := g.o.Key(b.Key)
	if _, alive := g.o.Caller(b.Key); !ok || !alive {
		return fmt.Errorf("the access key %s, which pushed, is not valid any more", b.Key)
	}
	env, err := g.o.Environment(key)
	if err != nil {
		return err
	}
	work := filepath.Join(g.o.Dir, "work", fmt.Sprintf("%s-%d", b.App, b.N))
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := repo.checkout(ctx, filepath.Join(work, "clone"), b.Ref, b.New, commit); err != nil {
		return err
	}
	home := filepath.Join(work, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, g.o.Program[0], append(g.o.Program[1:], b.Ref)...)
	cmd.Dir = filepath.Join(work, "clone")
	cmd.Env = environment(home, append(passed(), env...)...)
	bind(cmd)
	return g.listen(ctx, b, cmd)
}

// checkout makes a clone in which the pushed ref stands where it was pushed to.
func (r repository) checkout(ctx context.Context, dir, ref, id, commit string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if _, err := r.run(ctx, nil, "clone", "--quiet", "--shared", "--no-checkout", "--template=", r.dir, dir); err != nil {
		return err
	}
	clone := repository{dir}
	if _, err := clone.run(ctx, nil, "update-ref", ref, id); err != nil {
		return err
	}
	_, err := clone.run(ctx, nil, "checkout", "--quiet", "--detach", commit)
	return err
}

// passed is what a build gets of the engine's own environment: how Docker is
// reached.
func passed() (env []string) {
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_CONTEXT", "DOCKER_BUILDKIT", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, "CI=true")
}

// listen runs a program and hands its lines on.
func (g *Remote) listen(ctx context.Context, b *build, cmd *exec.Cmd) error {
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	read := make(chan error, 1)
	go func() {
		lines := bufio.NewReaderSize(r, mostLine)
		for {
			line, _, err := lines.ReadLine()
			if err != nil {
				r.CloseWithError(io.EOF)
				read <- err
				return
			}
			b.say(strings.ToValidUTF8(string(line), "�"))
		}
	}()
	// A child that is bound to the engine is bound to the thread that began it.
	runtime.LockOSThread()
	err := cmd.Run()
	runtime.UnlockOSThread()
	w.Close()
	if failure := <-read; !errors.Is(failure, io.EOF) {
		err = errors.Join(err, failure)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		return fmt.Errorf("the build ended with %d", exit.ExitCode())
	}
	return err
}
