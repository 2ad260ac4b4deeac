package docker

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
)

// The host ports that Linux gives out by itself, and Docker therefore for
// dynamic ports (net.ipv4.ip_local_port_range).
const firstDynamic, lastDynamic = 32768, 60999

// freeRange finds n host ports in a row that are free: what ECS gives to a
// range of container ports. Another may take them before the container has
// them.
func freeRange(bind netip.Addr, n int, proto string) (uint16, error) {
	if n > lastDynamic-firstDynamic {
		return 0, fmt.Errorf("a range of %d ports is more than the host has", n)
	}
	for range 100 {
		first := firstDynamic + rand.IntN(lastDynamic-firstDynamic-n+2)
		if rangeIsFree(bind, first, n, proto) {
			return uint16(first), nil
		}
	}
	return 0, fmt.Errorf("no %d %s ports in a row are free on %s", n, proto, bind)
}

func rangeIsFree(bind netip.Addr, first, n int, proto string) bool {
	var held []io.Closer
	defer func() {
		for _, c := range slices.Backward(held) {
			c.Close()
		}
	}()
	for port := first; port < first+n; port++ {
		c, err := hold(netip.AddrPortFrom(bind, uint16(port)), proto)
		if err != nil {
			return false
		}
		held = append(held, c)
	}
	return true
}

func hold(at netip.AddrPort, proto string) (io.Closer, error) {
	if proto == "udp" {
		return net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	}
	return net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
}
