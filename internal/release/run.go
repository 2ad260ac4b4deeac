package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Options are how a run differs from the plain one.
type Options struct {
	// Tag is the release; "" is the last tag of the environment's branch.
	Tag string
	// Here takes the working tree where the branch has no tag yet.
	Here bool
	// Build builds images that are missing; else they are an error.
	Build bool
	// Environment makes what services share, too; else it has to be there.
	Environment bool
	// Force starts a new rollout even where nothing differs.
	Force bool
	// AllowGap stops the old task first where there is no room for both.
	AllowGap bool
	// AddInstance adds an instance where there is no room for both, for as long as
	// the deploy takes.
	AddInstance bool
	// Wait waits for another deploy of the same service instead of refusing.
	Wait bool
	// IfHead changes nothing where the branch on origin has moved on past the
	// commit that is checked out: a newer push has a run of its own.
	IfHead bool
	Door   Door
	// Resolver is asked for CAA records.
	Resolver dns.Resolver
	Sink     slipway.Sink
}

// Outcome is what a run came to.
type Outcome struct {
	Environment string `json:"environment"`
	Tag         string `json:"tag"`
	Before      string `json:"before,omitempty"`
	Changed     bool   `json:"changed"`
	// Back tells that it went back to an earlier release.
	Back bool `json:"back,omitempty"`
	// Overtaken is the branch's newer head, where IfHead found one.
	Overtaken string   `json:"overtaken,omitempty"`
	URLs      []string `json:"urls"`
	Calls     int      `json:"calls"`
	// Elapsed is nanoseconds.
	Elapsed time.Duration `json:"elapsed"`
	Proofs  []Proof       `json:"proofs"`
}

// ErrRefused is the error of a run that was refused before anything changed.
var ErrRefused = errors.New("nothing was changed")

// Run takes a release to where it serves. It can be interrupted at any time and
// run again: what is done already is found and kept.
func Run(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env slipway.Environment, o Options) (out *Outcome, err error) {
	start := time.Now()
	o.Sink = doing(a, o.Sink)
	v, err := choose(ctx, stack, &env, o)
	if err != nil {
		return nil, refused(err)
	}
	env = a.Resolve(env.AtRelease(v.Tag, v.Commit))
	give, ctx, err := a.Hold(ctx, env.Cluster.Name, names(&env), v.Tag, o.Wait, func(text string) { o.note(plan.PhaseDeploy, "", text) })
	if err != nil {
		return nil, refused(err)
	}
	defer func() {
		if err != nil {
			a.Settle(func(text string) { o.note(plan.PhaseDeploy, "", text) })
		}
		give()
	}()
	if o.IfHead { // asked with the lock held: what comes later waits for it
		head, err := repository(stack.Dir).overtaken(ctx, env.Branch)
		if err != nil {
			return nil, refused(err)
		}
		if head != "" {
			return &Outcome{Environment: env.Name, Tag: v.Tag, Overtaken: head, Elapsed: time.Since(start)}, nil
		}
	}
	env, p, seen, err := o.look(ctx, a, env)
	if err != nil {
		return nil, refused(err)
	}
	if err := o.admit(&env, p); err != nil {
		return nil, err
	}
	if err := together(
		func() error { return o.issuable(ctx, p) },
		func() error { return known(ctx, a, &env) },
		func() error { return buildable(ctx, a, stack, &env, v, o.Build) },
	); err != nil {
		return nil, refused(err)
	}
	o.announce(ctx, &env, p, seen, v, stack.Dir)
	restore := gap(&env, p, o)
	work := &cloud.Work{Env: &env, Force: o.Force, Sink: o.Sink}
	if work.Release, err = prepare(ctx, a, stack, &env, v, p, o, work); err != nil {
		return nil, left(err, seen)
	}
	services := services(&env, p, seen, work.Release)
	err = o.withRoom(ctx, a, &env, p, seen, func() error {
		if err := a.Apply(ctx, work, services); err != nil {
			return err
		}
		return Await(ctx, a, work, seen, o.Door)
	})
	for _, svc := range restore {
		err = errors.Join(err, a.Configure(ctx, &env, &svc))
	}
	if err == nil {
		err = schedules(ctx, a, work, p.Steps)
	}
	if err != nil {
		return nil, left(err, seen)
	}
	out = &Outcome{Environment: env.Name, Tag: v.Tag, Changed: o.Force || changed(p.Steps) || changed(services)}
	for _, s := range env.Services {
		out.Before = seen.Running[s.Name].Tag
	}
	err = prove(ctx, &env, o, out)
	out.Calls, out.Elapsed = a.Calls(), time.Since(start)
	return out, err
}

