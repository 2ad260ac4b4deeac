package ec2

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

// options are the instance's, with EC2's defaults where nothing is said.
func (l *launch) options() Options {
	d := &l.data
	o := Options{
		NoTerminate: awsapi.V(d.DisableApiTermination), NoStop: awsapi.V(d.DisableApiStop), Shutdown: d.InstanceInitiatedShutdownBehavior,
		Monitored: awsapi.V(orEmpty(d.Monitoring).Enabled), EBSOptimized: awsapi.V(d.EbsOptimized), Metadata: l.metadata(),
		Cores: max(1, l.kind.VCPUs/l.kind.Threads), Threads: l.kind.Threads, Recovery: api.InstanceAutoRecoveryStateDefault,
		RebootMigration: api.InstanceRebootMigrationStateDefault, Capacity: api.CapacityReservationPreferenceOpen,
		Names: api.PrivateDnsNameOptionsResponse{HostnameType: api.HostnameTypeIpName, EnableResourceNameDnsARecord: new(l.subnet.ARecord), EnableResourceNameDnsAAAARecord: new(false)},
	}
	if o.Shutdown == "" {
		o.Shutdown = api.ShutdownBehaviorStop
	}
	if l.subnet.ResourceNames {
		o.Names.HostnameType = api.HostnameTypeResourceName
	}
	if n := d.PrivateDnsNameOptions; n != nil {
		if n.HostnameType != "" {
			o.Names.HostnameType = n.HostnameType
		}
		if n.EnableResourceNameDnsARecord != nil {
			o.Names.EnableResourceNameDnsARecord = n.EnableResourceNameDnsARecord
		}
	}
	if l.kind.Burstable {
		o.Credits = "unlimited"
		if l.kind.Xen {
			o.Credits = "standard"
		}
		if c := d.CreditSpecification; c != nil && c.CpuCredits != nil {
			o.Credits = *c.CpuCredits
		}
	}
	if c := d.CpuOptions; c != nil {
		o.Cores, o.Threads = or(awsapi.V(c.CoreCount), o.Cores), or(awsapi.V(c.ThreadsPerCore), o.Threads)
	}
	if m := d.MaintenanceOptions; m != nil && m.AutoRecovery != "" {
		o.Recovery = api.InstanceAutoRecoveryState(m.AutoRecovery)
	}
	if c := d.CapacityReservationSpecification; c != nil && c.CapacityReservationPreference != "" {
		o.Capacity = c.CapacityReservationPreference
	}
	return o
}

// or is a, or b where a is nothing.
func or[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// metadata are the options of the metadata service: the request's, then the
// region's defaults, then the image's ("Order of precedence for instance metadata
// configuration").
func (l *launch) metadata() api.InstanceMetadataOptionsResponse {
	d := metadataDefaults(l.tx, l.scope)
	given := orEmpty(l.data.MetadataOptions)
	o := api.InstanceMetadataOptionsResponse{
		State: api.InstanceMetadataOptionsStateApplied, HttpProtocolIpv6: api.InstanceMetadataProtocolStateDisabled,
		HttpEndpoint:         or(or(api.InstanceMetadataEndpointState(given.HttpEndpoint), d.Endpoint), api.InstanceMetadataEndpointStateEnabled),
		InstanceMetadataTags: or(or(api.InstanceMetadataTagsState(given.InstanceMetadataTags), d.Tags), api.InstanceMetadataTagsStateDisabled),
	}
	tokens, hops := api.HttpTokensStateOptional, 1
	if l.image.V2 {
		tokens, hops = api.HttpTokensStateRequired, 2
	}
	o.HttpTokens = or(or(api.HttpTokensState(given.HttpTokens), d.Tokens), tokens)
	o.HttpPutResponseHopLimit = new(or(or(awsapi.V(given.HttpPutResponseHopLimit), d.Hops), hops))
	return o
}
