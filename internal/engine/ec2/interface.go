package ec2

import (
	"crypto/rand"
	"fmt"
	"net/netip"
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

// Interface is a network interface: who holds which addresses of a subnet.
type Interface struct {
	ID, Subnet, VPC, Zone string
	// PrivateIP is the primary address, MoreIPs are the others.
	PrivateIP   netip.Addr
	MoreIPs     []netip.Addr `json:",omitzero"`
	Groups      []string
	Description string `json:",omitzero"`
	Type        api.NetworkInterfaceType
	// Requester is the service that made it and alone may delete it, if one did.
	Requester string `json:",omitzero"`
	MAC       string
	// Unchecked tells that the source/destination check is off.
	Unchecked bool `json:",omitzero"`
	// PublicIP is an address that comes and goes with the interface's use; an
	// Elastic IP address stands in Addresses.
	PublicIP netip.Addr `json:",omitzero"`
	// AutoPublic tells that it gets such an address whenever its instance runs.
	AutoPublic bool        `json:",omitzero"`
	Attachment *Attachment `json:",omitzero"`
	// Left is the attachment that ended last, which is told for a moment after
	// LeftAt: clients wait for its state "detached".
	Left   *Attachment `json:",omitzero"`
	LeftAt time.Time   `json:",omitzero"`
}

// Attachment is what an interface is attached to.
type Attachment struct {
	ID string
	// Instance is the instance; "" when Owner, a service, holds the interface.
	Instance string `json:",omitzero"`
	Owner    string `json:",omitzero"`
	Device   int
	// DeleteOnTermination has the interface go with the instance.
	DeleteOnTermination bool `json:",omitzero"`
	At                  time.Time
}

// Interfaces is the table.
var Interfaces = state.NewTable("ec2.interface", func(i *Interface) string { return i.ID })

var (
	interfacesOf   = state.NewIndex(Interfaces, func(i *Interface) []string { return []string{i.Subnet} })
	interfacesIn   = state.NewIndex(Interfaces, func(i *Interface) []string { return []string{i.VPC} })
	interfacesWith = state.NewIndex(Interfaces, func(i *Interface) []string { return i.Groups })
	interfacesOn   = state.NewIndex(Interfaces, func(i *Interface) []string {
		if i.Attachment == nil {
			return nil
		}
		return append(some(&i.Attachment.Instance), i.Attachment.ID)
	})
	interfaceByIP = state.NewIndex(Interfaces, func(i *Interface) (all []string) {
		for _, a := range i.addresses() {
			all = append(all, i.Subnet+" "+a.String())
		}
		if i.PublicIP.IsValid() {
			all = append(all, i.PublicIP.String())
		}
		return all
	})
)

func init() { interfaceKind.exists = Interfaces.Has }

// addresses are all private addresses, the primary one first.
func (i *Interface) addresses() []netip.Addr { return append([]netip.Addr{i.PrivateIP}, i.MoreIPs...) }

// InterfaceRequest is an interface to be made, by an instance's launch or by
// another service.
type InterfaceRequest struct {
	Subnet string
	// Groups are security groups; none is the VPC's default group.
	Groups      []string
	Description string
	// Type is "interface" when it is "".
	Type api.NetworkInterfaceType
	// PrivateIP is chosen when it is the zero address, and More further ones.
	PrivateIP netip.Addr
	MoreIPs   []netip.Addr
	More      int
	// Public has it get a public address.
	Public bool
	// Requester is the service that asks, as in requesterId: "amazon-elb". The
	// interface is then that service's: users cannot detach or delete it.
	Requester string
	// Attach has it attached from the start.
	Attach *Attachment
	Tags   tagging.Set
}

// NewInterface makes a network interface. Its errors are EC2's.
func NewInterface(tx *state.Tx, scope state.Scope, r InterfaceRequest) (*Interface, error) {
	n, err := find(tx, scope, Subnets, subnetKind, &r.Subnet)
	if err != nil {
		return nil, err
	}
	groups, err := checkGroups(tx, scope, n.VPC, r.Groups)
	if err != nil {
		return nil, err
	}
	i := &Interface{
		ID: interfaceKind.id(), Subnet: n.ID, VPC: n.VPC, Zone: n.Zone, Groups: groups, Description: r.Description, Type: r.Type,
		Requester: r.Requester, MAC: mac(), Attachment: r.Attach,
	}
	if i.Type == "" {
		i.Type = api.NetworkInterfaceTypeInterface
	}
	if err := i.address(tx, scope, n, r); err != nil {
		return nil, err
	}
	if r.Public {
		i.PublicIP, i.AutoPublic = publicIP(tx, scope), true
	}
	if i.Attachment != nil && i.Attachment.ID == "" {
		i.Attachment.ID = newAttachmentID()
	}
	Interfaces.Put(tx, scope, i)
	SetTags(tx, scope, i.ID, r.Tags)
	return i, nil
}

// address gives an interface the private addresses that are asked for.
func (i *Interface) address(tx *state.Tx, scope state.Scope, n *Subnet, r InterfaceRequest) error {
	wanted := slices.Clone(r.MoreIPs)
	if r.PrivateIP.IsValid() {
		wanted = append([]netip.Addr{r.PrivateIP}, wanted...)
	}
	for _, a := range wanted {
		if err := free(tx, scope, n, a); err != nil {
			return err
		}
	}
	missing := 1 + len(r.MoreIPs) + r.More - len(wanted)
	more, err := pickIPs(tx, scope, n, missing, wanted)
	if err != nil {
		return err
	}
	if r.PrivateIP.IsValid() {
		wanted = append(wanted, more...)
	} else {
		wanted = append(more[:1:1], append(wanted, more[1:]...)...)
	}
	i.PrivateIP = wanted[0]
	if len(wanted) > 1 {
		i.MoreIPs = wanted[1:]
	}
	return nil
}

// free tells why an address of a subnet cannot be given out.
func free(tx *state.Tx, scope state.Scope, n *Subnet, a netip.Addr) error {
	if !n.Block.Contains(a) {
		return invalidValue("Address %s does not fall within the subnet's address range", a)
	}
	if kept(n.Block, a) {
		return invalidValue("Address %s is in subnet's reserved address range", a)
	}
	if _, ok := interfaceByIP.One(tx, scope, n.ID+" "+a.String()); ok {
		return awsapi.Errorf("InvalidIPAddress.InUse", 400, "Address %s is in use.", a)
	}
	return nil
}

// pickIPs chooses free addresses of a subnet, the lowest first.
func pickIPs(tx *state.Tx, scope state.Scope, n *Subnet, count int, but []netip.Addr) ([]netip.Addr, error) {
	if count == 0 {
		return nil, nil
	}
	used := map[netip.Addr]bool{}
	for _, a := range but {
		used[a] = true
	}
	for i := range interfacesOf.Get(tx, scope, n.ID) {
		for _, a := range i.addresses() {
			used[a] = true
		}
	}
	var picked []netip.Addr
	for at := 4; at < 1<<(32-n.Block.Bits())-1; at++ {
		if a := address(n.Block, at); !used[a] {
			if picked = append(picked, a); len(picked) == count {
				return picked, nil
			}
		}
	}
	return nil, awsapi.Errorf("InsufficientFreeAddressesInSubnet", 400, "There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", n.ID)
}

// mac is a hardware address of those that EC2 gives out.
func mac() string {
	var b [5]byte
	rand.Read(b[:])
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4])
}

