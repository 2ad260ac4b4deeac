package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// VPC is a virtual private cloud.
type VPC struct {
	ID string
	// Block is the primary one, Association its id; More are the others.
	Block       netip.Prefix
	Association string
	More        []Block `json:",omitzero"`
	Default     bool    `json:",omitzero"`
	// DHCP is the id of the options, "default" for none.
	DHCP                     string
	DNSSupport, DNSHostnames bool
	UsageMetrics             bool `json:",omitzero"`
}

// Block is a further block of a VPC.
type Block struct {
	Association string
	Block       netip.Prefix
}

// VPCs is the table.
var VPCs = state.NewTable("ec2.vpc", func(v *VPC) string { return v.ID })

// Quotas, which AWS raises on request; here they are as of an account where it has.
const (
	maxVPCs         = 100
	maxSubnets      = 200 // a VPC
	maxBlocks       = 5   // a VPC
	maxGroups       = 2500
	maxRules        = 60 // a group and direction
	maxInterfaceSGs = 5
	maxRoutes       = 500
	maxRouteTables  = 200
	maxAddresses    = 100
)

func init() { vpcKind.exists = VPCs.Has }

// DefaultVPC is a region's default VPC, if it has one.
func DefaultVPC(tx *state.Tx, scope state.Scope) (*VPC, bool) {
	for v := range VPCs.All(tx, scope) {
		if v.Default {
			return v, true
		}
	}
	return nil, false
}

// Blocks are all of a VPC's, the primary one first.
func (v *VPC) Blocks() []netip.Prefix {
	all := []netip.Prefix{v.Block}
	for _, b := range v.More {
		all = append(all, b.Block)
	}
	return all
}

// newVPC puts a VPC and what comes with every VPC: its main route table, its
// default security group and its default network ACL.
func newVPC(tx *state.Tx, scope state.Scope, v *VPC) {
	v.Association = "vpc-cidr-assoc-0" + ids.Hex(16)
	VPCs.Put(tx, scope, v)
	newMainRouteTable(tx, scope, v)
	newDefaultGroup(tx, scope, v.ID)
	newDefaultACL(tx, scope, v.ID)
}

// CreateVpc makes a VPC.
func (s *Service) CreateVpc(_ context.Context, c *operation.Caller, in *api.CreateVpcRequest) (*api.CreateVpcResult, error) {
	tags, err := specified(in.TagSpecifications, vpcKind.typ)
	if err != nil {
		return nil, err
	}
	if in.CidrBlock == nil {
		return nil, missingParameter("cidrBlock")
	}
	b, err := block("cidrBlock", *in.CidrBlock, "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	v := &VPC{ID: vpcKind.id(), Block: b, DNSSupport: true}
	var out *api.Vpc
	err = s.env.Store.Update(func(tx *state.Tx) error {
		if VPCs.Len(tx, c.Scope()) >= maxVPCs {
			return awsapi.Errorf("VpcLimitExceeded", 400, "The maximum number of VPCs has been reached.")
		}
		v.DHCP = defaultDHCP(tx, c.Scope())
		newVPC(tx, c.Scope(), v)
		SetTags(tx, c.Scope(), v.ID, tags)
		out = new(showVPC(tx, c.Scope(), v))
		out.State = api.VpcStatePending
		return nil
	})
	return &api.CreateVpcResult{Vpc: out}, err
}

func showVPC(tx *state.Tx, scope state.Scope, v *VPC) api.Vpc {
	out := api.Vpc{
		VpcId: &v.ID, CidrBlock: new(v.Block.String()), DhcpOptionsId: &v.DHCP, InstanceTenancy: api.TenancyDefault, IsDefault: &v.Default,
		OwnerId: &scope.Account, State: api.VpcStateAvailable, Tags: shownTags(tx, scope, v.ID),
		BlockPublicAccessStates: &api.BlockPublicAccessStates{InternetGatewayBlockMode: api.BlockPublicAccessModeOff},
	}
	out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, showBlock(Block{v.Association, v.Block}))
	for _, b := range v.More {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, showBlock(b))
	}
	return out
}

func showBlock(b Block) api.VpcCidrBlockAssociation {
	return api.VpcCidrBlockAssociation{
		AssociationId: &b.Association, CidrBlock: new(b.Block.String()),
		CidrBlockState: &api.VpcCidrBlockState{State: api.VpcCidrBlockStateCodeAssociated},
	}
}

func vpcBlocks(v *api.Vpc) []api.VpcCidrBlockAssociation { return v.CidrBlockAssociationSet }

