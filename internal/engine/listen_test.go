package engine

import (
	"net/netip"
	"testing"
)

// Docker takes a registry without TLS on loopback addresses only: the registry
// stays there, wherever else the engine listens.
func TestTheRegistryStaysOnLoopback(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.2", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1"} {
		e, err := Start(t.Context(), Config{Data: t.TempDir(), Simulate: true, Listen: listen, API: ":0", HTTP: ":0", HTTPS: ":0", DNS: ":0", Registry: ":0"})
		if err != nil {
			t.Fatal(err)
		}
		if at := netip.MustParseAddrPort(e.Running().Registry); at.Addr().String() != want {
			t.Errorf("listening on %s, the registry is at %s", listen, at)
		}
		if at := netip.MustParseAddrPort(e.Running().HTTP); at.Addr().IsLoopback() != (listen[:1] == "1") {
			t.Errorf("listening on %s, load balancers are at %s", listen, at)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
