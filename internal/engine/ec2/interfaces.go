package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// privateIP reads an address that a subnet may have.
func privateIP(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return netip.Addr{}, invalidValue("Value (%s) for parameter privateIpAddress is invalid. Invalid IP address", text)
	}
	return a, nil
}

// addressed puts the addresses of an input into a request.
func (r *InterfaceRequest) addressed(primary *string, list []api.PrivateIpAddressSpecification, more *int) error {
	if primary != nil {
		a, err := privateIP(*primary)
		if err != nil {
			return err
		}
		r.PrivateIP = a
	}
	for _, p := range list {
		a, err := privateIP(awsapi.V(p.PrivateIpAddress))
		switch {
		case err != nil:
			return err
		case awsapi.V(p.Primary) && r.PrivateIP.IsValid() && r.PrivateIP != a:
			return invalidCombination("Only one primary private IP address can be specified.")
		case awsapi.V(p.Primary):
			r.PrivateIP = a
		default:
			r.MoreIPs = append(r.MoreIPs, a)
		}
	}
	r.More = awsapi.V(more)
	if r.More < 0 || r.More > 0 && len(r.MoreIPs) > 0 {
		return invalidCombination("secondaryPrivateIpAddressCount cannot be used together with privateIpAddresses")
	}
	return nil
}

// CreateNetworkInterface makes an interface that nothing has yet.
func (s *Service) CreateNetworkInterface(_ context.Context, c *operation.Caller, in *api.CreateNetworkInterfaceRequest) (*api.CreateNetworkInterfaceResult, error) {
	tags, err := specified(in.TagSpecifications, interfaceKind.typ)
	if err != nil {
		return nil, err
	}
	r := InterfaceRequest{Subnet: *in.SubnetId, Groups: in.Groups, Description: awsapi.V(in.Description), Tags: tags}
	if err := r.addressed(in.PrivateIpAddress, in.PrivateIpAddresses, in.SecondaryPrivateIpAddressCount); err != nil {
		return nil, err
	}
	var out api.NetworkInterface
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "CreateNetworkInterface", in.ClientToken, in, func() (string, error) {
			i, err := NewInterface(tx, c.Scope(), r)
			if err != nil {
				return "", err
			}
			return i.ID, nil
		})
		if err != nil {
			return err
		}
		i, err := find(tx, c.Scope(), Interfaces, interfaceKind, &id)
		if err == nil {
			out = showInterface(tx, c.Scope(), i)
		}
		return err
	})
	return &api.CreateNetworkInterfaceResult{NetworkInterface: &out, ClientToken: in.ClientToken}, err
}

func privateIPs(i *api.NetworkInterface) []api.NetworkInterfacePrivateIpAddress {
	return i.PrivateIpAddresses
}

func interfaceGroups(i *api.NetworkInterface) []api.GroupIdentifier { return i.Groups }

// association and attachment are an interface's, empty where it has none.
func association(i *api.NetworkInterface) *api.NetworkInterfaceAssociation {
	return orEmpty(i.Association)
}

func attachment(i *api.NetworkInterface) *api.NetworkInterfaceAttachment {
	return orEmpty(i.Attachment)
}

