package balancer

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// socket accepts connections for the listeners that share a bind address.
type socket struct {
	bal      *Balancer
	listener net.Listener
	routes   atomic.Pointer[sockRoutes]
	tls      *tls.Config // nil for HTTP
	closing  atomic.Bool

	mu    sync.Mutex
	conns map[frontConn]struct{}
	empty chan struct{} // closed when closing and no connection is left
}

// frontConn is a client's connection in the care of a front.
type frontConn interface {
	shutdown() // ends it when what is under way has finished
	cut()
}

func openSocket(b *Balancer, r *sockRoutes) (*socket, error) {
	ln, err := b.listen("tcp", r.listeners[0].bind)
	if err != nil {
		return nil, err
	}
	s := &socket{bal: b, listener: ln, conns: map[frontConn]struct{}{}, empty: make(chan struct{})}
	s.routes.Store(r)
	if r.listeners[0].tls != nil {
		s.tls = s.baseTLS()
	}
	b.work.Go(s.accept)
	return s, nil
}

// accept takes connections until the socket is closed.
func (s *socket) accept() {
	for {
		c, err := s.listener.Accept()
		if err == nil {
			s.bal.work.Go(func() { s.serve(c) })
			continue
		}
		if s.closing.Load() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of file descriptors, or a client gone before it was accepted.
		s.bal.rarely("accept "+err.Error(), "accepting a connection", "address", s.listener.Addr().String(), "cause", err.Error())
		if !sleep(s.bal.life, 10*time.Millisecond) {
			return
		}
	}
}

// serve hands a connection to the front of its protocol. A fault in our own code
// costs the connection, not the others.
func (s *socket) serve(c net.Conn) {
	defer func() {
		if fault := recover(); fault != nil {
			s.bal.log.Error("serving a connection", "client", c.RemoteAddr().String(), "fault", fault, "stack", string(debug.Stack()))
			c.Close()
		}
	}()
	if !s.admitted(c) {
		return
	}
	var id [16]byte
	rand.Read(id[:])
	who := &client{remote: addrPort(c.RemoteAddr()), local: addrPort(c.LocalAddr()), traceID: "TID_" + hex.EncodeToString(id[:])}
	who.ip = who.remote.Addr().String()
	if s.tls == nil {
		s.serveH1(c, who)
		return
	}
	secure, err := s.handshake(c, who)
	if err != nil {
		c.Close()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		s.serveH2(secure, who)
		return
	}
	s.serveH1(secure, who)
}

// handshakeTime is how long a client may take for its TLS handshake.
const handshakeTime = 10 * time.Second

// acceptedConn carries what a handshake finds out about its connection.
type acceptedConn struct {
	net.Conn
	facts    clientTLS
	listener *listener
}

// NetConn is the connection below.
func (c *acceptedConn) NetConn() net.Conn { return c.Conn }

// baseTLS chooses a listener, and with it certificate and policy, by server
// name. Session tickets are the socket's and outlive configurations.
func (s *socket) baseTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c := hello.Conn.(*acceptedConn)
			c.listener = s.routes.Load().pick(lowerHost(hello.ServerName))
			cert, matched := c.listener.tls.choose(hello)
			c.facts.sni, c.facts.certificate, c.facts.matched = hello.ServerName, cert.id, matched
			return c.listener.tls.config, nil
		},
	}
}

func (s *socket) handshake(c net.Conn, who *client) (*tls.Conn, error) {
	a := &acceptedConn{Conn: c, listener: s.routes.Load().listeners[0]}
	secure := tls.Server(a, s.tls)
	ctx, cancel := context.WithTimeout(s.bal.life, handshakeTime)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		a.listener.metrics.tlsFails.Add(1)
		return nil, err
	}
	state := secure.ConnectionState()
	a.facts.version, a.facts.cipher, a.facts.resumed = tlsVersionName(state.Version), cipherName(state.CipherSuite), state.DidResume
	who.tls = &a.facts
	return secure, nil
}

// admitted lets in whom some listener of the socket admits. Others hear
// nothing, as behind a security group.
func (s *socket) admitted(c net.Conn) bool {
	from := addrPort(c.RemoteAddr()).Addr()
	listeners := s.routes.Load().listeners
	for _, l := range listeners {
		if l.admits(from) {
			l.metrics.connections.Add(1)
			return true
		}
	}
	s.bal.refused(listeners[0], from.String())
	s.bal.hold(s.bal.silent)
	c.Close()
	return false
}

// hold keeps a refused client waiting, until ctx ends at the latest.
func (b *Balancer) hold(ctx context.Context) {
	if b.held.Add(1) <= maxHeld {
		sleep(ctx, heldFor)
	}
	b.held.Add(-1)
}

// heldFor is how long a refused client is left without an answer: as long as
// Linux tries to connect.
const heldFor = 127 * time.Second

// maxHeld is how many refused clients are kept waiting at a time.
const maxHeld = 1000

func (b *Balancer) refused(l *listener, from string) {
	l.metrics.refused.Add(1)
	b.rarely("refused "+l.id+" "+from, "client refused", "listener", l.id, "client", from,
		"cause", fmt.Sprintf("%s: no rule lets it in on TCP port %d", or(l.guard, "the listener"), l.port))
}

// track takes a connection into care, unless the socket is closing.
func (s *socket) track(c frontConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *socket) untrack(c frontConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.closing.Load() && len(s.conns) == 0 {
		close(s.empty)
	}
}

// close stops accepting and ends idle connections; others end after what is
// under way on them.
func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Swap(true) {
		return
	}
	s.listener.Close()
	for c := range s.conns {
		c.shutdown()
	}
	if len(s.conns) == 0 {
		close(s.empty)
	}
}

// drain waits until the last connection has ended, and cuts what is left when
// ctx ends.
func (s *socket) drain(ctx context.Context) error {
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.cut()
	}
	s.mu.Unlock()
	<-s.empty
	return ctx.Err()
}
