package balancer

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// tunnel joins client and target after 101, in both directions, until either
// side ends or nothing moves for the idle timeout. The target stays claimed: a
// WebSocket holds a drain up to its deadline.
func (x *exchange) tunnel(a *answer) {
	x.status, x.replied, x.upgraded = 101, time.Now(), true
	defer a.owner.finish(false)
	conn, in, err := x.out.takeOver(x.upgradeFields(a))
	if err != nil {
		return
	}
	defer conn.Close()
	idle := newIdleTimer(x.lb.attributes.IdleTimeout, conn, a.conn)
	defer idle.stop()
	up := make(chan struct{})
	x.bal.work.Go(func() {
		defer close(up)
		atomic.AddInt64(&x.received, idle.copy(a.conn, in))
		closeWrite(a.conn)
	})
	x.returned += idle.copy(conn, a.in)
	closeWrite(conn)
	<-up
}

func (x *exchange) upgradeFields(a *answer) fields {
	out := x.toClient(a)
	return append(out, field{"Connection", "upgrade"}, field{"Upgrade", a.fields.get("Upgrade")})
}

// closeWrite passes an end of file on. A side that cannot be half closed, or
// that sends nothing after it, ends with the idle timeout.
func closeWrite(c net.Conn) {
	if !halfClose(c) {
		c.Close()
	}
}

// idleTimer ends two connections when neither has moved for a while.
type idleTimer struct {
	after time.Duration
	moved atomic.Int64
	timer *time.Timer
	ends  [2]net.Conn
}

func newIdleTimer(after time.Duration, a, b net.Conn) *idleTimer {
	t := &idleTimer{after: after, ends: [2]net.Conn{a, b}}
	for _, c := range t.ends {
		c.SetDeadline(time.Time{})
	}
	t.touch()
	t.timer = time.AfterFunc(after, t.check)
	return t
}

func (t *idleTimer) touch() { t.moved.Store(time.Now().UnixNano()) }

func (t *idleTimer) check() {
	if left := t.after - time.Since(time.Unix(0, t.moved.Load())); left > 0 {
		t.timer.Reset(left)
		return
	}
	for _, c := range t.ends {
		c.Close()
	}
}

func (t *idleTimer) stop() { t.timer.Stop() }

// copy moves bytes one way until an end or an error.
func (t *idleTimer) copy(to io.Writer, from io.Reader) (moved int64) {
	buf := getBuf()
	defer buf.release()
	b := buf.b[:cap(buf.b)]
	for {
		n, err := from.Read(b)
		if n > 0 {
			t.touch()
			if _, werr := to.Write(b[:n]); werr != nil {
				t.closeBoth()
				return moved
			}
			moved += int64(n)
		}
		if err != nil {
			if err != io.EOF {
				t.closeBoth()
			}
			return moved
		}
	}
}

func (t *idleTimer) closeBoth() {
	for _, c := range t.ends {
		c.Close()
	}
}

// halfClose ends the sending side of a connection, below TLS too. It reports
// false for connections that have no halves.
func halfClose(c net.Conn) (ok bool) {
	for {
		if h, half := c.(interface{ CloseWrite() error }); half {
			h.CloseWrite()
			ok = true
		}
		inner, wraps := c.(interface{ NetConn() net.Conn })
		if !wraps {
			return ok
		}
		c = inner.NetConn()
	}
}
