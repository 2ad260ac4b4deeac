package ec2

import (
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

func mappings(i *instanceView) []api.InstanceBlockDeviceMapping { return i.BlockDeviceMappings }

func mapped(m *api.InstanceBlockDeviceMapping) *api.EbsInstanceBlockDevice { return orEmpty(m.Ebs) }

func cards(i *instanceView) []api.InstanceNetworkInterface { return i.NetworkInterfaces }

func cardAssociation(n *api.InstanceNetworkInterface) *api.InstanceNetworkInterfaceAssociation {
	return orEmpty(n.Association)
}

func cardAttachment(n *api.InstanceNetworkInterface) *api.InstanceNetworkInterfaceAttachment {
	return orEmpty(n.Attachment)
}

func cardIPs(n *api.InstanceNetworkInterface) []api.InstancePrivateIpAddress {
	return n.PrivateIpAddresses
}

func groupsOn(i *instanceView) []api.GroupIdentifier { return i.SecurityGroups }

func cardGroups(n *api.InstanceNetworkInterface) []api.GroupIdentifier { return n.Groups }

func groupID(g *api.GroupIdentifier) *string { return g.GroupId }

func groupName(g *api.GroupIdentifier) *string { return g.GroupName }

// instanceFields are the filters of DescribeInstances.
var instanceFields = fields[instanceView]{
	"affinity":                          never[instanceView],
	"architecture":                      enum(func(i *instanceView) api.ArchitectureValues { return i.Architecture }),
	"availability-zone":                 str(func(i *instanceView) *string { return i.Placement.AvailabilityZone }),
	"availability-zone-id":              str(func(i *instanceView) *string { return i.Placement.AvailabilityZoneId }),
	"boot-mode":                         enum(func(i *instanceView) api.BootModeValues { return i.BootMode }),
	"capacity-reservation-id":           never[instanceView],
	"client-token":                      str(func(i *instanceView) *string { return i.ClientToken }),
	"current-instance-boot-mode":        enum(func(i *instanceView) api.InstanceBootModeValues { return i.CurrentInstanceBootMode }),
	"dns-name":                          str(func(i *instanceView) *string { return i.PublicDnsName }),
	"ebs-optimized":                     flag(func(i *instanceView) *bool { return i.EbsOptimized }),
	"ena-support":                       flag(func(i *instanceView) *bool { return i.EnaSupport }),
	"enclave-options.enabled":           no[instanceView],
	"hibernation-options.configured":    flag(func(i *instanceView) *bool { return i.HibernationOptions.Configured }),
	"host-id":                           never[instanceView],
	"hypervisor":                        enum(func(i *instanceView) api.HypervisorType { return i.Hypervisor }),
	"iam-instance-profile.arn":          func(i *instanceView) []string { return some(orEmpty(i.IamInstanceProfile).Arn) },
	"iam-instance-profile.id":           func(i *instanceView) []string { return some(orEmpty(i.IamInstanceProfile).Id) },
	"iam-instance-profile.name":         func(i *instanceView) []string { return lastPart(orEmpty(i.IamInstanceProfile).Arn) },
	"image-id":                          str(func(i *instanceView) *string { return i.ImageId }),
	"instance-id":                       str(func(i *instanceView) *string { return i.InstanceId }),
	"instance-lifecycle":                never[instanceView],
	"instance-state-code":               number(func(i *instanceView) *int { return i.State.Code }),
	"instance-state-name":               func(i *instanceView) []string { return []string{string(i.State.Name)} },
	"instance-type":                     enum(func(i *instanceView) api.InstanceType { return i.InstanceType }),
	"instance.group-id":                 each(groupsOn, str(groupID)),
	"instance.group-name":               each(groupsOn, str(groupName)),
	"group-id":                          each(groupsOn, str(groupID)),
	"group-name":                        each(groupsOn, str(groupName)),
	"ip-address":                        str(func(i *instanceView) *string { return i.PublicIpAddress }),
	"ipv6-address":                      never[instanceView],
	"kernel-id":                         never[instanceView],
	"key-name":                          str(func(i *instanceView) *string { return i.KeyName }),
	"launch-index":                      number(func(i *instanceView) *int { return i.AmiLaunchIndex }),
	"launch-time":                       func(i *instanceView) []string { return timeText(i.LaunchTime) },
	"maintenance-options.auto-recovery": func(i *instanceView) []string { return nonEmpty(string(i.MaintenanceOptions.AutoRecovery)) },
	"metadata-options.http-endpoint":    func(i *instanceView) []string { return nonEmpty(string(i.MetadataOptions.HttpEndpoint)) },
	"metadata-options.http-tokens":      func(i *instanceView) []string { return nonEmpty(string(i.MetadataOptions.HttpTokens)) },
	"metadata-options.http-put-response-hop-limit": number(func(i *instanceView) *int { return i.MetadataOptions.HttpPutResponseHopLimit }),
	"metadata-options.instance-metadata-tags":      func(i *instanceView) []string { return nonEmpty(string(i.MetadataOptions.InstanceMetadataTags)) },
	"metadata-options.http-protocol-ipv4":          never[instanceView],
	"metadata-options.http-protocol-ipv6":          func(i *instanceView) []string { return nonEmpty(string(i.MetadataOptions.HttpProtocolIpv6)) },
	"monitoring-state":                             func(i *instanceView) []string { return []string{string(i.Monitoring.State)} },
	"operator.managed":                             no[instanceView],
	"operator.principal":                           never[instanceView],
	"outpost-arn":                                  never[instanceView],
	"owner-id":                                     func(i *instanceView) []string { return []string{i.owner} },
	"placement-group-name":                         never[instanceView],
	"placement-partition-number":                   never[instanceView],
	"platform":                                     never[instanceView],
	"platform-details":                             str(func(i *instanceView) *string { return i.PlatformDetails }),
	"private-dns-name":                             str(func(i *instanceView) *string { return i.PrivateDnsName }),
	"private-dns-name-options.hostname-type":       func(i *instanceView) []string { return []string{string(i.PrivateDnsNameOptions.HostnameType)} },
	"private-dns-name-options.enable-resource-name-dns-a-record":    flag(func(i *instanceView) *bool { return i.PrivateDnsNameOptions.EnableResourceNameDnsARecord }),
	"private-dns-name-options.enable-resource-name-dns-aaaa-record": no[instanceView],
	"private-ip-address":          str(func(i *instanceView) *string { return i.PrivateIpAddress }),
	"product-code":                never[instanceView],
	"product-code.type":           never[instanceView],
	"ramdisk-id":                  never[instanceView],
	"reason":                      str(func(i *instanceView) *string { return i.StateTransitionReason }),
	"requester-id":                func(i *instanceView) []string { return nonEmpty(i.row.Requester) },
	"reservation-id":              func(i *instanceView) []string { return []string{i.row.Reservation} },
	"root-device-name":            str(func(i *instanceView) *string { return i.RootDeviceName }),
	"root-device-type":            enum(func(i *instanceView) api.DeviceType { return i.RootDeviceType }),
	"source-dest-check":           flag(func(i *instanceView) *bool { return i.SourceDestCheck }),
	"spot-instance-request-id":    never[instanceView],
	"state-reason-code":           func(i *instanceView) []string { return some(orEmpty(i.StateReason).Code) },
	"state-reason-message":        func(i *instanceView) []string { return some(orEmpty(i.StateReason).Message) },
	"subnet-id":                   str(func(i *instanceView) *string { return i.SubnetId }),
	"tenancy":                     func(i *instanceView) []string { return []string{string(i.Placement.Tenancy)} },
	"tpm-support":                 never[instanceView],
	"usage-operation":             str(func(i *instanceView) *string { return i.UsageOperation }),
	"usage-operation-update-time": func(i *instanceView) []string { return timeText(i.UsageOperationUpdateTime) },
	"virtualization-type":         enum(func(i *instanceView) api.VirtualizationType { return i.VirtualizationType }),
	"vpc-id":                      str(func(i *instanceView) *string { return i.VpcId }),

	"block-device-mapping.attach-time":           each(mappings, func(m *api.InstanceBlockDeviceMapping) []string { return timeText(mapped(m).AttachTime) }),
	"block-device-mapping.delete-on-termination": each(mappings, flag(func(m *api.InstanceBlockDeviceMapping) *bool { return mapped(m).DeleteOnTermination })),
	"block-device-mapping.device-name":           each(mappings, str(func(m *api.InstanceBlockDeviceMapping) *string { return m.DeviceName })),
	"block-device-mapping.status":                each(mappings, enum(func(m *api.InstanceBlockDeviceMapping) api.AttachmentStatus { return mapped(m).Status })),
	"block-device-mapping.volume-id":             each(mappings, str(func(m *api.InstanceBlockDeviceMapping) *string { return mapped(m).VolumeId })),

	"network-interface.addresses.association.allocation-id": each(cards, each(cardIPs, func(*api.InstancePrivateIpAddress) []string { return nil })),
	"network-interface.addresses.association.ip-owner-id":   each(cards, each(cardIPs, str(func(a *api.InstancePrivateIpAddress) *string { return orEmpty(a.Association).IpOwnerId }))),
	"network-interface.addresses.association.public-ip":     each(cards, each(cardIPs, str(func(a *api.InstancePrivateIpAddress) *string { return orEmpty(a.Association).PublicIp }))),
	"network-interface.addresses.primary":                   each(cards, each(cardIPs, flag(func(a *api.InstancePrivateIpAddress) *bool { return a.Primary }))),
	"network-interface.addresses.private-ip-address":        each(cards, each(cardIPs, str(func(a *api.InstancePrivateIpAddress) *string { return a.PrivateIpAddress }))),
	"network-interface.association.allocation-id":           never[instanceView],
	"network-interface.association.association-id":          never[instanceView],
	"network-interface.association.ip-owner-id":             each(cards, str(func(n *api.InstanceNetworkInterface) *string { return cardAssociation(n).IpOwnerId })),
	"network-interface.association.public-ip":               each(cards, str(func(n *api.InstanceNetworkInterface) *string { return cardAssociation(n).PublicIp })),
	"association.ip-owner-id":                               each(cards, str(func(n *api.InstanceNetworkInterface) *string { return cardAssociation(n).IpOwnerId })),
	"association.public-ip":                                 each(cards, str(func(n *api.InstanceNetworkInterface) *string { return cardAssociation(n).PublicIp })),
	"network-interface.attachment.attach-time":              each(cards, func(n *api.InstanceNetworkInterface) []string { return timeText(cardAttachment(n).AttachTime) }),
	"network-interface.attachment.attachment-id":            each(cards, str(func(n *api.InstanceNetworkInterface) *string { return cardAttachment(n).AttachmentId })),
	"network-interface.attachment.delete-on-termination":    each(cards, flag(func(n *api.InstanceNetworkInterface) *bool { return cardAttachment(n).DeleteOnTermination })),
	"network-interface.attachment.device-index":             each(cards, number(func(n *api.InstanceNetworkInterface) *int { return cardAttachment(n).DeviceIndex })),
	"network-interface.attachment.instance-id":              str(func(i *instanceView) *string { return i.InstanceId }),
	"network-interface.attachment.instance-owner-id":        func(i *instanceView) []string { return []string{i.owner} },
	"network-interface.attachment.network-card-index":       each(cards, number(func(n *api.InstanceNetworkInterface) *int { return cardAttachment(n).NetworkCardIndex })),
	"network-interface.attachment.status":                   each(cards, enum(func(n *api.InstanceNetworkInterface) api.AttachmentStatus { return cardAttachment(n).Status })),
	"network-interface.availability-zone":                   func(i *instanceView) []string { return []string{i.row.Zone} },
	"network-interface.deny-all-igw-traffic":                no[instanceView],
	"network-interface.description":                         each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.Description })),
	"network-interface.group-id":                            each(cards, each(cardGroups, str(groupID))),
	"network-interface.group-name":                          each(cards, each(cardGroups, str(groupName))),
	"network-interface.ipv6-address":                        never[instanceView],
	"network-interface.ipv6-addresses.ipv6-address":         never[instanceView],
	"network-interface.mac-address":                         each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.MacAddress })),
	"network-interface.network-interface-id":                each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.NetworkInterfaceId })),
	"network-interface.owner-id":                            each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.OwnerId })),
	"network-interface.private-dns-name":                    each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.PrivateDnsName })),
	"network-interface.private-ip-address":                  each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.PrivateIpAddress })),
	"network-interface.requester-id":                        never[instanceView],
	"network-interface.requester-managed":                   no[instanceView],
	"network-interface.source-dest-check":                   each(cards, flag(func(n *api.InstanceNetworkInterface) *bool { return n.SourceDestCheck })),
	"network-interface.status":                              each(cards, enum(func(n *api.InstanceNetworkInterface) api.NetworkInterfaceStatus { return n.Status })),
	"network-interface.subnet-id":                           each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.SubnetId })),
	"network-interface.vpc-id":                              each(cards, str(func(n *api.InstanceNetworkInterface) *string { return n.VpcId })),
}

// lastPart is what follows the last slash of an ARN.
func lastPart(p *string) []string {
	if p == nil {
		return nil
	}
	for at := len(*p) - 1; at >= 0; at-- {
		if (*p)[at] == '/' {
			return []string{(*p)[at+1:]}
		}
	}
	return []string{*p}
}
