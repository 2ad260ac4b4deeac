package ec2

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

func TestOptionsOfARunningInstance(t *testing.T) {
	r := newRig(t)
	id := *r.run(r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a"), 1)[0].InstanceId
	r.later(time.Second)
	pending := must[api.ModifyInstanceMetadataOptionsResult](r, "ModifyInstanceMetadataOptions", &api.ModifyInstanceMetadataOptionsRequest{InstanceId: &id, HttpTokens: "optional", HttpPutResponseHopLimit: new(3)})
	if pending.InstanceMetadataOptions.State != "pending" {
		t.Errorf("%+v", pending.InstanceMetadataOptions)
	}
	r.refused("InvalidParameterValue", "between 1 and 64", "ModifyInstanceMetadataOptions", &api.ModifyInstanceMetadataOptionsRequest{InstanceId: &id, HttpPutResponseHopLimit: new(65)})
	must[api.ModifyInstanceMaintenanceOptionsResult](r, "ModifyInstanceMaintenanceOptions", &api.ModifyInstanceMaintenanceOptionsRequest{InstanceId: &id, AutoRecovery: "disabled"})
	must[api.ModifyPrivateDnsNameOptionsResult](r, "ModifyPrivateDnsNameOptions", &api.ModifyPrivateDnsNameOptionsRequest{InstanceId: &id, PrivateDnsHostnameType: "resource-name", EnableResourceNameDnsARecord: new(true)})
	must[api.ModifyInstanceCapacityReservationAttributesResult](r, "ModifyInstanceCapacityReservationAttributes", &api.ModifyInstanceCapacityReservationAttributesRequest{InstanceId: &id, CapacityReservationSpecification: &api.CapacityReservationSpecification{CapacityReservationPreference: "none"}})
	must[api.MonitorInstancesResult](r, "MonitorInstances", &api.MonitorInstancesRequest{InstanceIds: []string{id}})
	i := r.instance(id)
	got := []string{
		string(i.MetadataOptions.HttpTokens), itoa(*i.MetadataOptions.HttpPutResponseHopLimit), string(i.MetadataOptions.State), string(i.MaintenanceOptions.AutoRecovery),
		*i.PrivateDnsName, string(i.CapacityReservationSpecification.CapacityReservationPreference), string(i.Monitoring.State),
	}
	if diff := cmp.Diff([]string{"optional", "3", "applied", "disabled", id + ".eu-west-1.compute.internal", "none", "enabled"}, got); diff != "" {
		t.Error(diff)
	}
	must[api.UnmonitorInstancesResult](r, "UnmonitorInstances", &api.UnmonitorInstancesRequest{InstanceIds: []string{id}})
	credits := must[api.ModifyInstanceCreditSpecificationResult](r, "ModifyInstanceCreditSpecification", &api.ModifyInstanceCreditSpecificationRequest{InstanceCreditSpecifications: []api.InstanceCreditSpecificationRequest{
		{InstanceId: &id, CpuCredits: new("standard")}, {InstanceId: new("i-0123456789abcdef0"), CpuCredits: new("standard")}, {InstanceId: &id, CpuCredits: new("free")},
	}})
	if len(credits.SuccessfulInstanceCreditSpecifications) != 1 || len(credits.UnsuccessfulInstanceCreditSpecifications) != 2 {
		t.Errorf("%+v", credits)
	}
	told := must[api.DescribeInstanceCreditSpecificationsResult](r, "DescribeInstanceCreditSpecifications", &api.DescribeInstanceCreditSpecificationsRequest{InstanceIds: []string{id}}).InstanceCreditSpecifications
	if len(told) != 1 || *told[0].CpuCredits != "standard" {
		t.Errorf("%+v", told)
	}
	must[awsapi.Empty](r, "RebootInstances", &api.RebootInstancesRequest{InstanceIds: []string{id}})
	must[api.TerminateInstancesResult](r, "TerminateInstances", &api.TerminateInstancesRequest{InstanceIds: []string{id}})
	r.refused("IncorrectInstanceState", id, "RebootInstances", &api.RebootInstancesRequest{InstanceIds: []string{id}})
	r.refused("IncorrectInstanceState", id, "ModifyInstanceMetadataOptions", &api.ModifyInstanceMetadataOptionsRequest{InstanceId: &id, HttpTokens: "required"})
}

func TestAttributesOfAnInstance(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	group := r.group(v, "web")
	id := *r.run(r.subnet(v, "10.0.5.0/24", "eu-west-1a"), 1)[0].InstanceId
	r.later(time.Second)
	typ := &api.ModifyInstanceAttributeRequest{InstanceId: &id, InstanceType: &api.AttributeValue{Value: new("t3.large")}}
	r.refused("IncorrectInstanceState", "is not in the 'stopped' state", "ModifyInstanceAttribute", typ)
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, Groups: []string{group}})
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, SourceDestCheck: is(false)})
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, Attribute: "instanceInitiatedShutdownBehavior", Value: new("terminate")})
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, BlockDeviceMappings: []api.InstanceBlockDeviceMappingSpecification{
		{DeviceName: new("/dev/xvda"), Ebs: &api.EbsInstanceBlockDeviceSpecification{DeleteOnTermination: new(false)}},
	}})
	must[api.StopInstancesResult](r, "StopInstances", &api.StopInstancesRequest{InstanceIds: []string{id}})
	r.later(time.Second)
	must[awsapi.Empty](r, "ModifyInstanceAttribute", typ)
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, Attribute: "userData", Value: new("aGk=")})
	r.refused("InvalidParameterValue", "InstanceType", "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, InstanceType: &api.AttributeValue{Value: new("t4g.large")}})
	r.refused("UnsupportedOperation", "enclaveOptions", "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &id, Attribute: "enclaveOptions", Value: new("x")})
	attribute := func(name api.InstanceAttributeName) *api.InstanceAttribute {
		return must[api.InstanceAttribute](r, "DescribeInstanceAttribute", &api.DescribeInstanceAttributeRequest{InstanceId: &id, Attribute: name})
	}
	got := []any{
		*attribute("instanceType").InstanceType.Value, *attribute("userData").UserData.Value, *attribute("groupSet").Groups[0].GroupId, *attribute("sourceDestCheck").SourceDestCheck.Value,
		*attribute("instanceInitiatedShutdownBehavior").InstanceInitiatedShutdownBehavior.Value, *attribute("blockDeviceMapping").BlockDeviceMappings[0].Ebs.DeleteOnTermination,
		attribute("kernel").KernelId.Value == nil, *attribute("rootDeviceName").RootDeviceName.Value,
	}
	if diff := cmp.Diff([]any{"t3.large", "aGk=", group, false, "terminate", false, true, "/dev/xvda"}, got); diff != "" {
		t.Error(diff)
	}
	must[awsapi.Empty](r, "ResetInstanceAttribute", &api.ResetInstanceAttributeRequest{InstanceId: &id, Attribute: "sourceDestCheck"})
	if !*attribute("sourceDestCheck").SourceDestCheck.Value {
		t.Error("the source/destination check is still off")
	}
}

func TestDefaultsOfMetadataOptions(t *testing.T) {
	r := newRig(t)
	must[api.ModifyInstanceMetadataDefaultsResult](r, "ModifyInstanceMetadataDefaults", &api.ModifyInstanceMetadataDefaultsRequest{HttpTokens: "optional", HttpPutResponseHopLimit: new(4)})
	if m := r.run(r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a"), 1)[0].MetadataOptions; m.HttpTokens != "optional" || *m.HttpPutResponseHopLimit != 4 {
		t.Errorf("%+v", m)
	}
	must[api.ModifyInstanceMetadataDefaultsResult](r, "ModifyInstanceMetadataDefaults", &api.ModifyInstanceMetadataDefaultsRequest{HttpTokens: "no-preference", HttpPutResponseHopLimit: new(-1)})
	if d := must[api.GetInstanceMetadataDefaultsResult](r, "GetInstanceMetadataDefaults", &api.GetInstanceMetadataDefaultsRequest{}).AccountLevel; d.HttpTokens != "" || d.HttpPutResponseHopLimit != nil {
		t.Errorf("%+v", d)
	}
}

func TestAttributesOfAnInterface(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet, group := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.group(v, "web")
	id := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet}).NetworkInterfaceId
	must[awsapi.Empty](r, "ModifyNetworkInterfaceAttribute", &api.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, Groups: []string{group}})
	must[awsapi.Empty](r, "ModifyNetworkInterfaceAttribute", &api.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, Description: &api.AttributeValue{Value: new("changed")}})
	must[awsapi.Empty](r, "ModifyNetworkInterfaceAttribute", &api.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, SourceDestCheck: is(false)})
	r.refused("InvalidAttachmentID.NotFound", "", "ModifyNetworkInterfaceAttribute", &api.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, Attachment: &api.NetworkInterfaceAttachmentChanges{AttachmentId: new("eni-attach-1")}})
	attribute := func(name api.NetworkInterfaceAttribute) *api.DescribeNetworkInterfaceAttributeResult {
		return must[api.DescribeNetworkInterfaceAttributeResult](r, "DescribeNetworkInterfaceAttribute", &api.DescribeNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, Attribute: name})
	}
	got := []any{*attribute("groupSet").Groups[0].GroupId, *attribute("description").Description.Value, *attribute("sourceDestCheck").SourceDestCheck.Value, *attribute("associatePublicIpAddress").AssociatePublicIpAddress}
	if diff := cmp.Diff([]any{group, "changed", false, false}, got); diff != "" {
		t.Error(diff)
	}
	more := must[api.AssignPrivateIpAddressesResult](r, "AssignPrivateIpAddresses", &api.AssignPrivateIpAddressesRequest{NetworkInterfaceId: id, SecondaryPrivateIpAddressCount: new(2)}).AssignedPrivateIpAddresses
	if len(more) != 2 || *more[1].PrivateIpAddress != "10.0.5.6" {
		t.Errorf("%+v", more)
	}
	r.refused("InvalidIPAddress.InUse", "10.0.5.6", "AssignPrivateIpAddresses", &api.AssignPrivateIpAddressesRequest{NetworkInterfaceId: id, PrivateIpAddresses: []string{"10.0.5.6"}})
	r.refused("InvalidParameterValue", "not assigned", "UnassignPrivateIpAddresses", &api.UnassignPrivateIpAddressesRequest{NetworkInterfaceId: id, PrivateIpAddresses: []string{"10.0.5.4"}})
}

