package ec2

import (
	"reflect"
	"strings"
)

// refusals are the members of inputs that the engine cannot honour, by
// operation: a request that sets one is refused by the member's name. Dotted
// names go down through structures and lists.
var refusals = map[string][]string{
	"CreateVpc":             {"AmazonProvidedIpv6CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6CidrBlock", "Ipv6CidrBlockNetworkBorderGroup", "Ipv6IpamPoolId", "Ipv6NetmaskLength", "Ipv6Pool", "VpcEncryptionControl"},
	"AssociateVpcCidrBlock": {"AmazonProvidedIpv6CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6CidrBlock", "Ipv6CidrBlockNetworkBorderGroup", "Ipv6IpamPoolId", "Ipv6NetmaskLength", "Ipv6Pool"},
	"CreateSubnet":          {"Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6CidrBlock", "Ipv6IpamPoolId", "Ipv6Native", "Ipv6NetmaskLength", "OutpostArn"},
	"CreateDefaultSubnet":   {"Ipv6Native"},
	"ModifySubnetAttribute": {
		"AssignIpv6AddressOnCreation.Value", "CustomerOwnedIpv4Pool", "DisableLniAtDeviceIndex.Value", "EnableDns64.Value", "EnableLniAtDeviceIndex",
		"EnableResourceNameDnsAAAARecordOnLaunch.Value", "MapCustomerOwnedIpOnLaunch.Value",
	},
	"CreateRoute":              {"CarrierGatewayId", "CoreNetworkArn", "EgressOnlyInternetGatewayId", "LocalGatewayId", "OdbNetworkArn", "TransitGatewayId", "VpcEndpointId", "VpcPeeringConnectionId"},
	"ReplaceRoute":             {"CarrierGatewayId", "CoreNetworkArn", "EgressOnlyInternetGatewayId", "LocalGatewayId", "OdbNetworkArn", "TransitGatewayId", "VpcEndpointId", "VpcPeeringConnectionId"},
	"AssociateRouteTable":      {"PublicIpv4Pool"},
	"AllocateAddress":          {"Address", "CustomerOwnedIpv4Pool", "IpamPoolId"},
	"CreateNatGateway":         {"AvailabilityZoneAddresses", "SecondaryAllocationIds", "SecondaryPrivateIpAddressCount", "SecondaryPrivateIpAddresses", "VpcId"},
	"AssignPrivateIpAddresses": {"Ipv4PrefixCount", "Ipv4Prefixes"},
	"CreateNetworkInterface": {
		"ConnectionTrackingSpecification", "EnablePrimaryIpv6", "InterfaceType", "Ipv4PrefixCount", "Ipv4Prefixes", "Ipv6AddressCount", "Ipv6Addresses", "Ipv6PrefixCount", "Ipv6Prefixes", "Operator",
	},
	"AttachNetworkInterface":                      {"EnaSrdSpecification", "NetworkCardIndex"},
	"ModifyNetworkInterfaceAttribute":             {"AssociatePublicIpAddress", "AssociatedSubnetIds", "ConnectionTrackingSpecification", "EnaSrdSpecification", "EnablePrimaryIpv6"},
	"ModifyManagedPrefixList":                     {"IpamPrefixListResolverSyncEnabled"},
	"CreateVpcEndpoint":                           {"ResourceConfigurationArn", "ServiceNetworkArn", "SubnetConfigurations"},
	"ModifyVpcEndpoint":                           {"SubnetConfigurations"},
	"CreateVolume":                                {"MultiAttachEnabled", "Operator", "OutpostArn"},
	"ModifyVolume":                                {"MultiAttachEnabled"},
	"CreateLaunchTemplate":                        {"Operator"},
	"ModifyInstanceAttribute":                     {"Kernel", "Ramdisk", "SriovNetSupport"},
	"ModifyPrivateDnsNameOptions":                 {"EnableResourceNameDnsAAAARecord"},
	"ModifyInstanceCapacityReservationAttributes": {"CapacityReservationSpecification.CapacityReservationTarget"},
	"StopInstances":                               {"Hibernate"},
	"RunInstances": { // of the request and of launch templates: whichever has the member
		"BlockDeviceMappings.Ebs.OutpostArn", "CapacityReservationSpecification.CapacityReservationTarget", "CpuOptions.AmdSevSnp", "ElasticGpuSpecification",
		"ElasticGpuSpecifications", "ElasticInferenceAccelerators", "EnablePrimaryIpv6", "EnclaveOptions.Enabled", "HibernationOptions.Configured",
		"InstanceMarketOptions", "InstanceRequirements", "Ipv6AddressCount", "Ipv6Addresses", "KernelId", "LicenseSpecifications", "NetworkPerformanceOptions", "Operator",
		"NetworkInterfaces.AssociateCarrierIpAddress", "NetworkInterfaces.ConnectionTrackingSpecification", "NetworkInterfaces.EnaSrdSpecification",
		"NetworkInterfaces.Ipv4PrefixCount", "NetworkInterfaces.Ipv4Prefixes", "NetworkInterfaces.Ipv6AddressCount", "NetworkInterfaces.Ipv6Addresses",
		"NetworkInterfaces.Ipv6PrefixCount", "NetworkInterfaces.Ipv6Prefixes", "NetworkInterfaces.NetworkCardIndex", "NetworkInterfaces.PrimaryIpv6",
		"Placement.Affinity", "Placement.GroupId", "Placement.GroupName", "Placement.HostId", "Placement.HostResourceGroupArn", "Placement.PartitionNumber",
		"PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord", "RamDiskId", "RamdiskId", "SecondaryInterfaces",
	},
}

// refuse tells which member of an input cannot be honoured.
func refuse(operation string, in any) error {
	for _, path := range refusals[operation] {
		if asks(reflect.ValueOf(in), path) {
			return unserved("%s with %s", operation, path)
		}
	}
	return nil
}

// asks tells whether a member is set to anything but false, 0 or nothing.
func asks(v reflect.Value, path string) bool {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Slice && path != "":
		for i := range v.Len() {
			if asks(v.Index(i), path) {
				return true
			}
		}
		return false
	case v.Kind() == reflect.Slice:
		return v.Len() > 0
	case path == "":
		return v.Kind() == reflect.Struct || !v.IsZero()
	}
	name, rest, _ := strings.Cut(path, ".")
	f := v.FieldByName(name)
	return f.IsValid() && asks(f, rest)
}
