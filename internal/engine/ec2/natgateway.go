package ec2

import (
	"context"
	"net/netip"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// NATGateway is a NAT gateway. It is kept and told: nothing goes through it.
type NATGateway struct {
	ID, Subnet, VPC string
	Private         bool `json:",omitzero"`
	Interface       string
	PrivateIP       netip.Addr
	// Addresses are what it has as long as it is there, the primary first.
	Addresses        []NATAddress `json:",omitzero"`
	Created, Deleted time.Time
	// Gone tells that it is to go; State is how far it has come, and Since when.
	Gone  bool `json:",omitzero"`
	State api.NatGatewayState
	Since time.Time
}

// NATAddress is an Elastic IP address of a NAT gateway.
type NATAddress struct {
	Address     string
	IP          netip.Addr
	Association string
	PrivateIP   netip.Addr
}

// NATGateways is the table.
var NATGateways = state.NewTable("ec2.natgateway", func(n *NATGateway) string { return n.ID })

func init() { natKind.exists = NATGateways.Has }

// CreateNatGateway makes a NAT gateway; the controller makes it available.
func (s *Service) CreateNatGateway(_ context.Context, c *operation.Caller, in *api.CreateNatGatewayRequest) (*api.CreateNatGatewayResult, error) {
	tags, err := specified(in.TagSpecifications, natKind.typ, addressKind.typ)
	if err != nil {
		return nil, err
	}
	if in.SubnetId == nil {
		return nil, missingParameter("subnetId")
	}
	private := in.ConnectivityType == api.ConnectivityTypePrivate
	switch {
	case private && in.AllocationId != nil:
		return nil, invalidCombination("The allocationId parameter cannot be specified for a private NAT gateway.")
	case !private && in.AllocationId == nil:
		return nil, missingParameter("AllocationId")
	}
	r := InterfaceRequest{Subnet: *in.SubnetId, Type: api.NetworkInterfaceTypeNatGateway, Requester: c.Account}
	if err := r.addressed(in.PrivateIpAddress, nil, nil); err != nil {
		return nil, err
	}
	var out api.NatGateway
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "CreateNatGateway", in.ClientToken, in, func() (string, error) {
			n := &NATGateway{ID: natKind.id(), Private: private, Created: s.env.Now(), State: api.NatGatewayStatePending, Since: s.env.Now()}
			if err := n.place(tx, c.Scope(), r, in); err != nil {
				return "", err
			}
			NATGateways.Put(tx, c.Scope(), n)
			SetTags(tx, c.Scope(), n.ID, tags)
			return n.ID, nil
		})
		if err != nil {
			return err
		}
		n, err := find(tx, c.Scope(), NATGateways, natKind, &id)
		if err == nil {
			out = showNAT(tx, c.Scope(), n)
		}
		return err
	})
	return &api.CreateNatGatewayResult{NatGateway: &out, ClientToken: in.ClientToken}, err
}

// place gives a NAT gateway its interface and address.
func (n *NATGateway) place(tx *state.Tx, scope state.Scope, r InterfaceRequest, in *api.CreateNatGatewayRequest) error {
	r.Description = "Interface for NAT Gateway " + n.ID
	r.Attach = &Attachment{Owner: "amazon-aws", Device: 1, At: n.Created}
	i, err := NewInterface(tx, scope, r)
	if err != nil {
		return err
	}
	// A NAT gateway's interface is in no security group.
	Interfaces.Change(tx, scope, i.ID, func(i *Interface) { i.Groups, i.Unchecked = []string{}, true })
	n.Subnet, n.VPC, n.Interface, n.PrivateIP = i.Subnet, i.VPC, i.ID, i.PrivateIP
	if n.Private {
		return nil
	}
	a, err := find(tx, scope, Addresses, addressKind, in.AllocationId)
	if err != nil {
		return err
	}
	if a.Association != "" {
		return awsapi.Errorf("Resource.AlreadyAssociated", 400, "Elastic IP address [%s] is already associated", a.ID)
	}
	id, err := give(tx, scope, a, i, i.PrivateIP, false)
	if err != nil {
		return err
	}
	n.Addresses = []NATAddress{{a.ID, a.IP, id, i.PrivateIP}}
	return nil
}

