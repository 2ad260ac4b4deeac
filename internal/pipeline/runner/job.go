package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/pipeline/travis"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// grace is what a job has between the request to end and the end.
const grace = 3 * time.Second

// job runs one job.
func (r *run) job(ctx context.Context, w *world, j *travis.SelectedJob) JobOutcome {
	began := time.Now()
	out := JobOutcome{Number: j.Number, Stage: j.Stage, Name: j.Name, AllowFailure: j.AllowFailure}
	r.tell(slipway.PipelineEvent{Kind: slipway.PipelineJob, Job: j.Number, Stage: j.Stage, Name: j.Name, At: j.At.String()})
	for _, p := range j.Defaults {
		lines, _ := j.Commands(p)
		r.tell(slipway.PipelineEvent{Kind: slipway.PipelineNote, Job: j.Number, At: j.At.String(), Text: fmt.Sprintf("the job has no %s; the default of language %s: %s", p, j.Language, lines[0].Text)})
	}
	why := ""
	if err := r.attempt(ctx, w, j, &out); err != nil {
		why = err.Error()
	}
	out.Elapsed = time.Since(began)
	r.tell(slipway.PipelineEvent{Kind: slipway.PipelineResult, Job: j.Number, Stage: j.Stage, Name: j.Name, Result: out.Result, Text: r.mask.line(why), Elapsed: out.Elapsed})
	return out
}

// attempt is the job's clone and its shell. The error says why the job ended
// early; the result is in out.
func (r *run) attempt(ctx context.Context, w *world, j *travis.SelectedJob, out *JobOutcome) error {
	out.Result = slipway.Errored
	p, err := w.place(j.Number, r.src.slug)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := r.src.clone(ctx, p.build, r.file.Depth()); err != nil {
		if ctx.Err() != nil {
			out.Result = slipway.Interrupted
		}
		return err
	}
	r.tell(slipway.PipelineEvent{Kind: slipway.PipelinePhase, Job: j.Number, Phase: "clone", Text: r.src.name(), Elapsed: time.Since(began)})
	if r.src.untagged(ctx, p.build) {
		r.tell(slipway.PipelineEvent{Kind: slipway.PipelineNote, Job: j.Number, Text: fmt.Sprintf("no tag is within the %d commits that are fetched, so git describe finds none, as on Travis; git: {depth: false} in %s fetches all", r.file.Depth(), travis.Name)})
	}
	s := compile(j, p.build, rand.Text())
	file := filepath.Join(filepath.Dir(p.home), "job.sh")
	if err := os.WriteFile(file, []byte(s.String()), 0o600); err != nil {
		return fmt.Errorf("writing the job's script: %w", err)
	}
	l := &listener{run: r, script: s, job: j, out: out}
	return r.shell(ctx, file, p.build, r.environment(w, p, j), l)
}

// shell runs the job's bash in a process group of its own, which ends with it.
func (r *run) shell(ctx context.Context, file, dir string, env []string, l *listener) error {
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer read.Close()
	cmd := exec.Command("bash", "--noprofile", "--norc", file)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return fmt.Errorf("starting bash: %w", err)
	}
	heard := make(chan struct{})
	go func() { defer close(heard); l.listen(read) }()
	err = wait(limited, cmd)
	// What the job left behind in its group has been killed; a process that left the
	// group may still hold the pipe, and is not waited for.
	read.SetReadDeadline(time.Now().Add(time.Second))
	<-heard
	l.finish()
	switch {
	case ctx.Err() != nil:
		l.out.Result = slipway.Interrupted
		return errors.New("interrupted")
	case limited.Err() != nil:
		l.out.Result = slipway.TimedOut
		return fmt.Errorf("it took longer than %s (--timeout)", r.Timeout)
	}
	return l.verdict(err)
}

// wait waits for the job's bash and kills what is left of its group. When ctx ends
// first, the group is asked to end, then made to.
func wait(ctx context.Context, cmd *exec.Cmd) error {
	group := -cmd.Process.Pid
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		syscall.Kill(group, syscall.SIGKILL)
		return err
	case <-ctx.Done():
	}
	syscall.Kill(group, syscall.SIGTERM)
	last := time.AfterFunc(grace, func() { syscall.Kill(group, syscall.SIGKILL) })
	defer last.Stop()
	err := <-done
	syscall.Kill(group, syscall.SIGKILL)
	return err
}
