package ec2

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// LaunchRequest is a launch of instances, a user's or another service's.
type LaunchRequest struct {
	// Template is the launch template to start from, if any; Data stands over
	// it, member by member.
	Template *api.LaunchTemplateSpecification
	Data     api.RequestLaunchTemplateData
	// Subnet and PrivateIP are eth0's. Without a subnet the one of the network
	// interface counts, or the default subnet of the placement's zone.
	Subnet, PrivateIP string
	// Min is how many instances there must be room for, Max how many are wanted.
	Min, Max int
	// Token is the client token, as instances tell it.
	Token string
	// Requester is the service that launches, as in requesterId.
	Requester string
	// Tags are instances' tags over those of the template; a service may give
	// such that begin with aws:.
	Tags tagging.Set
	Now  time.Time
}

// launch is a request on its way: what was found out of it so far.
type launch struct {
	LaunchRequest
	tx       *state.Tx
	scope    state.Scope
	data     api.RequestLaunchTemplateData
	template *Template
	version  int
	image    catalog.Image
	kind     catalog.InstanceType
	profile  *ProfileAssociation
	subnet   *Subnet
	groups   []string
	tags     map[api.ResourceType]tagging.Set
}

// LaunchInstances launches instances: they are pending, and the controller has
// them run. Its errors are EC2's. Autoscaling calls it; the operation
// RunInstances does too.
func LaunchInstances(tx *state.Tx, scope state.Scope, r LaunchRequest) ([]*Instance, error) {
	Settle(tx, scope)
	l := &launch{LaunchRequest: r, tx: tx, scope: scope, data: r.Data}
	for _, step := range []func() error{l.fromTemplate, l.check, l.pickImage, l.pickType, l.pickKey, l.pickProfile, l.pickSubnet, l.pickGroups, l.pickTags} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return l.make()
}

func (l *launch) fromTemplate() (err error) {
	if l.Template == nil {
		return nil
	}
	var data api.RequestLaunchTemplateData
	l.template, l.version, data, err = LaunchTemplateData(l.tx, l.scope, l.Template.LaunchTemplateId, l.Template.LaunchTemplateName, awsapi.V(l.Template.Version))
	if err != nil {
		return err
	}
	specs := append(slices.Clone(data.TagSpecifications), l.data.TagSpecifications...)
	if l.data, err = over(data, l.data); err != nil {
		return err
	}
	l.data.TagSpecifications = specs
	return nil
}

// check refuses what cannot be launched here.
func (l *launch) check() error {
	if err := refuse("RunInstances", &l.data); err != nil {
		return err
	}
	if l.Min < 1 || l.Max < l.Min {
		return invalidValue("Value (%d) for parameter minCount is invalid. It must be at least 1 and at most maxCount.", l.Min)
	}
	if Instances.Len(l.tx, l.scope)+l.Min > maxInstances {
		return awsapi.Errorf("InstanceLimitExceeded", 400, "You have requested more instances (%d) than your current instance limit of %d allows.", Instances.Len(l.tx, l.scope)+l.Max, maxInstances)
	}
	if err := checkData(&l.data); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(awsapi.V(l.data.UserData))
	if err == nil && len(raw) > 16384 {
		return invalidValue("User data is limited to 16384 bytes")
	}
	if p := l.data.Placement; p != nil && p.Tenancy != "" && p.Tenancy != api.TenancyDefault {
		return unserved("The tenancy %s", p.Tenancy)
	}
	return err
}

func (l *launch) pickImage() error {
	id := awsapi.V(l.data.ImageId)
	if id == "" {
		return missingParameter("ImageId")
	}
	if name, ok := strings.CutPrefix(id, "resolve:ssm:"); ok {
		var err error
		if id, err = imageByParameter(l.scope.Region, name); err != nil {
			return err
		}
	}
	image, ok := catalog.ImageOf(l.scope.Region, id)
	if !ok {
		return imageKind.notFound(id)
	}
	l.image = image
	return nil
}

// imageByParameter is the image of a public parameter.
func imageByParameter(region, name string) (string, error) {
	i, ok := catalog.ImageByParameter(region, name)
	if !ok {
		return "", invalidValue("The SSM parameter %s names no image; the slipway engine resolves AWS's public parameters of Amazon Linux images.", name)
	}
	return i.ID, nil
}

