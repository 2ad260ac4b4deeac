package ec2

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

func tcp(from, to int, cidrs ...string) api.IpPermission {
	p := api.IpPermission{IpProtocol: new("tcp"), FromPort: &from, ToPort: &to}
	for _, c := range cidrs {
		p.IpRanges = append(p.IpRanges, api.IpRange{CidrIp: &c})
	}
	return p
}

func allFrom(group string) api.IpPermission {
	return api.IpPermission{IpProtocol: new("-1"), UserIdGroupPairs: []api.UserIdGroupPair{{GroupId: &group}}}
}

func (r *rig) allow(group string, p ...api.IpPermission) []api.SecurityGroupRule {
	r.Helper()
	return must[api.AuthorizeSecurityGroupIngressResult](r, "AuthorizeSecurityGroupIngress", &api.AuthorizeSecurityGroupIngressRequest{GroupId: &group, IpPermissions: p}).SecurityGroupRules
}

func (r *rig) described(group string) api.SecurityGroup {
	r.Helper()
	return must[api.DescribeSecurityGroupsResult](r, "DescribeSecurityGroups", &api.DescribeSecurityGroupsRequest{GroupIds: []string{group}}).SecurityGroups[0]
}

func TestRulesOfTheSamePortsStandInOnePermission(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	web, lb := r.group(v, "web"), r.group(v, "lb")
	r.allow(web, tcp(443, 443, "10.0.0.0/8"))
	r.allow(web, tcp(80, 80, "0.0.0.0/0"), allFrom(lb))
	r.allow(web, tcp(443, 443, "192.168.5.7/16"))
	var got []string
	for _, p := range r.described(web).IpPermissions {
		text := *p.IpProtocol
		if p.FromPort != nil {
			text += ":" + itoa(*p.FromPort)
		}
		for _, x := range p.IpRanges {
			text += " " + *x.CidrIp
		}
		for _, x := range p.UserIdGroupPairs {
			text += " " + map[string]string{lb: "lb"}[*x.GroupId]
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"tcp:443 10.0.0.0/8 192.168.0.0/16", "tcp:80 0.0.0.0/0", "-1 lb"}, got); diff != "" {
		t.Error(diff)
	}
	if out := r.described(web).IpPermissionsEgress; len(out) != 1 || *out[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("a new group's way out: %+v", out)
	}
}

func TestRulesAreRefusedInEC2sWords(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	web, lb := r.group(v, "web"), r.group(v, "lb")
	elsewhere := r.group(r.vpc("10.9.0.0/16"), "web")
	r.allow(web, tcp(80, 80, "0.0.0.0/0"), allFrom(lb))
	udp := api.IpPermission{IpProtocol: new("17"), IpRanges: []api.IpRange{{CidrIp: new("0.0.0.0/0")}}}
	tests := []struct {
		code, text string
		p          []api.IpPermission
	}{
		{"InvalidPermission.Duplicate", `the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists`, []api.IpPermission{tcp(80, 80, "0.0.0.0/0")}},
		{"InvalidPermission.Duplicate", `peer: ` + lb + `, ALL, ALLOW`, []api.IpPermission{allFrom(lb)}},
		{"InvalidParameterValue", "The same permission must not appear multiple times", []api.IpPermission{tcp(81, 81, "10.1.2.3/8"), tcp(81, 81, "10.0.0.0/8")}},
		{"InvalidParameterValue", "CIDR block 10.0.0/8 is malformed", []api.IpPermission{tcp(82, 82, "10.0.0/8")}},
		{"InvalidParameterValue", "Invalid TCP/UDP port range (90:80)", []api.IpPermission{tcp(90, 80, "0.0.0.0/0")}},
		{"InvalidParameterValue", "Must specify both from and to ports with TCP/UDP", []api.IpPermission{udp}},
		{"InvalidParameterValue", "Unknown protocol", []api.IpPermission{{IpProtocol: new("smtp"), IpRanges: []api.IpRange{{CidrIp: new("0.0.0.0/0")}}}}},
		{"InvalidGroup.NotFound", "belong to different networks", []api.IpPermission{allFrom(elsewhere)}},
		{"InvalidGroup.NotFound", "sg-00000000000000000", []api.IpPermission{allFrom("sg-00000000000000000")}},
		{"InvalidPrefixListID.NotFound", "pl-12345678", []api.IpPermission{{IpProtocol: new("-1"), PrefixListIds: []api.PrefixListId{{PrefixListId: new("pl-12345678")}}}}},
		{"MissingParameter", "ipRanges", []api.IpPermission{tcp(83, 83)}},
	}
	for _, tt := range tests {
		r.refused(tt.code, tt.text, "AuthorizeSecurityGroupIngress", &api.AuthorizeSecurityGroupIngressRequest{GroupId: &web, IpPermissions: tt.p})
	}
	if n := len(r.described(web).IpPermissions); n != 2 {
		t.Errorf("%d permissions after refused requests, want 2", n)
	}
	r.refused("InvalidPermission.NotFound", "The specified rule does not exist in this security group.", "RevokeSecurityGroupIngress", &api.RevokeSecurityGroupIngressRequest{GroupId: &web, IpPermissions: []api.IpPermission{tcp(80, 81, "0.0.0.0/0")}})
}

