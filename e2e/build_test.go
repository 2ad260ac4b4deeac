package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The legacy builder and BuildKit make the same of a release: an image with its
// tag, its commit, and its source, that is built once.
func TestImagesAreBuiltByBothBuilders(t *testing.T) {
	t.Parallel()
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

const promotedFile = `app: ship
image: IMAGE
service: { port: 8000, memory: 64, stop: 1s, drain: 1s }
environments:
  playground: { on: engine, host: playground.slipway.test, branch: main, cluster: yard }
  demo: { on: engine, host: demo.slipway.test, branch: main, cluster: yard }
cluster: { name: yard, size: { min: 1, max: 1 } }
`

// An image for each environment, with its build arguments, or one that is built
// once and promoted: what starts is a digest either way.
func TestAnImageIsBuiltForEachEnvironmentOrPromoted(t *testing.T) {
	t.Parallel()
	needs(t, "git", "docker")
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	a.write("Dockerfile", "FROM scratch\nARG WT_CONFIG\nENV BUILT_FOR=$WT_CONFIG\nCOPY slipway.yaml /\n")
	a.git("init", "-q", "-b", "main")
	door := slices.Concat(a.env, answering(t, "*.slipway.test")) // there are no containers to answer
	// started ships a tag to both environments: what each says, and its image.
	started := func(tag, image string) (said, images []string) {
		a.write("slipway.yaml", strings.Replace(promotedFile, "IMAGE", image, 1))
		a.git("add", "-A")
		a.git("commit", "-q", "-m", tag)
		a.git("tag", tag)
		for _, env := range []string{"playground", "demo"} {
			out, code := a.slipway(a.dir, door, "up", env)
			if code != 0 {
				t.Fatalf("up %s: exit %d\n%s", env, code, out)
			}
			said = append(said, out)
			ref := a.must("ecs", "describe-task-definition", "--task-definition", env+"-ship", "--query", "taskDefinition.containerDefinitions[0].image")
			images = append(images, ref[strings.IndexByte(ref, '/')+1:])
			name, _, _ := strings.Cut(ref, "@")
			t.Cleanup(func() { exec.Command("docker", "rmi", "-f", name).Run() })
		}
		return said, images
	}
	digest := regexp.MustCompile(`^ship:(\S+)@(sha256:[0-9a-f]{64})$`)
	said, images := started("v1.0.0", "{ per: release }")
	if m := digest.FindStringSubmatch(images[0]); m == nil || m[1] != "v1.0.0" || images[0] != images[1] {
		t.Errorf("promoted: %v", images)
	}
	if !strings.Contains(said[0], "ship:v1.0.0  built") || strings.Contains(said[1], " built ") || !strings.Contains(said[1], "(exists)") {
		t.Errorf("it was not built once:\n%s\n%s", said[0], said[1])
	}
	_, images = started("v1.1.0", `{ args: { WT_CONFIG: "{env}" } }`)
	first, second := digest.FindStringSubmatch(images[0]), digest.FindStringSubmatch(images[1])
	if first == nil || second == nil || first[1] != "v1.1.0-playground" || second[1] != "v1.1.0-demo" || first[2] == second[2] {
		t.Errorf("for each environment: %v", images)
	}
	a.write("slipway.yaml", "# changed\n"+strings.Replace(promotedFile, "IMAGE", "{ per: release }", 1))
	out := a.runs(0, []string{"build", "--env", "demo"}, `^tag +dev-[0-9a-f]{7}-[0-9a-f]{8}, the working tree, with changes that are not committed \(a release is a commit with a tag: git commit, git tag\)`)
	if m := regexp.MustCompile(`(\S+/ship:dev-\S+)@`).FindStringSubmatch(out); m == nil {
		t.Errorf("a tree with changes: %s", out)
	} else {
		exec.Command("docker", "rmi", "-f", m[1]).Run()
	}
}
