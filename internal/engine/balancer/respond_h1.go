package balancer

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// h1Responder writes answers on an HTTP/1 connection. A head waits for the first
// part of the body, so that small answers leave in one piece.
type h1Responder struct {
	h       *h1Conn
	buf     *outbuf
	chunked bool
	broken  bool
	bare    bool // the answer has no body
	armed   time.Time
}

func (o *h1Responder) reset() {
	o.release()
	*o = h1Responder{h: o.h, armed: o.armed}
}

func (o *h1Responder) release() {
	if o.buf != nil {
		o.buf.release()
		o.buf = nil
	}
}

func (o *h1Responder) begin(status int, reason string, f fields, length int64) error {
	x := &o.h.x
	o.h.body.skipBuffered()
	if x.req.body != nil && !o.h.body.begun && !o.h.body.ends {
		x.closing = true // nobody will read the body
	}
	if x.upload != nil && !x.upload.whole.Load() {
		x.closing = true // an early answer
	}
	if o.h.sock.closing.Load() || time.Since(o.h.began) >= x.lb.attributes.ClientKeepAlive {
		x.closing = true
	}
	o.bare = x.req.method == "HEAD" || status < 200 || status == 204 || status == 304
	o.buf = getBuf()
	b := append(o.buf.b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, or(reason, http.StatusText(status))...)
	b = append(b, "\r\n"...)
	for i := range f {
		b = appendField(b, f[i].name, f[i].value)
	}
	switch {
	case length >= 0 && status >= 200 && status != 204:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, "\r\n"...)
	case length >= 0 || o.bare:
	case x.req.proto == "HTTP/1.0":
		x.closing = true
	default:
		o.chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if x.closing {
		b = append(b, "Connection: close\r\n"...)
	} else {
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	o.buf.b = append(b, "\r\n"...)
	return nil
}

// write sends a part of the body; more tells that another part, or the end,
// follows without waiting.
func (o *h1Responder) write(p []byte, more bool) error {
	if o.bare || len(p) == 0 {
		return nil
	}
	if !o.chunked && len(o.buf.b) == 0 && !more {
		return o.send(p)
	}
	if len(o.buf.b)+len(p)+chunkRoom > cap(o.buf.b) {
		if err := o.flush(); err != nil {
			return err
		}
	}
	if o.chunked {
		o.buf.b = strconv.AppendInt(o.buf.b, int64(len(p)), 16)
		o.buf.b = append(o.buf.b, "\r\n"...)
	}
	o.buf.b = append(o.buf.b, p...)
	if o.chunked {
		o.buf.b = append(o.buf.b, "\r\n"...)
	}
	if more {
		return nil
	}
	return o.flush()
}

func (o *h1Responder) flush() error {
	if len(o.buf.b) == 0 {
		return nil
	}
	err := o.send(o.buf.b)
	o.buf.b = o.buf.b[:0]
	return err
}

func (o *h1Responder) send(p []byte) error {
	idle := o.h.x.lb.attributes.IdleTimeout
	if now := time.Now(); now.Sub(o.armed) > idle/64 {
		o.h.conn.SetWriteDeadline(now.Add(idle))
		o.armed = now
	}
	_, err := o.h.conn.Write(p)
	if err != nil {
		o.broken = true
	}
	return err
}

func (o *h1Responder) finish(trailers fields) error {
	if o.chunked {
		o.buf.b = append(o.buf.b, "0\r\n"...)
		for _, t := range trailers {
			o.buf.b = appendField(o.buf.b, t.name, t.value)
		}
		o.buf.b = append(o.buf.b, "\r\n"...)
	}
	err := o.flush()
	o.release()
	return err
}

// abort closes the connection: the client sees an answer that breaks off.
func (o *h1Responder) abort() {
	if o.buf != nil && !o.broken {
		o.flush()
	}
	o.broken = true
	o.h.conn.Close()
	o.release()
}

func (o *h1Responder) takeOver(f fields) (net.Conn, *input, error) {
	b := []byte("HTTP/1.1 101 Switching Protocols\r\n")
	for _, l := range f {
		b = appendField(b, l.name, l.value)
	}
	_, err := o.h.conn.Write(append(b, "\r\n"...))
	return o.h.conn, o.h.in, err
}

// watch calls left when the client closes its connection, until stop is called.
// It costs a goroutine: callers watch only when an answer is long in coming.
func (o *h1Responder) watch(left func()) (stop func()) {
	h := o.h
	if h.in.buffered() > 0 || h.x.req.body != nil && !h.body.ends {
		return func() {} // there is something to read: that is not a client that left
	}
	done := make(chan struct{})
	h.unarmed, h.armed = true, time.Time{}
	h.conn.SetReadDeadline(time.Time{})
	h.sock.bal.work.Go(func() {
		defer close(done)
		if err := h.in.fill(requestHeadLimit); err != nil && !timedOut(err) {
			left()
		}
	})
	return sync.OnceFunc(func() {
		h.conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		h.unarmed = false
	})
}
