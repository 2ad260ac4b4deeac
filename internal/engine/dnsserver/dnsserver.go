// Package dnsserver answers DNS questions about the engine's zones: those that
// users make through the Cloudflare API, the load balancers' names and the
// certificate validations' ones. It is authoritative only; a name outside its
// zones is REFUSED, or handed to forwarders where the engine has been given
// some.
//
// It keeps nothing: [Server.Apply] swaps in an immutable snapshot of all zones,
// and a question is answered from the one that is current when it arrives. It
// is not a resolver with a cache, it signs nothing (no DNSSEC) and transfers no
// zone. The engine calls Apply whenever records change, runs [Server.Serve],
// and certificate validation asks [Server.Lookup] without any socket between.
package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/miekg/dns"
)

// Options are what a server needs. The zero value will do.
type Options struct {
	// Forward are name servers (host:port, or host alone for port 53) asked, in
	// this order, about names outside the zones. Default: none.
	Forward []string
	// Log takes what goes wrong while answering. Default: nowhere.
	Log *slog.Logger
}

// Server answers from its current snapshot of zones, at first an empty one.
type Server struct {
	log     *slog.Logger
	forward *forwarder // nil: names outside the zones are refused
	current atomic.Pointer[snapshot]
	applies sync.Mutex

	tcp net.Listener
	udp net.PacketConn
}

// New is a server without zones and without sockets.
func New(o Options) *Server {
	s := &Server{log: o.Log, forward: newForwarder(o.Forward)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.current.Store(&snapshot{})
	return s
}

// Listen opens the UDP and the TCP socket on one address, host:port, and
// returns the address; port 0 picks one that is free for both. On an error
// nothing is open and Listen may be tried on another address.
func (s *Server) Listen(addr string) (string, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("listening for DNS: %w", err)
	}
	// A free TCP port may be taken on UDP: draw again, but not for ever.
	for range 32 {
		if err = s.listen(addr); err == nil {
			return s.Addr(), nil
		}
		if n, _ := strconv.Atoi(port); n != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return "", fmt.Errorf("listening for DNS: %w", err)
}

func (s *Server) listen(addr string) error {
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
		return err
	}
	s.tcp, s.udp = tcp, udp
	return nil
}

// Addr is the host:port that is listened on, "" before Listen.
func (s *Server) Addr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}

// Serve answers on the sockets that Listen opened until ctx ends, and closes
// them.
func (s *Server) Serve(ctx context.Context) error {
	if s.tcp == nil {
		return errors.New("serving DNS: nothing is listened on")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Closing the sockets, not dns.Server.Shutdown, ends the two: Shutdown
	// refuses a server whose goroutine has not begun yet.
	stop := context.AfterFunc(ctx, func() { s.tcp.Close(); s.udp.Close() })
	defer stop()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) { s.serve(ctx, w, req) })
	servers := []*dns.Server{
		{Listener: s.tcp, Handler: handler},
		{PacketConn: s.udp, Handler: handler, UDPSize: dns.DefaultMsgSize},
	}
	ended := make(chan error, len(servers))
	for _, d := range servers {
		go func() { ended <- d.ActivateAndServe() }()
	}
	err := <-ended
	wanted := ctx.Err() != nil
	cancel()
	s.tcp.Close()
	s.udp.Close()
	for range len(servers) - 1 {
		<-ended
	}
	if wanted {
		return nil
	}
	return fmt.Errorf("serving DNS: %w", err)
}
