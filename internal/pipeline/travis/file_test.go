package travis

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown is a selection in a few lines: stage, number and name, variables, phases.
func shown(s *Selection) string {
	var b strings.Builder
	if s.Empty != "" {
		fmt.Fprintf(&b, "empty: %s\n", s.Empty)
	}
	for _, st := range s.Stages {
		for _, j := range st.Jobs {
			fmt.Fprintf(&b, "%s %s %s", j.Number, st.Name, j.Name)
			for _, v := range slices.Concat(j.Global, j.Own) {
				fmt.Fprintf(&b, " %s=%s", v.Name, v.Raw)
			}
			if j.AllowFailure {
				b.WriteString(" (may fail)")
			}
			b.WriteString("\n")
			for _, p := range commandPhases {
				if lines, _ := j.Commands(p); len(lines) > 0 {
					fmt.Fprintf(&b, "  %s:", p)
					for _, l := range lines {
						fmt.Fprintf(&b, " %s |", strings.ReplaceAll(l.Text, "\n", "⏎"))
					}
					b.WriteString("\n")
				}
			}
			for _, d := range j.Deploys {
				fmt.Fprintf(&b, "  deploy: %s\n", d.Script.Text)
			}
		}
	}
	for _, k := range s.Skipped {
		fmt.Fprintf(&b, "skipped %s: %s\n", k.What, k.Why)
	}
	return b.String()
}

var (
	tagBuild    = Build{Branch: "v1.0.0", Tag: "v1.0.0", Repo: "owner/name", Has: func(p string) bool { return p == "package.json" }}
	branchBuild = Build{Branch: "release/playground", Repo: "owner/name", Has: func(string) bool { return false }}
	masterBuild = Build{Branch: "master", Repo: "owner/name"}
)

