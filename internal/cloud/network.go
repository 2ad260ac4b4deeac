package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeNetwork finds the environment's VPC, by its tag or as the file names
// it, and what is in it.
func (a *Account) observeNetwork(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	in := &ec2.DescribeVpcsInput{}
	switch name := env.Cluster.VPC; {
	case strings.HasPrefix(name, "vpc-"):
		in.VpcIds = []string{name}
	case name != "":
		in.Filters = []types.Filter{filter("tag:Name", name)}
	default:
		in.Filters = []types.Filter{filter("tag:"+tagCluster, env.Cluster.Name)}
	}
	out, err := a.ec2.DescribeVpcs(ctx, in)
	if is(err, "InvalidVpcID.NotFound") || err == nil && len(out.Vpcs) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the VPC: %w", plain(err))
	}
	if len(out.Vpcs) > 1 {
		return fmt.Errorf("%d VPCs belong to cluster %s; name the one to use: cluster: {vpc: vpc-…}", len(out.Vpcs), env.Cluster.Name)
	}
	vpc := out.Vpcs[0]
	a.found(n.VPC(), slipway.Seen{Ref: aws.ToString(vpc.VpcId), Settings: slipway.Settings{"cidr": aws.ToString(vpc.CidrBlock)}})
	return errors.Join(a.observeSubnets(ctx, env), a.observeGateway(ctx, n), a.observeRoutes(ctx, env), a.observeGroups(ctx, env))
}

func (a *Account) observeSubnets(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("vpc-id", a.Ref(n.VPC()))}})
	if err != nil {
		return fmt.Errorf("reading subnets: %w", plain(err))
	}
	want := n.Subnets()
	if env.Cluster.VPC == "" {
		for _, s := range out.Subnets {
			if i := slices.IndexFunc(want, func(id slipway.ID) bool { return id.Name == ec2Name(s.Tags) }); i >= 0 {
				a.found(want[i], slipway.Seen{Ref: aws.ToString(s.SubnetId), Settings: slipway.Settings{"zone": aws.ToString(s.AvailabilityZone)}})
			}
		}
		return nil
	}
	// Of a network made by others: the subnets that the file names, else one for
	// each zone, those with a public address first.
	slices.SortStableFunc(out.Subnets, func(x, y types.Subnet) int {
		if px, py := aws.ToBool(x.MapPublicIpOnLaunch), aws.ToBool(y.MapPublicIpOnLaunch); px != py {
			if px {
				return -1
			}
			return 1
		}
		return strings.Compare(aws.ToString(x.AvailabilityZone), aws.ToString(y.AvailabilityZone))
	})
	zones := map[string]bool{}
	for _, s := range out.Subnets {
		named := slices.Contains(env.Cluster.Subnets, aws.ToString(s.SubnetId)) || slices.Contains(env.Cluster.Subnets, ec2Name(s.Tags))
		zone := aws.ToString(s.AvailabilityZone)
		if len(env.Cluster.Subnets) > 0 && !named || zones[zone] || len(zones) == len(want) {
			continue
		}
		a.found(want[len(zones)], slipway.Seen{Ref: aws.ToString(s.SubnetId), Settings: slipway.Settings{"zone": zone}})
		zones[zone] = true
	}
	return nil
}

func (a *Account) observeGateway(ctx context.Context, n plan.Names) error {
	out, err := a.ec2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("attachment.vpc-id", a.Ref(n.VPC()))}})
	if err != nil {
		return fmt.Errorf("reading the internet gateway: %w", plain(err))
	}
	if len(out.InternetGateways) > 0 {
		a.found(n.Gateway(), slipway.Seen{Ref: aws.ToString(out.InternetGateways[0].InternetGatewayId)})
	}
	return nil
}

// observeRoutes reads the VPC's main table, which is the one that Slipway's own
// subnets use.
func (a *Account) observeRoutes(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	out, err := a.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{
		filter("vpc-id", a.Ref(n.VPC())), filter("association.main", "true")}})
	if err != nil {
		return fmt.Errorf("reading routes: %w", plain(err))
	}
	if len(out.RouteTables) == 0 {
		return nil
	}
	table := out.RouteTables[0]
	seen := slipway.Seen{Ref: aws.ToString(table.RouteTableId), Settings: slipway.Settings{}}
	for _, r := range table.Routes {
		if strings.HasPrefix(aws.ToString(r.GatewayId), "igw-") {
			seen.Settings[aws.ToString(r.DestinationCidrBlock)] = "internet gateway"
		}
	}
	a.found(n.Routes(), seen)
	return nil
}

func (a *Account) applyVPC(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if s.Action != slipway.Create {
		return fmt.Errorf("a VPC's address range can't be changed; cidr %s stands in the account", s.Differences[0].Have)
	}
	err := a.single(ctx, "making the VPC", func(ctx context.Context) (bool, error) {
		err := a.observeNetwork(ctx, env)
		return a.Ref(s.ID) != "", err
	}, func(ctx context.Context) error {
		out, err := a.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(env.Cluster.CIDR), TagSpecifications: ec2Tags(types.ResourceTypeVpc, s.Name, env.Cluster.Name)},
			func(o *ec2.Options) { o.Retryer = a.once() })
		if err == nil {
			a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.Vpc.VpcId)})
		}
		return err
	})
	if err != nil {
		return err
	}
	id := a.Ref(s.ID)
	return a.soon(ctx, func(ctx context.Context) error {
		_, err := a.ec2.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &id, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}})
		return err
	})
}