// doing lets the run's locks say what it is doing.
func doing(a *cloud.Account, sink slipway.Sink) slipway.Sink {
	return func(e slipway.Event) {
		if e.State != slipway.Note && e.State != slipway.Kept {
			a.Doing(strings.TrimSpace(e.Phase + " " + e.Step))
		}
		sink(e)
	}
}

func (o Options) note(phase, step, text string) {
	o.Sink(slipway.Event{Time: time.Now(), Phase: phase, Step: step, State: slipway.Note, Text: text})
}

func refused(err error) error {
	if strings.Contains(err.Error(), "\n") { // a list
		return fmt.Errorf("%w\n%w", err, ErrRefused)
	}
	return fmt.Errorf("%w; %w", err, ErrRefused)
}

// names are the services', in order.
func names(env *slipway.Environment) []string {
	var list []string
	for _, s := range env.Services {
		list = append(list, s.Name)
	}
	slices.Sort(list)
	return list
}

// choose finds the release: the one asked for, the branch's last tag, or, where
// that is allowed, what lies in the folder.
func choose(ctx context.Context, stack *slipway.Stack, env *slipway.Environment, o Options) (Version, error) {
	if o.Tag != "" {
		return Tagged(ctx, stack.Dir, o.Tag)
	}
	v, err := Last(ctx, stack.Dir, env.Branch, env.Stable)
	if err != nil && o.Here {
		return Here(ctx, stack.Dir)
	}
	return v, err
}

// look is what there is and what there is to do. Of an environment that is not
// made here and of which a part is missing, it may be that the reads lag behind
// another run that made it a moment ago: a second look decides.
func (o Options) look(ctx context.Context, a *cloud.Account, env slipway.Environment) (slipway.Environment, *slipway.Plan, *slipway.Observed, error) {
	var settled slipway.Environment
	var p *slipway.Plan
	seen, err := a.ObserveWhole(ctx, &env, plan.Wanted(&env), func(seen *slipway.Observed) (whole bool, err error) {
		settled = plan.Settle(env, seen)
		if p, err = plan.Make(&settled, plan.Wanted(&settled), seen); err != nil || o.Environment {
			return true, err
		}
		missing, some := lacking(&settled, p)
		return (missing == nil || !some) && crowded(p) == nil, nil
	})
	return settled, p, seen, err
}

// lacking is the first step that would make a part of the environment, and whether
// there is some of it.
// A load balancer beside the first is made when it is needed.
func lacking(env *slipway.Environment, p *slipway.Plan) (missing *slipway.Step, some bool) {
	for i, s := range p.Steps {
		switch {
		case s.Phase != plan.PhaseEnvironment || s.Kind == slipway.KindLogGroup:
		case env.Cluster.Nth > 1 && (s.Kind == slipway.KindLoadBalancer || s.Kind == slipway.KindListener):
		case s.Action != slipway.Create:
			some = true
		case missing == nil:
			missing = &p.Steps[i]
		}
	}
	return missing, some
}

// admit refuses a run that could not end well, while nothing is changed yet.
func (o Options) admit(env *slipway.Environment, p *slipway.Plan) error {
	if !o.Environment {
		if s, _ := lacking(env, p); s != nil {
			return refused(fmt.Errorf("the environment is not there yet: %s is missing. Make it: slipway env up %s", s.ID, env.Name))
		}
	}
	if r := crowded(p); r != nil && !o.AllowGap && !o.mayAdd(env) {
		return refused(noRoom(env, r))
	}
	return nil
}

