package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The legacy builder and BuildKit make the same of a release: an image with its
// tag, its commit, and its source, that is built once.
func TestImagesAreBuiltByBothBuilders(t *testing.T) {
	needs(t, "git", "docker")
	e := start(t, "--simulate")
	path := os.Getenv("PATH")
	if exec.Command("docker", "buildx", "version").Run() != nil {
		path = "/usr/bin:" + path // Debian's client has BuildKit without the plugin
	}
	for i, kit := range []string{"0", "1"} {
		a := &application{engine: e, dir: t.TempDir()}
		a.write("slipway.yaml", shipFile)
		a.write("Dockerfile", "FROM scratch\nCOPY ship /ship\nCMD [\"/ship\"]\n")
		a.git("init", "-q", "-b", "release/playground")
		a.git("remote", "add", "origin", "git@github.com:windingtree/ship.git")
		tag := []string{"v1.0.0", "v2.0.0"}[i]
		a.tag(tag, "serve")
		build := func() string {
			out, code := a.slipway(a.dir, []string{"DOCKER_BUILDKIT=" + kit, "PATH=" + path}, "build", "--tag", tag)
			if code != 0 {
				t.Fatalf("BuildKit %s: exit %d\n%s", kit, code, out)
			}
			return out
		}
		if out := build(); !regexp.MustCompile(`ship:` + tag + `-playground  built [0-9.]+ MB, pushed`).MatchString(out) {
			t.Errorf("BuildKit %s: it says\n%s", kit, out)
		}
		if out := build(); !strings.Contains(out, "(exists)") || strings.Contains(out, "cannot be read") {
			t.Errorf("BuildKit %s: the second time it says\n%s", kit, out)
		}
		uri := a.aws("ecr", "describe-repositories", "--repository-names", "ship", "--query", "repositories[0].repositoryUri")
		out, err := exec.Command("docker", "image", "inspect", "--format", "{{json .Config.Labels}}", uri+":"+tag+"-playground").CombinedOutput()
		t.Cleanup(func() { exec.Command("docker", "rmi", "-f", uri+":"+tag+"-playground").Run() })
		for _, want := range []string{`"org.opencontainers.image.version":"` + tag + `"`, `"org.opencontainers.image.revision":"` + a.head() + `"`, `"org.opencontainers.image.source":"https://github.com/windingtree/ship"`} {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("BuildKit %s: the labels are %s (%v), without %s", kit, out, err, want)
			}
		}
	}
}
