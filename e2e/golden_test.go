package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// varying is what is another in every run, and what stands for it in a golden.
var varying = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(` after \d+\.\d s`), ""}, // not known of every task
	{regexp.MustCompile(`built [0-9.]+ MB`), "built N MB"},
	{regexp.MustCompile(`sha256:[0-9a-f]+…[0-9a-f]+`), "sha256:DIGEST"},
	{regexp.MustCompile(`\(([0-9a-f]{7}), (\d+ \w+|1 second) ago\)`), "(COMMIT, SOME TIME ago)"},
	{regexp.MustCompile(`\btask [0-9a-f]{8}\b`), "task TASK"},
	{regexp.MustCompile(`--task [0-9a-f]{8}\b`), "--task TASK"},
	{regexp.MustCompile(`\bcommit [0-9a-f]{7}\b`), "commit COMMIT"},
	{regexp.MustCompile(`is at [0-9a-f]{7} now`), "is at COMMIT now"},
	{regexp.MustCompile(`\bi-[0-9a-f]{17}\b`), "i-INSTANCE"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "REGISTRY"},
	{regexp.MustCompile(`\d+ API calls`), "N API calls"},
	{regexp.MustCompile(` +\d+\.\d s\b`), "  N s"},
	{regexp.MustCompile(`since \d\d:\d\d`), "since TIME"},
	{regexp.MustCompile(`\d+ MiB (free|would fit)`), "N MiB $1"}, // an old task may be leaving
	{regexp.MustCompile(`has \d+ of`), "has N of"},
}

// looking is how far a rollout is at a look: how many looks there are is chance.
var looking = regexp.MustCompile(`new \d+/\d+ running`)

// golden compares what slipway says with a golden file, each line once.
func (a *application) golden(name, out string) {
	a.t.Helper()
	var lines []string
	seen := map[string]bool{}
	for l := range strings.Lines(strings.ReplaceAll(out, a.dir, "DIR")) {
		l = strings.TrimRight(l, "\n")
		for _, v := range varying {
			l = v.what.ReplaceAllString(l, v.as)
		}
		if !looking.MatchString(l) && !seen[l] {
			seen[l] = true
			lines = append(lines, l)
		}
	}
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		a.t.Errorf("%s (go test ./e2e -run … -update writes it anew): %s", name, diff)
	}
}

// lockOfShip is where the lock of the application's service is kept.
const lockOfShip = "/slipway/locks/yard/playground-ship"

// held leaves the lock as another run has it that deploys a release.
func (a *application) held(who, release string) {
	a.t.Helper()
	now := time.Now().UTC()
	a.aws("ssm", "put-parameter", "--name", lockOfShip, "--type", "String", "--value",
		fmt.Sprintf(`{"who":%q,"release":%q,"step":"deploy playground-ship","since":%q,"until":%q,"token":"1-1"}`, who, release, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)))
}

// Every refusal, word for word: it names its cause and the next step, and nothing
// is changed.
func TestRefusalsNameTheirCause(t *testing.T) {
	t.Parallel()
	needs(t, "git", "docker")
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	a.write("Dockerfile", "FROM scratch\nCOPY ship /ship\n")
	a.write(".gitignore", "*.go\n")
	a.write("slipway.yaml", shipFile)
	a.git("init", "-q", "-b", "release/playground")
	var variables []string
	refused := func(name string, code int, args ...string) {
		t.Helper()
		out, got := a.slipway(a.dir, variables, args...)
		if got != code {
			t.Errorf("%s: exit %d, not %d\n%s", name, got, code, out)
		}
		a.golden(name, out)
	}
	file := func(old, new string) { a.write("slipway.yaml", strings.Replace(shipFile, old, new, 1)) }

	file("  memory: 64\n", "  memroy: 64\n  helth: /\n")
	refused("unknown-key", 1, "plan")
	file("    host: ship.slipway.test\n", "    host: ship.slipway.test\n    account: \"029479441096\"\n")
	refused("another-account", 7, "plan")
	a.write("slipway.yaml", shipFile)
	refused("no-environment", 1, "deploy", "nowhere")
	a.git("add", "-A")
	a.git("commit", "-q", "-m", "one")
	refused("no-tag", 1, "deploy", "playground")
	a.tag("v1.0.0", "serve")
	refused("environment-missing", 1, "deploy", "playground")
	a.runs(0, []string{"env", "up", "playground"}, `yard is there`)
	refused("image-missing", 1, "deploy", "playground")
	variables = []string{"DOCKER_HOST=unix:///no/docker.sock"}
	refused("docker-down", 1, "deploy", "playground", "--build")
	refused("docker-down-build", 1, "build", "--env", "playground")
	variables = nil
	refused("no-such-tag", 1, "build", "--env", "playground", "--tag", "v9.9.9")
	refused("no-environment", 1, "build", "--env", "nowhere")
	a.held("travis #42", "v0.9.0")
	refused("another-deploy", 6, "deploy", "playground")
	a.aws("ssm", "delete-parameter", "--name", lockOfShip)
	refused("no-such-release", 1, "rollback", "playground")
	file(`variables: { RELEASE: "{tag}" }`, `variables: { RELEASE: "{tag}", KEY: { from: SHIP_NO_SUCH_VARIABLE } }`)
	refused("variable-not-set", 1, "deploy", "playground")
	file("service:\n", "service:\n  secrets: { KEY: \"ssm:/{env}/no-such-key\" }\n")
	refused("secret-missing", 1, "deploy", "playground")
	a.write("slipway.yaml", shipFile)

	clone := t.TempDir()
	a.git("commit", "-q", "--allow-empty", "-m", "two")
	if out, err := exec.Command("git", "clone", "-q", "--depth", "1", "file://"+a.dir, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	deep := a.dir
	a.dir = clone
	refused("shallow-clone", 1, "deploy", "playground")
	a.dir = deep
	a.git("checkout", "-q", "--detach")
	a.git("branch", "-q", "-D", "release/playground")
	refused("no-branch", 1, "deploy", "playground")
}
