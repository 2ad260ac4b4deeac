package ec2

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateVolume makes a volume, empty or of an image's snapshot.
func (s *Service) CreateVolume(_ context.Context, c *operation.Caller, in *api.CreateVolumeRequest) (*api.Volume, error) {
	tags, err := specified(in.TagSpecifications, volumeKind.typ)
	if err != nil {
		return nil, err
	}
	zone := awsapi.V(in.AvailabilityZone) + awsapi.V(in.AvailabilityZoneId)
	if zone == "" {
		return nil, missingParameter("AvailabilityZone")
	}
	z, ok := catalog.ZoneOf(c.Region, zone)
	if !ok {
		return nil, awsapi.Errorf("InvalidZone.NotFound", 400, "The zone '%s' does not exist.", zone)
	}
	e := &api.EbsBlockDevice{Encrypted: in.Encrypted, Iops: in.Iops, KmsKeyId: in.KmsKeyId, SnapshotId: in.SnapshotId, Throughput: in.Throughput, VolumeSize: in.Size, VolumeType: in.VolumeType}
	var out api.Volume
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "CreateVolume", in.ClientToken, in, func() (string, error) {
			v, err := newVolume(c.Region, c.Account, z.Name, e, s.env.Now())
			if err != nil {
				return "", err
			}
			Volumes.Put(tx, c.Scope(), v)
			SetTags(tx, c.Scope(), v.ID, tags)
			return v.ID, nil
		})
		if err != nil {
			return err
		}
		v, err := find(tx, c.Scope(), Volumes, volumeKind, &id)
		if err == nil {
			out = showVolume(tx, c.Scope(), v)
			out.State = api.VolumeStateCreating
		}
		return err
	})
	return &out, err
}

// DeleteVolume deletes a volume that no instance has.
func (s *Service) DeleteVolume(_ context.Context, c *operation.Caller, in *api.DeleteVolumeRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), Volumes, volumeKind, in.VolumeId)
		if err != nil {
			return err
		}
		if v.Mount != nil {
			return awsapi.Errorf("VolumeInUse", 400, "Volume %s is currently attached to %s", v.ID, v.Mount.Instance)
		}
		drop(tx, c.Scope(), Volumes, v.ID)
		return nil
	})
}

// AttachVolume gives an instance a volume.
func (s *Service) AttachVolume(_ context.Context, c *operation.Caller, in *api.AttachVolumeRequest) (*api.VolumeAttachment, error) {
	var out api.VolumeAttachment
	err := s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), Volumes, volumeKind, in.VolumeId)
		if err != nil {
			return err
		}
		i, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
		if err != nil {
			return err
		}
		switch {
		case v.Mount != nil:
			return awsapi.Errorf("VolumeInUse", 400, "%s is already attached to an instance", v.ID)
		case v.Zone != i.Zone:
			return awsapi.Errorf("InvalidVolume.ZoneMismatch", 400, "The volume '%s' is not in the same availability zone as instance '%s'", v.ID, i.ID)
		case i.State != api.InstanceStateNameRunning && i.State != api.InstanceStateNameStopped:
			return awsapi.Errorf("IncorrectState", 400, "Instance '%s' is not 'running'.", i.ID)
		}
		for other := range volumesOn.Get(tx, c.Scope(), i.ID) {
			if other.Mount.Device == *in.Device {
				return invalidValue("Invalid value '%s' for unixDevice. Attachment point %s is already in use", *in.Device, *in.Device)
			}
		}
		changed := *v
		changed.Mount = &Mount{Instance: i.ID, Device: *in.Device, At: s.env.Now()}
		Volumes.Put(tx, c.Scope(), &changed)
		out = changed.attachment(api.VolumeAttachmentStateAttaching)
		return nil
	})
	return &out, err
}

