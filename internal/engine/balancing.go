package engine

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/accesslog"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/dnsserver"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/traffic"
)

// reserved are sockets that were opened when the engine started, so that their
// ports are known and taken, and that the balancer takes over when a listener
// needs them.
type reserved struct {
	log  *slog.Logger
	mu   sync.Mutex
	open map[string]net.Listener
}

// take is the balancer's Options.Listen. A port that cannot be had is mapped to a
// free one; `slipway engine status` shows which.
func (r *reserved) take(network, address string) (net.Listener, error) {
	r.mu.Lock()
	l := r.open[address]
	delete(r.open, address)
	r.mu.Unlock()
	if l != nil {
		return l, nil
	}
	l, err := net.Listen(network, address)
	if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
		return l, err
	}
	host, _, _ := net.SplitHostPort(address)
	l, ferr := net.Listen(network, net.JoinHostPort(host, "0"))
	if ferr != nil {
		return nil, errors.Join(err, ferr)
	}
	r.log.Warn("a listener's port is mapped to a free one", "wanted", address, "address", l.Addr().String(), "cause", err)
	return l, nil
}

func (r *reserved) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, l := range r.open {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// reserve opens the sockets behind the load balancers' ports 80 and 443.
func (e *Engine) reserve() (*reserved, error) {
	r := &reserved{log: e.cfg.Log, open: map[string]net.Listener{}}
	for _, port := range []struct {
		flag, named string
		address     *string
	}{{"http", e.cfg.HTTP, &e.env.Addresses.HTTP}, {"https", e.cfg.HTTPS, &e.env.Addresses.HTTPS}} {
		l, err := e.cfg.listen(port.flag, port.named)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		*port.address = l.Addr().String()
		r.open[*port.address] = l
	}
	return r, nil
}

// balancing runs the load balancers.
func (s *services) balancing(firewall traffic.Firewall, certificates traffic.Certificates) error {
	r, err := s.e.reserve()
	if err != nil {
		return err
	}
	s.closers = append(s.closers, r.close)
	controller := traffic.New(s.e.env, firewall, certificates)
	key, err := s.e.cookieKey()
	if err != nil {
		return err
	}
	logs := accesslog.New(filepath.Join(s.e.cfg.Data, "access-logs"), s.e.cfg.Log)
	s.closers = append(s.closers, logs.Close)
	b := balancer.New(balancer.Options{Log: s.e.cfg.Log, Listen: r.take, Observe: controller.Observe, AccessLog: logs.Write, CookieKey: key})
	controller.Use(b)
	s.balancer = b
	s.handlers["GET /_slipway/listeners"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(controller.Served())
	})
	s.closers = append(s.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return b.Close(ctx)
	})
	s.run(controller.Run, logs.Run)
	return nil
}

// cookieKey seals stickiness cookies; it is the same after a restart.
func (e *Engine) cookieKey() ([]byte, error) {
	id, err := e.identity()
	return e.vault.Derive("stickiness cookies " + id), err
}

// reachedAt is the record that leads clients to an address that is listened on.
// Who listens on all addresses is reached at the one that leads out.
func reachedAt(listen string) (kind, address string) {
	a, err := netip.ParseAddr(listen)
	if err == nil && a.IsUnspecified() {
		a = netip.MustParseAddr("127.0.0.1")
		// Nothing is sent: this asks the routing table.
		if c, err := net.Dial("udp", "192.0.2.1:9"); err == nil {
			a = c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
			c.Close()
		}
	}
	if a.Is6() {
		return "AAAA", a.String()
	}
	return "A", a.String()
}

// balancerNames are the tables that load balancers' names depend on.
var balancerNames = []state.AnyTable{elbv2.LoadBalancers}

// balancerZones are the zones of the load balancers' names. They all lead to
// where the engine listens.
func (n *names) balancerZones(tx *state.Tx) []dnsserver.Zone {
	zone := dnsserver.Zone{Name: elbv2.Domain}
	kind, address := reachedAt(n.e.cfg.Listen)
	for _, lb := range elbv2.LoadBalancers.Everywhere(tx) {
		zone.Records = append(zone.Records, dnsserver.Record{Name: lb.DNSName, Type: kind, TTL: 60, Data: address})
	}
	if len(zone.Records) == 0 {
		return nil
	}
	return []dnsserver.Zone{zone}
}
