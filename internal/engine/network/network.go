// Package network is what load balancers and tasks have to know of EC2's
// networks, in the form in which elbv2, traffic and ecs ask for it. It adapts ec2
// and keeps nothing. The engine hands it to those that ask.
package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/traffic"
)

// Network answers from ec2's tables.
type Network struct{}

// Subnet implements elbv2.Network.
func (Network) Subnet(tx *state.Tx, scope state.Scope, id string) (vpc, zone string, ok bool) {
	n, ok := ec2.Subnets.Get(tx, scope, id)
	if !ok {
		return "", "", false
	}
	return n.VPC, n.Zone, true
}

// ZoneOf implements elbv2.Network.
func (Network) ZoneOf(tx *state.Tx, scope state.Scope, vpc string, addr netip.Addr) (zone string, ok bool) {
	n, ok := ec2.SubnetAt(tx, scope, vpc, addr)
	if !ok {
		return "", false
	}
	return n.Zone, true
}

// FreeAddresses implements elbv2.Network.
func (Network) FreeAddresses(tx *state.Tx, scope state.Scope, subnet string) int {
	n, ok := ec2.Subnets.Get(tx, scope, subnet)
	if !ok {
		return 0
	}
	return ec2.FreeAddresses(tx, scope, n)
}

// SecurityGroup implements elbv2.Network.
func (Network) SecurityGroup(tx *state.Tx, scope state.Scope, id string) (vpc string, ok bool) {
	g, ok := ec2.Groups.Get(tx, scope, id)
	if !ok {
		return "", false
	}
	return g.VPC, true
}

// DefaultSecurityGroup implements elbv2.Network.
func (Network) DefaultSecurityGroup(tx *state.Tx, scope state.Scope, vpc string) string {
	g, ok := ec2.DefaultGroup(tx, scope, vpc)
	if !ok {
		return ""
	}
	return g.ID
}

// VPC implements elbv2.Network.
func (Network) VPC(tx *state.Tx, scope state.Scope, id string) bool {
	return ec2.VPCs.Has(tx, scope, id)
}

// Instance implements elbv2.Network.
func (Network) Instance(tx *state.Tx, scope state.Scope, id string) (vpc, zone string, ok bool) {
	p, ok := ec2.PrimaryInterface(tx, scope, id)
	if !ok {
		return "", "", false
	}
	return p.VPC, p.Zone, true
}

// description is how Elastic Load Balancing describes its interfaces.
func description(lb *elbv2.LoadBalancer) string {
	_, name, _ := strings.Cut(lb.ARN, "loadbalancer/")
	return "ELB " + name
}

// Attach implements elbv2.Network: a load balancer has an interface in each of
// its subnets, which keeps subnet and security groups from being deleted.
func (Network) Attach(tx *state.Tx, scope state.Scope, lb *elbv2.LoadBalancer) error {
	for _, z := range lb.Zones {
		_, err := ec2.NewInterface(tx, scope, ec2.InterfaceRequest{
			Subnet: z.Subnet, Groups: lb.SecurityGroups, Description: description(lb), Requester: "amazon-elb", Public: lb.Scheme != elbapi.LoadBalancerSchemeEnumInternal,
			Attach: &ec2.Attachment{Owner: "amazon-elb", Device: 1},
		})
		if err != nil {
			return fmt.Errorf("load balancer %s: %w", lb.Name, err)
		}
	}
	return nil
}

// Detach implements elbv2.Network.
func (Network) Detach(tx *state.Tx, scope state.Scope, lb *elbv2.LoadBalancer) {
	for _, i := range ec2.DescribedInterfaces(tx, scope, lb.VPC, description(lb)) {
		ec2.DeleteInterface(tx, scope, i.ID)
	}
}

// Tables implements traffic.Firewall.
func (Network) Tables() []state.AnyTable {
	return []state.AnyTable{ec2.Rules, ec2.Interfaces, ec2.PrefixLists}
}

// Clients implements traffic.Firewall: the blocks that the groups let in.
func (Network) Clients(tx *state.Tx, scope state.Scope, groups []string, port int) []netip.Prefix {
	admitted := []netip.Prefix{}
	for _, b := range ec2.Blocks(tx, scope, groups, "tcp", port) {
		if b.Bits() == 0 {
			return nil // everybody
		}
		admitted = append(admitted, b)
	}
	return admitted
}

// Towards implements traffic.Firewall. A target's interface must admit the load
// balancer, by its groups or by its addresses, and the load balancer's groups
// must let traffic out to it. Addresses of no interface admit everybody.
func (Network) Towards(tx *state.Tx, scope state.Scope, lb *elbv2.LoadBalancer) traffic.Path {
	from := ec2.Source{Groups: lb.SecurityGroups}
	sources := []ec2.Source{from}
	for _, i := range ec2.DescribedInterfaces(tx, scope, lb.VPC, description(lb)) {
		sources = append(sources, ec2.Source{Groups: lb.SecurityGroups, IP: i.PrivateIP})
	}
	return func(t *elbv2.Target, kind elbapi.TargetTypeEnum, port int) string {
		i, to := destination(tx, scope, lb.VPC, t, kind)
		if !ec2.Emits(tx, scope, lb.SecurityGroups, to, "tcp", port) {
			return fmt.Sprintf("the load balancer's security groups %s let nothing out to %s on TCP port %d", strings.Join(lb.SecurityGroups, ", "), t.ID, port)
		}
		if i == nil || slices.ContainsFunc(sources, func(s ec2.Source) bool { return ec2.Admits(tx, scope, i.Groups, s, "tcp", port) }) {
			return ""
		}
		return fmt.Sprintf("the security groups %s of %s let in nothing from the load balancer's %s on TCP port %d", strings.Join(i.Groups, ", "), t.ID, strings.Join(lb.SecurityGroups, ", "), port)
	}
}

// destination is a target as security groups see it.
func destination(tx *state.Tx, scope state.Scope, vpc string, t *elbv2.Target, kind elbapi.TargetTypeEnum) (*ec2.Interface, ec2.Source) {
	if kind == elbapi.TargetTypeEnumInstance {
		if i, ok := ec2.PrimaryInterface(tx, scope, t.ID); ok {
			return i, ec2.Source{IP: i.PrivateIP, Groups: i.Groups}
		}
		return nil, ec2.Source{}
	}
	a, err := netip.ParseAddr(t.ID)
	if err != nil {
		return nil, ec2.Source{}
	}
	if i, ok := ec2.InterfaceAt(tx, scope, vpc, a); ok {
		return i, ec2.Source{IP: a, Groups: i.Groups}
	}
	return nil, ec2.Source{IP: a}
}

// Subnets is ecs.Neighbours' check of a network configuration.
func (Network) Subnets(tx *state.Tx, scope state.Scope, subnets, groups []string) error {
	vpc := ""
	for _, id := range subnets {
		n, ok := ec2.Subnets.Get(tx, scope, id)
		switch {
		case !ok:
			return ecsapi.InvalidParameterException("The subnet ID '%s' does not exist", id)
		case vpc != "" && n.VPC != vpc:
			return ecsapi.InvalidParameterException("The subnets do not belong to the same VPC.")
		}
		vpc = n.VPC
	}
	for _, id := range groups {
		g, ok := ec2.Groups.Get(tx, scope, id)
		switch {
		case !ok:
			return ecsapi.InvalidParameterException("The security group '%s' does not exist", id)
		case g.VPC != vpc:
			return ecsapi.InvalidParameterException("The security group '%s' does not belong to the VPC of the subnets.", id)
		}
	}
	return nil
}
