package elbv2

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// CreateTargetGroup makes a target group of instances or addresses.
func (s *Service) CreateTargetGroup(_ context.Context, c *operation.Caller, in *api.CreateTargetGroupInput) (*api.CreateTargetGroupOutput, error) {
	t, err := s.newTargetGroup(in)
	if err != nil {
		return nil, err
	}
	out := &api.CreateTargetGroupOutput{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		if !s.net.VPC(tx, c.Scope(), t.VPC) {
			return invalid("The VPC ID '%s' is not found", t.VPC)
		}
		if old, ok := byTargetGroupName.One(tx, c.Scope(), t.Name); ok {
			if !sameTargetGroup(old, t) {
				return api.DuplicateTargetGroupNameException("A target group with the same name '%s' exists, but with different settings", t.Name)
			}
			out.TargetGroups = []api.TargetGroup{old.describe(tx, c.Scope())}
			return nil
		}
		if TargetGroups.Len(tx, c.Scope()) >= limits["target-groups"] {
			return api.TooManyTargetGroupsException("The limit of %d target groups is reached", limits["target-groups"])
		}
		t.ARN = name(c.Scope(), "targetgroup/"+t.Name+"/"+ids.Hex(16))
		TargetGroups.Put(tx, c.Scope(), t)
		out.TargetGroups = []api.TargetGroup{t.describe(tx, c.Scope())}
		return nil
	})
}

func sameTargetGroup(a, b *TargetGroup) bool {
	return a.VPC == b.VPC && a.Type == b.Type && a.Protocol == b.Protocol && a.Version == b.Version && a.Port == b.Port && a.Check == b.Check
}

