package ec2

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Endpoint is a VPC endpoint of a service of AWS's: a gateway endpoint with its
// routes or an interface endpoint with its interfaces. Nothing goes through it.
type Endpoint struct {
	ID, VPC, Service string
	Type             api.VpcEndpointType
	Policy           string
	RouteTables      []string `json:",omitzero"`
	// Interfaces are by their subnets.
	Interfaces map[string]string `json:",omitzero"`
	Groups     []string          `json:",omitzero"`
	PrivateDNS bool              `json:",omitzero"`
	Created    time.Time
}

// Endpoints is the table.
var Endpoints = state.NewTable("ec2.endpoint", func(e *Endpoint) string { return e.ID })

var endpointsIn = state.NewIndex(Endpoints, func(e *Endpoint) []string { return []string{e.VPC} })

func init() { endpointKind.exists = Endpoints.Has }

// everybody is the policy of an endpoint that has none of its own.
const everybody = `{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}`

// The states that EC2 tells are in lower case, unlike in its model.
const (
	endpointPending   = api.State("pending")
	endpointAvailable = api.State("available")
)

func policyOf(text *string) (string, error) {
	if awsapi.V(text) == "" {
		return everybody, nil
	}
	if !json.Valid([]byte(*text)) {
		return "", awsapi.Errorf("InvalidPolicyDocument", 400, "The Policy provided is invalid: it is not JSON.")
	}
	return *text, nil
}

// CreateVpcEndpoint makes a gateway or an interface endpoint.
func (s *Service) CreateVpcEndpoint(_ context.Context, c *operation.Caller, in *api.CreateVpcEndpointRequest) (*api.CreateVpcEndpointResult, error) {
	tags, err := specified(in.TagSpecifications, endpointKind.typ)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{ID: endpointKind.id(), VPC: *in.VpcId, Service: awsapi.V(in.ServiceName), Type: cmp.Or(in.VpcEndpointType, api.VpcEndpointTypeGateway), Created: s.env.Now()}
	if e.Policy, err = policyOf(in.PolicyDocument); err != nil {
		return nil, err
	}
	if err := e.check(c.Region, in); err != nil {
		return nil, err
	}
	var out api.VpcEndpoint
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "CreateVpcEndpoint", in.ClientToken, in, func() (string, error) {
			return e.ID, e.create(tx, c.Scope(), in, tags)
		})
		if err != nil {
			return err
		}
		made, err := find(tx, c.Scope(), Endpoints, endpointKind, &id)
		if err == nil {
			out = showEndpoint(tx, c.Scope(), made)
			if made.Type == api.VpcEndpointTypeInterface {
				out.State = endpointPending
			}
		}
		return err
	})
	return &api.CreateVpcEndpointResult{VpcEndpoint: &out, ClientToken: in.ClientToken}, err
}

