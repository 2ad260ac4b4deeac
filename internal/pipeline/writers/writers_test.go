package writers

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var update = flag.Bool("update", false, "write the golden files anew")

const sum = "9f2c1d0e8b7a69584736251403f2e1d0c9b8a79685746352413f2e1d0c9b8a79"

func options() Options {
	return Options{Version: "v1.4.0", SHA256: sum, Role: func(env *slipway.Environment, step string) string { return "slipway-" + env.Name + "-" + step }}
}

// demo is an application of two environments on AWS and one on the engine.
const demo = `
app: wt-demo-app
image: { args: { WT_CONFIG: "{env}" } }
service:
  port: 8000
  variables: { INFURA_API_KEY: { from: INFURA_API_KEY } }
environments:
  local: { host: demo.example.test }
  playground: { on: aws, account: "029479441096", region: eu-west-1, host: playground.windingtree.com, cluster: shared }
  production: { on: aws, account: "029479441096", region: eu-west-1, host: demo.windingtree.com, cluster: shared, branch: release/live }
`

func stack(t *testing.T, text string) *slipway.Stack {
	t.Helper()
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stackOf is what a golden is written for: the images of "elsewhere" are in another
// registry than the account's.
func stackOf(t *testing.T, golden string) *slipway.Stack {
	t.Helper()
	text := demo
	if golden == "elsewhere" {
		text = strings.Replace(demo, "image: { ", "image: { repository: docker.io/windingtree/wt-demo-app, ", 1)
	}
	return stack(t, text)
}

func service(t *testing.T, name string) Service {
	t.Helper()
	for _, s := range Services {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no service %s", name)
	return Service{}
}

// given are files that a repository already has, and what they become.
var given = []struct{ name, service, existing string }{
	{"new", "travis", ""},
	{"new", "github", ""},
	{"new", "gitlab", ""},
	{"beside-others", "travis", `language: node_js
node_js: "20"
# ours
jobs:
  include:
    - stage: test
      script: npm test   # all of them

    # the docs
    - stage: docs
      script:
        - npm run docs

notifications: { email: false }
`},
	{"matrix-at-the-top", "travis", "matrix:\n  include:\n  - script: make"},
	{"jobs-without-include", "travis", "jobs:\n  fast_finish: true\nos: linux\n"},
	{"no-jobs", "travis", "language: node_js\nscript: npm test\n"},
	{"elsewhere", "travis", ""},
	{"elsewhere", "github", ""},
	{"elsewhere", "gitlab", ""},
	{"own-stages", "gitlab", `stages: [lint, ship]
lint:
  stage: lint
  script: [make lint]   # keep this
`},
}

func TestGoldens(t *testing.T) {
	for _, g := range given {
		t.Run(g.service+"/"+g.name, func(t *testing.T) {
			s := service(t, g.service)
			got, notes, err := s.Write(stackOf(t, g.name), []byte(g.existing), options())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "golden", g.service+"-"+g.name+".yml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
			if joined := strings.Join(notes, "\n"); !strings.Contains(joined, "INFURA_API_KEY") || !strings.Contains(joined, "local is on the engine") {
				t.Errorf("the notes do not say what is needed: %s", joined)
			}
			if joined := strings.Join(notes, "\n"); strings.Contains(joined, "DOCKER_PASSWORD") != (g.name == "elsewhere") {
				t.Errorf("whether a registry's login is needed: %s", joined)
			}
			again, _, err := s.Write(stackOf(t, g.name), got, options())
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("the second time it changes something: %v\n%s", err, cmp.Diff(string(got), string(again)))
			}
			for l := range strings.Lines(g.existing) {
				if !strings.Contains(string(got), strings.TrimRight(l, "\n")) {
					t.Errorf("the line %q is gone", l)
				}
			}
		})
	}
}

// without is a file without what is ours.
func without(t *testing.T, text []byte) string {
	t.Helper()
	for {
		b, err := blocks(text, "f")
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			return string(text)
		}
		text = replace(text, b[0], nil)
	}
}

