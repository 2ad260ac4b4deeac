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
	}{
		"the last one":          {[]string{commit, "tag v1", commit, "tag v2", commit}, "main", "v2"},
		"annotated":             {[]string{commit, "tag -a -m x v1"}, "main", "v1"},
		"not of another branch": {[]string{commit, "tag v1", "checkout -q -b other", commit, "tag v2"}, "main", "v1"},
	} {
		v, err := Last(t.Context(), repo(t, c.steps...), c.branch)
		if err != nil || v.Tag != c.want {
			t.Errorf("%s: %q (%v), not %q", name, v.Tag, err, c.want)
		}
	}
	if _, err := Last(t.Context(), repo(t, commit), "main"); err == nil || !strings.Contains(err.Error(), "no tag in main is reachable. Tag the commit") {
		t.Errorf("no tag: %v", err)
	}
	if _, err := Last(t.Context(), repo(t, commit), "release/x"); err == nil || !strings.Contains(err.Error(), "there is no branch release/x here") {
		t.Errorf("no branch: %v", err)
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
