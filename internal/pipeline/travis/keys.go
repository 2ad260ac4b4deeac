package travis

import (
	"slices"
	"strings"
)

// only says of keys that matter on Travis's machines alone why they do nothing here.
var only = map[string]string{
	"sudo":           "sudo is Travis's machines': commands run as you",
	"dist":           "dist is Travis's machines': jobs run on this machine's system",
	"group":          "group is Travis's machines'",
	"cache":          "nothing is cached between runs",
	"before_cache":   "nothing is cached between runs, so before_cache does not run",
	"notifications":  "nobody is notified",
	"version":        "version is for Travis's validation",
	"virt":           "virt is Travis's machines'",
	"vm":             "vm is Travis's machines'",
	"filter_secrets": "values given with --env are taken out of the output",
}

// refused says of keys why they are not served.
var refused = map[string]string{
	"addons":     "addons install packages on Travis's machines; install them on this one, or in a Dockerfile",
	"import":     "import fetches other files from Travis; write their keys here",
	"osx_image":  "jobs run on this machine's Linux",
	"workspaces": "workspaces share files between jobs through Travis",
	"arch":       "jobs run on this machine's architecture",
	"perforce":   "only git repositories are served",
}

// versions are keys that ask for a version of a language's tools, and expand into
// a job for each where they are lists.
var versions = []string{"node_js", "python", "rvm", "ruby", "go", "php", "jdk", "compiler", "gemfile", "scala", "ghc", "julia", "perl", "rust", "elixir", "otp_release",
	"dart", "haxe", "lein", "mono", "dotnet", "r", "d", "crystal", "hhvm", "smalltalk", "swift", "xcode_scheme", "xcode_sdk", "nix", "env_matrix"}

// everywhere are keys of the file and of jobs alike that are served.
var everywhere = []string{"language", "os", "services", "env", "if", "stage"}

// keys judges each key of the file or of a job.
func (b *builder) keys(n *node, root bool) {
	for _, e := range n.entries {
		why, not := refused[e.key]
		switch {
		case strings.HasPrefix(e.key, "_") || strings.HasPrefix(e.key, "."):
			// private: a place for anchors
		case e.value.kind == null:
		case e.key == "arch" && (e.value.said() == "amd64" || e.value.said() == "x86_64"):
		case not:
			b.add(e.at, "%s is not served by ci run: %s", e.key, why)
		case only[e.key] != "":
			b.note(e.at, only[e.key])
		case e.key == "language":
			b.scalar(e)
		case e.key == "os":
			b.os(e)
		case e.key == "services":
			b.services(e)
		case e.key == "conditions":
			if e.value.said() != "v1" {
				b.add(e.at, "conditions %s is not served by ci run: v1 is", e.value.said())
			}
		case slices.Contains(versions, e.key):
			b.version(e)
		case slices.Contains(everywhere, e.key) || slices.Contains(commandPhases, Phase(e.key)) || e.key == string(DeployPhase):
		case root && slices.Contains([]string{"jobs", "matrix", "stages", "branches", "git"}, e.key):
		case !root && e.key == "name":
		case !root && e.key == "git":
			b.add(e.at, "git of a job is not served by ci run: it stands at the top of the file, for all jobs")
		default:
			b.add(e.at, "%s is no key that ci run knows", e.key)
		}
	}
	if root && n.get("jobs") != nil && n.get("matrix") != nil {
		b.add(n.get("matrix").at, "jobs and matrix are two names of the same key: have one")
	}
}

func (b *builder) scalar(e entry) {
	if e.value.kind != scalar {
		b.add(e.at, "%s has to be one value", e.key)
	}
}

func (b *builder) os(e entry) {
	for _, v := range e.value.each() {
		if v.said() != "linux" {
			b.add(v.at, "os %s is not served by ci run: jobs run on this machine's Linux", v.said())
		}
	}
}

func (b *builder) services(e entry) {
	for _, v := range e.value.each() {
		if v.said() != "docker" {
			b.add(v.at, "the service %s is not served by ci run: docker is", v.said())
		}
	}
}

func (b *builder) version(e entry) {
	switch all := e.value.each(); {
	case e.value.kind == dict || len(all) > 0 && all[0].kind == dict:
		b.add(e.at, "%s has to be a version", e.key)
	case len(all) > 1:
		b.add(e.at, "%s with %d versions expands into as many jobs, which ci run does not serve: have one version, or jobs.include", e.key, len(all))
	case len(all) == 1:
		b.note(e.at, e.key+" "+all[0].said()+" is not installed: jobs run with what this machine has")
	}
}