// newTargetGroup is the target group that a request asks for, with the
// defaults of its kind.
func (s *Service) newTargetGroup(in *api.CreateTargetGroupInput) (*TargetGroup, error) {
	if err := checkName("target group", *in.Name, ""); err != nil {
		return nil, err
	}
	tags := setOf(in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	t := &TargetGroup{
		Name: *in.Name, VPC: awsapi.V(in.VpcId), Type: or(in.TargetType, api.TargetTypeEnumInstance), Protocol: in.Protocol,
		Version: or(awsapi.V(in.ProtocolVersion), "HTTP1"), Port: awsapi.V(in.Port), AddressType: or(in.IpAddressType, api.TargetGroupIpAddressTypeEnumIpv4),
		Attributes: map[string]string{}, Tags: tags,
	}
	switch {
	case t.Type == api.TargetTypeEnumLambda || t.Type == api.TargetTypeEnumAlb:
		return nil, api.UnsupportedProtocolException("Target groups of the type %s are not served by the slipway engine: use instance or ip.", t.Type)
	case t.Protocol == "":
		return nil, invalid("A protocol must be specified")
	case t.Protocol != api.ProtocolEnumHttp && t.Protocol != api.ProtocolEnumHttps:
		return nil, api.UnsupportedProtocolException("Protocol '%s' is for network load balancers, which are not served by the slipway engine: use HTTP or HTTPS.", t.Protocol)
	case in.Port == nil:
		return nil, invalid("A port must be specified")
	case t.VPC == "":
		return nil, invalid("A VPC ID must be specified")
	case t.Version != "HTTP1" && t.Version != "HTTP2" && t.Version != "GRPC":
		return nil, invalid("The protocol version '%s' must be one of HTTP1, HTTP2, GRPC", t.Version)
	case in.TargetControlPort != nil:
		return nil, invalid("A target control port is not served by the slipway engine.")
	}
	t.Check = Check{Enabled: true, Protocol: api.ProtocolEnumHttp, Port: "traffic-port", Path: "/", Interval: 30, Timeout: 5, Healthy: 5, Unhealthy: 2, HTTPCode: "200"}
	if t.Version == "GRPC" {
		t.Check.Path, t.Check.HTTPCode, t.Check.GRPCCode = "/AWS.ALB/healthcheck", "", "12"
	}
	return t, t.check(&api.ModifyTargetGroupInput{
		HealthCheckEnabled: in.HealthCheckEnabled, HealthCheckIntervalSeconds: in.HealthCheckIntervalSeconds, HealthCheckPath: in.HealthCheckPath,
		HealthCheckPort: in.HealthCheckPort, HealthCheckProtocol: in.HealthCheckProtocol, HealthCheckTimeoutSeconds: in.HealthCheckTimeoutSeconds,
		HealthyThresholdCount: in.HealthyThresholdCount, UnhealthyThresholdCount: in.UnhealthyThresholdCount, Matcher: in.Matcher,
	})
}

var (
	httpCodes = lazyregexp.New(`^[2-5]\d\d(-[2-5]\d\d)?(,[2-5]\d\d(-[2-5]\d\d)?)*$`)
	grpcCodes = lazyregexp.New(`^\d{1,2}(-\d{1,2})?(,\d{1,2}(-\d{1,2})?)*$`)
)

// check puts the given parts of a health check into the group's, and refuses
// what does not fit together.
func (t *TargetGroup) check(in *api.ModifyTargetGroupInput) error {
	k := &t.Check
	set(&k.Enabled, in.HealthCheckEnabled)
	set(&k.Interval, in.HealthCheckIntervalSeconds)
	set(&k.Path, in.HealthCheckPath)
	set(&k.Port, in.HealthCheckPort)
	set(&k.Timeout, in.HealthCheckTimeoutSeconds)
	set(&k.Healthy, in.HealthyThresholdCount)
	set(&k.Unhealthy, in.UnhealthyThresholdCount)
	k.Protocol = or(in.HealthCheckProtocol, k.Protocol)
	if in.Matcher != nil {
		set(&k.HTTPCode, in.Matcher.HttpCode)
		set(&k.GRPCCode, in.Matcher.GrpcCode)
	}
	port, err := strconv.Atoi(k.Port)
	switch {
	case !k.Enabled:
		return invalid("Health check enabled must be true for target groups with target type '%s'", t.Type)
	case k.Protocol != api.ProtocolEnumHttp && k.Protocol != api.ProtocolEnumHttps:
		return invalid("Health check protocol '%s' must be HTTP or HTTPS", k.Protocol)
	case k.Port != "traffic-port" && (err != nil || port < 1 || port > 65535):
		return invalid("Health check port '%s' must be a port or 'traffic-port'", k.Port)
	case len(k.Path) == 0 || k.Path[0] != '/':
		return invalid("Health check path '%s' must begin with a '/' character", k.Path)
	case k.Interval < 5 || k.Interval > 300:
		return invalid("Health check interval must be between 5 and 300 seconds")
	case k.Timeout < 2 || k.Timeout > 120:
		return invalid("Health check timeout must be between 2 and 120 seconds")
	case k.Timeout >= k.Interval:
		return invalid("Health check timeout '%d' must be smaller than the interval '%d'", k.Timeout, k.Interval)
	case k.Healthy < 2 || k.Healthy > 10 || k.Unhealthy < 2 || k.Unhealthy > 10:
		return invalid("Health check thresholds must be between 2 and 10")
	case t.Version == "GRPC" && (k.HTTPCode != "" || !grpcCodes.MatchString(k.GRPCCode)):
		return invalid("The matcher of a GRPC target group must be a gRPC code, such as 0-99")
	case t.Version != "GRPC" && (k.GRPCCode != "" || !httpCodes.MatchString(k.HTTPCode)):
		return invalid("Health check matcher HTTP code '%s' must be within '200-599' inclusive", k.HTTPCode)
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (t *TargetGroup) describe(tx *state.Tx, scope state.Scope) api.TargetGroup {
	k := t.Check
	out := api.TargetGroup{
		TargetGroupArn: &t.ARN, TargetGroupName: &t.Name, Protocol: t.Protocol, ProtocolVersion: &t.Version, Port: &t.Port, VpcId: &t.VPC,
		TargetType: t.Type, IpAddressType: t.AddressType, LoadBalancerArns: LoadBalancersOf(tx, scope, t.ARN),
		HealthCheckEnabled: &k.Enabled, HealthCheckIntervalSeconds: &k.Interval, HealthCheckPath: &k.Path, HealthCheckPort: &k.Port, HealthCheckProtocol: k.Protocol,
		HealthCheckTimeoutSeconds: &k.Timeout, HealthyThresholdCount: &k.Healthy, UnhealthyThresholdCount: &k.Unhealthy, Matcher: &api.Matcher{},
	}
	if k.HTTPCode != "" {
		out.Matcher.HttpCode = &k.HTTPCode
	}
	if k.GRPCCode != "" {
		out.Matcher.GrpcCode = &k.GRPCCode
	}
	return out
}

func findTargetGroup(tx *state.Tx, scope state.Scope, arn *string) (*TargetGroup, error) {
	t, ok := TargetGroups.Get(tx, scope, awsapi.V(arn))
	if !ok {
		return nil, api.TargetGroupNotFoundException("Target groups '%s' not found", awsapi.V(arn))
	}
	return t, nil
}

// DescribeTargetGroups describes those named, a load balancer's, or all.
func (s *Service) DescribeTargetGroups(_ context.Context, c *operation.Caller, in *api.DescribeTargetGroupsInput) (*api.DescribeTargetGroupsOutput, error) {
	tx := s.env.View(c)
	rows, err := wantedGroups(tx, c.Scope(), in)
	if err != nil {
		return nil, err
	}
	page, next, err := paging.Page(rows, in.Marker, pageSize(in.PageSize), func(t *TargetGroup) string { return t.ARN })
	if err != nil {
		return nil, badMarker()
	}
	out := &api.DescribeTargetGroupsOutput{TargetGroups: []api.TargetGroup{}, NextMarker: next}
	for _, t := range page {
		out.TargetGroups = append(out.TargetGroups, t.describe(tx, c.Scope()))
	}
	return out, nil
}

func wantedGroups(tx *state.Tx, scope state.Scope, in *api.DescribeTargetGroupsInput) (iter.Seq[*TargetGroup], error) {
	var found []*TargetGroup
	var err error
	switch {
	case len(in.TargetGroupArns) > 0:
		found, err = each(in.TargetGroupArns, func(a string) (*TargetGroup, error) { return findTargetGroup(tx, scope, &a) })
	case len(in.Names) > 0:
		found, err = each(in.Names, func(n string) (*TargetGroup, error) {
			if t, ok := byTargetGroupName.One(tx, scope, n); ok {
				return t, nil
			}
			return nil, api.TargetGroupNotFoundException("One or more target groups not found")
		})
	case in.LoadBalancerArn != nil:
		if _, err := findLoadBalancer(tx, scope, in.LoadBalancerArn); err != nil {
			return nil, err
		}
		for t := range TargetGroups.All(tx, scope) {
			if slices.Contains(LoadBalancersOf(tx, scope, t.ARN), *in.LoadBalancerArn) {
				found = append(found, t)
			}
		}
	default:
		return TargetGroups.All(tx, scope), nil
	}
	return slices.Values(found), err
}

// ModifyTargetGroup changes the health check; nothing else of a target group
// can change.
func (s *Service) ModifyTargetGroup(_ context.Context, c *operation.Caller, in *api.ModifyTargetGroupInput) (*api.ModifyTargetGroupOutput, error) {
	out := &api.ModifyTargetGroupOutput{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		old, err := findTargetGroup(tx, c.Scope(), in.TargetGroupArn)
		if err != nil {
			return err
		}
		t := *old
		if err := t.check(in); err != nil {
			return err
		}
		TargetGroups.Put(tx, c.Scope(), &t)
		out.TargetGroups = []api.TargetGroup{t.describe(tx, c.Scope())}
		return nil
	})
}

// DeleteTargetGroup removes a target group that no action forwards to. One that
// is not there is as good as removed.
func (s *Service) DeleteTargetGroup(_ context.Context, c *operation.Caller, in *api.DeleteTargetGroupInput) (*api.DeleteTargetGroupOutput, error) {
	return &api.DeleteTargetGroupOutput{}, s.env.Store.Update(func(tx *state.Tx) error {
		arn := *in.TargetGroupArn
		if len(LoadBalancersOf(tx, c.Scope(), arn)) > 0 {
			return api.ResourceInUseException("Target group '%s' is currently in use by a listener or a rule", arn)
		}
		for _, t := range TargetsOf(tx, c.Scope(), arn) {
			Targets.Delete(tx, c.Scope(), Targets.Key(t))
			Healths.Delete(tx, c.Scope(), Targets.Key(t))
		}
		TargetGroups.Delete(tx, c.Scope(), arn)
		return nil
	})
}
