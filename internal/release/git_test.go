package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func repo(t *testing.T, steps ...string) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("CI", "")
	for _, s := range append([]string{"init -q -b main"}, steps...) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.test"}, strings.Fields(s)...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", s, err, out)
		}
	}
	return dir
}

const commit = "commit -q --allow-empty -m x"

func TestTheReleaseOfABranchIsItsLastReachableTag(t *testing.T) {
	for name, c := range map[string]struct {
		steps        []string
		branch, want string
		stable       bool
	}{
		"the last one":          {[]string{commit, "tag v1", commit, "tag v2", commit}, "main", "v2", false},
		"annotated":             {[]string{commit, "tag -a -m x v1"}, "main", "v1", false},
		"not of another branch": {[]string{commit, "tag v1", "checkout -q -b other", commit, "tag v2"}, "main", "v1", false},
		"a pre-release":         {[]string{commit, "tag v1.0.0", commit, "tag v1.1.0-rc.1"}, "main", "v1.1.0-rc.1", false},
		"no pre-release":        {[]string{commit, "tag v1.0.0", commit, "tag v1.1.0-rc.1", commit, "tag 2.0.0-beta"}, "main", "v1.0.0", true},
		"a name with a hyphen":  {[]string{commit, "tag web-v1.0.0"}, "main", "web-v1.0.0", true},
	} {
		v, err := Last(t.Context(), repo(t, c.steps...), c.branch, c.stable)
		if err != nil || v.Tag != c.want {
			t.Errorf("%s: %q (%v), not %q", name, v.Tag, err, c.want)
		}
	}
	if _, err := Last(t.Context(), repo(t, commit), "main", false); err == nil || !strings.Contains(err.Error(), "no tag in main is reachable. Tag the commit") {
		t.Errorf("no tag: %v", err)
	}
	if _, err := Last(t.Context(), repo(t, commit), "release/x", false); err == nil || !strings.Contains(err.Error(), "there is no branch release/x here") {
		t.Errorf("no branch: %v", err)
	}
	dir := repo(t, commit, "tag v1")
	t.Setenv("CI", "true") // a checkout of CI is a detached one of the branch
	if v, err := Last(t.Context(), dir, "release/x", false); err != nil || v.Tag != "v1" {
		t.Errorf("in CI: %v %v", v.Tag, err)
	}
}

func TestTheSourceOfAnImage(t *testing.T) {
	for origin, want := range map[string]string{
		"git@github.com:windingtree/wt-demo-app.git":        "https://github.com/windingtree/wt-demo-app",
		"https://x-access-token:secret@github.com/a/b.git":  "https://github.com/a/b",
		"ssh://git@gitlab.example.com:2222/group/sub/b.git": "https://gitlab.example.com/group/sub/b",
		"https://gitlab-ci-token:secret@gitlab.com/a/b":     "https://gitlab.com/a/b",
		"/srv/git/b.git":                    "",
		"http://127.0.0.1:4700/git/web.git": "",
	} {
		if got := repository(repo(t, commit, "remote add origin "+origin)).source(t.Context()); got != want {
			t.Errorf("%s: %q, not %q", origin, got, want)
		}
	}
}

func TestATagIsBuiltFromItsOwnFiles(t *testing.T) {
	dir := repo(t, commit, "tag v1", commit)
	v, err := Tagged(t.Context(), dir, "v1")
	if err != nil || v.Ref != "refs/tags/v1" || len(v.Commit) != 40 {
		t.Errorf("an old tag is built from %q (%v)", v.Ref, err)
	}
	if v, _ := Tagged(t.Context(), repo(t, commit, "tag v1"), "v1"); v.Ref != "" {
		t.Errorf("the tag checked out is built from %q, not from the folder", v.Ref)
	}
}

func TestTheWorkingTreesNameFollowsItsFiles(t *testing.T) {
	dir := repo(t, commit)
	clean, err := Here(t.Context(), dir)
	if err != nil || !strings.HasPrefix(clean.Tag, "dev-") {
		t.Fatal(clean, err)
	}
	names := map[string]bool{clean.Tag: true}
	for _, text := range []string{"one", "two", "one"} {
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		v, err := Here(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		names[v.Tag] = true
	}
	if len(names) != 3 {
		t.Errorf("a clean tree and two changes have the names %v", names)
	}
}

// A job of a pipeline asks whether its commit is still the head of the branch.
func TestARunIsOvertakenByANewerPush(t *testing.T) {
	dir, origin := t.TempDir(), t.TempDir()
	git := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.test"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	git(origin, "init", "-q", "--bare")
	git(dir, "init", "-q", "-b", "release/live")
	git(dir, "commit", "-q", "--allow-empty", "-m", "one")
	git(dir, "remote", "add", "origin", origin)
	if _, err := repository(dir).overtaken(t.Context(), "release/live"); err == nil {
		t.Error("a branch that origin does not have is no error")
	}
	git(dir, "push", "-q", "origin", "release/live")
	if head, err := repository(dir).overtaken(t.Context(), "release/live"); head != "" || err != nil {
		t.Errorf("the head itself is overtaken: %q %v", head, err)
	}
	git(dir, "commit", "-q", "--allow-empty", "-m", "two")
	git(dir, "push", "-q", "origin", "release/live")
	git(dir, "checkout", "-q", "HEAD^")
	if head, err := repository(dir).overtaken(t.Context(), "release/live"); head == "" || err != nil {
		t.Errorf("the commit before the head is not overtaken: %q %v", head, err)
	}
}
