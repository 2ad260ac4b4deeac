package ec2

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// DHCPOptions are a set of DHCP options. They are kept and told.
type DHCPOptions struct {
	ID string
	// Standard marks the set that a region has from the start.
	Standard bool `json:",omitzero"`
	Options  []api.NewDhcpConfiguration
}

// DHCP is the table.
var DHCP = state.NewTable("ec2.dhcpoptions", func(d *DHCPOptions) string { return d.ID })

func init() { dhcpKind.exists = DHCP.Has }

// dhcpKeys are the options that there are.
var dhcpKeys = []string{"domain-name-servers", "domain-name", "ntp-servers", "netbios-name-servers", "netbios-node-type", "ipv6-address-preferred-lease-time"}

// defaultDHCP is the id of a region's standard options, which are made when a
// VPC first needs them.
func defaultDHCP(tx *state.Tx, scope state.Scope) string {
	for d := range DHCP.All(tx, scope) {
		if d.Standard {
			return d.ID
		}
	}
	d := &DHCPOptions{ID: dhcpKind.id(), Standard: true, Options: []api.NewDhcpConfiguration{
		{Key: new("domain-name"), Values: []string{catalog.Domain(scope.Region)}},
		{Key: new("domain-name-servers"), Values: []string{"AmazonProvidedDNS"}},
	}}
	DHCP.Put(tx, scope, d)
	return d.ID
}

// CreateDhcpOptions makes a set of options.
func (s *Service) CreateDhcpOptions(_ context.Context, c *operation.Caller, in *api.CreateDhcpOptionsRequest) (*api.CreateDhcpOptionsResult, error) {
	tags, err := specified(in.TagSpecifications, dhcpKind.typ)
	if err != nil {
		return nil, err
	}
	for _, o := range in.DhcpConfigurations {
		if !contains(dhcpKeys, awsapi.V(o.Key)) {
			return nil, invalidValue("Value (%s) for parameter key is invalid. Unknown DHCP option", awsapi.V(o.Key))
		}
		if len(o.Values) == 0 {
			return nil, invalidValue("The DHCP option %s has no value", *o.Key)
		}
	}
	d := &DHCPOptions{ID: dhcpKind.id(), Options: in.DhcpConfigurations}
	var out api.DhcpOptions
	err = s.env.Store.Update(func(tx *state.Tx) error {
		DHCP.Put(tx, c.Scope(), d)
		SetTags(tx, c.Scope(), d.ID, tags)
		out = showDHCP(tx, c.Scope(), d)
		return nil
	})
	return &api.CreateDhcpOptionsResult{DhcpOptions: &out}, err
}

func showDHCP(tx *state.Tx, scope state.Scope, d *DHCPOptions) api.DhcpOptions {
	out := api.DhcpOptions{DhcpOptionsId: &d.ID, OwnerId: &scope.Account, DhcpConfigurations: []api.DhcpConfiguration{}, Tags: shownTags(tx, scope, d.ID)}
	for _, o := range d.Options {
		shown := api.DhcpConfiguration{Key: o.Key}
		for _, v := range o.Values {
			shown.Values = append(shown.Values, api.AttributeValue{Value: &v})
		}
		out.DhcpConfigurations = append(out.DhcpConfigurations, shown)
	}
	return out
}

func dhcpConfigurations(d *api.DhcpOptions) []api.DhcpConfiguration { return d.DhcpConfigurations }

var dhcpListing = &listing[DHCPOptions, api.DhcpOptions]{
	table: DHCP, kind: dhcpKind, show: showDHCP,
	tags: func(d *api.DhcpOptions) []api.Tag { return d.Tags },
	fields: fields[api.DhcpOptions]{
		"dhcp-options-id": str(func(d *api.DhcpOptions) *string { return d.DhcpOptionsId }),
		"key":             each(dhcpConfigurations, str(func(o *api.DhcpConfiguration) *string { return o.Key })),
		"value": each(dhcpConfigurations, func(o *api.DhcpConfiguration) (all []string) {
			for _, v := range o.Values {
				all = append(all, *v.Value)
			}
			return all
		}),
		"owner-id": str(func(d *api.DhcpOptions) *string { return d.OwnerId }),
	},
}

// DescribeDhcpOptions tells sets of options.
func (s *Service) DescribeDhcpOptions(_ context.Context, c *operation.Caller, in *api.DescribeDhcpOptionsRequest) (*api.DescribeDhcpOptionsResult, error) {
	page, next, err := dhcpListing.describe(s.env.View(c), c.Scope(), query{in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeDhcpOptionsResult{DhcpOptions: page, NextToken: next}, err
}

// AssociateDhcpOptions gives a VPC a set of options, or "default" for none.
func (s *Service) AssociateDhcpOptions(_ context.Context, c *operation.Caller, in *api.AssociateDhcpOptionsRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId); err != nil {
			return err
		}
		if *in.DhcpOptionsId != "default" {
			if _, err := find(tx, c.Scope(), DHCP, dhcpKind, in.DhcpOptionsId); err != nil {
				return err
			}
		}
		VPCs.Change(tx, c.Scope(), *in.VpcId, func(v *VPC) { v.DHCP = *in.DhcpOptionsId })
		return nil
	})
}

// DeleteDhcpOptions deletes a set that no VPC has.
func (s *Service) DeleteDhcpOptions(_ context.Context, c *operation.Caller, in *api.DeleteDhcpOptionsRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		d, err := find(tx, c.Scope(), DHCP, dhcpKind, in.DhcpOptionsId)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(slices.Collect(VPCs.All(tx, c.Scope())), func(v *VPC) bool { return v.DHCP == d.ID }) {
			return dependent("dhcpOptions", d.ID)
		}
		drop(tx, c.Scope(), DHCP, d.ID)
		return nil
	})
}
