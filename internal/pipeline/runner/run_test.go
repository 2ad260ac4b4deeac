package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// repository is a git repository with a .travis.yml, tagged v1.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T, travis string) *repository {
	t.Helper()
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "master")
	r.write(".travis.yml", travis)
	r.commit("one")
	r.git("tag", "v1")
	return r
}

func (r *repository) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.test"}, args...)...)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) commit(message string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
}

// run runs the pipeline and gives its transcript: what is said, run and written.
func (r *repository) run(c Config) (*Outcome, string, error) {
	r.t.Helper()
	var lines []string
	sink := c.Sink
	c.Dir = r.dir
	if c.Tag == "" && c.Branch == "" {
		c.Tag = "v1"
	}
	c.Sink = func(e slipway.PipelineEvent) {
		switch e.Kind {
		case slipway.PipelineNote:
			lines = append(lines, "note "+e.Text)
		case slipway.PipelineCommand:
			lines = append(lines, e.Phase+" $ "+e.Text)
		case slipway.PipelineOutput:
			lines = append(lines, "  "+e.Text)
		case slipway.PipelineExited:
			if *e.Code != 0 {
				lines = append(lines, fmt.Sprintf("  exit %d", *e.Code))
			}
		case slipway.PipelineResult:
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("job %s %s %s", e.Job, e.Result, e.Text)))
		}
		if sink != nil {
			sink(e)
		}
	}
	out, err := Run(r.t.Context(), c)
	return out, strings.Join(lines, "\n") + "\n", err
}

// ran is the transcript without what was said before the first job.
func ran(transcript string) string {
	lines := strings.SplitAfter(transcript, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "note ") }), "")
}