// DetachVolume takes a volume from its instance.
func (s *Service) DetachVolume(_ context.Context, c *operation.Caller, in *api.DetachVolumeRequest) (*api.VolumeAttachment, error) {
	var out api.VolumeAttachment
	err := s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), Volumes, volumeKind, in.VolumeId)
		if err != nil {
			return err
		}
		if v.Mount == nil {
			return awsapi.Errorf("IncorrectState", 400, "Volume '%s' is in the 'available' state.", v.ID)
		}
		if in.InstanceId != nil && *in.InstanceId != v.Mount.Instance || in.Device != nil && *in.Device != v.Mount.Device {
			return awsapi.Errorf("InvalidAttachment.NotFound", 400, "The volume '%s' is not attached to instance '%s' as device '%s'.", v.ID, awsapi.V(in.InstanceId), awsapi.V(in.Device))
		}
		if i, ok := Instances.Get(tx, c.Scope(), v.Mount.Instance); ok && v.Mount.Device == catalog.RootDevice && i.State != api.InstanceStateNameStopped {
			return awsapi.Errorf("OperationNotPermitted", 400, "Unable to detach root volume '%s' from instance '%s'", v.ID, i.ID)
		}
		out = v.attachment(api.VolumeAttachmentStateDetaching)
		Volumes.Change(tx, c.Scope(), v.ID, func(v *Volume) { v.Mount = nil })
		return nil
	})
	return &out, err
}

func mounts(v *api.Volume) []api.VolumeAttachment { return v.Attachments }

var volumeListing = &listing[Volume, api.Volume]{
	table: Volumes, kind: volumeKind, show: showVolume, alone: true,
	tags: func(v *api.Volume) []api.Tag { return v.Tags },
	fields: fields[api.Volume]{
		"attachment.attach-time":           each(mounts, func(a *api.VolumeAttachment) []string { return timeText(a.AttachTime) }),
		"attachment.delete-on-termination": each(mounts, flag(func(a *api.VolumeAttachment) *bool { return a.DeleteOnTermination })),
		"attachment.device":                each(mounts, str(func(a *api.VolumeAttachment) *string { return a.Device })),
		"attachment.instance-id":           each(mounts, str(func(a *api.VolumeAttachment) *string { return a.InstanceId })),
		"attachment.status":                each(mounts, enum(func(a *api.VolumeAttachment) api.VolumeAttachmentState { return a.State })),
		"availability-zone":                str(func(v *api.Volume) *string { return v.AvailabilityZone }),
		"availability-zone-id":             str(func(v *api.Volume) *string { return v.AvailabilityZoneId }),
		"create-time":                      func(v *api.Volume) []string { return timeText(v.CreateTime) },
		"encrypted":                        flag(func(v *api.Volume) *bool { return v.Encrypted }),
		"fast-restored":                    no[api.Volume],
		"multi-attach-enabled":             flag(func(v *api.Volume) *bool { return v.MultiAttachEnabled }),
		"operator.managed":                 no[api.Volume],
		"operator.principal":               never[api.Volume],
		"size":                             number(func(v *api.Volume) *int { return v.Size }),
		"snapshot-id":                      str(func(v *api.Volume) *string { return v.SnapshotId }),
		"status":                           enum(func(v *api.Volume) api.VolumeState { return v.State }),
		"volume-id":                        str(func(v *api.Volume) *string { return v.VolumeId }),
		"volume-type":                      enum(func(v *api.Volume) api.VolumeType { return v.VolumeType }),
	},
}