// soon repeats a call on something that was made just now and that EC2 does not
// find yet.
func (a *Account) soon(ctx context.Context, call func(context.Context) error) error {
	return a.insist(ctx, "waiting until EC2 knows what it made", 2*time.Minute, func(err error) bool {
		return err != nil && strings.Contains(says(err), ".NotFound:")
	}, call)
}

func (a *Account) applyGateway(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	id, err := a.gateway(ctx, env, s)
	if err != nil {
		return err
	}
	vpc := a.Ref(plan.Of(env).VPC())
	err = a.soon(ctx, func(ctx context.Context) error {
		_, err := a.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: &id, VpcId: &vpc})
		if is(err, "Resource.AlreadyAssociated") {
			return nil
		}
		return err
	})
	a.found(s.ID, slipway.Seen{Ref: id})
	return err
}

// gateway is a gateway of the environment that is attached to nothing: one that
// an interrupted run left, or a new one.
func (a *Account) gateway(ctx context.Context, env *slipway.Environment, s slipway.Step) (id string, err error) {
	left := func(ctx context.Context) (bool, error) {
		out, err := a.ec2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("tag:"+tagCluster, env.Cluster.Name)}})
		if err != nil {
			return false, fmt.Errorf("reading the internet gateway: %w", plain(err))
		}
		for _, g := range out.InternetGateways {
			if len(g.Attachments) == 0 {
				id = aws.ToString(g.InternetGatewayId)
			}
		}
		return id != "", nil
	}
	if there, err := left(ctx); there || err != nil {
		return id, err
	}
	err = a.single(ctx, "making the internet gateway", left, func(ctx context.Context) error {
		out, err := a.ec2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: ec2Tags(types.ResourceTypeInternetGateway, s.Name, env.Cluster.Name)},
			func(o *ec2.Options) { o.Retryer = a.once() })
		if err == nil {
			id = aws.ToString(out.InternetGateway.InternetGatewayId)
		}
		return err
	})
	return id, err
}

func (a *Account) applyRoutes(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if a.Ref(s.ID) == "" { // the VPC was made in this run
		if err := a.observeRoutes(ctx, env); err != nil {
			return err
		}
	}
	table, gateway := a.Ref(s.ID), a.Ref(plan.Of(env).Gateway())
	if table == "" {
		return fmt.Errorf("the VPC has no main route table: %w", errLate)
	}
	return a.soon(ctx, func(ctx context.Context) error {
		_, err := a.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &table, GatewayId: &gateway, DestinationCidrBlock: aws.String("0.0.0.0/0")})
		if is(err, "RouteAlreadyExists") {
			return nil
		}
		return err
	})
}

// applySubnet makes one of the two subnets, in a zone and an address range of
// its own: the VPC's range is cut in sixteen.
func (a *Account) applySubnet(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	index := slices.Index(n.Subnets(), s.ID)
	zones, err := a.zones(ctx)
	if err != nil {
		return err
	}
	if index >= len(zones) {
		return fmt.Errorf("region %s has %d zones; a load balancer needs two", a.Region, len(zones))
	}
	zone := zones[index]
	if other, ok := a.look(n.Subnets()[1-index]); ok && other.Settings["zone"] == zone {
		zone = zones[1-index]
	}
	cidr, err := slice(env.Cluster.CIDR, index)
	if err != nil {
		return err
	}
	vpc := a.Ref(n.VPC())
	err = a.soon(ctx, func(ctx context.Context) error {
		if s.Action != slipway.Create {
			return nil
		}
		out, err := a.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, AvailabilityZone: &zone, CidrBlock: &cidr,
			TagSpecifications: ec2Tags(types.ResourceTypeSubnet, s.Name, env.Cluster.Name)})
		if err == nil {
			a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.Subnet.SubnetId), Settings: slipway.Settings{"zone": zone}})
		}
		return err
	})
	if err != nil {
		return err
	}
	// Instances reach ECS and the registry through the gateway by their own
	// public addresses, without a NAT.
	return a.soon(ctx, func(ctx context.Context) error {
		_, err := a.ec2.ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: aws.String(a.Ref(s.ID)),
			MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)}})
		return err
	})
}

// zones are the region's availability zones, in order.
func (a *Account) zones(ctx context.Context) ([]string, error) {
	out, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{Filters: []types.Filter{
		filter("state", "available"), filter("zone-type", "availability-zone")}})
	if err != nil {
		return nil, fmt.Errorf("reading zones: %w", plain(err))
	}
	var names []string
	for _, z := range out.AvailabilityZones {
		names = append(names, aws.ToString(z.ZoneName))
	}
	slices.Sort(names)
	return names, nil
}

// slice is the i-th sixteenth of an IPv4 range.
func slice(cidr string, i int) (string, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !p.Addr().Is4() || p.Bits() > 24 {
		return "", fmt.Errorf("cluster.cidr %q is no IPv4 range of /24 or larger", cidr)
	}
	bits := p.Bits() + 4
	b := p.Masked().Addr().As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += uint32(i) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), bits).String(), nil
}
