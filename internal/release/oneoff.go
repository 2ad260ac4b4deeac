package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Once is a task to run once.
type Once struct {
	// Service is which one's task it is; Job is a job of the file instead.
	Service, Job string
	// Tag is another release than the one that runs.
	Tag       string
	Command   []string
	Variables map[string]string
	// Detach does not wait for its end.
	Detach bool
	Sink   slipway.Sink
	// Line gets what it writes.
	Line func(slipway.Line) error
}

// Ended is how a task that ran once ended.
type Ended struct {
	Task string `json:"task"`
	// Code is the container's exit code.
	Code    int           `json:"exitCode"`
	Elapsed time.Duration `json:"elapsed"`
}

// RunOnce runs a command in a task of its own, beside a service, and follows it to
// its end. Interrupted, it stops the task.
func RunOnce(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env slipway.Environment, o Once) (*Ended, error) {
	raw := env
	env = a.Resolve(env)
	svc, err := o.pick(&env)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	what := cloud.Oneoff{Container: o.container(&env, svc), Command: o.Command, Variables: o.Variables}
	if o.Tag != "" {
		if what.Revision, err = o.revision(ctx, a, stack, raw); err != nil {
			return nil, err
		}
	}
	if len(what.Command) == 0 {
		return nil, errors.New("no command: slipway run ENV -- COMMAND, or --job NAME")
	}
	t, err := a.Run(ctx, &env, svc, what)
	if err != nil {
		return nil, err
	}
	o.say(svc.Name, fmt.Sprintf("task %s: %s", t.ID[:min(8, len(t.ID))], strings.Join(what.Command, " ")))
	ended := &Ended{Task: t.ID}
	if o.Detach {
		return ended, nil
	}
	last, err := o.follow(ctx, a, &env, svc, t, what.Container)
	if ctx.Err() != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("%w: task %s is being stopped", ctx.Err(), t.ID[:min(8, len(t.ID))]), a.Stop(stopping, &env, t.ARN, "slipway run was interrupted"))
	}
	if err != nil {
		return nil, err
	}
	ended.Elapsed = time.Since(start)
	for _, c := range last.Containers {
		if c.Name == what.Container && c.ExitCode >= 0 {
			ended.Code = c.ExitCode
			return ended, nil
		}
	}
	return nil, fmt.Errorf("the task did not run: %s", Cause(last))
}

func (o Once) say(step, text string) {
	o.Sink(slipway.Event{Time: time.Now(), Phase: "run", Step: step, State: slipway.Note, Text: text})
}

// pick is the service whose task runs.
func (o *Once) pick(env *slipway.Environment) (*slipway.Service, error) {
	if o.Job == "" {
		return pick(env, o.Service)
	}
	for _, j := range env.Jobs {
		if j.Name != o.Job {
			continue
		}
		if len(o.Command) == 0 {
			for _, word := range j.Command {
				o.Command = append(o.Command, slipway.Expand(word, "", ""))
			}
		}
		for i := range env.Services {
			if env.Services[i].Key == j.Service {
				return &env.Services[i], nil
			}
		}
	}
	var names []string
	for _, j := range env.Jobs {
		names = append(names, j.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no jobs; write them under jobs: in the file", env.Name)
	}
	return nil, fmt.Errorf("%s has no job %q; it has %s", env.Name, o.Job, strings.Join(names, ", "))
}

// container is the one that runs the command.
func (o Once) container(env *slipway.Environment, svc *slipway.Service) string {
	for _, j := range env.Jobs {
		if j.Name == o.Job && j.Container != "" {
			return j.Container
		}
	}
	return svc.Containers[0].Name
}

// revision is a task definition of another release, its image checked before.
func (o Once) revision(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env slipway.Environment) (string, error) {
	v, err := Tagged(ctx, stack.Dir, o.Tag)
	if err != nil {
		return "", err
	}
	env = a.Resolve(env.AtRelease(v.Tag, v.Commit))
	svc, err := o.pick(&env)
	if err != nil {
		return "", err
	}
	if _, err := a.Observe(ctx, &env, plan.Wanted(&env)); err != nil {
		return "", err
	}
	r, err := Images(ctx, a, stack, &env, v, false, o.Sink)
	if err != nil {
		return "", err
	}
	return a.RegisterFor(ctx, &env, svc, r)
}

// follow shows what the task writes until it has stopped.
func (o Once) follow(ctx context.Context, a *cloud.Account, env *slipway.Environment, svc *slipway.Service, t slipway.Task, container string) (slipway.Task, error) {
	done := make(chan struct{})
	read := make(chan error, 1)
	if svc.LogGroup == "" {
		o.say(svc.Name, "what it writes is not shown: the service does not log to CloudWatch Logs (log: none in the file)")
		read <- nil
	} else {
		go func() {
			read <- a.Stream(ctx, svc.LogGroup, svc.LogPrefix+"/"+container+"/"+t.ID, done, func(l slipway.Line) error {
				l.Task, l.Container = t.ID, container
				return o.Line(l)
			})
		}()
	}
	begun := time.Now()
	err := a.Poll(ctx, "the end of task "+t.ID[:min(8, len(t.ID))], 24*time.Hour, func(ctx context.Context) (bool, error) {
		seen, err := a.Look(ctx, env, t.ARN, begun)
		if err == nil {
			t = seen
		}
		return t.Status == "STOPPED", err
	})
	close(done)
	return t, errors.Join(err, <-read)
}