func newAttachmentID() string { return "eni-attach-0" + ids.Hex(16) }

// publicRange is where public addresses come from: a range for benchmarks that
// nobody on the internet has (RFC 2544), as ours lead nowhere.
var publicRange = netip.MustParsePrefix("198.18.0.0/15")

// publicIP chooses a public address.
func publicIP(tx *state.Tx, scope state.Scope) netip.Addr {
	for {
		var b [3]byte
		rand.Read(b[:])
		a := address(publicRange, int(b[0]&1)<<16|int(b[1])<<8|int(b[2]))
		_, used := interfaceByIP.One(tx, scope, a.String())
		_, elastic := addressByRelated.One(tx, scope, a.String())
		if last := b[2]; !used && !elastic && last != 0 && last != 255 {
			return a
		}
	}
}

// DeleteInterface deletes an interface for the service that made it, whatever it
// is attached to.
func DeleteInterface(tx *state.Tx, scope state.Scope, id string) {
	i, ok := Interfaces.Get(tx, scope, id)
	if !ok {
		return
	}
	for a := range addressByRelated.Get(tx, scope, i.ID) {
		Addresses.Change(tx, scope, a.ID, (*Address).let)
	}
	drop(tx, scope, Interfaces, id)
}

// DescribedInterfaces are the interfaces in a VPC with a description, by which
// the service that made them finds them again.
func DescribedInterfaces(tx *state.Tx, scope state.Scope, vpc, description string) (all []*Interface) {
	for i := range interfacesIn.Get(tx, scope, vpc) {
		if i.Description == description {
			all = append(all, i)
		}
	}
	return all
}

// InterfaceAt is the interface that has an address in a VPC.
func InterfaceAt(tx *state.Tx, scope state.Scope, vpc string, a netip.Addr) (*Interface, bool) {
	for n := range subnetsOf.Get(tx, scope, vpc) {
		for i := range interfaceByIP.Get(tx, scope, n.ID+" "+a.String()) {
			return i, true
		}
	}
	return nil, false
}

// PrimaryInterface is an instance's interface eth0.
func PrimaryInterface(tx *state.Tx, scope state.Scope, instance string) (*Interface, bool) {
	for i := range interfacesOn.Get(tx, scope, instance) {
		if i.Attachment.Device == 0 {
			return i, true
		}
	}
	return nil, false
}

