package balancer

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

func connectionTrace() string {
	var b [16]byte
	rand.Read(b[:])
	return "TID_" + hex.EncodeToString(b[:])
}

// handle makes an exchange of a request that net/http read.
func (s *socket) handle(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(clientKey{}).(*client)
	x := &exchange{bal: s.bal, client: c, now: time.Now(), ctx: r.Context()}
	out := &stdResponder{w: w, x: x}
	x.out = out
	x.req = request{
		method: r.Method, target: r.RequestURI, host: r.Host, proto: r.Proto,
		length: r.ContentLength, source: c.remote.Addr(),
	}
	if r.TLS != nil && c.tls == nil {
		c.tls = &clientTLS{version: r.TLS.Version, cipher: r.TLS.CipherSuite, sni: r.TLS.ServerName, resumed: r.TLS.DidResume}
	}
	x.req.splitTarget(r.URL.RequestURI())
	if r.ContentLength != 0 {
		x.req.body = r.Body
		x.req.trailers = func() fields { return fromHeader(r.Trailer) }
	}
	x.req.fields = fromHeader(r.Header)
	for _, f := range x.req.fields {
		x.req.headSize += len(f.name) + len(f.value) + 4
	}
	if x.req.fields.token("Connection", "upgrade") && r.ProtoMajor == 1 {
		x.req.upgrade = x.req.fields.get("Upgrade")
	}
	s.bal.serve(x, s.routes.Load())
	if out.broken {
		panic(http.ErrAbortHandler)
	}
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

// stdResponder answers through net/http.
type stdResponder struct {
	w      http.ResponseWriter
	x      *exchange
	known  bool
	broken bool
}

func (o *stdResponder) begin(status int, _ string, f fields, length int64) error {
	h := o.w.Header()
	for _, l := range f {
		h[http.CanonicalHeaderKey(l.name)] = append(h[http.CanonicalHeaderKey(l.name)], l.value)
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // do not guess
	}
	if length >= 0 && status != 204 && status >= 200 {
		h["Content-Length"] = []string{itoa(int(length))}
		o.known = true
	}
	if o.x.closing && !strings.HasPrefix(o.x.req.proto, "HTTP/2") {
		h["Connection"] = []string{"close"}
	}
	o.w.WriteHeader(status)
	return nil
}

func (o *stdResponder) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err == nil && !o.known {
		err = http.NewResponseController(o.w).Flush()
	}
	return n, err
}

func (o *stdResponder) finish(trailers fields) error {
	for _, t := range trailers {
		o.w.Header().Add(http.TrailerPrefix+t.name, t.value)
	}
	return nil
}

func (o *stdResponder) abort() { o.broken = true }

func (o *stdResponder) takeOver(f fields) (net.Conn, *input, error) {
	conn, rw, err := http.NewResponseController(o.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	b := []byte("HTTP/1.1 101 Switching Protocols\r\n")
	for _, l := range f {
		b = appendField(b, l.name, l.value)
	}
	if _, err := conn.Write(append(b, "\r\n"...)); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, newInput(bufferedFirst(rw.Reader, conn)), nil
}

func bufferedFirst(r *bufio.Reader, c net.Conn) io.Reader {
	if n := r.Buffered(); n > 0 {
		return io.MultiReader(io.LimitReader(r, int64(n)), c)
	}
	return c
}
