package ec2

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func showType(t catalog.InstanceType) api.InstanceTypeInfo {
	out := api.InstanceTypeInfo{
		InstanceType: api.InstanceType(t.Name), AutoRecoverySupported: new(true), BareMetal: new(false), BurstablePerformanceSupported: &t.Burstable,
		CurrentGeneration: new(true), DedicatedHostsSupported: new(!t.Burstable || strings.HasPrefix(t.Name, "t3.")), FreeTierEligible: &t.Free,
		HibernationSupported: new(t.Arch == "x86_64"), InstanceStorageSupported: new(false), Hypervisor: api.InstanceTypeHypervisorNitro,
		MemoryInfo:  &api.MemoryInfo{SizeInMiB: &t.Memory},
		VCpuInfo:    &api.VCpuInfo{DefaultVCpus: &t.VCPUs, DefaultCores: new(max(1, t.VCPUs/t.Threads)), DefaultThreadsPerCore: &t.Threads},
		EbsInfo:     &api.EbsInfo{EncryptionSupport: api.EbsEncryptionSupportSupported, EbsOptimizedSupport: api.EbsOptimizedSupportDefault, NvmeSupport: api.EbsNvmeSupportRequired},
		NetworkInfo: showNetwork(t),
		PlacementGroupInfo: &api.PlacementGroupInfo{SupportedStrategies: []api.PlacementGroupStrategy{
			api.PlacementGroupStrategyPartition, api.PlacementGroupStrategySpread,
		}},
		ProcessorInfo:      &api.ProcessorInfo{Manufacturer: &t.Maker, SupportedArchitectures: []api.ArchitectureType{api.ArchitectureType(t.Arch)}},
		SupportedBootModes: []api.BootModeType{api.BootModeTypeUefi}, SupportedRootDeviceTypes: []api.RootDeviceType{api.RootDeviceTypeEbs},
		SupportedUsageClasses:        []api.UsageClassType{api.UsageClassTypeOnDemand},
		SupportedVirtualizationTypes: []api.VirtualizationType{api.VirtualizationTypeHvm},
	}
	if t.Clock > 0 {
		out.ProcessorInfo.SustainedClockSpeedInGhz = &t.Clock
	}
	if t.Arch == "x86_64" {
		out.SupportedBootModes = []api.BootModeType{api.BootModeTypeLegacyBios, api.BootModeTypeUefi}
	}
	if t.Xen {
		out.Hypervisor, out.EbsInfo.NvmeSupport, out.EbsInfo.EbsOptimizedSupport = api.InstanceTypeHypervisorXen, api.EbsNvmeSupportUnsupported, api.EbsOptimizedSupportUnsupported
		out.SupportedBootModes = []api.BootModeType{api.BootModeTypeLegacyBios}
	}
	return out
}

func showNetwork(t catalog.InstanceType) *api.NetworkInfo {
	ena := api.EnaSupportRequired
	if t.Xen {
		ena = api.EnaSupportUnsupported
	}
	return &api.NetworkInfo{
		MaximumNetworkInterfaces: &t.Interfaces, Ipv4AddressesPerInterface: &t.Addresses, Ipv6AddressesPerInterface: new(0), Ipv6Supported: new(false),
		NetworkPerformance: &t.Network, MaximumNetworkCards: new(1), DefaultNetworkCardIndex: new(0), EfaSupported: new(false), EnaSupport: ena,
		EnaSrdSupported: new(false), EncryptionInTransitSupported: new(false),
		NetworkCards: []api.NetworkCardInfo{{NetworkCardIndex: new(0), NetworkPerformance: &t.Network, MaximumNetworkInterfaces: &t.Interfaces}},
	}
}

func processor(t *api.InstanceTypeInfo) *api.ProcessorInfo { return t.ProcessorInfo }

func list[T any, E ~string](get func(*T) []E) func(*T) []string {
	return func(row *T) (all []string) {
		for _, v := range get(row) {
			all = append(all, string(v))
		}
		return all
	}
}

