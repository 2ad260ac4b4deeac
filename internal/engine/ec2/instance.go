package ec2

import (
	"net/netip"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Instance is an instance: a named share of the machine.
type Instance struct {
	ID, Reservation string
	// Index is its place in its reservation.
	Index     int
	Image     string
	Type      string
	Arch      string
	Zone      string
	Subnet    string
	VPC       string
	Key       string   `json:",omitzero"`
	UserData  string   `json:",omitzero"` // base64
	Token     string   `json:",omitzero"`
	Groups    []string `json:",omitzero"` // of eth0, as the reservation tells them
	Requester string   `json:",omitzero"`
	// Template and TemplateVersion are the launch template's, if there was one.
	Template        string `json:",omitzero"`
	TemplateVersion int    `json:",omitzero"`
	Launched        time.Time
	// Profile is the instance profile's association.
	Profile *ProfileAssociation `json:",omitzero"`
	Options Options
	// Want is what the instance is to come to, State how far it has come, Since
	// when and why.
	Want   api.InstanceStateName
	State  api.InstanceStateName
	Since  time.Time
	Reason string           `json:",omitzero"`
	Cause  *api.StateReason `json:",omitzero"`
	// Booted is when it became running last.
	Booted time.Time `json:",omitzero"`
}

// ProfileAssociation is an instance's with an instance profile.
type ProfileAssociation struct {
	ID string
	// ARN and ProfileID are the profile's.
	ARN, ProfileID string
	At             time.Time
}

// Options are what can be set of an instance and is kept and told.
type Options struct {
	NoTerminate, NoStop bool `json:",omitzero"`
	Shutdown            api.ShutdownBehavior
	Monitored           bool `json:",omitzero"`
	EBSOptimized        bool `json:",omitzero"`
	Metadata            api.InstanceMetadataOptionsResponse
	Credits             string `json:",omitzero"`
	Cores, Threads      int    `json:",omitzero"`
	Recovery            api.InstanceAutoRecoveryState
	RebootMigration     api.InstanceRebootMigrationState
	Names               api.PrivateDnsNameOptionsResponse
	Capacity            api.CapacityReservationPreference
	Hibernation         bool `json:",omitzero"`
}

// Instances is the table.
var Instances = state.NewTable("ec2.instance", func(i *Instance) string { return i.ID })

var (
	instancesIn   = state.NewIndex(Instances, func(i *Instance) []string { return []string{i.Reservation} })
	profileOnInst = state.NewIndex(Instances, func(i *Instance) []string {
		if i.Profile == nil {
			return nil
		}
		return []string{i.Profile.ID}
	})
)

func init() { instanceKind.exists = Instances.Has }

// maxInstances is a quota, see maxVPCs.
const maxInstances = 1000

// PrivateIP is an instance's address in its subnet; the zero address when it
// has none any more.
func (i *Instance) PrivateIP(tx *state.Tx, scope state.Scope) netip.Addr {
	if p, ok := PrimaryInterface(tx, scope, i.ID); ok {
		return p.PrivateIP
	}
	return netip.Addr{}
}

// Role is the ARN of the role in the instance's profile, "" when there is none.
func (i *Instance) Role(tx *state.Tx, scope state.Scope) string {
	if i.Profile == nil {
		return ""
	}
	_, role, _ := iam.ProfileRole(tx, scope, i.Profile.ARN)
	return role
}

// codes of instances' states; the low byte of the model's code.
var codes = map[api.InstanceStateName]int{
	api.InstanceStateNamePending: 0, api.InstanceStateNameRunning: 16, api.InstanceStateNameShuttingDown: 32,
	api.InstanceStateNameTerminated: 48, api.InstanceStateNameStopping: 64, api.InstanceStateNameStopped: 80,
}

func showState(s api.InstanceStateName) *api.InstanceState {
	return &api.InstanceState{Name: s, Code: new(codes[s])}
}

func showInstance(tx *state.Tx, scope state.Scope, i *Instance) api.Instance {
	monitoring := api.MonitoringStateDisabled
	if i.Options.Monitored {
		monitoring = api.MonitoringStateEnabled
	}
	out := api.Instance{
		InstanceId: &i.ID, ImageId: &i.Image, InstanceType: api.InstanceType(i.Type), AmiLaunchIndex: &i.Index, LaunchTime: &i.Launched,
		Architecture: api.ArchitectureValues(i.Arch), ClientToken: &i.Token, EbsOptimized: &i.Options.EBSOptimized, EnaSupport: new(true),
		Hypervisor: api.HypervisorTypeXen, VirtualizationType: api.VirtualizationTypeHvm, RootDeviceName: new(catalog.RootDevice), RootDeviceType: api.DeviceTypeEbs,
		KeyName: first(i.Key), State: showState(i.State), StateReason: i.Cause, StateTransitionReason: &i.Reason, Tags: shownTags(tx, scope, i.ID),
		Monitoring: &api.Monitoring{State: monitoring}, Placement: showPlacement(scope, i), BlockDeviceMappings: []api.InstanceBlockDeviceMapping{},
		NetworkInterfaces: []api.InstanceNetworkInterface{}, SecurityGroups: []api.GroupIdentifier{}, ProductCodes: []api.ProductCode{},
		PrivateDnsName: new(""), PublicDnsName: new(""), PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"), UsageOperationUpdateTime: &i.Launched,
		CpuOptions: &api.CpuOptions{CoreCount: &i.Options.Cores, ThreadsPerCore: &i.Options.Threads}, MetadataOptions: new(i.Options.Metadata),
		EnclaveOptions: &api.EnclaveOptions{Enabled: new(false)}, HibernationOptions: &api.HibernationOptions{Configured: &i.Options.Hibernation},
		CapacityReservationSpecification: &api.CapacityReservationSpecificationResponse{CapacityReservationPreference: i.Options.Capacity},
		MaintenanceOptions:               &api.InstanceMaintenanceOptions{AutoRecovery: i.Options.Recovery, RebootMigration: i.Options.RebootMigration},
		PrivateDnsNameOptions:            new(i.Options.Names), Operator: &api.OperatorResponse{Managed: new(false)},
		CurrentInstanceBootMode: api.InstanceBootModeValuesUefi, BootMode: api.BootModeValuesUefiPreferred,
	}
	if i.Arch == "arm64" {
		out.BootMode = api.BootModeValuesUefi
	}
	if t, _ := catalog.InstanceTypeOf(i.Type); t.Xen {
		out.CurrentInstanceBootMode = api.InstanceBootModeValuesLegacyBios
	}
	if i.State == api.InstanceStateNameTerminated {
		return out // it has neither network nor disks any more
	}
	out.SubnetId, out.VpcId = &i.Subnet, &i.VPC
	if i.Profile != nil {
		out.IamInstanceProfile = &api.IamInstanceProfile{Arn: &i.Profile.ARN, Id: &i.Profile.ProfileID}
	}
	i.showNetwork(tx, scope, &out)
	for v := range volumesOn.Get(tx, scope, i.ID) {
		out.BlockDeviceMappings = append(out.BlockDeviceMappings, api.InstanceBlockDeviceMapping{DeviceName: &v.Mount.Device, Ebs: &api.EbsInstanceBlockDevice{
			VolumeId: &v.ID, AttachTime: &v.Mount.At, DeleteOnTermination: &v.Mount.DeleteOnTermination, Status: api.AttachmentStatusAttached,
		}})
	}
	sortMappings(out.BlockDeviceMappings)
	return out
}

func showPlacement(scope state.Scope, i *Instance) *api.Placement {
	z, _ := catalog.ZoneOf(scope.Region, i.Zone)
	return &api.Placement{AvailabilityZone: &z.Name, AvailabilityZoneId: &z.ID, GroupName: new(""), Tenancy: api.TenancyDefault}
}

// showNetwork puts an instance's interfaces and what eth0 tells into an answer.
func (i *Instance) showNetwork(tx *state.Tx, scope state.Scope, out *api.Instance) {
	v, _ := VPCs.Get(tx, scope, i.VPC)
	for _, n := range interfacesOfInstance(tx, scope, i.ID) {
		shown := showInterface(tx, scope, n)
		on, err := reshape[api.InstanceNetworkInterface](shown)
		if err != nil {
			continue // the shapes' names agree; a test sees to it
		}
		on.InterfaceType = new(string(n.Type))
		out.NetworkInterfaces = append(out.NetworkInterfaces, on)
		if n.Attachment.Device != 0 {
			continue
		}
		out.PrivateIpAddress, out.SecurityGroups, out.SourceDestCheck = shown.PrivateIpAddress, shown.Groups, shown.SourceDestCheck
		out.PrivateDnsName = new(i.hostname(scope.Region, n.PrivateIP))
		if shown.Association == nil {
			continue
		}
		out.PublicIpAddress = shown.Association.PublicIp
		if v != nil && v.DNSHostnames && v.DNSSupport {
			out.PublicDnsName = shown.Association.PublicDnsName
		}
	}
}

// hostname is an instance's private DNS name: after its address, or after itself.
func (i *Instance) hostname(region string, a netip.Addr) string {
	if i.Options.Names.HostnameType == api.HostnameTypeResourceName {
		return i.ID + "." + catalog.Domain(region)
	}
	return PrivateName(region, a)
}

// showReservation is a reservation with some of its instances.
func showReservation(tx *state.Tx, scope state.Scope, id string, instances []*Instance) api.Reservation {
	out := api.Reservation{ReservationId: &id, OwnerId: &scope.Account, Groups: []api.GroupIdentifier{}, Instances: []api.Instance{}}
	for _, i := range instances {
		out.RequesterId = first(i.Requester)
		out.Instances = append(out.Instances, showInstance(tx, scope, i))
	}
	return out
}

// profile finds the instance profile that a launch names.
func profile(tx *state.Tx, scope state.Scope, name, arnOf *string) (*ProfileAssociation, error) {
	switch {
	case name == nil && arnOf == nil:
		return nil, nil
	case name != nil && arnOf != nil:
		return nil, invalidCombination("The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	}
	member, what := "name", "name"
	if arnOf != nil {
		member, what = "arn", "ARN"
	}
	given := awsapi.V(name) + awsapi.V(arnOf)
	bad := invalidValue("Value (%s) for parameter iamInstanceProfile.%s is invalid. Invalid IAM Instance Profile %s", given, member, what)
	if _, is := arn.Parse(given); is != (arnOf != nil) {
		return nil, bad
	}
	p, role, ok := iam.ProfileRole(tx, scope, given)
	if !ok {
		return nil, bad
	}
	if role == "" {
		return nil, invalidValue(`IAM Instance Profile "%s" has no associated IAM Roles`, p.ARN(scope))
	}
	return &ProfileAssociation{ARN: p.ARN(scope), ProfileID: p.ID}, nil
}