// orEmpty is what p points to, or an empty one.
func orEmpty[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

var interfaceListing = &listing[Interface, api.NetworkInterface]{
	table: Interfaces, kind: interfaceKind, show: showInterface, alone: true,
	tags: func(i *api.NetworkInterface) []api.Tag { return i.TagSet },
	fields: fields[api.NetworkInterface]{
		"association.allocation-id":        str(func(i *api.NetworkInterface) *string { return association(i).AllocationId }),
		"association.association-id":       str(func(i *api.NetworkInterface) *string { return association(i).AssociationId }),
		"association.ip-owner-id":          str(func(i *api.NetworkInterface) *string { return association(i).IpOwnerId }),
		"association.public-dns-name":      str(func(i *api.NetworkInterface) *string { return association(i).PublicDnsName }),
		"association.public-ip":            str(func(i *api.NetworkInterface) *string { return association(i).PublicIp }),
		"addresses.association.owner-id":   each(privateIPs, str(func(a *api.NetworkInterfacePrivateIpAddress) *string { return orEmpty(a.Association).IpOwnerId })),
		"addresses.association.public-ip":  each(privateIPs, str(func(a *api.NetworkInterfacePrivateIpAddress) *string { return orEmpty(a.Association).PublicIp })),
		"addresses.primary":                each(privateIPs, flag(func(a *api.NetworkInterfacePrivateIpAddress) *bool { return a.Primary })),
		"addresses.private-ip-address":     each(privateIPs, str(func(a *api.NetworkInterfacePrivateIpAddress) *string { return a.PrivateIpAddress })),
		"attachment.attachment-id":         str(func(i *api.NetworkInterface) *string { return attachment(i).AttachmentId }),
		"attachment.attach-time":           func(i *api.NetworkInterface) []string { return timeText(attachment(i).AttachTime) },
		"attachment.delete-on-termination": attached(flag(func(i *api.NetworkInterface) *bool { return attachment(i).DeleteOnTermination })),
		"attachment.device-index":          number(func(i *api.NetworkInterface) *int { return attachment(i).DeviceIndex }),
		"attachment.instance-id":           str(func(i *api.NetworkInterface) *string { return attachment(i).InstanceId }),
		"attachment.instance-owner-id":     str(func(i *api.NetworkInterface) *string { return attachment(i).InstanceOwnerId }),
		"attachment.status":                enum(func(i *api.NetworkInterface) api.AttachmentStatus { return attachment(i).Status }),
		"availability-zone":                str(func(i *api.NetworkInterface) *string { return i.AvailabilityZone }),
		"availability-zone-id":             str(func(i *api.NetworkInterface) *string { return i.AvailabilityZoneId }),
		"description":                      str(func(i *api.NetworkInterface) *string { return i.Description }),
		"group-id":                         each(interfaceGroups, str(func(g *api.GroupIdentifier) *string { return g.GroupId })),
		"group-name":                       each(interfaceGroups, str(func(g *api.GroupIdentifier) *string { return g.GroupName })),
		"ipv6-addresses.ipv6-address":      never[api.NetworkInterface],
		"interface-type":                   enum(func(i *api.NetworkInterface) api.NetworkInterfaceType { return i.InterfaceType }),
		"mac-address":                      str(func(i *api.NetworkInterface) *string { return i.MacAddress }),
		"network-interface-id":             str(func(i *api.NetworkInterface) *string { return i.NetworkInterfaceId }),
		"operator.managed":                 no[api.NetworkInterface],
		"operator.principal":               never[api.NetworkInterface],
		"owner-id":                         str(func(i *api.NetworkInterface) *string { return i.OwnerId }),
		"private-dns-name":                 str(func(i *api.NetworkInterface) *string { return i.PrivateDnsName }),
		"private-ip-address":               str(func(i *api.NetworkInterface) *string { return i.PrivateIpAddress }),
		"requester-id":                     str(func(i *api.NetworkInterface) *string { return i.RequesterId }),
		"requester-managed":                flag(func(i *api.NetworkInterface) *bool { return i.RequesterManaged }),
		"source-dest-check":                flag(func(i *api.NetworkInterface) *bool { return i.SourceDestCheck }),
		"status":                           enum(func(i *api.NetworkInterface) api.NetworkInterfaceStatus { return i.Status }),
		"subnet-id":                        str(func(i *api.NetworkInterface) *string { return i.SubnetId }),
		"vpc-id":                           str(func(i *api.NetworkInterface) *string { return i.VpcId }),
	},
}

// attached reads a field only of an interface that is attached.
func attached(read func(*api.NetworkInterface) []string) func(*api.NetworkInterface) []string {
	return func(i *api.NetworkInterface) []string {
		if i.Attachment == nil {
			return nil
		}
		return read(i)
	}
}

// DescribeNetworkInterfaces tells interfaces.
func (s *Service) DescribeNetworkInterfaces(_ context.Context, c *operation.Caller, in *api.DescribeNetworkInterfacesRequest) (*api.DescribeNetworkInterfacesResult, error) {
	page, next, err := interfaceListing.describe(s.env.View(c), c.Scope(), query{in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeNetworkInterfacesResult{NetworkInterfaces: page, NextToken: next}, err
}

// DeleteNetworkInterface deletes an interface that is attached to nothing.
func (s *Service) DeleteNetworkInterface(_ context.Context, c *operation.Caller, in *api.DeleteNetworkInterfaceRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := owned(tx, c.Scope(), in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		if i.Attachment != nil {
			return awsapi.Errorf("InvalidParameterValue", 400, "Network interface '%s' is currently in use.", i.ID)
		}
		DeleteInterface(tx, c.Scope(), i.ID)
		return nil
	})
}

// owned is an interface that a user may change: none that a service made.
func owned(tx *state.Tx, scope state.Scope, id *string) (*Interface, error) {
	i, err := find(tx, scope, Interfaces, interfaceKind, id)
	if err != nil {
		return nil, err
	}
	if i.Requester != "" {
		return nil, awsapi.Errorf("OperationNotPermitted", 400, "You do not have permission to access the specified resource: the network interface %s is managed by %s.", i.ID, i.Requester)
	}
	return i, nil
}

// AttachNetworkInterface gives an instance another interface.
func (s *Service) AttachNetworkInterface(_ context.Context, c *operation.Caller, in *api.AttachNetworkInterfaceRequest) (*api.AttachNetworkInterfaceResult, error) {
	id := newAttachmentID()
	err := s.env.Store.Update(func(tx *state.Tx) error {
		i, err := owned(tx, c.Scope(), in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		m, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
		if err != nil {
			return err
		}
		if err := attachable(tx, c.Scope(), m, i, *in.DeviceIndex); err != nil {
			return err
		}
		a := &Attachment{ID: id, Instance: m.ID, Device: *in.DeviceIndex, At: s.env.Now()}
		Interfaces.Change(tx, c.Scope(), i.ID, func(i *Interface) { i.Attachment, i.Left = a, nil })
		return nil
	})
	return &api.AttachNetworkInterfaceResult{AttachmentId: &id, NetworkCardIndex: new(0)}, err
}

func attachable(tx *state.Tx, scope state.Scope, m *Instance, i *Interface, device int) error {
	switch {
	case i.Attachment != nil:
		return invalidValue("Interface: [%s] in use.", i.ID)
	case i.Zone != m.Zone:
		return invalidCombination("The network interface %s and the instance %s are not in the same availability zone", i.ID, m.ID)
	case m.State != api.InstanceStateNameRunning && m.State != api.InstanceStateNameStopped:
		return awsapi.Errorf("IncorrectState", 400, "The instance '%s' is not in the 'running' or 'stopped' state.", m.ID)
	}
	on := interfacesOfInstance(tx, scope, m.ID)
	if slices.ContainsFunc(on, func(o *Interface) bool { return o.Attachment.Device == device }) {
		return invalidValue("Instance '%s' already has an interface attached at device index '%d'.", m.ID, device)
	}
	if t, ok := catalog.InstanceTypeOf(m.Type); ok && len(on) >= t.Interfaces {
		return awsapi.Errorf("AttachmentLimitExceeded", 400, "Interface count %d exceeds the limit for %s", len(on)+1, m.Type)
	}
	return nil
}

// DetachNetworkInterface takes an interface, but not eth0, from an instance.
func (s *Service) DetachNetworkInterface(_ context.Context, c *operation.Caller, in *api.DetachNetworkInterfaceRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		at, ok := interfacesOn.One(tx, c.Scope(), *in.AttachmentId)
		if !ok {
			return awsapi.Errorf("InvalidAttachmentID.NotFound", 400, "Attachment '%s' does not exist.", *in.AttachmentId)
		}
		i, err := owned(tx, c.Scope(), &at.ID)
		if err != nil {
			return err
		}
		if i.Attachment.Device == 0 {
			return awsapi.Errorf("OperationNotPermitted", 400, "The network interface at device index 0 cannot be detached.")
		}
		Interfaces.Change(tx, c.Scope(), i.ID, func(i *Interface) { i.detach(s.env.Now()) })
		return nil
	})
}

// ModifyNetworkInterfaceAttribute changes one attribute of an interface.
func (s *Service) ModifyNetworkInterfaceAttribute(_ context.Context, c *operation.Caller, in *api.ModifyNetworkInterfaceAttributeRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := owned(tx, c.Scope(), in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		changed := *i
		if in.Groups != nil {
			if changed.Groups, err = checkGroups(tx, c.Scope(), i.VPC, in.Groups); err != nil {
				return err
			}
		}
		if in.Description != nil {
			changed.Description = awsapi.V(in.Description.Value)
		}
		if in.SourceDestCheck != nil {
			changed.Unchecked = !awsapi.V(in.SourceDestCheck.Value)
		}
		if in.Attachment != nil {
			if i.Attachment == nil || i.Attachment.ID != awsapi.V(in.Attachment.AttachmentId) {
				return awsapi.Errorf("InvalidAttachmentID.NotFound", 400, "Attachment '%s' does not exist.", awsapi.V(in.Attachment.AttachmentId))
			}
			a := *i.Attachment
			a.DeleteOnTermination = awsapi.V(in.Attachment.DeleteOnTermination)
			changed.Attachment = &a
		}
		Interfaces.Put(tx, c.Scope(), &changed)
		return nil
	})
}