func (e *Endpoint) check(region string, in *api.CreateVpcEndpointRequest) error {
	if e.Type != api.VpcEndpointTypeGateway && e.Type != api.VpcEndpointTypeInterface {
		return unserved("A VPC endpoint of the type %s", e.Type)
	}
	known := slices.ContainsFunc(catalog.EndpointServices(region), func(o catalog.EndpointService) bool {
		return o.Name == e.Service && o.Gateway == (e.Type == api.VpcEndpointTypeGateway)
	})
	switch {
	case !known:
		return awsapi.Errorf("InvalidServiceName", 400, "The Vpc Endpoint Service '%s' does not exist", e.Service)
	case e.Type == api.VpcEndpointTypeGateway && len(in.SubnetIds)+len(in.SecurityGroupIds) > 0:
		return invalidCombination("Subnets and security groups are not supported for gateway endpoints.")
	case e.Type == api.VpcEndpointTypeInterface && len(in.RouteTableIds) > 0:
		return invalidCombination("Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	return nil
}

func (e *Endpoint) create(tx *state.Tx, scope state.Scope, in *api.CreateVpcEndpointRequest, tags tagging.Set) error {
	v, err := find(tx, scope, VPCs, vpcKind, in.VpcId)
	if err != nil {
		return err
	}
	e.PrivateDNS = e.Type == api.VpcEndpointTypeInterface && (in.PrivateDnsEnabled == nil || *in.PrivateDnsEnabled)
	if e.PrivateDNS && !(v.DNSSupport && v.DNSHostnames) {
		return awsapi.Errorf("InvalidParameter", 400, "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", v.ID)
	}
	if e.Type == api.VpcEndpointTypeInterface {
		if e.Groups, err = checkGroups(tx, scope, v.ID, in.SecurityGroupIds); err != nil {
			return err
		}
		e.Interfaces = map[string]string{}
	}
	if err := e.join(tx, scope, in.SubnetIds); err != nil {
		return err
	}
	if err := e.route(tx, scope, in.RouteTableIds); err != nil {
		return err
	}
	Endpoints.Put(tx, scope, e)
	SetTags(tx, scope, e.ID, tags)
	return nil
}

// join gives an endpoint an interface in each of the subnets.
func (e *Endpoint) join(tx *state.Tx, scope state.Scope, subnets []string) error {
	for _, id := range subnets {
		n, err := find(tx, scope, Subnets, subnetKind, &id)
		if err != nil {
			return err
		}
		if n.VPC != e.VPC {
			return invalidValue("The subnet %s does not belong to the VPC %s", id, e.VPC)
		}
		if e.Interfaces[id] != "" {
			return awsapi.Errorf("DuplicateSubnetsInSameZone", 400, "Found another VPC endpoint subnet in the availability zone of %s", id)
		}
		i, err := NewInterface(tx, scope, InterfaceRequest{
			Subnet: id, Groups: e.Groups, Description: "VPC Endpoint Interface " + e.ID, Type: api.NetworkInterfaceTypeVpcEndpoint, Requester: scope.Account,
			Attach: &Attachment{Owner: "amazon-aws", Device: 1, At: e.Created},
		})
		if err != nil {
			return err
		}
		e.Interfaces[id] = i.ID
	}
	return nil
}

// list is the prefix list of a gateway endpoint's service.
func (e *Endpoint) list(region string) string {
	for _, l := range catalog.PrefixLists(region) {
		if l.Name == e.Service {
			return l.ID
		}
	}
	return ""
}

// route adds a gateway endpoint's route to route tables.
func (e *Endpoint) route(tx *state.Tx, scope state.Scope, tables []string) error {
	to := e.list(scope.Region)
	for _, id := range tables {
		t, err := find(tx, scope, RouteTables, routeTableKind, &id)
		if err != nil {
			return err
		}
		if t.VPC != e.VPC {
			return invalidValue("Route table %s and the VPC endpoint belong to different networks", id)
		}
		if t.route(to) != nil {
			return awsapi.Errorf("RouteAlreadyExists", 400, "route table %s already has a route with destination-prefix-list-id %s", id, to)
		}
		RouteTables.Change(tx, scope, id, func(t *RouteTable) { t.Routes = append(slices.Clone(t.Routes), Route{Destination: to, Endpoint: e.ID}) })
		e.RouteTables = append(slices.Clone(e.RouteTables), id)
	}
	return nil
}

func (e *Endpoint) unroute(tx *state.Tx, scope state.Scope, tables []string) {
	for _, id := range tables {
		RouteTables.Change(tx, scope, id, func(t *RouteTable) {
			t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return r.Endpoint == e.ID })
		})
		e.RouteTables = slices.DeleteFunc(slices.Clone(e.RouteTables), func(t string) bool { return t == id })
	}
}

