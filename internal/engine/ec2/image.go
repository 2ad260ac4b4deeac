package ec2

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// ECSImage is what ECS's public parameters tell of a region's current image of
// a flavour, such as "amazon-linux-2023" or "amazon-linux-2/arm64".
func ECSImage(region, flavour string) (id, name, os, agentVersion string, ok bool) {
	i, ok := catalog.ECSImage(region, flavour)
	return i.ID, i.Name, i.OS, i.AgentVersion, ok
}

func showImage(i catalog.Image) api.Image {
	architecture := api.ArchitectureValuesX8664
	boot := api.BootModeValuesUefiPreferred
	if i.Arch == "arm64" {
		architecture, boot = api.ArchitectureValuesArm64, api.BootModeValuesUefi
	}
	out := api.Image{
		ImageId: &i.ID, Name: &i.Name, Description: &i.Description, Architecture: architecture, OwnerId: &i.OwnerID, ImageOwnerAlias: new("amazon"),
		ImageLocation: new("amazon/" + i.Name), ImageType: api.ImageTypeValuesMachine, Public: new(true), State: api.ImageStateAvailable,
		CreationDate: new(i.Created.Format("2006-01-02T15:04:05.000Z")), DeprecationTime: new(i.Created.AddDate(2, 0, 0).Format("2006-01-02T15:04:05.000Z")),
		EnaSupport: new(true), Hypervisor: api.HypervisorTypeXen, PlatformDetails: new("Linux/UNIX"), RootDeviceName: new(catalog.RootDevice),
		RootDeviceType: api.DeviceTypeEbs, SriovNetSupport: new("simple"), UsageOperation: new("RunInstances"), VirtualizationType: api.VirtualizationTypeHvm,
		BootMode: boot, DeregistrationProtection: new("disabled"), BlockDeviceMappings: []api.BlockDeviceMapping{{
			DeviceName: new(catalog.RootDevice), Ebs: &api.EbsBlockDevice{
				DeleteOnTermination: new(true), Encrypted: new(false), SnapshotId: &i.Snapshot, VolumeSize: &i.SizeGiB, VolumeType: api.VolumeType(i.VolumeType),
			},
		}},
	}
	if i.V2 {
		out.ImdsSupport = api.ImdsSupportValuesV20
	}
	if i.VolumeType == "gp3" {
		out.BlockDeviceMappings[0].Ebs.Iops, out.BlockDeviceMappings[0].Ebs.Throughput = new(3000), new(125)
	}
	return out
}

func ebs(m *api.BlockDeviceMapping) *api.EbsBlockDevice { return orEmpty(m.Ebs) }

func imageMappings(i *api.Image) []api.BlockDeviceMapping { return i.BlockDeviceMappings }

var imageFields = fields[api.Image]{
	"architecture": enum(func(i *api.Image) api.ArchitectureValues { return i.Architecture }),
	"block-device-mapping.delete-on-termination": each(imageMappings, flag(func(m *api.BlockDeviceMapping) *bool { return ebs(m).DeleteOnTermination })),
	"block-device-mapping.device-name":           each(imageMappings, str(func(m *api.BlockDeviceMapping) *string { return m.DeviceName })),
	"block-device-mapping.snapshot-id":           each(imageMappings, str(func(m *api.BlockDeviceMapping) *string { return ebs(m).SnapshotId })),
	"block-device-mapping.volume-size":           each(imageMappings, number(func(m *api.BlockDeviceMapping) *int { return ebs(m).VolumeSize })),
	"block-device-mapping.volume-type":           each(imageMappings, enum(func(m *api.BlockDeviceMapping) api.VolumeType { return ebs(m).VolumeType })),
	"block-device-mapping.encrypted":             each(imageMappings, flag(func(m *api.BlockDeviceMapping) *bool { return ebs(m).Encrypted })),
	"boot-mode":                                  enum(func(i *api.Image) api.BootModeValues { return i.BootMode }),
	"creation-date":                              str(func(i *api.Image) *string { return i.CreationDate }),
	"description":                                str(func(i *api.Image) *string { return i.Description }),
	"ena-support":                                flag(func(i *api.Image) *bool { return i.EnaSupport }),
	"hypervisor":                                 enum(func(i *api.Image) api.HypervisorType { return i.Hypervisor }),
	"image-id":                                   str(func(i *api.Image) *string { return i.ImageId }),
	"image-type":                                 enum(func(i *api.Image) api.ImageTypeValues { return i.ImageType }),
	"imds-support":                               enum(func(i *api.Image) api.ImdsSupportValues { return i.ImdsSupport }),
	"is-public":                                  flag(func(i *api.Image) *bool { return i.Public }),
	"kernel-id":                                  never[api.Image],
	"manifest-location":                          str(func(i *api.Image) *string { return i.ImageLocation }),
	"name":                                       str(func(i *api.Image) *string { return i.Name }),
	"owner-alias":                                str(func(i *api.Image) *string { return i.ImageOwnerAlias }),
	"owner-id":                                   str(func(i *api.Image) *string { return i.OwnerId }),
	"platform":                                   never[api.Image],
	"product-code":                               never[api.Image],
	"product-code.type":                          never[api.Image],
	"ramdisk-id":                                 never[api.Image],
	"root-device-name":                           str(func(i *api.Image) *string { return i.RootDeviceName }),
	"root-device-type":                           enum(func(i *api.Image) api.DeviceType { return i.RootDeviceType }),
	"source-instance-id":                         never[api.Image],
	"state":                                      enum(func(i *api.Image) api.ImageState { return i.State }),
	"state-reason-code":                          never[api.Image],
	"sriov-net-support":                          str(func(i *api.Image) *string { return i.SriovNetSupport }),
	"virtualization-type":                        enum(func(i *api.Image) api.VirtualizationType { return i.VirtualizationType }),
}

