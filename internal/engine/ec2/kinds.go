package ec2

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// kind is one kind of resource: how its ids look and what EC2 says of ids that
// are not there ("Error codes for the Amazon EC2 API").
type kind struct {
	prefix string
	// typ is the kind's name in tags and in ARNs.
	typ api.ResourceType
	// missing and absent are the code and the message for an id that does not
	// exist; several is the message for more than one.
	missing, absent, several string
	// malformed is the code for an id of another form, "" where EC2 says that
	// such an id does not exist.
	malformed, form string
	// exists looks a resource up, for operations that take ids of any kind.
	exists func(tx *state.Tx, scope state.Scope, id string) bool
}

var (
	vpcKind        = &kind{prefix: "vpc-", typ: api.ResourceTypeVpc, missing: "InvalidVpcID.NotFound", absent: "The vpc ID '%s' does not exist", several: "The vpc IDs '%s' do not exist", malformed: "InvalidVpcId.Malformed", form: "The vpc ID %s is malformed"}
	subnetKind     = &kind{prefix: "subnet-", typ: api.ResourceTypeSubnet, missing: "InvalidSubnetID.NotFound", absent: "The subnet ID '%s' does not exist", several: "The subnet IDs '%s' do not exist"}
	gatewayKind    = &kind{prefix: "igw-", typ: api.ResourceTypeInternetGateway, missing: "InvalidInternetGatewayID.NotFound", absent: "The internetGateway ID '%s' does not exist", several: "The internetGateway IDs '%s' do not exist"}
	routeTableKind = &kind{prefix: "rtb-", typ: api.ResourceTypeRouteTable, missing: "InvalidRouteTableID.NotFound", absent: "The routeTable ID '%s' does not exist", several: "The routeTable IDs '%s' do not exist"}
	groupKind      = &kind{prefix: "sg-", typ: api.ResourceTypeSecurityGroup, missing: "InvalidGroup.NotFound", absent: "The security group '%s' does not exist", several: "The security groups '%s' do not exist", malformed: "InvalidGroupId.Malformed", form: `Invalid id: "%s" (expecting "sg-...")`}
	ruleKind       = &kind{prefix: "sgr-", typ: api.ResourceTypeSecurityGroupRule, missing: "InvalidSecurityGroupRuleId.NotFound", absent: "The security group rule ID '%s' does not exist", several: "The security group rule IDs '%s' do not exist", malformed: "InvalidSecurityGroupRuleId.Malformed", form: `The security group rule ID '%s' is malformed`}
	aclKind        = &kind{prefix: "acl-", typ: api.ResourceTypeNetworkAcl, missing: "InvalidNetworkAclID.NotFound", absent: "The networkAcl ID '%s' does not exist", several: "The networkAcl IDs '%s' do not exist"}
	dhcpKind       = &kind{prefix: "dopt-", typ: api.ResourceTypeDhcpOptions, missing: "InvalidDhcpOptionID.NotFound", absent: "The dhcpOption ID '%s' does not exist", several: "The dhcpOption IDs '%s' do not exist"}
	addressKind    = &kind{prefix: "eipalloc-", typ: api.ResourceTypeElasticIp, missing: "InvalidAllocationID.NotFound", absent: "The allocation ID '%s' does not exist", several: "The allocation IDs '%s' do not exist"}
	natKind        = &kind{prefix: "nat-", typ: api.ResourceTypeNatgateway, missing: "NatGatewayNotFound", absent: "The Nat Gateway %s was not found", several: "The Nat Gateways %s were not found", malformed: "NatGatewayMalformed", form: "The NAT gateway ID %s is malformed"}
	interfaceKind  = &kind{prefix: "eni-", typ: api.ResourceTypeNetworkInterface, missing: "InvalidNetworkInterfaceID.NotFound", absent: "The networkInterface ID '%s' does not exist", several: "The networkInterface IDs '%s' do not exist"}
	keyKind        = &kind{prefix: "key-", typ: api.ResourceTypeKeyPair, missing: "InvalidKeyPair.NotFound", absent: "The key pair ID '%s' does not exist", several: "The key pair IDs '%s' do not exist"}
	templateKind   = &kind{prefix: "lt-", typ: api.ResourceTypeLaunchTemplate, missing: "InvalidLaunchTemplateId.NotFound", absent: "The specified launch template, with template ID %s, does not exist.", several: "The specified launch templates, with template IDs %s, do not exist.", malformed: "InvalidLaunchTemplateId.Malformed", form: "The specified launch template ID, %s, is malformed."}
	instanceKind   = &kind{prefix: "i-", typ: api.ResourceTypeInstance, missing: "InvalidInstanceID.NotFound", absent: "The instance ID '%s' does not exist", several: "The instance IDs '%s' do not exist", malformed: "InvalidInstanceID.Malformed", form: `Invalid id: "%s"`}
	volumeKind     = &kind{prefix: "vol-", typ: api.ResourceTypeVolume, missing: "InvalidVolume.NotFound", absent: "The volume '%s' does not exist.", several: "The volumes '%s' do not exist.", malformed: "InvalidVolumeID.Malformed", form: `Invalid id: "%s" (expecting "vol-...")`}
	imageKind      = &kind{prefix: "ami-", typ: api.ResourceTypeImage, missing: "InvalidAMIID.NotFound", absent: "The image id '[%s]' does not exist", several: "The image ids '[%s]' do not exist", malformed: "InvalidAMIID.Malformed", form: `Invalid id: "%s" (expecting "ami-...")`}
	prefixListKind = &kind{prefix: "pl-", typ: api.ResourceTypePrefixList, missing: "InvalidPrefixListID.NotFound", absent: "The prefix list ID '%s' does not exist", several: "The prefix list IDs '%s' do not exist"}
	endpointKind   = &kind{prefix: "vpce-", typ: api.ResourceTypeVpcEndpoint, missing: "InvalidVpcEndpointId.NotFound", absent: "The Vpc Endpoint Id '%s' does not exist", several: "The Vpc Endpoint Ids '%s' do not exist"}
)

