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
	for _, g := range groups {
		for r := range rulesOf.Get(tx, scope, g) {
			if !r.Egress && r.covers(protocol, port) && r.from(tx, scope, from) {
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

// Blocks are the IPv4 blocks that security groups let in on a port.
func Blocks(tx *state.Tx, scope state.Scope, groups []string, protocol string, port int) (all []netip.Prefix) {
	for _, g := range groups {
		for r := range rulesOf.Get(tx, scope, g) {
			if b, err := netip.ParsePrefix(r.IPv4); err == nil && !r.Egress && r.covers(protocol, port) {
				all = append(all, b)
			}
		}
	}
	return all
}
