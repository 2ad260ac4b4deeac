package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const pipelineFile = `app: ship
service:
  port: 8000
  memory: 64
  stop: 1s
  drain: 1s
  variables: { RELEASE: "{tag}" }
environments:
  playground:
    on: aws
    account: "000000000000"
    region: eu-west-1
    host: ship.slipway.test
    branch: release/playground
    cluster: yard
cluster:
  name: yard
  size: { min: 1, max: 1 }
`

// The jobs of every generated pipeline, their own commands in order, against an
// engine in AWS's place: a tag is built, the branch starts it, and an older run
// never overtakes a newer.
func TestTheGeneratedPipelinesCommands(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.write("slipway.yaml", pipelineFile)
	origin := t.TempDir()
	a.git("init", "-q", "--bare", origin)
	a.git("remote", "add", "origin", origin)
	bin := t.TempDir()
	if err := os.Symlink(a.binary, filepath.Join(bin, "slipway")); err != nil {
		t.Fatal(err)
	}
	job := func(dir string, variables, commands []string) (string, error) {
		cmd := exec.Command("bash", "-e", "-c", strings.Join(commands, "\n"))
		cmd.Dir, cmd.Env = dir, append(append(slices.Clone(a.env), "PATH="+bin+":"+os.Getenv("PATH"), "CI=true"), variables...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	clone := func(ref string) string {
		dir := filepath.Join(t.TempDir(), "clone")
		if out, err := exec.Command("git", "clone", "-q", "--branch", ref, "file://"+origin, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return dir
	}
	if out, err := job(a.dir, nil, []string{"slipway env up playground"}); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, service := range []struct{ name, file, tag string }{{"travis", ".travis.yml", "TRAVIS_TAG"}, {"github", ".github/workflows/slipway.yml", "GITHUB_REF_NAME"}, {"gitlab", ".gitlab-ci.yml", "CI_COMMIT_TAG"}} {
		t.Run(service.name, func(t *testing.T) {
			if out, code := a.slipway(a.dir, nil, "ci", "write", service.name, "--version", "v1.0.0"); code != 0 {
				t.Fatalf("ci write: exit %d\n%s", code, out)
			}
			text, err := os.ReadFile(filepath.Join(a.dir, service.file))
			if err != nil {
				t.Fatal(err)
			}
			commands := slipwayCommands(t, text)
			if len(commands) != 2 || !strings.HasPrefix(commands[0], "slipway build --tag") || !strings.HasPrefix(commands[1], "slipway deploy playground") {
				t.Fatalf("the jobs run %q", commands)
			}
			tag := []string{"v1.0.0", "v1.1.0", "v1.2.0"}[i]
			a.tag(tag, "serve")
			a.git("push", "-q", "origin", "release/playground", tag)
			if out, err := job(clone(tag), []string{service.tag + "=" + tag}, commands[:1]); err != nil || !strings.Contains(out, "ship:"+tag+"-playground@sha256:") {
				t.Fatalf("the tag's job: %v\n%s", err, out)
			}
			branch := clone("release/playground")
			if out, err := job(branch, nil, commands[1:]); err != nil || !strings.Contains(out, tag+" serves https://ship.slipway.test") {
				t.Fatalf("the branch's job: %v\n%s", err, out)
			}
			a.reaches(t, tag)
			a.git("commit", "-q", "--allow-empty", "-m", "newer")
			a.git("push", "-q", "origin", "release/playground")
			if out, err := job(branch, nil, commands[1:]); err != nil || !strings.Contains(out, "release/playground has moved on to") {
				t.Errorf("an older run: %v\n%s", err, out)
			}
		})
	}
	if out, err := job(a.dir, nil, []string{"slipway env destroy playground --yes"}); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// reaches asks the host over verified TLS.
func (a *application) reaches(t *testing.T, want string) {
	t.Helper()
	out, err := exec.Command("curl", "-sS", "--cacert", a.lookup("SLIPWAY_CA"), "--connect-to", "ship.slipway.test:443:"+a.lookup("SLIPWAY_HTTPS"), "https://ship.slipway.test/").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("it answers %q (%v), not %q", out, err, want)
	}
}

// slipwayCommands are the lines of a pipeline that call slipway, in the file's
// order.
func slipwayCommands(t *testing.T, text []byte) (commands []string) {
	t.Helper()
	var file yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if strings.HasPrefix(v, "slipway build ") || strings.HasPrefix(v, "slipway deploy ") {
				commands = append(commands, v)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		case yaml.MapSlice:
			for _, item := range v {
				walk(item.Value)
			}
		}
	}
	walk(file)
	return commands
}
