package ec2

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestEveryRegionHasADefaultVPC(t *testing.T) {
	r := newRig(t)
	vpcs := must[api.DescribeVpcsResult](r, "DescribeVpcs", &api.DescribeVpcsRequest{}).Vpcs
	if len(vpcs) != 1 || *vpcs[0].CidrBlock != "172.31.0.0/16" || !*vpcs[0].IsDefault {
		t.Fatalf("%+v", vpcs)
	}
	var blocks []string
	for _, n := range must[api.DescribeSubnetsResult](r, "DescribeSubnets", &api.DescribeSubnetsRequest{Filters: filter("default-for-az", "true")}).Subnets {
		blocks = append(blocks, *n.AvailabilityZoneId+" "+*n.CidrBlock)
		if !*n.MapPublicIpOnLaunch || *n.AvailableIpAddressCount != 4091 {
			t.Errorf("%+v", n)
		}
	}
	if len(blocks) != 3 {
		t.Errorf("default subnets: %v", blocks)
	}
	main := must[api.DescribeRouteTablesResult](r, "DescribeRouteTables", &api.DescribeRouteTablesRequest{Filters: filter("association.main", "true")}).RouteTables
	if len(main) != 1 || len(main[0].Routes) != 2 || *main[0].Routes[1].DestinationCidrBlock != "0.0.0.0/0" || main[0].Routes[1].State != api.RouteStateActive {
		t.Errorf("main route table: %+v", main)
	}
	for name, in := range map[string]any{
		"groups":   &api.DescribeSecurityGroupsRequest{Filters: filter("group-name", "default")},
		"acls":     &api.DescribeNetworkAclsRequest{Filters: filter("default", "true")},
		"gateways": &api.DescribeInternetGatewaysRequest{Filters: filter("attachment.vpc-id", *vpcs[0].VpcId)},
	} {
		var n int
		switch in := in.(type) {
		case *api.DescribeSecurityGroupsRequest:
			n = len(must[api.DescribeSecurityGroupsResult](r, "DescribeSecurityGroups", in).SecurityGroups)
		case *api.DescribeNetworkAclsRequest:
			acls := must[api.DescribeNetworkAclsResult](r, "DescribeNetworkAcls", in).NetworkAcls
			if n = len(acls); n == 1 && len(acls[0].Associations) != 3 {
				t.Errorf("the default ACL covers %d subnets", len(acls[0].Associations))
			}
		case *api.DescribeInternetGatewaysRequest:
			n = len(must[api.DescribeInternetGatewaysResult](r, "DescribeInternetGateways", in).InternetGateways)
		}
		if n != 1 {
			t.Errorf("%d default %s", n, name)
		}
	}
	r.c.Region = "us-east-1"
	if other := must[api.DescribeVpcsResult](r, "DescribeVpcs", &api.DescribeVpcsRequest{}).Vpcs; len(other) != 1 || *other[0].VpcId == *vpcs[0].VpcId {
		t.Errorf("another region's VPCs: %+v", other)
	}
}

