package ec2

import (
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Volume is an EBS volume. No bytes are behind it.
type Volume struct {
	ID, Zone string
	Size     int // GiB
	Type     api.VolumeType
	// IOPS and Throughput, in MiB/s, are 0 for types that have none.
	IOPS, Throughput int    `json:",omitzero"`
	Encrypted        bool   `json:",omitzero"`
	Key              string `json:",omitzero"`
	Snapshot         string `json:",omitzero"`
	AutoEnableIO     bool   `json:",omitzero"`
	Created          time.Time
	Mount            *Mount                  `json:",omitzero"`
	Modified         *api.VolumeModification `json:",omitzero"`
}

// Mount is a volume's attachment to an instance.
type Mount struct {
	Instance, Device    string
	DeleteOnTermination bool
	At                  time.Time
}

// Volumes is the table.
var Volumes = state.NewTable("ec2.volume", func(v *Volume) string { return v.ID })

var volumesOn = state.NewIndex(Volumes, func(v *Volume) []string {
	if v.Mount == nil {
		return nil
	}
	return []string{v.Mount.Instance}
})

func init() { volumeKind.exists = Volumes.Has }

// bounds of volume types: size in GiB, IOPS ("Amazon EBS volume types").
var volumeTypes = map[api.VolumeType]struct{ minSize, maxSize, minIOPS, maxIOPS int }{
	api.VolumeTypeGp2:      {1, 16384, 0, 0},
	api.VolumeTypeGp3:      {1, 65536, 3000, 80000},
	api.VolumeTypeIo1:      {4, 16384, 100, 64000},
	api.VolumeTypeIo2:      {4, 65536, 100, 256000},
	api.VolumeTypeSt1:      {125, 16384, 0, 0},
	api.VolumeTypeSc1:      {125, 16384, 0, 0},
	api.VolumeTypeStandard: {1, 1024, 0, 0},
}

// newVolume makes a volume of what is asked for, with the defaults of its type.
func newVolume(region, account, zone string, e *api.EbsBlockDevice, now time.Time) (*Volume, error) {
	v := &Volume{ID: volumeKind.id(), Zone: zone, Type: e.VolumeType, Size: awsapi.V(e.VolumeSize), Encrypted: awsapi.V(e.Encrypted), Key: awsapi.V(e.KmsKeyId), Snapshot: awsapi.V(e.SnapshotId), Created: now}
	if v.Type == "" {
		v.Type = api.VolumeTypeGp2
	}
	if err := v.fromSnapshot(region); err != nil {
		return nil, err
	}
	if v.Size == 0 {
		return nil, missingParameter("size or snapshot")
	}
	if v.Key != "" && !v.Encrypted {
		return nil, awsapi.Errorf("InvalidParameterDependency", 400, "The parameter KmsKeyId requires the parameter Encrypted to be set.")
	}
	if v.Encrypted && v.Key == "" {
		v.Key = arn.New("kms", state.Scope{Account: account, Region: region}, "key/"+catalog.UUID(account, region, "aws/ebs"))
	}
	return v, v.perform(e.Iops, e.Throughput)
}

// fromSnapshot gives a volume its snapshot's size; the images' snapshots are all
// that there are.
func (v *Volume) fromSnapshot(region string) error {
	if v.Snapshot == "" {
		return nil
	}
	for _, i := range catalog.Images(region) {
		if i.Snapshot != v.Snapshot {
			continue
		}
		if v.Size == 0 {
			v.Size = i.SizeGiB
		}
		if v.Size < i.SizeGiB {
			return awsapi.Errorf("InvalidBlockDeviceMapping", 400, "Volume of size %dGB is smaller than snapshot '%s', expect size>= %dGB", v.Size, v.Snapshot, i.SizeGiB)
		}
		return nil
	}
	return awsapi.Errorf("InvalidSnapshot.NotFound", 400, "The snapshot '%s' does not exist.", v.Snapshot)
}

// perform checks a volume's size and performance against its type and fills in
// the type's defaults.
func (v *Volume) perform(iops, throughput *int) error {
	t := volumeTypes[v.Type]
	switch {
	case v.Size < t.minSize || v.Size > t.maxSize:
		return invalidValue("Volume of %dGiB is not between %d and %dGiB, as volumes of the type %s are.", v.Size, t.minSize, t.maxSize, v.Type)
	case iops != nil && t.maxIOPS == 0:
		return invalidCombination("The parameter iops is not supported for %s volumes.", v.Type)
	case iops != nil && (*iops < t.minIOPS || *iops > t.maxIOPS):
		return invalidValue("Volume iops of %d is not between %d and %d, as of volumes of the type %s.", *iops, t.minIOPS, t.maxIOPS, v.Type)
	case throughput != nil && v.Type != api.VolumeTypeGp3:
		return invalidCombination("The parameter throughput is not supported for %s volumes.", v.Type)
	case throughput != nil && (*throughput < 125 || *throughput > 2000):
		return invalidValue("Volume throughput of %d is not between 125 and 2000.", *throughput)
	}
	v.IOPS, v.Throughput = awsapi.V(iops), awsapi.V(throughput)
	switch v.Type {
	case api.VolumeTypeGp3:
		v.IOPS, v.Throughput = max(v.IOPS, 3000), max(v.Throughput, 125)
	case api.VolumeTypeGp2:
		v.IOPS = min(max(3*v.Size, 100), 16000)
	case api.VolumeTypeIo1, api.VolumeTypeIo2:
		if iops == nil {
			return missingParameter("iops")
		}
	}
	return nil
}

func showVolume(tx *state.Tx, scope state.Scope, v *Volume) api.Volume {
	z, _ := catalog.ZoneOf(scope.Region, v.Zone)
	out := api.Volume{
		VolumeId: &v.ID, AvailabilityZone: &z.Name, AvailabilityZoneId: &z.ID, Size: &v.Size, VolumeType: v.Type, Encrypted: &v.Encrypted, KmsKeyId: first(v.Key),
		SnapshotId: &v.Snapshot, CreateTime: &v.Created, State: api.VolumeStateAvailable, MultiAttachEnabled: new(false), Attachments: []api.VolumeAttachment{},
		Tags: shownTags(tx, scope, v.ID), Operator: &api.OperatorResponse{Managed: new(false)},
	}
	if v.IOPS > 0 {
		out.Iops = &v.IOPS
	}
	if v.Throughput > 0 {
		out.Throughput = &v.Throughput
	}
	if v.Mount != nil {
		out.State, out.Attachments = api.VolumeStateInUse, []api.VolumeAttachment{v.attachment(api.VolumeAttachmentStateAttached)}
	}
	return out
}

func (v *Volume) attachment(s api.VolumeAttachmentState) api.VolumeAttachment {
	return api.VolumeAttachment{
		VolumeId: &v.ID, InstanceId: &v.Mount.Instance, Device: &v.Mount.Device, AttachTime: &v.Mount.At, DeleteOnTermination: &v.Mount.DeleteOnTermination, State: s,
	}
}
