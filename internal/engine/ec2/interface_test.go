package ec2

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func (r *rig) eni(in api.CreateNetworkInterfaceRequest) *api.NetworkInterface {
	r.Helper()
	return must[api.CreateNetworkInterfaceResult](r, "CreateNetworkInterface", &in).NetworkInterface
}

func TestInterfacesGetTheSubnetsAddresses(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/28", "eu-west-1a")
	free := func() int {
		return *must[api.DescribeSubnetsResult](r, "DescribeSubnets", &api.DescribeSubnetsRequest{SubnetIds: []string{subnet}}).Subnets[0].AvailableIpAddressCount
	}
	if n := free(); n != 11 {
		t.Errorf("%d free addresses in a new /28", n)
	}
	first := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet})
	second := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet, PrivateIpAddress: new("10.0.5.9"), SecondaryPrivateIpAddressCount: new(2)})
	var got []string
	for _, a := range append(first.PrivateIpAddresses, second.PrivateIpAddresses...) {
		got = append(got, *a.PrivateIpAddress)
	}
	if diff := cmp.Diff([]string{"10.0.5.4", "10.0.5.9", "10.0.5.5", "10.0.5.6"}, got); diff != "" {
		t.Error(diff)
	}
	if n := free(); n != 7 {
		t.Errorf("%d free addresses, want 7", n)
	}
	for ip, want := range map[string]struct{ code, text string }{
		"10.0.5.9":  {"InvalidIPAddress.InUse", "Address 10.0.5.9 is in use."},
		"10.0.5.3":  {"InvalidParameterValue", "reserved address range"},
		"10.0.5.15": {"InvalidParameterValue", "reserved address range"},
		"10.0.6.4":  {"InvalidParameterValue", "does not fall within the subnet's address range"},
		"x":         {"InvalidParameterValue", "Invalid IP address"},
	} {
		r.refused(want.code, want.text, "CreateNetworkInterface", &api.CreateNetworkInterfaceRequest{SubnetId: &subnet, PrivateIpAddress: &ip})
	}
	r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet, SecondaryPrivateIpAddressCount: new(6)})
	r.refused("InsufficientFreeAddressesInSubnet", subnet, "CreateNetworkInterface", &api.CreateNetworkInterfaceRequest{SubnetId: &subnet})
	must[awsapi.Empty](r, "UnassignPrivateIpAddresses", &api.UnassignPrivateIpAddressesRequest{NetworkInterfaceId: second.NetworkInterfaceId, PrivateIpAddresses: []string{"10.0.5.5"}})
	if a := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet}); *a.PrivateIpAddress != "10.0.5.5" {
		t.Errorf("the address that came free is not given again: %s", *a.PrivateIpAddress)
	}
}

func TestAnInterfaceIsAttachedAndDetached(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a")
	m := *r.run(subnet, 1)[0].InstanceId
	e := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet}).NetworkInterfaceId
	attach := func(device int) *api.AttachNetworkInterfaceRequest {
		return &api.AttachNetworkInterfaceRequest{InstanceId: &m, NetworkInterfaceId: e, DeviceIndex: &device}
	}
	r.refused("IncorrectState", "not in the 'running' or 'stopped' state", "AttachNetworkInterface", attach(1))
	r.later(time.Second)
	r.refused("InvalidParameterValue", "already has an interface attached at device index '0'", "AttachNetworkInterface", attach(0))
	a := must[api.AttachNetworkInterfaceResult](r, "AttachNetworkInterface", attach(1)).AttachmentId
	r.refused("InvalidParameterValue", "currently in use", "DeleteNetworkInterface", &api.DeleteNetworkInterfaceRequest{NetworkInterfaceId: e})
	if n := r.instance(m).NetworkInterfaces; len(n) != 2 || *n[1].NetworkInterfaceId != *e || *n[1].Attachment.DeviceIndex != 1 {
		t.Errorf("%+v", n)
	}
	must[awsapi.Empty](r, "DetachNetworkInterface", &api.DetachNetworkInterfaceRequest{AttachmentId: a})
	shown := func() api.NetworkInterface {
		return must[api.DescribeNetworkInterfacesResult](r, "DescribeNetworkInterfaces", &api.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: []string{*e}}).NetworkInterfaces[0]
	}
	if n := shown(); n.Status != api.NetworkInterfaceStatusAvailable || n.Attachment == nil || n.Attachment.Status != api.AttachmentStatusDetached {
		t.Errorf("just detached: %+v", n)
	}
	r.later(time.Minute)
	if n := shown(); n.Attachment != nil {
		t.Errorf("detached since long: %+v", n.Attachment)
	}
	must[awsapi.Empty](r, "DeleteNetworkInterface", &api.DeleteNetworkInterfaceRequest{NetworkInterfaceId: e})
}

