package git

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/signature"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// rig is a remote that builds by running the file build of what was pushed, and a
// repository that pushes to it.
type rig struct {
	t       *testing.T
	options Options
	remote  *Remote
	server  *httptest.Server
	stop    func() // ends the remote as the engine ends it
	dir     string
}

type noJournal struct{}

func (noJournal) OpenStream(state.Scope, string, string, bool) error           { return nil }
func (noJournal) Write(state.Scope, string, string, []logs.Line, []byte) error { return nil }

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIP: git is not installed")
	}
	store, err := state.Open(t.TempDir(), Tables...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r := &rig{t: t, dir: t.TempDir(), options: Options{
		Dir: t.TempDir(), Scope: state.Scope{Account: "000000000000", Region: "eu-west-1"}, Store: store, Logs: noJournal{}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Caller: func(id string) (*operation.Caller, bool) { return &operation.Caller{AccessKey: id}, true },
		Key: func(id string) (signature.Key, bool) {
			return signature.Key{ID: id, Secret: "secret", Active: true}, true
		},
		Allowed:     func(*operation.Caller, string, string) string { return "" },
		Environment: func(signature.Key) ([]string, error) { return nil, nil },
		Program:     []string{"/bin/sh", "-c", `exec sh ./build "$0"`},
	}}
	if change != nil {
		change(&r.options)
	}
	r.begin()
	t.Cleanup(func() { r.stop() })
	r.git("init", "-q", "-b", "main")
	return r
}

// begin starts the remote on what there is.
func (r *rig) begin() {
	r.remote = New(r.options)
	r.server = httptest.NewServer(r.remote)
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { r.remote.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		ended.Wait()
		r.server.Close()
	})
}

func (r *rig) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=n@example.test"}, args...)...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit is one whose build is the script.
func (r *rig) commit(script string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "build"), []byte(script), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "x")
}

func (r *rig) url() string {
	return strings.Replace(r.server.URL, "://", "://key:secret@", 1) + "/git/web.git"
}

// pushing is a push under way, and push one that has ended.
func (r *rig) pushing(ref string) *exec.Cmd {
	cmd := exec.Command("git", "push", r.url(), ref)
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	return cmd
}

// begun is a push that goes on beside the test; what it says is told once it has ended.
func (r *rig) begun(ref string) (push *exec.Cmd, told *strings.Builder) {
	r.t.Helper()
	push, told = r.pushing(ref), &strings.Builder{}
	push.Stderr = told
	if err := push.Start(); err != nil {
		r.t.Fatal(err)
	}
	return push, told
}

func (r *rig) push(ref string) (string, error) {
	out, err := r.pushing(ref).CombinedOutput()
	return string(out), err
}

func (r *rig) refs() string { return r.git("ls-remote", r.url()) }

// gate is a script that tells that it has begun and waits to be let on.
type gate struct {
	t           *testing.T
	begun, open string
}

