package initial

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// pipeline is what a repository's CI does for a deploy.
type pipeline struct {
	invocations []*invocation
	builds      []*build
	region      string
	notes       []note
}

// build is a docker build.
type build struct {
	args                        map[string]string
	context, dockerfile, target string
	names                       []string // references that the image gets and that are pushed
	line                        int
}

// conditions of a job: which branches it is for.
var (
	branchIs   = lazyregexp.New(`(?i)\bbranch\s*(?:=|==)\s*"?'?([\w./-]+)`)
	branchIn   = lazyregexp.New(`(?i)\bbranch\s+IN\s*\(([^)]*)\)`)
	branchLike = lazyregexp.New(`(?i)\bbranch\s*=~\s*\S+`)
)

// travis reads the stages of .travis.yml that build for a tag or deploy; false
// when it can't be read.
func (r *repository) travis(file *source) bool {
	root, err := yamlTree(file.text)
	if err != nil {
		root, err = r.dedented(file, err)
	}
	if err != nil {
		n := note{file.name, 0, "it is not valid YAML and was not read: " + firstLine(err)}
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok && syntax.Token != nil {
			n.line, n.text = syntax.Token.Position.Line, "it is not valid YAML and was not read: "+syntax.Message
		}
		r.notes = append(r.notes, n)
		return false
	}
	stages := map[string]string{}
	for _, s := range root.get("stages").each() {
		stages[s.get("name").text] = s.get("if").text
	}
	jobs := append(root.get("jobs").get("include").each(), root.get("matrix").get("include").each()...)
	if len(jobs) == 0 || root.get("deploy").each() != nil {
		jobs = append(jobs, root)
	}
	stage := ""
	for _, j := range jobs {
		if name := j.get("stage").text; name != "" {
			stage = name
		}
		condition := j.get("if").text
		if condition == "" {
			condition = stages[stage]
		}
		r.job(file, root, j, condition)
	}
	return true
}

var oddKey = lazyregexp.New(`(?m)^((?:  )*) ([\w-]+:)`)

