package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// upstreamH2 carries exchanges to targets that speak HTTP/2: groups of protocol
// version HTTP2 and GRPC. Each target has a transport, and so connections, of
// its own; without TLS it speaks HTTP/2 from the first byte.
type upstreamH2 struct {
	group *group
	mu    sync.Mutex
	trips map[*target]*http.Transport
}

func (u *upstreamH2) init(g *group) {
	u.group, u.trips = g, map[*target]*http.Transport{}
}

// newH2Transport speaks HTTP/2 on the connections that dial makes.
func newH2Transport(dial func(context.Context) (net.Conn, error), secure bool) *http.Transport {
	tr := &http.Transport{
		DisableCompression: true, MaxResponseHeaderBytes: responseHeadLimit, IdleConnTimeout: time.Minute,
		Protocols: protocols((*http.Protocols).SetUnencryptedHTTP2),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx)
		},
	}
	if !secure {
		return tr
	}
	tr.Protocols = protocols((*http.Protocols).SetHTTP2)
	tr.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		config := targetTLS()
		config.NextProtos = []string{"h2"}
		s := tls.Client(c, config)
		if err := s.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return s, nil
	}
	return tr
}

// transport is the target's, made when first needed.
func (u *upstreamH2) transport(t *target, within time.Duration) *http.Transport {
	u.mu.Lock()
	defer u.mu.Unlock()
	trip := u.trips[t]
	if trip == nil {
		trip = newH2Transport(func(ctx context.Context) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			c, err := u.group.bal.dialTarget(ctx, t, t.address, *t.obstacle.Load())
			if err != nil {
				u.group.metrics.connectErrors.Add(1)
				err = &connectError{err}
			}
			return c, err
		}, u.group.settings().Protocol == HTTPS)
		u.trips[t] = trip
	}
	return trip
}

func (u *upstreamH2) forget(t *target) {
	u.mu.Lock()
	trip := u.trips[t]
	delete(u.trips, t)
	u.mu.Unlock()
	if trip != nil {
		trip.CloseIdleConnections()
	}
}

// send carries an exchange to its target. A request without a body that a
// connection's end kept from the target is sent again by the transport.
func (u *upstreamH2) send(x *exchange) (*answer, *failure) {
	t := x.target
	trip := u.transport(t, x.lb.attributes.ConnectTimeout)
	ctx, cancel := context.WithCancelCause(x.ctx)
	idle := &watchdog{after: x.lb.attributes.IdleTimeout, bite: func() { cancel(errIdle) }}
	idle.start()
	x.askForBody()
	req := u.request(ctx, x, idle)
	x.sent = time.Now()
	resp, err := trip.RoundTrip(req)
	if err != nil {
		idle.stop()
		cancel(nil)
		if context.Cause(ctx) == errIdle {
			return nil, &failure{status: 504, err: errIdle}
		}
		if x.ctx.Err() != nil {
			return nil, &failure{status: statusClientLeft, err: x.ctx.Err()}
		}
		f := failing(fmt.Errorf("answer of %s: %w", t.address, err))
		var unconnected *connectError
		switch {
		case errors.As(err, &unconnected) && atomic.LoadInt64(&x.received) == 0:
			return nil, t.unreached(f)
		case f.status == 502 && x.req.body == nil && x.safe() && !t.isCut():
			f.elsewhere = once
		}
		return nil, f
	}
	x.answered = time.Now()
	idle.pat()
	body := &h2Answer{watchedReader{resp.Body, idle}, resp, cancel}
	return &answer{
		status: resp.StatusCode, fields: fromHeader(withoutLength(resp.Header)), length: resp.ContentLength,
		body: body, owner: body,
	}, nil
}

// h2Answer is the rest of an answer that comes over HTTP/2.
type h2Answer struct {
	watchedReader
	resp   *http.Response
	cancel context.CancelCauseFunc
}

func (a *h2Answer) ready() bool      { return false }
func (a *h2Answer) trailing() fields { return fromHeader(a.resp.Trailer) }

func (a *h2Answer) finish(bool) {
	a.dog.stop()
	a.resp.Body.Close()
	a.cancel(nil)
}

func withoutLength(h http.Header) http.Header {
	delete(h, "Content-Length")
	return h
}

func (u *upstreamH2) request(ctx context.Context, x *exchange, idle *watchdog) *http.Request {
	scheme := "http"
	if u.group.settings().Protocol == HTTPS {
		scheme = "https"
	}
	req := (&http.Request{
		Method: x.req.method, Host: x.host,
		URL:    &url.URL{Scheme: scheme, Host: x.target.address, Opaque: "//" + x.host + x.uri},
		Header: http.Header{}, ContentLength: x.req.length,
	}).WithContext(ctx)
	for _, f := range x.toTarget() {
		k := http.CanonicalHeaderKey(f.name)
		req.Header[k] = append(req.Header[k], f.value)
	}
	if req.Header["User-Agent"] == nil {
		req.Header["User-Agent"] = []string{""} // the transport would add its own
	}
	if x.req.fields.token("TE", "trailers") {
		req.Header.Set("TE", "trailers")
	}
	if x.req.body != nil {
		req.Body = io.NopCloser(&watchedReader{x.req.body, idle})
		req.Trailer = http.Header{} // only announced trailers can be sent
		for names := range x.req.fields.all("Trailer") {
			for name := range strings.SplitSeq(names, ",") {
				req.Trailer[http.CanonicalHeaderKey(strings.TrimSpace(name))] = nil
			}
		}
		req.Body = &trailingBody{req.Body, x, req}
	}
	return req
}

// trailingBody fills the request's trailers in at the body's end.
type trailingBody struct {
	io.ReadCloser
	x   *exchange
	req *http.Request
}

func (b *trailingBody) announced(k string) bool {
	_, ok := b.req.Trailer[k]
	return ok
}

func (b *trailingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && b.x.req.trailers != nil {
		for _, f := range b.x.req.trailers() {
			if k := http.CanonicalHeaderKey(f.name); b.announced(k) {
				b.req.Trailer.Add(k, f.value)
			}
		}
	}
	return n, err
}

func (u *upstreamH2) close() {
	u.mu.Lock()
	trips := u.trips
	u.trips = map[*target]*http.Transport{}
	u.mu.Unlock()
	for _, t := range trips {
		t.CloseIdleConnections()
	}
}

// connectError is an error of connecting: the target has seen nothing.
type connectError struct{ error }

func (e *connectError) Unwrap() error { return e.error }

var errIdle = fmt.Errorf("nothing moved for the idle timeout: %w", context.DeadlineExceeded)

// watchdog bites when it is not patted for a while.
type watchdog struct {
	after time.Duration
	bite  func()
	timer *time.Timer
}

func (w *watchdog) start() { w.timer = time.AfterFunc(w.after, w.bite) }
func (w *watchdog) pat()   { w.timer.Reset(w.after) }
func (w *watchdog) stop()  { w.timer.Stop() }

type watchedReader struct {
	io.Reader
	dog *watchdog
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.dog.pat()
	}
	return n, err
}
