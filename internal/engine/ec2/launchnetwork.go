package ec2

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
)

// interfaces gives an instance its interfaces: those of the request, or eth0 in
// the subnet.
func (l *launch) interfaces(i *Instance) error {
	wanted := l.data.NetworkInterfaces
	if len(wanted) == 0 {
		wanted = []api.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{DeviceIndex: new(0), Groups: l.groups}}
		if l.PrivateIP != "" {
			wanted[0].PrivateIpAddress = &l.PrivateIP
		}
	}
	if len(wanted) > l.kind.Interfaces {
		return awsapi.Errorf("AttachmentLimitExceeded", 400, "Interface count %d exceeds the limit for %s", len(wanted), l.kind.Name)
	}
	seen := map[int]bool{}
	for _, w := range wanted {
		device := awsapi.V(w.DeviceIndex)
		if seen[device] {
			return invalidCombination("The device index %d is given to more than one network interface", device)
		}
		seen[device] = true
		if err := l.attach(i, &w, device); err != nil {
			return err
		}
	}
	if !seen[0] {
		return invalidCombination("A network interface with the device index 0 is missing")
	}
	return nil
}

func (l *launch) attach(i *Instance, w *api.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, device int) error {
	a := &Attachment{ID: newAttachmentID(), Instance: i.ID, Device: device, DeleteOnTermination: w.DeleteOnTermination == nil || *w.DeleteOnTermination, At: l.Now}
	if w.NetworkInterfaceId != nil {
		n, err := owned(l.tx, l.scope, w.NetworkInterfaceId)
		if err != nil {
			return err
		}
		if n.Attachment != nil {
			return invalidValue("Interface: [%s] in use.", n.ID)
		}
		if n.Zone != i.Zone {
			return invalidCombination("The network interface %s is not in the availability zone %s", n.ID, i.Zone)
		}
		a.DeleteOnTermination = awsapi.V(w.DeleteOnTermination)
		Interfaces.Change(l.tx, l.scope, n.ID, func(n *Interface) { n.Attachment = a })
		return nil
	}
	r := InterfaceRequest{Subnet: l.subnet.ID, Groups: w.Groups, Description: awsapi.V(w.Description), Attach: a, Tags: l.tags[api.ResourceTypeNetworkInterface]}
	if device != 0 && w.SubnetId != nil {
		r.Subnet = *w.SubnetId
	}
	if err := r.addressed(w.PrivateIpAddress, w.PrivateIpAddresses, w.SecondaryPrivateIpAddressCount); err != nil {
		return err
	}
	if device == 0 {
		r.Public = l.subnet.MapPublicIP
		if w.AssociatePublicIpAddress != nil {
			r.Public = *w.AssociatePublicIpAddress
		}
	}
	_, err := NewInterface(l.tx, l.scope, r)
	return err
}

// volumes are an instance's to be: the image's root volume, as changed by the
// request, and what the request adds.
func (l *launch) volumes(i *Instance) (all []*Volume, err error) {
	shown := showImage(l.image)
	root := *shown.BlockDeviceMappings[0].Ebs
	rest := slices.Clone(l.data.BlockDeviceMappings)
	for n, m := range rest {
		if awsapi.V(m.DeviceName) == catalog.RootDevice {
			merge(&root, m.Ebs)
			rest = slices.Delete(rest, n, n+1)
			break
		}
	}
	v, err := l.mount(i, catalog.RootDevice, &root)
	if err != nil {
		return nil, err
	}
	all = append(all, v)
	for _, m := range rest {
		switch {
		case m.DeviceName == nil:
			return nil, missingParameter("blockDeviceMapping.deviceName")
		case m.NoDevice != nil || m.VirtualName != nil:
			continue // no type here has instance store volumes
		}
		e := api.EbsBlockDevice{DeleteOnTermination: new(true)}
		merge(&e, m.Ebs)
		if v, err = l.mount(i, *m.DeviceName, &e); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// merge puts what a mapping says over what an image says.
func merge(e *api.EbsBlockDevice, w *api.LaunchTemplateEbsBlockDeviceRequest) {
	if w == nil {
		return
	}
	if w.VolumeType != "" && w.VolumeType != e.VolumeType {
		e.VolumeType, e.Iops, e.Throughput = w.VolumeType, nil, nil
	}
	for to, from := range map[**int]*int{&e.Iops: w.Iops, &e.Throughput: w.Throughput, &e.VolumeSize: w.VolumeSize} {
		if from != nil {
			*to = from
		}
	}
	for to, from := range map[**bool]*bool{&e.DeleteOnTermination: w.DeleteOnTermination, &e.Encrypted: w.Encrypted} {
		if from != nil {
			*to = from
		}
	}
	for to, from := range map[**string]*string{&e.KmsKeyId: w.KmsKeyId, &e.SnapshotId: w.SnapshotId} {
		if from != nil {
			*to = from
		}
	}
}

func (l *launch) mount(i *Instance, device string, e *api.EbsBlockDevice) (*Volume, error) {
	v, err := newVolume(l.scope.Region, l.scope.Account, i.Zone, e, l.Now)
	if err != nil {
		return nil, err
	}
	v.Mount = &Mount{Instance: i.ID, Device: device, DeleteOnTermination: awsapi.V(e.DeleteOnTermination), At: l.Now}
	return v, nil
}
