package engine

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/cloudflare"
	"github.com/slipway-dev/slipway/internal/engine/dnsserver"
	"github.com/slipway-dev/slipway/internal/engine/ecr"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// names keeps the DNS server's zones as the state has them: Cloudflare's, and
// the load balancers' names. ACM looks validation records up in it.
type names struct {
	e       *Engine
	server  *dnsserver.Server
	changed chan struct{}
}

func newNames(e *Engine) (*names, error) {
	n := &names{e: e, server: dnsserver.New(dnsserver.Options{Forward: e.cfg.Forward, Log: e.cfg.Log}), changed: make(chan struct{}, 1)}
	try := defaultPorts["dns"]
	if e.cfg.DNS != "" {
		try = []string{strings.TrimPrefix(e.cfg.DNS, ":")}
	}
	var err error
	for _, port := range try {
		if e.env.Addresses.DNS, err = n.server.Listen(net.JoinHostPort(e.cfg.Listen, port)); err == nil {
			return n, nil
		}
	}
	return nil, listenError("dns", net.JoinHostPort(e.cfg.Listen, try[len(try)-1]), err)
}

// Run answers, and follows the state, until ctx ends.
func (n *names) Run(ctx context.Context) error {
	watch := n.e.store.Watch(slices.Concat(cloudflare.Tables, balancerNames, []state.AnyTable{ecr.Repositories})...)
	defer watch.Close()
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(ctx) }()
	for {
		if err := n.apply(); err != nil {
			n.e.cfg.Log.Error("names", "error", err)
		}
		select {
		case err := <-served:
			return errors.Join(err, context.Cause(ctx))
		case <-watch.C():
			watch.Take()
		}
	}
}

func (n *names) apply() error {
	tx := n.e.store.View()
	err := n.server.Apply(slices.Concat(cloudflare.DNS(tx, n.e.cfg.Account), n.balancerZones(tx), n.registryZones(tx)))
	select {
	case n.changed <- struct{}{}:
	default:
	}
	return err
}

// registryZones are the zones of the registry's names, <account>.dkr.ecr.<region>.
// amazonaws.com, in every region that has a repository.
func (n *names) registryZones(tx *state.Tx) []dnsserver.Zone {
	kind, address := reachedAt(n.e.cfg.Listen)
	zones, seen := map[string]*dnsserver.Zone{}, map[state.Scope]bool{}
	for scope := range ecr.Repositories.Everywhere(tx) {
		if seen[scope] {
			continue
		}
		seen[scope] = true
		name := "dkr.ecr." + scope.Region + ".amazonaws.com"
		if zones[name] == nil {
			zones[name] = &dnsserver.Zone{Name: name}
		}
		zones[name].Records = append(zones[name].Records, dnsserver.Record{Name: scope.Account + "." + name, Type: kind, TTL: 60, Data: address})
	}
	var all []dnsserver.Zone
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		all = append(all, *zones[name])
	}
	return all
}

// Changed implements acm.Resolver.
func (n *names) Changed() <-chan struct{} { return n.changed }

// CNAME implements acm.Resolver.
func (n *names) CNAME(ctx context.Context, name string) (string, error) {
	found, err := n.server.Lookup(ctx, name, "CNAME")
	if err != nil || len(found) == 0 {
		return "", err
	}
	return strings.TrimSuffix(found[0].Data, ".") + ".", nil
}
