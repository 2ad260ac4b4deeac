package ec2

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Subnet is a part of a VPC in one zone.
type Subnet struct {
	ID, VPC, Zone string
	Block         netip.Prefix
	// Default tells that it is its zone's default subnet.
	Default     bool `json:",omitzero"`
	MapPublicIP bool `json:",omitzero"`
	// ResourceNames has instances named after their ids, ARecord their names
	// answered with A records.
	ResourceNames bool `json:",omitzero"`
	ARecord       bool `json:",omitzero"`
}

// Subnets is the table.
var Subnets = state.NewTable("ec2.subnet", func(n *Subnet) string { return n.ID })

var subnetsOf = state.NewIndex(Subnets, func(n *Subnet) []string { return []string{n.VPC} })

func init() { subnetKind.exists = Subnets.Has }

// DefaultSubnet is a zone's default subnet.
func DefaultSubnet(tx *state.Tx, scope state.Scope, zone string) (*Subnet, bool) {
	for n := range Subnets.All(tx, scope) {
		if n.Default && n.Zone == zone {
			return n, true
		}
	}
	return nil, false
}

// newSubnet puts a subnet, which its VPC's default network ACL then covers.
func newSubnet(tx *state.Tx, scope state.Scope, n *Subnet) {
	Subnets.Put(tx, scope, n)
	for a := range aclsOf.Get(tx, scope, n.VPC) {
		if a.Default {
			associateACL(tx, scope, a.ID, n.ID)
		}
	}
}

// CreateSubnet makes a subnet.
func (s *Service) CreateSubnet(_ context.Context, c *operation.Caller, in *api.CreateSubnetRequest) (*api.CreateSubnetResult, error) {
	tags, err := specified(in.TagSpecifications, subnetKind.typ)
	if err != nil {
		return nil, err
	}
	if in.CidrBlock == nil {
		return nil, missingParameter("cidrBlock")
	}
	b, err := block("cidrBlock", *in.CidrBlock, "InvalidSubnet.Range")
	if err != nil {
		return nil, err
	}
	n := &Subnet{ID: subnetKind.id(), VPC: *in.VpcId, Block: b}
	var out api.Subnet
	err = s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId)
		if err != nil {
			return err
		}
		if err := fits(tx, c.Scope(), v, b); err != nil {
			return err
		}
		if n.Zone, err = zoneFor(tx, c.Scope(), v.ID, in.AvailabilityZone, in.AvailabilityZoneId); err != nil {
			return err
		}
		newSubnet(tx, c.Scope(), n)
		SetTags(tx, c.Scope(), n.ID, tags)
		out = showSubnet(tx, c.Scope(), n)
		return nil
	})
	return &api.CreateSubnetResult{Subnet: &out}, err
}

// fits tells why a block may not be a new subnet's of the VPC.
func fits(tx *state.Tx, scope state.Scope, v *VPC, b netip.Prefix) error {
	if !slices.ContainsFunc(v.Blocks(), func(whole netip.Prefix) bool { return within(whole, b) }) {
		return awsapi.Errorf("InvalidSubnet.Range", 400, "The CIDR '%s' is invalid.", b)
	}
	count := 0
	for n := range subnetsOf.Get(tx, scope, v.ID) {
		if n.Block.Overlaps(b) {
			return awsapi.Errorf("InvalidSubnet.Conflict", 400, "The CIDR '%s' conflicts with another subnet", b)
		}
		count++
	}
	if count >= maxSubnets {
		return awsapi.Errorf("SubnetLimitExceeded", 400, "The maximum number of subnets for VPC '%s' has been reached.", v.ID)
	}
	return nil
}

// zoneFor is the zone that a new subnet is to be in: the one named, or the one
// in which the VPC has the fewest subnets.
func zoneFor(tx *state.Tx, scope state.Scope, vpc string, name, id *string) (string, error) {
	parameter, wanted := "availabilityZone", awsapi.V(name)
	if name != nil && id != nil {
		return "", invalidCombination("The parameters availabilityZone and availabilityZoneId cannot be used together")
	}
	if id != nil {
		parameter, wanted = "availabilityZoneId", *id
	}
	zones := catalog.Zones(scope.Region)
	if wanted != "" {
		z, ok := catalog.ZoneOf(scope.Region, wanted)
		if !ok {
			return "", invalidValue("Value (%s) for parameter %s is invalid. Subnets can currently only be created in the following availability zones: %s.", wanted, parameter, zoneNames(zones))
		}
		return z.Name, nil
	}
	counts := map[string]int{}
	for n := range subnetsOf.Get(tx, scope, vpc) {
		counts[n.Zone]++
	}
	return slices.MinFunc(zones, func(a, b catalog.Zone) int { return cmp.Compare(counts[a.Name], counts[b.Name]) }).Name, nil
}

func zoneNames(zones []catalog.Zone) string {
	var names []string
	for _, z := range zones {
		names = append(names, z.Name)
	}
	return strings.Join(names, ", ")
}

