package ec2

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// DescribeRegions tells regions: those that need no opting in, or all.
func (s *Service) DescribeRegions(_ context.Context, c *operation.Caller, in *api.DescribeRegionsRequest) (*api.DescribeRegionsResult, error) {
	all := []api.Region{}
	known := map[string]bool{}
	for _, r := range catalog.Regions(c.Region) {
		known[r.Name] = true
		shown := api.Region{RegionName: &r.Name, Endpoint: new("ec2." + r.Name + ".amazonaws.com"), OptInStatus: new("opt-in-not-required")}
		if r.OptIn && r.Name != c.Region {
			shown.OptInStatus = new("not-opted-in")
		} else if r.OptIn {
			shown.OptInStatus = new("opted-in")
		}
		wanted := contains(in.RegionNames, r.Name) || len(in.RegionNames) == 0 && (awsapi.V(in.AllRegions) || *shown.OptInStatus != "not-opted-in")
		if wanted {
			all = append(all, shown)
		}
	}
	for _, name := range in.RegionNames {
		if !known[name] {
			return nil, invalidValue("Invalid region names: [%s]", name)
		}
	}
	f := fields[api.Region]{
		"endpoint":      str(func(r *api.Region) *string { return r.Endpoint }),
		"opt-in-status": str(func(r *api.Region) *string { return r.OptInStatus }),
		"region-name":   str(func(r *api.Region) *string { return r.RegionName }),
	}
	page, _, err := pick(all, f, in.Filters, nil, nil, func(r *api.Region) string { return *r.RegionName })
	return &api.DescribeRegionsResult{Regions: page}, err
}

func showZone(z catalog.Zone) api.AvailabilityZone {
	return api.AvailabilityZone{
		ZoneName: &z.Name, ZoneId: &z.ID, RegionName: &z.Region, GroupName: new(z.Region + "-zg-1"), NetworkBorderGroup: &z.Region, ZoneType: new("availability-zone"),
		OptInStatus: api.AvailabilityZoneOptInStatusOptInNotRequired, State: api.AvailabilityZoneStateAvailable, Messages: []api.AvailabilityZoneMessage{},
	}
}

var zoneFields = fields[api.AvailabilityZone]{
	"group-long-name":      str(func(z *api.AvailabilityZone) *string { return z.GroupLongName }),
	"group-name":           str(func(z *api.AvailabilityZone) *string { return z.GroupName }),
	"message":              never[api.AvailabilityZone],
	"opt-in-status":        enum(func(z *api.AvailabilityZone) api.AvailabilityZoneOptInStatus { return z.OptInStatus }),
	"parent-zone-id":       never[api.AvailabilityZone],
	"parent-zone-name":     never[api.AvailabilityZone],
	"network-border-group": str(func(z *api.AvailabilityZone) *string { return z.NetworkBorderGroup }),
	"region-name":          str(func(z *api.AvailabilityZone) *string { return z.RegionName }),
	"state":                enum(func(z *api.AvailabilityZone) api.AvailabilityZoneState { return z.State }),
	"zone-id":              str(func(z *api.AvailabilityZone) *string { return z.ZoneId }),
	"zone-name":            str(func(z *api.AvailabilityZone) *string { return z.ZoneName }),
	"zone-type":            str(func(z *api.AvailabilityZone) *string { return z.ZoneType }),
}

// DescribeAvailabilityZones tells the region's zones.
func (s *Service) DescribeAvailabilityZones(_ context.Context, c *operation.Caller, in *api.DescribeAvailabilityZonesRequest) (*api.DescribeAvailabilityZonesResult, error) {
	for _, name := range append(append([]string{}, in.ZoneNames...), in.ZoneIds...) {
		if _, ok := catalog.ZoneOf(c.Region, name); !ok {
			return nil, invalidValue("Invalid availability zone: [%s]", name)
		}
	}
	all := []api.AvailabilityZone{}
	for _, z := range catalog.Zones(c.Region) {
		if (len(in.ZoneNames) == 0 || contains(in.ZoneNames, z.Name)) && (len(in.ZoneIds) == 0 || contains(in.ZoneIds, z.ID)) {
			all = append(all, showZone(z))
		}
	}
	page, _, err := pick(all, zoneFields, in.Filters, nil, nil, func(z *api.AvailabilityZone) string { return *z.ZoneName })
	return &api.DescribeAvailabilityZonesResult{AvailabilityZones: page}, err
}

