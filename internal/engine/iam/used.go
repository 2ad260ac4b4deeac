package iam

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// usedEvery is how often the last use of one key is written down. AWS does not
// promise better than a quarter of an hour.
const usedEvery = time.Minute

// usage is the last use of keys and roles since the engine started.
type usage struct {
	mu   sync.Mutex
	last map[string]*usedKey
	wake chan struct{}
}

type usedKey struct {
	use
	written time.Time
	waiting bool
}

// Used notes that a request was signed with a key, for a service and region. It
// is called for every request and writes nothing itself: Run does, at most once a
// minute for a key. What is used is a long-term key, or the role of a session.
func (s *Service) Used(id, service, region string) {
	if strings.HasPrefix(id, "ASIA") {
		if id = s.roleOf(id); id == "" {
			return
		}
	}
	now := s.env.Now()
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	k := s.used.last[id]
	if k == nil {
		k = &usedKey{}
		s.used.last[id] = k
	}
	k.use = use{ID: id, At: now.UTC().Truncate(time.Second), Service: service, Region: region}
	if k.waiting || now.Sub(k.written) < usedEvery {
		return
	}
	k.waiting, k.written = true, now
	select {
	case s.used.wake <- struct{}{}:
	default:
	}
}

// roleOf is the unique id of the role whose session the key is, as it was last
// opened; empty for other sessions.
func (s *Service) roleOf(id string) string {
	k, ok := s.opened.get(id)
	if !ok {
		return ""
	}
	if c := k.key.Caller.(*operation.Caller); c.Kind == operation.AssumedRole {
		return ownerID(c.UserID)
	}
	return ""
}

// lastUse is when a key or role was used last, as far as anybody knows.
func (s *Service) lastUse(tx *state.Tx, id string) (use, bool) {
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	if k := s.used.last[id]; k != nil {
		return k.use, true
	}
	row, ok := uses.Get(tx, everywhere, id)
	if !ok {
		return use{}, false
	}
	return *row, true
}

// take is the uses to write down, all that there are when everything is asked
// for.
func (u *usage) take(everything bool) (list []use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, k := range u.last {
		if k.waiting || everything {
			k.waiting = false
			list = append(list, k.use)
		}
	}
	return list
}

// write keeps the uses of keys and roles that still exist, and forgets the rest.
func (s *Service) write(list []use) error {
	if len(list) == 0 {
		return nil
	}
	return s.env.Store.Update(func(tx *state.Tx) error {
		for _, u := range list {
			if keys.Has(tx, everywhere, u.ID) || s.isRole(tx, u.ID) {
				uses.Put(tx, everywhere, &u)
			}
		}
		return nil
	})
}

func (s *Service) isRole(tx *state.Tx, id string) bool {
	_, ok := roleByID.One(tx, state.Scope{Account: s.env.Account}, id)
	return ok
}

// Run writes down last uses, keeps the engine's own root key over a reset, and
// drops old sessions, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(rootKeys)
	defer watch.Close()
	if err := s.sweep(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			err := s.write(s.used.take(true))
			if errors.Is(err, state.ErrClosed) {
				return nil
			}
			return err
		case <-s.used.wake:
			if err := s.write(s.used.take(false)); err != nil {
				s.env.Log.Error("writing down when keys were used", "error", err)
			}
		case <-watch.C():
			watch.Take()
			if _, err := s.RootKey(); err != nil {
				s.env.Log.Error("keeping the root key", "error", err)
			}
		}
	}
}
