package shim

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var engine = Config{Registry: "127.0.0.1:4611", Account: "029479441096", Region: "eu-west-1"}

func TestDockerReachesTheEnginesRegistry(t *testing.T) {
	const host = "029479441096.dkr.ecr.eu-west-1.amazonaws.com"
	for _, c := range []struct{ args, want string }{
		{"push " + host + "/wt-demo-app:v1-playground", "push 127.0.0.1:4611/wt-demo-app:v1-playground"},
		{"tag wt-demo-app:v1 " + host + "/team/wt-demo-app@sha256:abc", "tag wt-demo-app:v1 127.0.0.1:4611/team/wt-demo-app@sha256:abc"},
		{"login -u AWS --password-stdin " + host, "login -u AWS --password-stdin 127.0.0.1:4611"},
		{"login -u AWS -p x https://" + host, "login -u AWS -p x 127.0.0.1:4611"},
		{"login -u AWS -p x https://" + host + "/", "login -u AWS -p x 127.0.0.1:4611"},
		{"login -u AWS -p x http://127.0.0.1:4611", "login -u AWS -p x http://127.0.0.1:4611"},
		{"build -t " + host + "/a:1 --tag=" + host + "/a:2 -t" + host + "/a:3 --cache-from=" + host + "/a:0 .", "build -t 127.0.0.1:4611/a:1 --tag=127.0.0.1:4611/a:2 -t127.0.0.1:4611/a:3 --cache-from=127.0.0.1:4611/a:0 ."},
		{"pull 029479441096.dkr.ecr.us-east-1.amazonaws.com/a:1", "pull 127.0.0.1:4611/029479441096/us-east-1/a:1"},
		{"rmi " + host + "/a", "rmi 127.0.0.1:4611/a"},
		{"build --build-arg BASE=" + host + "/a .", "build --build-arg BASE=" + host + "/a ."},
		{"run -e URL=https://" + host + "/ app", "run -e URL=https://" + host + "/ app"},
		{"push docker.io/library/a", "push docker.io/library/a"},
		{"run app echo " + host + ".example.com/x", "run app echo " + host + ".example.com/x"},
		{"", ""},
	} {
		got, err := engine.Docker(strings.Fields(c.args))
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" || err != nil {
			t.Errorf("docker %s: %v %s", c.args, err, diff)
		}
	}
	for _, args := range []string{"push 111122223333.dkr.ecr.eu-west-1.amazonaws.com/a", "build --tag=xxxxxx.dkr.ecr.region.amazonaws.com/a ."} {
		if _, err := engine.Docker(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), "the engine is account 029479441096; start an engine that is: slipway engine start --account ") {
			t.Errorf("docker %s: %v", args, err)
		}
	}
}

func TestOnlyTheCLIIsKnownToPip(t *testing.T) {
	for args, want := range map[string]bool{
		"install --user awscli": true, "install awscli==1.16.1 --upgrade -q": true, "install awscli": true,
		"install --user awscli boto3": false, "install -r requirements.txt": false, "install": false, "": false, "uninstall awscli": false, "install awscli -i https://example.com": false, "install awscli-local": false,
	} {
		if got := onlyCLI(strings.Fields(args)); got != want {
			t.Errorf("pip %s: %v", args, got)
		}
	}
}

// tool writes a program for a test.
func tool(t *testing.T, dir, name, script string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// pip is run, and not the shim's answer given, where the aws CLI is missing or is
// the second version, which has no `ecr get-login`.
func TestPipKnowsTheVersionOfTheCLI(t *testing.T) {
	dir := t.TempDir()
	for version, here := range map[string]bool{"aws-cli/1.45.0 Python/3.11": true, "aws-cli/2.15.0 Python/3.11": false} {
		c := Config{Tools: map[string]string{"aws": tool(t, dir, "aws", "echo "+version)}}
		var out strings.Builder
		err := c.pip("pip", []string{"install", "--user", "awscli"}, &out)
		if said := strings.Contains(out.String(), "aws-cli/1.45.0 is here already"); said != here || here != (err == nil) || !here && !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %q %v", version, out.String(), err)
		}
	}
}

func TestNPMsScriptsRunWithoutNPM(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("package.json", []byte(`{"name":"app","version":"1.0.0","scripts":{"predeploy":"echo pre>>log","deploy":"echo $npm_lifecycle_event $npm_package_name >>log; echo","postdeploy":"echo post>>log","fails":"exit 7"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if err := npm([]string{"run", "-s", "deploy", "--", "two words"}, &said); err != nil {
		t.Fatal(err)
	}
	if log, _ := os.ReadFile("log"); string(log) != "pre\ndeploy app\npost\n" {
		t.Errorf("%s", log)
	}
	if !strings.Contains(said.String(), "npm is not on this machine") || !strings.Contains(said.String(), "echo 'two words'") {
		t.Error(said.String())
	}
	if e, ok := errors.AsType[*Exit](npm([]string{"run", "fails"}, &said)); !ok || e.Code != 7 {
		t.Errorf("%+v", e)
	}
	if err := npm([]string{"ci"}, &said); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "npm ci needs the real one") {
		t.Error(err)
	}
	if err := npm([]string{"test"}, &said); err == nil || !strings.Contains(err.Error(), `no script "test"`) {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	file := tool(t, dir, "thing", "")
	os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644)
	if got := Find("thing", "/nowhere:"+dir); got != file {
		t.Errorf("found %q", got)
	}
	if got := Find("plain", dir) + Find("thing", ""); got != "" {
		t.Errorf("found %q", got)
	}
}

// The scripts that stand on PATH hand every argument on as it is.
func TestTheScriptsOnPATH(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := tool(t, dir, "slipway", `for a in "$@"; do echo "<$a>"; done`)
	if err := Install(dir, binary, Config{Tools: map[string]string{"npm": "/usr/bin/npm"}}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(dir, "docker"), "tag", "two words", "$x").Output()
	if want := "<ci>\n<shim>\n<" + filepath.Join(dir, "shims.json") + ">\n<docker>\n<tag>\n<two words>\n<$x>\n"; err != nil || string(out) != want {
		t.Errorf("%s %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "npm")); err == nil {
		t.Error("npm has a shim although there is an npm")
	}
}