// DescribeAccountAttributes tells what an account has in a region.
func (s *Service) DescribeAccountAttributes(_ context.Context, c *operation.Caller, in *api.DescribeAccountAttributesRequest) (*api.DescribeAccountAttributesResult, error) {
	vpc := "none"
	if v, ok := DefaultVPC(s.env.View(c), c.Scope()); ok {
		vpc = v.ID
	}
	out := &api.DescribeAccountAttributesResult{AccountAttributes: []api.AccountAttribute{}}
	for _, a := range []struct{ name, value string }{
		{"vpc-max-security-groups-per-interface", itoa(maxInterfaceSGs)}, {"max-instances", itoa(maxInstances)}, {"supported-platforms", "VPC"},
		{"default-vpc", vpc}, {"max-elastic-ips", itoa(maxAddresses)}, {"vpc-max-elastic-ips", itoa(maxAddresses)},
	} {
		if len(in.AttributeNames) == 0 || contains(in.AttributeNames, api.AccountAttributeName(a.name)) {
			out.AccountAttributes = append(out.AccountAttributes, api.AccountAttribute{AttributeName: &a.name, AttributeValues: []api.AccountAttributeValue{{AttributeValue: &a.value}}})
		}
	}
	return out, nil
}

// MetadataDefaults are the region's defaults of instances' metadata options; ""
// and 0 are no preference.
type MetadataDefaults struct {
	Endpoint api.InstanceMetadataEndpointState `json:",omitzero"`
	Tokens   api.HttpTokensState               `json:",omitzero"`
	Tags     api.InstanceMetadataTagsState     `json:",omitzero"`
	Hops     int                               `json:",omitzero"`
}

// GetInstanceMetadataDefaults tells the region's defaults.
func (s *Service) GetInstanceMetadataDefaults(_ context.Context, c *operation.Caller, _ *api.GetInstanceMetadataDefaultsRequest) (*api.GetInstanceMetadataDefaultsResult, error) {
	d := metadataDefaults(s.env.View(c), c.Scope())
	out := &api.InstanceMetadataDefaultsResponse{HttpEndpoint: d.Endpoint, HttpTokens: d.Tokens, InstanceMetadataTags: d.Tags, ManagedBy: api.ManagedByAccount}
	if d.Hops != 0 {
		out.HttpPutResponseHopLimit = &d.Hops
	}
	return &api.GetInstanceMetadataDefaultsResult{AccountLevel: out}, nil
}

func metadataDefaults(tx *state.Tx, scope state.Scope) MetadataDefaults {
	if r, ok := settings.Get(tx, scope, "region"); ok {
		return r.Metadata
	}
	return MetadataDefaults{}
}

// ModifyInstanceMetadataDefaults changes the region's defaults: what is given,
// to a value or to no preference.
func (s *Service) ModifyInstanceMetadataDefaults(_ context.Context, c *operation.Caller, in *api.ModifyInstanceMetadataDefaultsRequest) (*api.ModifyInstanceMetadataDefaultsResult, error) {
	hops := awsapi.V(in.HttpPutResponseHopLimit)
	if in.HttpPutResponseHopLimit != nil && hops != -1 && (hops < 1 || hops > 64) {
		return nil, invalidValue("Value (%d) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64, or -1.", hops)
	}
	return &api.ModifyInstanceMetadataDefaultsResult{Return: new(true)}, s.env.Store.Update(func(tx *state.Tx) error {
		settings.Change(tx, c.Scope(), "region", func(r *Settings) {
			prefer(&r.Metadata.Endpoint, in.HttpEndpoint)
			prefer(&r.Metadata.Tokens, in.HttpTokens)
			prefer(&r.Metadata.Tags, in.InstanceMetadataTags)
			if in.HttpPutResponseHopLimit != nil {
				r.Metadata.Hops = max(0, hops)
			}
		})
		return nil
	})
}

// prefer sets a preference, or takes it away.
func prefer[T, V ~string](p *T, v V) {
	switch v {
	case "":
	case "no-preference":
		*p = ""
	default:
		*p = T(v)
	}
}