func TestTheWayOutOfAGroup(t *testing.T) {
	r := newRig(t)
	group := r.group(r.vpc("10.0.0.0/16"), "web")
	all := []api.IpPermission{{IpProtocol: new("-1"), IpRanges: []api.IpRange{{CidrIp: new("0.0.0.0/0")}}}}
	r.refused("InvalidPermission.Duplicate", "peer: 0.0.0.0/0, ALL, ALLOW", "AuthorizeSecurityGroupEgress", &api.AuthorizeSecurityGroupEgressRequest{GroupId: &group, IpPermissions: all})
	must[api.RevokeSecurityGroupEgressResult](r, "RevokeSecurityGroupEgress", &api.RevokeSecurityGroupEgressRequest{GroupId: &group, IpPermissions: all})
	out := must[api.AuthorizeSecurityGroupEgressResult](r, "AuthorizeSecurityGroupEgress", &api.AuthorizeSecurityGroupEgressRequest{GroupId: &group, IpPermissions: []api.IpPermission{tcp(443, 443, "0.0.0.0/0")}})
	if !*out.SecurityGroupRules[0].IsEgress {
		t.Errorf("%+v", out)
	}
	must[api.UpdateSecurityGroupRuleDescriptionsEgressResult](r, "UpdateSecurityGroupRuleDescriptionsEgress", &api.UpdateSecurityGroupRuleDescriptionsEgressRequest{GroupId: &group, IpPermissions: []api.IpPermission{
		{IpProtocol: new("tcp"), FromPort: new(443), ToPort: new(443), IpRanges: []api.IpRange{{CidrIp: new("0.0.0.0/0"), Description: new("https")}}},
	}})
	g := r.described(group)
	if len(g.IpPermissions) != 0 || len(g.IpPermissionsEgress) != 1 || *g.IpPermissionsEgress[0].IpRanges[0].Description != "https" {
		t.Errorf("%+v", g)
	}
}

