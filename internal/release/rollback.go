package release

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Rollback puts every service of an environment back on the release before the
// one that runs, or on the one named, by its own revision: nothing is built and
// nothing of the file is looked at. One that was interrupted is continued.
func Rollback(ctx context.Context, a *cloud.Account, env slipway.Environment, to string, o Options) (*Outcome, error) {
	env = a.Resolve(env)
	start := time.Now()
	give, ctx, err := a.Hold(ctx, env.Cluster.Name, names(&env), "a rollback", o.Wait, func(text string) { o.note(plan.PhaseDeploy, "", text) })
	if err != nil {
		return nil, refused(err)
	}
	defer give()
	seen, err := a.Observe(ctx, &env, plan.Wanted(&env))
	if err != nil {
		return nil, refused(err)
	}
	again := ""
	if to == "" {
		again = returning(&env, seen)
	}
	back := map[string]slipway.Past{}
	for i := range env.Services {
		if _, there := seen.Running[env.Services[i].Name]; !there {
			return nil, refused(cloud.NotDeployed(&env, &env.Services[i]))
		}
		if back[env.Services[i].Name], err = before(ctx, a, &env, &env.Services[i], to, again); err != nil {
			return nil, refused(err)
		}
	}
	w := &cloud.Work{Env: &env, Sink: o.Sink}
	out := &Outcome{Environment: env.Name, Changed: true, Back: true}
	for i := range env.Services {
		svc := &env.Services[i]
		p := back[svc.Name]
		o.note(plan.PhaseDeploy, svc.Name, fmt.Sprintf("back to %s (%s)", p.Tag, path.Base(p.Revision)))
		d, err := a.Return(ctx, &env, svc, p.Revision)
		if err != nil {
			return nil, err
		}
		w.Began(svc.Name, d)
		if out.Tag = p.Tag; !p.Current {
			out.Before = seen.Running[svc.Name].Tag
		}
	}
	if err := Await(ctx, a, w, seen, o.Door); err != nil {
		return nil, err
	}
	if err := a.Repoint(ctx, w); err != nil {
		return nil, err
	}
	err = prove(ctx, &env, o, out)
	out.Calls, out.Elapsed = a.Calls(), time.Since(start)
	return out, err
}

// returning is the release that services are on their way back to: a rollback was
// interrupted, or ECS goes back by itself. "" when none is.
func returning(env *slipway.Environment, seen *slipway.Observed) string {
	for _, svc := range env.Services {
		if r := seen.Running[svc.Name]; r.Returning() {
			return r.Tag
		}
	}
	return ""
}

// before is the revision to go back to. A rollback that is under way to a release
// is continued: whoever is there stays.
func before(ctx context.Context, a *cloud.Account, env *slipway.Environment, svc *slipway.Service, to, again string) (slipway.Past, error) {
	list, err := a.History(ctx, env, svc, 50)
	if err != nil {
		return slipway.Past{}, err
	}
	var current slipway.Past
	for _, p := range list {
		if p.Current {
			current = p
		}
	}
	if again != "" && current.Tag == again {
		return current, nil
	}
	passed := false
	for _, p := range list {
		passed = passed || p.Current
		switch {
		case to != "" && p.Tag == to && !p.Current:
			return p, nil
		case to == "" && passed && !p.Failed && p.Tag != current.Tag && (p.Tag != "" || p.Image != current.Image):
			return p, nil
		}
	}
	if to != "" {
		return slipway.Past{}, fmt.Errorf("%s has no revision of %s among its last %d; see slipway history %s", svc.Family, to, len(list), env.Name)
	}
	if current.Tag == "" {
		return slipway.Past{}, fmt.Errorf("%s runs a revision that is no release of slipway's; name the one to go back to with --to: slipway history %s", svc.Name, env.Name)
	}
	return slipway.Past{}, fmt.Errorf("%s has no release before %s that served; see slipway history %s, and name one with --to", svc.Family, current.Tag, env.Name)
}

// Scale sets how many tasks a service runs, and waits until they do.
func Scale(ctx context.Context, a *cloud.Account, env slipway.Environment, service string, count int, o Options) error {
	env = a.Resolve(env)
	svc, err := pick(&env, service)
	if err != nil {
		return refused(err)
	}
	if svc.Scale != nil {
		return refused(fmt.Errorf("%s scales by itself between %d and %d; change scale in the file", svc.Name, svc.Scale.Min, svc.Scale.Max))
	}
	give, ctx, err := a.Hold(ctx, env.Cluster.Name, []string{svc.Name}, "a change of scale", o.Wait, func(text string) { o.note(plan.PhaseDeploy, "", text) })
	if err != nil {
		return refused(err)
	}
	defer give()
	seen, err := a.Observe(ctx, &env, plan.Wanted(&env))
	if err != nil {
		return refused(err)
	}
	if _, there := seen.Running[svc.Name]; !there {
		return refused(cloud.NotDeployed(&env, svc))
	}
	d, err := a.SetCount(ctx, &env, svc, count)
	if err != nil {
		return err
	}
	if count == 0 {
		return nil
	}
	w := &cloud.Work{Env: &env, Sink: o.Sink}
	w.Began(svc.Name, d)
	return Await(ctx, a, w, seen, o.Door)
}

// pick is the service of that key or name; "" is the only one.
func pick(env *slipway.Environment, name string) (*slipway.Service, error) {
	var names []string
	for i, s := range env.Services {
		if s.Key == name || s.Name == name || name == "" && len(env.Services) == 1 {
			return &env.Services[i], nil
		}
		names = append(names, cmpOr(s.Key, s.Name))
	}
	return nil, fmt.Errorf("%s has several services; name one with --service: %s", env.Name, strings.Join(names, ", "))
}

// Pick is pick, for the commands.
func Pick(env *slipway.Environment, name string) (*slipway.Service, error) { return pick(env, name) }

// Destroy removes an environment's services, and with all what they share too. No
// deploy of them runs meanwhile.
func Destroy(ctx context.Context, a *cloud.Account, env slipway.Environment, all bool, o Options) error {
	o.Sink = doing(a, o.Sink)
	env = a.Resolve(env)
	give, ctx, err := a.Hold(ctx, env.Cluster.Name, names(&env), "a removal", o.Wait, func(text string) { o.note("destroy", "", text) })
	if err != nil {
		return refused(err)
	}
	defer give()
	if _, err := a.Observe(ctx, &env, plan.Wanted(&env)); err != nil {
		return refused(err)
	}
	if all {
		if err := a.Unused(ctx, &env); err != nil {
			return refused(err)
		}
	}
	w := &cloud.Work{Env: &env, Sink: o.Sink}
	if err := a.DestroyServices(ctx, w); err != nil || !all {
		return err
	}
	return a.DestroyEnvironment(ctx, w)
}