func TestWhatABuildRuns(t *testing.T) {
	for _, c := range []struct {
		name, file string
		build      Build
		want       string
	}{
		{"a stage's name goes on to the jobs after it, and begins with a capital", `
language: generic
install: skip
jobs:
  include:
    - script: ./test 1
    - script: ./test 2
    - stage: deploy
      script: ./deploy target-1
    - script: ./deploy target-2
`, masterBuild, "1.1 Test \n  script: ./test 1 |\n1.2 Test \n  script: ./test 2 |\n1.3 Deploy \n  script: ./deploy target-1 |\n1.4 Deploy \n  script: ./deploy target-2 |\n"},
		{"stages: orders stages, and the others come after", `
install: skip
stages: [compile, {name: deploy, if: tag IS present}, test]
jobs:
  include:
    - {stage: extra, script: e}
    - {stage: test, script: t}
    - {stage: deploy, script: d}
    - {stage: Compile, script: c}
`, masterBuild, "1.1 Compile \n  script: c |\n1.2 Test \n  script: t |\n1.3 Extra \n  script: e |\nskipped stage Deploy: if: tag IS present does not hold\n"},
		{"jobs inherit what they do not have", `
language: bash
env:
  global: [A=1, "B=\"two words\""]
before_install: [one, two]
script: all
matrix:
  include:
    - {name: first, env: C=$A/x D=4}
    - {name: second, script: own, before_install: skip, after_script: x}
`, masterBuild, "1.1 Test first A=1 B=\"two words\" C=$A/x D=4\n  before_install: one | two |\n  script: all |\n1.2 Test second A=1 B=\"two words\"\n  script: own |\n  after_script: x |\n"},
		{"env's list is a matrix", `
install: true
script: run
env: [A=1, A=2 B=3]
`, masterBuild, "1.1 Test  A=1\n  install: true |\n  script: run |\n1.2 Test  A=2 B=3\n  install: true |\n  script: run |\n"},
		{"one element and jobs.include is no matrix, and is inherited", `
install: skip
env: [A=1]
script: run
jobs: {include: [{name: x}, {name: y, env: B=2}]}
`, masterBuild, "1.1 Test x A=1\n  script: run |\n1.2 Test y B=2\n  script: run |\n"},
		{"env as keys and values", `
install: skip
script: run
env:
  global: {A: 1, B: two words, C: $A, S: {secure: abc}}
  jobs: [{D: x}, {secure: abc}]
`, masterBuild, "1.1 Test  A=1 B='two words' C=$A D=x\n  script: run |\n"},
		{"anchors and merge keys", `
_shared: &shared
  install: skip
  script: &lines [a, b]
jobs:
  include:
    - {<<: *shared, name: one}
    - <<: *shared
      name: two
      script: [*lines, c]
    - {<<: *shared, name: one}
`, masterBuild, "1.1 Test one\n  script: a | b |\n1.2 Test two\n  script: a | b | c |\n"},
		{"lines with breaks are one command", "install: skip\nscript:\n  - |\n    if true; then\n      echo x\n    fi\n  - a\n    b\n", masterBuild, "1.1 Test \n  script: if true; then⏎  echo x⏎fi | a b |\n"},
		{"the build's own condition", "if: branch != master\ninstall: skip\nscript: x\n", masterBuild, "empty: if: branch != master does not hold\n"},
		{"conditions see env and the repository's settings", `
install: skip
script: x
env: {global: [A=1]}
jobs:
  include:
    - {name: one, if: env(A) = 1}
    - {name: two, env: B=2, if: env(B) = 2 AND env(SETTING) = on}
    - {name: three, if: env(A) IS blank}
`, Build{Branch: "master", Settings: map[string]string{"SETTING": "on"}}, "1.1 Test one A=1\n  script: x |\n1.2 Test two A=1 B=2\n  script: x |\nskipped job Test: three: if: env(A) IS blank does not hold\n"},
		{"allow_failures matches all of an entry", `
install: skip
script: x
jobs:
  include: [{name: one, env: A=1}, {name: two, env: A=1}]
  allow_failures: [{name: two, env: A=1}, {name: one, env: A=2}]
`, masterBuild, "1.1 Test one A=1\n  script: x |\n1.2 Test two A=1 (may fail)\n  script: x |\n"},
		{"branches.only", "branches: {only: [main, '/^v\\d/']}\ninstall: skip\nscript: x\n", tagBuild, "1.1 Test \n  script: x |\n"},
		{"branches.only without the tag", "branches: {only: [main]}\ninstall: skip\nscript: x\n", tagBuild, "empty: branches.only does not have v1.0.0 (a tag counts as a branch)\n"},
		{"branches.except", "branches: {except: [/^MAS/i]}\ninstall: skip\nscript: x\n", masterBuild, "empty: branches.except has master\n"},
		{"node_js has defaults", "language: node_js\nnode_js: 10\n", tagBuild, "1.1 Test \n  install: npm install |\n  script: npm test |\n"},
		{"node_js without package.json", "language: node_js\n", branchBuild, "1.1 Test \n  script: make test |\n"},
		{"without a language and without a Gemfile nothing is installed", "script: x\n", branchBuild, "1.1 Test \n  script: x |\n"},
		{"deploys are for master unless they say more", `
install: skip
script: skip
deploy:
  - {provider: script, script: a}
  - {provider: script, script: b, on: {branch: [master, other]}}
  - {provider: script, script: c, on: {tags: true}}
  - {provider: script, script: d, on: {all_branches: true, repo: owner/name}}
  - {provider: script, script: e, on: other}
  - {provider: script, script: f, on: {all_branches: true, repo: other/fork}}
`, masterBuild, "1.1 Test \n  deploy: a\n  deploy: b\n  deploy: d\n"},
		{"deploys of a tag", "install: skip\nscript: skip\ndeploy: [{provider: script, script: a}, {provider: script, script: c, on: {tags: true}}, {provider: script, script: d, on: {tags: false, all_branches: true}}]\n", tagBuild, "1.1 Test \n  deploy: c\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Read(Name, []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			s, err := f.Select(c.build)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, shown(s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The seed's own file: which of its stages a tag runs, and which a branch.
func TestTheSeedsStages(t *testing.T) {
	text, err := os.ReadFile("../../initial/testdata/seed/repo/.travis.yml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(Name, text)
	if err != nil {
		t.Fatal(err)
	}
	for stage, b := range map[string]Build{"Build docker image and upload to AWS": tagBuild, "Start service from docker with latest merged tag": branchBuild} {
		s, err := f.Select(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Stages) != 2 || s.Stages[1].Name != stage || len(s.Skipped) != 1 {
			t.Errorf("%s runs:\n%s", b.Branch, shown(s))
		}
	}
}

// What slipway ci write writes can be run here.
func TestWrittenPipelinesAreRead(t *testing.T) {
	files, err := filepath.Glob("../writers/testdata/golden/travis-*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Read(file, text)
		if err != nil {
			t.Error(err)
			continue
		}
		for line, b := range map[string]Build{`slipway build --tag "$TRAVIS_TAG"`: tagBuild, "slipway deploy playground": branchBuild} {
			if s, err := f.Select(b); err != nil || !strings.Contains(shown(s), line) {
				t.Errorf("%s: %s does not run %s: %v", file, b.Branch, line, err)
			}
		}
	}
}

// What is not served is refused by name, with its place.
func TestWhatIsRefused(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"os: osx\nscript: x\n", "1:5: os osx is not served by ci run"},
		{"os: [linux, windows]\n", "1:13: os windows"},
		{"language: node_js\nnode_js: [8, 10]\n", "2:1: node_js with 2 versions expands"},
		{"addons: {apt: {packages: x}}\n", "1:1: addons is not served"},
		{"import: x.yml\n", "1:1: import is not served"},
		{"services:\n  - docker\n  - redis\n", "3:5: the service redis"},
		{"scrpt: x\n", "1:1: scrpt is no key that ci run knows"},
		{"jobs:\n  include:\n    - oss: x\n", "3:7: oss is no key"},
		{"jobs: {exclude: [{env: A=1}]}\n", "jobs.exclude is not served"},
		{"jobs: {include: [x]}\n", "a job has to be keys with values"},
		{"deploy: {provider: heroku}\n", `1:20: the deploy provider "heroku" is not served by ci run: script is`},
		{"deploy: {provider: script}\n", "the deploy has no script"},
		{"deploy: {provider: script, script: x, on: {node: 8}}\n", "deploy.on.node is not served"},
		{"if: branch =\n", "1:13: if: a value is missing at the end"},
		{"if: tag = $TRAVIS_TAG\n", "1:11: if: $TRAVIS_TAG: conditions are no shell code"},
		{"if: 'tag = $X'\n", "1:5: if: $X: conditions are no shell code; env(X) is a variable's value, and quotes make it text (character 7 of the condition)"},
		{"script:\n  - echo \"a: b\"\n  - echo a: b\n", "3:5: this is no command but a key with a value"},
		{"install: false\n", "1:10: false is a command that fails"},
		{"env: [A=1; rm -rf x]\n", "variables are written NAME=value"},
		{"env: [echo]\n", "variables are written NAME=value"},
		{"env: {global: [[A=1]]}\n", "a list of variables inside a list"},
		{"env: {global: [A=1], all: [B=1]}\n", "env has global and jobs; all is neither"},
		{"conditions: v0\n", "conditions v0"},
		{"script: x\nscript: y\n", "2:1: script is given twice"},
		{"script: *nowhere\n", "no anchor &nowhere"},
		{"script: x\n install: y\n", "1:9: this is not YAML"},
		{"jobs:\n  include:\n  - stage: a\n     install: true\n", "4:6: install is indented by 5 blanks: likely one too many"},
		{"- a\n", "the file has to be keys with values"},
		{"", "the file is empty"},
		{"script: [a\n", "this is not YAML"},
		{"git: {depth: many}\n", "git.depth is a number of commits"},
		{"git: {sparse_checkout: x}\n", "git.sparse_checkout is not served"},
		{"jobs: {include: [{git: {depth: 3}, script: x}]}\n", "git of a job is not served"},
		{"jobs: {include: [{stage: {name: x, if: branch = y}, script: x}]}\n", "a job's stage has to be its name"},
		{"deploy: {provider: script, script: x, on: {tags: v1}}\n", "tags is true or false"},
		{"deploy: {provider: script, script: x, on: {branch: {a: b}}}\n", "a branch's name has to be text"},
		{"name: x\n", "1:1: name is no key"},
		{"branches: {only: ['/(/']}\n", "the regular expression"},
		{"stages: [{name: x, unless: y}]\n", "stages have name and if"},
		{"jobs: {include: []}\nmatrix: {include: []}\n", "two names of the same key"},
	} {
		_, err := Read(Name, []byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), Name+":") {
			t.Errorf("%q: %v, not %q", c.file, err, c.want)
		}
	}
}

// What only a build can tell is refused before it, too.
func TestWhatABuildIsRefused(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"language: python\nscript: x\n", "the job has no install, and the default of language python is not served"},
		{"install: x\n", "the job has no script, and the default of language ruby (Travis's own where the file says none)"},
		{"if: sender = me\nscript: x\n", "sender is not known here"},
	} {
		f, err := Read(Name, []byte(c.file))
		if err != nil {
			t.Fatalf("%q: %v", c.file, err)
		}
		if _, err := f.Select(masterBuild); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, not %q", c.file, err, c.want)
		}
	}
}