// What comes after what, and what a failure means in each phase.
func TestPhases(t *testing.T) {
	for _, c := range []struct {
		name, file string
		result     slipway.Result
		want       string
	}{
		{"all of them", `
install: echo install
before_install: echo before_install
before_script: echo before_script
script: [echo one, echo two]
after_success: [echo after_success $TRAVIS_TEST_RESULT, "false"]
after_failure: echo after_failure
after_script: echo after_script
before_deploy: echo before_deploy
after_deploy: echo after_deploy
deploy: {provider: script, script: echo deploy, on: {tags: true}}
`, slipway.Passed, `before_install $ echo before_install
  before_install
install $ echo install
  install
before_script $ echo before_script
  before_script
script $ echo one
  one
script $ echo two
  two
after_success $ echo after_success $TRAVIS_TEST_RESULT
  after_success 0
after_success $ false
  exit 1
before_deploy $ echo before_deploy
  before_deploy
deploy $ echo deploy
  deploy
after_deploy $ echo after_deploy
  after_deploy
after_script $ echo after_script
  after_script
job 1.1 passed
`},
		{"script goes on after a failure", `
install: skip
script: [exit_with 3, echo two $TRAVIS_TEST_RESULT]
env: {global: ["X=y"]}
before_script: 'exit_with() { return $1; }'
after_success: echo after_success
after_failure: echo after_failure $TRAVIS_TEST_RESULT
after_script: echo after_script
deploy: {provider: script, script: echo deploy, on: {tags: true}}
`, slipway.FailedJob, `env $ export X=y
before_script $ exit_with() { return $1; }
script $ exit_with 3
  exit 3
script $ echo two $TRAVIS_TEST_RESULT
  two 1
after_failure $ echo after_failure $TRAVIS_TEST_RESULT
  after_failure 1
after_script $ echo after_script
  after_script
job 1.1 failed
`},
		{"install stops", "install: [false-command, echo two]\nscript: echo script\nafter_failure: echo x\nafter_script: echo y\n", slipway.Errored,
			"install $ false-command\n  LINE false-command: command not found\n  exit 127\njob 1.1 errored\n"},
		{"a deploy that fails is an error", "install: skip\nscript: skip\nafter_script: echo y\ndeploy: [{provider: script, script: exit 4, on: {tags: true}}]\n", slipway.Errored,
			"deploy $ exit 4\n  exit 4\njob 1.1 errored\n"},
		{"a deploy that may fail", "install: skip\nscript: skip\nafter_script: echo y\ndeploy: [{provider: script, script: exit 4, allow_failure: true, on: {tags: true, condition: $TRAVIS_TAG = v1}}, {provider: script, script: no, on: {tags: true, condition: $TRAVIS_TAG = v2}}]\n", slipway.Passed,
			"deploy $ exit 4\n  exit 4\nafter_script $ echo y\n  y\njob 1.1 passed\n"},
		{"what one line exports, the next has", "install: skip\nscript: [export A=1 B='two words', mkdir deeper && cd deeper, 'echo $A $B ${PWD##*/}', 'C=local', 'echo $C']\n", slipway.Passed,
			"script $ export A=1 B='two words'\nscript $ mkdir deeper && cd deeper\nscript $ echo $A $B ${PWD##*/}\n  1 two words deeper\nscript $ C=local\nscript $ echo $C\n  local\njob 1.1 passed\n"},
		{"set -e ends the shell", "install: skip\nbefore_script: set -e\nscript: [\"false\", echo two]\nafter_failure: echo x\n", slipway.FailedJob,
			"before_script $ set -e\nscript $ false\njob 1.1 failed the shell ended in script with exit 1 (exit, set -e or travis_terminate): what comes after it did not run\n"},
		{"exit 0 ends the shell", "install: skip\nscript: [exit 0, echo two]\n", slipway.Passed,
			"script $ exit 0\njob 1.1 passed the shell ended in script with exit 0: what comes after it did not run\n"},
		{"set -x shows nothing of the machinery", "install: skip\nscript: [set -x, echo two]\n", slipway.Passed,
			"script $ set -x\nscript $ echo two\n  + eval 'echo two'\n  ++ echo two\n  two\njob 1.1 passed\n"},
		{"output that ends no line, both outputs in order, several lines", "install: skip\nscript:\n- printf x\n- echo a; echo b >&2; echo c\n- |\n  for i in 1 2; do\n    echo $i\n  done\n", slipway.Passed,
			"script $ printf x\n  x\nscript $ echo a; echo b >&2; echo c\n  a\n  b\n  c\nscript $ for i in 1 2; do\n  echo $i\ndone\n  1\n  2\njob 1.1 passed\n"},
		{"output that is led elsewhere", "install: skip\nscript: [exec >log 2>&1, echo hidden, \"false\"]\n", slipway.FailedJob,
			"script $ exec >log 2>&1\nscript $ echo hidden\nscript $ false\n  exit 1\njob 1.1 failed\n"},
		{"travis_retry", "install: skip\nscript: ['n=0; flaky() { n=$((n+1)); [ $n -ge 2 ]; }', travis_retry flaky, travis_wait 30 echo waited]\n", slipway.Passed,
			"script $ n=0; flaky() { n=$((n+1)); [ $n -ge 2 ]; }\nscript $ travis_retry flaky\n  the command \"flaky\" failed, try 2 of 3\nscript $ travis_wait 30 echo waited\n  waited\njob 1.1 passed\n"},
		{"no input", "install: skip\nscript: [cat, read -r x || echo none]\n", slipway.Passed, "script $ cat\nscript $ read -r x || echo none\n  none\njob 1.1 passed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, transcript, err := newRepository(t, c.file).run(Config{})
			if err != nil {
				t.Fatal(err)
			}
			got := ran(transcript)
			if i := strings.Index(got, "job.sh: line"); i >= 0 { // bash says where in its script
				from := strings.LastIndexByte(got[:i], '\n') + 1
				to := i + strings.Index(got[i:], ": line")
				to += strings.IndexByte(got[to+2:], ':') + 2
				got = got[:from] + "  LINE" + got[to+1:]
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if out.Result != c.result {
				t.Errorf("the result is %s, not %s", out.Result, c.result)
			}
		})
	}
}