// DescribeVolumes tells volumes.
func (s *Service) DescribeVolumes(_ context.Context, c *operation.Caller, in *api.DescribeVolumesRequest) (*api.DescribeVolumesResult, error) {
	page, next, err := volumeListing.describe(s.env.View(c), c.Scope(), query{in.VolumeIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeVolumesResult{Volumes: page, NextToken: next}, err
}

// ModifyVolume changes a volume's size, type or performance; it is done at once.
func (s *Service) ModifyVolume(_ context.Context, c *operation.Caller, in *api.ModifyVolumeRequest) (*api.ModifyVolumeResult, error) {
	out := &api.ModifyVolumeResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), Volumes, volumeKind, in.VolumeId)
		if err != nil {
			return err
		}
		changed := *v
		changed.Type, changed.Size = or(in.VolumeType, v.Type), or(awsapi.V(in.Size), v.Size)
		if changed.Size < v.Size {
			return invalidValue("New size cannot be smaller than existing size")
		}
		iops, throughput := in.Iops, in.Throughput
		if changed.Type == v.Type && v.Type != api.VolumeTypeGp2 {
			if iops == nil && v.IOPS > 0 {
				iops = &v.IOPS
			}
			if throughput == nil && v.Throughput > 0 {
				throughput = &v.Throughput
			}
		}
		if err := changed.perform(iops, throughput); err != nil {
			return err
		}
		changed.Modified = modification(v, &changed)
		changed.Modified.StartTime = new(s.env.Now())
		changed.Modified.EndTime = changed.Modified.StartTime
		Volumes.Put(tx, c.Scope(), &changed)
		begun := *changed.Modified
		begun.ModificationState, begun.Progress, begun.EndTime = api.VolumeModificationStateModifying, new(0), nil
		out.VolumeModification = &begun
		return nil
	})
}

func modification(from, to *Volume) *api.VolumeModification {
	optional := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	return &api.VolumeModification{
		VolumeId: &from.ID, ModificationState: api.VolumeModificationStateCompleted, Progress: new(100),
		OriginalSize: &from.Size, OriginalVolumeType: from.Type, OriginalIops: optional(from.IOPS), OriginalThroughput: optional(from.Throughput), OriginalMultiAttachEnabled: new(false),
		TargetSize: &to.Size, TargetVolumeType: to.Type, TargetIops: optional(to.IOPS), TargetThroughput: optional(to.Throughput), TargetMultiAttachEnabled: new(false),
	}
}

// DescribeVolumesModifications tells the last modification of each volume.
func (s *Service) DescribeVolumesModifications(_ context.Context, c *operation.Caller, in *api.DescribeVolumesModificationsRequest) (*api.DescribeVolumesModificationsResult, error) {
	tx := s.env.View(c)
	all := []api.VolumeModification{}
	for v := range Volumes.All(tx, c.Scope()) {
		if v.Modified != nil && (len(in.VolumeIds) == 0 || contains(in.VolumeIds, v.ID)) {
			all = append(all, *v.Modified)
		}
	}
	for _, id := range in.VolumeIds {
		v, err := find(tx, c.Scope(), Volumes, volumeKind, &id)
		if err != nil {
			return nil, err
		}
		if v.Modified == nil {
			return nil, awsapi.Errorf("InvalidVolumeModification.NotFound", 400, "Modification for volume '%s' does not exist.", id)
		}
	}
	f := fields[api.VolumeModification]{
		"modification-state":   enum(func(m *api.VolumeModification) api.VolumeModificationState { return m.ModificationState }),
		"original-iops":        number(func(m *api.VolumeModification) *int { return m.OriginalIops }),
		"original-size":        number(func(m *api.VolumeModification) *int { return m.OriginalSize }),
		"original-volume-type": enum(func(m *api.VolumeModification) api.VolumeType { return m.OriginalVolumeType }),
		"start-time":           func(m *api.VolumeModification) []string { return timeText(m.StartTime) },
		"target-iops":          number(func(m *api.VolumeModification) *int { return m.TargetIops }),
		"target-size":          number(func(m *api.VolumeModification) *int { return m.TargetSize }),
		"target-volume-type":   enum(func(m *api.VolumeModification) api.VolumeType { return m.TargetVolumeType }),
		"volume-id":            str(func(m *api.VolumeModification) *string { return m.VolumeId }),
	}
	page, next, err := pick(all, f, in.Filters, in.MaxResults, in.NextToken, func(m *api.VolumeModification) string { return *m.VolumeId })
	return &api.DescribeVolumesModificationsResult{VolumesModifications: page, NextToken: next}, err
}