func (e *Endpoint) subnets() (all []string) {
	all = []string{}
	for n := range e.Interfaces {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func showEndpoint(tx *state.Tx, scope state.Scope, e *Endpoint) api.VpcEndpoint {
	out := api.VpcEndpoint{
		VpcEndpointId: &e.ID, VpcId: &e.VPC, ServiceName: &e.Service, ServiceRegion: new(scope.Region), VpcEndpointType: e.Type, State: endpointAvailable, PolicyDocument: &e.Policy,
		CreationTimestamp: &e.Created, OwnerId: &scope.Account, PrivateDnsEnabled: &e.PrivateDNS, RequesterManaged: new(false), RouteTableIds: e.RouteTables,
		SubnetIds: e.subnets(), NetworkInterfaceIds: []string{}, Groups: []api.SecurityGroupIdentifier{}, DnsEntries: []api.DnsEntry{}, Tags: shownTags(tx, scope, e.ID),
	}
	if e.RouteTables == nil {
		out.RouteTableIds = []string{}
	}
	if e.Type != api.VpcEndpointTypeInterface {
		return out
	}
	for _, n := range out.SubnetIds {
		out.NetworkInterfaceIds = append(out.NetworkInterfaceIds, e.Interfaces[n])
	}
	for _, g := range showGroups(tx, scope, e.Groups) {
		out.Groups = append(out.Groups, api.SecurityGroupIdentifier(g))
	}
	short := strings.TrimPrefix(e.Service, "com.amazonaws."+scope.Region+".")
	out.IpAddressType, out.DnsOptions = api.IpAddressTypeIpv4, &api.DnsOptions{DnsRecordIpType: api.DnsRecordIpTypeIpv4}
	out.DnsEntries = append(out.DnsEntries, api.DnsEntry{DnsName: new(e.ID + "-" + e.ID[len(e.ID)-8:] + "." + short + "." + scope.Region + ".vpce.amazonaws.com"), HostedZoneId: new("Z38GZ743OKFT7T")})
	if e.PrivateDNS {
		out.DnsEntries = append(out.DnsEntries, api.DnsEntry{DnsName: new(short + "." + scope.Region + ".amazonaws.com"), HostedZoneId: new("ZONEIDPENDING")})
	}
	return out
}

var endpointListing = &listing[Endpoint, api.VpcEndpoint]{
	table: Endpoints, kind: endpointKind, show: showEndpoint,
	tags: func(e *api.VpcEndpoint) []api.Tag { return e.Tags },
	fields: fields[api.VpcEndpoint]{
		"ip-address-type":    enum(func(e *api.VpcEndpoint) api.IpAddressType { return e.IpAddressType }),
		"service-name":       str(func(e *api.VpcEndpoint) *string { return e.ServiceName }),
		"service-region":     str(func(e *api.VpcEndpoint) *string { return e.ServiceRegion }),
		"vpc-endpoint-id":    str(func(e *api.VpcEndpoint) *string { return e.VpcEndpointId }),
		"vpc-endpoint-state": enum(func(e *api.VpcEndpoint) api.State { return e.State }),
		"vpc-endpoint-type":  enum(func(e *api.VpcEndpoint) api.VpcEndpointType { return e.VpcEndpointType }),
		"vpc-id":             str(func(e *api.VpcEndpoint) *string { return e.VpcId }),
	},
}

// DescribeVpcEndpoints tells endpoints.
func (s *Service) DescribeVpcEndpoints(_ context.Context, c *operation.Caller, in *api.DescribeVpcEndpointsRequest) (*api.DescribeVpcEndpointsResult, error) {
	page, next, err := endpointListing.describe(s.env.View(c), c.Scope(), query{in.VpcEndpointIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeVpcEndpointsResult{VpcEndpoints: page, NextToken: next}, err
}

// ModifyVpcEndpoint changes where an endpoint is and what it admits.
func (s *Service) ModifyVpcEndpoint(_ context.Context, c *operation.Caller, in *api.ModifyVpcEndpointRequest) (*api.ModifyVpcEndpointResult, error) {
	return &api.ModifyVpcEndpointResult{Return: new(true)}, s.env.Store.Update(func(tx *state.Tx) error {
		old, err := find(tx, c.Scope(), Endpoints, endpointKind, in.VpcEndpointId)
		if err != nil {
			return err
		}
		e := *old
		if err := e.modify(tx, c.Scope(), in); err != nil {
			return err
		}
		Endpoints.Put(tx, c.Scope(), &e)
		return nil
	})
}

func (e *Endpoint) modify(tx *state.Tx, scope state.Scope, in *api.ModifyVpcEndpointRequest) (err error) {
	if in.PolicyDocument != nil || awsapi.V(in.ResetPolicy) {
		if e.Policy, err = policyOf(in.PolicyDocument); err != nil {
			return err
		}
	}
	if in.PrivateDnsEnabled != nil {
		e.PrivateDNS = *in.PrivateDnsEnabled
	}
	e.unroute(tx, scope, in.RemoveRouteTableIds)
	if err := e.route(tx, scope, in.AddRouteTableIds); err != nil {
		return err
	}
	if len(in.AddSecurityGroupIds)+len(in.RemoveSecurityGroupIds) > 0 {
		left := slices.DeleteFunc(slices.Clone(e.Groups), func(g string) bool { return contains(in.RemoveSecurityGroupIds, g) })
		if e.Groups, err = checkGroups(tx, scope, e.VPC, append(left, in.AddSecurityGroupIds...)); err != nil {
			return err
		}
		for _, id := range e.Interfaces {
			Interfaces.Change(tx, scope, id, func(i *Interface) { i.Groups = e.Groups })
		}
	}
	kept := map[string]string{}
	for n, id := range e.Interfaces {
		if contains(in.RemoveSubnetIds, n) {
			DeleteInterface(tx, scope, id)
		} else {
			kept[n] = id
		}
	}
	e.Interfaces = kept
	return e.join(tx, scope, in.AddSubnetIds)
}

// DeleteVpcEndpoints deletes endpoints, one by one.
func (s *Service) DeleteVpcEndpoints(_ context.Context, c *operation.Caller, in *api.DeleteVpcEndpointsRequest) (*api.DeleteVpcEndpointsResult, error) {
	out := &api.DeleteVpcEndpointsResult{Unsuccessful: []api.UnsuccessfulItem{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		for _, id := range in.VpcEndpointIds {
			old, ok := Endpoints.Get(tx, c.Scope(), id)
			if !ok {
				out.Unsuccessful = append(out.Unsuccessful, api.UnsuccessfulItem{ResourceId: &id, Error: &api.UnsuccessfulItemError{
					Code: new("InvalidVpcEndpoint.NotFound"), Message: new("The Vpc Endpoint Id '" + id + "' does not exist"),
				}})
				continue
			}
			e := *old
			e.unroute(tx, c.Scope(), e.RouteTables)
			for _, i := range e.Interfaces {
				DeleteInterface(tx, c.Scope(), i)
			}
			drop(tx, c.Scope(), Endpoints, id)
		}
		return nil
	})
}

// DescribeVpcEndpointServices tells the services that there can be endpoints of.
func (s *Service) DescribeVpcEndpointServices(_ context.Context, c *operation.Caller, in *api.DescribeVpcEndpointServicesRequest) (*api.DescribeVpcEndpointServicesResult, error) {
	all := []api.ServiceDetail{}
	for _, o := range catalog.EndpointServices(c.Region) {
		if len(in.ServiceNames) == 0 || contains(in.ServiceNames, o.Name) {
			all = append(all, showEndpointService(c.Region, o))
		}
	}
	if len(all) == 0 && len(in.ServiceNames) > 0 {
		return nil, awsapi.Errorf("InvalidServiceName", 400, "The Vpc Endpoint Service '%s' does not exist", in.ServiceNames[0])
	}
	f := fields[api.ServiceDetail]{
		"owner":                      str(func(d *api.ServiceDetail) *string { return d.Owner }),
		"service-name":               str(func(d *api.ServiceDetail) *string { return d.ServiceName }),
		"service-region":             str(func(d *api.ServiceDetail) *string { return d.ServiceRegion }),
		"service-type":               func(d *api.ServiceDetail) []string { return []string{string(d.ServiceType[0].ServiceType)} },
		"supported-ip-address-types": list(func(d *api.ServiceDetail) []api.ServiceConnectivityType { return d.SupportedIpAddressTypes }),
	}
	page, next, err := tagged(all, f, func(d *api.ServiceDetail) []api.Tag { return d.Tags }, in.Filters, in.MaxResults, in.NextToken, func(d *api.ServiceDetail) string { return *d.ServiceId })
	if err != nil {
		return nil, err
	}
	out := &api.DescribeVpcEndpointServicesResult{ServiceDetails: page, ServiceNames: []string{}, NextToken: next}
	for _, d := range page {
		out.ServiceNames = append(out.ServiceNames, *d.ServiceName)
	}
	slices.Sort(out.ServiceNames)
	out.ServiceNames = slices.Compact(out.ServiceNames)
	return out, nil
}

func showEndpointService(region string, o catalog.EndpointService) api.ServiceDetail {
	short := strings.TrimPrefix(o.Name, "com.amazonaws."+region+".")
	out := api.ServiceDetail{
		ServiceName: &o.Name, ServiceId: &o.ID, ServiceRegion: &region, Owner: new("amazon"), AcceptanceRequired: new(false), ManagesVpcEndpoints: new(false),
		VpcEndpointPolicySupported: new(true), AvailabilityZones: []string{}, BaseEndpointDnsNames: []string{short + "." + region + ".vpce.amazonaws.com"}, Tags: []api.Tag{},
		ServiceType: []api.ServiceTypeDetail{{ServiceType: api.ServiceTypeInterface}}, SupportedIpAddressTypes: []api.ServiceConnectivityType{api.ServiceConnectivityTypeIpv4},
	}
	for _, z := range catalog.Zones(region) {
		out.AvailabilityZones = append(out.AvailabilityZones, z.Name)
	}
	if o.Gateway {
		out.ServiceType[0].ServiceType, out.BaseEndpointDnsNames = api.ServiceTypeGateway, []string{short + "." + region + ".amazonaws.com"}
		return out
	}
	out.PrivateDnsName = new(short + "." + region + ".amazonaws.com")
	out.PrivateDnsNames = []api.PrivateDnsDetails{{PrivateDnsName: out.PrivateDnsName}}
	return out
}
