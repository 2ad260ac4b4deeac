package travis

import (
	"maps"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Build is what is built.
type Build struct {
	// Branch is the branch's name; in the build of a tag it is the tag's.
	Branch, Tag, Commit, Message string
	// Repo is owner/name.
	Repo string
	// Settings are the variables that Travis would have from the repository's settings.
	Settings map[string]string
	// Has tells whether the commit has a file.
	Has func(path string) bool
}

// Selection is what a build runs.
type Selection struct {
	Stages []SelectedStage
	// Skipped are the stages and jobs whose conditions do not hold.
	Skipped []Skipped
	// Empty says why nothing runs at all, where the whole build is left out.
	Empty string
}

// Jobs is how many jobs there are to run.
func (s *Selection) Jobs() (n int) {
	for _, st := range s.Stages {
		n += len(st.Jobs)
	}
	return n
}

// SelectedStage is a stage with the jobs of it that run.
type SelectedStage struct {
	Name string
	Jobs []SelectedJob
}

// SelectedJob is a job that runs, its defaults filled in.
type SelectedJob struct {
	Job
	// Number is "1.1", "1.2" …
	Number string
	// Deploys are those that the build's branch and tag are for; their conditions in
	// shell are still to be asked.
	Deploys []Deploy
	// Defaults are phases that the language gives, not the file.
	Defaults []Phase
}

// Skipped is a stage or a job that does not run.
type Skipped struct {
	At        slipway.Position
	What, Why string
}

// Select gives the stages and jobs that a build runs, in their order. The error is
// a config.Errors: what can't be decided or isn't served.
func (f *File) Select(build Build) (*Selection, error) {
	p := &problems{file: f.source.file, source: f.source.source}
	s := &selector{problems: p, file: f, build: build, out: &Selection{}}
	s.all()
	if err := p.err(); err != nil {
		return nil, err
	}
	return s.out, nil
}

type selector struct {
	*problems
	file  *File
	build Build
	out   *Selection
}

func (s *selector) all() {
	if why, excluded := s.file.branches.excludes(s.build.Branch); excluded {
		s.out.Empty = why
		return
	}
	top := slipway.Position{File: s.problems.file, Line: 1, Column: 1}
	if !s.holds(s.file.If, nil, top) {
		s.out.Empty = "if: " + s.file.If.String() + " does not hold"
		return
	}
	for _, name := range s.order() {
		stage := s.stage(name)
		if len(stage.Jobs) > 0 {
			s.out.Stages = append(s.out.Stages, stage)
		}
	}
	number := 0
	for i := range s.out.Stages {
		for k := range s.out.Stages[i].Jobs {
			number++
			s.out.Stages[i].Jobs[k].Number = "1." + strconv.Itoa(number)
		}
	}
}

// order is the stages' names: those of stages: first, in its order, then the
// others as jobs come to them.
func (s *selector) order() []string {
	var names []string
	for _, st := range s.file.Stages {
		if !slices.Contains(names, st.Name) {
			names = append(names, st.Name)
		}
	}
	for _, j := range s.file.Jobs {
		if !slices.Contains(names, j.Stage) {
			names = append(names, j.Stage)
		}
	}
	return names
}

func (s *selector) stage(name string) SelectedStage {
	stage := SelectedStage{Name: name}
	for _, st := range s.file.Stages {
		if st.Name == name && !s.holds(st.If, nil, st.at) {
			s.out.Skipped = append(s.out.Skipped, Skipped{st.at, "stage " + name, "if: " + st.If.String() + " does not hold"})
			return stage
		}
	}
	for i := range s.file.Jobs {
		j := &s.file.Jobs[i]
		if j.Stage != name {
			continue
		}
		chosen := SelectedJob{Job: *j}
		if !s.holds(j.If, j, j.At) {
			s.out.Skipped = append(s.out.Skipped, Skipped{j.At, "job " + title(j), "if: " + j.If.String() + " does not hold"})
			continue
		}
		s.defaults(&chosen)
		for _, d := range j.Deploys {
			if s.deploys(d.On) {
				chosen.Deploys = append(chosen.Deploys, d)
			}
		}
		stage.Jobs = append(stage.Jobs, chosen)
	}
	return stage
}

// title is a job's stage, and its name where it has one.
func title(j *Job) string {
	if j.Name == "" {
		return j.Stage
	}
	return j.Stage + ": " + j.Name
}

// holds evaluates a condition of the build, or of a job when there is one.
func (s *selector) holds(c *Condition, j *Job, at slipway.Position) bool {
	yes, err := c.Holds(s.facts(j))
	if err != nil {
		s.add(at, "if: %s: %s", c, err)
	}
	return yes
}

const onTravis = "only Travis knows it"

func (s *selector) facts(j *Job) Facts {
	f := Facts{
		Attributes: map[string]string{"type": "push", "repo": s.build.Repo, "branch": s.build.Branch, "commit_message": s.build.Message, "os": "linux", "fork": "false"},
		Unknown:    map[string]string{"sender": onTravis},
		Env:        maps.Clone(s.build.Settings),
	}
	if f.Env == nil {
		f.Env = map[string]string{}
	}
	if s.build.Tag != "" {
		f.Attributes["tag"] = s.build.Tag
	}
	if j == nil {
		if len(s.file.Jobs) > 0 {
			j = &Job{Global: s.file.Jobs[0].Global}
		} else {
			return f
		}
	}
	if j.Language != "" {
		f.Attributes["language"] = j.Language
	}
	maps.Copy(f.Attributes, j.raw)
	for _, v := range slices.Concat(j.Global, j.Own) {
		f.Env[v.Name] = v.Plain()
	}
	return f
}

// deploys tells whether a deploy is for the build's branch and tag. Without a
// branch it is for master, as on Travis.
func (s *selector) deploys(on On) bool {
	tagged := s.build.Tag != ""
	if on.Tags == "true" && !tagged || on.Tags == "false" && tagged || on.Repo != "" && on.Repo != s.build.Repo {
		return false
	}
	if on.AllBranches || on.Tags == "true" {
		return true
	}
	if len(on.Branches) == 0 {
		return s.build.Branch == "master"
	}
	return slices.Contains(on.Branches, s.build.Branch)
}
