// Package initial writes the first slipway.yaml of a repository from what the
// repository shows: its Dockerfile, package.json, .travis.yml and deploy script.
// The script is followed, with every command only written down, so that the file
// deploys the same thing under the same names. What can't be carried over is
// said, with its line. It reads the repository and nothing else; slipway init
// calls it.
package initial

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Options are what a person knows and the repository may not show.
type Options struct {
	// On is where the environments run: "engine" (the default) or "aws".
	On string
	// Account is the AWS account, Host the host of the only environment.
	Account, Host string
	// SSM moves plain secrets to SSM parameters.
	SSM bool
}

// Result is what was read, and the file.
type Result struct {
	// Read are the files, each with what it showed.
	Read []string
	// Wrote says in a line what the file deploys.
	Wrote string
	// Notes are what was not carried over and what should be looked at.
	Notes []string
	// Next are the commands to run next.
	Next []string
	// File is the slipway.yaml.
	File []byte
}

// repository is what is known about it while it is read.
type repository struct {
	dir         string
	options     Options
	packageName string
	aliases     map[string]alias
	used        map[string]bool
	sources     map[string]*source
	dockerfile  dockerfile
	hasDocker   bool
	pipeline
	runs []*run
	read []string
}

var environmentName = lazyregexp.New(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Read reads the repository in dir.
func Read(dir string, o Options) (*Result, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	r := &repository{dir: dir, options: o, aliases: map[string]alias{}, used: map[string]bool{}, sources: map[string]*source{}}
	r.options.On = cmp.Or(o.On, "engine")
	if r.options.On != "engine" && r.options.On != "aws" {
		return nil, fmt.Errorf("--on takes engine or aws, not %q", o.On)
	}
	r.files()
	r.scripts()
	f := r.assemble()
	if err := f.complete(); err != nil {
		return nil, err
	}
	result := f.result()
	if _, err := config.Parse(config.Name, result.File, os.LookupEnv); err != nil {
		return nil, fmt.Errorf("what was read makes no right file; write it by hand, starting from:\n%s\n%w", result.File, err)
	}
	return result, nil
}

// source is a file of the repository, or nil.
func (r *repository) source(name string) *source {
	if name == "" {
		return nil
	}
	if s, ok := r.sources[name]; ok {
		return s
	}
	text, err := readIn(r.dir, name)
	if err != nil {
		return nil
	}
	r.sources[name] = &source{name, string(text)}
	return r.sources[name]
}

// files reads what describes the application and its pipeline.
func (r *repository) files() {
	if f := r.source("Dockerfile"); f != nil {
		r.hasDocker = true
		r.dockerfile = readDockerfile(f.text)
		r.reading(f.name, func() []string {
			var shown []string
			if p := r.dockerfile.port; p != 0 {
				shown = append(shown, fmt.Sprintf("EXPOSE %d", p))
			}
			if r.dockerfile.health != "" {
				shown = append(shown, "HEALTHCHECK "+r.dockerfile.health)
			}
			return shown
		})
	}
	if f := r.source("package.json"); f != nil {
		r.npm(f)
	}
	if f := r.source(".travis.yml"); f != nil && r.travis(f) {
		r.reading(f.name, func() []string {
			var shown []string
			if len(r.builds) > 0 {
				shown = append(shown, "tag → build")
			}
			for _, i := range r.invocations {
				if i.branch != "" && !slices.Contains(shown, i.branch+" → deploy") {
					shown = append(shown, i.branch+" → deploy")
				}
			}
			return shown
		})
	}
	if f := r.source("package.json"); f != nil {
		before := len(r.invocations)
		r.unusedAliases(f)
		if len(r.invocations) > before || len(r.used) > 0 {
			r.reading(f.name, func() []string { return nil })
		}
	}
}

func (r *repository) reading(name string, shown func() []string) {
	if s := shown(); len(s) > 0 {
		name += " (" + strings.Join(s, ", ") + ")"
	}
	r.read = append(r.read, name)
}

// places are where deploy scripts are kept that nothing starts.
var places = []string{"management", "scripts", "bin", "deploy", "ci", ".ci", "tools", "."}

// scripts follows each deploy script once for each environment.
func (r *repository) scripts() {
	if !slices.ContainsFunc(r.invocations, func(i *invocation) bool { return deploysToECS(r.source(i.script)) }) {
		r.unstarted()
	}
	var order []string
	chosen := map[string]*invocation{}
	for _, i := range r.invocations {
		if !deploysToECS(r.source(i.script)) {
			r.notECS(i)
			continue
		}
		env := i.environment()
		if env == "" {
			r.notes = append(r.notes, note{i.file, i.line, i.script + " is started for an environment that can't be told; it is called playground here"})
			env = "playground"
		}
		if chosen[env] == nil {
			order = append(order, env)
		}
		if chosen[env] == nil || chosen[env].branch == "" {
			chosen[env] = i
		}
	}
	for _, env := range order {
		d := followed(r.dir, r.source(chosen[env].script), chosen[env], env)
		if !slices.Contains(r.read, chosen[env].script) {
			r.read = append(r.read, chosen[env].script)
		}
		if len(d.tasks) > 0 {
			r.runs = append(r.runs, d)
			continue
		}
		r.notes = append(r.notes, d.notes...)
		r.notes = append(r.notes, note{chosen[env].script, 0, "it was followed for " + env + " and told ECS nothing: it is left out"})
	}
}

// notECS notes a script that deploys to something else.
func (r *repository) notECS(i *invocation) {
	s := r.source(i.script)
	calls, err := follow(r.dir, s.name, s.text, i.params, i.vars)
	if err != nil {
		return
	}
	for _, c := range calls {
		r.foreign(c)
	}
}

// unstarted finds a script that deploys, where nothing says how it is started.
func (r *repository) unstarted() {
	for _, place := range places {
		names, err := filepath.Glob(filepath.Join(r.dir, place, "*.sh"))
		if err != nil {
			continue
		}
		for _, name := range names {
			rel, err := filepath.Rel(r.dir, name)
			if s := r.source(rel); err == nil && s != nil && deploysToECS(s) {
				r.notes = append(r.notes, note{rel, 0, "nothing in the repository starts it; it is read as if started with the environment playground"})
				r.invocations = append(r.invocations, &invocation{script: rel, params: []string{"playground"}, file: rel})
				return
			}
		}
	}
}

// Write writes the file into dir; one that is there stays unless force.
func Write(dir string, file []byte, force bool) error {
	path := filepath.Join(dir, config.Name)
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if os.IsExist(err) {
		return fmt.Errorf("%s is there already; to write it anew: slipway init --force", path)
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(file); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
