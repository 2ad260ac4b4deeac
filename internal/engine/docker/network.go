package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// CredentialsAddress is the only address that every AWS SDK asks for container
// credentials over plain http besides loopback ones, and that a container can
// have in common with its host.
var CredentialsAddress = credentials.address

// lent is an address that the host gets as the gateway of a network.
type lent struct {
	network string
	subnet  netip.Prefix
	address netip.Addr
}

// No container is ever in this network: the host answers to its addresses on
// every bridge, and a bridged container's default route leads to the host. It
// is as small as can be, and internal, which spares it the daemon's address
// translation.
var credentials = lent{"slipway-credentials", netip.MustParsePrefix("169.254.170.0/30"), netip.MustParseAddr("169.254.170.2")}

// Address is what containers of this engine reach the engine by.
type Address struct {
	// Local tells that the host has the bridges' own addresses, so that containers'
	// own addresses can be reached from here: with half the work of a
	// published port, behind which Docker copies every byte in a process.
	Local bool
	// Credentials is [CredentialsAddress] where this host has it: the engine
	// can listen on it, and containers in the bridge, host and awsvpc modes
	// reach it. Not valid otherwise; Without then says why.
	Credentials netip.Addr
	Without     error
}

// bridge is a network of the daemon's: its subnet, and the host's address in it.
type bridge struct {
	id, name string
	subnet   netip.Prefix
	gateway  netip.Addr
}

// networkState is which networks there are.
type networkState struct {
	mu       sync.Mutex
	had      bool   // the credentials address
	vpc      bridge // of awsvpc tasks, made for the first
	starting int    // awsvpc tasks that have no container in it yet

	// known are the subnets that containers of this engine are in.
	known atomic.Pointer[[]netip.Prefix]
}

// EnsureAddress gives the host the address that containers ask for credentials
// and metadata. That needs a daemon whose bridges are this host's: with
// Docker Desktop, rootless daemons or a range that is taken it cannot be had,
// which is no error: Address.Without says so.
func (r *Runtime) EnsureAddress(ctx context.Context) (Address, error) {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	b, ok := r.defaultBridge(ctx)
	if !ok { // Podman's has another name, and is not asked for
		var err error
		if b, err = r.vpcNetwork(ctx); err != nil {
			return Address{}, err
		}
	}
	r.network.know(b.subnet)
	if res, err := r.cli.NetworkInspect(ctx, "slipway-"+r.opt.Engine, client.NetworkInspectOptions{}); err == nil { // of tasks that run already
		var vpc bridge
		vpc.addresses(res.Network.IPAM.Config)
		r.network.know(vpc.subnet)
	}
	a := Address{Local: hasAddress(b.gateway), Credentials: CredentialsAddress}
	if err := r.lend(ctx, credentials); err != nil {
		a.Credentials, a.Without = netip.Addr{}, err
	}
	r.network.had = a.Without == nil
	return a, nil
}

// Has tells whether an address is one of the networks' that containers of this
// engine are in.
func (r *Runtime) Has(a netip.Addr) bool {
	known := r.network.known.Load()
	return known != nil && slices.ContainsFunc(*known, func(p netip.Prefix) bool { return p.Contains(a) })
}

// know adds a subnet; the lock is held.
func (s *networkState) know(p netip.Prefix) {
	var all []netip.Prefix
	if known := s.known.Load(); known != nil {
		all = slices.Clone(*known)
	}
	if p.IsValid() && !slices.Contains(all, p) {
		all = append(all, p)
		s.known.Store(&all)
	}
}

// forget takes a subnet out: the daemon may give it to anybody. The lock is held.
func (s *networkState) forget(p netip.Prefix) {
	if known := s.known.Load(); known != nil {
		rest := slices.DeleteFunc(slices.Clone(*known), func(o netip.Prefix) bool { return o == p })
		s.known.Store(&rest)
	}
}

// defaultBridge is the daemon's own, where containers in bridge mode are.
func (r *Runtime) defaultBridge(ctx context.Context) (bridge, bool) {
	res, err := r.cli.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err != nil {
		return bridge{}, false
	}
	b := bridge{id: res.Network.ID, name: "bridge"}
	b.addresses(res.Network.IPAM.Config)
	return b, b.subnet.IsValid()
}

func (b *bridge) addresses(configs []network.IPAMConfig) {
	for _, c := range configs {
		if c.Subnet.Addr().Is4() {
			b.subnet, b.gateway = c.Subnet, c.Gateway
		}
	}
}

// lend gives the host an address. Several engines on a machine share it.
func (r *Runtime) lend(ctx context.Context, l lent) error {
	if hasAddress(l.address) {
		return nil
	}
	_, err := r.cli.NetworkCreate(ctx, l.network, client.NetworkCreateOptions{
		Driver:   "bridge",
		Internal: true,
		IPAM:     &network.IPAM{Config: []network.IPAMConfig{{Subnet: l.subnet, Gateway: l.address}}},
		Labels:   map[string]string{labelEngine: r.opt.Engine, labelRole: roleAddress},
	})
	switch {
	case hasAddress(l.address): // by now, if not by us
		return nil
	case err != nil:
		return fmt.Errorf("giving the host %s: %w", l.address, err)
	}
	return errors.Join(
		fmt.Errorf("%s is not an address of this host: the daemon's networks are not this host's (a virtual machine, or a rootless daemon)", l.address),
		r.removeNetwork(ctx, l.network))
}

