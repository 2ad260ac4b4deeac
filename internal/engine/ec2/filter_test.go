package ec2

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

// asRegexp is a filter's value as a regular expression, written otherwise than wild.
func asRegexp(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	r := []rune(pattern)
	for i := 0; i < len(r); i++ {
		switch {
		case r[i] == '*':
			b.WriteString(".*")
		case r[i] == '?':
			b.WriteString(".")
		case r[i] == '\\' && i+1 < len(r):
			i++
			b.WriteString(regexp.QuoteMeta(string(r[i])))
		default:
			b.WriteString(regexp.QuoteMeta(string(r[i])))
		}
	}
	return regexp.MustCompile(b.String() + `\z`)
}

func TestWildcardsMatchAsTheyReadAloud(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`([ab*?]|\\[ab*?])*`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab*?]{0,12}`).Draw(t, "value")
		if got, want := wild(pattern, s), asRegexp(pattern).MatchString(s); got != want {
			t.Fatalf("wild(%q, %q) = %t", pattern, s, got)
		}
	})
}

func TestFiltersOfTags(t *testing.T) {
	r := newRig(t)
	tag := func(name, env string) []api.TagSpecification {
		return []api.TagSpecification{{ResourceType: "vpc", Tags: []api.Tag{{Key: new("Name"), Value: &name}, {Key: new("env"), Value: &env}}}}
	}
	for name, env := range map[string]string{"web-1": "prod", "web-2": "test", "db": "prod"} {
		must[api.CreateVpcResult](r, "CreateVpc", &api.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), TagSpecifications: tag(name, env)})
	}
	tests := []struct {
		filters []api.Filter
		want    int
	}{
		{filter("tag:Name", "web-*"), 2},
		{filter("tag:Name", "web-?", "db"), 3},
		{append(filter("tag:Name", "web-*"), filter("tag:env", "prod")...), 1},
		{filter("tag-key", "env"), 3},
		{filter("tag-value", "test", "db"), 2},
		{filter("tag:Name", "WEB-1"), 0},
		{append(filter("cidr", "10.0.*"), filter("is-default", "false")...), 3},
		{filter("isDefault", "true"), 1},
	}
	for _, tt := range tests {
		if got := must[api.DescribeVpcsResult](r, "DescribeVpcs", &api.DescribeVpcsRequest{Filters: tt.filters}).Vpcs; len(got) != tt.want {
			t.Errorf("%s %v: %d VPCs, want %d", *tt.filters[0].Name, tt.filters[0].Values, len(got), tt.want)
		}
	}
	r.refused("InvalidParameterValue", "The filter 'colour' is invalid", "DescribeVpcs", &api.DescribeVpcsRequest{Filters: filter("colour", "red")})
}

func TestIDsThatAreNotThere(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		name string
		in   any
		code string
	}{
		{"DescribeVpcs", &api.DescribeVpcsRequest{VpcIds: []string{"vpc-0123456789abcdef0"}}, "InvalidVpcID.NotFound"},
		{"DescribeVpcs", &api.DescribeVpcsRequest{VpcIds: []string{"web"}}, "InvalidVpcId.Malformed"},
		{"DescribeSubnets", &api.DescribeSubnetsRequest{SubnetIds: []string{"subnet-0123456789abcdef0"}}, "InvalidSubnetID.NotFound"},
		{"DescribeRouteTables", &api.DescribeRouteTablesRequest{RouteTableIds: []string{"rtb-0123456789abcdef0"}}, "InvalidRouteTableID.NotFound"},
		{"DescribeInternetGateways", &api.DescribeInternetGatewaysRequest{InternetGatewayIds: []string{"igw-0123456789abcdef0"}}, "InvalidInternetGatewayID.NotFound"},
		{"DescribeSecurityGroups", &api.DescribeSecurityGroupsRequest{GroupIds: []string{"sg-0123456789abcdef0"}}, "InvalidGroup.NotFound"},
		{"DescribeSecurityGroups", &api.DescribeSecurityGroupsRequest{GroupNames: []string{"web"}}, "InvalidGroup.NotFound"},
		{"DescribeSecurityGroups", &api.DescribeSecurityGroupsRequest{GroupIds: []string{"web"}}, "InvalidGroupId.Malformed"},
		{"DescribeInstances", &api.DescribeInstancesRequest{InstanceIds: []string{"i-0123456789abcdef0"}}, "InvalidInstanceID.NotFound"},
		{"DescribeInstances", &api.DescribeInstancesRequest{InstanceIds: []string{"i-1"}}, "InvalidInstanceID.Malformed"},
		{"DescribeImages", &api.DescribeImagesRequest{ImageIds: []string{"ami-0123456789abcdef0"}}, "InvalidAMIID.NotFound"},
		{"DescribeImages", &api.DescribeImagesRequest{ImageIds: []string{"ami-latest"}}, "InvalidAMIID.Malformed"},
		{"DescribeNetworkInterfaces", &api.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: []string{"eni-0123456789abcdef0"}}, "InvalidNetworkInterfaceID.NotFound"},
		{"DescribeNatGateways", &api.DescribeNatGatewaysRequest{NatGatewayIds: []string{"nat-0123456789abcdef0"}}, "NatGatewayNotFound"},
		{"DescribeAddresses", &api.DescribeAddressesRequest{AllocationIds: []string{"eipalloc-0123456789abcdef0"}}, "InvalidAllocationID.NotFound"},
		{"DescribeAddresses", &api.DescribeAddressesRequest{PublicIps: []string{"198.18.0.1"}}, "InvalidAddress.NotFound"},
		{"DescribeKeyPairs", &api.DescribeKeyPairsRequest{KeyNames: []string{"k"}}, "InvalidKeyPair.NotFound"},
		{"DescribeLaunchTemplates", &api.DescribeLaunchTemplatesRequest{LaunchTemplateIds: []string{"lt-0123456789abcdef0"}}, "InvalidLaunchTemplateId.NotFound"},
		{"DescribeLaunchTemplates", &api.DescribeLaunchTemplatesRequest{LaunchTemplateNames: []string{"web"}}, "InvalidLaunchTemplateName.NotFoundException"},
		{"DescribeVolumes", &api.DescribeVolumesRequest{VolumeIds: []string{"vol-0123456789abcdef0"}}, "InvalidVolume.NotFound"},
		{"DescribeNetworkAcls", &api.DescribeNetworkAclsRequest{NetworkAclIds: []string{"acl-0123456789abcdef0"}}, "InvalidNetworkAclID.NotFound"},
		{"DescribeManagedPrefixLists", &api.DescribeManagedPrefixListsRequest{PrefixListIds: []string{"pl-0123456789abcdef0"}}, "InvalidPrefixListID.NotFound"},
		{"DescribeVpcEndpoints", &api.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{"vpce-0123456789abcdef0"}}, "InvalidVpcEndpointId.NotFound"},
		{"DescribeVpcPeeringConnections", &api.DescribeVpcPeeringConnectionsRequest{VpcPeeringConnectionIds: []string{"pcx-0123456789abcdef0"}}, "InvalidVpcPeeringConnectionID.NotFound"},
		{"CreateTags", &api.CreateTagsRequest{Resources: []string{"web"}, Tags: []api.Tag{{Key: new("a"), Value: new("b")}}}, "InvalidID"},
		{"CreateTags", &api.CreateTagsRequest{Resources: []string{"subnet-0123456789abcdef0"}, Tags: []api.Tag{{Key: new("a"), Value: new("b")}}}, "InvalidSubnetID.NotFound"},
	}
	for _, tt := range tests {
		r.refused(tt.code, "", tt.name, tt.in)
	}
	r.refused("InvalidInstanceID.NotFound", "The instance IDs 'i-0123456789abcdef0, i-0123456789abcdef1' do not exist", "DescribeInstances", &api.DescribeInstancesRequest{InstanceIds: []string{"i-0123456789abcdef0", "i-0123456789abcdef1"}})
}

func TestPagesTogetherAreTheList(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	for i := range 13 {
		r.subnet(v, "10.0."+itoa(i)+".0/24", "eu-west-1a")
	}
	var token *string
	seen := map[string]bool{}
	for pages := 0; ; pages++ {
		out := must[api.DescribeSubnetsResult](r, "DescribeSubnets", &api.DescribeSubnetsRequest{MaxResults: new(5), NextToken: token, Filters: filter("vpc-id", v)})
		for _, n := range out.Subnets {
			if seen[*n.SubnetId] {
				t.Errorf("%s comes twice", *n.SubnetId)
			}
			seen[*n.SubnetId] = true
		}
		if token = out.NextToken; token == nil {
			if pages != 2 {
				t.Errorf("%d pages of 5 for 13 subnets", pages+1)
			}
			break
		}
	}
	if len(seen) != 13 {
		t.Errorf("%d of 13 subnets", len(seen))
	}
	r.refused("InvalidNextToken", "", "DescribeSubnets", &api.DescribeSubnetsRequest{NextToken: new("nonsense")})
}

func TestTagsOfResources(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	g := r.group(v, "web")
	set := func(tags ...api.Tag) {
		t.Helper()
		must[awsapi.Empty](r, "CreateTags", &api.CreateTagsRequest{Resources: []string{v, g}, Tags: tags})
	}
	tag := func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} }
	set(tag("a", "1"), tag("b", ""))
	set(tag("a", "2"), tag("c", "3"))
	list := func(filters []api.Filter) (all []string) {
		for _, d := range must[api.DescribeTagsResult](r, "DescribeTags", &api.DescribeTagsRequest{Filters: filters}).Tags {
			all = append(all, string(d.ResourceType)+" "+*d.Key+"="+*d.Value)
		}
		return all
	}
	if got := strings.Join(list(filter("resource-id", v)), ", "); got != "vpc a=2, vpc b=, vpc c=3" {
		t.Error(got)
	}
	if got := strings.Join(list(filter("resource-type", "security-group")), ", "); got != "security-group a=2, security-group b=, security-group c=3" {
		t.Error(got)
	}
	if got := list(filter("tag:a", "2")); len(got) != 2 {
		t.Error(got)
	}
	must[awsapi.Empty](r, "DeleteTags", &api.DeleteTagsRequest{Resources: []string{v}, Tags: []api.Tag{tag("a", "1"), tag("b", ""), {Key: new("c")}}})
	if got := strings.Join(list(filter("resource-id", v)), ", "); got != "vpc a=2" {
		t.Errorf("after taking a=1, b= and c: %s", got)
	}
	must[awsapi.Empty](r, "DeleteTags", &api.DeleteTagsRequest{Resources: []string{v}})
	if got := list(filter("resource-id", v)); len(got) != 0 {
		t.Errorf("after taking all: %v", got)
	}
	for _, bad := range []struct {
		tags []api.Tag
		text string
	}{
		{[]api.Tag{tag("aws:x", "y")}, "reserved"}, {[]api.Tag{tag("", "y")}, "empty"}, {[]api.Tag{tag("a", "1"), tag("a", "2")}, "Duplicate tag key 'a'"},
		{[]api.Tag{tag(strings.Repeat("k", 129), "")}, "128"}, {[]api.Tag{tag("k", strings.Repeat("v", 257))}, "256"},
	} {
		r.refused("InvalidParameterValue", bad.text, "CreateTags", &api.CreateTagsRequest{Resources: []string{v}, Tags: bad.tags})
	}
	r.refused("InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation.", "CreateVpc", &api.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), TagSpecifications: []api.TagSpecification{{ResourceType: "subnet", Tags: []api.Tag{tag("a", "b")}}}})
}