// DescribeImages tells images: Amazon's, as nobody here makes others.
func (s *Service) DescribeImages(_ context.Context, c *operation.Caller, in *api.DescribeImagesRequest) (*api.DescribeImagesResult, error) {
	tx := s.env.View(c)
	all := []api.Image{}
	for _, i := range catalog.Images(c.Region) {
		shown := showImage(i)
		shown.Tags = shownTags(tx, c.Scope(), i.ID)
		all = append(all, shown)
	}
	if len(in.ImageIds) > 0 {
		for _, id := range in.ImageIds {
			if _, ok := catalog.ImageOf(c.Region, id); !ok {
				return nil, imageKind.notFound(id)
			}
		}
		all = slices.DeleteFunc(all, func(i api.Image) bool { return !contains(in.ImageIds, *i.ImageId) })
	}
	owns := func(i api.Image) bool {
		return len(in.Owners) == 0 || slices.ContainsFunc(in.Owners, func(o string) bool { return o == *i.OwnerId || o == *i.ImageOwnerAlias })
	}
	mayRun := func(api.Image) bool {
		return len(in.ExecutableUsers) == 0 || slices.ContainsFunc(in.ExecutableUsers, func(u string) bool { return u == "all" || strings.HasPrefix(u, "all") })
	}
	all = slices.DeleteFunc(all, func(i api.Image) bool { return !owns(i) || !mayRun(i) })
	page, next, err := tagged(all, imageFields, func(i *api.Image) []api.Tag { return i.Tags }, in.Filters, in.MaxResults, in.NextToken, func(i *api.Image) string { return *i.ImageId })
	return &api.DescribeImagesResult{Images: page, NextToken: next}, err
}

// DescribeImageAttribute tells one attribute of an image.
func (s *Service) DescribeImageAttribute(_ context.Context, c *operation.Caller, in *api.DescribeImageAttributeRequest) (*api.ImageAttribute, error) {
	i, ok := catalog.ImageOf(c.Region, *in.ImageId)
	if !ok {
		return nil, imageKind.notFound(*in.ImageId)
	}
	shown := showImage(i)
	out := &api.ImageAttribute{ImageId: &i.ID}
	switch in.Attribute {
	case api.ImageAttributeNameDescription:
		out.Description = &api.AttributeValue{Value: &i.Description}
	case api.ImageAttributeNameBlockDeviceMapping, api.ImageAttributeNameLaunchPermission:
		return nil, awsapi.Errorf("AuthFailure", 400, "Not authorized for image:%s", i.ID) // that is the owner's to see
	case api.ImageAttributeNameSriovNetSupport:
		out.SriovNetSupport = &api.AttributeValue{Value: shown.SriovNetSupport}
	case api.ImageAttributeNameBootMode:
		out.BootMode = &api.AttributeValue{Value: new(string(shown.BootMode))}
	case api.ImageAttributeNameImdsSupport:
		out.ImdsSupport = &api.AttributeValue{Value: new(string(shown.ImdsSupport))}
	}
	return out, nil
}

// timeText is a time as filters compare it.
func timeText(t *time.Time) []string {
	if t == nil || t.IsZero() {
		return nil
	}
	return []string{t.UTC().Format("2006-01-02T15:04:05.000Z")}
}