func TestOlderFormsOfRules(t *testing.T) {
	r := newRig(t)
	r.do("DescribeVpcs", &api.DescribeVpcsRequest{})
	must[api.CreateSecurityGroupResult](r, "CreateSecurityGroup", &api.CreateSecurityGroupRequest{GroupName: new("web"), Description: new("x")})
	in := &api.AuthorizeSecurityGroupIngressRequest{GroupName: new("web"), IpProtocol: new("6"), FromPort: new(80), ToPort: new(80), CidrIp: new("10.0.0.0/8")}
	must[api.AuthorizeSecurityGroupIngressResult](r, "AuthorizeSecurityGroupIngress", in)
	must[api.AuthorizeSecurityGroupIngressResult](r, "AuthorizeSecurityGroupIngress", &api.AuthorizeSecurityGroupIngressRequest{GroupName: new("web"), SourceSecurityGroupName: new("default")})
	g := must[api.DescribeSecurityGroupsResult](r, "DescribeSecurityGroups", &api.DescribeSecurityGroupsRequest{GroupNames: []string{"web"}}).SecurityGroups[0]
	if len(g.IpPermissions) != 2 || *g.IpPermissions[0].IpProtocol != "tcp" || len(g.IpPermissions[1].UserIdGroupPairs) != 1 {
		t.Errorf("%+v", g.IpPermissions)
	}
	mixed := *in
	mixed.IpPermissions = []api.IpPermission{tcp(81, 81, "10.0.0.0/8")}
	r.refused("InvalidParameterCombination", "ipPermissions", "AuthorizeSecurityGroupIngress", &mixed)
	must[api.RevokeSecurityGroupIngressResult](r, "RevokeSecurityGroupIngress", &api.RevokeSecurityGroupIngressRequest{GroupName: new("web"), IpProtocol: new("tcp"), FromPort: new(80), ToPort: new(80), CidrIp: new("10.0.0.0/8")})
}

