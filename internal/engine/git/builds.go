package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Build is one pushed ref and what became of it.
type Build struct {
	App string `json:"app"`
	N   int    `json:"number"`
	Ref string `json:"ref"`
	Old string `json:"before"`
	New string `json:"commit"` // the object pushed: a commit, or an annotated tag
	Key string `json:"accessKey"`
	// Status is queued, running, succeeded or failed.
	Status   string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
	Attempts int       `json:"attempts"`
	Queued   time.Time `json:"queued"`
	Started  time.Time `json:"started,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	Group    string    `json:"logGroup"`
	Stream   string    `json:"logStream"`
}

// The statuses of a build.
const (
	Queued    = "queued"
	Running   = "running"
	Succeeded = "succeeded"
	Failed    = "failed"
)

// mostBuilds is how many an application keeps, mostAttempts how often one is
// begun that the engine's end cut short.
const (
	mostBuilds   = 200
	mostAttempts = 3
)

var builds = state.NewTable("git.build", func(b *Build) string { return fmt.Sprintf("%s/%08d", b.App, b.N) })

// Tables are the rows of this package.
var Tables = []state.AnyTable{builds}

// build is one that is queued or runs, with what it has said so far.
type build struct {
	Build

	mu      sync.Mutex
	lines   []string
	ended   bool
	changed chan struct{} // closed at the next change
}

func newBuild(b Build) *build { return &build{Build: b, changed: make(chan struct{})} }

func (b *build) tell(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

// say adds a line; who follows sees it, and the journal keeps it.
func (b *build) say(line string) { b.tell(func() { b.lines = append(b.lines, line) }) }

// after are the lines from a place on, whether there will be more, and what to
// wait for.
func (b *build) after(n int) (lines []string, ended bool, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines[n:], b.ended, b.changed
}

// follow hands every line on until the build has ended.
func (b *build) follow(ctx context.Context, each func(string)) error {
	n := 0
	for {
		lines, ended, changed := b.after(n)
		for _, l := range lines {
			each(l)
		}
		n += len(lines)
		if ended && len(lines) == 0 {
			return nil
		}
		if len(lines) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Why a build is cut short, as who follows it is told.
var (
	errEnds  = errors.New("the engine ended; its next run begins the build again")
	errReset = errors.New("the engine was reset: nothing of what was pushed is left")
)

// cutShort tells who follows why there is no more.
func (b *build) cutShort(why error) {
	b.tell(func() { b.Reason, b.ended = why.Error(), true })
}

// verdict is why the ref was not moved, "" where it was, and whether that is
// final.
func (b *build) verdict() (why string, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Reason, b.Status == Failed
}

// enqueue takes a build for a ref, durably, and tells how many come before it.
func (g *Remote) enqueue(app string, c command, key string) (b *build, ahead int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var row Build
	err = g.o.Store.Update(func(tx *state.Tx) error {
		last, old := 0, []*Build(nil)
		for r := range builds.Prefix(tx, g.o.Scope, app+"/") {
			last, old = r.N, append(old, r)
		}
		for len(old) >= mostBuilds {
			if s := old[0].Status; s == Queued || s == Running {
				break
			}
			builds.Delete(tx, g.o.Scope, fmt.Sprintf("%s/%08d", app, old[0].N))
			old = old[1:]
		}
		row = Build{App: app, N: last + 1, Ref: c.ref, Old: c.old, New: c.new, Key: key, Status: Queued, Queued: g.o.Now(),
			Group: "/slipway/git/" + app, Stream: fmt.Sprintf("%d-%s", last+1, flat(c.ref))}
		builds.Put(tx, g.o.Scope, &row)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	b = newBuild(row)
	return b, g.queue(b), nil
}

// queue puts a build behind those of its application; g.mu is held. One that comes
// as the engine ends is left to its next run.
func (g *Remote) queue(b *build) (ahead int) {
	if g.ctx.Err() != nil {
		b.cutShort(context.Cause(g.ctx))
		return 0
	}
	for _, before := range g.queues[b.App] {
		if _, ended, _ := before.after(0); !ended { // one that has just ended may stand there still
			ahead++
		}
	}
	g.queues[b.App] = append(g.queues[b.App], b)
	if len(g.queues[b.App]) == 1 {
		ctx := g.ctx
		g.running.Go(func() { g.work(ctx, b.App) })
	}
	return ahead
}

// work does an application's builds one after another, until there are none.
func (g *Remote) work(ctx context.Context, app string) {
	for {
		g.mu.Lock()
		b := g.queues[app][0]
		g.mu.Unlock()
		if ctx.Err() == nil {
			g.do(ctx, b)
		} else {
			b.cutShort(context.Cause(ctx))
		}
		g.mu.Lock()
		if g.queues[app] = g.queues[app][1:]; len(g.queues[app]) == 0 {
			delete(g.queues, app)
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
	}
}

// Run takes up the builds that an earlier run of the engine left, and ends with
// ctx: what runs then is ended, and begun again by the next run.
func (g *Remote) Run(ctx context.Context) error {
	sweep(g.o.Dir)
	var left []Build
	for b := range builds.All(g.o.Store.View(), g.o.Scope) {
		if b.Status == Queued || b.Status == Running {
			left = append(left, *b)
		}
	}
	slices.SortFunc(left, func(a, b Build) int { return a.Queued.Compare(b.Queued) })
	g.mu.Lock()
	for _, b := range left {
		g.queue(newBuild(b))
	}
	g.mu.Unlock()
	<-ctx.Done()
	g.mu.Lock()
	g.cancel(errEnds)
	g.mu.Unlock()
	g.running.Wait()
	return ctx.Err()
}

// Reset ends what builds and removes every repository; the rows go with the
// state. A push that comes meanwhile is cut short.
func (g *Remote) Reset() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel(errReset)
	g.mu.Unlock()
	g.running.Wait()
	g.mu.Lock()
	if errors.Is(context.Cause(g.ctx), errReset) {
		g.ctx, g.cancel = context.WithCancelCause(context.Background())
	}
	return os.RemoveAll(g.o.Dir)
}

// builds are an application's, the newest first.
func (g *Remote) builds(app string) []Build {
	all := []Build{}
	for b := range builds.Prefix(g.o.Store.View(), g.o.Scope, app+"/") {
		all = append(all, *b)
	}
	slices.Reverse(all)
	return all
}

// save writes the build's row.
func (g *Remote) save(b *build) error {
	b.mu.Lock()
	row := b.Build
	b.mu.Unlock()
	return g.o.Store.Update(func(tx *state.Tx) error {
		builds.Put(tx, g.o.Scope, &row)
		return nil
	})
}

// flat is a ref as a part of a log stream's name.
func flat(ref string) string {
	out := []byte(ref)
	for i, c := range out {
		if c == '/' || c == ':' || c == '*' {
			out[i] = '-'
		}
	}
	return string(out[len("refs/"):])
}
