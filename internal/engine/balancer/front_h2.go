package balancer

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// h2Conn is a client's HTTP/2 connection. net/http serves it; a server of its
// own makes its shutdown this connection's GOAWAY.
type h2Conn struct {
	conn   net.Conn
	server *http.Server
	once   sync.Once
	bal    *Balancer

	mu      sync.Mutex
	streams int
	ended   bool
	empty   chan struct{} // closed when ended and no stream is left
}

// maxStreams is how many requests a client may have under way on a connection.
const maxStreams = 128

func (s *socket) serveH2(conn net.Conn, c *client) {
	attrs := &s.routes.Load().pick(lowerHost(c.tls.sni)).lb.attributes
	h := &h2Conn{conn: conn, bal: s.bal, empty: make(chan struct{})}
	closed := make(chan struct{})
	h.server = &http.Server{
		MaxHeaderBytes: requestHeadLimit, IdleTimeout: attrs.IdleTimeout,
		Protocols: protocols((*http.Protocols).SetHTTP2),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:  log.New(io.Discard, "", 0), // clients' faults
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h.enter() {
				defer h.leave()
				s.handle(w, r, c)
			}
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(closed)
			}
		},
	}
	defer conn.Close()
	if !s.track(h) {
		return
	}
	defer s.untrack(h)
	goAway := time.AfterFunc(attrs.ClientKeepAlive, h.shutdown)
	defer goAway.Stop()
	h.server.Serve(&oneConn{conn: conn, closed: closed})
	<-closed
	h.end()
}

func protocols(set ...func(*http.Protocols, bool)) *http.Protocols {
	p := &http.Protocols{}
	for _, f := range set {
		f(p, true)
	}
	return p
}

// enter counts a stream in, unless the connection has ended.
func (h *h2Conn) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.streams++
	}
	return !h.ended
}

func (h *h2Conn) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams--; h.ended && h.streams == 0 {
		close(h.empty)
	}
}

// end waits for the streams of a connection that is closed.
func (h *h2Conn) end() {
	h.mu.Lock()
	h.ended = true
	left := h.streams
	h.mu.Unlock()
	if left > 0 {
		<-h.empty
	}
}

// shutdown says GOAWAY; the connection ends with its last stream.
func (h *h2Conn) shutdown() {
	h.once.Do(func() { h.bal.work.Go(func() { h.server.Shutdown(context.Background()) }) })
}

func (h *h2Conn) cut() { h.conn.Close() }

// oneConn is a listener that has one connection to give.
type oneConn struct {
	conn   net.Conn
	closed <-chan struct{} // the connection has ended
	given  bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