func showNAT(tx *state.Tx, scope state.Scope, n *NATGateway) api.NatGateway {
	out := api.NatGateway{
		NatGatewayId: &n.ID, SubnetId: &n.Subnet, VpcId: &n.VPC, ConnectivityType: api.ConnectivityTypePublic, CreateTime: &n.Created, State: n.State,
		NatGatewayAddresses: []api.NatGatewayAddress{}, Tags: shownTags(tx, scope, n.ID), AvailabilityMode: api.AvailabilityModeZonal,
	}
	if !n.Deleted.IsZero() {
		out.DeleteTime = &n.Deleted
	}
	status := api.NatGatewayAddressStatusSucceeded
	if n.State == api.NatGatewayStatePending {
		status = api.NatGatewayAddressStatusAssociating
	}
	if n.Private {
		out.ConnectivityType = api.ConnectivityTypePrivate
		out.NatGatewayAddresses = []api.NatGatewayAddress{{NetworkInterfaceId: &n.Interface, PrivateIp: new(n.PrivateIP.String()), IsPrimary: new(true), Status: status}}
		return out
	}
	for i, a := range n.Addresses {
		out.NatGatewayAddresses = append(out.NatGatewayAddresses, api.NatGatewayAddress{
			AllocationId: &a.Address, AssociationId: &a.Association, NetworkInterfaceId: &n.Interface, PrivateIp: new(a.PrivateIP.String()),
			PublicIp: new(a.IP.String()), IsPrimary: new(i == 0), Status: status,
		})
	}
	return out
}

var natListing = &listing[NATGateway, api.NatGateway]{
	table: NATGateways, kind: natKind, show: showNAT,
	tags: func(n *api.NatGateway) []api.Tag { return n.Tags },
	fields: fields[api.NatGateway]{
		"nat-gateway-id": str(func(n *api.NatGateway) *string { return n.NatGatewayId }),
		"state":          enum(func(n *api.NatGateway) api.NatGatewayState { return n.State }),
		"subnet-id":      str(func(n *api.NatGateway) *string { return n.SubnetId }),
		"vpc-id":         str(func(n *api.NatGateway) *string { return n.VpcId }),
	},
}

// DescribeNatGateways tells NAT gateways, those too that are gone since less
// than an hour.
func (s *Service) DescribeNatGateways(_ context.Context, c *operation.Caller, in *api.DescribeNatGatewaysRequest) (*api.DescribeNatGatewaysResult, error) {
	page, next, err := natListing.describe(s.env.View(c), c.Scope(), query{in.NatGatewayIds, in.Filter, in.MaxResults, in.NextToken})
	return &api.DescribeNatGatewaysResult{NatGateways: page, NextToken: next}, err
}

// DeleteNatGateway has a NAT gateway go.
func (s *Service) DeleteNatGateway(_ context.Context, c *operation.Caller, in *api.DeleteNatGatewayRequest) (*api.DeleteNatGatewayResult, error) {
	return &api.DeleteNatGatewayResult{NatGatewayId: in.NatGatewayId}, s.env.Store.Update(func(tx *state.Tx) error {
		n, err := find(tx, c.Scope(), NATGateways, natKind, in.NatGatewayId)
		if err != nil {
			return err
		}
		if n.State == api.NatGatewayStateDeleted {
			return natKind.notFound(n.ID)
		}
		NATGateways.Change(tx, c.Scope(), n.ID, func(n *NATGateway) {
			n.Gone = true
			if n.State != api.NatGatewayStateDeleting {
				n.State, n.Since = api.NatGatewayStateDeleting, s.env.Now()
			}
		})
		return nil
	})
}

// next is the state of a NAT gateway at an instant, and when to look again.
func (n *NATGateway) next(now time.Time) (state api.NatGatewayState, at time.Time) {
	due := n.Since.Add(natTakes)
	switch {
	case n.State == api.NatGatewayStateDeleted:
		return n.State, n.Since.Add(lingers)
	case now.Before(due):
		return n.State, due
	case n.State == api.NatGatewayStateDeleting:
		return api.NatGatewayStateDeleted, now.Add(lingers)
	case n.State == api.NatGatewayStatePending:
		return api.NatGatewayStateAvailable, time.Time{}
	}
	return n.State, time.Time{}
}

// advance takes a NAT gateway to its next state.
func (n *NATGateway) advance(tx *state.Tx, scope state.Scope, to api.NatGatewayState, now time.Time) {
	if to == api.NatGatewayStateDeleted {
		DeleteInterface(tx, scope, n.Interface)
	}
	NATGateways.Change(tx, scope, n.ID, func(n *NATGateway) {
		n.State, n.Since = to, now
		if to == api.NatGatewayStateDeleted {
			n.Deleted = now
		}
	})
}
