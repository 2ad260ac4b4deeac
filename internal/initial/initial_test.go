package initial

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write goldens anew")

// said is a result as the golden has it: what a user reads, then the file.
func said(r *Result) string {
	var b strings.Builder
	b.WriteString("read  " + strings.Join(r.Read, " · ") + "\n")
	b.WriteString("wrote slipway.yaml: " + r.Wrote + "\n")
	for _, n := range r.Notes {
		b.WriteString("note  " + n + "\n")
	}
	for _, n := range r.Next {
		b.WriteString("next  " + n + "\n")
	}
	return b.String() + "\n" + string(r.File)
}

// optionsOf are those that a fixture's name asks for.
func optionsOf(name string) Options {
	return map[string]Options{
		"moved-to-ssm": {SSM: true},
		"on-aws":       {On: "aws"},
		"host":         {Host: "demo.windingtree.com"},
	}[name]
}

func TestRepositories(t *testing.T) {
	repositories, err := filepath.Glob("testdata/*/repo")
	if err != nil || len(repositories) == 0 {
		t.Fatalf("no repositories: %v", err)
	}
	for _, dir := range repositories {
		name := filepath.Base(filepath.Dir(dir))
		t.Run(name, func(t *testing.T) {
			got := ""
			if r, err := Read(dir, optionsOf(name)); err != nil {
				got = "error: " + err.Error() + "\n"
			} else {
				got = said(r)
			}
			path := filepath.Join(filepath.Dir(dir), "want.txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// Whoever has no release branch yet begins with the one that is checked out.
func TestTheBranchThatIsCheckedOut(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	branch := func() string {
		t.Helper()
		r, err := Read(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(r.File), "branch: ")
		name, _, _ := strings.Cut(rest, "\n")
		return name
	}
	put("Dockerfile", "FROM scratch\nEXPOSE 80\n")
	if got := branch(); got != "" {
		t.Errorf("without git: %q", got)
	}
	put(".git/HEAD", "ref: refs/heads/main\n")
	if got := branch(); got != "main" {
		t.Errorf("on main: %q", got)
	}
	put(".git/HEAD", "0123456789012345678901234567890123456789\n")
	if got := branch(); got != "" {
		t.Errorf("on no branch: %q", got)
	}
	put(".git/HEAD", "ref: refs/heads/main\n")
	put(".git/packed-refs", "# pack-refs with: peeled\n0123456789012345678901234567890123456789 refs/remotes/origin/release/playground\n")
	if got := branch(); got != "" {
		t.Errorf("with a release branch at origin: %q", got)
	}
	os.Remove(filepath.Join(dir, ".git/packed-refs"))
	put(".git/refs/heads/release/playground", "0123456789012345678901234567890123456789\n")
	if got := branch(); got != "" {
		t.Errorf("with a release branch: %q", got)
	}
}
