package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// socket accepts connections for the listeners that share a bind address.
type socket struct {
	bal      *Balancer
	listener net.Listener
	routes   atomic.Pointer[sockRoutes]
	server   *http.Server
}

func openSocket(b *Balancer, r *sockRoutes) (*socket, error) {
	ln, err := b.listen("tcp", r.listeners[0].bind)
	if err != nil {
		return nil, err
	}
	s := &socket{bal: b, listener: ln}
	s.routes.Store(r)
	attrs := &r.listeners[0].lb.attributes
	s.server = &http.Server{
		Handler:     http.HandlerFunc(s.handle),
		IdleTimeout: attrs.IdleTimeout,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, clientKey{}, s.clientOf(c))
		},
	}
	serve := net.Listener(&admitting{ln, s})
	if r.listeners[0].tls != nil {
		if err := http2.ConfigureServer(s.server, &http2.Server{MaxConcurrentStreams: 128}); err != nil {
			return nil, errors.Join(err, ln.Close())
		}
		serve = tls.NewListener(serve, s.baseTLS())
	}
	b.work.Go(func() { s.server.Serve(serve) })
	return s, nil
}

type clientKey struct{}

// acceptedConn carries what is found out about a connection.
type acceptedConn struct {
	net.Conn
	tls *clientTLS
}

func (s *socket) clientOf(c net.Conn) *client {
	out := &client{remote: addrPort(c.RemoteAddr()), local: addrPort(c.LocalAddr()), traceID: connectionTrace()}
	return out
}

// baseTLS chooses a listener, and with it certificates and policy, for every
// handshake. Session tickets are its own and outlive configurations.
func (s *socket) baseTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			l := s.routes.Load().pick(lowerHost(hello.ServerName))
			chosen, matched := l.tls.choose(hello)
			if a, ok := hello.Conn.(*acceptedConn); ok {
				a.tls = &clientTLS{sni: hello.ServerName, certificate: chosen.id, matched: matched}
			}
			return l.tls.config, nil
		},
	}
}

// admitting lets in whom some listener of the socket admits. Others hear
// nothing, as behind a security group.
type admitting struct {
	net.Listener
	socket *socket
}

func (a *admitting) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if a.socket.admitted(c) {
			return &acceptedConn{Conn: c}, nil
		}
	}
}

func (s *socket) admitted(c net.Conn) bool {
	from := addrPort(c.RemoteAddr()).Addr()
	listeners := s.routes.Load().listeners
	for _, l := range listeners {
		if l.admits(from) {
			l.metrics.connections.Add(1)
			return true
		}
	}
	s.bal.hold(c, listeners[0])
	return false
}

// heldFor is how long a refused client is left without an answer: as long as
// Linux tries to connect.
const heldFor = 127 * time.Second

// hold keeps a connection that a security group refuses, silently.
func (b *Balancer) hold(c net.Conn, l *listener) {
	l.metrics.refused.Add(1)
	b.logOnce("refused "+l.id+" "+addrPort(c.RemoteAddr()).Addr().String(), "client refused",
		"listener", l.id, "client", c.RemoteAddr().String(), "cause", "no security group rule admits it")
	b.work.Go(func() {
		sleep(b.life, heldFor)
		c.Close()
	})
}

// close stops accepting.
func (s *socket) close() {
	s.listener.Close()
	ctx, cancel := context.WithCancel(s.bal.life)
	s.bal.work.Go(func() {
		defer cancel()
		s.server.Shutdown(ctx)
	})
}

// drain waits for requests under way, and cuts them when ctx ends.
func (s *socket) drain(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	s.server.Close()
	return err
}
