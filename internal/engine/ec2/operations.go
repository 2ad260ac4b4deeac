package ec2

import (
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Tables are all of the service's.
var Tables = []state.AnyTable{
	settings, tokens, Tags, VPCs, Subnets, Gateways, NATGateways, RouteTables, Groups, Rules, ACLs, DHCP, PrefixLists, Endpoints,
	Addresses, Interfaces, KeyPairs, Templates, Versions, Instances, Volumes,
}

// Operations are what is served, each with the resources it must be allowed on.
// The file is longer than others because it is one table.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		// VPCs and subnets
		bind(s, "CreateVpc", creating(vpcKind, func(in *api.CreateVpcRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.CreateVpc),
		bind(s, "CreateDefaultVpc", creating(vpcKind, func(*api.CreateDefaultVpcRequest) []api.TagSpecification { return nil }, nil), s.CreateDefaultVpc),
		bind(s, "DescribeVpcs", anything[api.DescribeVpcsRequest], s.DescribeVpcs),
		bind(s, "DescribeVpcAttribute", anything[api.DescribeVpcAttributeRequest], s.DescribeVpcAttribute),
		bind(s, "DeleteVpc", on(func(in *api.DeleteVpcRequest) []string { return of(in.VpcId) }), s.DeleteVpc),
		bind(s, "ModifyVpcAttribute", on(func(in *api.ModifyVpcAttributeRequest) []string { return of(in.VpcId) }), s.ModifyVpcAttribute),
		bind(s, "AssociateVpcCidrBlock", on(func(in *api.AssociateVpcCidrBlockRequest) []string { return of(in.VpcId) }), s.AssociateVpcCidrBlock),
		bind(s, "DisassociateVpcCidrBlock", anything[api.DisassociateVpcCidrBlockRequest], s.DisassociateVpcCidrBlock),
		bind(s, "CreateSubnet", creating(subnetKind, func(in *api.CreateSubnetRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateSubnetRequest) []string { return of(in.VpcId) }), s.CreateSubnet),
		bind(s, "CreateDefaultSubnet", creating(subnetKind, func(*api.CreateDefaultSubnetRequest) []api.TagSpecification { return nil }, nil), s.CreateDefaultSubnet),
		bind(s, "DescribeSubnets", anything[api.DescribeSubnetsRequest], s.DescribeSubnets),
		bind(s, "DeleteSubnet", on(func(in *api.DeleteSubnetRequest) []string { return of(in.SubnetId) }), s.DeleteSubnet),
		bind(s, "ModifySubnetAttribute", on(func(in *api.ModifySubnetAttributeRequest) []string { return of(in.SubnetId) }), s.ModifySubnetAttribute),
		bind(s, "CreateDhcpOptions", creating(dhcpKind, func(in *api.CreateDhcpOptionsRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.CreateDhcpOptions),
		bind(s, "DescribeDhcpOptions", anything[api.DescribeDhcpOptionsRequest], s.DescribeDhcpOptions),
		bind(s, "AssociateDhcpOptions", on(func(in *api.AssociateDhcpOptionsRequest) []string { return of(in.DhcpOptionsId, in.VpcId) }), s.AssociateDhcpOptions),
		bind(s, "DeleteDhcpOptions", on(func(in *api.DeleteDhcpOptionsRequest) []string { return of(in.DhcpOptionsId) }), s.DeleteDhcpOptions),

		// gateways and routes
		bind(s, "CreateInternetGateway", creating(gatewayKind, func(in *api.CreateInternetGatewayRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.CreateInternetGateway),
		bind(s, "DescribeInternetGateways", anything[api.DescribeInternetGatewaysRequest], s.DescribeInternetGateways),
		bind(s, "AttachInternetGateway", on(func(in *api.AttachInternetGatewayRequest) []string { return of(in.InternetGatewayId, in.VpcId) }), s.AttachInternetGateway),
		bind(s, "DetachInternetGateway", on(func(in *api.DetachInternetGatewayRequest) []string { return of(in.InternetGatewayId, in.VpcId) }), s.DetachInternetGateway),
		bind(s, "DeleteInternetGateway", on(func(in *api.DeleteInternetGatewayRequest) []string { return of(in.InternetGatewayId) }), s.DeleteInternetGateway),
		bind(s, "CreateNatGateway", creating(natKind, func(in *api.CreateNatGatewayRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateNatGatewayRequest) []string { return of(in.SubnetId, in.AllocationId) }), s.CreateNatGateway),
		bind(s, "DescribeNatGateways", anything[api.DescribeNatGatewaysRequest], s.DescribeNatGateways),
		bind(s, "DeleteNatGateway", on(func(in *api.DeleteNatGatewayRequest) []string { return of(in.NatGatewayId) }), s.DeleteNatGateway),
		bind(s, "CreateRouteTable", creating(routeTableKind, func(in *api.CreateRouteTableRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateRouteTableRequest) []string { return of(in.VpcId) }), s.CreateRouteTable),
		bind(s, "DescribeRouteTables", anything[api.DescribeRouteTablesRequest], s.DescribeRouteTables),
		bind(s, "DeleteRouteTable", on(func(in *api.DeleteRouteTableRequest) []string { return of(in.RouteTableId) }), s.DeleteRouteTable),
		bind(s, "CreateRoute", on(func(in *api.CreateRouteRequest) []string { return of(in.RouteTableId) }), s.CreateRoute),
		bind(s, "ReplaceRoute", on(func(in *api.ReplaceRouteRequest) []string { return of(in.RouteTableId) }), s.ReplaceRoute),
		bind(s, "DeleteRoute", on(func(in *api.DeleteRouteRequest) []string { return of(in.RouteTableId) }), s.DeleteRoute),
		bind(s, "AssociateRouteTable", on(func(in *api.AssociateRouteTableRequest) []string {
			return of(in.RouteTableId, in.SubnetId, in.GatewayId)
		}), s.AssociateRouteTable),
		bind(s, "DisassociateRouteTable", onAssociation(func(in *api.DisassociateRouteTableRequest) *string { return in.AssociationId }, nil), s.DisassociateRouteTable),
		bind(s, "ReplaceRouteTableAssociation", onAssociation(func(in *api.ReplaceRouteTableAssociationRequest) *string { return in.AssociationId }, func(in *api.ReplaceRouteTableAssociationRequest) []string { return of(in.RouteTableId) }), s.ReplaceRouteTableAssociation),
		bind(s, "DescribeVpcPeeringConnections", anything[api.DescribeVpcPeeringConnectionsRequest], s.DescribeVpcPeeringConnections),
		bind(s, "DescribeEgressOnlyInternetGateways", anything[api.DescribeEgressOnlyInternetGatewaysRequest], s.DescribeEgressOnlyInternetGateways),
		bind(s, "DescribeVpnGateways", anything[api.DescribeVpnGatewaysRequest], s.DescribeVpnGateways),

		// network ACLs, prefix lists, endpoints
		bind(s, "CreateNetworkAcl", creating(aclKind, func(in *api.CreateNetworkAclRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateNetworkAclRequest) []string { return of(in.VpcId) }), s.CreateNetworkAcl),
		bind(s, "DescribeNetworkAcls", anything[api.DescribeNetworkAclsRequest], s.DescribeNetworkAcls),
		bind(s, "DeleteNetworkAcl", on(func(in *api.DeleteNetworkAclRequest) []string { return of(in.NetworkAclId) }), s.DeleteNetworkAcl),
		bind(s, "ReplaceNetworkAclAssociation", on(func(in *api.ReplaceNetworkAclAssociationRequest) []string { return of(in.NetworkAclId) }), s.ReplaceNetworkAclAssociation),
		bind(s, "CreateNetworkAclEntry", on(func(in *api.CreateNetworkAclEntryRequest) []string { return of(in.NetworkAclId) }), s.CreateNetworkAclEntry),
		bind(s, "ReplaceNetworkAclEntry", on(func(in *api.ReplaceNetworkAclEntryRequest) []string { return of(in.NetworkAclId) }), s.ReplaceNetworkAclEntry),
		bind(s, "DeleteNetworkAclEntry", on(func(in *api.DeleteNetworkAclEntryRequest) []string { return of(in.NetworkAclId) }), s.DeleteNetworkAclEntry),
		bind(s, "CreateManagedPrefixList", creating(prefixListKind, func(in *api.CreateManagedPrefixListRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.CreateManagedPrefixList),
		bind(s, "DescribeManagedPrefixLists", anything[api.DescribeManagedPrefixListsRequest], s.DescribeManagedPrefixLists),
		bind(s, "DescribePrefixLists", anything[api.DescribePrefixListsRequest], s.DescribePrefixLists),
		bind(s, "ModifyManagedPrefixList", on(func(in *api.ModifyManagedPrefixListRequest) []string { return of(in.PrefixListId) }), s.ModifyManagedPrefixList),
		bind(s, "DeleteManagedPrefixList", on(func(in *api.DeleteManagedPrefixListRequest) []string { return of(in.PrefixListId) }), s.DeleteManagedPrefixList),
		bind(s, "GetManagedPrefixListEntries", on(func(in *api.GetManagedPrefixListEntriesRequest) []string { return of(in.PrefixListId) }), s.GetManagedPrefixListEntries),
		bind(s, "GetManagedPrefixListAssociations", on(func(in *api.GetManagedPrefixListAssociationsRequest) []string { return of(in.PrefixListId) }), s.GetManagedPrefixListAssociations),
		bind(s, "CreateVpcEndpoint", creating(endpointKind, func(in *api.CreateVpcEndpointRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateVpcEndpointRequest) []string {
			return append(append(of(in.VpcId), in.RouteTableIds...), append(in.SubnetIds[:len(in.SubnetIds):len(in.SubnetIds)], in.SecurityGroupIds...)...)
		}), s.CreateVpcEndpoint),
		bind(s, "DescribeVpcEndpoints", anything[api.DescribeVpcEndpointsRequest], s.DescribeVpcEndpoints),
		bind(s, "DescribeVpcEndpointServices", anything[api.DescribeVpcEndpointServicesRequest], s.DescribeVpcEndpointServices),
		bind(s, "ModifyVpcEndpoint", on(func(in *api.ModifyVpcEndpointRequest) []string { return of(in.VpcEndpointId) }), s.ModifyVpcEndpoint),
		bind(s, "DeleteVpcEndpoints", on(func(in *api.DeleteVpcEndpointsRequest) []string { return in.VpcEndpointIds }), s.DeleteVpcEndpoints),

		// security groups
		bind(s, "CreateSecurityGroup", creating(groupKind, func(in *api.CreateSecurityGroupRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateSecurityGroupRequest) []string { return of(in.VpcId) }), s.CreateSecurityGroup),
		bind(s, "DescribeSecurityGroups", anything[api.DescribeSecurityGroupsRequest], s.DescribeSecurityGroups),
		bind(s, "DescribeSecurityGroupRules", anything[api.DescribeSecurityGroupRulesRequest], s.DescribeSecurityGroupRules),
		bind(s, "GetSecurityGroupsForVpc", anything[api.GetSecurityGroupsForVpcRequest], s.GetSecurityGroupsForVpc),
		bind(s, "DescribeSecurityGroupVpcAssociations", anything[api.DescribeSecurityGroupVpcAssociationsRequest], s.DescribeSecurityGroupVpcAssociations),
		bind(s, "DescribeSecurityGroupReferences", anything[api.DescribeSecurityGroupReferencesRequest], s.DescribeSecurityGroupReferences),
		bind(s, "DescribeStaleSecurityGroups", anything[api.DescribeStaleSecurityGroupsRequest], s.DescribeStaleSecurityGroups),
		bind(s, "DeleteSecurityGroup", onGroup(func(in *api.DeleteSecurityGroupRequest) (id, name *string) { return in.GroupId, in.GroupName }), s.DeleteSecurityGroup),
		bind(s, "AuthorizeSecurityGroupIngress", admitting(func(in *api.AuthorizeSecurityGroupIngressRequest) (id, name *string) { return in.GroupId, in.GroupName }, func(in *api.AuthorizeSecurityGroupIngressRequest) []api.TagSpecification { return in.TagSpecifications }), s.AuthorizeSecurityGroupIngress),
		bind(s, "AuthorizeSecurityGroupEgress", admitting(func(in *api.AuthorizeSecurityGroupEgressRequest) (id, name *string) { return in.GroupId, nil }, func(in *api.AuthorizeSecurityGroupEgressRequest) []api.TagSpecification { return in.TagSpecifications }), s.AuthorizeSecurityGroupEgress),
		bind(s, "RevokeSecurityGroupIngress", onGroup(func(in *api.RevokeSecurityGroupIngressRequest) (id, name *string) { return in.GroupId, in.GroupName }), s.RevokeSecurityGroupIngress),
		bind(s, "RevokeSecurityGroupEgress", on(func(in *api.RevokeSecurityGroupEgressRequest) []string { return of(in.GroupId) }), s.RevokeSecurityGroupEgress),
		bind(s, "ModifySecurityGroupRules", on(func(in *api.ModifySecurityGroupRulesRequest) []string { return of(in.GroupId) }), s.ModifySecurityGroupRules),
		bind(s, "UpdateSecurityGroupRuleDescriptionsIngress", onGroup(func(in *api.UpdateSecurityGroupRuleDescriptionsIngressRequest) (id, name *string) {
			return in.GroupId, in.GroupName
		}), s.UpdateSecurityGroupRuleDescriptionsIngress),
		bind(s, "UpdateSecurityGroupRuleDescriptionsEgress", onGroup(func(in *api.UpdateSecurityGroupRuleDescriptionsEgressRequest) (id, name *string) {
			return in.GroupId, in.GroupName
		}), s.UpdateSecurityGroupRuleDescriptionsEgress),

		// addresses and interfaces
		bind(s, "AllocateAddress", creating(addressKind, func(in *api.AllocateAddressRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.AllocateAddress),
		bind(s, "DescribeAddresses", anything[api.DescribeAddressesRequest], s.DescribeAddresses),
		bind(s, "DescribeAddressesAttribute", anything[api.DescribeAddressesAttributeRequest], s.DescribeAddressesAttribute),
		bind(s, "AssociateAddress", on(func(in *api.AssociateAddressRequest) []string {
			return of(in.AllocationId, in.InstanceId, in.NetworkInterfaceId)
		}), s.AssociateAddress),
		bind(s, "DisassociateAddress", anything[api.DisassociateAddressRequest], s.DisassociateAddress),
		bind(s, "ReleaseAddress", on(func(in *api.ReleaseAddressRequest) []string { return of(in.AllocationId) }), s.ReleaseAddress),
		bind(s, "CreateNetworkInterface", creating(interfaceKind, func(in *api.CreateNetworkInterfaceRequest) []api.TagSpecification { return in.TagSpecifications }, func(in *api.CreateNetworkInterfaceRequest) []string { return append(of(in.SubnetId), in.Groups...) }), s.CreateNetworkInterface),
		bind(s, "DescribeNetworkInterfaces", anything[api.DescribeNetworkInterfacesRequest], s.DescribeNetworkInterfaces),
		bind(s, "DescribeNetworkInterfaceAttribute", anything[api.DescribeNetworkInterfaceAttributeRequest], s.DescribeNetworkInterfaceAttribute),
		bind(s, "DeleteNetworkInterface", on(func(in *api.DeleteNetworkInterfaceRequest) []string { return of(in.NetworkInterfaceId) }), s.DeleteNetworkInterface),
		bind(s, "ModifyNetworkInterfaceAttribute", on(func(in *api.ModifyNetworkInterfaceAttributeRequest) []string { return of(in.NetworkInterfaceId) }), s.ModifyNetworkInterfaceAttribute),
		bind(s, "AssignPrivateIpAddresses", on(func(in *api.AssignPrivateIpAddressesRequest) []string { return of(in.NetworkInterfaceId) }), s.AssignPrivateIpAddresses),
		bind(s, "UnassignPrivateIpAddresses", on(func(in *api.UnassignPrivateIpAddressesRequest) []string { return of(in.NetworkInterfaceId) }), s.UnassignPrivateIpAddresses),
		bind(s, "AttachNetworkInterface", on(func(in *api.AttachNetworkInterfaceRequest) []string { return of(in.InstanceId, in.NetworkInterfaceId) }), s.AttachNetworkInterface),
		bind(s, "DetachNetworkInterface", anything[api.DetachNetworkInterfaceRequest], s.DetachNetworkInterface),

		// images, types, regions, the account
		bind(s, "DescribeImages", anything[api.DescribeImagesRequest], s.DescribeImages),
		bind(s, "DescribeImageAttribute", anything[api.DescribeImageAttributeRequest], s.DescribeImageAttribute),
		bind(s, "DescribeInstanceTypes", anything[api.DescribeInstanceTypesRequest], s.DescribeInstanceTypes),
		bind(s, "DescribeInstanceTypeOfferings", anything[api.DescribeInstanceTypeOfferingsRequest], s.DescribeInstanceTypeOfferings),
		bind(s, "DescribeRegions", anything[api.DescribeRegionsRequest], s.DescribeRegions),
		bind(s, "DescribeAvailabilityZones", anything[api.DescribeAvailabilityZonesRequest], s.DescribeAvailabilityZones),
		bind(s, "DescribeAccountAttributes", anything[api.DescribeAccountAttributesRequest], s.DescribeAccountAttributes),
		bind(s, "GetInstanceMetadataDefaults", anything[api.GetInstanceMetadataDefaultsRequest], s.GetInstanceMetadataDefaults),
		bind(s, "ModifyInstanceMetadataDefaults", anything[api.ModifyInstanceMetadataDefaultsRequest], s.ModifyInstanceMetadataDefaults),
		bind(s, "GetEbsEncryptionByDefault", anything[api.GetEbsEncryptionByDefaultRequest], s.GetEbsEncryptionByDefault),

		// key pairs and launch templates
		bind(s, "CreateKeyPair", func(a *asked, in *api.CreateKeyPairRequest) { a.newKey(*in.KeyName, in.TagSpecifications) }, s.CreateKeyPair),
		bind(s, "ImportKeyPair", func(a *asked, in *api.ImportKeyPairRequest) { a.newKey(*in.KeyName, in.TagSpecifications) }, s.ImportKeyPair),
		bind(s, "DescribeKeyPairs", anything[api.DescribeKeyPairsRequest], s.DescribeKeyPairs),
		bind(s, "DeleteKeyPair", needsDeleteKey, s.DeleteKeyPair),
		bind(s, "CreateLaunchTemplate", creating(templateKind, func(in *api.CreateLaunchTemplateRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.CreateLaunchTemplate),
		bind(s, "DescribeLaunchTemplates", anything[api.DescribeLaunchTemplatesRequest], s.DescribeLaunchTemplates),
		bind(s, "DescribeLaunchTemplateVersions", anything[api.DescribeLaunchTemplateVersionsRequest], s.DescribeLaunchTemplateVersions),
		bind(s, "CreateLaunchTemplateVersion", onTemplate(func(in *api.CreateLaunchTemplateVersionRequest) (id, name *string) {
			return in.LaunchTemplateId, in.LaunchTemplateName
		}), s.CreateLaunchTemplateVersion),
		bind(s, "ModifyLaunchTemplate", onTemplate(func(in *api.ModifyLaunchTemplateRequest) (id, name *string) {
			return in.LaunchTemplateId, in.LaunchTemplateName
		}), s.ModifyLaunchTemplate),
		bind(s, "DeleteLaunchTemplate", onTemplate(func(in *api.DeleteLaunchTemplateRequest) (id, name *string) {
			return in.LaunchTemplateId, in.LaunchTemplateName
		}), s.DeleteLaunchTemplate),
		bind(s, "DeleteLaunchTemplateVersions", onTemplate(func(in *api.DeleteLaunchTemplateVersionsRequest) (id, name *string) {
			return in.LaunchTemplateId, in.LaunchTemplateName
		}), s.DeleteLaunchTemplateVersions),

		// instances
		bind(s, "RunInstances", needsRun, s.RunInstances),
		bind(s, "DescribeInstances", anything[api.DescribeInstancesRequest], s.DescribeInstances),
		bind(s, "DescribeInstanceStatus", anything[api.DescribeInstanceStatusRequest], s.DescribeInstanceStatus),
		bind(s, "DescribeInstanceCreditSpecifications", anything[api.DescribeInstanceCreditSpecificationsRequest], s.DescribeInstanceCreditSpecifications),
		bind(s, "DescribeIamInstanceProfileAssociations", anything[api.DescribeIamInstanceProfileAssociationsRequest], s.DescribeIamInstanceProfileAssociations),
		bind(s, "StartInstances", on(func(in *api.StartInstancesRequest) []string { return in.InstanceIds }), s.StartInstances),
		bind(s, "StopInstances", on(func(in *api.StopInstancesRequest) []string { return in.InstanceIds }), s.StopInstances),
		bind(s, "RebootInstances", on(func(in *api.RebootInstancesRequest) []string { return in.InstanceIds }), s.RebootInstances),
		bind(s, "TerminateInstances", on(func(in *api.TerminateInstancesRequest) []string { return in.InstanceIds }), s.TerminateInstances),
		bind(s, "MonitorInstances", on(func(in *api.MonitorInstancesRequest) []string { return in.InstanceIds }), s.MonitorInstances),
		bind(s, "UnmonitorInstances", on(func(in *api.UnmonitorInstancesRequest) []string { return in.InstanceIds }), s.UnmonitorInstances),
		bind(s, "DescribeInstanceAttribute", on(func(in *api.DescribeInstanceAttributeRequest) []string { return of(in.InstanceId) }), s.DescribeInstanceAttribute),
		bind(s, "ModifyInstanceAttribute", on(func(in *api.ModifyInstanceAttributeRequest) []string { return of(in.InstanceId) }), s.ModifyInstanceAttribute),
		bind(s, "ResetInstanceAttribute", on(func(in *api.ResetInstanceAttributeRequest) []string { return of(in.InstanceId) }), s.ResetInstanceAttribute),
		bind(s, "GetConsoleOutput", on(func(in *api.GetConsoleOutputRequest) []string { return of(in.InstanceId) }), s.GetConsoleOutput),
		bind(s, "GetPasswordData", on(func(in *api.GetPasswordDataRequest) []string { return of(in.InstanceId) }), s.GetPasswordData),
		bind(s, "ModifyInstanceMetadataOptions", on(func(in *api.ModifyInstanceMetadataOptionsRequest) []string { return of(in.InstanceId) }), s.ModifyInstanceMetadataOptions),
		bind(s, "ModifyInstanceMaintenanceOptions", on(func(in *api.ModifyInstanceMaintenanceOptionsRequest) []string { return of(in.InstanceId) }), s.ModifyInstanceMaintenanceOptions),
		bind(s, "ModifyPrivateDnsNameOptions", on(func(in *api.ModifyPrivateDnsNameOptionsRequest) []string { return of(in.InstanceId) }), s.ModifyPrivateDnsNameOptions),
		bind(s, "ModifyInstanceCapacityReservationAttributes", on(func(in *api.ModifyInstanceCapacityReservationAttributesRequest) []string { return of(in.InstanceId) }), s.ModifyInstanceCapacityReservationAttributes),
		bind(s, "ModifyInstanceCreditSpecification", on(func(in *api.ModifyInstanceCreditSpecificationRequest) []string { return credited(in) }), s.ModifyInstanceCreditSpecification),
		bind(s, "AssociateIamInstanceProfile", needsProfile(func(_ *asked, in *api.AssociateIamInstanceProfileRequest) []string { return of(in.InstanceId) }, func(in *api.AssociateIamInstanceProfileRequest) *api.IamInstanceProfileSpecification {
			return in.IamInstanceProfile
		}), s.AssociateIamInstanceProfile),
		bind(s, "ReplaceIamInstanceProfileAssociation", needsProfile(func(a *asked, in *api.ReplaceIamInstanceProfileAssociationRequest) []string {
			return a.instanceOf(in.AssociationId)
		}, func(in *api.ReplaceIamInstanceProfileAssociationRequest) *api.IamInstanceProfileSpecification {
			return in.IamInstanceProfile
		}), s.ReplaceIamInstanceProfileAssociation),
		bind(s, "DisassociateIamInstanceProfile", func(a *asked, in *api.DisassociateIamInstanceProfileRequest) {
			a.existing(a.instanceOf(in.AssociationId)...)
		}, s.DisassociateIamInstanceProfile),

		// volumes
		bind(s, "CreateVolume", creating(volumeKind, func(in *api.CreateVolumeRequest) []api.TagSpecification { return in.TagSpecifications }, nil), s.CreateVolume),
		bind(s, "DescribeVolumes", anything[api.DescribeVolumesRequest], s.DescribeVolumes),
		bind(s, "DescribeVolumesModifications", anything[api.DescribeVolumesModificationsRequest], s.DescribeVolumesModifications),
		bind(s, "DescribeVolumeStatus", anything[api.DescribeVolumeStatusRequest], s.DescribeVolumeStatus),
		bind(s, "DescribeVolumeAttribute", anything[api.DescribeVolumeAttributeRequest], s.DescribeVolumeAttribute),
		bind(s, "AttachVolume", on(func(in *api.AttachVolumeRequest) []string { return of(in.VolumeId, in.InstanceId) }), s.AttachVolume),
		bind(s, "DetachVolume", on(func(in *api.DetachVolumeRequest) []string { return of(in.VolumeId, in.InstanceId) }), s.DetachVolume),
		bind(s, "ModifyVolume", on(func(in *api.ModifyVolumeRequest) []string { return of(in.VolumeId) }), s.ModifyVolume),
		bind(s, "ModifyVolumeAttribute", on(func(in *api.ModifyVolumeAttributeRequest) []string { return of(in.VolumeId) }), s.ModifyVolumeAttribute),
		bind(s, "DeleteVolume", on(func(in *api.DeleteVolumeRequest) []string { return of(in.VolumeId) }), s.DeleteVolume),

		// tags
		bind(s, "CreateTags", retagging(func(in *api.CreateTagsRequest) []string { return in.Resources }, func(in *api.CreateTagsRequest) []api.Tag { return in.Tags }), s.CreateTags),
		bind(s, "DeleteTags", retagging(func(in *api.DeleteTagsRequest) []string { return in.Resources }, func(in *api.DeleteTagsRequest) []api.Tag { return in.Tags }), s.DeleteTags),
		bind(s, "DescribeTags", anything[api.DescribeTagsRequest], s.DescribeTags),
	}
}

// credited are the instances that an input names.
func credited(in *api.ModifyInstanceCreditSpecificationRequest) (ids []string) {
	for _, s := range in.InstanceCreditSpecifications {
		ids = append(ids, some(s.InstanceId)...)
	}
	return ids
}
