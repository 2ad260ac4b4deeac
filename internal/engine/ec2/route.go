package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Route is a route of a route table. It has one target: Local or one of the ids.
type Route struct {
	// Destination is a canonical IPv4 or IPv6 block or a prefix list's id.
	Destination string
	Local       bool   `json:",omitzero"`
	Gateway     string `json:",omitzero"`
	NAT         string `json:",omitzero"`
	Interface   string `json:",omitzero"`
	// Endpoint is a gateway endpoint, which makes its own routes.
	Endpoint string `json:",omitzero"`
}

func (t *RouteTable) route(destination string) *Route {
	if i := slices.IndexFunc(t.Routes, func(r Route) bool { return r.Destination == destination }); i >= 0 {
		return &t.Routes[i]
	}
	return nil
}

func showRoute(tx *state.Tx, scope state.Scope, r Route) api.Route {
	out := api.Route{Origin: api.RouteOriginCreateRoute, State: api.RouteStateActive}
	switch {
	case strings.HasPrefix(r.Destination, prefixListKind.prefix):
		out.DestinationPrefixListId = &r.Destination
	case strings.Contains(r.Destination, ":"):
		out.DestinationIpv6CidrBlock = &r.Destination
	default:
		out.DestinationCidrBlock = &r.Destination
	}
	alive := true
	switch {
	case r.Local:
		out.GatewayId, out.Origin = new("local"), api.RouteOriginCreateRouteTable
	case r.Gateway != "":
		g, ok := Gateways.Get(tx, scope, r.Gateway)
		out.GatewayId, alive = &r.Gateway, ok && g.VPC != ""
	case r.Endpoint != "":
		out.GatewayId, alive = &r.Endpoint, Endpoints.Has(tx, scope, r.Endpoint)
	case r.NAT != "":
		g, ok := NATGateways.Get(tx, scope, r.NAT)
		out.NatGatewayId, alive = &r.NAT, ok && (g.State == api.NatGatewayStateAvailable || g.State == api.NatGatewayStatePending)
	case r.Interface != "":
		i, ok := Interfaces.Get(tx, scope, r.Interface)
		out.NetworkInterfaceId, alive = &r.Interface, ok && i.Attachment != nil
		if ok && i.Attachment != nil && i.Attachment.Instance != "" {
			out.InstanceId, out.InstanceOwnerId = &i.Attachment.Instance, &scope.Account
		}
	}
	if !alive {
		out.State = api.RouteStateBlackhole
	}
	return out
}

// destination is what a route is for: exactly one of the three.
func destination(v4, v6, list *string) (string, error) {
	given := 0
	for _, p := range []*string{v4, v6, list} {
		if p != nil {
			given++
		}
	}
	switch {
	case given == 0:
		return "", missingParameter("destinationCidrBlock")
	case given > 1:
		return "", invalidCombination("The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock or destinationPrefixListId")
	case list != nil:
		return *list, nil
	case v6 != nil:
		if b, ok := canonical(*v6, 6); ok {
			return b, nil
		}
		return "", invalidValue("Value (%s) for parameter destinationIpv6CidrBlock is invalid. This is not a valid CIDR block.", *v6)
	}
	if b, ok := canonical(*v4, 4); ok {
		return b, nil
	}
	return "", invalidValue("Value (%s) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.", *v4)
}

// targets are what an input may route to; those of a kind that the engine does
// not have are refused beforehand.
type targets struct{ gateway, nat, iface, instance *string }

