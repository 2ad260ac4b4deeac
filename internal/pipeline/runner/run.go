package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/pipeline/travis"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Config is what to run, and where.
type Config struct {
	// Dir is the repository, or a folder in it.
	Dir string
	// Tag or Branch is what is built: one of them.
	Tag, Branch string
	// Engine is where the names of AWS lead.
	Engine Engine
	// Binary is slipway's own file, for the shims; "" sets none up.
	Binary string
	// Settings are variables as a repository's settings on Travis would have them.
	// Their values never appear in the output.
	Settings map[string]string
	// Timeout is what a job may take; 0 is 50 minutes, as on Travis.
	Timeout time.Duration
	// Sink takes what happens, one event after the other.
	Sink func(slipway.PipelineEvent)
}

// Engine is a running engine.
type Engine struct {
	// Endpoint is its API's URL, Registry the host:port of its registry.
	Endpoint, Registry             string
	AccessKeyID, SecretKey         string
	Account, Region                string
	CA, HTTP, HTTPS, DNS           string
	CloudflareURL, CloudflareToken string
}

// Outcome is how a run ended.
type Outcome struct {
	Result slipway.Result
	Jobs   []JobOutcome
	// NotRun is how many stages were not begun, because one before them failed.
	NotRun  int
	Elapsed time.Duration
}

// JobOutcome is how a job ended.
type JobOutcome struct {
	Number, Stage, Name string
	Result              slipway.Result
	AllowFailure        bool
	Failures            []Failure
	Elapsed             time.Duration
}

// Failure is a command that failed.
type Failure struct {
	Phase travis.Phase
	Text  string
	At    slipway.Position
	Code  int
}

// ErrNothing is the error of a run that has no job to run.
var ErrNothing = errors.New("nothing ran")

// Run runs the pipeline. Whatever is wrong or not served is an error before
// anything runs; a job that fails is an Outcome.
func Run(ctx context.Context, c Config) (*Outcome, error) {
	if c.Timeout == 0 {
		c.Timeout = 50 * time.Minute
	}
	began := time.Now()
	src, err := open(ctx, c.Dir, c.Tag, c.Branch)
	if err != nil {
		return nil, err
	}
	text, err := src.file(ctx, travis.Name)
	if err != nil {
		return nil, err
	}
	file, err := travis.Read(travis.Name, text)
	if err != nil {
		return nil, err
	}
	chosen, err := file.Select(travis.Build{Branch: src.branch, Tag: src.tag, Commit: src.commit, Message: src.message, Repo: src.slug,
		Settings: c.Settings, Has: func(path string) bool { return src.has(ctx, path) }})
	if err != nil {
		return nil, err
	}
	if file.Submodules() && src.has(ctx, ".gitmodules") {
		return nil, fmt.Errorf("%s has submodules, which ci run does not fetch; git: {submodules: false} in %s leaves them out", src.name(), travis.Name)
	}
	r := &run{Config: c, src: src, file: file, began: began}
	r.announce(ctx, chosen)
	if chosen.Empty != "" {
		return nil, fmt.Errorf("%w: %s", ErrNothing, chosen.Empty)
	}
	if chosen.Jobs() == 0 {
		return nil, fmt.Errorf("%w: no job of %s is for %s", ErrNothing, travis.Name, src.name())
	}
	return r.stages(ctx, chosen)
}

type run struct {
	Config
	src   *source
	file  *travis.File
	began time.Time
	mask  *mask
}

func (r *run) tell(e slipway.PipelineEvent) {
	if r.Sink != nil {
		e.Time = time.Now()
		r.Sink(e)
	}
}

func (r *run) note(at, text string) {
	r.tell(slipway.PipelineEvent{Kind: slipway.PipelineNote, At: at, Text: text})
}

// announce says what will run and what is different from Travis.
func (r *run) announce(ctx context.Context, s *travis.Selection) {
	r.note("", fmt.Sprintf("%s of %s at %s (%s)", travis.Name, r.src.slug, r.src.name(), r.src.commit[:7]))
	seen := map[string][]string{}
	for _, n := range r.file.Notes {
		seen[n.Text] = append(seen[n.Text], n.At.String())
	}
	for _, n := range r.file.Notes {
		if at := seen[n.Text]; at != nil {
			r.note(strings.Join(at, ", "), n.Text)
			delete(seen, n.Text)
		}
	}
	for _, v := range r.file.Secure {
		r.note(v.At.String(), r.secure(v))
	}
	for _, n := range r.src.notes(ctx) {
		r.note("", n)
	}
	if r.Binary != "" {
		r.note("", fmt.Sprintf("%s.dkr.ecr.REGION.amazonaws.com is the engine's registry, %s; AWS is the engine, %s", r.Engine.Account, r.Engine.Registry, r.Engine.Endpoint))
	}
	for _, k := range s.Skipped {
		r.tell(slipway.PipelineEvent{Kind: slipway.PipelineSkipped, At: k.At.String(), Name: k.What, Text: k.Why})
	}
}

func (r *run) secure(v travis.Secure) string {
	switch {
	case v.Name == "":
		return "an encrypted variable is left out: only Travis can read it, its name too; where a script needs it, set it and say --env NAME"
	case r.Settings[v.Name] != "":
		return "the encrypted value of " + v.Name + " is left out: --env gives one"
	}
	return "the encrypted value of " + v.Name + " is left out: only Travis can read it; set it and say --env " + v.Name
}

// stages runs the stages one after the other, and their jobs too; a stage whose
// job failed is the last.
func (r *run) stages(ctx context.Context, s *travis.Selection) (*Outcome, error) {
	scratch, err := os.MkdirTemp("", "slipway-ci-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the run: %w", err)
	}
	defer remove(scratch)
	w, err := r.surround(ctx, scratch)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Result: slipway.Passed}
	for i, stage := range s.Stages {
		for k := range stage.Jobs {
			j := r.job(ctx, w, &stage.Jobs[k])
			out.Jobs = append(out.Jobs, j)
			if j.Result != slipway.Passed && !j.AllowFailure {
				out.Result = worse(out.Result, j.Result)
			}
			if ctx.Err() != nil {
				break
			}
		}
		if out.Result != slipway.Passed {
			out.NotRun = len(s.Stages) - i - 1
			break
		}
	}
	out.Elapsed = time.Since(r.began)
	return out, nil
}

// worse is the build's result: Travis says errored where any job did, else failed.
func worse(a, b slipway.Result) slipway.Result {
	order := []slipway.Result{slipway.Passed, slipway.FailedJob, slipway.Errored, slipway.TimedOut, slipway.Interrupted}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// remove takes the folder of a run away; a pipeline may have left files that only
// a change of mode lets go of, as Go's module cache is.
func remove(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	os.RemoveAll(dir)
}
