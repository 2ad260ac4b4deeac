package ec2

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// Sizes of an IPv4 block of a VPC or subnet ("VPC CIDR blocks").
const (
	largestBlock  = 16
	smallestBlock = 28
)

// reserved is how many addresses of a subnet AWS keeps: network, router, DNS,
// future use, broadcast.
const reserved = 5

// unusable ranges may not be a VPC's.
var unusable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

// block reads a VPC's or subnet's block; its host bits are cleared, as EC2 does.
func block(parameter, text, rangeCode string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, invalidValue("Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, parameter)
	}
	p = p.Masked()
	if p.Bits() < largestBlock || p.Bits() > smallestBlock {
		return netip.Prefix{}, awsapi.Errorf(rangeCode, 400, "The CIDR '%s' is invalid.", text)
	}
	for _, u := range unusable {
		if u.Overlaps(p) {
			return netip.Prefix{}, awsapi.Errorf(rangeCode, 400, "The CIDR '%s' is invalid.", text)
		}
	}
	return p, nil
}

// within tells whether the whole of p lies in b.
func within(b, p netip.Prefix) bool { return b.Bits() <= p.Bits() && b.Contains(p.Addr()) }

// usable is how many addresses a subnet can give out.
func usable(p netip.Prefix) int { return 1<<(32-p.Bits()) - reserved }

// offset is how far an address stands in a block.
func offset(p netip.Prefix, a netip.Addr) int {
	base, at := p.Addr().As4(), a.As4()
	return int(binary.BigEndian.Uint32(at[:])) - int(binary.BigEndian.Uint32(base[:]))
}

// address is the one at an offset in a block.
func address(p netip.Prefix, offset int) netip.Addr {
	base := p.Addr().As4()
	var at [4]byte
	binary.BigEndian.PutUint32(at[:], binary.BigEndian.Uint32(base[:])+uint32(offset))
	return netip.AddrFrom4(at)
}

// kept tells whether AWS keeps the address of a block for itself.
func kept(p netip.Prefix, a netip.Addr) bool {
	o := offset(p, a)
	return o < 4 || o == 1<<(32-p.Bits())-1
}

// canonical is a rule's or a route's block with its host bits cleared; ok is false
// for what is none of the family (4 or 6).
func canonical(text string, family int) (string, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4() != (family == 4) || p.Addr().Is4In6() {
		return "", false
	}
	return p.Masked().String(), true
}

// itoa is a number as text.
func itoa(n int) string { return strconv.Itoa(n) }

// portText is how errors show a port that may be absent.
func portText(p *int) string {
	if p == nil {
		return "null"
	}
	return strconv.Itoa(*p)
}