var vpcListing = &listing[VPC, api.Vpc]{
	table: VPCs, kind: vpcKind, show: showVPC,
	tags: func(v *api.Vpc) []api.Tag { return v.Tags },
	fields: fields[api.Vpc]{
		"cidr":                                   str(func(v *api.Vpc) *string { return v.CidrBlock }),
		"cidrBlock":                              str(func(v *api.Vpc) *string { return v.CidrBlock }),
		"cidr-block-association.association-id":  each(vpcBlocks, str(func(b *api.VpcCidrBlockAssociation) *string { return b.AssociationId })),
		"cidr-block-association.cidr-block":      each(vpcBlocks, str(func(b *api.VpcCidrBlockAssociation) *string { return b.CidrBlock })),
		"cidr-block-association.state":           each(vpcBlocks, func(b *api.VpcCidrBlockAssociation) []string { return []string{string(b.CidrBlockState.State)} }),
		"dhcp-options-id":                        str(func(v *api.Vpc) *string { return v.DhcpOptionsId }),
		"dhcpOptionsId":                          str(func(v *api.Vpc) *string { return v.DhcpOptionsId }),
		"instance-tenancy":                       enum(func(v *api.Vpc) api.Tenancy { return v.InstanceTenancy }),
		"ipv6-cidr-block-association.cidr-block": func(*api.Vpc) []string { return nil },
		"is-default":                             flag(func(v *api.Vpc) *bool { return v.IsDefault }),
		"isDefault":                              flag(func(v *api.Vpc) *bool { return v.IsDefault }),
		"owner-id":                               str(func(v *api.Vpc) *string { return v.OwnerId }),
		"state":                                  enum(func(v *api.Vpc) api.VpcState { return v.State }),
		"vpc-id":                                 str(func(v *api.Vpc) *string { return v.VpcId }),
	},
}

// DescribeVpcs tells VPCs.
func (s *Service) DescribeVpcs(_ context.Context, c *operation.Caller, in *api.DescribeVpcsRequest) (*api.DescribeVpcsResult, error) {
	page, next, err := vpcListing.describe(s.env.View(c), c.Scope(), query{in.VpcIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeVpcsResult{Vpcs: page, NextToken: next}, err
}

// DeleteVpc deletes a VPC that has nothing left but what came with it.
func (s *Service) DeleteVpc(_ context.Context, c *operation.Caller, in *api.DeleteVpcRequest) (*awsapi.Empty, error) {
	scope := c.Scope()
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, scope, VPCs, vpcKind, in.VpcId)
		if err != nil {
			return err
		}
		if occupied(tx, scope, v.ID) {
			return dependent("vpc", v.ID)
		}
		for t := range routeTablesOf.Get(tx, scope, v.ID) {
			drop(tx, scope, RouteTables, t.ID)
		}
		for g := range groupsOf.Get(tx, scope, v.ID) {
			dropGroup(tx, scope, g.ID)
		}
		for a := range aclsOf.Get(tx, scope, v.ID) {
			drop(tx, scope, ACLs, a.ID)
		}
		drop(tx, scope, VPCs, v.ID)
		return nil
	})
}

// occupied tells whether a VPC has more than what came with it.
func occupied(tx *state.Tx, scope state.Scope, vpc string) bool {
	for range subnetsOf.Get(tx, scope, vpc) {
		return true
	}
	for range gatewaysOf.Get(tx, scope, vpc) {
		return true
	}
	for range endpointsIn.Get(tx, scope, vpc) {
		return true
	}
	for range interfacesIn.Get(tx, scope, vpc) {
		return true
	}
	for t := range routeTablesOf.Get(tx, scope, vpc) {
		if !t.main() {
			return true
		}
	}
	for g := range groupsOf.Get(tx, scope, vpc) {
		if g.Name != "default" {
			return true
		}
	}
	for a := range aclsOf.Get(tx, scope, vpc) {
		if !a.Default {
			return true
		}
	}
	return false
}

// drop deletes a row and its tags.
func drop[R any](tx *state.Tx, scope state.Scope, t *state.Table[R], id string) {
	t.Delete(tx, scope, id)
	Tags.Delete(tx, scope, id)
}

// AssociateVpcCidrBlock adds a block to a VPC.
func (s *Service) AssociateVpcCidrBlock(_ context.Context, c *operation.Caller, in *api.AssociateVpcCidrBlockRequest) (*api.AssociateVpcCidrBlockResult, error) {
	if in.CidrBlock == nil {
		return nil, missingParameter("cidrBlock")
	}
	b, err := block("cidrBlock", *in.CidrBlock, "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	added := Block{"vpc-cidr-assoc-0" + ids.Hex(16), b}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId)
		if err != nil {
			return err
		}
		for _, old := range v.Blocks() {
			if old.Overlaps(b) {
				return awsapi.Errorf("InvalidVpc.Range", 400, "The CIDR '%s' conflicts with another CIDR block of the VPC.", b)
			}
		}
		if len(v.More)+1 >= maxBlocks {
			return awsapi.Errorf("CidrLimitExceeded", 400, "This network '%s' has met its maximum number of allowed CIDRs: %d", v.ID, maxBlocks)
		}
		VPCs.Change(tx, c.Scope(), v.ID, func(v *VPC) { v.More = append(slices.Clone(v.More), added) })
		return addLocalRoutes(tx, c.Scope(), v.ID, b)
	})
	shown := showBlock(added)
	shown.CidrBlockState = &api.VpcCidrBlockState{State: api.VpcCidrBlockStateCodeAssociating}
	return &api.AssociateVpcCidrBlockResult{VpcId: in.VpcId, CidrBlockAssociation: &shown}, err
}

