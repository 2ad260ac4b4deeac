package engine

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"testing"
)

func TestWhereLoadBalancersNamesLead(t *testing.T) {
	for listen, want := range map[string][2]string{
		"127.0.0.1": {"A", "127.0.0.1"}, "192.168.1.2": {"A", "192.168.1.2"}, "::1": {"AAAA", "::1"}, "fd00::2": {"AAAA", "fd00::2"},
	} {
		if kind, address := reachedAt(listen); kind != want[0] || address != want[1] {
			t.Errorf("%s: %s %s", listen, kind, address)
		}
	}
	for _, listen := range []string{"0.0.0.0", "::"} {
		_, address := reachedAt(listen)
		if a, err := netip.ParseAddr(address); err != nil || a.IsUnspecified() {
			t.Errorf("%s leads to %s, where nobody is", listen, address)
		}
	}
}

// A port that another program holds is mapped to a free one; other failures are
// told.
func TestAPortThatIsTakenIsMapped(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := &reserved{log: slog.New(slog.DiscardHandler)}
	l, err := r.take("tcp", taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() == taken.Addr().String() {
		t.Error("two listeners at one address")
	}
	if _, err := r.take("tcp", "192.0.2.1:80"); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("an address of another machine: %v", err)
	}
}
