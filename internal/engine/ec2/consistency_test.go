package ec2

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

// inhabited is a region with something of every kind in it.
func inhabited(t *testing.T) *rig {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	must[awsapi.Empty](r, "ModifyVpcAttribute", &api.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsHostnames: is(true)})
	must[api.AssociateVpcCidrBlockResult](r, "AssociateVpcCidrBlock", &api.AssociateVpcCidrBlockRequest{VpcId: &v, CidrBlock: new("10.1.0.0/16")})
	subnet, table, group, gateway := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.table(v), r.group(v, "web"), r.gateway(v)
	must[awsapi.Empty](r, "ModifySubnetAttribute", &api.ModifySubnetAttributeRequest{SubnetId: &subnet, MapPublicIpOnLaunch: is(true)})
	must[api.AssociateRouteTableResult](r, "AssociateRouteTable", &api.AssociateRouteTableRequest{RouteTableId: &table, SubnetId: &subnet})
	must[api.CreateRouteResult](r, "CreateRoute", &api.CreateRouteRequest{RouteTableId: &table, DestinationCidrBlock: new("0.0.0.0/0"), GatewayId: &gateway})
	r.allow(group, tcp(80, 81, "0.0.0.0/0"), allFrom(group), api.IpPermission{IpProtocol: new("icmp"), Ipv6Ranges: []api.Ipv6Range{{CidrIpv6: new("::/0")}}})
	address := func() *string {
		return must[api.AllocateAddressResult](r, "AllocateAddress", &api.AllocateAddressRequest{}).AllocationId
	}
	must[api.CreateNatGatewayResult](r, "CreateNatGateway", &api.CreateNatGatewayRequest{SubnetId: &subnet, AllocationId: address()})
	must[api.KeyPair](r, "CreateKeyPair", &api.CreateKeyPairRequest{KeyName: new("k"), KeyType: "ed25519"})
	profile := r.profile("ecs")
	id := *must[api.Reservation](r, "RunInstances", &api.RunInstancesRequest{
		ImageId: image(r), InstanceType: "t3.small", SubnetId: &subnet, KeyName: new("k"), MinCount: new(1), MaxCount: new(1), ClientToken: new("t"),
		IamInstanceProfile: &api.IamInstanceProfileSpecification{Name: &profile}, SecurityGroupIds: []string{group},
	}).Instances[0].InstanceId
	r.later(time.Minute)
	must[api.AssociateAddressResult](r, "AssociateAddress", &api.AssociateAddressRequest{AllocationId: address(), InstanceId: &id})
	r.template("ecs", api.RequestLaunchTemplateData{ImageId: image(r), InstanceType: "t3.small", MetadataOptions: &api.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required"}})
	must[api.CreateVpcEndpointResult](r, "CreateVpcEndpoint", &api.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.eu-west-1.logs"), VpcEndpointType: "Interface", SubnetIds: []string{subnet}})
	must[api.CreateDhcpOptionsResult](r, "CreateDhcpOptions", &api.CreateDhcpOptionsRequest{DhcpConfigurations: []api.NewDhcpConfiguration{{Key: new("ntp-servers"), Values: []string{"10.0.0.5"}}}})
	for _, id := range []string{v, subnet, table, group, gateway, id} {
		must[awsapi.Empty](r, "CreateTags", &api.CreateTagsRequest{Resources: []string{id}, Tags: []api.Tag{{Key: new("Name"), Value: new("web")}}})
	}
	return r
}

// finds checks that each filter finds the resource whose value it read, and that
// one with a value that nothing has finds nothing.
func finds[R, T any](r *rig, l *listing[R, T], id func(*T) string) {
	r.Helper()
	tx, scope := r.s.env.Store.View(), r.c.Scope()
	all, _, err := l.describe(tx, scope, query{})
	if err != nil || len(all) == 0 {
		r.Errorf("%s: %d rows, %v", l.kind.typ, len(all), err)
		return
	}
	for name, read := range l.fields {
		for _, row := range all {
			for _, value := range read(&row) {
				got, _, err := l.describe(tx, scope, query{filters: filter(name, escape(value))})
				if err != nil || !slices.ContainsFunc(got, func(t T) bool { return id(&t) == id(&row) }) {
					r.Errorf("%s: the filter %s=%s does not find %s: %v", l.kind.typ, name, value, id(&row), err)
				}
			}
		}
		if got, _, err := l.describe(tx, scope, query{filters: filter(name, "no such value")}); err != nil || len(got) > 0 {
			r.Errorf("%s: the filter %s finds %d with a value that nothing has: %v", l.kind.typ, name, len(got), err)
		}
	}
	got, _, err := l.describe(tx, scope, query{ids: []string{id(&all[0])}})
	if err != nil || len(got) != 1 {
		r.Errorf("%s: by its id: %d, %v", l.kind.typ, len(got), err)
	}
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s)
}

func TestEachFilterFindsWhatItReads(t *testing.T) {
	r := inhabited(t)
	finds(r, vpcListing, func(x *api.Vpc) string { return *x.VpcId })
	finds(r, subnetListing, func(x *api.Subnet) string { return *x.SubnetId })
	finds(r, gatewayListing, func(x *api.InternetGateway) string { return *x.InternetGatewayId })
	finds(r, routeTableListing, func(x *api.RouteTable) string { return *x.RouteTableId })
	finds(r, groupListing, func(x *api.SecurityGroup) string { return *x.GroupId })
	finds(r, ruleListing, func(x *api.SecurityGroupRule) string { return *x.SecurityGroupRuleId })
	finds(r, aclListing, func(x *api.NetworkAcl) string { return *x.NetworkAclId })
	finds(r, dhcpListing, func(x *api.DhcpOptions) string { return *x.DhcpOptionsId })
	finds(r, natListing, func(x *api.NatGateway) string { return *x.NatGatewayId })
	finds(r, addressListing, func(x *api.Address) string { return *x.AllocationId })
	finds(r, interfaceListing, func(x *api.NetworkInterface) string { return *x.NetworkInterfaceId })
	finds(r, keyPairListing, func(x *api.KeyPairInfo) string { return *x.KeyPairId })
	finds(r, templateListing, func(x *api.LaunchTemplate) string { return *x.LaunchTemplateId })
	finds(r, instanceListing, func(x *instanceView) string { return *x.InstanceId })
	finds(r, volumeListing, func(x *api.Volume) string { return *x.VolumeId })
	finds(r, endpointListing, func(x *api.VpcEndpoint) string { return *x.VpcEndpointId })
}

// all reads every field of every element.
func reads[T any](t *testing.T, what string, f fields[T], elems []T) {
	t.Helper()
	for name, read := range f {
		for i := range elems {
			for _, v := range read(&elems[i]) {
				match, err := f.matcher(filter(name, escape(v)), nil)
				if err != nil || !match(&elems[i]) {
					t.Errorf("%s: %s=%s: %v", what, name, v, err)
				}
			}
		}
	}
}

func TestFiltersOfTheCatalog(t *testing.T) {
	r := inhabited(t)
	reads(t, "images", imageFields, must[api.DescribeImagesResult](r, "DescribeImages", &api.DescribeImagesRequest{}).Images)
	reads(t, "types", typeFields, must[api.DescribeInstanceTypesResult](r, "DescribeInstanceTypes", &api.DescribeInstanceTypesRequest{}).InstanceTypes)
	reads(t, "zones", zoneFields, must[api.DescribeAvailabilityZonesResult](r, "DescribeAvailabilityZones", &api.DescribeAvailabilityZonesRequest{}).AvailabilityZones)
	reads(t, "versions", versionFields, must[api.DescribeLaunchTemplateVersionsResult](r, "DescribeLaunchTemplateVersions", &api.DescribeLaunchTemplateVersionsRequest{Versions: []string{"$Latest"}}).LaunchTemplateVersions)
	reads(t, "status", statusFields, must[api.DescribeInstanceStatusResult](r, "DescribeInstanceStatus", &api.DescribeInstanceStatusRequest{}).InstanceStatuses)
	ecs := must[api.DescribeImagesResult](r, "DescribeImages", &api.DescribeImagesRequest{Owners: []string{"amazon"}, Filters: filter("name", "al2023-ami-ecs-hvm-*-x86_64")}).Images
	if len(ecs) != 1 || *ecs[0].ImageId != *image(r) {
		t.Errorf("%+v", ecs)
	}
	mine := must[api.DescribeImagesResult](r, "DescribeImages", &api.DescribeImagesRequest{Owners: []string{"self"}}).Images
	if len(mine) != 0 {
		t.Errorf("%d images are mine", len(mine))
	}
}

// Everything that can be described without naming anything answers, and every
// list of an answer is there, be it empty: clients iterate over them.
func TestDescribesAnswerInAnInhabitedRegionAndInANewOne(t *testing.T) {
	for _, r := range []*rig{newRig(t), inhabited(t)} {
		for name, in := range map[string]any{
			"DescribeAccountAttributes": &api.DescribeAccountAttributesRequest{}, "DescribeAddresses": &api.DescribeAddressesRequest{}, "DescribeAddressesAttribute": &api.DescribeAddressesAttributeRequest{},
			"DescribeDhcpOptions": &api.DescribeDhcpOptionsRequest{}, "DescribeEgressOnlyInternetGateways": &api.DescribeEgressOnlyInternetGatewaysRequest{},
			"DescribeIamInstanceProfileAssociations": &api.DescribeIamInstanceProfileAssociationsRequest{}, "DescribeInstanceCreditSpecifications": &api.DescribeInstanceCreditSpecificationsRequest{},
			"DescribeInstanceTypeOfferings": &api.DescribeInstanceTypeOfferingsRequest{LocationType: "availability-zone"}, "DescribeInstances": &api.DescribeInstancesRequest{}, "DescribeKeyPairs": &api.DescribeKeyPairsRequest{},
			"DescribeLaunchTemplates": &api.DescribeLaunchTemplatesRequest{}, "DescribeManagedPrefixLists": &api.DescribeManagedPrefixListsRequest{}, "DescribePrefixLists": &api.DescribePrefixListsRequest{},
			"DescribeRegions": &api.DescribeRegionsRequest{AllRegions: new(true)}, "DescribeSecurityGroupVpcAssociations": &api.DescribeSecurityGroupVpcAssociationsRequest{}, "DescribeTags": &api.DescribeTagsRequest{},
			"DescribeVolumeStatus": &api.DescribeVolumeStatusRequest{}, "DescribeVolumes": &api.DescribeVolumesRequest{}, "DescribeVolumesModifications": &api.DescribeVolumesModificationsRequest{},
			"DescribeVpcEndpointServices": &api.DescribeVpcEndpointServicesRequest{}, "DescribeVpcEndpoints": &api.DescribeVpcEndpointsRequest{}, "DescribeVpcPeeringConnections": &api.DescribeVpcPeeringConnectionsRequest{},
			"DescribeVpnGateways": &api.DescribeVpnGatewaysRequest{}, "GetEbsEncryptionByDefault": &api.GetEbsEncryptionByDefaultRequest{}, "GetInstanceMetadataDefaults": &api.GetInstanceMetadataDefaultsRequest{},
		} {
			out, err := r.do(name, in)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if list := nilList(out); list != "" {
				t.Errorf("%s answers without %s", name, list)
			}
		}
	}
}

// nilList is the name of a list of an answer that is absent.
func nilList(out any) string {
	v := reflect.ValueOf(out).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.IsNil() {
			return v.Type().Field(i).Name
		}
	}
	return ""
}
