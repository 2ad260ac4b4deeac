package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Address is an Elastic IP address.
type Address struct {
	ID string
	IP netip.Addr
	// Association is the id of its association with Interface's PrivateIP, ""
	// when it has none.
	Association string     `json:",omitzero"`
	Interface   string     `json:",omitzero"`
	PrivateIP   netip.Addr `json:",omitzero"`
}

// Addresses is the table.
var Addresses = state.NewTable("ec2.address", func(a *Address) string { return a.ID })

// addressByRelated finds an address by itself, its association and its interface.
var addressByRelated = state.NewIndex(Addresses, func(a *Address) []string {
	return append([]string{a.IP.String()}, append(some(&a.Association), some(&a.Interface)...)...)
})

func init() { addressKind.exists = Addresses.Has }

// let ends an address's association.
func (a *Address) let() { a.Association, a.Interface, a.PrivateIP = "", "", netip.Addr{} }

// AllocateAddress allocates an address.
func (s *Service) AllocateAddress(_ context.Context, c *operation.Caller, in *api.AllocateAddressRequest) (*api.AllocateAddressResult, error) {
	tags, err := specified(in.TagSpecifications, addressKind.typ)
	if err != nil {
		return nil, err
	}
	if in.Domain == api.DomainTypeStandard {
		return nil, unserved("EC2-Classic (domain standard)")
	}
	if b := in.NetworkBorderGroup; b != nil && *b != c.Region {
		return nil, invalidValue("Value (%s) for parameter networkBorderGroup is invalid.", *b)
	}
	a := &Address{ID: addressKind.id()}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		if Addresses.Len(tx, c.Scope()) >= maxAddresses {
			return awsapi.Errorf("AddressLimitExceeded", 400, "The maximum number of addresses has been reached.")
		}
		a.IP = publicIP(tx, c.Scope())
		Addresses.Put(tx, c.Scope(), a)
		SetTags(tx, c.Scope(), a.ID, tags)
		return nil
	})
	return &api.AllocateAddressResult{
		AllocationId: &a.ID, PublicIp: new(a.IP.String()), Domain: api.DomainTypeVpc, NetworkBorderGroup: &c.Region, PublicIpv4Pool: new("amazon"),
	}, err
}

// elastic is the address of an input that names it by its id or itself.
func elastic(tx *state.Tx, scope state.Scope, id, ip *string) (*Address, error) {
	switch {
	case id != nil && ip != nil:
		return nil, invalidCombination("You may specify public IP or allocation id, but not both in the same call")
	case id != nil:
		return find(tx, scope, Addresses, addressKind, id)
	case ip != nil:
		if a, ok := addressByRelated.One(tx, scope, *ip); ok {
			return a, nil
		}
		return nil, noAddress(*ip)
	}
	return nil, missingParameter("AllocationId")
}

func noAddress(ip string) error {
	return awsapi.Errorf("InvalidAddress.NotFound", 400, "Address '%s' not found.", ip)
}

// ReleaseAddress gives an address back that is not associated.
func (s *Service) ReleaseAddress(_ context.Context, c *operation.Caller, in *api.ReleaseAddressRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		a, err := elastic(tx, c.Scope(), in.AllocationId, in.PublicIp)
		if err != nil {
			return err
		}
		if a.Association != "" {
			return awsapi.Errorf("InvalidIPAddress.InUse", 400, "Address '%s' is in use.", a.IP)
		}
		drop(tx, c.Scope(), Addresses, a.ID)
		return nil
	})
}

// AssociateAddress gives an address to an interface, or to an instance's eth0.
func (s *Service) AssociateAddress(_ context.Context, c *operation.Caller, in *api.AssociateAddressRequest) (*api.AssociateAddressResult, error) {
	out := &api.AssociateAddressResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		a, err := elastic(tx, c.Scope(), in.AllocationId, in.PublicIp)
		if err != nil {
			return err
		}
		i, err := holder(tx, c.Scope(), in)
		if err != nil {
			return err
		}
		private := i.PrivateIP
		if in.PrivateIpAddress != nil {
			if private, err = privateIP(*in.PrivateIpAddress); err != nil {
				return err
			}
			if !contains(i.addresses(), private) {
				return invalidValue("Invalid value '%s' for privateIpAddress. It is not assigned to the network interface %s", private, i.ID)
			}
		}
		id, err := give(tx, c.Scope(), a, i, private, in.AllowReassociation == nil || *in.AllowReassociation)
		out.AssociationId = &id
		return err
	})
}

// holder is the interface that an address is to be given to.
func holder(tx *state.Tx, scope state.Scope, in *api.AssociateAddressRequest) (*Interface, error) {
	if in.NetworkInterfaceId != nil {
		return find(tx, scope, Interfaces, interfaceKind, in.NetworkInterfaceId)
	}
	if in.InstanceId == nil {
		return nil, missingParameter("InstanceId or NetworkInterfaceId")
	}
	m, err := find(tx, scope, Instances, instanceKind, in.InstanceId)
	if err != nil {
		return nil, err
	}
	i, ok := PrimaryInterface(tx, scope, m.ID)
	if !ok || m.State == api.InstanceStateNamePending {
		return nil, awsapi.Errorf("InvalidInstanceID", 400, "The pending-instance-creation instance to which '%s' is attached is not in a valid state for this operation", m.ID)
	}
	return i, nil
}

