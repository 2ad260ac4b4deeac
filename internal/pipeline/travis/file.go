package travis

import (
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Name is the file's name in a repository.
const Name = ".travis.yml"

// File is a .travis.yml that a run here can follow.
type File struct {
	// If is the whole build's condition, nil when there is none.
	If *Condition
	// Stages has the names and conditions of stages:, in their order.
	Stages []Stage
	// Jobs are all jobs, in the order of the file.
	Jobs []Job
	// Secure are the encrypted values: nobody but Travis can read them.
	Secure []Secure
	// Notes is what is accepted and does nothing here.
	Notes []Note

	branches filter
	depth    int // of the clone, 0 for all
	modules  bool
	source   *problems
}

// Depth is how many commits the clone has: 50 as on Travis, 0 for all.
func (f *File) Depth() int { return f.depth }

// Submodules tells whether Travis would fetch them.
func (f *File) Submodules() bool { return f.modules }

// Stage is an entry of stages:.
type Stage struct {
	Name string
	If   *Condition
	at   slipway.Position
}

// Secure is an encrypted value. Its name is inside of it, unless the file has it
// as a key.
type Secure struct {
	At   slipway.Position
	Name string
}

// Note is something that the file asks for and that does nothing here.
type Note struct {
	At   slipway.Position
	Text string
}

// Job is a job with all that it inherits.
type Job struct {
	Stage, Name string
	At          slipway.Position
	If          *Condition
	Language    string
	// Global and Own are variables in the order in which they are exported.
	Global, Own  []Variable
	AllowFailure bool
	Deploys      []Deploy
	// Versions are the language versions that it asks for, by key.
	Versions map[string]string

	phases map[Phase][]Command
	raw    map[string]string // attributes of conditions: sudo, dist, group
	env    string            // its env as text, for allow_failures
}

// Commands are the lines of a phase; given is false where the file leaves it out.
func (j *Job) Commands(p Phase) (lines []Command, given bool) {
	lines, given = j.phases[p]
	return lines, given
}

// Variable is NAME=raw, where raw is a word of the shell.
type Variable struct {
	Name, Raw string
	At        slipway.Position
}

// Command is a line of a phase.
type Command struct {
	Text string
	At   slipway.Position
}

// Deploy is a deploy by a script.
type Deploy struct {
	At           slipway.Position
	Script       Command
	AllowFailure bool
	On           On
}

// On is when a deploy runs.
type On struct {
	Branches    []string
	AllBranches bool
	// Tags is "true", "false" or "" when it doesn't matter.
	Tags       string
	Repo       string
	Conditions []string
}

// Phase is a part of a job.
type Phase string

// The phases, in their order.
const (
	BeforeInstall Phase = "before_install"
	Install       Phase = "install"
	BeforeScript  Phase = "before_script"
	Script        Phase = "script"
	AfterSuccess  Phase = "after_success"
	AfterFailure  Phase = "after_failure"
	BeforeDeploy  Phase = "before_deploy"
	DeployPhase   Phase = "deploy"
	AfterDeploy   Phase = "after_deploy"
	AfterScript   Phase = "after_script"
)

var commandPhases = []Phase{BeforeInstall, Install, BeforeScript, Script, AfterSuccess, AfterFailure, BeforeDeploy, AfterDeploy, AfterScript}

// Read reads a .travis.yml; name is how the file is called in messages. The error
// is a config.Errors: everything that is wrong or not served here.
func Read(name string, source []byte) (*File, error) {
	p := &problems{file: name, source: source}
	root := parse(p, source)
	if root == nil {
		return nil, p.err()
	}
	if root.kind != dict {
		p.add(root.at, "the file has to be keys with values")
		return nil, p.err()
	}
	f := &File{depth: 50, modules: true, source: p}
	b := &builder{problems: p, file: f}
	b.root(root)
	if err := p.err(); err != nil {
		return nil, err
	}
	return f, nil
}

// builder makes a File of a tree.
type builder struct {
	*problems
	file   *File
	global []Variable
	rows   []row // of the matrix that env makes
}

// row is one entry of env's matrix.
type row struct {
	vars []Variable
	text string
	at   slipway.Position
}

func (b *builder) note(at slipway.Position, text string) {
	for _, n := range b.file.Notes {
		if n.At == at {
			return
		}
	}
	b.file.Notes = append(b.file.Notes, Note{at, text})
}

func (b *builder) root(root *node) {
	b.keys(root, true)
	b.file.If = b.condition(root.get("if"))
	b.file.Stages = b.stages(root.get("stages"))
	b.file.branches = b.filter(root.get("branches"))
	b.git(root.get("git"))
	b.rootEnv(root.get("env"))
	jobs := root.get("jobs")
	if jobs == nil {
		jobs = root.get("matrix")
	}
	included := b.include(jobs)
	if len(included) == 0 || len(b.rows) > 1 {
		b.expand(root, len(included) > 0)
	}
	stage := ""
	if len(b.file.Jobs) > 0 {
		stage = b.file.Jobs[len(b.file.Jobs)-1].Stage
	}
	for _, n := range included {
		j := b.job(root, n)
		if j.Stage == "" {
			j.Stage = stage
		}
		if j.Stage == "" {
			j.Stage = defaultStage
		}
		stage = j.Stage
		if !duplicate(b.file.Jobs, j) {
			b.file.Jobs = append(b.file.Jobs, j)
		}
	}
	b.allowFailures(jobs.get("allow_failures"))
}

const defaultStage = "Test"

// include is the entries of jobs.include; null entries stand for {}.
func (b *builder) include(jobs *node) []*node {
	if jobs == nil {
		return nil
	}
	var list []*node
	entries := jobs
	if jobs.kind == dict {
		for _, e := range jobs.entries {
			switch e.key {
			case "include":
			case "allow_failures":
			case "fast_finish":
				b.note(e.at, "jobs.fast_finish does nothing here: jobs run one after another")
			default:
				b.add(e.at, "jobs.%s is not served by ci run", e.key)
			}
		}
		entries = jobs.get("include")
	}
	for _, n := range entries.each() {
		switch n.kind {
		case dict:
			b.keys(n, false)
		case null:
			n = &node{kind: dict, at: n.at}
		default:
			b.add(n.at, "a job has to be keys with values")
			continue
		}
		list = append(list, n)
	}
	return list
}

// expand makes the jobs of env's matrix: one for each row, one at least.
func (b *builder) expand(root *node, included bool) {
	rows := b.rows
	if len(rows) == 0 {
		rows = []row{{at: root.at}}
	}
	for _, r := range rows {
		j := b.job(root, &node{kind: dict, at: r.at})
		j.Own, j.env, j.Stage = r.vars, r.text, defaultStage
		if s := root.get("stage"); s != nil {
			j.Stage = stageName(s.text)
		}
		j.If = nil // the build's own
		b.file.Jobs = append(b.file.Jobs, j)
	}
}

// inherited is a job's value of a key, or else the file's.
func inherited(root, job *node, key string) *node {
	for _, e := range job.entries {
		if e.key == key {
			return job.get(key)
		}
	}
	return root.get(key)
}

func (b *builder) job(root, n *node) Job {
	j := Job{At: n.at, Name: n.get("name").said(), If: b.condition(n.get("if")), Global: b.global,
		Language: inherited(root, n, "language").said(), Versions: map[string]string{}, phases: map[Phase][]Command{}, raw: map[string]string{}}
	if s := n.get("stage"); s != nil {
		if s.kind != scalar {
			b.add(s.at, "a job's stage has to be its name; the stage's if goes below stages:")
		}
		j.Stage = stageName(s.said())
	}
	for _, key := range []string{"sudo", "dist", "group"} {
		if v := inherited(root, n, key); v != nil {
			j.raw[key] = v.said()
		}
	}
	for _, key := range versions {
		if v := inherited(root, n, key); len(v.each()) > 0 {
			j.Versions[key] = v.each()[0].said()
		}
	}
	for _, p := range commandPhases {
		if lines, given := b.commands(inherited(root, n, string(p))); given {
			j.phases[p] = lines
		}
	}
	j.Deploys = b.deploys(inherited(root, n, "deploy"))
	if env := n.get("env"); env != nil {
		j.Own, j.env = b.jobEnv(env)
	} else if len(b.rows) > 0 {
		j.Own, j.env = b.rows[0].vars, b.rows[0].text
	}
	return j
}

// duplicate tells whether the very same job is there already: Travis drops it.
func duplicate(jobs []Job, j Job) bool {
	for _, k := range jobs {
		if same(k, j) {
			return true
		}
	}
	return false
}