// Another environment, another version: only what is ours changes.
func TestRewritingKeepsWhatIsNotOurs(t *testing.T) {
	for _, s := range Services {
		first, _, err := s.Write(stack(t, demo), nil, options())
		if err != nil {
			t.Fatal(err)
		}
		theirs := bytes.ReplaceAll(first, []byte("# slipway ci: begin"), []byte("# a comment of theirs\n# slipway ci: begin"))
		theirs = append(theirs, "\n# the last line is theirs\n"...)
		o := options()
		o.Version = "v1.5.0"
		second, _, err := s.Write(stack(t, strings.ReplaceAll(demo, "release/live", "release/main")), theirs, o)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(second, []byte("v1.4.0")) || bytes.Contains(second, []byte("release/live")) || !bytes.Contains(second, []byte("release/main")) {
			t.Errorf("%s: not written anew:\n%s", s.Name, second)
		}
		if diff := cmp.Diff(without(t, theirs), without(t, second)); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, service, file, existing, version, want string }{
		{"engine alone", "github", "app: web\nservice: { port: 80 }\nenvironments: { local: { host: a.example.test } }\n", "", "v1.4.0", "no environment is on: aws"},
		{"not a release", "travis", demo, "", "(devel)", "is no release"},
		{"their workflow", "github", demo, "name: mine\n", "v1.4.0", "was not written by slipway"},
		{"half a block", "travis", demo, "jobs:\n  include:\n    # slipway ci: begin\n    - script: x\n", "v1.4.0", "without its pair"},
		{"flow style", "travis", demo, "jobs: { include: [{ script: make }] }\n", "v1.4.0", ".travis.yml:1: include is no list"},
		{"no yaml", "gitlab", demo, "stages: [\n", "v1.4.0", ".gitlab-ci.yml is no YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			o.Version = c.version
			_, _, err := service(t, c.service).Write(stack(t, c.file), []byte(c.existing), o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// An image that is built once and promoted is built once for each registry.
func TestAnImagePerReleaseIsBuiltOnce(t *testing.T) {
	text := strings.ReplaceAll(demo, `image: { args: { WT_CONFIG: "{env}" } }`, "image: { per: release }")
	got, _, err := service(t, "github").Write(stack(t, text), nil, options())
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(got, []byte("slipway build")); n != 1 {
		t.Errorf("%d builds:\n%s", n, got)
	}
}

// The services' own published schemas accept every golden, and refuse one that
// is broken.
func TestGoldensByTheServicesSchemas(t *testing.T) {
	if err := exec.Command("python3", "-c", "import jsonschema").Run(); err != nil {
		t.Skip("SKIP: python3 with jsonschema is not installed")
	}
	type document struct {
		Name, Schema string
		Data         any
		Good         bool
	}
	var all []document
	for _, g := range given {
		text, err := os.ReadFile(filepath.Join("testdata", "golden", g.service+"-"+g.name+".yml"))
		if err != nil {
			t.Fatal(err)
		}
		schema := map[string]string{"travis": "travis.json", "github": "github-workflow.json", "gitlab": "gitlab-ci.json"}[g.service]
		all = append(all, document{g.service + "/" + g.name, schema, data(t, text), true})
	}
	for schema, text := range map[string]string{
		"travis.json":          "jobs: { include: [{ script: 5, os: plan9 }] }",
		"github-workflow.json": "on: push\njobs: { a: { runs-on: x, steps: [{ use: actions/checkout@v5 }] } }",
		"gitlab-ci.json":       "a: { script: [make], resource_groups: x, id_tokens: { T: { audience: y } } }",
	} {
		all = append(all, document{"broken for " + schema, schema, data(t, []byte(text)), false})
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	python := exec.Command("python3", "-c", `
import json, sys, jsonschema
for d in json.load(sys.stdin):
    schema = json.load(open("testdata/schemas/" + d["Schema"]))
    errors = [e.message[:300] for e in jsonschema.validators.validator_for(schema)(schema).iter_errors(d["Data"])]
    if bool(errors) == d["Good"]:
        print(d["Name"], errors)
`)
	python.Stdin = bytes.NewReader(in)
	if out, err := python.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

func data(t *testing.T, text []byte) any {
	t.Helper()
	text, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Whatever stands in a file, what is not ours is there afterwards.
func FuzzWrite(f *testing.F) {
	for _, g := range given {
		f.Add(g.service, g.existing)
	}
	f.Add("travis", "jobs:\n  include:\n    -\n# slipway ci: end\n")
	f.Fuzz(func(t *testing.T, name, existing string) {
		for _, s := range Services {
			if s.Name != name {
				continue
			}
			got, _, err := s.Write(stack(t, demo), []byte(existing), options())
			if err != nil {
				return
			}
			for l := range strings.Lines(without(t, []byte(existing))) {
				if !bytes.Contains(got, []byte(strings.TrimRight(l, "\n"))) {
					t.Errorf("the line %q is gone from\n%s", l, got)
				}
			}
		}
	})
}
