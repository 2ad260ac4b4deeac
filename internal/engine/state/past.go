package state

import (
	"sort"
	"sync"
	"time"
)

// past is the pictures of the last moments, for readers that are to see an older
// one: AWS's own reads lag behind its writes. It is kept only while asked for.
type past struct {
	mu   sync.Mutex
	keep time.Duration
	old  []dated
}

// dated is a picture and since when it has been the newest.
type dated struct {
	since time.Time
	rows  snapshot
}

// Remember keeps the pictures of the last d, from now on; 0 forgets them.
func (s *Store) Remember(d time.Duration) {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	s.past.keep, s.past.old = d, nil
	if d > 0 {
		s.past.old = []dated{{time.Now(), *s.durable.Load()}}
	}
	s.remembers.Store(d > 0)
}

// ViewBefore is the picture that View gave so long ago, or the oldest that is
// remembered; without Remember it is View.
func (s *Store) ViewBefore(age time.Duration) *Tx {
	if age <= 0 || !s.remembers.Load() {
		return s.View()
	}
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	if len(s.past.old) == 0 {
		return s.View()
	}
	at := time.Now().Add(-age)
	later := sort.Search(len(s.past.old), func(i int) bool { return s.past.old[i].since.After(at) })
	return &Tx{base: s.past.old[max(later-1, 0)].rows}
}

// passes notes the newest picture and forgets those that nobody may ask for any
// more: of what is older than it keeps, the last is still wanted.
func (p *past) passes(rows snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keep == 0 {
		return
	}
	now := time.Now()
	p.old = append(p.old, dated{now, rows})
	first := 0
	for first+1 < len(p.old) && !p.old[first+1].since.After(now.Add(-p.keep)) {
		first++
	}
	if first > 0 {
		p.old = append([]dated(nil), p.old[first:]...)
	}
}
