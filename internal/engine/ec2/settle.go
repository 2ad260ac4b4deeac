package ec2

import (
	"net/netip"

	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Settings is what there is one of in a region. Its row tells that the region
// has been settled: a default VPC that was deleted since does not come back.
type Settings struct {
	Metadata MetadataDefaults
}

// settings is the table.
var settings = state.NewTable("ec2.region", func(*Settings) string { return "region" })

func settled(tx *state.Tx, scope state.Scope) bool { return settings.Has(tx, scope, "region") }

// Settle gives a region what every region has from the start, once: default DHCP
// options and a default VPC. The operations here call it before anything else;
// another service that uses the default VPC calls it in its own Update.
func Settle(tx *state.Tx, scope state.Scope) {
	if settled(tx, scope) {
		return
	}
	settings.Put(tx, scope, &Settings{})
	newDefaultVPC(tx, scope, defaultDHCP(tx, scope))
}

// newDefaultVPC makes a VPC as AWS makes the default one: 172.31.0.0/16, a
// subnet of 4,096 addresses in every zone, all of it open to the internet
// ("Default VPCs" of the VPC guide).
func newDefaultVPC(tx *state.Tx, scope state.Scope, dhcp string) *VPC {
	v := &VPC{
		ID: vpcKind.id(), Block: netip.MustParsePrefix("172.31.0.0/16"), Default: true, DHCP: dhcp,
		DNSSupport: true, DNSHostnames: true,
	}
	newVPC(tx, scope, v)
	g := &Gateway{ID: gatewayKind.id(), VPC: v.ID}
	Gateways.Put(tx, scope, g)
	main, _ := mainRouteTable(tx, scope, v.ID)
	RouteTables.Change(tx, scope, main.ID, func(t *RouteTable) {
		t.Routes = append(t.Routes[:len(t.Routes):len(t.Routes)], Route{Destination: "0.0.0.0/0", Gateway: g.ID})
	})
	for i, z := range catalog.Zones(scope.Region) {
		newDefaultSubnet(tx, scope, v, z, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31, byte(16 * i), 0}), 20))
	}
	return v
}

func newDefaultSubnet(tx *state.Tx, scope state.Scope, v *VPC, z catalog.Zone, block netip.Prefix) *Subnet {
	n := &Subnet{ID: subnetKind.id(), VPC: v.ID, Zone: z.Name, Block: block, Default: true, MapPublicIP: true}
	newSubnet(tx, scope, n)
	return n
}
