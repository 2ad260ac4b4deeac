package ec2

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Here are the Describe operations of kinds that nobody can make here. Clients
// ask for them on their way to what there is; the answer is that there are none,
// and that one that is named does not exist.

func none(ids []string, code, what string) error {
	if len(ids) > 0 {
		return awsapi.Errorf(code, 400, "The %s '%s' does not exist", what, ids[0])
	}
	return nil
}

// DescribeVpcPeeringConnections: there are none.
func (s *Service) DescribeVpcPeeringConnections(_ context.Context, _ *operation.Caller, in *api.DescribeVpcPeeringConnectionsRequest) (*api.DescribeVpcPeeringConnectionsResult, error) {
	return &api.DescribeVpcPeeringConnectionsResult{VpcPeeringConnections: []api.VpcPeeringConnection{}}, none(in.VpcPeeringConnectionIds, "InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection ID")
}

// DescribeEgressOnlyInternetGateways: there are none, as there is no IPv6.
func (s *Service) DescribeEgressOnlyInternetGateways(_ context.Context, _ *operation.Caller, in *api.DescribeEgressOnlyInternetGatewaysRequest) (*api.DescribeEgressOnlyInternetGatewaysResult, error) {
	return &api.DescribeEgressOnlyInternetGatewaysResult{EgressOnlyInternetGateways: []api.EgressOnlyInternetGateway{}}, none(in.EgressOnlyInternetGatewayIds, "InvalidGatewayID.NotFound", "eigw ID")
}

// DescribeVpnGateways: there are none.
func (s *Service) DescribeVpnGateways(_ context.Context, _ *operation.Caller, in *api.DescribeVpnGatewaysRequest) (*api.DescribeVpnGatewaysResult, error) {
	return &api.DescribeVpnGatewaysResult{VpnGateways: []api.VpnGateway{}}, none(in.VpnGatewayIds, "InvalidVpnGatewayID.NotFound", "vpnGateway ID")
}

// DescribeSecurityGroupVpcAssociations: a group is of its own VPC only.
func (s *Service) DescribeSecurityGroupVpcAssociations(context.Context, *operation.Caller, *api.DescribeSecurityGroupVpcAssociationsRequest) (*api.DescribeSecurityGroupVpcAssociationsResult, error) {
	return &api.DescribeSecurityGroupVpcAssociationsResult{SecurityGroupVpcAssociations: []api.SecurityGroupVpcAssociation{}}, nil
}

// DescribeSecurityGroupReferences: only another VPC's rules count, and without
// peering there are none.
func (s *Service) DescribeSecurityGroupReferences(_ context.Context, c *operation.Caller, in *api.DescribeSecurityGroupReferencesRequest) (*api.DescribeSecurityGroupReferencesResult, error) {
	tx := s.env.View(c)
	for _, id := range in.GroupId {
		if _, err := find(tx, c.Scope(), Groups, groupKind, &id); err != nil {
			return nil, err
		}
	}
	return &api.DescribeSecurityGroupReferencesResult{SecurityGroupReferenceSet: []api.SecurityGroupReference{}}, nil
}

// DescribeStaleSecurityGroups: a group that a rule names cannot be deleted, so
// none is stale.
func (s *Service) DescribeStaleSecurityGroups(_ context.Context, c *operation.Caller, in *api.DescribeStaleSecurityGroupsRequest) (*api.DescribeStaleSecurityGroupsResult, error) {
	_, err := find(s.env.View(c), c.Scope(), VPCs, vpcKind, in.VpcId)
	return &api.DescribeStaleSecurityGroupsResult{StaleSecurityGroupSet: []api.StaleSecurityGroup{}}, err
}
