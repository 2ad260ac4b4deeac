package ec2

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

func (r *rig) table(vpc string) string {
	r.Helper()
	return *must[api.CreateRouteTableResult](r, "CreateRouteTable", &api.CreateRouteTableRequest{VpcId: &vpc}).RouteTable.RouteTableId
}

func (r *rig) routes(table string) (all []string) {
	r.Helper()
	t := must[api.DescribeRouteTablesResult](r, "DescribeRouteTables", &api.DescribeRouteTablesRequest{RouteTableIds: []string{table}}).RouteTables[0]
	for _, x := range t.Routes {
		all = append(all, awsapi.V(x.DestinationCidrBlock)+awsapi.V(x.DestinationIpv6CidrBlock)+awsapi.V(x.DestinationPrefixListId)+" "+awsapi.V(x.GatewayId)+awsapi.V(x.NatGatewayId)+" "+string(x.State))
	}
	return all
}

func TestRoutesToAGateway(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	g, table := r.gateway(v), r.table(v)
	to := func(cidr, gateway string) *api.CreateRouteRequest {
		return &api.CreateRouteRequest{RouteTableId: &table, DestinationCidrBlock: &cidr, GatewayId: &gateway}
	}
	must[api.CreateRouteResult](r, "CreateRoute", to("0.0.0.0/0", g))
	must[api.CreateRouteResult](r, "CreateRoute", &api.CreateRouteRequest{RouteTableId: &table, DestinationIpv6CidrBlock: new("::/0"), GatewayId: &g})
	r.refused("RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.", "CreateRoute", to("0.0.0.0/0", g))
	r.refused("RouteAlreadyExists", "10.0.0.0/16", "CreateRoute", to("10.0.0.0/16", g))
	r.refused("InvalidParameterValue", "This is not a valid CIDR block", "CreateRoute", to("everywhere", g))
	r.refused("InvalidGatewayID.NotFound", "igw-0123456789abcdef0", "CreateRoute", to("192.168.0.0/16", "igw-0123456789abcdef0"))
	other := r.gateway(r.vpc("10.9.0.0/16"))
	r.refused("InvalidParameterValue", "belong to different networks", "CreateRoute", to("192.168.0.0/16", other))
	r.refused("InvalidParameterCombination", "exactly one of gatewayId", "CreateRoute", &api.CreateRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("192.168.0.0/16")})
	r.refused("UnsupportedOperation", "TransitGatewayId", "CreateRoute", &api.CreateRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("192.168.0.0/16"), TransitGatewayId: new("tgw-1")})
	if diff := cmp.Diff([]string{"10.0.0.0/16 local active", "0.0.0.0/0 " + g + " active", "::/0 " + g + " active"}, r.routes(table)); diff != "" {
		t.Error(diff)
	}
	must[awsapi.Empty](r, "DetachInternetGateway", &api.DetachInternetGatewayRequest{InternetGatewayId: &g, VpcId: &v})
	if got := r.routes(table)[1]; got != "0.0.0.0/0 "+g+" blackhole" {
		t.Errorf("a route to a detached gateway: %s", got)
	}
	r.refused("InvalidParameterValue", "cannot remove local route 10.0.0.0/16", "DeleteRoute", &api.DeleteRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("10.0.0.0/16")})
	r.refused("InvalidRoute.NotFound", "no route with destination-cidr-block 10.1.0.0/16 in route table "+table, "DeleteRoute", &api.DeleteRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("10.1.0.0/16")})
	must[awsapi.Empty](r, "DeleteRoute", &api.DeleteRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("0.0.0.0/0")})
	r.refused("InvalidParameterValue", "Use CreateRoute instead", "ReplaceRoute", &api.ReplaceRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("0.0.0.0/0"), GatewayId: &g})
}

func TestAssociationsOfRouteTables(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet := r.subnet(v, "10.0.0.0/24", "eu-west-1a")
	one, two := r.table(v), r.table(v)
	in := &api.AssociateRouteTableRequest{RouteTableId: &one, SubnetId: &subnet}
	a := must[api.AssociateRouteTableResult](r, "AssociateRouteTable", in).AssociationId
	if again := must[api.AssociateRouteTableResult](r, "AssociateRouteTable", in).AssociationId; *again != *a {
		t.Errorf("the same association made anew: %s, %s", *a, *again)
	}
	r.refused("Resource.AlreadyAssociated", "conflicts with an existing association", "AssociateRouteTable", &api.AssociateRouteTableRequest{RouteTableId: &two, SubnetId: &subnet})
	r.refused("DependencyViolation", one, "DeleteRouteTable", &api.DeleteRouteTableRequest{RouteTableId: &one})
	elsewhere := r.subnet(r.vpc("10.9.0.0/16"), "10.9.0.0/24", "eu-west-1a")
	r.refused("InvalidParameterValue", "belong to different networks", "AssociateRouteTable", &api.AssociateRouteTableRequest{RouteTableId: &two, SubnetId: &elsewhere})

	moved := must[api.ReplaceRouteTableAssociationResult](r, "ReplaceRouteTableAssociation", &api.ReplaceRouteTableAssociationRequest{AssociationId: a, RouteTableId: &two}).NewAssociationId
	must[awsapi.Empty](r, "DeleteRouteTable", &api.DeleteRouteTableRequest{RouteTableId: &one})
	n, _ := Subnets.Get(r.s.env.Store.View(), r.c.Scope(), subnet)
	if t2, ok := RouteTableOf(r.s.env.Store.View(), r.c.Scope(), n); !ok || t2.ID != two {
		t.Errorf("the subnet follows %v", t2)
	}
	must[awsapi.Empty](r, "DisassociateRouteTable", &api.DisassociateRouteTableRequest{AssociationId: moved})
	main, _ := RouteTableOf(r.s.env.Store.View(), r.c.Scope(), n)
	if !main.main() {
		t.Errorf("the subnet follows %s, not the main table", main.ID)
	}
	r.refused("InvalidParameterValue", "cannot disassociate the main route table association", "DisassociateRouteTable", &api.DisassociateRouteTableRequest{AssociationId: &main.Associations[0].ID})
	must[api.ReplaceRouteTableAssociationResult](r, "ReplaceRouteTableAssociation", &api.ReplaceRouteTableAssociationRequest{AssociationId: &main.Associations[0].ID, RouteTableId: &two})
	if m, _ := mainRouteTable(r.s.env.Store.View(), r.c.Scope(), v); m.ID != two {
		t.Error("the main association did not move")
	}
}

