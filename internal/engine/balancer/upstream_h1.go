package balancer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// backConn is an HTTP/1.1 connection to a target.
type backConn struct {
	net.Conn
	in      *input
	target  *target
	tracked *trackedConn // below TLS
	used    time.Time
	reused  bool

	idle  time.Duration
	armed time.Time // when the deadline was last moved
	armer func()    // arm

	// Of the exchange under way, kept here to spare the collector.
	answer  answer
	sized   sized
	chunked chunked
	x       *exchange
	upload  *upload
	unwatch func() bool
}

func (c *backConn) close() { c.Conn.Close() }

// outbuf is a pooled buffer in which heads and small bodies are put together.
type outbuf struct{ b []byte }

// partSize is how much of a body is copied at a time; a buffer holds that much
// and a head.
const partSize = 16 << 10

var outbufs = sync.Pool{New: func() any { return &outbuf{make([]byte, 0, partSize+4<<10)} }}

func getBuf() *outbuf { return outbufs.Get().(*outbuf) }

func (o *outbuf) release() {
	if cap(o.b) <= 64<<10 {
		o.b = o.b[:0]
		outbufs.Put(o)
	}
}

// smallBody is a body that is read whole before a target is bothered with it.
const smallBody = 8 << 10

// sendH1 carries an exchange to a target over HTTP/1.1. A connection that was
// used before may have been closed by the target meanwhile: when it fails
// before a byte of the answer and the request may be repeated, a fresh one is
// dialled.
func (t *target) sendH1(x *exchange) (*answer, *failure) {
	for fresh := false; ; fresh = true {
		c, err := t.take(x, fresh, x.streams)
		if err != nil {
			t.group.metrics.connectErrors.Add(1)
			return nil, t.unreached(failing(fmt.Errorf("connecting to %s: %w", t.address, err)))
		}
		a, f, again := c.roundTrip(x, x.message.b, x.streams)
		if f == nil {
			return a, nil
		}
		c.close()
		if t.isCut() {
			return nil, f
		}
		if !c.reused && f.status == 502 && c.in.buffered() == 0 {
			t.suspect()
		}
		if !again {
			return nil, f
		}
		if !c.reused {
			f.elsewhere = once
			return nil, f
		}
	}
}

// unreached is a failure of connecting: another target may be tried, unless
// this one has taken all the time there is.
func (t *target) unreached(f *failure) *failure {
	if f.status == 502 {
		f.elsewhere = always
		t.suspect()
	}
	return f
}

