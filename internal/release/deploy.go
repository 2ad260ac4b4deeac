package release

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Failure is a deploy that did not come up.
type Failure struct {
	Service, Cause string
	// Tag is the release that did not come up; "" is no release, but a change of scale.
	Tag string
	// OldTag is the release that serves instead; "" is none.
	OldTag string
	// Serving tells that an older revision serves.
	Serving bool
	Next    string
}

func (f *Failure) Error() string {
	what := f.Service
	if f.Tag != "" {
		what = fmt.Sprintf("%s of %s does not come up", f.Tag, f.Service)
	}
	switch {
	case f.Serving && f.OldTag != "":
		return fmt.Sprintf("%s: %s. %s is serving", what, f.Cause, f.OldTag)
	case f.Serving:
		return fmt.Sprintf("%s: %s. The old version is serving", what, f.Cause)
	}
	return fmt.Sprintf("%s: %s. Nothing is serving", what, f.Cause)
}

// Hint is what to do next.
func (f *Failure) Hint() string { return f.Next }

// unserved is the error of a run before which nothing served, and so nothing does.
type unserved struct{ error }

func (e *unserved) Unwrap() error { return e.error }

// NothingServes tells of a run's error whether it left nothing that serves.
func NothingServes(err error) bool {
	if f, ok := errors.AsType[*Failure](err); ok {
		return !f.Serving
	}
	_, ok := errors.AsType[*unserved](err)
	return ok
}

// left is a run's error with what was there before it.
func left(err error, seen *slipway.Observed) error {
	for _, r := range seen.Running {
		if r.Tasks > 0 {
			return err
		}
	}
	return &unserved{err}
}

// ErrSuperseded is the error of a deploy that another one overtook.
var ErrSuperseded = errors.New("another deploy took over")

