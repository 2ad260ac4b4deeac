package ec2

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func drawBlock(t *rapid.T, name string, from, to int) netip.Prefix {
	b := rapid.SliceOfN(rapid.Byte(), 2, 2).Draw(t, name)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, b[0], b[1], 0}), rapid.IntRange(from, to).Draw(t, name+" bits")).Masked()
}

func TestASubnetLiesWithinItsVPCOrApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, n := drawBlock(t, "vpc", 16, 28), drawBlock(t, "subnet", 16, 28)
		last := address(n, 1<<(32-n.Bits())-1)
		if got, want := within(v, n), v.Contains(n.Addr()) && v.Contains(last); got != want {
			t.Fatalf("within(%s, %s) = %t, but its ends are in: %t", v, n, got, want)
		}
		if v.Overlaps(n) && !within(v, n) && !within(n, v) {
			t.Fatalf("%s and %s overlap without one being in the other", v, n)
		}
	})
}

func TestAddressesOfABlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBlock(t, "block", 20, 28)
		size, given := 1<<(32-b.Bits()), 0
		for at := range size {
			a := address(b, at)
			if !b.Contains(a) || offset(b, a) != at {
				t.Fatalf("the address at %d of %s is %s, at %d", at, b, a, offset(b, a))
			}
			if !kept(b, a) {
				given++
			}
		}
		if given != usable(b) {
			t.Fatalf("%s gives out %d addresses, usable says %d", b, given, usable(b))
		}
	})
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		text   string
		family int
		want   string
		ok     bool
	}{
		{"100.68.0.18/18", 4, "100.68.0.0/18", true}, {"0.0.0.0/0", 4, "0.0.0.0/0", true}, {"::/0", 6, "::/0", true}, {"2001:DB8::1/64", 6, "2001:db8::/64", true},
		{"10.0.0.0/8", 6, "", false}, {"::/0", 4, "", false}, {"10.0.0.0", 4, "", false}, {"10.0.0/8", 4, "", false}, {"10.0.0.0/33", 4, "", false}, {"::ffff:10.0.0.0/104", 6, "", false},
	} {
		if got, ok := canonical(tt.text, tt.family); ok != tt.ok || got != tt.want {
			t.Errorf("canonical(%q, %d) = %q, %t", tt.text, tt.family, got, ok)
		}
	}
}
