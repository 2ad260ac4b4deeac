package ecr

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/ecr/lifecycle"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// caretaker is who deletes expired images, in the registry's log.
const caretaker = "ecr.amazonaws.com"

// Pushed is the registry's Options.OnPush: a policy may have something to do.
func (s *Service) Pushed(registry.Push) {
	select {
	case s.pushed <- struct{}{}:
	default:
	}
}

// Run applies lifecycle policies whenever one changes, something is pushed or an
// image comes of age, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(Repositories)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			watch.Take()
		case <-s.pushed:
		case <-timer.C:
		}
		wake := s.expire(ctx)
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(s.env.Now())))
		}
	}
}

// retry is when a repository whose images could not be read or deleted is tried
// again.
const retry = time.Minute

// expire applies every policy, and tells when to come again.
func (s *Service) expire(ctx context.Context) (wake time.Time) {
	now := s.env.Now()
	var done []place
	for scope, r := range Repositories.Everywhere(s.env.Store.View()) {
		if r.Lifecycle == "" {
			continue
		}
		next, err := s.apply(ctx, scope, r, now)
		if err != nil && ctx.Err() == nil {
			s.env.Log.Error("lifecycle policy", "repository", r.Name, "error", err)
			next = now.Add(retry)
		}
		if !next.IsZero() && (wake.IsZero() || next.Before(wake)) {
			wake = next
		}
		if err == nil {
			done = append(done, place{scope, r.Name})
		}
	}
	if err := s.evaluated(done, now); err != nil && ctx.Err() == nil {
		s.env.Log.Error("lifecycle policies", "error", err)
	}
	return wake
}

// place is where a repository's row is.
type place struct {
	scope state.Scope
	name  string
}

// evaluated notes when policies were applied.
func (s *Service) evaluated(all []place, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	return s.env.Store.Update(func(tx *state.Tx) error {
		for _, p := range all {
			if r, ok := Repositories.Get(tx, p.scope, p.name); ok && r.Lifecycle != "" {
				Evaluations.Put(tx, p.scope, &Evaluation{p.name, now})
			}
		}
		return nil
	})
}

func (s *Service) apply(ctx context.Context, scope state.Scope, r *Repository, now time.Time) (wake time.Time, err error) {
	p, err := lifecycle.Parse(r.Lifecycle)
	if err != nil {
		return wake, err
	}
	images, err := s.images.Images(at(scope, r.Name))
	if err != nil {
		return wake, err
	}
	expired, wake := p.Decide(seen(images), now)
	for _, e := range expired {
		s.env.Log.Info("image expired", "repository", r.Name, "digest", e.Image.Digest, "tags", e.Image.Tags, "rule", e.Priority)
		err := s.images.DeleteManifest(ctx, at(scope, r.Name), e.Image.Digest, caretaker)
		switch {
		case err == nil:
			wake = now // an index that went lets go of what it listed
		case !errors.Is(err, registry.ErrManifestUnknown): // somebody else was faster
			return wake, err
		}
	}
	return wake, nil
}
