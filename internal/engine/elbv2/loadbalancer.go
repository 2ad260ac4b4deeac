package elbv2

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func name(scope state.Scope, resource string) string {
	return arn.New("elasticloadbalancing", scope, resource)
}

// Domain is what load balancers' DNS names end in on the engine.
const Domain = "elb.amazonaws.com"

// CreateLoadBalancer makes an Application Load Balancer.
func (s *Service) CreateLoadBalancer(_ context.Context, c *operation.Caller, in *api.CreateLoadBalancerInput) (*api.CreateLoadBalancerOutput, error) {
	if in.Type != "" && in.Type != api.LoadBalancerTypeEnumApplication {
		return nil, api.UnsupportedProtocolException("Load balancers of the type %s are not served by the slipway engine: only application load balancers are.", in.Type)
	}
	if err := checkName("load balancer", *in.Name, "internal-"); err != nil {
		return nil, err
	}
	tags := setOf(in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	lb := &LoadBalancer{
		Name: *in.Name, Scheme: or(in.Scheme, api.LoadBalancerSchemeEnumInternetFacing), AddressType: or(in.IpAddressType, api.IpAddressTypeIpv4),
		Attributes: map[string]string{}, Tags: tags, Created: s.env.Now(), State: api.LoadBalancerStateEnumProvisioning,
	}
	if lb.AddressType != api.IpAddressTypeIpv4 {
		return nil, invalid("The slipway engine serves load balancers with the address type ipv4 only.")
	}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		var err error
		if lb.VPC, lb.Zones, err = s.zones(tx, c.Scope(), subnetsIn(in.Subnets, in.SubnetMappings)); err != nil {
			return err
		}
		if lb.SecurityGroups, err = s.securityGroups(tx, c.Scope(), lb.VPC, in.SecurityGroups); err != nil {
			return err
		}
		if old, ok := byLoadBalancerName.One(tx, c.Scope(), lb.Name); ok {
			if !sameLoadBalancer(old, lb) {
				return api.DuplicateLoadBalancerNameException("A load balancer with the same name '%s' exists, but with different settings", lb.Name)
			}
			lb = old
			return nil
		}
		if LoadBalancers.Len(tx, c.Scope()) >= limits["application-load-balancers"] {
			return api.TooManyLoadBalancersException("The limit of %d application load balancers is reached.", limits["application-load-balancers"])
		}
		if err := s.checkRoom(tx, c.Scope(), lb.Zones, nil); err != nil {
			return err
		}
		id := ids.Hex(16)
		lb.ARN = name(c.Scope(), "loadbalancer/app/"+lb.Name+"/"+id)
		prefix := ""
		if lb.Scheme == api.LoadBalancerSchemeEnumInternal {
			prefix = "internal-"
		}
		lb.DNSName = strings.ToLower(prefix + lb.Name + "-" + ids.Digits(9) + "." + c.Region + "." + Domain)
		LoadBalancers.Put(tx, c.Scope(), lb)
		return s.net.Attach(tx, c.Scope(), lb)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLoadBalancerOutput{LoadBalancers: []api.LoadBalancer{lb.describe()}}, nil
}

// sameLoadBalancer tells whether a second creation asks for what is there.
func sameLoadBalancer(a, b *LoadBalancer) bool {
	return a.Scheme == b.Scheme && a.AddressType == b.AddressType && a.VPC == b.VPC && slices.Equal(a.Zones, b.Zones) && slices.Equal(a.SecurityGroups, b.SecurityGroups)
}

func subnetsIn(subnets []string, mappings []api.SubnetMapping) []string {
	for _, m := range mappings {
		subnets = append(subnets, awsapi.V(m.SubnetId))
	}
	return subnets
}

// zones are the places of the subnets: at least two, each in another zone of one VPC.
func (s *Service) zones(tx *state.Tx, scope state.Scope, subnets []string) (vpc string, zones []Zone, err error) {
	taken := map[string]bool{}
	for _, id := range subnets {
		in, zone, ok := s.net.Subnet(tx, scope, id)
		switch {
		case !ok:
			return "", nil, api.SubnetNotFoundException("The subnet ID '%s' does not exist", id)
		case vpc != "" && in != vpc:
			return "", nil, api.InvalidSubnetException("The subnets must belong to the same VPC; '%s' belongs to another.", id)
		case taken[zone]:
			return "", nil, api.InvalidConfigurationRequestException("A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		vpc, taken[zone] = in, true
		zones = append(zones, Zone{zone, id})
	}
	if len(zones) < 2 {
		return "", nil, invalid("At least two subnets in two different Availability Zones must be specified")
	}
	slices.SortFunc(zones, func(a, b Zone) int { return strings.Compare(a.Name, b.Name) })
	return vpc, zones, nil
}

// checkRoom: a load balancer takes only subnets with room to grow in, besides
// those that it has already ("Subnets for your load balancer" in the user guide).
func (s *Service) checkRoom(tx *state.Tx, scope state.Scope, zones, has []Zone) error {
	for _, z := range zones {
		if !slices.Contains(has, z) && s.net.FreeAddresses(tx, scope, z.Subnet) < 8 {
			return api.InvalidSubnetException("Not enough IP space available in %s. ELB requires at least 8 free IP addresses in each subnet.", z.Subnet)
		}
	}
	return nil
}

// securityGroups are the groups given, or the VPC's default one.
func (s *Service) securityGroups(tx *state.Tx, scope state.Scope, vpc string, groups []string) ([]string, error) {
	if len(groups) == 0 {
		return []string{s.net.DefaultSecurityGroup(tx, scope, vpc)}, nil
	}
	for _, g := range groups {
		in, ok := s.net.SecurityGroup(tx, scope, g)
		if !ok {
			return nil, api.InvalidSecurityGroupException("The security group '%s' does not exist", g)
		}
		if in != vpc {
			return nil, api.InvalidConfigurationRequestException("One or more security groups are invalid: '%s' does not belong to VPC '%s'", g, vpc)
		}
	}
	return groups, nil
}

func (l *LoadBalancer) describe() api.LoadBalancer {
	out := api.LoadBalancer{
		LoadBalancerArn: &l.ARN, LoadBalancerName: &l.Name, DNSName: &l.DNSName, CanonicalHostedZoneId: new("Z32O12XQLNTSW2"), CreatedTime: &l.Created,
		Scheme: l.Scheme, VpcId: &l.VPC, Type: api.LoadBalancerTypeEnumApplication, State: &api.LoadBalancerState{Code: l.State},
		SecurityGroups: l.SecurityGroups, IpAddressType: l.AddressType, AvailabilityZones: []api.AvailabilityZone{},
	}
	for _, z := range l.Zones {
		out.AvailabilityZones = append(out.AvailabilityZones, z.describe())
	}
	return out
}

func (z Zone) describe() api.AvailabilityZone {
	return api.AvailabilityZone{ZoneName: new(z.Name), SubnetId: new(z.Subnet), LoadBalancerAddresses: []api.LoadBalancerAddress{}}
}

func findLoadBalancer(tx *state.Tx, scope state.Scope, arn *string) (*LoadBalancer, error) {
	lb, ok := LoadBalancers.Get(tx, scope, awsapi.V(arn))
	if !ok {
		return nil, api.LoadBalancerNotFoundException("Load balancer '%s' not found", awsapi.V(arn))
	}
	return lb, nil
}

// DescribeLoadBalancers describes those named, or all.
func (s *Service) DescribeLoadBalancers(_ context.Context, c *operation.Caller, in *api.DescribeLoadBalancersInput) (*api.DescribeLoadBalancersOutput, error) {
	tx := s.env.View(c)
	var rows iter.Seq[*LoadBalancer] = LoadBalancers.All(tx, c.Scope())
	switch {
	case len(in.LoadBalancerArns) > 0 && len(in.Names) > 0:
		return nil, invalid("Load balancer names and load balancer ARNs cannot be specified together")
	case len(in.LoadBalancerArns) > 0:
		found, err := each(in.LoadBalancerArns, func(a string) (*LoadBalancer, error) { return findLoadBalancer(tx, c.Scope(), &a) })
		if err != nil {
			return nil, err
		}
		rows = slices.Values(found)
	case len(in.Names) > 0:
		found, err := each(in.Names, func(n string) (*LoadBalancer, error) {
			if lb, ok := byLoadBalancerName.One(tx, c.Scope(), n); ok {
				return lb, nil
			}
			return nil, api.LoadBalancerNotFoundException("Load balancers '[%s]' not found", n)
		})
		if err != nil {
			return nil, err
		}
		rows = slices.Values(found)
	}
	page, next, err := paging.Page(rows, in.Marker, pageSize(in.PageSize), func(l *LoadBalancer) string { return l.ARN })
	if err != nil {
		return nil, badMarker()
	}
	out := &api.DescribeLoadBalancersOutput{LoadBalancers: []api.LoadBalancer{}, NextMarker: next}
	for _, l := range page {
		out.LoadBalancers = append(out.LoadBalancers, l.describe())
	}
	return out, nil
}

// DeleteLoadBalancer removes a load balancer with its listeners and rules. One
// that is not there is as good as removed.
func (s *Service) DeleteLoadBalancer(_ context.Context, c *operation.Caller, in *api.DeleteLoadBalancerInput) (*api.DeleteLoadBalancerOutput, error) {
	return &api.DeleteLoadBalancerOutput{}, s.env.Store.Update(func(tx *state.Tx) error {
		lb, ok := LoadBalancers.Get(tx, c.Scope(), *in.LoadBalancerArn)
		if !ok {
			return nil
		}
		if lb.Attributes["deletion_protection.enabled"] == "true" {
			return api.OperationNotPermittedException("Load balancer '%s' cannot be deleted because deletion protection is enabled", lb.ARN)
		}
		for l := range listenersOf.Get(tx, c.Scope(), lb.ARN) {
			removeListener(tx, c.Scope(), l)
		}
		s.net.Detach(tx, c.Scope(), lb)
		acm.SetUses(tx, c.Scope(), lb.ARN, nil)
		LoadBalancers.Delete(tx, c.Scope(), lb.ARN)
		return nil
	})
}

// SetSecurityGroups replaces a load balancer's security groups.
func (s *Service) SetSecurityGroups(_ context.Context, c *operation.Caller, in *api.SetSecurityGroupsInput) (*api.SetSecurityGroupsOutput, error) {
	out := &api.SetSecurityGroupsOutput{}
	return out, s.changeLoadBalancer(c, in.LoadBalancerArn, func(tx *state.Tx, lb *LoadBalancer) (err error) {
		lb.SecurityGroups, err = s.securityGroups(tx, c.Scope(), lb.VPC, in.SecurityGroups)
		out.SecurityGroupIds = lb.SecurityGroups
		return err
	})
}

// SetSubnets replaces a load balancer's subnets.
func (s *Service) SetSubnets(_ context.Context, c *operation.Caller, in *api.SetSubnetsInput) (*api.SetSubnetsOutput, error) {
	out := &api.SetSubnetsOutput{IpAddressType: api.IpAddressTypeIpv4}
	return out, s.changeLoadBalancer(c, in.LoadBalancerArn, func(tx *state.Tx, lb *LoadBalancer) error {
		vpc, zones, err := s.zones(tx, c.Scope(), subnetsIn(in.Subnets, in.SubnetMappings))
		if err != nil {
			return err
		}
		if vpc != lb.VPC {
			return api.InvalidSubnetException("The subnets must belong to the load balancer's VPC '%s'", lb.VPC)
		}
		if err := s.checkRoom(tx, c.Scope(), zones, lb.Zones); err != nil {
			return err
		}
		s.net.Detach(tx, c.Scope(), lb)
		lb.Zones = zones
		for _, z := range zones {
			out.AvailabilityZones = append(out.AvailabilityZones, z.describe())
		}
		return s.net.Attach(tx, c.Scope(), lb)
	})
}

// SetIpAddressType accepts ipv4, which is all there is.
func (s *Service) SetIpAddressType(_ context.Context, c *operation.Caller, in *api.SetIpAddressTypeInput) (*api.SetIpAddressTypeOutput, error) {
	if in.IpAddressType != api.IpAddressTypeIpv4 {
		return nil, invalid("The slipway engine serves load balancers with the address type ipv4 only.")
	}
	if _, err := findLoadBalancer(s.env.Store.View(), c.Scope(), in.LoadBalancerArn); err != nil {
		return nil, err
	}
	return &api.SetIpAddressTypeOutput{IpAddressType: in.IpAddressType}, nil
}

// DescribeCapacityReservation: no capacity is reserved on one machine.
func (s *Service) DescribeCapacityReservation(_ context.Context, c *operation.Caller, in *api.DescribeCapacityReservationInput) (*api.DescribeCapacityReservationOutput, error) {
	if _, err := findLoadBalancer(s.env.View(c), c.Scope(), in.LoadBalancerArn); err != nil {
		return nil, err
	}
	return &api.DescribeCapacityReservationOutput{CapacityReservationState: []api.ZonalCapacityReservationState{}}, nil
}

// changeLoadBalancer puts a changed copy of a load balancer.
func (s *Service) changeLoadBalancer(c *operation.Caller, arn *string, change func(tx *state.Tx, lb *LoadBalancer) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		old, err := findLoadBalancer(tx, c.Scope(), arn)
		if err != nil {
			return err
		}
		lb := *old
		if err := change(tx, &lb); err != nil {
			return err
		}
		LoadBalancers.Put(tx, c.Scope(), &lb)
		return nil
	})
}

func or[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// each finds one row for each name, or fails with the first that is not there.
func each[T any](names []string, find func(string) (T, error)) ([]T, error) {
	var all []T
	for _, n := range names {
		row, err := find(n)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

func pageSize(n *int) int {
	if n == nil {
		return 400
	}
	return *n
}

func badMarker() error { return invalid("The marker is not valid") }

// invalid is the error for an input that breaks a rule the model does not know.
func invalid(format string, args ...any) error {
	return awsapi.Errorf("ValidationError", 400, format, args...)
}

// checkName: at most 32 letters, digits and hyphens, no hyphen at the ends.
func checkName(what, n, forbidden string) error {
	switch {
	case len(n) > 32:
		return invalid("The %s name '%s' cannot be longer than '32' characters", what, n)
	case n == "" || strings.Trim(n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "":
		return invalid("The %s name '%s' can only contain characters that are alphanumeric characters and hyphens(-)", what, n)
	case strings.HasPrefix(n, "-") || strings.HasSuffix(n, "-"):
		return invalid("The %s name '%s' cannot begin or end with a hyphen(-)", what, n)
	case forbidden != "" && strings.HasPrefix(n, forbidden):
		return invalid("The %s name '%s' cannot begin with '%s'", what, n, forbidden)
	}
	return nil
}
