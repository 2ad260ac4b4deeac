package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The examples, from repositories of their own to serving, in one cluster; and a
// browser as judge of the pages.
func TestExamples(t *testing.T) {
	t.Parallel()
	needs(t, "git", "docker", "chromium", "certutil")
	e := start(t)
	for _, example := range []struct {
		name   string
		builds []string
	}{{"web", []string{"web=."}}, {"worker", []string{"worker=."}}, {"shop", []string{"api/api=./api", "web/web=./web"}}} {
		a := &application{engine: e, dir: filepath.Join(t.TempDir(), example.name)}
		t.Cleanup(func() { a.slipway(a.dir, nil, "env", "destroy", "playground", "--yes") })
		t.Cleanup(func() { a.slipway(a.dir, nil, "destroy", "playground", "--yes") })
		if err := os.CopyFS(a.dir, os.DirFS("../examples/"+example.name)); err != nil {
			t.Fatal(err)
		}
		for _, b := range example.builds {
			out, from, _ := strings.Cut(b, "=")
			build := exec.Command("go", "build", "-buildvcs=false", "-o", out, from)
			build.Dir, build.Env = a.dir, append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("building: %v\n%s", err, out)
			}
		}
		a.git("init", "-q", "-b", "main")
		a.git("add", "-A")
		a.git("commit", "-q", "-m", "one")
		a.git("tag", "v1.0.0")
		a.runs(0, []string{"up"}, `^done +v1.0.0 (serves|runs)`)
		a.runs(0, []string{"up"}, `nothing was changed`)
		if example.name == "shop" {
			a.runs(0, []string{"url"}, `\Ahttps://shop\.slipway\.test\n\z`)
			a.runs(0, []string{"up"}, `^serving +https://shop\.slipway\.test/api/healthz  200 `, `^done +v1\.0\.0 serves https://shop\.slipway\.test already`)
			a.runs(0, []string{"status"}, `^playground +web https://shop\.slipway\.test +v1\.0\.0 +1/1 healthy `, `^playground +api https://shop\.slipway\.test/api/ +v1\.0\.0 +2/2 healthy `)
			a.runs(1, []string{"logs"}, `playground has several services; name one with --service: web, api$`)
		}
		if example.name == "worker" {
			a.runs(0, []string{"status"}, `^playground +playground-worker +v1\.0\.0 +1/1 running `)
			until(t, "the worker's line", func() bool {
				out, code := a.slipway(a.dir, nil, "logs", "playground")
				return code == 0 && strings.Contains(out, "round 1 of v1.0.0")
			})
		}
	}
	home, https := trusting(t, e), e.lookup("SLIPWAY_HTTPS")
	if page := browse(t, home, https, "shop.slipway.test"); !strings.Contains(page, "The boat shop") || !strings.Contains(page, "<li>cutter</li>") {
		t.Errorf("the shop in a browser, its page from one service and its boats from the other:\n%s", page)
	}
	if page := browse(t, home, https, "web.slipway.test"); !strings.Contains(page, "It sails") {
		t.Errorf("web in a browser:\n%s", page)
	}
}
