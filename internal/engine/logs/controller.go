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
	oldest, err := s.archive.Oldest() // before the rows: a group made in between is not taken for a deleted one
	if err != nil {
		return err
	}
	rows := map[string]int{}
	for _, g := range Groups.Everywhere(s.env.Store.View()) {
		rows[g.ID] = g.Retention
	}
	expired, deleted := due(rows, oldest, s.env.Now())
	for id, before := range expired {
		if err := s.archive.Expire(id, before); err != nil {
			return err
		}
	}
	for _, id := range deleted {
		if err := s.archive.DeleteGroup(id); err != nil {
			return err
		}
	}
	return nil
}

// due decides what goes: of groups whose oldest event is past their retention
// (days, by id; 0 is for ever) what lies before a time, and what groups left that
// are no more.
func due(retention map[string]int, oldest map[string]int64, now time.Time) (expired map[string]time.Time, deleted []string) {
	expired = map[string]time.Time{}
	for id, first := range oldest {
		days, live := retention[id]
		before := now.AddDate(0, 0, -days)
		switch {
		case !live:
			deleted = append(deleted, id)
		case days > 0 && first >= 0 && first < before.UnixMilli():
			expired[id] = before
		}
	}
	return expired, deleted
}

// Reset removes every event.
func (s *Service) Reset() error { return s.archive.Reset() }
