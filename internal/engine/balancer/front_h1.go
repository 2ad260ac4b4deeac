package balancer

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// h1Conn is a client's HTTP/1 connection.
type h1Conn struct {
	sock      *socket
	conn      net.Conn
	in        *input
	client    *client
	began     time.Time
	busy      atomic.Int32 // connIdle, connBusy or connClosed
	idle      time.Duration
	armed     time.Time // when the read deadline was last moved
	unarmed   bool      // the deadline is not to be moved
	lingering atomic.Bool
	x         exchange
	body      h1Body
	out       h1Responder
}

const (
	connIdle = iota
	connBusy
	connClosed
)

// serveH1 answers a connection's requests one after the other.
func (s *socket) serveH1(conn net.Conn, c *client) {
	h := &h1Conn{sock: s, conn: conn, in: newInput(conn), client: c, began: time.Now()}
	h.idle = s.routes.Load().listeners[0].lb.attributes.IdleTimeout
	h.out.h = h
	h.in.arm = h.arm
	defer conn.Close()
	if !s.track(h) {
		return
	}
	defer s.untrack(h)
	for h.next() {
	}
}

// arm moves the read deadline on: a client must send something before each idle
// timeout elapses.
func (h *h1Conn) arm() {
	if h.unarmed {
		return
	}
	if now := time.Now(); now.Sub(h.armed) > h.idle/64 {
		h.conn.SetReadDeadline(now.Add(h.idle))
		h.armed = now
	}
	if h.lingering.Load() {
		h.conn.SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// lingerTime is how long a client may go on sending after its last answer.
const lingerTime = time.Second

// shutdown ends the connection as soon as nothing is under way on it.
func (h *h1Conn) shutdown() {
	if h.busy.CompareAndSwap(connIdle, connClosed) {
		h.conn.Close()
	}
}

func (h *h1Conn) cut() {
	h.busy.Store(connClosed)
	h.conn.Close()
}

// next serves one request; false ends the connection.
func (h *h1Conn) next() bool {
	if h.in.buffered() == 0 && h.in.fill(requestHeadLimit) != nil {
		return false // nothing was asked
	}
	if !h.busy.CompareAndSwap(connIdle, connBusy) {
		return false
	}
	now := time.Now()
	head, err := h.in.head(requestHeadLimit)
	x := h.begin(now)
	status := 0
	switch {
	case err == errTooLong && len(firstLine(h.in.buf[h.in.r:h.in.w])) > requestLineLimit:
		status = 414
	case err == errTooLong:
		status = 400
	case err != nil && timedOut(err):
		status = 408
	case err != nil:
		return false // the client left in the middle of a head
	default:
		status = parseRequest(head, &x.req)
	}
	routes := h.sock.routes.Load()
	if status != 0 {
		h.reject(x, routes, status)
		h.linger()
		return false
	}
	h.attachBody(x)
	x.apart = x.req.verdict.severity >= ambiguous
	x.closing = x.apart || h.wantsClose(x)
	h.sock.bal.serve(x, routes)
	if x.upgraded {
		return false
	}
	return h.settle(x)
}

func firstLine(b []byte) []byte {
	for i, c := range b {
		if c == '\n' {
			return b[:i]
		}
	}
	return b
}

// begin makes the connection's exchange ready for another request.
func (h *h1Conn) begin(now time.Time) *exchange {
	x := &h.x
	fields, cookies := x.req.fields[:0], x.setCookies[:0]
	forTarget, forClient := x.forTarget[:0], x.forClient[:0]
	*x = exchange{bal: h.sock.bal, client: h.client, out: &h.out, ctx: context.Background(), now: now}
	x.req.fields, x.setCookies = fields, cookies
	x.forTarget, x.forClient = forTarget, forClient
	x.req.source = h.client.remote.Addr()
	h.out.reset()
	return x
}

// reject answers a request that could not be read.
func (h *h1Conn) reject(x *exchange, routes *sockRoutes, status int) {
	x.closing = true
	r := &x.req
	r.method, r.proto = or(r.method, "-"), or(r.proto, "-")
	x.listener = routes.pick(r.hostname())
	x.lb = x.listener.lb
	x.listener.metrics.requests.Add(1)
	defer x.end()
	x.refuse(status)
}

// wantsClose tells whether the client asks for no more answers than this.
func (h *h1Conn) wantsClose(x *exchange) bool {
	r := &x.req
	return r.fields.token("Connection", "close") ||
		r.proto == "HTTP/1.0" && !r.fields.token("Connection", "keep-alive")
}

// attachBody frames the request's body.
func (h *h1Conn) attachBody(x *exchange) {
	r := &x.req
	h.body = h1Body{h: h, ends: true}
	if r.length == 0 {
		return
	}
	h.body.ends = false
	if r.length < 0 {
		c := &chunked{in: h.in}
		h.body.Reader = c
		r.trailers = func() fields { return c.trailers }
	} else {
		h.body.sized = sized{h.in, r.length}
		h.body.Reader = &h.body.sized
	}
	h.body.expected = equalFold(r.fields.get("Expect"), "100-continue") && r.proto == "HTTP/1.1"
	r.ask = h.body.ask
	r.body = &h.body
}

// h1Body reads a request's body.
type h1Body struct {
	io.Reader
	h     *h1Conn
	sized sized
	begun bool // somebody reads it; from then on ends is theirs
	ends  bool // the whole body has been read

	expected bool // the client waits for 100 Continue
}

// ask begins the body: a client that waits for it is told to send.
func (b *h1Body) ask() {
	b.begun = true
	if b.expected && b.h.in.buffered() == 0 {
		b.h.conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	}
}

func (b *h1Body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	atomic.AddInt64(&b.h.x.received, int64(n))
	if err == io.EOF {
		b.ends = true
	}
	return n, err
}

// skipBuffered drops a body that has arrived as a whole and that nobody read.
func (b *h1Body) skipBuffered() {
	if b.begun || b.ends || b.Reader != &b.sized || int64(b.h.in.buffered()) < b.sized.left {
		return
	}
	b.h.in.r += int(b.sized.left)
	b.sized.left, b.ends = 0, true
}

// settle tells whether another request may follow, and ends the connection
// gently if not.
func (h *h1Conn) settle(x *exchange) bool {
	if h.out.broken {
		return false
	}
	if x.upload != nil && x.upload.whole.Load() {
		<-x.upload.done // the target's connection has been settled, or closed
	}
	if x.closing || x.upload != nil && !x.upload.whole.Load() || !h.body.ends {
		h.linger()
		return false
	}
	h.idle = x.lb.attributes.IdleTimeout
	if !h.busy.CompareAndSwap(connBusy, connIdle) {
		return false
	}
	// A shutdown that came while the connection was busy did not see it idle.
	return !h.sock.closing.Load()
}

// linger closes the sending side first and reads on for a while: closing with
// unread data would reset the connection before the answer has been read.
func (h *h1Conn) linger() {
	if h.out.broken {
		return
	}
	halfClose(h.conn)
	h.lingering.Store(true)
	h.conn.SetReadDeadline(time.Now().Add(lingerTime))
	if h.x.upload != nil {
		<-h.x.upload.done // it reads the connection; its target is gone, or its client is
	}
	buf := getBuf()
	defer buf.release()
	b := buf.b[:cap(buf.b)]
	for total := 0; total < 1<<20; {
		n, err := h.conn.Read(b)
		if err != nil {
			return
		}
		total += n
	}
}