// DescribeNetworkInterfaceAttribute tells one attribute of an interface.
func (s *Service) DescribeNetworkInterfaceAttribute(_ context.Context, c *operation.Caller, in *api.DescribeNetworkInterfaceAttributeRequest) (*api.DescribeNetworkInterfaceAttributeResult, error) {
	tx := s.env.View(c)
	i, err := find(tx, c.Scope(), Interfaces, interfaceKind, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeNetworkInterfaceAttributeResult{NetworkInterfaceId: &i.ID}
	switch in.Attribute {
	case api.NetworkInterfaceAttributeDescription:
		out.Description = &api.AttributeValue{Value: &i.Description}
	case api.NetworkInterfaceAttributeGroupSet:
		out.Groups = showGroups(tx, c.Scope(), i.Groups)
	case api.NetworkInterfaceAttributeSourceDestCheck:
		out.SourceDestCheck = &api.AttributeBooleanValue{Value: new(!i.Unchecked)}
	case api.NetworkInterfaceAttributeAttachment:
		if i.Attachment != nil {
			out.Attachment = i.Attachment.show(c.Scope())
		}
	case api.NetworkInterfaceAttributeAssociatePublicIpAddress:
		out.AssociatePublicIpAddress = new(i.PublicIP.IsValid())
	default:
		return nil, missingParameter("attribute")
	}
	return out, nil
}

// AssignPrivateIpAddresses gives an interface further private addresses.
func (s *Service) AssignPrivateIpAddresses(_ context.Context, c *operation.Caller, in *api.AssignPrivateIpAddressesRequest) (*api.AssignPrivateIpAddressesResult, error) {
	if (len(in.PrivateIpAddresses) > 0) == (in.SecondaryPrivateIpAddressCount != nil) {
		return nil, invalidCombination("The request must contain exactly one of privateIpAddresses or secondaryPrivateIpAddressCount")
	}
	out := &api.AssignPrivateIpAddressesResult{NetworkInterfaceId: in.NetworkInterfaceId, AssignedPrivateIpAddresses: []api.AssignedPrivateIpAddress{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := owned(tx, c.Scope(), in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		n, err := find(tx, c.Scope(), Subnets, subnetKind, &i.Subnet)
		if err != nil {
			return err
		}
		var added []netip.Addr
		for _, text := range in.PrivateIpAddresses {
			a, err := privateIP(text)
			if err != nil {
				return err
			}
			if err := free(tx, c.Scope(), n, a); err != nil {
				return err
			}
			added = append(added, a)
		}
		more, err := pickIPs(tx, c.Scope(), n, awsapi.V(in.SecondaryPrivateIpAddressCount), nil)
		if err != nil {
			return err
		}
		added = append(added, more...)
		for _, a := range added {
			out.AssignedPrivateIpAddresses = append(out.AssignedPrivateIpAddresses, api.AssignedPrivateIpAddress{PrivateIpAddress: new(a.String())})
		}
		Interfaces.Change(tx, c.Scope(), i.ID, func(i *Interface) { i.MoreIPs = append(slices.Clone(i.MoreIPs), added...) })
		return nil
	})
}

// UnassignPrivateIpAddresses takes further private addresses from an interface.
func (s *Service) UnassignPrivateIpAddresses(_ context.Context, c *operation.Caller, in *api.UnassignPrivateIpAddressesRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := owned(tx, c.Scope(), in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		left := slices.Clone(i.MoreIPs)
		for _, text := range in.PrivateIpAddresses {
			at := slices.IndexFunc(left, func(a netip.Addr) bool { return a.String() == text })
			if at < 0 {
				return invalidValue("Some of the addresses are not assigned to interface %s", i.ID)
			}
			for a := range addressByRelated.Get(tx, c.Scope(), i.ID) {
				if a.PrivateIP == left[at] {
					Addresses.Change(tx, c.Scope(), a.ID, (*Address).let)
				}
			}
			left = slices.Delete(left, at, at+1)
		}
		Interfaces.Change(tx, c.Scope(), i.ID, func(i *Interface) { i.MoreIPs = left })
		return nil
	})
}
