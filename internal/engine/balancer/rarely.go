package balancer

import (
	"sync"
	"time"
)

// rareEvery is how often the same is logged while it lasts.
const rareEvery = time.Minute

// maxRares bounds what is remembered of what has been logged.
const maxRares = 10_000

// rares are the last times at which repeated messages were logged.
type rares struct {
	mu   sync.Mutex
	last map[string]*rare
}

type rare struct {
	at       time.Time
	withheld int
}

// due tells whether a message may be logged again, and how often it has been
// withheld since the last time.
func (r *rares) due(key string, now time.Time) (withheld int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.last[key]; m != nil && now.Sub(m.at) < rareEvery {
		m.withheld++
		return 0, false
	} else if m != nil {
		withheld = m.withheld
	}
	if r.last == nil || len(r.last) >= maxRares {
		r.last = map[string]*rare{}
	}
	r.last[key] = &rare{at: now}
	return withheld, true
}

// rarely logs what would repeat itself, at most once a minute for each key.
func (b *Balancer) rarely(key, msg string, args ...any) {
	withheld, ok := b.rares.due(key, time.Now())
	if !ok {
		return
	}
	if withheld > 0 {
		args = append(args, "again", withheld)
	}
	b.log.Warn(msg, args...)
}