// What does nothing here is said, and encrypted values are named.
func TestWhatIsSaid(t *testing.T) {
	f, err := Read(Name, []byte(`sudo: required
dist: xenial
cache: npm
notifications: {email: false}
language: node_js
node_js: "10"
env:
  global:
    - secure: abc
    - TOKEN: {secure: abc}
script: x
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range f.Notes {
		got = append(got, n.At.String()+" "+n.Text)
	}
	want := []string{
		".travis.yml:1:1 sudo is Travis's machines': commands run as you",
		".travis.yml:2:1 dist is Travis's machines': jobs run on this machine's system",
		".travis.yml:3:1 nothing is cached between runs",
		".travis.yml:4:1 nobody is notified",
		".travis.yml:6:1 node_js 10 is not installed: jobs run with what this machine has",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(f.Secure) != 2 || f.Secure[0].Name != "" || f.Secure[1].Name != "TOKEN" || f.Secure[1].At.Line != 10 {
		t.Errorf("encrypted values: %+v", f.Secure)
	}
	if f.Depth() != 50 || !f.Submodules() {
		t.Errorf("depth %d, submodules %v", f.Depth(), f.Submodules())
	}
}

// No file breaks the reader, and one that it accepts can be selected from.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"script: x\n", "jobs:\n  include:\n  - stage: a\n    if: tag IS present\n    script: [a, b]\n", "env: {global: [A=1, {secure: x}], jobs: [B=$A]}\n",
		"_a: &a {script: x}\njobs: {include: [{<<: *a}]}\n", "deploy: {provider: script, script: x, on: {tags: true}}\n", "branches: {only: [/x/]}\n", "a: &a [*a]\n", "jobs: {include: [null, {}]}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Read(Name, text)
		if err != nil {
			return
		}
		file.Select(tagBuild)
		file.Select(masterBuild)
	})
}
