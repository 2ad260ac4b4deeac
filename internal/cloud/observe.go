package cloud

import (
	"cmp"
	"context"
	"maps"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Observe reads what the account has of the wanted resources. What doesn't
// depend on one another is read at the same time.
func (a *Account) Observe(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) (*slipway.Observed, error) {
	return a.ObserveWhole(ctx, env, wanted, func(*slipway.Observed) (bool, error) { return true, nil })
}

// ObserveWhole is Observe, which looks again for a while where what it sees cannot
// be, or is not whole as the caller has it: AWS's reads lag behind its writes, each
// as it likes.
func (a *Account) ObserveWhole(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource, whole func(*slipway.Observed) (bool, error)) (*slipway.Observed, error) {
	var seen *slipway.Observed
	var err error
	var torn time.Time // since when it is not whole
	late := a.until(ctx, "reads agreeing", time.Hour, func(ctx context.Context) (bool, error) {
		ok := true
		if seen, err = a.observe(ctx, env, wanted); err == nil {
			ok, err = whole(seen)
		} else if unknown(err) { // one read knows what another doesn't
			ok = false
		}
		if torn.IsZero() {
			torn = time.Now()
		}
		return ok || time.Since(torn) > a.lag(), nil
	})
	return seen, cmp.Or(err, late)
}

func (a *Account) observe(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) (*slipway.Observed, error) {
	a.mu.Lock()
	a.seen = &slipway.Observed{Account: a.ID, Region: a.Region, Resources: map[slipway.ID]slipway.Seen{}, Running: map[string]slipway.Running{}}
	a.mu.Unlock()
	err := together(ctx,
		func(ctx context.Context) error { return a.observeNetwork(ctx, env) },
		func(ctx context.Context) error {
			if err := a.observeCluster(ctx, env); err != nil || !env.Cluster.Owned {
				return err
			}
			return a.observeCapacity(ctx, env)
		},
		func(ctx context.Context) error {
			if err := a.observeBalancer(ctx, env, wanted); err != nil {
				return err
			}
			return a.observeRecords(ctx, env, wanted)
		},
		func(ctx context.Context) error { return a.observeTargetGroups(ctx, wanted) },
		func(ctx context.Context) error { return a.observeCertificates(ctx, wanted) },
		func(ctx context.Context) error { return a.observeServices(ctx, env, wanted) },
		func(ctx context.Context) error { return a.observeLogGroups(ctx, wanted) },
		func(ctx context.Context) error { return a.observeRepositories(ctx, wanted) },
		func(ctx context.Context) error { return a.observeRoles(ctx, wanted) },
		func(ctx context.Context) error { return a.observeScaling(ctx, env, wanted) },
		func(ctx context.Context) error { return a.observeSchedules(ctx, env, wanted) },
		func(ctx context.Context) error {
			if !env.Cluster.Owned {
				return nil
			}
			return a.observeProfile(ctx, env)
		},
	)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range ofKind(wanted, slipway.KindCertificate) {
		certificate := a.seen.Resources[w.ID].Ref
		if _, served := a.seen.Resources[slipway.ID{Kind: slipway.KindAttachment, Name: certificate}]; served && certificate != "" {
			a.seen.Resources[plan.Attachment(w.Name)] = slipway.Seen{Ref: certificate}
		}
	}
	a.settleSchedules(env)
	seen := *a.seen
	seen.Resources, seen.Running = maps.Clone(a.seen.Resources), maps.Clone(a.seen.Running)
	return &seen, nil
}

// together runs all at once and gives the first error, after the others have
// been told to stop.
func together(ctx context.Context, calls ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, call := range calls {
		wg.Go(func() {
			if err := call(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