func TestADeletedDefaultVPCStaysAwayUntilItIsMadeAnew(t *testing.T) {
	r := newRig(t)
	r.do("DescribeVpcs", &api.DescribeVpcsRequest{})
	scope := r.c.Scope()
	v, _ := DefaultVPC(r.s.env.Store.View(), scope)
	for n := range subnetsOf.Get(r.s.env.Store.View(), scope, v.ID) {
		must[awsapi.Empty](r, "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &n.ID})
	}
	g, _ := gatewaysOf.One(r.s.env.Store.View(), scope, v.ID)
	must[awsapi.Empty](r, "DetachInternetGateway", &api.DetachInternetGatewayRequest{InternetGatewayId: &g.ID, VpcId: &v.ID})
	must[awsapi.Empty](r, "DeleteVpc", &api.DeleteVpcRequest{VpcId: &v.ID})
	if n := len(must[api.DescribeVpcsResult](r, "DescribeVpcs", &api.DescribeVpcsRequest{}).Vpcs); n != 0 {
		t.Fatalf("%d VPCs after the default one was deleted", n)
	}
	r.refused("VPCIdNotSpecified", "No default VPC for this user", "CreateSecurityGroup", &api.CreateSecurityGroupRequest{GroupName: new("x"), Description: new("x")})
	if v := must[api.CreateDefaultVpcResult](r, "CreateDefaultVpc", &api.CreateDefaultVpcRequest{}).Vpc; !*v.IsDefault {
		t.Errorf("%+v", v)
	}
	r.refused("DefaultVpcAlreadyExists", "already exists", "CreateDefaultVpc", &api.CreateDefaultVpcRequest{})
}

func TestADefaultSubnetIsMadeAnewInItsZone(t *testing.T) {
	r := newRig(t)
	r.do("DescribeVpcs", &api.DescribeVpcsRequest{})
	old, _ := DefaultSubnet(r.s.env.Store.View(), r.c.Scope(), "eu-west-1b")
	in := &api.CreateDefaultSubnetRequest{AvailabilityZone: new("eu-west-1b")}
	r.refused("DefaultSubnetAlreadyExistsInAvailabilityZone", old.ID, "CreateDefaultSubnet", in)
	must[awsapi.Empty](r, "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &old.ID})
	if n := must[api.CreateDefaultSubnetResult](r, "CreateDefaultSubnet", in).Subnet; *n.CidrBlock != old.Block.String() || !*n.DefaultForAz {
		t.Errorf("%+v", n)
	}
}

func TestBlocksOfVPCsAndSubnets(t *testing.T) {
	r := newRig(t)
	for cidr, code := range map[string]string{
		"10.0.0.0/15": "InvalidVpc.Range", "10.0.0.0/29": "InvalidVpc.Range", "127.0.0.0/16": "InvalidVpc.Range", "224.0.0.0/16": "InvalidVpc.Range",
		"10.0.0.0": "InvalidParameterValue", "fd00::/16": "InvalidParameterValue", "10.0.0.0/33": "InvalidParameterValue",
	} {
		r.refused(code, cidr, "CreateVpc", &api.CreateVpcRequest{CidrBlock: &cidr})
	}
	v := must[api.CreateVpcResult](r, "CreateVpc", &api.CreateVpcRequest{CidrBlock: new("10.7.200.9/16")}).Vpc
	if *v.CidrBlock != "10.7.0.0/16" {
		t.Errorf("host bits are kept: %s", *v.CidrBlock)
	}
	r.subnet(*v.VpcId, "10.7.1.0/24", "eu-west-1a")
	for cidr, code := range map[string]string{
		"10.7.1.128/25": "InvalidSubnet.Conflict", "10.7.0.0/23": "InvalidSubnet.Conflict", "10.8.0.0/24": "InvalidSubnet.Range",
		"10.0.0.0/12": "InvalidSubnet.Range", "10.7.2.0/29": "InvalidSubnet.Range",
	} {
		r.refused(code, "", "CreateSubnet", &api.CreateSubnetRequest{VpcId: v.VpcId, CidrBlock: &cidr})
	}
	r.refused("InvalidParameterValue", "availability zones: eu-west-1a, eu-west-1b, eu-west-1c", "CreateSubnet", &api.CreateSubnetRequest{VpcId: v.VpcId, CidrBlock: new("10.7.2.0/24"), AvailabilityZone: new("eu-west-1z")})
	if n := must[api.CreateSubnetResult](r, "CreateSubnet", &api.CreateSubnetRequest{VpcId: v.VpcId, CidrBlock: new("10.7.3.0/28"), AvailabilityZoneId: new("euw1-az3")}).Subnet; *n.AvailabilityZone != "eu-west-1c" || *n.AvailableIpAddressCount != 11 {
		t.Errorf("%+v", n)
	}
}

func TestFurtherBlocksOfAVPC(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	r.refused("InvalidVpc.Range", "conflicts", "AssociateVpcCidrBlock", &api.AssociateVpcCidrBlockRequest{VpcId: &v, CidrBlock: new("10.0.128.0/17")})
	a := must[api.AssociateVpcCidrBlockResult](r, "AssociateVpcCidrBlock", &api.AssociateVpcCidrBlockRequest{VpcId: &v, CidrBlock: new("10.1.0.0/16")}).CidrBlockAssociation
	subnet := r.subnet(v, "10.1.2.0/24", "eu-west-1a")
	main, _ := mainRouteTable(r.s.env.Store.View(), r.c.Scope(), v)
	if main.route("10.1.0.0/16") == nil {
		t.Error("no local route for the further block")
	}
	r.refused("DependencyViolation", "10.1.0.0/16", "DisassociateVpcCidrBlock", &api.DisassociateVpcCidrBlockRequest{AssociationId: a.AssociationId})
	must[awsapi.Empty](r, "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &subnet})
	must[api.DisassociateVpcCidrBlockResult](r, "DisassociateVpcCidrBlock", &api.DisassociateVpcCidrBlockRequest{AssociationId: a.AssociationId})
	primary := must[api.DescribeVpcsResult](r, "DescribeVpcs", &api.DescribeVpcsRequest{VpcIds: []string{v}}).Vpcs[0].CidrBlockAssociationSet
	if len(primary) != 1 {
		t.Fatalf("%+v", primary)
	}
	r.refused("OperationNotPermitted", "primary", "DisassociateVpcCidrBlock", &api.DisassociateVpcCidrBlockRequest{AssociationId: primary[0].AssociationId})
}

func TestAttributesOfAVPC(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	get := func(a api.VpcAttributeName) bool {
		out := must[api.DescribeVpcAttributeResult](r, "DescribeVpcAttribute", &api.DescribeVpcAttributeRequest{VpcId: &v, Attribute: a})
		for _, p := range []*api.AttributeBooleanValue{out.EnableDnsHostnames, out.EnableDnsSupport, out.EnableNetworkAddressUsageMetrics} {
			if p != nil {
				return *p.Value
			}
		}
		t.Fatalf("%s is not told", a)
		return false
	}
	before := []bool{get("enableDnsSupport"), get("enableDnsHostnames"), get("enableNetworkAddressUsageMetrics")}
	r.refused("InvalidParameterCombination", "one attribute", "ModifyVpcAttribute", &api.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsHostnames: is(true), EnableDnsSupport: is(true)})
	must[awsapi.Empty](r, "ModifyVpcAttribute", &api.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsHostnames: is(true)})
	must[awsapi.Empty](r, "ModifyVpcAttribute", &api.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsSupport: is(false)})
	after := []bool{get("enableDnsSupport"), get("enableDnsHostnames"), get("enableNetworkAddressUsageMetrics")}
	if diff := cmp.Diff([][]bool{{true, false, false}, {false, true, false}}, [][]bool{before, after}); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAVPCHasKeepsItFromBeingDeleted(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet, group, gateway := r.subnet(v, "10.0.0.0/24", "eu-west-1a"), r.group(v, "web"), r.gateway(v)
	table := *must[api.CreateRouteTableResult](r, "CreateRouteTable", &api.CreateRouteTableRequest{VpcId: &v}).RouteTable.RouteTableId
	steps := []struct {
		name string
		in   any
	}{
		{"DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &subnet}},
		{"DetachInternetGateway", &api.DetachInternetGatewayRequest{InternetGatewayId: &gateway, VpcId: &v}},
		{"DeleteRouteTable", &api.DeleteRouteTableRequest{RouteTableId: &table}},
		{"DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &group}},
	}
	for _, s := range steps {
		r.refused("DependencyViolation", "The vpc '"+v+"' has dependencies and cannot be deleted.", "DeleteVpc", &api.DeleteVpcRequest{VpcId: &v})
		if _, err := r.do(s.name, s.in); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	must[awsapi.Empty](r, "DeleteVpc", &api.DeleteVpcRequest{VpcId: &v})
	r.refused("InvalidVpcID.NotFound", "The vpc ID '"+v+"' does not exist", "DeleteVpc", &api.DeleteVpcRequest{VpcId: &v})
	left := 0
	tx, scope := r.s.env.Store.View(), r.c.Scope()
	for _, n := range []int{count(routeTablesOf.Get(tx, scope, v)), count(groupsOf.Get(tx, scope, v)), count(aclsOf.Get(tx, scope, v))} {
		left += n
	}
	if left != 0 {
		t.Errorf("%d rows are left of the deleted VPC", left)
	}
}

// rows counts what is in every table of a scope, to see that nothing is left.
func rows(tx *state.Tx, scope state.Scope) int {
	return VPCs.Len(tx, scope) + Subnets.Len(tx, scope) + Gateways.Len(tx, scope) + RouteTables.Len(tx, scope) + Groups.Len(tx, scope) + Rules.Len(tx, scope) +
		ACLs.Len(tx, scope) + Interfaces.Len(tx, scope) + Addresses.Len(tx, scope) + Volumes.Len(tx, scope) + Tags.Len(tx, scope)
}