// give associates an address. It takes the place of the one that the interface
// had; reassociate allows to take it from where it is.
func give(tx *state.Tx, scope state.Scope, a *Address, i *Interface, private netip.Addr, reassociate bool) (string, error) {
	if a.Interface == i.ID && a.PrivateIP == private {
		return a.Association, nil
	}
	if a.Association != "" && !reassociate {
		return "", awsapi.Errorf("Resource.AlreadyAssociated", 400, "resource %s is already associated with associate-id %s", a.ID, a.Association)
	}
	if !gatewayed(tx, scope, i.VPC) {
		return "", awsapi.Errorf("Gateway.NotAttached", 400, "Network %s is not attached to any internet gateway", i.VPC)
	}
	for old := range addressByRelated.Get(tx, scope, i.ID) {
		if old.PrivateIP == private {
			Addresses.Change(tx, scope, old.ID, (*Address).let)
		}
	}
	if i.PublicIP.IsValid() && private == i.PrivateIP {
		Interfaces.Change(tx, scope, i.ID, func(i *Interface) { i.PublicIP = netip.Addr{} })
	}
	id := "eipassoc-0" + ids.Hex(16)
	Addresses.Change(tx, scope, a.ID, func(a *Address) { a.Association, a.Interface, a.PrivateIP = id, i.ID, private })
	return id, nil
}

// gatewayed tells whether a VPC has an internet gateway.
func gatewayed(tx *state.Tx, scope state.Scope, vpc string) bool {
	_, ok := gatewaysOf.One(tx, scope, vpc)
	return ok
}

// DisassociateAddress takes an address from its interface.
func (s *Service) DisassociateAddress(_ context.Context, c *operation.Caller, in *api.DisassociateAddressRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		a, ok := addressByRelated.One(tx, c.Scope(), awsapi.V(in.AssociationId)+awsapi.V(in.PublicIp))
		switch {
		case in.AssociationId == nil && in.PublicIp == nil:
			return missingParameter("AssociationId")
		case in.AssociationId != nil && (!ok || a.Association != *in.AssociationId):
			return noAssociation(*in.AssociationId)
		case !ok:
			return noAddress(*in.PublicIp)
		}
		if i, ok := Interfaces.Get(tx, c.Scope(), a.Interface); ok && i.Requester != "" {
			return awsapi.Errorf("AuthFailure", 400, "You do not have permission to access the specified resource.")
		}
		Addresses.Change(tx, c.Scope(), a.ID, (*Address).let)
		return nil
	})
}

func showAddress(tx *state.Tx, scope state.Scope, a *Address) api.Address {
	out := api.Address{
		AllocationId: &a.ID, PublicIp: new(a.IP.String()), Domain: api.DomainTypeVpc, NetworkBorderGroup: new(scope.Region),
		PublicIpv4Pool: new("amazon"), Tags: shownTags(tx, scope, a.ID),
	}
	if i, ok := Interfaces.Get(tx, scope, a.Interface); ok {
		out.AssociationId, out.NetworkInterfaceId, out.NetworkInterfaceOwnerId = &a.Association, &i.ID, &scope.Account
		out.PrivateIpAddress, out.SubnetId = new(a.PrivateIP.String()), &i.Subnet
		if i.Attachment != nil && i.Attachment.Instance != "" {
			out.InstanceId = &i.Attachment.Instance
		}
	}
	return out
}

var addressListing = &listing[Address, api.Address]{
	table: Addresses, kind: addressKind, show: showAddress,
	tags: func(a *api.Address) []api.Tag { return a.Tags },
	fields: fields[api.Address]{
		"allocation-id":              str(func(a *api.Address) *string { return a.AllocationId }),
		"association-id":             str(func(a *api.Address) *string { return a.AssociationId }),
		"domain":                     enum(func(a *api.Address) api.DomainType { return a.Domain }),
		"instance-id":                str(func(a *api.Address) *string { return a.InstanceId }),
		"network-border-group":       str(func(a *api.Address) *string { return a.NetworkBorderGroup }),
		"network-interface-id":       str(func(a *api.Address) *string { return a.NetworkInterfaceId }),
		"network-interface-owner-id": str(func(a *api.Address) *string { return a.NetworkInterfaceOwnerId }),
		"private-ip-address":         str(func(a *api.Address) *string { return a.PrivateIpAddress }),
		"public-ip":                  str(func(a *api.Address) *string { return a.PublicIp }),
	},
}

// DescribeAddresses tells addresses.
func (s *Service) DescribeAddresses(_ context.Context, c *operation.Caller, in *api.DescribeAddressesRequest) (*api.DescribeAddressesResult, error) {
	tx, ids := s.env.View(c), slices.Clone(in.AllocationIds)
	for _, ip := range in.PublicIps {
		a, err := elastic(tx, c.Scope(), nil, &ip)
		if err != nil {
			return nil, err
		}
		ids = append(ids, a.ID)
	}
	page, _, err := addressListing.describe(tx, c.Scope(), query{ids: ids, filters: in.Filters})
	return &api.DescribeAddressesResult{Addresses: page}, err
}

// DescribeAddressesAttribute tells the reverse DNS names of addresses; here they
// have none.
func (s *Service) DescribeAddressesAttribute(_ context.Context, c *operation.Caller, in *api.DescribeAddressesAttributeRequest) (*api.DescribeAddressesAttributeResult, error) {
	tx := s.env.View(c)
	all, _, err := addressListing.describe(tx, c.Scope(), query{ids: in.AllocationIds})
	if err != nil {
		return nil, err
	}
	shown := []api.AddressAttribute{}
	for _, a := range all {
		shown = append(shown, api.AddressAttribute{AllocationId: a.AllocationId, PublicIp: a.PublicIp})
	}
	page, next, err := paging.Page(slices.Values(shown), in.NextToken, awsapi.V(in.MaxResults), func(a api.AddressAttribute) string { return *a.AllocationId })
	if err != nil {
		return nil, badToken()
	}
	return &api.DescribeAddressesAttributeResult{Addresses: page, NextToken: next}, nil
}