func TestAnotherServicesInterface(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	g, subnet, group := r.gateway(v), r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.group(v, "lb")
	var id string
	err := r.s.env.Store.Update(func(tx *state.Tx) error {
		i, err := NewInterface(tx, r.c.Scope(), InterfaceRequest{
			Subnet: subnet, Groups: []string{group}, Description: "ELB app/web/0123456789abcdef", Requester: "amazon-elb", Public: true,
			Attach: &Attachment{Owner: "amazon-elb", Device: 1},
		})
		if err == nil {
			id = i.ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := must[api.DescribeNetworkInterfacesResult](r, "DescribeNetworkInterfaces", &api.DescribeNetworkInterfacesRequest{Filters: filter("description", "ELB app/web/*")}).NetworkInterfaces
	if len(shown) != 1 || !*shown[0].RequesterManaged || *shown[0].RequesterId != "amazon-elb" || *shown[0].Attachment.InstanceOwnerId != "amazon-elb" || shown[0].Association == nil {
		t.Fatalf("%+v", shown)
	}
	r.refused("OperationNotPermitted", "managed by amazon-elb", "DeleteNetworkInterface", &api.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id})
	r.refused("DependencyViolation", "", "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &group})
	r.refused("DependencyViolation", "", "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &subnet})
	r.refused("DependencyViolation", "has some mapped public address(es)", "DetachInternetGateway", &api.DetachInternetGatewayRequest{InternetGatewayId: &g, VpcId: &v})
	err = r.s.env.Store.Update(func(tx *state.Tx) error {
		for _, i := range DescribedInterfaces(tx, r.c.Scope(), v, "ELB app/web/0123456789abcdef") {
			DeleteInterface(tx, r.c.Scope(), i.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	must[awsapi.Empty](r, "DetachInternetGateway", &api.DetachInternetGatewayRequest{InternetGatewayId: &g, VpcId: &v})
	must[api.DeleteSecurityGroupResult](r, "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &group})
}

func TestElasticAddresses(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet := r.subnet(v, "10.0.5.0/24", "eu-west-1a")
	e := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet}).NetworkInterfaceId
	a := must[api.AllocateAddressResult](r, "AllocateAddress", &api.AllocateAddressRequest{})
	if ip := netip.MustParseAddr(*a.PublicIp); !publicRange.Contains(ip) {
		t.Errorf("%s is an address of the internet's", ip)
	}
	in := &api.AssociateAddressRequest{AllocationId: a.AllocationId, NetworkInterfaceId: e}
	r.refused("Gateway.NotAttached", "Network "+v+" is not attached to any internet gateway", "AssociateAddress", in)
	r.gateway(v)
	association := must[api.AssociateAddressResult](r, "AssociateAddress", in).AssociationId
	got := must[api.DescribeAddressesResult](r, "DescribeAddresses", &api.DescribeAddressesRequest{Filters: filter("network-interface-id", *e)}).Addresses
	if len(got) != 1 || *got[0].PrivateIpAddress != "10.0.5.4" || *got[0].AssociationId != *association {
		t.Errorf("%+v", got)
	}
	r.refused("InvalidIPAddress.InUse", "is in use", "ReleaseAddress", &api.ReleaseAddressRequest{AllocationId: a.AllocationId})
	other := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet}).NetworkInterfaceId
	r.refused("Resource.AlreadyAssociated", *a.AllocationId, "AssociateAddress", &api.AssociateAddressRequest{AllocationId: a.AllocationId, NetworkInterfaceId: other, AllowReassociation: new(false)})
	must[awsapi.Empty](r, "DeleteNetworkInterface", &api.DeleteNetworkInterfaceRequest{NetworkInterfaceId: e})
	r.refused("InvalidAssociationID.NotFound", *association, "DisassociateAddress", &api.DisassociateAddressRequest{AssociationId: association})
	must[awsapi.Empty](r, "ReleaseAddress", &api.ReleaseAddressRequest{AllocationId: a.AllocationId})
	r.refused("InvalidAllocationID.NotFound", *a.AllocationId, "ReleaseAddress", &api.ReleaseAddressRequest{AllocationId: a.AllocationId})
}

func TestANATGatewayComesAndGoes(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	r.gateway(v)
	subnet, table := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.table(v)
	a := must[api.AllocateAddressResult](r, "AllocateAddress", &api.AllocateAddressRequest{}).AllocationId
	in := &api.CreateNatGatewayRequest{SubnetId: &subnet, AllocationId: a, ClientToken: new("once")}
	id := must[api.CreateNatGatewayResult](r, "CreateNatGateway", in).NatGateway.NatGatewayId
	if again := must[api.CreateNatGatewayResult](r, "CreateNatGateway", in).NatGateway.NatGatewayId; *again != *id {
		t.Errorf("the same token made %s and %s", *id, *again)
	}
	r.refused("IdempotentParameterMismatch", "once", "CreateNatGateway", &api.CreateNatGatewayRequest{SubnetId: &subnet, AllocationId: a, ClientToken: new("once"), TagSpecifications: []api.TagSpecification{{ResourceType: "natgateway"}}})
	must[api.CreateRouteResult](r, "CreateRoute", &api.CreateRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("0.0.0.0/0"), NatGatewayId: id})
	var states []string
	look := func() {
		n := must[api.DescribeNatGatewaysResult](r, "DescribeNatGateways", &api.DescribeNatGatewaysRequest{NatGatewayIds: []string{*id}}).NatGateways[0]
		states = append(states, string(n.State)+" "+r.routes(table)[1])
	}
	look()
	r.later(time.Second)
	look()
	r.refused("InvalidIPAddress.InUse", "", "ReleaseAddress", &api.ReleaseAddressRequest{AllocationId: a})
	must[api.DeleteNatGatewayResult](r, "DeleteNatGateway", &api.DeleteNatGatewayRequest{NatGatewayId: id})
	look()
	r.later(time.Second)
	look()
	to := " 0.0.0.0/0 " + *id + " "
	if diff := cmp.Diff([]string{"pending" + to + "active", "available" + to + "active", "deleting" + to + "blackhole", "deleted" + to + "blackhole"}, states); diff != "" {
		t.Error(diff)
	}
	must[awsapi.Empty](r, "ReleaseAddress", &api.ReleaseAddressRequest{AllocationId: a})
	must[awsapi.Empty](r, "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &subnet})
	r.later(2 * time.Hour)
	r.refused("NatGatewayNotFound", *id, "DescribeNatGateways", &api.DescribeNatGatewaysRequest{NatGatewayIds: []string{*id}})
}
