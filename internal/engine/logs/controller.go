package logs

import (
	"context"
	"time"
)

// hourly is how often events are looked over for those whose time is up. AWS
// says that they go within 72 hours of it.
const hourly = time.Hour

// Run removes events when their retention ends, and what deleted groups left in
// the archive, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(Groups)
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
			timer.Reset(hourly)
		}
		if err := s.sweep(); err != nil {
			s.env.Log.Error("logs: sweeping", "err", err)
		}
	}
}

func (s *Service) sweep() error {
	kept, err := s.archive.Groups() // before the rows: a group made in between is not taken for a deleted one
	if err != nil {
		return err
	}
	tx, now := s.env.Store.View(), s.env.Now()
	live := map[string]bool{}
	for _, g := range Groups.Everywhere(tx) {
		live[g.ID] = true
		if g.Retention > 0 {
			if err := s.archive.Expire(g.ID, now.AddDate(0, 0, -g.Retention)); err != nil {
				return err
			}
		}
	}
	for _, id := range kept {
		if !live[id] {
			if err := s.archive.DeleteGroup(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reset removes every event.
func (s *Service) Reset() error { return s.archive.Reset() }