// A stage that fails is the last; a job that may fail doesn't count.
func TestStagesEndWithAFailure(t *testing.T) {
	out, _, err := newRepository(t, `
install: skip
jobs:
  include:
    - {stage: one, script: "true"}
    - {stage: two, name: a, script: "exit 7"}
    - {name: b, script: "true"}
    - {stage: three, script: "true"}
`).run(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if out.Result != slipway.FailedJob || len(out.Jobs) != 3 || out.NotRun != 1 || out.Passed() != 2 {
		t.Errorf("%+v", out)
	}
	if text := out.Err().Error(); !strings.Contains(text, "job 1.2 (a) failed\n  .travis.yml:6:") || !strings.Contains(text, "script: exited with 7: exit 7") || !strings.Contains(text, "1 more stages did not run") {
		t.Error(text)
	}
	out, _, err = newRepository(t, "install: skip\njobs: {include: [{name: a, script: 'false'}, {stage: two, script: 'true'}], allow_failures: [{name: a}]}\n").run(Config{})
	if err != nil || out.Result != slipway.Passed || len(out.Jobs) != 2 {
		t.Errorf("%+v %v", out, err)
	}
}

// The default variables, and nothing of the caller's.
func TestVariables(t *testing.T) {
	t.Setenv("SECRET_OF_MINE", "x")
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("GIT_DIR", "/nowhere")
	r := &repository{t, t.TempDir()}
	os.Unsetenv("GIT_DIR")
	r.git("init", "-q", "-b", "master")
	r.write(".travis.yml", `
language: generic
install: skip
jobs: {include: [{stage: look, name: around, script: [env, git describe --tags, git status --short, git remote -v]}]}
`)
	r.commit("one\n\ntwo")
	r.git("tag", "-a", "-m", "x", "v1")
	r.git("remote", "add", "origin", "git@github.com:windingtree/wt-demo-app.git")
	_, transcript, err := r.run(Config{Engine: Engine{Endpoint: "http://127.0.0.1:1", AccessKeyID: "AKID", SecretKey: "very-secret", Account: "000000000000", Region: "eu-west-1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"TRAVIS=true", "CI=true", "TRAVIS_BRANCH=v1", "TRAVIS_TAG=v1", "TRAVIS_PULL_REQUEST=false", "TRAVIS_EVENT_TYPE=push", "TRAVIS_OS_NAME=linux", "TRAVIS_REPO_SLUG=windingtree/wt-demo-app",
		"TRAVIS_JOB_NAME=around", "TRAVIS_BUILD_STAGE_NAME=Look", "TRAVIS_JOB_NUMBER=1.1", "TRAVIS_SECURE_ENV_VARS=false", "TRAVIS_TEST_RESULT=0", "TRAVIS_ALLOW_FAILURE=false",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=[secure]", "TRAVIS_COMMIT_MESSAGE=one", "v1",
	} {
		if !strings.Contains(transcript, "\n  "+want+"\n") {
			t.Errorf("there is no line %s", want)
		}
	}
	for _, not := range []string{"SECRET_OF_MINE", "AWS_PROFILE", "GIT_DIR", "very-secret", " M ", "?? "} {
		if strings.Contains(transcript, not) {
			t.Errorf("there is %s", not)
		}
	}
	if !strings.Contains(transcript, "nothing-is-pushed-from-ci-run (push)") {
		t.Error("the clone could be pushed")
	}
	if t.Failed() {
		t.Log(transcript)
	}
}

func TestABranchIsClonedAsOnTravis(t *testing.T) {
	r := newRepository(t, "install: skip\nscript: [git describe --abbrev=0 --tags, git log --oneline | wc -l, 'echo \"$TRAVIS_BRANCH-$TRAVIS_TAG-\"']\ngit: {depth: 3}\n")
	for i := range 2 {
		r.commit(fmt.Sprint(i))
	}
	_, transcript, err := r.run(Config{Branch: "master"})
	if err != nil || !strings.Contains(transcript, "\n  v1\n") || !strings.Contains(transcript, "\n  3\n") || !strings.Contains(transcript, "\n  master--\n") {
		t.Errorf("%v\n%s", err, transcript)
	}
	r.commit("one more: the tag is out of reach")
	out, transcript, err := r.run(Config{Branch: "master"})
	if err != nil || out.Result != slipway.FailedJob || !strings.Contains(transcript, "note no tag is within the 3 commits that are fetched") {
		t.Errorf("%v\n%s", err, transcript)
	}
	// A branch that only the remote has, from a clone of the repository.
	clone := &repository{t, t.TempDir()}
	r.git("branch", "release/x")
	clone.git("clone", "-q", r.dir, ".")
	if _, transcript, err = clone.run(Config{Branch: "release/x"}); err != nil || !strings.Contains(transcript, "\n  release/x--\n") {
		t.Errorf("%v\n%s", err, transcript)
	}
}

// What cannot run is refused before anything does.
func TestWhatIsRefused(t *testing.T) {
	r := newRepository(t, "install: skip\nscript: x\n")
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Tag: "v2"}, "there is no tag v2 here (newest: v1); make it: git tag v2"},
		{Config{Branch: "release/x"}, "there is no branch release/x here; fetch it"},
		{Config{Tag: "../../etc"}, "there is no tag ../../etc here"},
	} {
		if _, transcript, err := r.run(c.config); err == nil || !strings.Contains(err.Error(), c.want) || transcript != "\n" {
			t.Errorf("%v, not %q\n%s", err, c.want, transcript)
		}
	}
	r.write(".travis.yml", "addons: {apt: x}\nscript: x\n")
	if _, _, err := r.run(Config{Tag: "v1"}); err != nil {
		t.Errorf("what is not committed was read: %v", err)
	}
	r.commit("two")
	if _, _, err := r.run(Config{Branch: "master"}); err == nil || !strings.Contains(err.Error(), ".travis.yml:1:1: addons is not served") {
		t.Errorf("%v", err)
	}
	r.git("rm", "-q", ".travis.yml")
	r.write(".gitmodules", "")
	r.commit("three")
	if _, _, err := r.run(Config{Branch: "master"}); err == nil || !strings.Contains(err.Error(), "branch master has no .travis.yml") {
		t.Errorf("%v", err)
	}
	r.write(".travis.yml", "install: skip\nscript: x\n")
	r.commit("four")
	if _, _, err := r.run(Config{Branch: "master"}); err == nil || !strings.Contains(err.Error(), "has submodules") {
		t.Errorf("%v", err)
	}
	if _, _, err := newRepository(t, "if: branch = x\nscript: x\n").run(Config{}); !errors.Is(err, ErrNothing) {
		t.Errorf("%v", err)
	}
	if _, err := Run(context.Background(), Config{Dir: t.TempDir(), Tag: "v1"}); err == nil || !strings.Contains(err.Error(), "is no git repository") {
		t.Errorf("%v", err)
	}
}

