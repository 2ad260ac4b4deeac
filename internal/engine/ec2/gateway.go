package ec2

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Gateway is an internet gateway.
type Gateway struct {
	ID string
	// VPC is where it is attached, "" for nowhere.
	VPC string `json:",omitzero"`
}

// Gateways is the table.
var Gateways = state.NewTable("ec2.gateway", func(g *Gateway) string { return g.ID })

var gatewaysOf = state.NewIndex(Gateways, func(g *Gateway) []string { return some(&g.VPC) })

func init() { gatewayKind.exists = Gateways.Has }

// CreateInternetGateway makes an internet gateway.
func (s *Service) CreateInternetGateway(_ context.Context, c *operation.Caller, in *api.CreateInternetGatewayRequest) (*api.CreateInternetGatewayResult, error) {
	tags, err := specified(in.TagSpecifications, gatewayKind.typ)
	if err != nil {
		return nil, err
	}
	g := &Gateway{ID: gatewayKind.id()}
	var out api.InternetGateway
	err = s.env.Store.Update(func(tx *state.Tx) error {
		if Gateways.Len(tx, c.Scope()) >= maxVPCs {
			return awsapi.Errorf("InternetGatewayLimitExceeded", 400, "The maximum number of internet gateways has been reached.")
		}
		Gateways.Put(tx, c.Scope(), g)
		SetTags(tx, c.Scope(), g.ID, tags)
		out = showGateway(tx, c.Scope(), g)
		return nil
	})
	return &api.CreateInternetGatewayResult{InternetGateway: &out}, err
}

func showGateway(tx *state.Tx, scope state.Scope, g *Gateway) api.InternetGateway {
	out := api.InternetGateway{InternetGatewayId: &g.ID, OwnerId: &scope.Account, Attachments: []api.InternetGatewayAttachment{}, Tags: shownTags(tx, scope, g.ID)}
	if g.VPC != "" {
		// EC2 says "available" where the model's enumeration does not have it.
		out.Attachments = append(out.Attachments, api.InternetGatewayAttachment{State: "available", VpcId: &g.VPC})
	}
	return out
}

func attachments(g *api.InternetGateway) []api.InternetGatewayAttachment { return g.Attachments }

var gatewayListing = &listing[Gateway, api.InternetGateway]{
	table: Gateways, kind: gatewayKind, show: showGateway,
	tags: func(g *api.InternetGateway) []api.Tag { return g.Tags },
	fields: fields[api.InternetGateway]{
		"attachment.state":    each(attachments, enum(func(a *api.InternetGatewayAttachment) api.AttachmentStatus { return a.State })),
		"attachment.vpc-id":   each(attachments, str(func(a *api.InternetGatewayAttachment) *string { return a.VpcId })),
		"internet-gateway-id": str(func(g *api.InternetGateway) *string { return g.InternetGatewayId }),
		"owner-id":            str(func(g *api.InternetGateway) *string { return g.OwnerId }),
	},
}

// DescribeInternetGateways tells internet gateways.
func (s *Service) DescribeInternetGateways(_ context.Context, c *operation.Caller, in *api.DescribeInternetGatewaysRequest) (*api.DescribeInternetGatewaysResult, error) {
	page, next, err := gatewayListing.describe(s.env.View(c), c.Scope(), query{in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeInternetGatewaysResult{InternetGateways: page, NextToken: next}, err
}

// AttachInternetGateway attaches a gateway to a VPC that has none.
func (s *Service) AttachInternetGateway(_ context.Context, c *operation.Caller, in *api.AttachInternetGatewayRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), Gateways, gatewayKind, in.InternetGatewayId)
		if err != nil {
			return err
		}
		v, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId)
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return awsapi.Errorf("Resource.AlreadyAssociated", 400, "resource %s is already attached to network %s", g.ID, g.VPC)
		}
		for range gatewaysOf.Get(tx, c.Scope(), v.ID) {
			return invalidValue("Network %s already has an internet gateway attached", v.ID)
		}
		Gateways.Change(tx, c.Scope(), g.ID, func(g *Gateway) { g.VPC = v.ID })
		return nil
	})
}

// DetachInternetGateway detaches a gateway, once nothing in the VPC has a public
// address.
func (s *Service) DetachInternetGateway(_ context.Context, c *operation.Caller, in *api.DetachInternetGatewayRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), Gateways, gatewayKind, in.InternetGatewayId)
		if err != nil {
			return err
		}
		if _, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId); err != nil {
			return err
		}
		if g.VPC != *in.VpcId {
			return awsapi.Errorf("Gateway.NotAttached", 400, "resource %s is not attached to network %s", g.ID, *in.VpcId)
		}
		for i := range interfacesIn.Get(tx, c.Scope(), g.VPC) {
			if _, ok := publicAddress(tx, c.Scope(), i, i.PrivateIP); ok {
				return awsapi.Errorf("DependencyViolation", 400, "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", g.VPC)
			}
		}
		Gateways.Change(tx, c.Scope(), g.ID, func(g *Gateway) { g.VPC = "" })
		return nil
	})
}

// DeleteInternetGateway deletes a detached gateway.
func (s *Service) DeleteInternetGateway(_ context.Context, c *operation.Caller, in *api.DeleteInternetGatewayRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), Gateways, gatewayKind, in.InternetGatewayId)
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return dependent("internetGateway", g.ID)
		}
		drop(tx, c.Scope(), Gateways, g.ID)
		return nil
	})
}