func TestASubnetsAssociationsGoWithIt(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet, table := r.subnet(v, "10.0.0.0/24", "eu-west-1a"), r.table(v)
	must[api.AssociateRouteTableResult](r, "AssociateRouteTable", &api.AssociateRouteTableRequest{RouteTableId: &table, SubnetId: &subnet})
	must[awsapi.Empty](r, "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &subnet})
	must[awsapi.Empty](r, "DeleteRouteTable", &api.DeleteRouteTableRequest{RouteTableId: &table})
	must[awsapi.Empty](r, "DeleteVpc", &api.DeleteVpcRequest{VpcId: &v})
}

func TestAGatewayIsOfOneVPC(t *testing.T) {
	r := newRig(t)
	v, w := r.vpc("10.0.0.0/16"), r.vpc("10.1.0.0/16")
	g := r.gateway(v)
	r.refused("Resource.AlreadyAssociated", "resource "+g+" is already attached to network "+v, "AttachInternetGateway", &api.AttachInternetGatewayRequest{InternetGatewayId: &g, VpcId: &w})
	other := must[api.CreateInternetGatewayResult](r, "CreateInternetGateway", &api.CreateInternetGatewayRequest{}).InternetGateway.InternetGatewayId
	r.refused("InvalidParameterValue", "already has an internet gateway attached", "AttachInternetGateway", &api.AttachInternetGatewayRequest{InternetGatewayId: other, VpcId: &v})
	r.refused("Gateway.NotAttached", "resource "+*other+" is not attached to network "+v, "DetachInternetGateway", &api.DetachInternetGatewayRequest{InternetGatewayId: other, VpcId: &v})
	r.refused("DependencyViolation", "The internetGateway '"+g+"' has dependencies and cannot be deleted.", "DeleteInternetGateway", &api.DeleteInternetGatewayRequest{InternetGatewayId: &g})
}

func TestEntriesOfANetworkACL(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet := r.subnet(v, "10.0.0.0/24", "eu-west-1a")
	acl := must[api.CreateNetworkAclResult](r, "CreateNetworkAcl", &api.CreateNetworkAclRequest{VpcId: &v}).NetworkAcl.NetworkAclId
	entry := func(number int, cidr string) *api.CreateNetworkAclEntryRequest {
		return &api.CreateNetworkAclEntryRequest{NetworkAclId: acl, RuleNumber: &number, Egress: new(false), Protocol: new("tcp"), RuleAction: "allow", CidrBlock: &cidr, PortRange: &api.PortRange{From: new(80), To: new(80)}}
	}
	must[awsapi.Empty](r, "CreateNetworkAclEntry", entry(200, "10.0.0.9/8"))
	must[awsapi.Empty](r, "CreateNetworkAclEntry", entry(100, "0.0.0.0/0"))
	r.refused("NetworkAclEntryAlreadyExists", "identified by 100", "CreateNetworkAclEntry", entry(100, "10.0.0.0/8"))
	var got []string
	shown := must[api.DescribeNetworkAclsResult](r, "DescribeNetworkAcls", &api.DescribeNetworkAclsRequest{NetworkAclIds: []string{*acl}}).NetworkAcls[0]
	for _, e := range shown.Entries {
		got = append(got, map[bool]string{true: "out ", false: "in "}[*e.Egress]+itoa(*e.RuleNumber)+" "+*e.Protocol+" "+*e.CidrBlock)
	}
	if diff := cmp.Diff([]string{"out 32767 -1 0.0.0.0/0", "in 100 6 0.0.0.0/0", "in 200 6 10.0.0.0/8", "in 32767 -1 0.0.0.0/0"}, got); diff != "" {
		t.Error(diff)
	}
	def := must[api.DescribeNetworkAclsResult](r, "DescribeNetworkAcls", &api.DescribeNetworkAclsRequest{Filters: filter("association.subnet-id", subnet)}).NetworkAcls[0]
	must[api.ReplaceNetworkAclAssociationResult](r, "ReplaceNetworkAclAssociation", &api.ReplaceNetworkAclAssociationRequest{AssociationId: def.Associations[0].NetworkAclAssociationId, NetworkAclId: acl})
	r.refused("DependencyViolation", *acl, "DeleteNetworkAcl", &api.DeleteNetworkAclRequest{NetworkAclId: acl})
	r.refused("InvalidParameterValue", "default network ACL", "DeleteNetworkAcl", &api.DeleteNetworkAclRequest{NetworkAclId: def.NetworkAclId})
	must[awsapi.Empty](r, "DeleteNetworkAclEntry", &api.DeleteNetworkAclEntryRequest{NetworkAclId: acl, Egress: new(false), RuleNumber: new(100)})
	r.refused("InvalidNetworkAclEntry.NotFound", "100", "DeleteNetworkAclEntry", &api.DeleteNetworkAclEntryRequest{NetworkAclId: acl, Egress: new(false), RuleNumber: new(100)})
}
