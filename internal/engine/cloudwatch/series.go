package cloudwatch

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// kept is how long points are: AWS keeps those of a minute for 15 days.
const kept = 3 * time.Hour

// Counter is one thing that is counted.
type Counter int

// The counters. Those of listeners have the load balancer as their only dimension.
const (
	Requests Counter = iota
	Target2xx
	Target3xx
	Target4xx
	Target5xx
	ConnectionErrors
	ELB3xx
	ELB4xx
	ELB5xx
	counters
)

// Counts are the counters' values.
type Counts [counters]uint64

// key is what a series is of: a load balancer, or one of its target groups.
type key struct {
	scope                     state.Scope
	loadBalancer, targetGroup string
}

// series are a key's points, the oldest first, at most one for each minute.
type series struct{ points []*point }

// point is what happened in a minute.
type point struct {
	minute time.Time
	counts Counts
	took   time.Duration
	times  []cell
	// healthy and unhealthy are how many targets there were when it was last looked;
	// hosts tells that there were any.
	healthy, unhealthy int
	hosts              bool
}

// cell is how many response times lie in a bucket: most buckets have none.
type cell struct {
	bucket int
	count  uint64
}

// read adds what was counted since the last time to the minute in which that was,
// and tells the present minute of the targets.
func (s *Service) read(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted, present := s.at.Truncate(time.Minute), now.Truncate(time.Minute)
	readings := s.source.Readings()
	last := make(map[string]Reading, len(readings))
	for _, r := range readings {
		last[r.ID] = r
		if d, some := since(s.last[r.ID], r); some {
			s.add(key{r.Scope, r.LoadBalancer, ""}, counted, d)
			if r.TargetGroup != "" {
				s.add(key{r.Scope, r.LoadBalancer, r.TargetGroup}, counted, d)
			}
		}
		if r.Healthy+r.Unhealthy > 0 {
			p := s.pointOf(key{r.Scope, r.LoadBalancer, r.TargetGroup}, present)
			p.healthy, p.unhealthy, p.hosts = r.Healthy, r.Unhealthy, true
		}
	}
	s.last, s.at = last, now
	s.forget(present.Add(-kept))
}

// since is what was counted between two readings; some is false for nothing.
// Counters that are smaller than before began anew.
func since(before, now Reading) (d Reading, some bool) {
	if now.Counts[Requests] < before.Counts[Requests] || now.Took < before.Took || len(before.Times) != len(now.Times) {
		before = Reading{Times: make([]uint64, len(now.Times))}
	}
	d.Times = make([]uint64, len(now.Times))
	for i := range d.Counts {
		d.Counts[i] = grown(before.Counts[i], now.Counts[i])
		some = some || d.Counts[i] > 0
	}
	for i := range d.Times {
		d.Times[i] = grown(before.Times[i], now.Times[i])
		some = some || d.Times[i] > 0
	}
	d.Took = now.Took - before.Took
	return d, some
}

func grown(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

func (s *Service) add(k key, minute time.Time, d Reading) {
	p := s.pointOf(k, minute)
	for i, n := range d.Counts {
		p.counts[i] += n
	}
	p.took += d.Took
	for bucket, n := range d.Times {
		if n > 0 {
			p.times = addCell(p.times, bucket, n)
		}
	}
}

func addCell(cells []cell, bucket int, n uint64) []cell {
	i, found := slices.BinarySearchFunc(cells, bucket, func(c cell, b int) int { return c.bucket - b })
	if found {
		cells[i].count += n
		return cells
	}
	return slices.Insert(cells, i, cell{bucket, n})
}

// pointOf is the key's point of a minute, a new one if there is none yet.
func (s *Service) pointOf(k key, minute time.Time) *point {
	all := s.all[k]
	if all == nil {
		all = &series{}
		s.all[k] = all
	}
	i, found := slices.BinarySearchFunc(all.points, minute, func(p *point, t time.Time) int { return p.minute.Compare(t) })
	if !found {
		all.points = slices.Insert(all.points, i, &point{minute: minute})
	}
	return all.points[i]
}

// forget drops the points before a time.
func (s *Service) forget(before time.Time) {
	for k, all := range s.all {
		i := 0
		for i < len(all.points) && all.points[i].minute.Before(before) {
			i++
		}
		if all.points = slices.Delete(all.points, 0, i); len(all.points) == 0 {
			delete(s.all, k)
		}
	}
}
