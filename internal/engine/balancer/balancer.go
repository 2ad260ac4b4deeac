package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Balancer needs from its surroundings. All are optional.
type Options struct {
	Log *slog.Logger
	// Listen opens sockets, and Dial connects to targets; by default they are
	// net's.
	Listen func(network, address string) (net.Listener, error)
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	// AccessLog is given one entry a request of load balancers that have a log,
	// on the request's goroutine.
	AccessLog func(Entry)
	// Observe is given changes of health and drains that ended, in order and in
	// batches, from one goroutine.
	Observe func([]TargetHealth)
	// CookieKey seals stickiness cookies; with the same key they stay valid
	// across restarts. Empty makes one up.
	CookieKey []byte
}

// Balancer runs load balancers.
type Balancer struct {
	log       *slog.Logger
	listen    func(network, address string) (net.Listener, error)
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	accessLog func(Entry)
	observer  *observer
	cookies   *cookieBox

	life context.Context // ends with Close
	end  context.CancelFunc
	// silent ends when Close begins: nobody is kept waiting for an answer that
	// doesn't come.
	silent context.Context
	speak  context.CancelFunc
	work   sync.WaitGroup
	observ sync.WaitGroup

	mu       sync.Mutex // Apply, Close
	closed   bool
	sockets  map[string]*socket // by bind address; by listener for port 0
	groups   map[string]*group
	counters map[string]*listenerMetrics

	held  atomic.Int64 // connections of refused clients
	rares rares
}