// keepAddress gives the host the credentials address again where it was had
// and is gone, because another engine took the network away.
func (r *Runtime) keepAddress(ctx context.Context) error {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	if !r.network.had || hasAddress(CredentialsAddress) {
		return nil
	}
	return r.lend(ctx, credentials)
}

// hasAddress tells whether this host can listen on the address.
func hasAddress(a netip.Addr) bool {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// joinVPC is vpcNetwork for a task that starts: the network stays until joined is
// called.
func (r *Runtime) joinVPC(ctx context.Context) (b bridge, joined func(), err error) {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	if b, err = r.vpcNetwork(ctx); err != nil {
		return b, nil, err
	}
	r.network.starting++
	return b, func() {
		r.network.mu.Lock()
		defer r.network.mu.Unlock()
		r.network.starting--
	}, nil
}

// leaveVPC takes the network of awsvpc tasks away when none is in it any more:
// a daemon has room for about thirty networks.
func (r *Runtime) leaveVPC(ctx context.Context) error {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	if r.network.starting > 0 {
		return nil
	}
	name := "slipway-" + r.opt.Engine
	res, err := r.cli.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("inspecting network %s: %w", name, err)
	}
	if len(res.Network.Containers) > 0 || res.Network.Labels[labelEngine] != r.opt.Engine {
		return nil
	}
	_, err = r.cli.NetworkRemove(ctx, res.Network.ID, client.NetworkRemoveOptions{})
	if cerrdefs.IsPermissionDenied(err) && r.ctx.Err() == nil { // the daemon has not quite let go of the last container
		r.later(time.Second, func(ctx context.Context) {
			if err := r.leaveVPC(ctx); err != nil {
				r.log.Warn("network left behind", "error", err)
			}
		})
		return nil
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("removing network %s: %w", name, err)
	}
	var gone bridge
	gone.addresses(res.Network.IPAM.Config)
	r.network.forget(gone.subnet)
	r.network.vpc = bridge{}
	return nil
}

// vpcNetwork is the network of awsvpc tasks; it is made where it is not there.
func (r *Runtime) vpcNetwork(ctx context.Context) (bridge, error) {
	if r.network.vpc.id != "" {
		return r.network.vpc, nil
	}
	name := "slipway-" + r.opt.Engine
	opts := client.NetworkCreateOptions{
		Driver: "bridge",
		Labels: map[string]string{labelEngine: r.opt.Engine, labelRole: roleNetwork},
	}
	if r.opt.Subnet.IsValid() {
		opts.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: r.opt.Subnet}}}
	}
	res, err := r.cli.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		if _, err := r.cli.NetworkCreate(ctx, name, opts); err != nil && !cerrdefs.IsConflict(err) {
			return bridge{}, fmt.Errorf("creating network %s: %w", name, err)
		}
		res, err = r.cli.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	}
	if err != nil {
		return bridge{}, fmt.Errorf("inspecting network %s: %w", name, err)
	}
	if res.Network.Labels[labelEngine] != r.opt.Engine {
		return bridge{}, fmt.Errorf("network %s exists and is not this engine's", name)
	}
	b := bridge{id: res.Network.ID, name: name}
	b.addresses(res.Network.IPAM.Config)
	if r.opt.Subnet.IsValid() && b.subnet != r.opt.Subnet.Masked() {
		return bridge{}, fmt.Errorf("network %s is %s, not %s: remove it (docker network rm %s)", name, b.subnet, r.opt.Subnet, name)
	}
	r.network.vpc = b
	r.network.know(b.subnet)
	return b, nil
}

// removeNetworks takes the engine's networks away; the shared one with the
// credentials address only when no other engine has containers.
func (r *Runtime) removeNetworks(ctx context.Context) error {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	r.network.vpc = bridge{}
	err := r.removeNetwork(ctx, "slipway-"+r.opt.Engine)
	others, listErr := r.others(ctx)
	if listErr == nil && !others {
		return errors.Join(err, r.removeNetwork(ctx, credentials.network))
	}
	return errors.Join(err, listErr)
}

// removeNetwork removes a network that an engine made.
func (r *Runtime) removeNetwork(ctx context.Context, name string) error {
	res, err := r.cli.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) || err == nil && res.Network.Labels[labelEngine] == "" {
		return nil
	}
	if err == nil {
		_, err = r.cli.NetworkRemove(ctx, res.Network.ID, client.NetworkRemoveOptions{})
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("removing network %s: %w", name, err)
	}
	return nil
}

// others tells whether another engine has containers on the daemon.
func (r *Runtime) others(ctx context.Context) (bool, error) {
	res, err := r.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelEngine)})
	if err != nil {
		return false, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range res.Items {
		if c.Labels[labelEngine] != r.opt.Engine {
			return true, nil
		}
	}
	return false, nil
}