// Values that are given never appear, wherever a command writes them.
func TestSecretsAreHidden(t *testing.T) {
	r := newRepository(t, `
install: skip
env: {global: [{secure: abc}, {TOKEN: {secure: abc}}]}
script:
- echo "the token is $TOKEN, no kidding $TOKEN"
- printf %s "$TOKEN"
- set -x
- ': $MULTI'
- set +x
- echo "docker login -u AWS -p eyJwYXlsb2FkIjoi https://127.0.0.1"
- nothing-$TOKEN
`)
	var all []string
	out, transcript, err := r.run(Config{Settings: map[string]string{"TOKEN": "s3cr3t-value", "MULTI": "first line\nsecond line"}, Sink: func(e slipway.PipelineEvent) { all = append(all, fmt.Sprintf("%+v", e)) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(all, transcript, out.Err().Error()) {
		for _, secret := range []string{"s3cr3t", "first line", "second line", "eyJw"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is shown: %s", secret, text)
			}
		}
	}
	for _, want := range []string{"  the token is [secure], no kidding [secure]\n", "note an encrypted variable is left out", "note the encrypted value of TOKEN is left out: --env gives one", "docker login -u AWS -p [secure] https"} {
		if !strings.Contains(transcript, want) {
			t.Errorf("%q is not said:\n%s", want, transcript)
		}
	}
}

// waiting is a pipeline with a process in the background; file gets their pids.
func waiting(t *testing.T) (r *repository, file string) {
	file = filepath.Join(t.TempDir(), "pids")
	return newRepository(t, "install: skip\nscript: ['sleep 600 & echo $! $$ >>"+file+"; echo ready; wait']\nafter_script: echo never\n"), file
}

// gone tells whether every process that is named in the file has ended.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || len(strings.Fields(string(text))) != 2 {
		t.Fatalf("the pids: %q %v", text, err)
	}
	for _, f := range strings.Fields(string(text)) {
		var pid int
		fmt.Sscan(f, &pid)
		state, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err := syscall.Kill(pid, 0); err == nil && !strings.Contains(string(state), ") Z ") {
			t.Errorf("process %d runs on: %s", pid, state)
		}
	}
}

