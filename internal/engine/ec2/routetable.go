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

// RouteTable is a VPC's route table.
type RouteTable struct {
	ID, VPC      string
	Routes       []Route
	Associations []Association `json:",omitzero"`
}

// Association is what a route table is for: a subnet, a gateway, or all
// subnets of the VPC that have none of their own.
type Association struct {
	ID      string
	Subnet  string `json:",omitzero"`
	Gateway string `json:",omitzero"`
	Main    bool   `json:",omitzero"`
}

// RouteTables is the table.
var RouteTables = state.NewTable("ec2.routetable", func(t *RouteTable) string { return t.ID })

var (
	routeTablesOf       = state.NewIndex(RouteTables, func(t *RouteTable) []string { return []string{t.VPC} })
	routeTableByRelated = state.NewIndex(RouteTables, func(t *RouteTable) (all []string) {
		for _, a := range t.Associations {
			all = append(all, a.ID)
			if a.Subnet != "" {
				all = append(all, a.Subnet)
			}
		}
		return all
	})
)

func init() { routeTableKind.exists = RouteTables.Has }

func newAssociation() Association { return Association{ID: "rtbassoc-0" + ids.Hex(16)} }

// main tells whether it is its VPC's main route table.
func (t *RouteTable) main() bool {
	return slices.ContainsFunc(t.Associations, func(a Association) bool { return a.Main })
}

func mainRouteTable(tx *state.Tx, scope state.Scope, vpc string) (*RouteTable, bool) {
	for t := range routeTablesOf.Get(tx, scope, vpc) {
		if t.main() {
			return t, true
		}
	}
	return nil, false
}

// RouteTableOf is the route table that a subnet follows: its own or the VPC's
// main one.
func RouteTableOf(tx *state.Tx, scope state.Scope, n *Subnet) (*RouteTable, bool) {
	if t, ok := routeTableByRelated.One(tx, scope, n.ID); ok {
		return t, true
	}
	return mainRouteTable(tx, scope, n.VPC)
}

func newMainRouteTable(tx *state.Tx, scope state.Scope, v *VPC) {
	a := newAssociation()
	a.Main = true
	RouteTables.Put(tx, scope, &RouteTable{ID: routeTableKind.id(), VPC: v.ID, Routes: localRoutes(v), Associations: []Association{a}})
}

// CreateRouteTable makes a route table.
func (s *Service) CreateRouteTable(_ context.Context, c *operation.Caller, in *api.CreateRouteTableRequest) (*api.CreateRouteTableResult, error) {
	tags, err := specified(in.TagSpecifications, routeTableKind.typ)
	if err != nil {
		return nil, err
	}
	var out api.RouteTable
	err = s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId)
		if err != nil {
			return err
		}
		id, err := s.once(tx, c.Scope(), "CreateRouteTable", in.ClientToken, in, func() (string, error) {
			if count(routeTablesOf.Get(tx, c.Scope(), v.ID)) >= maxRouteTables {
				return "", awsapi.Errorf("RouteTableLimitExceeded", 400, "The maximum number of route tables for VPC '%s' has been reached.", v.ID)
			}
			t := &RouteTable{ID: routeTableKind.id(), VPC: v.ID, Routes: localRoutes(v)}
			RouteTables.Put(tx, c.Scope(), t)
			SetTags(tx, c.Scope(), t.ID, tags)
			return t.ID, nil
		})
		if err != nil {
			return err
		}
		t, err := find(tx, c.Scope(), RouteTables, routeTableKind, &id)
		if err == nil {
			out = showRouteTable(tx, c.Scope(), t)
		}
		return err
	})
	return &api.CreateRouteTableResult{RouteTable: &out, ClientToken: in.ClientToken}, err
}

func count[T any](rows func(func(T) bool)) (n int) {
	for range rows {
		n++
	}
	return n
}

func showRouteTable(tx *state.Tx, scope state.Scope, t *RouteTable) api.RouteTable {
	out := api.RouteTable{
		RouteTableId: &t.ID, VpcId: &t.VPC, OwnerId: &scope.Account, PropagatingVgws: []api.PropagatingVgw{},
		Associations: []api.RouteTableAssociation{}, Routes: []api.Route{}, Tags: shownTags(tx, scope, t.ID),
	}
	for _, a := range t.Associations {
		out.Associations = append(out.Associations, showAssociation(t, a))
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, showRoute(tx, scope, r))
	}
	return out
}

func showAssociation(t *RouteTable, a Association) api.RouteTableAssociation {
	out := api.RouteTableAssociation{RouteTableAssociationId: &a.ID, RouteTableId: &t.ID, Main: &a.Main, AssociationState: associated()}
	if a.Subnet != "" {
		out.SubnetId = &a.Subnet
	}
	if a.Gateway != "" {
		out.GatewayId = &a.Gateway
	}
	return out
}

func associated() *api.RouteTableAssociationState {
	return &api.RouteTableAssociationState{State: api.RouteTableAssociationStateCodeAssociated}
}

