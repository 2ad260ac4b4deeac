package balancer

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// handle makes an exchange of an HTTP/2 request.
func (s *socket) handle(w http.ResponseWriter, r *http.Request, c *client) {
	x := &exchange{bal: s.bal, client: c, now: time.Now(), ctx: r.Context()}
	out := &stdResponder{w: w, x: x}
	x.out = out
	x.req = request{
		method: r.Method, target: r.RequestURI, host: r.Host, proto: "HTTP/2.0",
		length: r.ContentLength, source: c.remote.Addr(), fields: fromHeader(r.Header),
	}
	x.req.splitTarget(r.RequestURI)
	if r.ContentLength != 0 {
		body := &stdBody{body: r.Body, out: out}
		defer body.end()
		x.req.body = body
		x.req.trailers = func() fields { return fromHeader(r.Trailer) }
	}
	for name := range r.Trailer { // announced; the values come after the body
		x.req.fields = append(x.req.fields, field{"Trailer", name})
	}
	for _, f := range x.req.fields {
		x.req.headSize += len(f.name) + len(f.value) + 4
	}
	s.bal.serve(x, s.routes.Load())
	if out.broken {
		panic(http.ErrAbortHandler)
	}
}

// stdBody reads a stream's body, keeping the idle timeout. The upstream may go on
// reading for a moment after an early answer has ended the exchange.
type stdBody struct {
	body  io.Reader
	out   *stdResponder
	armed time.Time

	mu    sync.Mutex
	ended bool
}

func (b *stdBody) Read(p []byte) (int, error) {
	if !b.arm() {
		return 0, io.ErrClosedPipe
	}
	n, err := b.body.Read(p)
	atomic.AddInt64(&b.out.x.received, int64(n))
	return n, err
}

// arm moves the read deadline on; false means that the exchange has ended.
func (b *stdBody) arm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	idle := b.out.x.lb.attributes.IdleTimeout
	if now := time.Now(); !b.ended && now.Sub(b.armed) > idle/64 {
		http.NewResponseController(b.out.w).SetReadDeadline(now.Add(idle))
		b.armed = now
	}
	return !b.ended
}

// end comes before the stream's ResponseWriter is void.
func (b *stdBody) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
}

func fromHeader(h http.Header) fields {
	out := make(fields, 0, len(h)+2)
	for k, vs := range h {
		for _, v := range vs {
			out = append(out, field{k, v})
		}
	}
	return out
}

// stdResponder answers through a http.ResponseWriter.
type stdResponder struct {
	w      http.ResponseWriter
	x      *exchange
	armed  time.Time
	broken bool
}

func (o *stdResponder) begin(status int, _ string, f fields, length int64) error {
	h := o.w.Header()
	for _, l := range f {
		k := http.CanonicalHeaderKey(l.name)
		h[k] = append(h[k], l.value)
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // do not guess
	}
	if length >= 0 && status != 204 && status >= 200 {
		h["Content-Length"] = []string{itoa(int(length))}
	}
	o.w.WriteHeader(status)
	return nil
}

// write sends a part of the body, at once when the next is not yet there.
func (o *stdResponder) write(p []byte, more bool) error {
	o.arm()
	_, err := o.w.Write(p)
	if err == nil && !more {
		err = o.flush()
	}
	return err
}

func (o *stdResponder) flush() error {
	o.arm()
	return http.NewResponseController(o.w).Flush()
}

// arm moves the deadline on within which the client must take what is written.
func (o *stdResponder) arm() {
	idle := o.x.lb.attributes.IdleTimeout
	if now := time.Now(); now.Sub(o.armed) > idle/64 {
		http.NewResponseController(o.w).SetWriteDeadline(now.Add(idle))
		o.armed = now
	}
}

func (o *stdResponder) finish(trailers fields) error {
	for _, t := range trailers {
		if !strings.EqualFold(t.name, "Content-Length") {
			o.w.Header().Add(http.TrailerPrefix+t.name, t.value)
		}
	}
	return nil
}

func (o *stdResponder) abort() { o.broken = true }

// watch has nothing to do: the request's context ends with its stream.
func (o *stdResponder) watch(func()) func() { return func() {} }

func (o *stdResponder) takeOver(fields) (net.Conn, *input, error) {
	return nil, nil, errors.New("HTTP/2 streams are not upgraded")
}