// CreateDefaultSubnet makes a zone's default subnet where it was deleted.
func (s *Service) CreateDefaultSubnet(_ context.Context, c *operation.Caller, in *api.CreateDefaultSubnetRequest) (*api.CreateDefaultSubnetResult, error) {
	var out api.Subnet
	err := s.env.Store.Update(func(tx *state.Tx) error {
		v, ok := DefaultVPC(tx, c.Scope())
		if !ok {
			return awsapi.Errorf("DefaultVpcDoesNotExist", 400, "No default VPC exists for this account in this region.")
		}
		zone, err := zoneFor(tx, c.Scope(), v.ID, in.AvailabilityZone, in.AvailabilityZoneId)
		if err != nil {
			return err
		}
		if old, ok := DefaultSubnet(tx, c.Scope(), zone); ok {
			return awsapi.Errorf("DefaultSubnetAlreadyExistsInAvailabilityZone", 400, "'%s' is already the default subnet in %s.", old.ID, zone)
		}
		z, _ := catalog.ZoneOf(c.Region, zone)
		b, ok := freeBlock(tx, c.Scope(), v, 20)
		if !ok {
			return awsapi.Errorf("InvalidSubnet.Range", 400, "The default VPC has no room for another default subnet.")
		}
		out = showSubnet(tx, c.Scope(), newDefaultSubnet(tx, c.Scope(), v, z, b))
		return nil
	})
	return &api.CreateDefaultSubnetResult{Subnet: &out}, err
}

// freeBlock is the first block of a size in a VPC that no subnet has.
func freeBlock(tx *state.Tx, scope state.Scope, v *VPC, bits int) (netip.Prefix, bool) {
	for at := 0; at < 1<<(32-v.Block.Bits()); at += 1 << (32 - bits) {
		b := netip.PrefixFrom(address(v.Block, at), bits)
		if fits(tx, scope, v, b) == nil {
			return b, true
		}
	}
	return netip.Prefix{}, false
}

func showSubnet(tx *state.Tx, scope state.Scope, n *Subnet) api.Subnet {
	z, _ := catalog.ZoneOf(scope.Region, n.Zone)
	hostname := api.HostnameTypeIpName
	if n.ResourceNames {
		hostname = api.HostnameTypeResourceName
	}
	return api.Subnet{
		SubnetId: &n.ID, VpcId: &n.VPC, CidrBlock: new(n.Block.String()), AvailabilityZone: &z.Name, AvailabilityZoneId: &z.ID,
		AvailableIpAddressCount: new(FreeAddresses(tx, scope, n)), DefaultForAz: &n.Default, MapPublicIpOnLaunch: &n.MapPublicIP,
		MapCustomerOwnedIpOnLaunch: new(false), AssignIpv6AddressOnCreation: new(false), EnableDns64: new(false), Ipv6Native: new(false),
		Ipv6CidrBlockAssociationSet: []api.SubnetIpv6CidrBlockAssociation{}, OwnerId: &scope.Account, State: api.SubnetStateAvailable,
		SubnetArn: new(subnetKind.arn(scope, n.ID)), Tags: shownTags(tx, scope, n.ID),
		PrivateDnsNameOptionsOnLaunch: &api.PrivateDnsNameOptionsOnLaunch{
			HostnameType: hostname, EnableResourceNameDnsARecord: &n.ARecord, EnableResourceNameDnsAAAARecord: new(false),
		},
		BlockPublicAccessStates: &api.BlockPublicAccessStates{InternetGatewayBlockMode: api.BlockPublicAccessModeOff},
	}
}

// SubnetAt is the subnet of a VPC that an address is in.
func SubnetAt(tx *state.Tx, scope state.Scope, vpc string, a netip.Addr) (*Subnet, bool) {
	for n := range subnetsOf.Get(tx, scope, vpc) {
		if n.Block.Contains(a) {
			return n, true
		}
	}
	return nil, false
}

// FreeAddresses is how many addresses of a subnet nobody has.
func FreeAddresses(tx *state.Tx, scope state.Scope, n *Subnet) int {
	free := usable(n.Block)
	for i := range interfacesOf.Get(tx, scope, n.ID) {
		free -= 1 + len(i.MoreIPs)
	}
	return free
}

func never[T any](*T) []string { return nil }

func no[T any](*T) []string { return []string{"false"} }

