package secretsmanager

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// ended is the deleted secrets whose window is over, and when the next one's is.
func ended(tx *state.Tx, now time.Time) (over map[state.Scope][]*Secret, next time.Time) {
	over = map[state.Scope][]*Secret{}
	for scope, row := range Secrets.Everywhere(tx) {
		switch {
		case !row.deleted():
		case !now.Before(row.Deletion):
			over[scope] = append(over[scope], row)
		case next.IsZero() || row.Deletion.Before(next):
			next = row.Deletion
		}
	}
	return over, next
}

// sweep removes the secrets whose window is over, and tells when to come again.
func (s *Service) sweep() (next time.Time, err error) {
	over, next := ended(s.env.Store.View(), s.env.Now())
	if len(over) == 0 {
		return next, nil
	}
	return next, s.env.Store.Update(func(tx *state.Tx) error {
		// Asked again inside: a secret may have been restored in between.
		over, _ := ended(tx, s.env.Now())
		for scope, rows := range over {
			for _, row := range rows {
				purge(tx, scope, row)
			}
		}
		return nil
	})
}

// Run removes secrets when their recovery window ends, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(Secrets)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			watch.Take()
		case <-timer.C:
		}
		next, err := s.sweep()
		if err != nil {
			return err
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(max(0, next.Sub(s.env.Now())))
		}
	}
}