func TestAGroupInUseIsNotDeleted(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	web, lb := r.group(v, "web"), r.group(v, "lb")
	r.allow(web, allFrom(lb))
	r.refused("DependencyViolation", "resource "+lb+" has a dependent object", "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &lb})
	must[api.RevokeSecurityGroupIngressResult](r, "RevokeSecurityGroupIngress", &api.RevokeSecurityGroupIngressRequest{GroupId: &web, IpPermissions: []api.IpPermission{allFrom(lb)}})
	must[api.DeleteSecurityGroupResult](r, "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &lb})

	subnet := r.subnet(v, "10.0.0.0/24", "eu-west-1a")
	eni := must[api.CreateNetworkInterfaceResult](r, "CreateNetworkInterface", &api.CreateNetworkInterfaceRequest{SubnetId: &subnet, Groups: []string{web}}).NetworkInterface
	r.refused("DependencyViolation", web, "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &web})
	r.refused("DependencyViolation", subnet, "DeleteSubnet", &api.DeleteSubnetRequest{SubnetId: &subnet})
	must[awsapi.Empty](r, "DeleteNetworkInterface", &api.DeleteNetworkInterfaceRequest{NetworkInterfaceId: eni.NetworkInterfaceId})
	must[api.DeleteSecurityGroupResult](r, "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &web})
	g, _ := DefaultGroup(r.s.env.Store.View(), r.c.Scope(), v)
	r.refused("CannotDelete", `name: "default" cannot be deleted by a user`, "DeleteSecurityGroup", &api.DeleteSecurityGroupRequest{GroupId: &g.ID})
}

func TestRulesOneByOne(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	web := r.group(v, "web")
	made := r.allow(web, tcp(80, 80, "0.0.0.0/0", "10.0.0.0/8"))
	if len(made) != 2 || *made[0].SecurityGroupRuleId == *made[1].SecurityGroupRuleId || *made[0].IsEgress {
		t.Fatalf("%+v", made)
	}
	change := func(id *string, cidr string) *api.ModifySecurityGroupRulesRequest {
		return &api.ModifySecurityGroupRulesRequest{GroupId: &web, SecurityGroupRules: []api.SecurityGroupRuleUpdate{{SecurityGroupRuleId: id, SecurityGroupRule: &api.SecurityGroupRuleRequest{
			IpProtocol: new("tcp"), FromPort: new(80), ToPort: new(80), CidrIpv4: &cidr, Description: new("changed"),
		}}}}
	}
	r.refused("InvalidPermission.Duplicate", "10.0.0.0/8", "ModifySecurityGroupRules", change(made[0].SecurityGroupRuleId, "10.0.0.0/8"))
	must[api.ModifySecurityGroupRulesResult](r, "ModifySecurityGroupRules", change(made[0].SecurityGroupRuleId, "192.168.0.0/16"))
	got := must[api.DescribeSecurityGroupRulesResult](r, "DescribeSecurityGroupRules", &api.DescribeSecurityGroupRulesRequest{SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}}).SecurityGroupRules
	if len(got) != 1 || *got[0].CidrIpv4 != "192.168.0.0/16" || *got[0].Description != "changed" {
		t.Errorf("%+v", got)
	}
	must[api.UpdateSecurityGroupRuleDescriptionsIngressResult](r, "UpdateSecurityGroupRuleDescriptionsIngress", &api.UpdateSecurityGroupRuleDescriptionsIngressRequest{
		GroupId: &web, SecurityGroupRuleDescriptions: []api.SecurityGroupRuleDescription{{SecurityGroupRuleId: made[1].SecurityGroupRuleId, Description: new("office")}},
	})
	if d := r.described(web).IpPermissions[0].IpRanges[1].Description; d == nil || *d != "office" {
		t.Errorf("description %v", d)
	}
	must[api.RevokeSecurityGroupIngressResult](r, "RevokeSecurityGroupIngress", &api.RevokeSecurityGroupIngressRequest{GroupId: &web, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}})
	r.refused("InvalidSecurityGroupRuleId.NotFound", *made[0].SecurityGroupRuleId, "DescribeSecurityGroupRules", &api.DescribeSecurityGroupRulesRequest{SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}})
}

func TestAdmitsByRuleAndSource(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	web, lb := r.group(v, "web"), r.group(v, "lb")
	list := must[api.CreateManagedPrefixListResult](r, "CreateManagedPrefixList", &api.CreateManagedPrefixListRequest{
		PrefixListName: new("office"), AddressFamily: new("IPv4"), MaxEntries: new(2), Entries: []api.AddPrefixListEntry{{Cidr: new("203.0.113.0/24")}},
	}).PrefixList.PrefixListId
	r.allow(web, tcp(32768, 60999, "10.0.0.0/16"), allFrom(lb),
		api.IpPermission{IpProtocol: new("tcp"), FromPort: new(22), ToPort: new(22), PrefixListIds: []api.PrefixListId{{PrefixListId: list}}})
	tests := []struct {
		groups   []string
		from     string
		in       []string
		protocol string
		port     int
		want     bool
	}{
		{[]string{web}, "10.0.4.5", nil, "tcp", 32768, true},
		{[]string{web}, "10.0.4.5", nil, "tcp", 60999, true},
		{[]string{web}, "10.0.4.5", nil, "tcp", 61000, false},
		{[]string{web}, "10.0.4.5", nil, "udp", 40000, false},
		{[]string{web}, "10.1.4.5", nil, "tcp", 40000, false},
		{[]string{web}, "10.1.4.5", []string{lb}, "udp", 1, true},
		{[]string{lb, web}, "10.1.4.5", []string{lb}, "tcp", 80, true},
		{[]string{lb}, "10.1.4.5", []string{lb}, "tcp", 80, false},
		{[]string{web}, "203.0.113.9", nil, "tcp", 22, true},
		{[]string{web}, "203.0.114.9", nil, "tcp", 22, false},
		{nil, "10.0.4.5", nil, "tcp", 40000, false},
	}
	for _, tt := range tests {
		got := Admits(r.s.env.Store.View(), r.c.Scope(), tt.groups, Source{netip.MustParseAddr(tt.from), tt.in}, tt.protocol, tt.port)
		if got != tt.want {
			t.Errorf("%s from %s in %v to %d: %t", tt.protocol, tt.from, tt.in, tt.port, got)
		}
	}
}