// interfacesOfInstance are an instance's, by their device numbers.
func interfacesOfInstance(tx *state.Tx, scope state.Scope, instance string) []*Interface {
	return slices.SortedFunc(interfacesOn.Get(tx, scope, instance), func(a, b *Interface) int { return a.Attachment.Device - b.Attachment.Device })
}

// public is the public address of one of an interface's private ones.
type public struct {
	ip netip.Addr
	// elastic is the Elastic IP address, nil for one that comes and goes.
	elastic *Address
}

func publicAddress(tx *state.Tx, scope state.Scope, i *Interface, private netip.Addr) (public, bool) {
	for a := range addressByRelated.Get(tx, scope, i.ID) {
		if a.PrivateIP == private {
			return public{a.IP, a}, true
		}
	}
	if i.PublicIP.IsValid() && private == i.PrivateIP {
		return public{i.PublicIP, nil}, true
	}
	return public{}, false
}

// names of addresses ("EC2 instance hostnames and domains").

// PrivateName is the DNS name of a private address.
func PrivateName(region string, a netip.Addr) string {
	return "ip-" + strings.ReplaceAll(a.String(), ".", "-") + "." + catalog.Domain(region)
}

func publicName(region string, a netip.Addr) string {
	return "ec2-" + strings.ReplaceAll(a.String(), ".", "-") + "." + catalog.PublicDomain(region)
}

func (p public) show(tx *state.Tx, scope state.Scope, vpc string) *api.NetworkInterfaceAssociation {
	out := &api.NetworkInterfaceAssociation{PublicIp: new(p.ip.String()), IpOwnerId: new("amazon")}
	if v, ok := VPCs.Get(tx, scope, vpc); ok && v.DNSHostnames {
		out.PublicDnsName = new(publicName(scope.Region, p.ip))
	}
	if p.elastic != nil {
		out.IpOwnerId, out.AllocationId, out.AssociationId = &scope.Account, &p.elastic.ID, &p.elastic.Association
	}
	return out
}

func showInterface(tx *state.Tx, scope state.Scope, i *Interface) api.NetworkInterface {
	z, _ := catalog.ZoneOf(scope.Region, i.Zone)
	out := api.NetworkInterface{
		NetworkInterfaceId: &i.ID, SubnetId: &i.Subnet, VpcId: &i.VPC, AvailabilityZone: &z.Name, AvailabilityZoneId: &z.ID, Description: &i.Description,
		Groups: showGroups(tx, scope, i.Groups), InterfaceType: i.Type, MacAddress: &i.MAC, OwnerId: &scope.Account, PrivateIpAddress: new(i.PrivateIP.String()),
		PrivateDnsName: new(PrivateName(scope.Region, i.PrivateIP)), RequesterManaged: new(i.Requester != ""), RequesterId: first(i.Requester),
		SourceDestCheck: new(!i.Unchecked), Status: api.NetworkInterfaceStatusAvailable, TagSet: shownTags(tx, scope, i.ID),
		Ipv6Addresses: []api.NetworkInterfaceIpv6Address{}, Operator: &api.OperatorResponse{Managed: new(false)},
	}
	for n, a := range i.addresses() {
		p := api.NetworkInterfacePrivateIpAddress{PrivateIpAddress: new(a.String()), PrivateDnsName: new(PrivateName(scope.Region, a)), Primary: new(n == 0)}
		if at, ok := publicAddress(tx, scope, i, a); ok {
			p.Association = at.show(tx, scope, i.VPC)
			if n == 0 {
				out.Association = p.Association
			}
		}
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, p)
	}
	if i.Attachment != nil {
		out.Status, out.Attachment = api.NetworkInterfaceStatusInUse, i.Attachment.show(scope)
	} else if i.Left != nil {
		out.Attachment = i.Left.show(scope)
		out.Attachment.Status = api.AttachmentStatusDetached
	}
	return out
}

// detach ends an interface's attachment.
func (i *Interface) detach(now time.Time) {
	i.Left, i.LeftAt, i.Attachment = i.Attachment, now, nil
	i.PublicIP, i.AutoPublic = netip.Addr{}, false
}

func (a *Attachment) show(scope state.Scope) *api.NetworkInterfaceAttachment {
	out := &api.NetworkInterfaceAttachment{
		AttachmentId: &a.ID, DeleteOnTermination: &a.DeleteOnTermination, DeviceIndex: &a.Device, Status: api.AttachmentStatusAttached,
		InstanceOwnerId: &scope.Account, NetworkCardIndex: new(0),
	}
	if !a.At.IsZero() {
		out.AttachTime = &a.At
	}
	if a.Instance != "" {
		out.InstanceId = &a.Instance
	} else {
		out.InstanceOwnerId = &a.Owner
	}
	return out
}

func showGroups(tx *state.Tx, scope state.Scope, ids []string) []api.GroupIdentifier {
	out := []api.GroupIdentifier{}
	for _, id := range ids {
		g, ok := Groups.Get(tx, scope, id)
		if ok {
			out = append(out, api.GroupIdentifier{GroupId: &g.ID, GroupName: &g.Name})
		}
	}
	return out
}