func associations(t *api.RouteTable) []api.RouteTableAssociation { return t.Associations }

func routes(t *api.RouteTable) []api.Route { return t.Routes }

var routeTableListing = &listing[RouteTable, api.RouteTable]{
	table: RouteTables, kind: routeTableKind, show: showRouteTable,
	tags: func(t *api.RouteTable) []api.Tag { return t.Tags },
	fields: fields[api.RouteTable]{
		"association.gateway-id":                 each(associations, str(func(a *api.RouteTableAssociation) *string { return a.GatewayId })),
		"association.main":                       each(associations, flag(func(a *api.RouteTableAssociation) *bool { return a.Main })),
		"association.route-table-association-id": each(associations, str(func(a *api.RouteTableAssociation) *string { return a.RouteTableAssociationId })),
		"association.route-table-id":             each(associations, str(func(a *api.RouteTableAssociation) *string { return a.RouteTableId })),
		"association.subnet-id":                  each(associations, str(func(a *api.RouteTableAssociation) *string { return a.SubnetId })),
		"owner-id":                               str(func(t *api.RouteTable) *string { return t.OwnerId }),
		"route-table-id":                         str(func(t *api.RouteTable) *string { return t.RouteTableId }),
		"route.carrier-gateway-id":               never[api.RouteTable],
		"route.destination-cidr-block":           each(routes, str(func(r *api.Route) *string { return r.DestinationCidrBlock })),
		"route.destination-ipv6-cidr-block":      each(routes, str(func(r *api.Route) *string { return r.DestinationIpv6CidrBlock })),
		"route.destination-prefix-list-id":       each(routes, str(func(r *api.Route) *string { return r.DestinationPrefixListId })),
		"route.egress-only-internet-gateway-id":  never[api.RouteTable],
		"route.gateway-id":                       each(routes, str(func(r *api.Route) *string { return r.GatewayId })),
		"route.instance-id":                      each(routes, str(func(r *api.Route) *string { return r.InstanceId })),
		"route.nat-gateway-id":                   each(routes, str(func(r *api.Route) *string { return r.NatGatewayId })),
		"route.network-interface-id":             each(routes, str(func(r *api.Route) *string { return r.NetworkInterfaceId })),
		"route.origin":                           each(routes, enum(func(r *api.Route) api.RouteOrigin { return r.Origin })),
		"route.state":                            each(routes, enum(func(r *api.Route) api.RouteState { return r.State })),
		"route.transit-gateway-id":               never[api.RouteTable],
		"route.vpc-peering-connection-id":        never[api.RouteTable],
		"vpc-id":                                 str(func(t *api.RouteTable) *string { return t.VpcId }),
	},
}

// DescribeRouteTables tells route tables.
func (s *Service) DescribeRouteTables(_ context.Context, c *operation.Caller, in *api.DescribeRouteTablesRequest) (*api.DescribeRouteTablesResult, error) {
	page, next, err := routeTableListing.describe(s.env.View(c), c.Scope(), query{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeRouteTablesResult{RouteTables: page, NextToken: next}, err
}

// DeleteRouteTable deletes a route table that nothing is associated with.
func (s *Service) DeleteRouteTable(_ context.Context, c *operation.Caller, in *api.DeleteRouteTableRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := find(tx, c.Scope(), RouteTables, routeTableKind, in.RouteTableId)
		if err != nil {
			return err
		}
		if len(t.Associations) > 0 {
			return dependent("routeTable", t.ID)
		}
		drop(tx, c.Scope(), RouteTables, t.ID)
		return nil
	})
}

// AssociateRouteTable has a subnet or a gateway follow a route table.
func (s *Service) AssociateRouteTable(_ context.Context, c *operation.Caller, in *api.AssociateRouteTableRequest) (*api.AssociateRouteTableResult, error) {
	if (in.SubnetId == nil) == (in.GatewayId == nil) {
		return nil, awsapi.Errorf("InvalidParameterCombination", 400, "The request must contain exactly one of subnetId or gatewayId")
	}
	a := newAssociation()
	err := s.env.Store.Update(func(tx *state.Tx) error {
		t, err := find(tx, c.Scope(), RouteTables, routeTableKind, in.RouteTableId)
		if err != nil {
			return err
		}
		if in.GatewayId != nil {
			a.Gateway = *in.GatewayId
			return associateGateway(tx, c.Scope(), t, a)
		}
		n, err := find(tx, c.Scope(), Subnets, subnetKind, in.SubnetId)
		if err != nil {
			return err
		}
		a.Subnet = n.ID
		if old, ok := routeTableByRelated.One(tx, c.Scope(), n.ID); ok {
			if old.ID == t.ID { // EC2 answers with the association that is there
				a = *old.association(func(o Association) bool { return o.Subnet == n.ID })
				return nil
			}
			return awsapi.Errorf("Resource.AlreadyAssociated", 400, "the specified association for route table %s conflicts with an existing association", t.ID)
		}
		if n.VPC != t.VPC {
			return invalidValue("Route table %s and subnet %s belong to different networks", t.ID, n.ID)
		}
		associate(tx, c.Scope(), t.ID, a)
		return nil
	})
	return &api.AssociateRouteTableResult{AssociationId: &a.ID, AssociationState: associated()}, err
}