// route is the target as a route of the table.
func (g targets) route(tx *state.Tx, scope state.Scope, t *RouteTable, destination string) (Route, error) {
	r := Route{Destination: destination}
	given := 0
	for _, p := range []*string{g.gateway, g.nat, g.iface, g.instance} {
		if p != nil {
			given++
		}
	}
	if given != 1 {
		return r, awsapi.Errorf("InvalidParameterCombination", 400, "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId or instanceId")
	}
	if strings.HasPrefix(destination, prefixListKind.prefix) {
		if _, ok := prefixList(tx, scope, destination); !ok {
			return r, prefixListKind.notFound(destination)
		}
	}
	var vpc, id string
	switch {
	case g.gateway != nil:
		gw, err := find(tx, scope, Gateways, gatewayKind, g.gateway)
		if err != nil {
			return r, awsapi.Errorf("InvalidGatewayID.NotFound", 400, "The gateway ID '%s' does not exist", *g.gateway)
		}
		if gw.VPC != t.VPC {
			return r, invalidValue("route table %s and network gateway %s belong to different networks", t.ID, gw.ID)
		}
		r.Gateway = gw.ID
		return r, nil
	case g.nat != nil:
		n, err := find(tx, scope, NATGateways, natKind, g.nat)
		if err != nil {
			return r, err
		}
		vpc, id, r.NAT = n.VPC, n.ID, n.ID
	case g.iface != nil:
		i, err := find(tx, scope, Interfaces, interfaceKind, g.iface)
		if err != nil {
			return r, err
		}
		vpc, id, r.Interface = i.VPC, i.ID, i.ID
	default:
		i, err := find(tx, scope, Instances, instanceKind, g.instance)
		if err != nil {
			return r, err
		}
		p, ok := PrimaryInterface(tx, scope, i.ID)
		if !ok {
			return r, invalidValue("The instance %s has no network interface", i.ID)
		}
		vpc, id, r.Interface = p.VPC, i.ID, p.ID
	}
	if vpc != t.VPC {
		return r, invalidValue("route table %s and %s belong to different networks", t.ID, id)
	}
	return r, nil
}

// CreateRoute adds a route.
func (s *Service) CreateRoute(_ context.Context, c *operation.Caller, in *api.CreateRouteRequest) (*api.CreateRouteResult, error) {
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		t, err := find(tx, c.Scope(), RouteTables, routeTableKind, in.RouteTableId)
		if err != nil {
			return err
		}
		r, err := targets{in.GatewayId, in.NatGatewayId, in.NetworkInterfaceId, in.InstanceId}.route(tx, c.Scope(), t, to)
		if err != nil {
			return err
		}
		if t.route(to) != nil {
			return awsapi.Errorf("RouteAlreadyExists", 400, "The route identified by %s already exists.", to)
		}
		if len(t.Routes) >= maxRoutes {
			return awsapi.Errorf("RouteLimitExceeded", 400, "The maximum number of routes for route table '%s' has been reached.", t.ID)
		}
		RouteTables.Change(tx, c.Scope(), t.ID, func(t *RouteTable) { t.Routes = append(slices.Clone(t.Routes), r) })
		return nil
	})
	return &api.CreateRouteResult{Return: new(true)}, err
}

// ReplaceRoute gives a route another target.
func (s *Service) ReplaceRoute(_ context.Context, c *operation.Caller, in *api.ReplaceRouteRequest) (*awsapi.Empty, error) {
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := find(tx, c.Scope(), RouteTables, routeTableKind, in.RouteTableId)
		if err != nil {
			return err
		}
		old := t.route(to)
		if old == nil {
			return invalidValue("There is no route defined for '%s' in the route table. Use CreateRoute instead.", to)
		}
		if old.Local {
			if awsapi.V(in.LocalTarget) {
				return nil
			}
			return unserved("A target for the local route %s other than local", to)
		}
		r, err := targets{in.GatewayId, in.NatGatewayId, in.NetworkInterfaceId, in.InstanceId}.route(tx, c.Scope(), t, to)
		if err != nil {
			return err
		}
		RouteTables.Change(tx, c.Scope(), t.ID, func(t *RouteTable) {
			t.Routes = slices.Clone(t.Routes)
			*t.route(to) = r
		})
		return nil
	})
}

// DeleteRoute removes a route.
func (s *Service) DeleteRoute(_ context.Context, c *operation.Caller, in *api.DeleteRouteRequest) (*awsapi.Empty, error) {
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := find(tx, c.Scope(), RouteTables, routeTableKind, in.RouteTableId)
		if err != nil {
			return err
		}
		switch r := t.route(to); {
		case r == nil:
			return awsapi.Errorf("InvalidRoute.NotFound", 400, "no route with destination-cidr-block %s in route table %s", to, t.ID)
		case r.Local:
			return invalidValue("cannot remove local route %s in route table %s", to, t.ID)
		case r.Endpoint != "":
			return invalidValue("cannot remove VPC endpoint route %s in route table %s", to, t.ID)
		}
		RouteTables.Change(tx, c.Scope(), t.ID, func(t *RouteTable) {
			t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return r.Destination == to })
		})
		return nil
	})
}
