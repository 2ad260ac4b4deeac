package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

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

// Network is what containers of this engine reach the engine by.
type Network struct {
	// ID is the daemon's id of the network of awsvpc tasks, with its subnet
	// and the host's address in it.
	ID, Name string
	Subnet   netip.Prefix
	Gateway  netip.Addr
	// Bridge is the subnet of the daemon's default bridge, where containers in
	// bridge mode are; not valid where it has none.
	Bridge netip.Prefix
	// Local tells that the host has Gateway's address, so that containers'
	// own addresses can be reached from here: with half the work of a
	// published port, behind which Docker copies every byte in a process.
	Local bool
	// Credentials is [CredentialsAddress] where this host has it: the engine
	// can listen on it, and containers in the bridge, host and awsvpc modes
	// reach it. Not valid otherwise; Without then says why.
	Credentials netip.Addr
	Without     error
}

// networkState is what EnsureNetwork found.
type networkState struct {
	mu  sync.Mutex
	had bool // the credentials address
	vpc Network
}

// EnsureNetwork makes the engine's networks where they are not there. The
// credentials address needs a daemon whose bridges are this host's: with
// Docker Desktop, rootless daemons or a range that is taken it cannot be had,
// which is no error: Network.Without says so.
func (r *Runtime) EnsureNetwork(ctx context.Context) (Network, error) {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	n, err := r.vpcNetwork(ctx)
	if err != nil {
		return Network{}, err
	}
	n.Bridge = r.bridge(ctx)
	n.Local = hasAddress(n.Gateway)
	n.Credentials = CredentialsAddress
	if err := r.lend(ctx, credentials); err != nil {
		n.Credentials, n.Without = netip.Addr{}, err
	}
	r.network.had = n.Without == nil
	return n, nil
}

// bridge is the subnet of the daemon's default bridge.
func (r *Runtime) bridge(ctx context.Context) netip.Prefix {
	res, err := r.cli.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err != nil {
		return netip.Prefix{} // Podman's has another name, and needs none
	}
	for _, c := range res.Network.IPAM.Config {
		if c.Subnet.Addr().Is4() {
			return c.Subnet
		}
	}
	return netip.Prefix{}
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

// vpcNetwork is the network of awsvpc tasks.
func (r *Runtime) vpcNetwork(ctx context.Context) (Network, error) {
	if r.network.vpc.ID != "" {
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
			return Network{}, fmt.Errorf("creating network %s: %w", name, err)
		}
		res, err = r.cli.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	}
	if err != nil {
		return Network{}, fmt.Errorf("inspecting network %s: %w", name, err)
	}
	if res.Network.Labels[labelEngine] != r.opt.Engine {
		return Network{}, fmt.Errorf("network %s exists and is not this engine's", name)
	}
	n := Network{ID: res.Network.ID, Name: name}
	for _, c := range res.Network.IPAM.Config {
		if c.Subnet.Addr().Is4() {
			n.Subnet, n.Gateway = c.Subnet, c.Gateway
		}
	}
	if r.opt.Subnet.IsValid() && n.Subnet != r.opt.Subnet.Masked() {
		return Network{}, fmt.Errorf("network %s is %s, not %s: remove it (docker network rm %s)", name, n.Subnet, r.opt.Subnet, name)
	}
	r.network.vpc = n
	return n, nil
}

// removeNetworks takes the engine's networks away; the shared one with the
// credentials address only when no other engine has containers.
func (r *Runtime) removeNetworks(ctx context.Context) error {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	r.network.vpc = Network{}
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