func (l *launch) pickType() error {
	name := string(l.data.InstanceType)
	if name == "" {
		// EC2's default is m1.small, which none of the images runs on.
		return invalidCombination("Non-Windows instances with a virtualization type of 'hvm' are currently not supported for this instance type : m1.small; name an instance type.")
	}
	t, ok := catalog.InstanceTypeOf(name)
	switch {
	case !ok && !isType(name):
		return invalidValue("Invalid value '%s' for InstanceType.", name)
	case !ok:
		return awsapi.Errorf("Unsupported", 400, "The slipway engine does not know what an instance of the type %s holds; aws ec2 describe-instance-types lists the types it knows.", name)
	case t.Arch != l.image.Arch && name != catalog.Host:
		return invalidValue("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.", t.Arch, l.image.Arch)
	}
	l.kind = t
	return nil
}

func (l *launch) pickKey() error {
	if name := awsapi.V(l.data.KeyName); name != "" {
		if _, ok := keyPairByName.One(l.tx, l.scope, name); !ok {
			return noKeyPair(name)
		}
	}
	return nil
}

func (l *launch) pickProfile() (err error) {
	if p := l.data.IamInstanceProfile; p != nil {
		l.profile, err = profile(l.tx, l.scope, p.Name, p.Arn)
	}
	return err
}

// pickSubnet finds where the instances go: the subnet of the request, of its
// interface eth0, or the default subnet of the zone.
func (l *launch) pickSubnet() error {
	if len(l.data.NetworkInterfaces) > 0 && l.Subnet != "" && l.Requester == "" {
		if l.Template == nil || l.Data.NetworkInterfaces != nil {
			return invalidCombination("Network interfaces and an instance-level subnet ID may not be specified on the same request")
		}
	}
	id := l.Subnet
	for _, n := range l.data.NetworkInterfaces {
		if awsapi.V(n.DeviceIndex) != 0 || id != "" {
			continue
		}
		if n.NetworkInterfaceId != nil {
			i, err := find(l.tx, l.scope, Interfaces, interfaceKind, n.NetworkInterfaceId)
			if err != nil {
				return err
			}
			id = i.Subnet
		} else {
			id = awsapi.V(n.SubnetId)
		}
	}
	if id != "" {
		n, err := find(l.tx, l.scope, Subnets, subnetKind, &id)
		l.subnet = n
		return err
	}
	return l.defaultSubnet()
}