func associateGateway(tx *state.Tx, scope state.Scope, t *RouteTable, a Association) error {
	g, err := find(tx, scope, Gateways, gatewayKind, &a.Gateway)
	if err != nil {
		return err
	}
	if g.VPC != t.VPC {
		return invalidValue("route table %s and network gateway %s belong to different networks", t.ID, g.ID)
	}
	for other := range routeTablesOf.Get(tx, scope, t.VPC) {
		if other.association(func(o Association) bool { return o.Gateway == g.ID }) != nil {
			return awsapi.Errorf("Resource.AlreadyAssociated", 400, "the specified association for route table %s conflicts with an existing association", t.ID)
		}
	}
	associate(tx, scope, t.ID, a)
	return nil
}

func associate(tx *state.Tx, scope state.Scope, table string, a Association) {
	RouteTables.Change(tx, scope, table, func(t *RouteTable) { t.Associations = append(slices.Clone(t.Associations), a) })
}

func (t *RouteTable) association(is func(Association) bool) *Association {
	if i := slices.IndexFunc(t.Associations, is); i >= 0 {
		return &t.Associations[i]
	}
	return nil
}

// byAssociation is the route table and the association of an id.
func byAssociation(tx *state.Tx, scope state.Scope, id *string) (*RouteTable, *Association, error) {
	t, ok := routeTableByRelated.One(tx, scope, awsapi.V(id))
	if !ok {
		return nil, nil, noAssociation(awsapi.V(id))
	}
	a := t.association(func(a Association) bool { return a.ID == *id })
	if a == nil {
		return nil, nil, noAssociation(*id)
	}
	return t, a, nil
}

func noAssociation(id string) error {
	return awsapi.Errorf("InvalidAssociationID.NotFound", 400, "The association ID '%s' does not exist", id)
}

func dissociate(tx *state.Tx, scope state.Scope, table, id string) {
	RouteTables.Change(tx, scope, table, func(t *RouteTable) {
		t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a Association) bool { return a.ID == id })
	})
}

// DisassociateRouteTable has a subnet follow the main route table again.
func (s *Service) DisassociateRouteTable(_ context.Context, c *operation.Caller, in *api.DisassociateRouteTableRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		t, a, err := byAssociation(tx, c.Scope(), in.AssociationId)
		if err != nil {
			return err
		}
		if a.Main {
			return invalidValue("cannot disassociate the main route table association %s", a.ID)
		}
		dissociate(tx, c.Scope(), t.ID, a.ID)
		return nil
	})
}

// ReplaceRouteTableAssociation gives an association, which may be the main one,
// to another route table.
func (s *Service) ReplaceRouteTableAssociation(_ context.Context, c *operation.Caller, in *api.ReplaceRouteTableAssociationRequest) (*api.ReplaceRouteTableAssociationResult, error) {
	id := newAssociation().ID
	err := s.env.Store.Update(func(tx *state.Tx) error {
		from, a, err := byAssociation(tx, c.Scope(), in.AssociationId)
		if err != nil {
			return err
		}
		to, err := find(tx, c.Scope(), RouteTables, routeTableKind, in.RouteTableId)
		if err != nil {
			return err
		}
		if from.VPC != to.VPC {
			return invalidValue("Route table %s and association %s belong to different networks", to.ID, a.ID)
		}
		moved := *a
		moved.ID = id
		dissociate(tx, c.Scope(), from.ID, a.ID)
		associate(tx, c.Scope(), to.ID, moved)
		return nil
	})
	return &api.ReplaceRouteTableAssociationResult{NewAssociationId: &id, AssociationState: associated()}, err
}

// localRoutes are the routes of a VPC's blocks, which every table has.
func localRoutes(v *VPC) (all []Route) {
	for _, b := range v.Blocks() {
		all = append(all, Route{Destination: b.String(), Local: true})
	}
	return all
}

func addLocalRoutes(tx *state.Tx, scope state.Scope, vpc string, b netip.Prefix) error {
	for t := range routeTablesOf.Get(tx, scope, vpc) {
		if t.route(b.String()) != nil {
			return invalidValue("The CIDR '%s' conflicts with a route in the route table %s", b, t.ID)
		}
		RouteTables.Change(tx, scope, t.ID, func(t *RouteTable) {
			t.Routes = append(slices.Clone(t.Routes), Route{Destination: b.String(), Local: true})
		})
	}
	return nil
}

func removeLocalRoutes(tx *state.Tx, scope state.Scope, vpc string, b netip.Prefix) {
	for t := range routeTablesOf.Get(tx, scope, vpc) {
		RouteTables.Change(tx, scope, t.ID, func(t *RouteTable) {
			t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return r.Local && r.Destination == b.String() })
		})
	}
}
