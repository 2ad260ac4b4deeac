package initial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, []byte("first\n"), false); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, []byte("second\n"), false); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("got %v", err)
	}
	path := filepath.Join(dir, "slipway.yaml")
	if got, _ := os.ReadFile(path); string(got) != "first\n" {
		t.Errorf("it was written over: %q", got)
	}
	if err := Write(dir, []byte("2\n"), true); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "2\n" {
		t.Errorf("--force left %q", got)
	}
}

// A hostile script is only followed: it writes no file, reads none outside the
// repository, and ends.
func TestAScriptDoesNothing(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("TOP-SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(outside, "made")
	script := `touch ` + target + `; echo x > ` + target + `; rm -rf ` + outside + `
aws "$(cat ` + secret + `)" "$(cat link)" "$(< ` + secret + `)" "$(< link)" "$(cat ../*/secret)" "$(printf '%s' ` + outside + `/*)"
. ` + secret + `
for (( ; ; )); do Y=1; done
f() { f | f & f; }; f
`
	calls, err := follow(dir, "x.sh", script, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		if strings.Contains(strings.Join(c.args, " "), "TOP-SECRET") {
			t.Errorf("read outside: %q", c.args)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("something was done: %v %v", entries, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		repo string
		o    Options
		want string
	}{
		{"seed", Options{On: "aws"}, "--account"},
		{"seed", Options{On: "azure"}, "engine or aws"},
		{"notification-api", Options{Host: "a.b"}, "several"},
	} {
		if _, err := Read("testdata/"+c.repo+"/repo", c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: got %v", c.repo, c.o, err)
		}
	}
}

func FuzzFollow(f *testing.F) {
	f.Add("A=$1\nwhile :; do aws $A; done")
	f.Add("cat <<X\n${1^^}\nX\n")
	f.Fuzz(func(t *testing.T, script string) {
		follow(t.TempDir(), "x.sh", script, []string{markEnv("e")}, nil)
	})
}