// take returns a live idle connection, or dials.
func (t *target) take(x *exchange, fresh, stream bool) (*backConn, error) {
	look := stream || !x.req.idempotent()
	for !fresh {
		c := t.idle.get()
		if c == nil {
			break
		}
		if !look && !x.now.After(c.used.Add(idleCheckAfter)) || alive(c.Conn) {
			c.reused = true
			return c, nil
		}
		c.close()
	}
	conn, err := t.connect(x.ctx, x.lb.attributes.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	c := &backConn{Conn: conn, in: newInput(conn), target: t, tracked: trackedBelow(conn)}
	c.armer = c.arm
	return c, nil
}

// idleCheckAfter is how long a connection rests before it is looked at for an
// end that came meanwhile. For requests that may not be repeated it is looked at
// in any case.
const idleCheckAfter = time.Second

// roundTrip sends head (with a small body) and the streamed body, and reads the
// answer's head. again means that nothing was answered and the request may be
// sent afresh: the target has certainly not seen it, or it is all at hand and,
// on a reused connection, idempotent, on a fresh one safe.
func (c *backConn) roundTrip(x *exchange, head []byte, stream bool) (a *answer, f *failure, again bool) {
	idle := x.lb.attributes.IdleTimeout
	x.sent = time.Now()
	c.SetDeadline(x.sent.Add(min(idle, watchAfter)))
	c.x, c.upload, c.unwatch = x, nil, nil
	if x.ctx.Done() != nil {
		c.unwatch = context.AfterFunc(x.ctx, c.close)
	}
	mark := c.tracked.written.Load()
	_, err := c.Write(head)
	if err == nil && stream && c.reused && !alive(c.Conn) && unseen(c.Conn, mark) {
		err = errStale // before anything of the body is lost
	}
	if err != nil {
		again = unseen(c.Conn, mark) || !stream && c.repeatable(x)
		return nil, failing(fmt.Errorf("sending to %s: %w", c.target.address, err)), again
	}
	if stream {
		c.upload = startUpload(c, x, idle)
		x.upload = c.upload
	}
	a, err = c.await(x, idle)
	if err != nil {
		again = !stream && c.in.buffered() == 0 && !timedOut(err) && (c.repeatable(x) || unseen(c.Conn, mark))
		c.close()
		if c.upload != nil {
			if cerr := c.upload.failed.Load(); cerr != nil {
				return nil, clientFailure(*cerr), false
			}
		}
		if err == errClientLeft || x.ctx.Err() != nil {
			return nil, &failure{status: statusClientLeft, err: errClientLeft}, false
		}
		return nil, failing(fmt.Errorf("answer of %s: %w", c.target.address, err)), again
	}
	x.answered = time.Now()
	return a, nil, false
}

// repeatable tells whether a request that was not answered on the connection may
// be sent again, though the target may have seen it.
func (c *backConn) repeatable(x *exchange) bool {
	if c.reused {
		return x.req.idempotent()
	}
	return x.safe()
}

// watchAfter is how long an answer may take before the client is watched for
// leaving meanwhile: quick answers do without.
const watchAfter = 100 * time.Millisecond

var errClientLeft = errors.New("the client closed its connection")

// await reads the answer's head. A client is not watched for leaving until the
// answer has been long in coming.
func (c *backConn) await(x *exchange, idle time.Duration) (*answer, error) {
	c.in.arm = nil // until there is an answer
	a, err := c.finalAnswer(x)
	if err == nil || !timedOut(err) || idle <= watchAfter {
		return a, err
	}
	return c.awaitWatching(x, idle)
}

// finalAnswer reads past informational answers: the front tells the client 100
// itself.
func (c *backConn) finalAnswer(x *exchange) (*answer, error) {
	for {
		a, err := c.readAnswer(x)
		if err != nil || a.status >= 200 || a.status == 101 {
			return a, err
		}
	}
}

func (c *backConn) awaitWatching(x *exchange, idle time.Duration) (*answer, error) {
	since := x.sent
	if c.upload != nil {
		<-c.upload.done // its end set the deadline that has passed
		since = c.upload.ended
	}
	c.SetDeadline(since.Add(idle))
	var left atomic.Bool
	stop := x.out.watch(func() {
		left.Store(true)
		c.close()
	})
	defer stop()
	a, err := c.finalAnswer(x)
	if err != nil && left.Load() {
		err = errClientLeft
	}
	return a, err
}

var errStale = errors.New("the target closed the connection while it was idle")

// idempotent requests may be sent again after they may have reached a target
// (RFC 9110 section 9.2.2).
func (r *request) idempotent() bool {
	switch r.method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return r.upgrade == ""
	}
	return false
}

func trackedBelow(c net.Conn) *trackedConn {
	for {
		if t, ok := c.(*trackedConn); ok {
			return t
		}
		c = c.(interface{ NetConn() net.Conn }).NetConn()
	}
}

// finish gives the connection back after the answer's body, if both sides are at
// a message's end and nobody asked to close. The answer is void from then on.
func (c *backConn) finish(clean bool) {
	a, x, up := &c.answer, c.x, c.upload
	if c.unwatch != nil && !c.unwatch() {
		clean = false // the client's end closes the connection at this moment
	}
	c.x, c.upload, c.unwatch = nil, nil, nil
	if up != nil && !up.settle(c) {
		clean = false
	}
	if !clean || x.apart || a.length == untilClose || a.status == 101 || c.in.buffered() > 0 || a.fields.token("Connection", "close") {
		c.close()
		return
	}
	c.used = time.Now()
	c.target.idle.put(c, x.lb.attributes.IdleTimeout)
}
