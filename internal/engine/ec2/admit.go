package ec2

import (
	"net/netip"
	"slices"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Source is who sends: an address, and the security groups of its interface, if
// it has one.
type Source struct {
	IP     netip.Addr
	Groups []string
}

// Admits tells whether security groups let traffic in: whether one of them has
// a rule for the protocol ("tcp", "udp"), the port and the source. It changes
// nothing; no groups admit nothing.
func Admits(tx *state.Tx, scope state.Scope, groups []string, from Source, protocol string, port int) bool {
	return permits(tx, scope, groups, false, from, protocol, port)
}

// Emits tells whether security groups let traffic out to a destination.
func Emits(tx *state.Tx, scope state.Scope, groups []string, to Source, protocol string, port int) bool {
	return permits(tx, scope, groups, true, to, protocol, port)
}

func permits(tx *state.Tx, scope state.Scope, groups []string, egress bool, peer Source, protocol string, port int) bool {
	for _, g := range groups {
		for r := range rulesOf.Get(tx, scope, g) {
			if r.Egress == egress && r.covers(protocol, port) && r.from(tx, scope, peer) {
				return true
			}
		}
	}
	return false
}

func (s Spec) covers(protocol string, port int) bool {
	return s.Protocol == "-1" || s.Protocol == protocol && s.From <= port && port <= s.To
}

func (p Peer) from(tx *state.Tx, scope state.Scope, from Source) bool {
	switch {
	case p.Group != "":
		return slices.Contains(from.Groups, p.Group)
	case p.PrefixList != "":
		l, ok := prefixList(tx, scope, p.PrefixList)
		return ok && slices.ContainsFunc(l.Entries, func(e PrefixEntry) bool { return inBlock(e.CIDR, from.IP) })
	}
	return inBlock(p.IPv4+p.IPv6, from.IP)
}

func inBlock(block string, a netip.Addr) bool {
	b, err := netip.ParsePrefix(block)
	return err == nil && b.Contains(a.Unmap())
}

// Blocks are the addresses that security groups let in on a port: a rule's
// block, the entries of its prefix list, or the interfaces of its group.
func Blocks(tx *state.Tx, scope state.Scope, groups []string, protocol string, port int) (all []netip.Prefix) {
	for _, g := range groups {
		for r := range rulesOf.Get(tx, scope, g) {
			if !r.Egress && r.covers(protocol, port) {
				all = append(all, r.blocks(tx, scope)...)
			}
		}
	}
	return all
}

func (p Peer) blocks(tx *state.Tx, scope state.Scope) (all []netip.Prefix) {
	switch {
	case p.Group != "":
		for i := range interfacesWith.Get(tx, scope, p.Group) {
			for _, a := range append(i.addresses(), i.PublicIP) {
				if a.IsValid() {
					all = append(all, netip.PrefixFrom(a, a.BitLen()))
				}
			}
		}
	case p.PrefixList != "":
		if l, ok := prefixList(tx, scope, p.PrefixList); ok {
			for _, e := range l.Entries {
				all = append(all, prefixes(e.CIDR)...)
			}
		}
	default:
		all = prefixes(p.IPv4 + p.IPv6)
	}
	return all
}

func prefixes(cidr string) []netip.Prefix {
	if b, err := netip.ParsePrefix(cidr); err == nil {
		return []netip.Prefix{b}
	}
	return nil
}