var typeFields = fields[api.InstanceTypeInfo]{
	"auto-recovery-supported":                      flag(func(t *api.InstanceTypeInfo) *bool { return t.AutoRecoverySupported }),
	"bare-metal":                                   flag(func(t *api.InstanceTypeInfo) *bool { return t.BareMetal }),
	"burstable-performance-supported":              flag(func(t *api.InstanceTypeInfo) *bool { return t.BurstablePerformanceSupported }),
	"current-generation":                           flag(func(t *api.InstanceTypeInfo) *bool { return t.CurrentGeneration }),
	"dedicated-hosts-supported":                    flag(func(t *api.InstanceTypeInfo) *bool { return t.DedicatedHostsSupported }),
	"ebs-info.ebs-optimized-support":               enum(func(t *api.InstanceTypeInfo) api.EbsOptimizedSupport { return t.EbsInfo.EbsOptimizedSupport }),
	"ebs-info.encryption-support":                  enum(func(t *api.InstanceTypeInfo) api.EbsEncryptionSupport { return t.EbsInfo.EncryptionSupport }),
	"ebs-info.nvme-support":                        enum(func(t *api.InstanceTypeInfo) api.EbsNvmeSupport { return t.EbsInfo.NvmeSupport }),
	"free-tier-eligible":                           flag(func(t *api.InstanceTypeInfo) *bool { return t.FreeTierEligible }),
	"hibernation-supported":                        flag(func(t *api.InstanceTypeInfo) *bool { return t.HibernationSupported }),
	"hypervisor":                                   enum(func(t *api.InstanceTypeInfo) api.InstanceTypeHypervisor { return t.Hypervisor }),
	"instance-storage-supported":                   flag(func(t *api.InstanceTypeInfo) *bool { return t.InstanceStorageSupported }),
	"instance-type":                                enum(func(t *api.InstanceTypeInfo) api.InstanceType { return t.InstanceType }),
	"memory-info.size-in-mib":                      number(func(t *api.InstanceTypeInfo) *int { return t.MemoryInfo.SizeInMiB }),
	"network-info.efa-supported":                   flag(func(t *api.InstanceTypeInfo) *bool { return t.NetworkInfo.EfaSupported }),
	"network-info.ena-support":                     enum(func(t *api.InstanceTypeInfo) api.EnaSupport { return t.NetworkInfo.EnaSupport }),
	"network-info.encryption-in-transit-supported": flag(func(t *api.InstanceTypeInfo) *bool { return t.NetworkInfo.EncryptionInTransitSupported }),
	"network-info.ipv4-addresses-per-interface":    number(func(t *api.InstanceTypeInfo) *int { return t.NetworkInfo.Ipv4AddressesPerInterface }),
	"network-info.ipv6-addresses-per-interface":    number(func(t *api.InstanceTypeInfo) *int { return t.NetworkInfo.Ipv6AddressesPerInterface }),
	"network-info.ipv6-supported":                  flag(func(t *api.InstanceTypeInfo) *bool { return t.NetworkInfo.Ipv6Supported }),
	"network-info.maximum-network-cards":           number(func(t *api.InstanceTypeInfo) *int { return t.NetworkInfo.MaximumNetworkCards }),
	"network-info.maximum-network-interfaces":      number(func(t *api.InstanceTypeInfo) *int { return t.NetworkInfo.MaximumNetworkInterfaces }),
	"network-info.network-performance":             str(func(t *api.InstanceTypeInfo) *string { return t.NetworkInfo.NetworkPerformance }),
	"processor-info.supported-architecture":        list(func(t *api.InstanceTypeInfo) []api.ArchitectureType { return processor(t).SupportedArchitectures }),
	"supported-boot-mode":                          list(func(t *api.InstanceTypeInfo) []api.BootModeType { return t.SupportedBootModes }),
	"supported-root-device-type":                   list(func(t *api.InstanceTypeInfo) []api.RootDeviceType { return t.SupportedRootDeviceTypes }),
	"supported-usage-class":                        list(func(t *api.InstanceTypeInfo) []api.UsageClassType { return t.SupportedUsageClasses }),
	"supported-virtualization-type":                list(func(t *api.InstanceTypeInfo) []api.VirtualizationType { return t.SupportedVirtualizationTypes }),
	"vcpu-info.default-cores":                      number(func(t *api.InstanceTypeInfo) *int { return t.VCpuInfo.DefaultCores }),
	"vcpu-info.default-threads-per-core":           number(func(t *api.InstanceTypeInfo) *int { return t.VCpuInfo.DefaultThreadsPerCore }),
	"vcpu-info.default-vcpus":                      number(func(t *api.InstanceTypeInfo) *int { return t.VCpuInfo.DefaultVCpus }),
}

// isType tells whether AWS has an instance type of the name, be it known here or
// not.
func isType(name string) bool {
	for i := range api.API.Shapes {
		if s := &api.API.Shapes[i]; s.Name == "InstanceType" {
			return contains(s.Enum, name)
		}
	}
	return false
}