func newGate(t *testing.T) gate {
	t.Helper()
	dir := t.TempDir()
	g := gate{t, filepath.Join(dir, "begun"), filepath.Join(dir, "open")}
	for _, f := range []string{g.begun, g.open} {
		if err := syscall.Mkfifo(f, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g gate) script() string { return "echo begun >" + g.begun + "\nread x <" + g.open + "\n" }

// wait waits until the script has begun, and pass lets it on.
func (g gate) wait() {
	g.t.Helper()
	if b, err := os.ReadFile(g.begun); err != nil || string(b) != "begun\n" {
		g.t.Fatalf("%s %v", b, err)
	}
}

func (g gate) pass() {
	g.t.Helper()
	if err := os.WriteFile(g.open, []byte("on\n"), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func TestAPushThatIsTooLargeLeavesNothing(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Limit = 64 << 10 })
	r.commit("true")
	if out, err := r.push("main"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before := r.refs()
	big := make([]byte, 1<<20)
	rand.Read(big)
	if err := os.WriteFile(filepath.Join(r.dir, "big"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	r.commit("true # with it")
	out, err := r.push("main")
	if err == nil || !strings.Contains(out, "the pack cannot be taken in") || !strings.Contains(out, "maximum allowed size") {
		t.Errorf("%v\n%s", err, out)
	}
	if after := r.refs(); after != before {
		t.Errorf("the refs were %s and are %s", before, after)
	}
	var kept int64
	filepath.Walk(r.options.Dir, func(_ string, f os.FileInfo, err error) error {
		if err == nil && f.Mode().IsRegular() {
			kept += f.Size()
		}
		return nil
	})
	if kept > 512<<10 {
		t.Errorf("%d bytes are kept", kept)
	}
}

func TestABuildThatTakesTooLongIsEndedWithItsChildren(t *testing.T) {
	limit := 300 * time.Millisecond
	for ; !tooLong(t, limit); limit *= 4 {
		t.Logf("within %v it had not begun", limit)
	}
}

// tooLong pushes what takes longer than the limit. It tells whether the build has
// begun before it was over.
func tooLong(t *testing.T, limit time.Duration) (begun bool) {
	r := newRig(t, func(o *Options) { o.Time = limit })
	r.commit("echo working\nsleep 600 &\nwait\n")
	out, err := r.push("main")
	if why := "it took longer than " + limit.String(); err == nil || !strings.Contains(out, why) {
		t.Errorf("%v\n%s", err, out)
	} else if b := r.remote.builds("web")[0]; b.Status != Failed || b.Reason != why {
		t.Errorf("%+v", b)
	}
	if refs := r.refs(); refs != "" {
		t.Errorf("the ref has moved: %s", refs)
	}
	return strings.Contains(out, "remote: working")
}

func TestABuildGoesOnWithoutWhoPushed(t *testing.T) {
	r := newRig(t, nil)
	g := newGate(t)
	r.commit(g.script())
	push := r.pushing("main")
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	g.wait()
	push.Process.Kill()
	push.Wait()
	g.pass()
	until(t, r.remote, Succeeded)
	if want := r.git("rev-parse", "HEAD") + "\trefs/heads/main"; !strings.Contains(r.refs(), want) {
		t.Errorf("the refs are %s", r.refs())
	}
}

func TestPushesOfAnApplicationQueue(t *testing.T) {
	r := newRig(t, nil)
	g := newGate(t)
	r.commit(g.script())
	first := r.pushing("HEAD:refs/heads/one")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	g.wait()
	r.commit("echo the second builds\n")
	second := r.pushing("HEAD:refs/heads/two")
	out, err := second.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "waiting for 1 other build(s) of web") {
		if strings.Contains(lines.Text(), "the second builds") {
			t.Error("it did not wait")
		}
	}
	if all := r.remote.builds("web"); len(all) != 2 || all[0].Status != Queued || all[1].Status != Running {
		t.Errorf("%+v", all)
	}
	g.pass()
	rest, _ := io.ReadAll(out)
	if err := first.Wait(); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("the second: %v\n%s", err, rest)
	}
}

// Pushes of one branch that were made before any was built: one that goes on from
// the one before it moves the branch on, one that is behind it builds nothing.
func TestAnOlderPushDoesNotOvertakeANewer(t *testing.T) {
	r := newRig(t, nil)
	r.commit("true")
	if out, err := r.push("main"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	g := newGate(t)
	r.commit("echo older has built\n")
	older := r.git("rev-parse", "HEAD")
	r.commit(g.script())
	newer := r.pushing("main")
	if err := newer.Start(); err != nil {
		t.Fatal(err)
	}
	g.wait()
	r.commit("echo newest has built\n")
	type pushed struct {
		out string
		err error
	}
	late := map[string]chan pushed{older: make(chan pushed, 1), "HEAD": make(chan pushed, 1)}
	for i, id := range []string{older, "HEAD"} {
		go func() {
			out, err := r.push(id + ":refs/heads/main")
			late[id] <- pushed{out, err}
		}()
		queued(t, r.remote, i+2)
	}
	g.pass()
	if err := newer.Wait(); err != nil {
		t.Errorf("the newer: %v", err)
	}
	if p := <-late[older]; p.err == nil || strings.Contains(p.out, "older has built") || !strings.Contains(p.out, "a push before this one has moved it") {
		t.Errorf("the older: %v\n%s", p.err, p.out)
	}
	if p := <-late["HEAD"]; p.err != nil || !strings.Contains(p.out, "newest has built") {
		t.Errorf("the newest: %v\n%s", p.err, p.out)
	}
	if want := r.git("rev-parse", "HEAD") + "\trefs/heads/main"; !strings.Contains(r.refs(), want) {
		t.Errorf("the refs are %s", r.refs())
	}
}

// queued waits until so many of the application's builds have not ended.
func queued(t *testing.T, g *Remote, want int) {
	t.Helper()
	w := g.o.Store.Watch(builds)
	defer w.Close()
	for {
		n := 0
		for _, b := range g.builds("web") {
			if b.Status == Queued || b.Status == Running {
				n++
			}
		}
		if n == want {
			return
		}
		if _, err := w.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A branch that comes with a tag would deploy that: where the tag's build fails it
// stays, and its own is not begun.
func TestABranchStaysWithATagThatIsNotBuilt(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Program = []string{"/bin/sh", "-c", `echo "$0 builds"; test "$0" = refs/heads/main`}
	})
	r.commit("")
	r.git("tag", "v1")
	cmd := exec.Command("git", "push", r.url(), "main", "v1")
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err == nil || strings.Contains(string(out), "refs/heads/main builds") || !strings.Contains(string(out), "(v1, which came with it, was not built)") {
		t.Errorf("%v\n%s", err, out)
	}
	if refs := r.refs(); refs != "" {
		t.Errorf("refs have moved: %s", refs)
	}
	if out, err := r.push("main"); err != nil {
		t.Errorf("alone: %v\n%s", err, out)
	}
}

// A tree whose paths would write into .git when it is checked out is not taken in.
func TestPathsThatLeadIntoGitAreRefused(t *testing.T) {
	r := newRig(t, nil)
	r.commit("true")
	hook := r.git("rev-parse", "HEAD:build")
	mktree := func(entry string) string {
		cmd := exec.Command("git", "mktree", "--missing")
		cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(entry+"\n")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	hooks := mktree("040000 tree " + mktree("100755 blob "+hook+"\tpost-checkout") + "\thooks")
	for _, name := range []string{".git", ".GIT", "git~1", "..", "."} {
		commit := r.git("commit-tree", "-m", "x", mktree("040000 tree "+hooks+"\t"+name))
		if out, err := r.push(commit + ":refs/heads/x"); err == nil || !strings.Contains(out, "the pack cannot be taken in") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if refs := r.refs(); refs != "" {
		t.Errorf("the refs are %s", refs)
	}
}

// A reset ends what builds and leaves no repository; what is pushed then is new.
func TestAResetForgetsWhatWasPushed(t *testing.T) {
	r := newRig(t, nil)
	g := newGate(t)
	r.commit(g.script())
	push, told := r.begun("main")
	g.wait()
	if err := r.remote.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := r.options.Store.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := push.Wait(); err == nil || !strings.Contains(told.String(), errReset.Error()) {
		t.Errorf("the push says %v\n%s", err, told.String())
	}
	if left, err := os.ReadDir(r.options.Dir); len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	r.commit("echo anew\n")
	if out, err := r.push("main"); err != nil || !strings.Contains(out, "remote: anew") {
		t.Errorf("%v\n%s", err, out)
	}
	if all := r.remote.builds("web"); len(all) != 1 || all[0].N != 1 {
		t.Errorf("%+v", all)
	}
}

// A build that the engine's end cut short is begun again, but not for ever.
func TestABuildIsBegunAgainAfterTheEngineEnded(t *testing.T) {
	r := newRig(t, nil)
	g := newGate(t)
	r.commit(g.script())
	push, told := r.begun("main")
	for attempt := 1; attempt <= mostAttempts; attempt++ {
		g.wait()
		if b := r.remote.builds("web")[0]; b.Status != Running || b.Attempts != attempt {
			t.Errorf("attempt %d: %+v", attempt, b)
		}
		r.stop()
		if attempt == 1 {
			if err := push.Wait(); err == nil || !strings.Contains(told.String(), "the engine ended; its next run begins the build again") {
				t.Errorf("the push says %v\n%s", err, told.String())
			}
		}
		r.begin()
	}
	until(t, r.remote, Failed)
	if b := r.remote.builds("web")[0]; b.Reason != "the engine ended 3 times while it ran" {
		t.Errorf("%+v", b)
	}
	if refs := r.refs(); refs != "" {
		t.Errorf("the ref has moved: %s", refs)
	}

	// Pushed again it is a build of its own, which the engine's end does not fail.
	again := r.pushing("main")
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	g.wait()
	r.stop()
	again.Wait()
	r.begin()
	g.wait()
	g.pass()
	until(t, r.remote, Succeeded)
	if refs := r.refs(); !strings.Contains(refs, "refs/heads/main") {
		t.Errorf("the refs are %s", refs)
	}
}

// until waits for the newest build of the application to have a status.
func until(t *testing.T, g *Remote, status string) {
	t.Helper()
	w := g.o.Store.Watch(builds)
	defer w.Close()
	for g.builds("web")[0].Status != status {
		if _, err := w.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