// Await follows the rollouts that a work started until each serves, or is known
// not to.
func Await(ctx context.Context, a *cloud.Account, w *cloud.Work, seen *slipway.Observed, door Door) error {
	var wg sync.WaitGroup
	errs := make([]error, len(w.Env.Services))
	for i := range w.Env.Services {
		svc := &w.Env.Services[i]
		d, ok := w.Deployment(svc.Name)
		if !ok {
			continue
		}
		f := follower{a: a, w: w, svc: svc, door: door, before: seen.Running[svc.Name], start: time.Now(), budget: plan.BudgetOf(svc).Total()}
		wg.Go(func() { errs[i] = f.follow(ctx, d) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// follower follows one service's rollout.
type follower struct {
	a      *cloud.Account
	w      *cloud.Work
	svc    *slipway.Service
	before slipway.Running
	start  time.Time
	budget time.Duration
	door   Door

	said   map[string]bool
	latest string
	heard  replies
}

func (f *follower) tell(state slipway.State, text string) {
	now := time.Now()
	f.w.Sink(slipway.Event{Time: now, Phase: plan.PhaseDeploy, Step: f.svc.Name, State: state, Text: text, Elapsed: now.Sub(f.start), Budget: f.budget})
}

// once tells a thing that is said only once, however often it is seen.
func (f *follower) once(key, text string) {
	if f.said == nil {
		f.said = map[string]bool{}
	}
	if !f.said[key] {
		f.said[key] = true
		f.tell(slipway.Note, text)
	}
}

// limit is how long a rollout may take: the file's, or thrice its budget and
// what a new instance takes to come up.
func (f *follower) limit() time.Duration {
	if f.svc.Timeout > 0 {
		return f.svc.Timeout
	}
	return 3*plan.BudgetOf(f.svc).Total() + 5*time.Minute
}

func (f *follower) follow(ctx context.Context, d slipway.Deployment) error {
	f.tell(slipway.Started, path.Base(d.Revision))
	var verdict Verdict
	err := f.a.Poll(ctx, fmt.Sprintf("%s serving", f.svc.Name), f.limit(), func(ctx context.Context) (bool, error) {
		p, err := f.a.Progress(ctx, f.w.Env, f.svc, d.ID)
		if err != nil {
			return false, err
		}
		verdict = Judge(p, ShapeOf(f.svc))
		f.show(ctx, d, p, verdict)
		return verdict.Serves || verdict.Failed != "" || verdict.Superseded, nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && verdict.Text == "":
		return err
	case err != nil:
		verdict.Failed = err.Error()
	}
	switch {
	case verdict.Superseded:
		return fmt.Errorf("%w of %s; its state is the other one's now", ErrSuperseded, f.svc.Name)
	case verdict.Failed != "":
		if d.Revision != f.before.Revision { // not a change of scale
			f.a.Failed(ctx, d.Revision)
		}
		return f.back(ctx, verdict)
	}
	f.tell(slipway.Done, path.Base(d.Revision)+"  "+verdict.Text)
	return nil
}

// show tells what is new since the last look.
func (f *follower) show(ctx context.Context, d slipway.Deployment, p *slipway.Progress, v Verdict) {
	for _, t := range slices.Backward(v.Broken) { // the newest came first
		switch key, cause := "task "+t.ID, "cause "+Cause(t); {
		case f.said[key]:
		case f.said[cause]:
			f.once(key, fmt.Sprintf("task %s the same", t.ID[:min(8, len(t.ID))]))
		default:
			f.once(key, f.obituary(ctx, t))
			f.said[cause] = true
		}
	}
	f.listen(ctx, p, time.Now())
	for _, t := range p.Targets {
		if t.State == "unhealthy" {
			f.once(t.ID+t.Description, fmt.Sprintf("target %s is unhealthy: %s (GET %s)%s", t.ID, t.Description, f.svc.Health.Path, f.heard.text))
		}
	}
	for _, e := range p.Events {
		if strings.Contains(e.Text, "unable to") {
			f.once(e.Text, e.Text)
		}
		if why := unhealthy([]slipway.ServiceEvent{e}); why != "" {
			f.once(why, fmt.Sprintf("a target is unhealthy: %s (GET %s)%s", why, f.svc.Health.Path, f.heard.text))
		}
	}
	if v.Text != f.latest && !v.Serves {
		f.latest = v.Text
		f.tell(slipway.Working, path.Base(d.Revision)+"  "+v.Text)
	}
}

// obituary says why a task ended, with the last lines that it wrote.
func (f *follower) obituary(ctx context.Context, t slipway.Task) string {
	text := fmt.Sprintf("task %s stopped: %s", t.ID[:min(8, len(t.ID))], Cause(t))
	if !t.Started.IsZero() && t.Stopped.After(t.Started) {
		text += fmt.Sprintf(" after %.1f s", t.Stopped.Sub(t.Started).Seconds())
	}
	for _, c := range t.Containers {
		lines, err := f.a.LastLines(ctx, c, 20)
		if err != nil {
			text += "\n│ " + err.Error()
		}
		for _, l := range lines {
			text += "\n│ " + strings.TrimRight(l, "\n")
		}
	}
	return text
}

// back follows, or starts, the way back to the revision that ran before, and
// gives the failure.
func (f *follower) back(ctx context.Context, v Verdict) error {
	failure := &Failure{Service: f.svc.Name, Tag: f.w.Release.Tag, Cause: v.Failed, OldTag: f.before.Tag,
		Next: fmt.Sprintf("slipway logs %s", f.w.Env.Name)}
	if len(v.Broken) > 0 {
		failure.Next += " --task " + v.Broken[0].ID[:min(8, len(v.Broken[0].ID))]
		if tag := f.w.Release.Tag; tag != "" && f.before.Revision != "" {
			failure.Next += fmt.Sprintf("   ·   start it by hand: slipway run %s --tag %s -- COMMAND", f.w.Env.Name, tag)
		}
	}
	if f.before.Revision == "" || f.before.Desired == 0 {
		f.tell(slipway.Failed, v.Failed)
		return errors.Join(failure, f.a.Halt(ctx, f.w.Env, f.svc))
	}
	if !f.svc.Rollback && !v.RolledBack {
		f.tell(slipway.Failed, v.Failed+"; rollback is off in the file")
		failure.Serving = true
		return failure
	}
	why := ""
	if len(v.Broken) >= patience && sameCause(v.Broken) {
		why = "the same twice: stopping here; "
	}
	f.tell(slipway.Note, fmt.Sprintf("%srolling back to %s, which has been serving all along", why, path.Base(f.before.Revision)))
	d, err := f.a.Return(ctx, f.w.Env, f.svc, f.before.Revision)
	if err != nil {
		return errors.Join(failure, err)
	}
	old := 0
	err = f.a.Poll(ctx, "rolling "+f.svc.Name+" back", f.limit(), func(ctx context.Context) (bool, error) {
		p, err := f.a.Progress(ctx, f.w.Env, f.svc, d.ID)
		if err != nil {
			return false, err
		}
		if p.Gone && p.Primary.Revision == f.before.Revision { // ECS went back at the same time, by a rollout of its own
			d = p.Primary
			return false, nil
		}
		v := Judge(p, ShapeOf(f.svc))
		old = p.Old
		if v.Failed != "" {
			return false, fmt.Errorf("going back to %s failed, too: %s", path.Base(f.before.Revision), v.Failed)
		}
		return v.Serves, nil
	})
	failure.Serving = err == nil || old > 0
	f.tell(slipway.Failed, v.Failed)
	return errors.Join(failure, err)
}