// New makes a balancer that serves nothing until Apply.
func New(o Options) *Balancer {
	b := &Balancer{
		log: o.Log, listen: o.Listen, dial: o.Dial, accessLog: o.AccessLog,
		observer: newObserver(o.Observe), cookies: newCookieBox(o.CookieKey),
		sockets: map[string]*socket{}, groups: map[string]*group{}, counters: map[string]*listenerMetrics{},
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.listen == nil {
		b.listen = net.Listen
	}
	if b.dial == nil {
		b.dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	b.life, b.end = context.WithCancel(context.Background())
	b.silent, b.speak = context.WithCancel(b.life)
	if o.Observe != nil {
		b.observ.Go(func() { b.observer.run(b.life.Done()) })
	}
	return b
}

// Apply makes the configuration true. Connections live on; requests under way
// finish on what they began with. On an error nothing has changed, unless it is
// one of opening a socket: then everything else is in place, and applying again
// tries again.
func (b *Balancer) Apply(c Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errors.New("the balancer is closed")
	}
	c = normalize(c)
	if err := validate(&c); err != nil {
		return err
	}
	groups := b.groupsFor(&c)
	routes, err := b.compile(&c, groups)
	if err != nil {
		return err
	}
	used := usedGroups(&c)
	for i := range c.TargetGroups {
		g := groups[c.TargetGroups[i].ID]
		g.configure(&c.TargetGroups[i], used[g.id])
	}
	err = b.swap(routes)
	for id, g := range b.groups {
		if groups[id] == nil {
			g.close()
		}
	}
	b.groups = groups
	return err
}

// groupsFor finds or makes the groups of a configuration.
func (b *Balancer) groupsFor(c *Config) map[string]*group {
	groups := map[string]*group{}
	for _, t := range c.TargetGroups {
		g := b.groups[t.ID]
		if g == nil {
			g = newGroup(b, t.ID)
		}
		groups[t.ID] = g
	}
	return groups
}

// compile makes the routes of every socket.
func (b *Balancer) compile(c *Config, groups map[string]*group) (map[string]*sockRoutes, error) {
	certs := map[string]*Certificate{}
	for i := range c.Certificates {
		certs[c.Certificates[i].ID] = &c.Certificates[i]
	}
	byBind := map[string][]*listener{}
	hosts := map[*listener][]string{}
	for i := range c.LoadBalancers {
		l := &c.LoadBalancers[i]
		lb := &loadBalancer{id: l.ID, name: or(l.Name, l.ID), dns: lowerHost(l.DNSName), accessLog: l.AccessLog, attributes: l.Attributes, published: l.Published}
		for j := range l.Listeners {
			out, err := b.compileListener(lb, &l.Listeners[j], groups, certs)
			if err != nil {
				return nil, err
			}
			key := bindKey(&l.Listeners[j])
			byBind[key] = append(byBind[key], out)
			hosts[out] = ruleHosts(&l.Listeners[j])
		}
	}
	routes := map[string]*sockRoutes{}
	for key, listeners := range byBind {
		for _, l := range listeners[1:] {
			if (l.tls == nil) != (listeners[0].tls == nil) {
				return nil, fmt.Errorf("listeners %s and %s share %s, but not the protocol", listeners[0].id, l.id, l.bind)
			}
		}
		routes[key] = newSockRoutes(listeners, hosts)
	}
	return routes, nil
}

// bindKey names a listener's socket: port 0 is a socket of its own.
func bindKey(l *Listener) string {
	if _, port, _ := net.SplitHostPort(l.Bind); port == "0" || port == "" {
		return "listener " + l.ID
	}
	return l.Bind
}

// swap puts new routes in place, opens missing sockets and closes those that
// nobody listens on any more.
func (b *Balancer) swap(routes map[string]*sockRoutes) error {
	var errs []error
	b.pruneCounters(routes)
	for key, s := range b.sockets {
		if routes[key] == nil {
			s.close()
			delete(b.sockets, key)
		}
	}
	for key, r := range routes {
		if s := b.sockets[key]; s != nil {
			s.routes.Store(r)
			continue
		}
		s, err := openSocket(b, r)
		if err != nil {
			errs = append(errs, fmt.Errorf("listener %s: %w", r.listeners[0].id, err))
			continue
		}
		b.sockets[key] = s
	}
	return errors.Join(errs...)
}

// pruneCounters forgets the counters of listeners that are gone.
func (b *Balancer) pruneCounters(routes map[string]*sockRoutes) {
	keep := map[string]bool{}
	for _, r := range routes {
		for _, l := range r.listeners {
			keep[l.id] = true
		}
	}
	maps.DeleteFunc(b.counters, func(id string, _ *listenerMetrics) bool { return !keep[id] })
}

// usedGroups are the groups that some rule forwards to.
func usedGroups(c *Config) map[string]bool {
	used := map[string]bool{}
	note := func(a Action) {
		if a.Forward != nil {
			for _, w := range a.Forward.Groups {
				used[w.Group] = true
			}
		}
	}
	for _, lb := range c.LoadBalancers {
		for _, l := range lb.Listeners {
			note(l.Default)
			for _, r := range l.Rules {
				note(r.Action)
			}
		}
	}
	return used
}

func (b *Balancer) listenerCounters(id string) *listenerMetrics {
	m := b.counters[id]
	if m == nil {
		m = &listenerMetrics{}
		b.counters[id] = m
	}
	return m
}

// Addresses are the local addresses at which listeners are reached.
func (b *Balancer) Addresses() map[string]netip.AddrPort {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]netip.AddrPort{}
	for _, s := range b.sockets {
		for _, l := range s.routes.Load().listeners {
			out[l.id] = addrPort(s.listener.Addr())
		}
	}
	return out
}

// Health lists all targets as they are now, with what they have in flight.
func (b *Balancer) Health() []TargetHealth {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []TargetHealth
	for _, g := range b.groups {
		out = append(out, g.views()...)
	}
	return out
}

// Metrics are the counters as they are now.
func (b *Balancer) Metrics() Metrics {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := Metrics{map[string]ListenerMetrics{}, map[string]GroupMetrics{}}
	for id, l := range b.counters {
		m.Listeners[id] = l.snapshot()
	}
	for id, g := range b.groups {
		m.TargetGroups[id] = g.metrics.snapshot()
	}
	return m
}

// Close stops accepting, lets requests under way finish until ctx ends, and
// cuts the rest. Nothing of the balancer runs after it. Observe must not call it.
func (b *Balancer) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.speak()
	for _, s := range b.sockets {
		s.close()
	}
	b.mu.Unlock()
	// Nobody changes sockets and groups any more.
	var err error
	for _, s := range b.sockets {
		err = errors.Join(err, s.drain(ctx))
	}
	b.observer.close()
	b.end()
	for _, g := range b.groups {
		g.close()
	}
	b.work.Wait()
	b.observ.Wait()
	return err
}