// issuable refuses certificates that nobody will issue: ACM would take the request
// and fail it later.
func (o Options) issuable(ctx context.Context, p *slipway.Plan) error {
	var wg sync.WaitGroup
	errs := make([]error, len(p.Steps))
	for i, s := range p.Steps {
		if s.Kind == slipway.KindCertificate && (s.Action == slipway.Create || s.Action == slipway.Replace) {
			wg.Go(func() {
				if err := o.Resolver.MayIssue(ctx, s.Name); err != nil {
					errs[i] = fmt.Errorf("%s: %w", s.At[""], err)
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// together runs them at the same time and joins their errors.
func together(work ...func() error) error {
	errs := make([]error, len(work))
	var wg sync.WaitGroup
	for i, f := range work {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// prepare makes everything but the services: what they need in the account, and
// the images, at the same time where they can.
func prepare(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env *slipway.Environment, v Version, p *slipway.Plan, o Options, w *cloud.Work) (slipway.Release, error) {
	var first, rest []slipway.Step
	for _, s := range p.Steps {
		switch {
		case s.Kind == slipway.KindRepository:
			first = append(first, s)
		case s.Kind != slipway.KindService && s.Kind != slipway.KindScaling && s.Kind != slipway.KindSchedule:
			rest = append(rest, s)
		}
	}
	if !o.Build { // an image that is not there is found before anything changes
		release, err := Images(ctx, a, stack, env, v, false, o.Sink)
		if err != nil {
			return release, refused(err)
		}
		return release, a.Apply(ctx, w, append(first, rest...))
	}
	if err := a.Apply(ctx, w, first); err != nil {
		return slipway.Release{}, err
	}
	var (
		wg             sync.WaitGroup
		release        slipway.Release
		failed, broken error
	)
	wg.Go(func() { failed = a.Apply(ctx, w, rest) })
	wg.Go(func() { release, broken = Images(ctx, a, stack, env, v, o.Build, o.Sink) })
	wg.Wait()
	return release, errors.Join(failed, broken)
}

// services are the steps that start the release: also those whose settings are
// as they should be and whose image is another.
func services(env *slipway.Environment, p *slipway.Plan, seen *slipway.Observed, r slipway.Release) []slipway.Step {
	var steps []slipway.Step
	for _, s := range p.Steps {
		if s.Kind != slipway.KindService && s.Kind != slipway.KindScaling {
			continue
		}
		if running, ok := seen.Running[s.Name]; ok && s.Kind == slipway.KindService && s.Action == slipway.Keep {
			if image := firstImage(env, s.Name, r); image != running.Image || running.Tag != r.Tag {
				s.Action = slipway.Change
				s.Differences = append(s.Differences, slipway.Difference{Field: "image", Have: running.Tag, Want: r.Tag})
			}
		}
		steps = append(steps, s)
	}
	return steps
}

// schedules points the jobs at the release, once it serves: a release that does
// not come up runs no job.
func schedules(ctx context.Context, a *cloud.Account, w *cloud.Work, steps []slipway.Step) error {
	var list []slipway.Step
	for _, s := range steps {
		if s.Kind != slipway.KindSchedule {
			continue
		}
		if _, started := w.Deployment(s.Service); started && s.Action == slipway.Keep {
			s.Action = slipway.Change
		}
		list = append(list, s)
	}
	if err := a.Apply(ctx, w, list); err != nil {
		return err
	}
	return a.DropSchedules(ctx, w)
}

func firstImage(env *slipway.Environment, service string, r slipway.Release) string {
	for _, s := range env.Services {
		if s.Name == service && len(s.Containers) > 0 {
			if c := s.Containers[0]; c.Image != "" {
				return c.Image
			}
			return r.Images[s.Containers[0].Build]
		}
	}
	return ""
}

func changed(steps []slipway.Step) bool {
	for _, s := range steps {
		if s.Action != slipway.Keep {
			return true
		}
	}
	return false
}
