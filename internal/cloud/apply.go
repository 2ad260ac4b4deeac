package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Work is what Apply carries out.
type Work struct {
	Env     *slipway.Environment
	Release slipway.Release
	// Force starts a new rollout even where nothing differs.
	Force bool
	Sink  slipway.Sink

	mu          sync.Mutex
	deployments map[string]slipway.Deployment
}

// Began notes a rollout that something else than Apply started.
func (w *Work) Began(service string, d slipway.Deployment) { w.started(service, d) }

func (w *Work) started(service string, d slipway.Deployment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deployments == nil {
		w.deployments = map[string]slipway.Deployment{}
	}
	w.deployments[service] = d
}

// Deployment is the rollout that the work started for a service.
func (w *Work) Deployment(service string) (slipway.Deployment, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.deployments[service]
	return d, ok
}

// atOnce bounds how many steps run at the same time, so that a large plan does
// not throttle itself.
const atOnce = 12

// Apply carries the steps out, each as soon as those that it comes after are
// done; what does not depend on one another runs together. The first failure
// lets what has begun end, and begins nothing more: the next run continues.
func (a *Account) Apply(ctx context.Context, w *Work, steps []slipway.Step) error {
	done := map[slipway.ID]chan struct{}{}
	for _, s := range steps {
		done[s.ID] = make(chan struct{})
	}
	slots := make(chan struct{}, atOnce)
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(steps))
	for i, s := range steps {
		wg.Go(func() {
			for _, id := range s.After {
				if ch, ok := done[id]; ok {
					select {
					case <-ch:
					case <-stop.Done():
						return
					}
				}
			}
			select {
			case slots <- struct{}{}:
			case <-stop.Done():
				return
			}
			defer func() { <-slots }()
			if stop.Err() != nil {
				return
			}
			if errs[i] = a.step(ctx, w, s); errs[i] != nil {
				cancel()
				return
			}
			close(done[s.ID])
		})
	}
	wg.Wait()
	return errors.Join(append(slices.DeleteFunc(errs, func(err error) bool { return err == nil }), ctx.Err())...)
}

// step does one step and tells of it.
func (a *Account) step(ctx context.Context, w *Work, s slipway.Step) error {
	tell := func(state slipway.State, text string, since time.Time) {
		if w.Sink != nil {
			now := time.Now()
			w.Sink(slipway.Event{Time: now, Phase: s.Phase, Step: s.ID.String(), State: state, Text: text, Elapsed: now.Sub(since)})
		}
	}
	start := time.Now()
	if s.Action == slipway.Keep && !(w.Force && s.Kind == slipway.KindService) {
		tell(slipway.Kept, "", start)
		return nil
	}
	tell(slipway.Started, string(s.Action), start)
	defer a.touched()
	if err := a.persist(ctx, w, s, func(text string) { tell(slipway.Working, text, start) }); err != nil {
		err = fmt.Errorf("%s: %w", s.ID, plain(err))
		tell(slipway.Failed, err.Error(), start)
		return err
	}
	tell(slipway.Done, string(s.Action)+detail(s), start)
	return nil
}

// detail is what a person wants to know of a step beside its name: what the
// instances cost by.
func detail(s slipway.Step) string {
	switch s.Kind {
	case slipway.KindLaunchTemplate:
		return ", " + s.Settings["instance type"]
	case slipway.KindCapacity:
		return fmt.Sprintf(", %s to %s instances", s.Settings["minimum size"], s.Settings["maximum size"])
	}
	return ""
}

func (a *Account) do(ctx context.Context, w *Work, s slipway.Step, say func(string)) error {
	env := w.Env
	switch s.Kind {
	case slipway.KindVPC:
		return a.applyVPC(ctx, env, s)
	case slipway.KindGateway:
		return a.applyGateway(ctx, env, s)
	case slipway.KindSubnet:
		return a.applySubnet(ctx, env, s)
	case slipway.KindRoutes:
		return a.applyRoutes(ctx, env, s)
	case slipway.KindSecurityGroup:
		return a.applyGroup(ctx, env, s)
	case slipway.KindLoadBalancer:
		return a.applyBalancer(ctx, env, s)
	case slipway.KindListener:
		return a.applyListener(ctx, env, s)
	case slipway.KindCluster:
		return a.applyCluster(ctx, env, s)
	case slipway.KindInstanceProfile:
		return a.applyProfile(ctx, env, s)
	case slipway.KindLaunchTemplate:
		return a.applyTemplate(ctx, env, s)
	case slipway.KindAutoScalingGroup:
		return a.applyAutoScalingGroup(ctx, env, s)
	case slipway.KindCapacityProvider:
		return a.applyProvider(ctx, env, s)
	case slipway.KindCapacity:
		return a.applyCapacity(ctx, env, s)
	case slipway.KindLogGroup:
		return a.applyLogGroup(ctx, env, s)
	case slipway.KindRepository:
		return a.applyRepository(ctx, env, s)
	case slipway.KindCertificate:
		return a.applyCertificate(ctx, env, s, say)
	case slipway.KindProof:
		return a.applyProof(ctx, s, say)
	case slipway.KindAttachment:
		return a.applyAttachment(ctx, env, s)
	case slipway.KindRecord:
		return a.applyRecord(ctx, env, s, say)
	case slipway.KindTargetGroup:
		return a.applyTargetGroup(ctx, env, s)
	case slipway.KindRule:
		return a.applyRule(ctx, env, s)
	case slipway.KindRole:
		return a.applyRole(ctx, env, s)
	case slipway.KindService:
		return a.applyService(ctx, w, s)
	case slipway.KindScaling:
		return a.applyScaling(ctx, env, s)
	case slipway.KindScheduleRole:
		return a.applyScheduleRole(ctx, env, s)
	case slipway.KindSchedule:
		return a.applySchedule(ctx, env, s)
	}
	return fmt.Errorf("nothing here makes a %s", s.Kind)
}

// plain gives an API error in its own words.
func plain(err error) error {
	if text := says(err); text != err.Error() {
		return &said{text, err}
	}
	return err
}

type said struct {
	text string
	err  error
}

func (e *said) Error() string { return e.text }
func (e *said) Unwrap() error { return e.err }
