package balancer

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// h2Conn is a client's HTTP/2 connection, served by x/net/http2.
type h2Conn struct {
	conn net.Conn
	base *http.Server // its shutdown is this connection's GOAWAY
	once sync.Once
	bal  *Balancer
}

// maxStreams is how many requests a client may have under way on a connection.
const maxStreams = 128

func (s *socket) serveH2(conn net.Conn, c *client) {
	attrs := &s.routes.Load().pick(lowerHost(c.tls.sni)).lb.attributes
	h := &h2Conn{conn: conn, bal: s.bal, base: &http.Server{MaxHeaderBytes: requestHeadLimit}}
	conf := &http2.Server{MaxConcurrentStreams: maxStreams, IdleTimeout: attrs.IdleTimeout}
	if http2.ConfigureServer(h.base, conf) != nil || !s.track(h) {
		conn.Close()
		return
	}
	defer s.untrack(h)
	defer conn.Close()
	goAway := time.AfterFunc(attrs.ClientKeepAlive, h.shutdown)
	defer goAway.Stop()
	conf.ServeConn(conn, &http2.ServeConnOpts{
		BaseConfig: h.base,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.handle(w, r, c)
		}),
	})
}

// shutdown says GOAWAY; the connection ends with its last stream.
func (h *h2Conn) shutdown() {
	h.once.Do(func() { h.bal.work.Go(func() { h.base.Shutdown(context.Background()) }) })
}

func (h *h2Conn) cut() { h.conn.Close() }