var kinds = []*kind{
	vpcKind, subnetKind, gatewayKind, routeTableKind, groupKind, ruleKind, aclKind, dhcpKind, addressKind, natKind, interfaceKind,
	keyKind, templateKind, instanceKind, volumeKind, imageKind, prefixListKind, endpointKind,
}

// kindOf is the kind of an id.
func kindOf(id string) (*kind, bool) {
	for _, k := range kinds {
		if strings.HasPrefix(id, k.prefix) {
			return k, true
		}
	}
	return nil, false
}

// id makes one.
func (k *kind) id() string { return k.prefix + "0" + ids.Hex(16) }

// arn is the resource's name for policies. Images have no owner there.
func (k *kind) arn(scope state.Scope, id string) string {
	if k == imageKind {
		scope.Account = ""
	}
	return arn.New("ec2", scope, string(k.typ)+"/"+id)
}

// wellFormed tells whether an id has the prefix and 8 or 17 hexadecimal digits.
func (k *kind) wellFormed(id string) bool {
	digits, ok := strings.CutPrefix(id, k.prefix)
	return ok && (len(digits) == 8 || len(digits) == 17) && strings.Trim(digits, "0123456789abcdef") == ""
}

// notFound is the error for ids that are not there, of which one may be malformed.
func (k *kind) notFound(missing ...string) error {
	for _, id := range missing {
		if k.malformed != "" && !k.wellFormed(id) {
			return awsapi.Errorf(k.malformed, 400, k.form, id)
		}
	}
	if len(missing) == 1 {
		return awsapi.Errorf(k.missing, 400, k.absent, missing[0])
	}
	return awsapi.Errorf(k.missing, 400, k.several, strings.Join(missing, ", "))
}

// find is the row of an id that an input names.
func find[R any](tx *state.Tx, scope state.Scope, t *state.Table[R], k *kind, id *string) (*R, error) {
	row, ok := t.Get(tx, scope, awsapi.V(id))
	if !ok {
		return nil, k.notFound(awsapi.V(id))
	}
	return row, nil
}
