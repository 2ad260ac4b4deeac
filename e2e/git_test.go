package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// pushes runs git push and wants its exit code and what it says.
func (a *application) pushes(ok bool, args []string, wants ...string) string {
	a.t.Helper()
	cmd := exec.Command("git", append([]string{"push"}, args...)...)
	cmd.Dir, cmd.Env = a.dir, append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if (err == nil) != ok {
		a.t.Fatalf("git push %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for _, w := range wants {
		if !strings.Contains(string(out), w) {
			a.t.Errorf("git push %s does not say %q:\n%s", strings.Join(args, " "), w, out)
		}
	}
	return string(out)
}

func (a *application) remoteRef(ref string) string {
	a.t.Helper()
	cmd := exec.Command("git", "ls-remote", "slipway", ref)
	cmd.Dir = a.dir
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatal(err)
	}
	id, _, _ := strings.Cut(string(out), "\t")
	return strings.TrimSpace(id)
}

func (a *application) head() string {
	out, err := exec.Command("git", "-C", a.dir, "rev-parse", "HEAD").Output()
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// empty is a commit without a file.
func (a *application) empty() string {
	a.t.Helper()
	cmd := exec.Command("git", "-c", "user.name=ship", "-c", "user.email=ship@example.test", "commit-tree", "-m", "empty", "4b825dc642cb6eb9a060e54bf8d69288fbee4904") // git's name of the empty tree
	cmd.Dir = a.dir
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// From git init to https:// by nothing but git push; then what goes wrong, each
// with its cause shown and the old version serving.
func TestGitPushShips(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.tag("v1.0.0", "serve")
	a.runs(0, []string{"git", "remote"}, `^remote +slipway +http://127\.0\.0\.1:\d+/git/ship\.git`)
	a.pushes(true, []string{"slipway", "v1.0.0"}, "remote: image        ship:v1.0.0-playground  built ", "[new tag]")
	a.pushes(true, []string{"slipway", "release/playground"}, "remote: serving      https://ship.slipway.test/", "[new branch]")
	a.answers("v1.0.0")

	t.Run("a bad Dockerfile", func(t *testing.T) {
		a.write("Dockerfile", "FROM scratch\nCOPY nothing-like-it /ship\n")
		a.tag("v1.1.0", "serve")
		a.pushes(false, []string{"slipway", "v1.1.0"}, "remote: failed: the build ended with 1", "nothing-like-it", "[remote rejected] v1.1.0 -> v1.1.0 (the build ended with 1)")
		if got := a.remoteRef("refs/tags/v1.1.0"); got != "" {
			t.Errorf("the tag is there all the same: %s", got)
		}
	})
	a.write("Dockerfile", "FROM scratch\nCOPY ship /ship\nCMD [\"/ship\"]\n")
	before := a.remoteRef("refs/heads/release/playground")

	t.Run("a crash at its start", func(t *testing.T) {
		a.tag("v1.2.0", "crash")
		a.pushes(true, []string{"slipway", "v1.2.0"})
		a.pushes(false, []string{"slipway", "release/playground"}, "remote:              │ Error: Cannot find module", "exited with 1. v1.0.0 is serving", "(the build ended with 3)")
		a.answers("v1.0.0")
		if got := a.remoteRef("refs/heads/release/playground"); got != before {
			t.Errorf("the branch has moved to %s", got)
		}
	})

	t.Run("the next version, tag and branch in one push", func(t *testing.T) {
		a.tag("v1.3.0", "serve")
		a.pushes(true, []string{"slipway", "release/playground", "v1.3.0"}, "ship:v1.3.0-playground  built ", "serving")
		a.answers("v1.3.0")
		if got := a.remoteRef("refs/heads/release/playground"); got != a.head() {
			t.Errorf("the branch is at %s", got)
		}
	})

	t.Run("refs that do not move", func(t *testing.T) {
		a.git("tag", "-f", "v1.3.0", "v1.0.0^{}")
		a.pushes(false, []string{"--force", "slipway", "v1.3.0"}, "a tag is never moved")
		a.pushes(false, []string{"slipway", "--delete", "v1.3.0"}, "a tag stays")
		a.pushes(false, []string{"--force", "slipway", "v1.0.0^{}:refs/heads/release/playground"}, "not a fast-forward; to go back: slipway rollback")
		a.pushes(false, []string{"slipway", "HEAD:refs/hooks/post-receive"}, "only branches and tags")
		a.pushes(false, []string{"slipway", "HEAD:refs/slipway/kept/x"}, "only branches and tags")
		a.pushes(true, []string{"slipway", "HEAD:refs/heads/other"}, "no environment on the engine follows other: nothing is deployed (playground follows release/playground)")
		a.pushes(true, []string{"slipway", "--delete", "other"}, "[deleted]")
		a.git("tag", "v0.1.0", a.empty())
		a.pushes(false, []string{"slipway", "v0.1.0"}, "remote: error: there is no slipway.yaml in this commit", "[remote rejected] v0.1.0 -> v0.1.0 (the build ended with 1)")
	})

	t.Run("its log is in CloudWatch Logs", func(t *testing.T) {
		var builds []struct {
			Number                           int
			Ref, Status, LogGroup, LogStream string
		}
		for line := range strings.Lines(a.runs(0, []string{"git", "builds", "--json"})) {
			var b struct {
				Number                           int
				Ref, Status, LogGroup, LogStream string
			}
			if err := json.Unmarshal([]byte(line), &b); err != nil {
				t.Fatal(err)
			}
			builds = append(builds, b)
		}
		failed := ""
		for _, b := range builds {
			if b.Ref == "refs/heads/release/playground" && b.Status == "failed" {
				failed = a.aws("logs", "get-log-events", "--log-group-name", b.LogGroup, "--log-stream-name", b.LogStream, "--start-from-head", "--query", "events[].message")
			}
		}
		if !strings.Contains(failed, "Cannot find module") || !strings.Contains(failed, "failed: the build ended with 3") {
			t.Errorf("the failed deploy's log: %s", failed)
		}
	})

	t.Run("who may push", func(t *testing.T) {
		url := strings.Fields(a.runs(0, []string{"git", "remote"}))[2]
		ask := func(id, secret, path string) (int, string) {
			req, err := http.NewRequest("GET", url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if id != "" {
				req.SetBasicAuth(id, secret)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			return res.StatusCode, string(text)
		}
		a.must("iam", "create-user", "--user-name", "ci")
		key := strings.Fields(a.must("iam", "create-access-key", "--user-name", "ci", "--query", "AccessKey.[AccessKeyId,SecretAccessKey]"))
		const push, pull = "/info/refs?service=git-receive-pack", "/info/refs?service=git-upload-pack"
		if code, _ := ask("", "", push); code != 401 {
			t.Errorf("nobody: %d", code)
		}
		if code, _ := ask(key[0], "wrong", push); code != 401 {
			t.Errorf("a wrong secret: %d", code)
		}
		if code, text := ask(key[0], key[1], push); code != 403 || !strings.Contains(text, "arn:aws:iam::000000000000:user/ci is not authorized to perform: slipway:GitPush on resource: arn:aws:slipway:eu-west-1:000000000000:git/ship") {
			t.Errorf("a user without the right: %d %s", code, text)
		}
		a.must("iam", "put-user-policy", "--user-name", "ci", "--policy-name", "pull", "--policy-document",
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"slipway:GitPull","Resource":"arn:aws:slipway:*:*:git/ship"}}`)
		if code, _ := ask(key[0], key[1], pull); code != 200 {
			t.Errorf("with the right to pull: %d", code)
		}
		if code, _ := ask(key[0], key[1], push); code != 403 {
			t.Errorf("the right to pull lets push: %d", code)
		}
		root := a.lookup("AWS_ACCESS_KEY_ID")
		req, _ := http.NewRequest("GET", strings.Replace(url, "/ship.git", "/..%2f..%2fhooks.git", 1)+push, nil)
		req.SetBasicAuth(root, a.lookup("AWS_SECRET_ACCESS_KEY"))
		if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != 404 {
			t.Errorf("a name that leads elsewhere: %v %v", res, err)
		}
	})

	t.Run("packs that are none", func(t *testing.T) {
		url := strings.Fields(a.runs(0, []string{"git", "remote"}))[2]
		command := fmt.Sprintf("%s %s refs/heads/x\x00report-status", strings.Repeat("0", 40), strings.Repeat("1", 40))
		for name, body := range map[string]string{
			"garbage":      fmt.Sprintf("%04x%s0000", len(command)+4, command) + "PACKgarbage",
			"nothing":      fmt.Sprintf("%04x%s0000", len(command)+4, command),
			"no such base": fmt.Sprintf("%04x%s0000", len(command)+4, command) + "PACK\x00\x00\x00\x02\x00\x00\x00\x00\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e",
		} {
			req, _ := http.NewRequest("POST", url+"/git-receive-pack", bytes.NewReader([]byte(body)))
			req.SetBasicAuth(a.lookup("AWS_ACCESS_KEY_ID"), a.lookup("AWS_SECRET_ACCESS_KEY"))
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if !strings.Contains(string(text), "ng refs/heads/x nothing was taken in") || strings.Contains(string(text), "unpack ok") {
				t.Errorf("%s: %s %s", name, res.Status, text)
			}
		}
		if got := a.remoteRef("refs/heads/x"); got != "" {
			t.Errorf("x is at %s", got)
		}
	})

	t.Run("the engine is killed in the middle", func(t *testing.T) {
		a.tag("v1.4.0", "serve")
		cmd := exec.Command("git", "push", "slipway", "v1.4.0", "release/playground")
		cmd.Dir = a.dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running := func() bool { return strings.Contains(a.runs(0, []string{"git", "builds"}), "running") }
		until(t, "a build", running)
		pid := a.status().PID
		process, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the push says that it went well")
		}
		s := a.lookup("AWS_ENDPOINT_URL")
		port := s[strings.LastIndexByte(s, ':')+1:]
		if out, err := exec.Command(a.binary, "engine", "start", "--data", a.data, "--port", port, "--http", "0", "--https", "0", "--dns", "0", "--registry", "0").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		a.read()
		until(t, "the build's end", func() bool {
			out := a.runs(0, []string{"git", "builds"})
			return !strings.Contains(out, "running") && !strings.Contains(out, "queued")
		})
		a.pushes(true, []string{"slipway", "v1.4.0", "release/playground"}) // what the first has done already is kept
		a.answers("v1.4.0")
	})
}
