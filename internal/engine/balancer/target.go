package balancer

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// target is one registration of a target with a group. Registering again, or
// at another address, makes another target.
type target struct {
	id, address string
	group       *group

	// What stands in the way of requests and of health checks; "" is nothing.
	obstacle, checkObstacle atomic.Pointer[string]

	// claims counts exchanges under way. closed, its highest bit, refuses new
	// ones: claiming and draining cannot miss each other.
	claims    atomic.Int64
	suspected atomic.Bool // see suspect
	// slowSince is when slow start began, in Unix nanoseconds; 0 is not slow.
	slowSince atomic.Int64

	idle idlePool // reusable HTTP/1.1 connections

	mu    sync.Mutex
	cut   bool // connections are refused and closed from now on
	conns map[net.Conn]struct{}

	// Guarded by group.mu.
	health     health
	reported   health
	drainUntil time.Time
	deadline   *time.Timer
	drained    bool
	removed    bool
	firstBatch bool // registered into an empty group: its first health is not slow
	stopProbe  func()
}

const closedBit = -1 << 63

// claim takes the target for one exchange, unless it takes no more.
func (t *target) claim() bool {
	if t.claims.Add(1) > 0 {
		return true
	}
	t.release()
	return false
}

// release ends an exchange's claim; the last one after close reports it.
func (t *target) release() {
	if t.claims.Add(-1) == closedBit {
		t.group.idleNow(t)
	}
}

// close refuses claims from now on, and reports whether none is held.
func (t *target) close() bool {
	return t.claims.Or(closedBit)&^closedBit == 0
}

func (t *target) inFlight() int { return int(t.claims.Load() &^ closedBit) }

// track remembers a connection so that a drain's end can cut it.
func (t *target) track(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cut {
		return false
	}
	if t.conns == nil {
		t.conns = map[net.Conn]struct{}{}
	}
	t.conns[c] = struct{}{}
	return true
}

func (t *target) forget(c net.Conn) {
	t.mu.Lock()
	delete(t.conns, c)
	t.mu.Unlock()
}

// cutAll closes every connection: what is under way fails.
func (t *target) cutAll() {
	t.mu.Lock()
	t.cut = true
	conns := t.conns
	t.conns = nil
	t.mu.Unlock()
	t.idle.shut()
	for c := range conns {
		c.Close()
	}
}

func (t *target) isCut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cut
}

// slowShare is the part of its full share that a target in slow start gets.
func (t *target) slowShare(now time.Time, over time.Duration) float64 {
	since := t.slowSince.Load()
	if since == 0 || over <= 0 {
		return 1
	}
	part := float64(now.UnixNano()-since) / float64(over)
	return min(1, max(part, 0.01))
}
