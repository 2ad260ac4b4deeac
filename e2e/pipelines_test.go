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

// service is a CI service: an origin, and jobs that run in clones of it against an
// engine in AWS's place.
type service struct {
	*application
	origin, bin string
}

func newService(t *testing.T) *service {
	s := &service{application: newApplication(t), origin: t.TempDir(), bin: t.TempDir()}
	s.write("slipway.yaml", pipelineFile)
	s.git("init", "-q", "--bare", s.origin)
	s.git("remote", "add", "origin", s.origin)
	if err := os.Symlink(s.binary, filepath.Join(s.bin, "slipway")); err != nil {
		t.Fatal(err)
	}
	return s
}

// job runs a job's command in a folder.
func (s *service) job(dir, command string, variables ...string) (string, error) {
	cmd := exec.Command("bash", "-e", "-c", command)
	cmd.Dir, cmd.Env = dir, append(append(slices.Clone(s.env), "PATH="+s.bin+":"+os.Getenv("PATH"), "CI=true"), variables...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// clone is what a job finds when a ref has been pushed.
func (s *service) clone(t *testing.T, ref string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "--branch", ref, "file://"+s.origin, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// pushed tags the program in a mode and pushes tag and branch.
func (s *service) pushed(tag, mode string) {
	s.t.Helper()
	s.tag(tag, mode)
	s.git("push", "-q", "origin", "release/playground", tag)
}

// The jobs of every generated pipeline, their own commands in order: a tag is
// built, the branch starts it, and an older run never overtakes a newer. Then what
// goes wrong, each with its cause shown and the old version serving.
func TestTheGeneratedPipelinesCommands(t *testing.T) {
	t.Parallel()
	s := newService(t)
	if out, err := s.job(s.dir, "slipway env up playground"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, ci := range []struct{ name, file, tag string }{{"travis", ".travis.yml", "TRAVIS_TAG"}, {"github", ".github/workflows/slipway.yml", "GITHUB_REF_NAME"}, {"gitlab", ".gitlab-ci.yml", "CI_COMMIT_TAG"}} {
		t.Run(ci.name, func(t *testing.T) {
			build, deploy := s.commands(t, ci.name, ci.file)
			tag := []string{"v1.0.0", "v1.1.0", "v1.2.0"}[i]
			s.pushed(tag, "serve")
			if out, err := s.job(s.clone(t, tag), build, ci.tag+"="+tag); err != nil || !strings.Contains(out, "ship:"+tag+"-playground@sha256:") {
				t.Fatalf("the tag's job: %v\n%s", err, out)
			}
			branch := s.clone(t, "release/playground")
			if out, err := s.job(branch, deploy); err != nil || !strings.Contains(out, tag+" serves https://ship.slipway.test") {
				t.Fatalf("the branch's job: %v\n%s", err, out)
			}
			s.reaches(t, tag)
			s.git("commit", "-q", "--allow-empty", "-m", "newer")
			s.git("push", "-q", "origin", "release/playground")
			if out, err := s.job(branch, deploy); err != nil || !strings.Contains(out, "release/playground has moved on to") {
				t.Errorf("an older run: %v\n%s", err, out)
			}
		})
	}
	s.badDays("v1.2.0")
	if out, err := s.job(s.dir, "slipway env destroy playground --yes"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// commands are the two that a pipeline's jobs run.
func (s *service) commands(t *testing.T, service, file string) (build, deploy string) {
	t.Helper()
	if out, code := s.slipway(s.dir, nil, "ci", "write", service, "--version", "v1.0.0"); code != 0 {
		t.Fatalf("ci write: exit %d\n%s", code, out)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	commands := slipwayCommands(t, text)
	if len(commands) != 2 || !strings.HasPrefix(commands[0], "slipway build --tag") || !strings.HasPrefix(commands[1], "slipway deploy playground") {
		t.Fatalf("the jobs run %q", commands)
	}
	return commands[0], commands[1]
}

// badDays are a bad tag, a bad Dockerfile and a crash at start, in GitLab's jobs.
func (s *service) badDays(serving string) {
	s.t.Helper()
	build, deploy := s.commands(s.t, "gitlab", ".gitlab-ci.yml")
	fails := func(ref, command, tag string, says ...string) {
		s.t.Helper()
		out, err := s.job(s.clone(s.t, ref), command, "CI_COMMIT_TAG="+tag)
		for _, want := range says {
			if err == nil || !strings.Contains(out, want) {
				s.t.Errorf("%s of %s: %v, and it does not say %q:\n%s", command, tag, err, want, out)
			}
		}
		s.reaches(s.t, serving)
	}
	const branch = "release/playground"
	fails(branch, build, "v9.9.9", "there is no tag v9.9.9 here to build", "nothing was changed")
	s.pushed("v1.3.0", "serve")
	fails(branch, deploy, "", "image ship:v1.3.0-playground does not exist", "Build it: slipway build --tag v1.3.0 --env playground; nothing was changed")
	s.write("Dockerfile", "FROM scratch\nCOPY nothing-like-it /ship\n")
	s.pushed("v1.4.0", "serve")
	fails("v1.4.0", build, "v1.4.0", "docker build of ship:v1.4.0-playground", "nothing-like-it")
	s.write("Dockerfile", "FROM scratch\nCOPY ship /ship\nCMD [\"/ship\"]\n")
	s.pushed("v1.5.0", "crash")
	if out, err := s.job(s.clone(s.t, "v1.5.0"), build, "CI_COMMIT_TAG=v1.5.0"); err != nil {
		s.t.Errorf("%v\n%s", err, out)
	}
	fails(branch, deploy, "", "essential container ship exited with 1", "Error: Cannot find module", serving+" is serving")
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