// git reads the clone's settings.
func (b *builder) git(n *node) {
	if n == nil {
		return
	}
	for _, e := range n.entries {
		switch e.key {
		case "depth":
			b.depth(e)
		case "submodules":
			b.file.modules = e.value.said() != "false"
		case "quiet", "submodules_depth":
		case "lfs_skip_smudge", "strategy", "autocrlf", "symlinks":
			b.note(e.at, "git."+e.key+" does nothing here")
		default:
			b.add(e.at, "git.%s is not served by ci run", e.key)
		}
	}
}

func (b *builder) depth(e entry) {
	if e.value.said() == "false" {
		b.file.depth = 0
		return
	}
	n := 0
	for _, c := range e.value.said() {
		if c < '0' || c > '9' || n > 1_000_000 {
			n = -1
			break
		}
		n = 10*n + int(c-'0')
	}
	if n < 1 {
		b.add(e.at, "git.depth is a number of commits, or false for all")
		return
	}
	b.file.depth = n
}

// deploys reads deploy: by scripts.
func (b *builder) deploys(n *node) []Deploy {
	var list []Deploy
	for _, d := range n.each() {
		if d.kind != dict {
			b.add(d.at, "deploy has to be keys with values: provider, script, on")
			continue
		}
		if provider := d.get("provider"); provider.said() != "script" {
			at := d.at
			if provider != nil {
				at = provider.at
			}
			b.add(at, "the deploy provider %q is not served by ci run: script is", provider.said())
			continue
		}
		list = append(list, b.deploy(d))
	}
	return list
}

func (b *builder) deploy(d *node) Deploy {
	out := Deploy{At: d.at}
	for _, e := range d.entries {
		switch e.key {
		case "provider", "edge":
		case "script":
			lines, _ := b.commands(e.value)
			var texts []string
			for _, l := range lines {
				texts = append(texts, l.Text)
			}
			out.Script = Command{strings.Join(texts, " && "), e.value.at}
		case "skip_cleanup", "cleanup":
			b.note(e.at, "the working directory is not cleaned before a deploy")
		case "allow_failure":
			out.AllowFailure = e.value.said() == "true"
		case "on":
			out.On = b.on(e.value)
		default:
			b.add(e.at, "deploy.%s is not served by ci run", e.key)
		}
	}
	if out.Script.Text == "" {
		b.add(d.at, "the deploy has no script")
	}
	return out
}

func (b *builder) on(n *node) On {
	var on On
	if n.kind != dict {
		on.Branches = b.names(n)
		return on
	}
	for _, e := range n.entries {
		switch e.key {
		case "branch":
			on.Branches = b.names(e.value)
		case "all_branches":
			on.AllBranches = b.flag(e) == "true"
		case "tags":
			on.Tags = b.flag(e)
		case "repo":
			on.Repo = e.value.said()
		case "condition":
			for _, v := range e.value.each() {
				on.Conditions = append(on.Conditions, v.said())
			}
		default:
			b.add(e.at, "deploy.on.%s is not served by ci run", e.key)
		}
	}
	return on
}

// names are a name, or a list of them.
func (b *builder) names(n *node) (list []string) {
	for _, v := range n.each() {
		if v.kind != scalar {
			b.add(v.at, "a branch's name has to be text")
		}
		list = append(list, v.said())
	}
	return list
}

func (b *builder) flag(e entry) string {
	if v := e.value.said(); v != "true" && v != "false" {
		b.add(e.at, "%s is true or false", e.key)
	}
	return e.value.said()
}

// allowFailures marks the jobs that all keys of an entry match.
func (b *builder) allowFailures(n *node) {
	for _, entry := range n.each() {
		if entry.kind != dict {
			b.add(entry.at, "an entry of allow_failures has to be keys with values")
			continue
		}
		for i := range b.file.Jobs {
			if b.allowed(&b.file.Jobs[i], entry) {
				b.file.Jobs[i].AllowFailure = true
			}
		}
	}
}

func (b *builder) allowed(j *Job, entry *node) bool {
	all := len(entry.entries) > 0
	for _, e := range entry.entries {
		var have string
		switch {
		case e.key == "name":
			have = j.Name
		case e.key == "stage":
			all = all && stageName(e.value.said()) == j.Stage
			continue
		case e.key == "env":
			have = j.env
		case e.key == "language":
			have = j.Language
		case e.key == "os":
			have = "linux"
		case slices.Contains(versions, e.key):
			have = j.Versions[e.key]
		default:
			b.add(e.at, "allow_failures can go by name, stage, env and language; %s is not served by ci run", e.key)
		}
		all = all && have == e.value.said()
	}
	return all
}
