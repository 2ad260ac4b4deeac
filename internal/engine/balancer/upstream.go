package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxIdle is how many reusable connections a target keeps.
const maxIdle = 256

// idlePool holds connections that wait for their next request, the most
// recently used first out.
type idlePool struct {
	mu     sync.Mutex
	conns  []*backConn
	closed bool
	sweep  *time.Timer
}

func (p *idlePool) get() *backConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns)
	if n == 0 {
		return nil
	}
	c := p.conns[n-1]
	p.conns[n-1] = nil
	p.conns = p.conns[:n-1]
	return c
}

func (p *idlePool) put(c *backConn, keep time.Duration) {
	p.mu.Lock()
	if p.closed || len(p.conns) >= maxIdle {
		p.mu.Unlock()
		c.close()
		return
	}
	p.conns = append(p.conns, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(keep, func() { p.expire(keep) })
	}
	p.mu.Unlock()
}

// expire closes what has been idle for keep; the oldest stand first.
func (p *idlePool) expire(keep time.Duration) {
	p.mu.Lock()
	n := 0
	for n < len(p.conns) && time.Since(p.conns[n].used) >= keep {
		n++
	}
	old := append([]*backConn(nil), p.conns[:n]...)
	p.conns = append(p.conns[:0:0], p.conns[n:]...)
	p.sweep = nil
	if len(p.conns) > 0 {
		p.sweep = time.AfterFunc(time.Until(p.conns[0].used.Add(keep)), func() { p.expire(keep) })
	}
	p.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// closeAll closes idle connections.
func (p *idlePool) closeAll() {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
	p.mu.Unlock()
	for _, c := range conns {
		c.close()
	}
}

// shut closes the pool for good.
func (p *idlePool) shut() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.closeAll()
}

// dialTarget connects to a target, or waits in vain where an obstacle lets
// nothing through.
func (b *Balancer) dialTarget(ctx context.Context, t *target, address, obstacle string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.life, cancel)()
	if obstacle != "" {
		b.rarely("target "+t.group.id+" "+t.id, "target unreachable", "target", t.id, "group", t.group.id, "cause", obstacle)
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("%s: %w", obstacle, ctx.Err())
		}
		return nil, ctx.Err()
	}
	c, err := b.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if !t.track(c) {
		c.Close()
		return nil, errCut
	}
	return &trackedConn{Conn: c, target: t}, nil
}

var errCut = errors.New("the target is deregistered")

// trackedConn leaves its target's list when it is closed, and counts what is
// written to it.
type trackedConn struct {
	net.Conn
	target  *target
	written atomic.Int64
}

func (c *trackedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// NetConn is the connection below.
func (c *trackedConn) NetConn() net.Conn { return c.Conn }

func (c *trackedConn) Close() error {
	c.target.forget(c.Conn)
	return c.Conn.Close()
}

// connect dials a target for requests, with TLS where the group wants it.
func (t *target) connect(ctx context.Context, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c, err := t.group.bal.dialTarget(ctx, t, t.address, *t.obstacle.Load())
	if err != nil || t.group.settings().Protocol != HTTPS {
		return c, err
	}
	s := tls.Client(c, targetTLS())
	if err := s.HandshakeContext(ctx); err != nil {
		c.Close()
		if timedOut(err) {
			// "SSL handshake timeout (10 seconds) when connecting to a target" is a 502.
			err = errors.New("TLS handshake with the target timed out")
		}
		return nil, err
	}
	return s, nil
}