// silent are filters on what no type here tells: they match none.
var silent = []string{
	"ebs-info.attachment-limit-type",
	"ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
	"ebs-info.ebs-optimized-info.baseline-iops",
	"ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
	"ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
	"ebs-info.ebs-optimized-info.maximum-iops",
	"ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
	"ebs-info.maximum-ebs-attachments",
	"instance-storage-info.disk.count",
	"instance-storage-info.disk.size-in-gb",
	"instance-storage-info.disk.type",
	"instance-storage-info.encryption-support",
	"instance-storage-info.nvme-support",
	"instance-storage-info.total-size-in-gb",
	"network-info.bandwidth-weightings",
	"network-info.efa-info.maximum-efa-interfaces",
	"network-info.flexible-ena-queues-support",
	"nitro-enclaves-support",
	"nitro-tpm-info.supported-versions",
	"nitro-tpm-support",
	"processor-info.supported-features",
	"processor-info.sustained-clock-speed-in-ghz",
	"reboot-migration-support",
	"vcpu-info.valid-cores",
	"vcpu-info.valid-threads-per-core",
}

func init() {
	for _, name := range silent {
		typeFields[name] = never[api.InstanceTypeInfo]
	}
}

// DescribeInstanceTypes tells instance types. Slipway's own, host, is told only
// to who names it: it is in no model.
func (s *Service) DescribeInstanceTypes(_ context.Context, c *operation.Caller, in *api.DescribeInstanceTypesRequest) (*api.DescribeInstanceTypesResult, error) {
	if len(in.InstanceTypes) > 0 && in.MaxResults != nil {
		return nil, invalidCombination("The parameter InstanceTypes cannot be used with the parameter MaxResults")
	}
	all := []api.InstanceTypeInfo{}
	for _, name := range in.InstanceTypes {
		t, ok := catalog.InstanceTypeOf(string(name))
		if !ok {
			return nil, awsapi.Errorf("InvalidInstanceType", 400, "The following supplied instance types do not exist: [%s]", name)
		}
		all = append(all, showType(t))
	}
	if len(in.InstanceTypes) == 0 {
		for _, t := range catalog.InstanceTypes() {
			all = append(all, showType(t))
		}
	}
	page, next, err := pick(all, typeFields, in.Filters, maxOr(in.MaxResults, 100), in.NextToken, func(t *api.InstanceTypeInfo) string { return string(t.InstanceType) })
	return &api.DescribeInstanceTypesResult{InstanceTypes: page, NextToken: next}, err
}

// maxOr is how many a page has at most.
func maxOr(n *int, most int) *int {
	if n == nil {
		return &most
	}
	return n
}

// DescribeInstanceTypeOfferings tells where there are which types: everywhere all.
func (s *Service) DescribeInstanceTypeOfferings(_ context.Context, c *operation.Caller, in *api.DescribeInstanceTypeOfferingsRequest) (*api.DescribeInstanceTypeOfferingsResult, error) {
	where, locations := in.LocationType, []string{c.Region}
	switch where {
	case "":
		where = api.LocationTypeRegion
	case api.LocationTypeAvailabilityZone, api.LocationTypeAvailabilityZoneId:
		locations = nil
		for _, z := range catalog.Zones(c.Region) {
			name := z.Name
			if where == api.LocationTypeAvailabilityZoneId {
				name = z.ID
			}
			locations = append(locations, name)
		}
	case api.LocationTypeOutpost:
		locations = nil
	}
	all := []api.InstanceTypeOffering{}
	for _, t := range catalog.InstanceTypes() {
		for _, l := range locations {
			all = append(all, api.InstanceTypeOffering{InstanceType: api.InstanceType(t.Name), LocationType: where, Location: &l})
		}
	}
	f := fields[api.InstanceTypeOffering]{
		"instance-type": enum(func(o *api.InstanceTypeOffering) api.InstanceType { return o.InstanceType }),
		"location":      str(func(o *api.InstanceTypeOffering) *string { return o.Location }),
	}
	page, next, err := pick(all, f, in.Filters, maxOr(in.MaxResults, 1000), in.NextToken, func(o *api.InstanceTypeOffering) string { return string(o.InstanceType) + " " + *o.Location })
	return &api.DescribeInstanceTypeOfferingsResult{InstanceTypeOfferings: page, NextToken: next}, err
}