func (l *launch) defaultSubnet() error {
	v, ok := DefaultVPC(l.tx, l.scope)
	if !ok {
		return awsapi.Errorf("VPCIdNotSpecified", 400, "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
	}
	wanted := orEmpty(l.data.Placement)
	zone := awsapi.V(wanted.AvailabilityZone) + awsapi.V(wanted.AvailabilityZoneId)
	if zone != "" {
		z, ok := catalog.ZoneOf(l.scope.Region, zone)
		if !ok {
			return invalidValue("Invalid availability zone: [%s]", zone)
		}
		zone = z.Name
	}
	for n := range subnetsOf.Get(l.tx, l.scope, v.ID) {
		if n.Default && (zone == "" || n.Zone == zone) && (l.subnet == nil || n.Zone < l.subnet.Zone) {
			l.subnet = n
		}
	}
	if l.subnet == nil {
		return awsapi.Errorf("MissingInput", 400, "No subnets found for the default VPC '%s'. Please specify a subnet.", v.ID)
	}
	return nil
}

func (l *launch) pickGroups() error {
	wanted := slices.Clone(l.data.SecurityGroupIds)
	for _, name := range l.data.SecurityGroups {
		g, err := groupNamed(l.tx, l.scope, name)
		if err != nil {
			return err
		}
		wanted = append(wanted, g.ID)
	}
	if len(wanted) > 0 && len(l.data.NetworkInterfaces) > 0 {
		return invalidCombination("Network interfaces and an instance-level security groups may not be specified on the same request")
	}
	groups, err := checkGroups(l.tx, l.scope, l.subnet.VPC, wanted)
	l.groups = groups
	return err
}

// launchTagged are the kinds of resources that a launch makes and tags.
var launchTagged = []api.ResourceType{
	api.ResourceTypeInstance, api.ResourceTypeVolume, api.ResourceTypeNetworkInterface, api.ResourceTypeSpotInstancesRequest, api.ResourceTypeElasticGpu,
}

func (l *launch) pickTags() error {
	l.tags = map[api.ResourceType]tagging.Set{}
	for _, s := range l.data.TagSpecifications {
		if !contains(launchTagged, s.ResourceType) {
			return invalidValue("'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		}
		tags, err := checkedTags(s.Tags)
		if err != nil {
			return err
		}
		l.tags[s.ResourceType] = l.tags[s.ResourceType].With(tags)
	}
	on := l.tags[api.ResourceTypeInstance].With(l.Tags)
	if l.template != nil {
		on["aws:ec2launchtemplate:id"], on["aws:ec2launchtemplate:version"] = l.template.ID, itoa(l.version)
	}
	l.tags[api.ResourceTypeInstance] = on
	return nil
}

// make makes the instances that there is room for.
func (l *launch) make() ([]*Instance, error) {
	n := min(l.Max, maxInstances-Instances.Len(l.tx, l.scope))
	if len(l.data.NetworkInterfaces) == 0 {
		room := FreeAddresses(l.tx, l.scope, l.subnet)
		if n = min(n, room); n < l.Min {
			return nil, awsapi.Errorf("InsufficientFreeAddressesInSubnet", 400, "There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", l.subnet.ID)
		}
	}
	reservation := "r-0" + ids.Hex(16)
	var all []*Instance
	for index := range n {
		i := l.instance(reservation, index)
		all = append(all, i)
		if err := l.equip(i); err != nil {
			l.undo(all)
			return nil, err
		}
		Instances.Put(l.tx, l.scope, i)
		SetTags(l.tx, l.scope, i.ID, l.tags[api.ResourceTypeInstance])
	}
	return all, nil
}

// equip gives an instance its volumes and interfaces.
func (l *launch) equip(i *Instance) error {
	volumes, err := l.volumes(i)
	if err != nil {
		return err
	}
	if err := l.interfaces(i); err != nil {
		return err
	}
	for _, v := range volumes {
		Volumes.Put(l.tx, l.scope, v)
		SetTags(l.tx, l.scope, v.ID, l.tags[api.ResourceTypeVolume])
	}
	return nil
}

// undo takes back what a launch that failed has made: who called it in its own
// Update may go on.
func (l *launch) undo(made []*Instance) {
	for _, i := range made {
		for n := range interfacesOn.Get(l.tx, l.scope, i.ID) {
			if l.brought(n.ID) {
				Interfaces.Change(l.tx, l.scope, n.ID, func(n *Interface) { n.Attachment = nil })
			} else {
				DeleteInterface(l.tx, l.scope, n.ID)
			}
		}
		for v := range volumesOn.Get(l.tx, l.scope, i.ID) {
			drop(l.tx, l.scope, Volumes, v.ID)
		}
		drop(l.tx, l.scope, Instances, i.ID)
	}
}

// brought tells whether the request names an interface, which was there before.
func (l *launch) brought(id string) bool {
	return slices.ContainsFunc(l.data.NetworkInterfaces, func(w api.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest) bool {
		return awsapi.V(w.NetworkInterfaceId) == id
	})
}

func (l *launch) instance(reservation string, index int) *Instance {
	i := &Instance{
		ID: instanceKind.id(), Reservation: reservation, Index: index, Image: l.image.ID, Type: l.kind.Name, Arch: l.kind.Arch, Zone: l.subnet.Zone,
		Subnet: l.subnet.ID, VPC: l.subnet.VPC, Key: awsapi.V(l.data.KeyName), UserData: awsapi.V(l.data.UserData), Token: l.Token, Groups: l.groups,
		Requester: l.Requester, Launched: l.Now, Options: l.options(), Want: api.InstanceStateNameRunning, State: api.InstanceStateNamePending, Since: l.Now,
		Cause: &api.StateReason{Code: new("pending"), Message: new("pending")},
	}
	if l.template != nil {
		i.Template, i.TemplateVersion = l.template.ID, l.version
	}
	if l.profile != nil {
		p := *l.profile
		p.ID, p.At = newProfileAssociationID(), l.Now
		i.Profile = &p
	}
	return i
}