// dedented reads a file whose keys are indented by a blank too much here and
// there, as the runbook's own listing is; first is what is wrong with it as it is.
func (r *repository) dedented(file *source, first error) (*tree, error) {
	root, err := yamlTree(oddKey.ReplaceAllString(file.text, "$1$2"))
	if err != nil {
		return nil, first
	}
	for _, at := range oddKey.FindAllStringIndex(file.text, -1) {
		r.notes = append(r.notes, note{file.name, strings.Count(file.text[:at[0]], "\n") + 1, "it is indented by a blank too much, which is not YAML; it was read as if it weren't"})
	}
	return root, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

var phases = []string{"before_install", "install", "before_script", "script", "after_success", "before_deploy", "after_script"}

func (r *repository) job(file *source, root, j *tree, condition string) {
	vars := map[string]string{"TRAVIS_TAG": tagMark, "TRAVIS_BRANCH": tagMark, "TRAVIS_COMMIT": commitMark, "TRAVIS": "true"}
	for _, t := range []*tree{root, j} {
		for _, e := range append(t.get("env").each(), t.get("env").get("global").each()...) {
			assignments(vars, e.text)
		}
	}
	for _, branch := range branches(condition) {
		own := map[string]string{}
		for k, v := range vars {
			own[k] = v
		}
		if branch != "" {
			own["TRAVIS_BRANCH"], own["TRAVIS_TAG"] = branch, ""
		}
		for _, phase := range phases {
			for _, line := range j.get(phase).each() {
				r.command(file, line, own, branch)
			}
		}
		if j == root || condition != "" {
			r.providers(file, j, own, branch)
		}
	}
	if branchLike.MatchString(condition) && len(branches(condition)) == 1 {
		r.notes = append(r.notes, note{file.name, j.get("if").line, "the condition " + condition + " matches branches by a pattern: name each environment's branch by hand"})
	}
}

// branches are those that a condition names; "" alone when it names none.
func branches(condition string) []string {
	if m := branchIn.FindStringSubmatch(condition); m != nil {
		var all []string
		for b := range strings.SplitSeq(m[1], ",") {
			all = append(all, strings.Trim(b, " \"'"))
		}
		return all
	}
	var all []string
	for _, m := range branchIs.FindAllStringSubmatch(condition, -1) {
		all = append(all, m[1])
	}
	if all == nil {
		return []string{""}
	}
	return all
}

// assignments are those of an env line: A=1 B="2". Secure values are maps and
// come here empty.
var assignment = lazyregexp.New(`([A-Za-z_][A-Za-z0-9_]*)=("[^"]*"|'[^']*'|\S*)`)

func assignments(vars map[string]string, line string) {
	for _, m := range assignment.FindAllStringSubmatch(line, -1) {
		vars[m[1]] = strings.Trim(m[2], `"'`)
	}
}

// providers are Travis's own deploys: a script, or something that is not ECS.
func (r *repository) providers(file *source, j *tree, vars map[string]string, branch string) {
	for _, d := range j.get("deploy").each() {
		provider := d.get("provider")
		if provider.text != "script" {
			if provider.text != "" {
				r.notes = append(r.notes, note{file.name, provider.line, "deploys to " + provider.text + ", which is not ECS: it is left out"})
			}
			continue
		}
		on := d.get("on").get("branch").text
		if on == "" {
			on = branch
		}
		own := map[string]string{}
		for k, v := range vars {
			own[k] = v
		}
		if on != "" {
			own["TRAVIS_BRANCH"] = on
		}
		for _, line := range d.get("script").each() {
			r.command(file, line, own, on)
		}
	}
}

// command follows one line of a job.
func (r *repository) command(file *source, line *tree, vars map[string]string, branch string) {
	calls, err := follow(r.dir, file.name, line.text, nil, vars)
	if err != nil {
		return // not ours to judge, unless it deploys: then the script is found another way
	}
	for _, c := range calls {
		c.line = line.line
		r.called(c, branch, 0)
	}
}

// called sorts out what a command of the pipeline means for a deploy.
func (r *repository) called(c call, branch string, depth int) {
	if script, params := scriptOf(c.args); script != "" && r.source(script) != nil {
		r.invocations = append(r.invocations, &invocation{script: script, params: allPlain(params), vars: c.vars, branch: branch, file: c.file, line: c.line})
		return
	}
	if alias := aliasOf(c.args); alias != "" && r.aliases[alias].text != "" && depth < 5 {
		calls, err := follow(r.dir, c.file, r.aliases[alias].text, nil, c.vars)
		if err != nil {
			return
		}
		r.used[alias] = true
		for _, inner := range calls {
			inner.line = c.line
			r.called(inner, branch, depth+1)
		}
		return
	}
	operation, rest := awsCall(c.args)
	if region := flags(rest)["region"]; strings.HasPrefix(operation, "ecr ") && regional.MatchString(region) && r.region == "" {
		r.region = region
	}
	r.docker(c)
	r.foreign(c)
}

func allPlain(params []string) []string {
	out := make([]string, len(params))
	for i, p := range params {
		out[i] = plain(p)
	}
	return out
}

// foreign notes deploys to other places.
func (r *repository) foreign(c call) {
	switch name := c.args[0]; name {
	case "now", "vercel", "gh-pages", "ssh", "rsync", "scp", "supervisorctl", "heroku", "netlify", "firebase":
		r.notes = append(r.notes, note{c.file, c.line, name + " deploys to something that is not ECS: it is left out"})
	}
}

// docker reads build, tag and push.
func (r *repository) docker(c call) {
	args := c.args
	if args[0] != "docker" || len(args) < 3 {
		return
	}
	switch args[1] {
	case "build":
		r.builds = append(r.builds, dockerBuild(args[2:], c.line))
	case "tag":
		for _, b := range r.builds {
			if contains(b.names, args[2]) && len(args) > 3 {
				b.names = append(b.names, args[3])
			}
		}
	case "buildx":
		if args[2] == "build" {
			r.builds = append(r.builds, dockerBuild(args[3:], c.line))
		}
	}
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

func dockerBuild(args []string, line int) *build {
	b := &build{args: map[string]string{}, line: line, context: "."}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			b.context = args[i]
			continue
		}
		if boolean[name] {
			continue
		}
		if !joined && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch name {
		case "--build-arg":
			k, v, _ := strings.Cut(value, "=")
			b.args[k] = v
		case "-t", "--tag":
			b.names = append(b.names, value)
		case "-f", "--file":
			b.dockerfile = value
		case "--target":
			b.target = value
		}
	}
	return b
}

var boolean = map[string]bool{"--no-cache": true, "--pull": true, "-q": true, "--quiet": true, "--rm": true, "--squash": true, "--push": true, "--load": true, "--compress": true, "--force-rm": true}
