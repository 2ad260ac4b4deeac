package balancer_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/balancer.md says where each fact is done and what holds it: all that it
// names is there.
func TestTheFactsPageNamesWhatIsThere(t *testing.T) {
	page, err := os.ReadFile("../../../docs/balancer.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, dir := range []string{".", "../*", "../../../e2e"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(b)
		}
	}
	named := 0
	for _, m := range regexp.MustCompile("`([^` ]+)`").FindAllStringSubmatch(string(page), -1) {
		switch name := m[1]; {
		case regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]`).MatchString(name):
			named++
			if !strings.Contains(tests.String(), "func "+name+"(") {
				t.Errorf("no test is called %s", name)
			}
		case strings.HasSuffix(name, ".go"):
			named++
			place := name // in this package
			if strings.HasPrefix(name, "engine/") {
				place = filepath.Join("../..", name)
			} else if strings.HasPrefix(name, "e2e/") {
				place = filepath.Join("../../..", name)
			}
			if _, err := os.Stat(place); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if named < 60 {
		t.Errorf("only %d names were found on the page", named)
	}
}