// DisassociateVpcCidrBlock takes a block, which may not be the primary one nor
// have subnets, from a VPC.
func (s *Service) DisassociateVpcCidrBlock(_ context.Context, c *operation.Caller, in *api.DisassociateVpcCidrBlockRequest) (*api.DisassociateVpcCidrBlockResult, error) {
	out := &api.DisassociateVpcCidrBlockResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		v, b, err := blockByAssociation(tx, c.Scope(), awsapi.V(in.AssociationId))
		if err != nil {
			return err
		}
		for n := range subnetsOf.Get(tx, c.Scope(), v.ID) {
			if within(b.Block, n.Block) {
				return awsapi.Errorf("DependencyViolation", 400, "The CIDR block '%s' has dependencies and cannot be disassociated.", b.Block)
			}
		}
		VPCs.Change(tx, c.Scope(), v.ID, func(v *VPC) {
			v.More = slices.DeleteFunc(slices.Clone(v.More), func(o Block) bool { return o.Association == b.Association })
		})
		removeLocalRoutes(tx, c.Scope(), v.ID, b.Block)
		shown := showBlock(b)
		shown.CidrBlockState = &api.VpcCidrBlockState{State: api.VpcCidrBlockStateCodeDisassociating}
		out.VpcId, out.CidrBlockAssociation = &v.ID, &shown
		return nil
	})
}

func blockByAssociation(tx *state.Tx, scope state.Scope, id string) (*VPC, Block, error) {
	for v := range VPCs.All(tx, scope) {
		if v.Association == id {
			return nil, Block{}, awsapi.Errorf("OperationNotPermitted", 400, "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", id)
		}
		for _, b := range v.More {
			if b.Association == id {
				return v, b, nil
			}
		}
	}
	return nil, Block{}, awsapi.Errorf("InvalidVpcCidrBlockAssociationID.NotFound", 400, "The vpc CIDR block association ID '%s' does not exist", id)
}

// ModifyVpcAttribute changes one attribute of a VPC.
func (s *Service) ModifyVpcAttribute(_ context.Context, c *operation.Caller, in *api.ModifyVpcAttributeRequest) (*awsapi.Empty, error) {
	attributes := []*api.AttributeBooleanValue{in.EnableDnsHostnames, in.EnableDnsSupport, in.EnableNetworkAddressUsageMetrics}
	given := slices.DeleteFunc(attributes, func(a *api.AttributeBooleanValue) bool { return a == nil })
	switch {
	case len(given) == 0:
		return nil, missingParameter("enableDnsSupport, enableDnsHostnames or enableNetworkAddressUsageMetrics")
	case len(given) > 1:
		return nil, invalidCombination("Only one attribute can be modified at a time")
	}
	on := awsapi.V(given[0].Value)
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId); err != nil {
			return err
		}
		VPCs.Change(tx, c.Scope(), *in.VpcId, func(v *VPC) {
			switch {
			case in.EnableDnsHostnames != nil:
				v.DNSHostnames = on
			case in.EnableDnsSupport != nil:
				v.DNSSupport = on
			default:
				v.UsageMetrics = on
			}
		})
		return nil
	})
}

// DescribeVpcAttribute tells one attribute of a VPC.
func (s *Service) DescribeVpcAttribute(_ context.Context, c *operation.Caller, in *api.DescribeVpcAttributeRequest) (*api.DescribeVpcAttributeResult, error) {
	v, err := find(s.env.View(c), c.Scope(), VPCs, vpcKind, in.VpcId)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeVpcAttributeResult{VpcId: &v.ID}
	switch in.Attribute {
	case api.VpcAttributeNameEnableDnsHostnames:
		out.EnableDnsHostnames = &api.AttributeBooleanValue{Value: &v.DNSHostnames}
	case api.VpcAttributeNameEnableDnsSupport:
		out.EnableDnsSupport = &api.AttributeBooleanValue{Value: &v.DNSSupport}
	default:
		out.EnableNetworkAddressUsageMetrics = &api.AttributeBooleanValue{Value: &v.UsageMetrics}
	}
	return out, nil
}

// CreateDefaultVpc makes a new default VPC where the old one was deleted.
func (s *Service) CreateDefaultVpc(_ context.Context, c *operation.Caller, _ *api.CreateDefaultVpcRequest) (*api.CreateDefaultVpcResult, error) {
	var out api.Vpc
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if v, ok := DefaultVPC(tx, c.Scope()); ok {
			return awsapi.Errorf("DefaultVpcAlreadyExists", 400, "A Default VPC already exists for this account in this region (%s).", v.ID)
		}
		out = showVPC(tx, c.Scope(), newDefaultVPC(tx, c.Scope(), defaultDHCP(tx, c.Scope())))
		return nil
	})
	return &api.CreateDefaultVpcResult{Vpc: &out}, err
}
