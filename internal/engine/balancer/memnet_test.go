package balancer_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// memnet is a network in memory, for tests in a synctest bubble: its waits are
// durable, so that the bubble's clock may pass over timeouts of minutes.
type memnet struct {
	mu        sync.Mutex
	listeners map[string]*memListener
	last      int
	stall     map[string]bool // addresses that connections hang for
	refuse    map[string]bool
	dials     []string
}

func newMemnet() *memnet {
	return &memnet{listeners: map[string]*memListener{}, stall: map[string]bool{}, refuse: map[string]bool{}}
}

func (n *memnet) options(o *balancer.Options) { o.Listen, o.Dial = n.Listen, n.Dial }

func (n *memnet) Listen(_, address string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host, port, _ := net.SplitHostPort(address)
	if port == "0" {
		n.last++
		port = "1" + string(rune('0'+n.last/1000%10)) + string(rune('0'+n.last/100%10)) + string(rune('0'+n.last/10%10)) + string(rune('0'+n.last%10))
	}
	a, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	l := &memListener{net: n, addr: a, conns: make(chan net.Conn), done: make(chan struct{})}
	n.listeners[a.String()] = l
	return l, nil
}

func (n *memnet) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, address)
	l, stall := n.listeners[address], n.stall[address]
	n.mu.Unlock()
	if stall {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l == nil {
		return nil, errors.New("connection refused")
	}
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000}
	a, b := &memHalf{}, &memHalf{}
	a.init()
	b.init()
	near := &memConn{in: a, out: b, local: from, remote: l.addr}
	far := &memConn{in: b, out: a, local: l.addr, remote: from}
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type memListener struct {
	net   *memnet
	addr  *net.TCPAddr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.net.mu.Lock()
		delete(l.net.listeners, l.addr.String())
		l.net.mu.Unlock()
	})
	return nil
}

func (l *memListener) Addr() net.Addr { return l.addr }

// memHalf is one direction of a connection.
type memHalf struct {
	mu       sync.Mutex
	data     []byte
	ended    bool // no more will be written
	broken   bool // the reader has closed
	deadline time.Time
	wake     chan struct{}
}

func (h *memHalf) init() { h.wake = make(chan struct{}) }

func (h *memHalf) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.wake)
	h.wake = make(chan struct{})
}

func (h *memHalf) read(p []byte) (int, error) {
	for {
		h.mu.Lock()
		switch {
		case h.broken:
			h.mu.Unlock()
			return 0, net.ErrClosed
		case !h.deadline.IsZero() && !time.Now().Before(h.deadline):
			h.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(h.data) > 0:
			n := copy(p, h.data)
			h.data = h.data[n:]
			h.mu.Unlock()
			return n, nil
		case h.ended:
			h.mu.Unlock()
			return 0, io.EOF
		}
		wake, deadline := h.wake, h.deadline
		h.mu.Unlock()
		if deadline.IsZero() {
			<-wake
			continue
		}
		t := time.NewTimer(time.Until(deadline))
		select {
		case <-wake:
		case <-t.C:
		}
		t.Stop()
	}
}

type memConn struct {
	in, out       *memHalf
	local, remote net.Addr
}

func (c *memConn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *memConn) Write(p []byte) (n int, err error) {
	c.out.change(func() {
		if c.out.ended || c.out.broken {
			err = errors.New("broken pipe")
			return
		}
		c.out.data = append(c.out.data, p...)
		n = len(p)
	})
	return n, err
}

func (c *memConn) Close() error {
	c.in.change(func() { c.in.broken = true })
	return c.CloseWrite()
}

func (c *memConn) CloseWrite() error {
	c.out.change(func() { c.out.ended = true })
	return nil
}

func (c *memConn) LocalAddr() net.Addr  { return c.local }
func (c *memConn) RemoteAddr() net.Addr { return c.remote }

func (c *memConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.deadline = t })
	return nil
}

func (c *memConn) SetWriteDeadline(time.Time) error { return nil }

// server starts a target on the network and returns its address.
func (n *memnet) server(t *testing.T, h http.Handler) string {
	l, err := n.Listen("tcp", "10.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// client returns a client of a rig's listener called http.
func (n *memnet) client(t *testing.T, r *rig) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return n.Dial(ctx, network, r.addr("http"))
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// wire is rig.wire on this network.
func (n *memnet) wire(r *rig) *wire {
	c, err := n.Dial(context.Background(), "tcp", r.addr("http"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return &wire{r.t, c, bufio.NewReader(c)}
}