func TestDHCPOptions(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	d := must[api.CreateDhcpOptionsResult](r, "CreateDhcpOptions", &api.CreateDhcpOptionsRequest{DhcpConfigurations: []api.NewDhcpConfiguration{{Key: new("domain-name"), Values: []string{"example.org"}}}}).DhcpOptions.DhcpOptionsId
	must[awsapi.Empty](r, "AssociateDhcpOptions", &api.AssociateDhcpOptionsRequest{VpcId: &v, DhcpOptionsId: d})
	r.refused("DependencyViolation", *d, "DeleteDhcpOptions", &api.DeleteDhcpOptionsRequest{DhcpOptionsId: d})
	must[awsapi.Empty](r, "AssociateDhcpOptions", &api.AssociateDhcpOptionsRequest{VpcId: &v, DhcpOptionsId: new("default")})
	must[awsapi.Empty](r, "DeleteDhcpOptions", &api.DeleteDhcpOptionsRequest{DhcpOptionsId: d})
	r.refused("InvalidDhcpOptionID.NotFound", *d, "AssociateDhcpOptions", &api.AssociateDhcpOptionsRequest{VpcId: &v, DhcpOptionsId: d})
	r.refused("InvalidParameterValue", "Unknown DHCP option", "CreateDhcpOptions", &api.CreateDhcpOptionsRequest{DhcpConfigurations: []api.NewDhcpConfiguration{{Key: new("colour"), Values: []string{"red"}}}})
}

func TestAnEndpointIsModified(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	one, two, group := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.subnet(v, "10.0.6.0/24", "eu-west-1b"), r.group(v, "web")
	id := must[api.CreateVpcEndpointResult](r, "CreateVpcEndpoint", &api.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.eu-west-1.logs"), VpcEndpointType: "Interface", SubnetIds: []string{one}, PrivateDnsEnabled: new(false)}).VpcEndpoint.VpcEndpointId
	def, _ := DefaultGroup(r.s.env.Store.View(), r.c.Scope(), v)
	must[api.ModifyVpcEndpointResult](r, "ModifyVpcEndpoint", &api.ModifyVpcEndpointRequest{VpcEndpointId: id, AddSubnetIds: []string{two}, RemoveSubnetIds: []string{one}, AddSecurityGroupIds: []string{group}, RemoveSecurityGroupIds: []string{def.ID}, PolicyDocument: new(`{"Statement":[]}`)})
	e := must[api.DescribeVpcEndpointsResult](r, "DescribeVpcEndpoints", &api.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{*id}}).VpcEndpoints[0]
	if diff := cmp.Diff([]any{[]string{two}, group, `{"Statement":[]}`, 1}, []any{e.SubnetIds, *e.Groups[0].GroupId, *e.PolicyDocument, Interfaces.Len(r.s.env.Store.View(), r.c.Scope())}); diff != "" {
		t.Error(diff)
	}
	r.refused("InvalidPolicyDocument", "", "ModifyVpcEndpoint", &api.ModifyVpcEndpointRequest{VpcEndpointId: id, PolicyDocument: new("{")})
}