func TestAnInterruptedJobLeavesNothingRunning(t *testing.T) {
	r, pids := waiting(t)
	ctx, cancel := context.WithCancel(t.Context())
	out, err := Run(ctx, Config{Dir: r.dir, Tag: "v1", Sink: func(e slipway.PipelineEvent) {
		if e.Kind == slipway.PipelineOutput && e.Text == "ready" {
			cancel()
		}
		if e.Text == "echo never" {
			t.Error("it went on")
		}
	}})
	if err != nil || out.Result != slipway.Interrupted {
		t.Errorf("%+v %v", out, err)
	}
	gone(t, pids)
}

func TestAJobThatTakesTooLongIsEnded(t *testing.T) {
	r, pids := waiting(t)
	out, transcript, err := r.run(Config{Timeout: 2 * time.Second})
	if err != nil || out.Result != slipway.TimedOut || !strings.Contains(transcript, "job 1.1 timed out it took longer than 2s (--timeout)") {
		t.Errorf("%+v %v\n%s", out, err, transcript)
	}
	gone(t, pids)
}

// A process that a job leaves behind ends with it, and is not waited for.
func TestABackgroundProcessEndsWithItsJob(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	out, _, err := newRepository(t, "install: skip\nscript: ['sleep 600 & echo $! $$ >"+file+"']\n").run(Config{})
	if err != nil || out.Result != slipway.Passed {
		t.Errorf("%+v %v", out, err)
	}
	gone(t, file)
}

// Lines of any length come whole or in pieces, and no mark is lost in them.
func TestLongLines(t *testing.T) {
	out, transcript, err := newRepository(t, "install: skip\nscript: [\"head -c 300000 /dev/zero | tr '\\\\0' x\", echo after]\n").run(Config{})
	if err != nil || out.Result != slipway.Passed || strings.Count(transcript, "x") < 300000 || !strings.Contains(transcript, "\n  after\n") || strings.Contains(transcript, "\x1e") {
		t.Errorf("%+v %v %d", out, err, strings.Count(transcript, "x"))
	}
}

// The run's folder goes, whatever modes the job left.
func TestNothingIsLeftOfARun(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if _, _, err := newRepository(t, "install: skip\nscript: mkdir -p a/b && touch a/b/c && chmod 500 a/b a\n").run(Config{}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