var subnetListing = &listing[Subnet, api.Subnet]{
	table: Subnets, kind: subnetKind, show: showSubnet,
	tags: func(n *api.Subnet) []api.Tag { return n.Tags },
	fields: fields[api.Subnet]{
		"availability-zone":               str(func(n *api.Subnet) *string { return n.AvailabilityZone }),
		"availabilityZone":                str(func(n *api.Subnet) *string { return n.AvailabilityZone }),
		"availability-zone-id":            str(func(n *api.Subnet) *string { return n.AvailabilityZoneId }),
		"availabilityZoneId":              str(func(n *api.Subnet) *string { return n.AvailabilityZoneId }),
		"available-ip-address-count":      number(func(n *api.Subnet) *int { return n.AvailableIpAddressCount }),
		"cidr":                            str(func(n *api.Subnet) *string { return n.CidrBlock }),
		"cidrBlock":                       str(func(n *api.Subnet) *string { return n.CidrBlock }),
		"cidr-block":                      str(func(n *api.Subnet) *string { return n.CidrBlock }),
		"customer-owned-ipv4-pool":        never[api.Subnet],
		"default-for-az":                  flag(func(n *api.Subnet) *bool { return n.DefaultForAz }),
		"defaultForAz":                    flag(func(n *api.Subnet) *bool { return n.DefaultForAz }),
		"enable-dns64":                    no[api.Subnet],
		"ipv6-native":                     no[api.Subnet],
		"map-customer-owned-ip-on-launch": no[api.Subnet],
		"map-public-ip-on-launch":         flag(func(n *api.Subnet) *bool { return n.MapPublicIpOnLaunch }),
		"ipv6-cidr-block-association.ipv6-cidr-block":      never[api.Subnet],
		"ipv6-cidr-block-association.association-id":       never[api.Subnet],
		"ipv6-cidr-block-association.state":                never[api.Subnet],
		"outpost-arn":                                      never[api.Subnet],
		"owner-id":                                         str(func(n *api.Subnet) *string { return n.OwnerId }),
		"private-dns-name-options-on-launch.hostname-type": func(n *api.Subnet) []string { return []string{string(n.PrivateDnsNameOptionsOnLaunch.HostnameType)} },
		"private-dns-name-options-on-launch.enable-resource-name-dns-a-record":    flag(func(n *api.Subnet) *bool { return n.PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord }),
		"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": no[api.Subnet],
		"state":      enum(func(n *api.Subnet) api.SubnetState { return n.State }),
		"subnet-arn": str(func(n *api.Subnet) *string { return n.SubnetArn }),
		"subnet-id":  str(func(n *api.Subnet) *string { return n.SubnetId }),
		"vpc-id":     str(func(n *api.Subnet) *string { return n.VpcId }),
	},
}

// DescribeSubnets tells subnets.
func (s *Service) DescribeSubnets(_ context.Context, c *operation.Caller, in *api.DescribeSubnetsRequest) (*api.DescribeSubnetsResult, error) {
	page, next, err := subnetListing.describe(s.env.View(c), c.Scope(), query{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeSubnetsResult{Subnets: page, NextToken: next}, err
}

// DeleteSubnet deletes a subnet in which nothing has an interface.
func (s *Service) DeleteSubnet(_ context.Context, c *operation.Caller, in *api.DeleteSubnetRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		n, err := find(tx, c.Scope(), Subnets, subnetKind, in.SubnetId)
		if err != nil {
			return err
		}
		for range interfacesOf.Get(tx, c.Scope(), n.ID) {
			return dependent("subnet", n.ID)
		}
		dissociateSubnet(tx, c.Scope(), n)
		drop(tx, c.Scope(), Subnets, n.ID)
		return nil
	})
}

// dissociateSubnet takes a subnet out of its route table and its network ACL.
func dissociateSubnet(tx *state.Tx, scope state.Scope, n *Subnet) {
	for t := range routeTablesOf.Get(tx, scope, n.VPC) {
		if slices.ContainsFunc(t.Associations, func(a Association) bool { return a.Subnet == n.ID }) {
			RouteTables.Change(tx, scope, t.ID, func(t *RouteTable) {
				t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a Association) bool { return a.Subnet == n.ID })
			})
		}
	}
	leaveACL(tx, scope, n)
}

// ModifySubnetAttribute changes one attribute of a subnet.
func (s *Service) ModifySubnetAttribute(_ context.Context, c *operation.Caller, in *api.ModifySubnetAttributeRequest) (*awsapi.Empty, error) {
	given := 0
	for _, set := range []bool{in.MapPublicIpOnLaunch != nil, in.PrivateDnsHostnameTypeOnLaunch != "", in.EnableResourceNameDnsARecordOnLaunch != nil, in.AssignIpv6AddressOnCreation != nil, in.EnableDns64 != nil, in.EnableResourceNameDnsAAAARecordOnLaunch != nil, in.MapCustomerOwnedIpOnLaunch != nil, in.DisableLniAtDeviceIndex != nil} {
		if set {
			given++
		}
	}
	switch {
	case given == 0:
		return nil, missingParameter("mapPublicIpOnLaunch")
	case given > 1:
		return nil, invalidCombination("Only one attribute can be modified at a time")
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c.Scope(), Subnets, subnetKind, in.SubnetId); err != nil {
			return err
		}
		Subnets.Change(tx, c.Scope(), *in.SubnetId, func(n *Subnet) {
			switch {
			case in.MapPublicIpOnLaunch != nil:
				n.MapPublicIP = awsapi.V(in.MapPublicIpOnLaunch.Value)
			case in.PrivateDnsHostnameTypeOnLaunch != "":
				n.ResourceNames = in.PrivateDnsHostnameTypeOnLaunch == api.HostnameTypeResourceName
			case in.EnableResourceNameDnsARecordOnLaunch != nil:
				n.ARecord = awsapi.V(in.EnableResourceNameDnsARecordOnLaunch.Value)
			}
		})
		return nil
	})
}