// DescribeVolumeStatus tells the status of volumes: nothing breaks them.
func (s *Service) DescribeVolumeStatus(_ context.Context, c *operation.Caller, in *api.DescribeVolumeStatusRequest) (*api.DescribeVolumeStatusResult, error) {
	l := &listing[Volume, api.VolumeStatusItem]{
		table: Volumes, kind: volumeKind, alone: true,
		show: func(_ *state.Tx, scope state.Scope, v *Volume) api.VolumeStatusItem {
			z, _ := catalog.ZoneOf(scope.Region, v.Zone)
			return api.VolumeStatusItem{
				VolumeId: &v.ID, AvailabilityZone: &z.Name, AvailabilityZoneId: &z.ID, Actions: []api.VolumeStatusAction{}, Events: []api.VolumeStatusEvent{},
				VolumeStatus: &api.VolumeStatusInfo{Status: api.VolumeStatusInfoStatusOk, Details: []api.VolumeStatusDetails{
					{Name: api.VolumeStatusNameIoEnabled, Status: new("passed")}, {Name: api.VolumeStatusNameIoPerformance, Status: new("not-applicable")},
				}},
			}
		},
		fields: fields[api.VolumeStatusItem]{
			"availability-zone":            str(func(v *api.VolumeStatusItem) *string { return v.AvailabilityZone }),
			"availability-zone-id":         str(func(v *api.VolumeStatusItem) *string { return v.AvailabilityZoneId }),
			"volume-status.status":         func(v *api.VolumeStatusItem) []string { return []string{string(v.VolumeStatus.Status)} },
			"action.code":                  never[api.VolumeStatusItem],
			"action.description":           never[api.VolumeStatusItem],
			"action.event-id":              never[api.VolumeStatusItem],
			"event.description":            never[api.VolumeStatusItem],
			"event.event-id":               never[api.VolumeStatusItem],
			"event.event-type":             never[api.VolumeStatusItem],
			"event.not-after":              never[api.VolumeStatusItem],
			"event.not-before":             never[api.VolumeStatusItem],
			"volume-status.details-name":   func(*api.VolumeStatusItem) []string { return []string{"io-enabled", "io-performance"} },
			"volume-status.details-status": func(*api.VolumeStatusItem) []string { return []string{"passed", "not-applicable"} },
		},
	}
	page, next, err := l.describe(s.env.View(c), c.Scope(), query{in.VolumeIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeVolumeStatusResult{VolumeStatuses: page, NextToken: next}, err
}

// DescribeVolumeAttribute tells one attribute of a volume.
func (s *Service) DescribeVolumeAttribute(_ context.Context, c *operation.Caller, in *api.DescribeVolumeAttributeRequest) (*api.DescribeVolumeAttributeResult, error) {
	v, err := find(s.env.View(c), c.Scope(), Volumes, volumeKind, in.VolumeId)
	if err != nil {
		return nil, err
	}
	if in.Attribute == api.VolumeAttributeNameProductCodes {
		return &api.DescribeVolumeAttributeResult{VolumeId: &v.ID, ProductCodes: []api.ProductCode{}}, nil
	}
	return &api.DescribeVolumeAttributeResult{VolumeId: &v.ID, AutoEnableIO: is(v.AutoEnableIO)}, nil
}

// ModifyVolumeAttribute changes a volume's one attribute.
func (s *Service) ModifyVolumeAttribute(_ context.Context, c *operation.Caller, in *api.ModifyVolumeAttributeRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), Volumes, volumeKind, in.VolumeId)
		if err != nil || in.AutoEnableIO == nil {
			return err
		}
		Volumes.Change(tx, c.Scope(), v.ID, func(v *Volume) { v.AutoEnableIO = awsapi.V(in.AutoEnableIO.Value) })
		return nil
	})
}

// GetEbsEncryptionByDefault tells that volumes are not encrypted unless asked for.
func (s *Service) GetEbsEncryptionByDefault(context.Context, *operation.Caller, *api.GetEbsEncryptionByDefaultRequest) (*api.GetEbsEncryptionByDefaultResult, error) {
	return &api.GetEbsEncryptionByDefaultResult{EbsEncryptionByDefault: new(false)}, nil
}
