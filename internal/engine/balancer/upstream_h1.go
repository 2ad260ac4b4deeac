package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
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

const responseHeadLimit = 32 << 10

// sendH1 carries an exchange to a target over HTTP/1.1. A connection that was
// used before may have been closed by the target meanwhile: when it fails
// before a byte of the answer and the request may be repeated, a fresh one is
// dialled.
func (t *target) sendH1(x *exchange) (*answer, *failure) {
	buf := getBuf()
	defer buf.release()
	buf.b = appendRequestHead(buf.b, x)
	stream := x.req.body != nil
	if stream && x.req.length > 0 && x.req.length <= smallBody {
		x.askForBody()
		n := len(buf.b)
		buf.b = append(buf.b, make([]byte, x.req.length)...)
		if _, err := io.ReadFull(x.req.body, buf.b[n:]); err != nil {
			return nil, clientFailure(unexpected(err))
		}
		stream = false
	}
	for fresh := false; ; fresh = true {
		c, err := t.take(x, fresh, stream)
		if err != nil {
			t.group.metrics.connectErrors.Add(1)
			return nil, failing(fmt.Errorf("connecting to %s: %w", t.address, err))
		}
		a, f, again := c.roundTrip(x, buf.b, stream)
		if f == nil {
			return a, nil
		}
		c.close()
		if !again || t.isCut() {
			return nil, f
		}
	}
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
const idleCheckAfter = time.Millisecond

// roundTrip sends head (with a small body) and the streamed body, and reads the
// answer's head. again means that nothing was answered on a reused connection
// and the request may be sent afresh: it is idempotent and all at hand, or the
// target has certainly not seen it.
func (c *backConn) roundTrip(x *exchange, head []byte, stream bool) (a *answer, f *failure, again bool) {
	idle := x.lb.attributes.IdleTimeout
	x.sent = time.Now()
	c.SetDeadline(x.sent.Add(min(idle, watchAfter)))
	if x.ctx.Done() != nil {
		defer context.AfterFunc(x.ctx, c.close)()
	}
	mark := c.tracked.written.Load()
	_, err := c.Write(head)
	if err == nil && stream && c.reused && !alive(c.Conn) && unseen(c.Conn, mark) {
		err = errStale // before anything of the body is lost
	}
	if err != nil {
		again = c.reused && (unseen(c.Conn, mark) || !stream && x.req.idempotent())
		return nil, failing(fmt.Errorf("sending to %s: %w", c.target.address, err)), again
	}
	var up *upload
	if stream {
		up = startUpload(c, x, idle)
		x.upload = up
	}
	a, err = c.await(x, idle, up)
	if err != nil {
		again = c.reused && !stream && c.in.buffered() == 0 && !timedOut(err) && (x.req.idempotent() || unseen(c.Conn, mark))
		c.close()
		if up != nil {
			if cerr := up.failed.Load(); cerr != nil {
				return nil, clientFailure(*cerr), false
			}
		}
		if err == errClientLeft || x.ctx.Err() != nil {
			return nil, &failure{statusClientLeft, errClientLeft}, false
		}
		return nil, failing(fmt.Errorf("answer of %s: %w", c.target.address, err)), again
	}
	x.answered = time.Now()
	a.close = c.finisher(x, a, up)
	return a, nil, false
}

// watchAfter is how long an answer may take before the client is watched for
// leaving meanwhile: quick answers do without.
const watchAfter = 100 * time.Millisecond

var errClientLeft = errors.New("the client closed its connection")

// await reads the answer's head, past informational ones: the front tells the
// client 100 itself.
func (c *backConn) await(x *exchange, idle time.Duration, up *upload) (*answer, error) {
	var left atomic.Bool
	watching := up != nil
	c.in.arm = nil // until there is an answer
	for {
		a, err := c.readAnswer(x)
		switch {
		case err == nil && a.status >= 100 && a.status < 200 && a.status != 101:
			continue
		case err != nil && timedOut(err) && !watching && watchAfter < idle:
			watching = true
			c.SetDeadline(x.sent.Add(idle))
			defer x.out.watch(func() {
				left.Store(true)
				c.close()
			})()
			continue
		case err != nil && left.Load():
			return nil, errClientLeft
		}
		return a, err
	}
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

// finisher gives the connection back after the answer's body, if both sides are
// at a message's end and nobody asked to close.
func (c *backConn) finisher(x *exchange, a *answer, up *upload) func(bool) {
	reusable := a.length != untilClose && !a.fields.token("Connection", "close") && !x.apart && a.status != 101
	return func(clean bool) {
		if up != nil && !up.finished() {
			clean = false
		}
		if !clean || !reusable || c.in.buffered() > 0 {
			c.close()
			return
		}
		c.used = time.Now()
		c.target.idle.put(c, x.lb.attributes.IdleTimeout)
	}
}

// untilClose is the length of a body that ends with the connection.
const untilClose = -2

func (x *exchange) askForBody() {
	if x.req.ask != nil {
		x.req.ask()
		x.req.ask = nil
	}
}

// upload copies a request's body to a target while the answer is awaited.
type upload struct {
	done   chan struct{}
	failed atomic.Pointer[error] // reading the client
}

func startUpload(c *backConn, x *exchange, idle time.Duration) *upload {
	x.askForBody()
	up := &upload{done: make(chan struct{})}
	c.SetReadDeadline(time.Time{}) // the answer's time runs from the last byte sent
	x.bal.work.Go(func() {
		defer close(up.done)
		if err := up.run(c, x, idle); err != nil {
			up.failed.Store(&err)
			c.close() // ends the wait for an answer too
			return
		}
		c.SetReadDeadline(time.Now().Add(idle))
	})
	return up
}

// run returns what went wrong with reading the client. An error of writing is
// the answer's reader's to see: the target may have answered early.
func (up *upload) run(c *backConn, x *exchange, idle time.Duration) error {
	buf := getBuf()
	defer buf.release()
	b := buf.b[:partSize]
	const room = 18 // for a chunk's size line
	for {
		n, err := x.req.body.Read(b[room : len(b)-2])
		if n > 0 {
			part := b[room : room+n]
			if x.req.length < 0 {
				part = frameChunk(b, room, n)
			}
			c.SetWriteDeadline(time.Now().Add(idle))
			if _, werr := c.Write(part); werr != nil {
				return nil
			}
		}
		switch {
		case err == io.EOF && x.req.length < 0:
			c.Write(appendTrailers([]byte("0\r\n"), x.req.trailers))
			return nil
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// finished tells whether the whole body was read.
func (up *upload) finished() bool {
	select {
	case <-up.done:
		return up.failed.Load() == nil
	default:
		return false
	}
}

// frameChunk makes a chunk of b[room:room+n], in place.
func frameChunk(b []byte, room, n int) []byte {
	var size [18]byte
	line := append(strconv.AppendInt(size[:0], int64(n), 16), '\r', '\n')
	from := room - len(line)
	copy(b[from:], line)
	copy(b[room+n:], "\r\n")
	return b[from : room+n+2]
}

func appendTrailers(b []byte, trailers func() fields) []byte {
	if trailers != nil {
		for _, f := range trailers() {
			b = appendField(b, f.name, f.value)
		}
	}
	return append(b, "\r\n"...)
}

// readAnswer reads a response's head and frames its body.
func (c *backConn) readAnswer(x *exchange) (*answer, error) {
	head, err := c.in.head(responseHeadLimit)
	if err != nil {
		return nil, unexpected(err)
	}
	a, err := parseAnswer(head)
	if err != nil {
		return nil, err
	}
	switch {
	case a.status == 101:
		if x.req.upgrade == "" {
			return nil, errors.New("switches protocols unasked")
		}
		a.conn, a.in = c.Conn, c.in
	case x.req.method == "HEAD" || a.status < 200 || a.status == 204 || a.status == 304:
		a.length = max(a.length, -1)
	case a.length == -1:
		body := &chunked{in: c.in}
		a.body, a.more, a.trailers = body, body.ready, func() fields { return body.trailers }
	case a.length == untilClose:
		a.body, a.more = c.in, c.in.ready
	case a.length > 0:
		a.body, a.more = &sized{c.in, a.length}, c.in.ready
	}
	c.idle, c.armed, c.in.arm = x.lb.attributes.IdleTimeout, time.Time{}, c.armer
	return a, nil
}

// arm moves the deadline on as an answer's body comes in.
func (c *backConn) arm() {
	if now := time.Now(); now.Sub(c.armed) > c.idle/64 {
		c.SetDeadline(now.Add(c.idle))
		c.armed = now
	}
}

// parseAnswer parses a response's head. Its length is −1 for chunked bodies and
// untilClose where nothing else tells.
func parseAnswer(head string) (*answer, error) {
	line, rest := cutLine(head)
	if len(line) < 12 || line[:7] != "HTTP/1." || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return nil, fmt.Errorf("malformed status line %.40q", line)
	}
	status, err := strconv.Atoi(line[9:12])
	if err != nil || status < 100 {
		return nil, fmt.Errorf("malformed status line %.40q", line)
	}
	a := &answer{status: status, length: untilClose, fields: make(fields, 0, 12)}
	if len(line) > 13 {
		a.reason = line[13:]
	}
	old, sawLength := line[7] == '0', false
	for rest != "\r\n" && rest != "\n" {
		line, rest = cutLine(rest)
		f, ok := parseField(line)
		if !ok {
			return nil, fmt.Errorf("malformed header %.40q", line)
		}
		switch {
		case len(f.name) == 14 && equalFold(f.name, "Content-Length"):
			n, ok := digits(f.value)
			if !ok || sawLength && n != a.length {
				return nil, fmt.Errorf("malformed Content-Length %.40q", f.value)
			}
			if a.length != -1 {
				a.length, sawLength = n, true
			}
		case len(f.name) == 17 && equalFold(f.name, "Transfer-Encoding"):
			if !equalFold(f.value, "chunked") {
				if equalFold(f.value, "identity") {
					continue
				}
				return nil, fmt.Errorf("unsupported Transfer-Encoding %.40q", f.value)
			}
			a.length = -1
		default:
			a.fields = append(a.fields, f)
		}
	}
	if old && !a.fields.token("Connection", "keep-alive") {
		a.fields = append(a.fields, field{"Connection", "close"})
	}
	return a, nil
}

// cutLine cuts the first line off a head; lines end in CRLF or LF.
func cutLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return s, ""
	}
	line, rest = s[:i], s[i+1:]
	return strings.TrimSuffix(line, "\r"), rest
}

// appendRequestHead writes the head that a target gets.
func appendRequestHead(b []byte, x *exchange) []byte {
	r := &x.req
	b = append(b, r.method...)
	b = append(b, ' ')
	b = append(b, x.uri...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", x.host)
	for _, f := range x.toTarget() {
		b = appendField(b, f.name, f.value)
	}
	switch {
	case r.upgrade != "":
		b = appendField(b, "Connection", "upgrade")
		b = appendField(b, "Upgrade", r.upgrade)
	case r.length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.length > 0 || r.method == "POST" || r.method == "PUT" || r.method == "PATCH":
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.length, 10)
		b = append(b, "\r\n"...)
	}
	if x.apart {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
