package ecs

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateService writes a service and its first deployment. The scheduler starts
// its tasks.
func (s *Service) CreateService(_ context.Context, c *operation.Caller, in *api.CreateServiceRequest) (*api.CreateServiceResponse, error) {
	scope := c.Scope()
	tags, err := newTags(in.Tags)
	if err == nil {
		err = checkName("Service name", *in.ServiceName)
	}
	if err == nil {
		err = checkNewService(in)
	}
	if err != nil {
		return nil, err
	}
	var out *api.Service
	err = s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		now := s.env.Now()
		row := &ServiceRow{
			Cluster: cl.Name, Name: *in.ServiceName, ARN: ServiceARN(scope, cl.Name, *in.ServiceName), Status: Active, Tags: tags,
			CreatedAt: now, CreatedBy: c.ARN, Token: awsapi.V(in.ClientToken),
			Scheduling: cmp.Or(in.SchedulingStrategy, api.SchedulingStrategyReplica), Role: awsapi.V(roleARN(scope, in.Role)),
			Grace: in.HealthCheckGracePeriodSeconds, Exec: yes(in.EnableExecuteCommand), ManagedTags: yes(in.EnableECSManagedTags),
			Propagate: cmp.Or(in.PropagateTags, api.PropagateTagsNone), Desired: number(in.DesiredCount, 0),
			Network: networkOf(in.NetworkConfiguration), LoadBalancers: some(in.LoadBalancers),
			Constraints: some(in.PlacementConstraints), Placement: placementOf(in.PlacementStrategy),
		}
		row.Config = configOf(in.DeploymentConfiguration, nil, row.Scheduling)
		row.Rebalancing = rebalancing(row, in.AvailabilityZoneRebalancing)
		row.launch(cl, in.LaunchType, in.CapacityProviderStrategy, in.PlatformVersion)
		d, err := usable(tx, scope, in.TaskDefinition, api.ClientException)
		if err != nil {
			return err
		}
		row.Definition = *d.Body.TaskDefinitionArn
		if err := s.checkService(tx, scope, cl, row, d); err != nil {
			return err
		}
		if old, ok := Services.Get(tx, scope, row.Key()); ok && old.Status != Inactive {
			out, err = s.repeated(tx, scope, old, row)
			return err
		} else if ok {
			forgetHistory(tx, scope, old)
		}
		s.LinkedRole(tx, scope)
		s.deploy(tx, scope, row, d, now)
		Services.Put(tx, scope, row)
		out = describeService(tx, scope, row, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateServiceResponse{Service: out}, nil
}

// repeated answers a creation of what is already there.
func (s *Service) repeated(tx *state.Tx, scope state.Scope, old, wanted *ServiceRow) (*api.Service, error) {
	if old.Status == Draining {
		return nil, api.InvalidParameterException("Unable to Start a service that is still Draining.")
	}
	if !same(old.wish(), wanted.wish()) {
		return nil, api.InvalidParameterException("Creation of service was not idempotent.")
	}
	return describeService(tx, scope, old, true), nil
}

// wish is what was asked for, without what came of it.
func (s ServiceRow) wish() ServiceRow {
	s.Deployments, s.CreatedBy, s.Status, s.Token = nil, "", "", ""
	s.CreatedAt = s.Until
	return s
}

// usable is the task definition that a request names, if new tasks may use it.
// AWS's code for one that may not differs by operation.
func usable(tx *state.Tx, scope state.Scope, ref *string, inactive func(string, ...any) *awsapi.Error) (*Definition, error) {
	if awsapi.V(ref) == "" {
		return nil, api.InvalidParameterException("TaskDefinition can not be blank.")
	}
	d, ok := definition(tx, scope, *ref)
	switch {
	case !ok:
		return nil, api.ClientException("TaskDefinition not found.")
	case d.Body.Status != api.TaskDefinitionStatusActive:
		return nil, inactive("TaskDefinition is inactive")
	}
	return d, nil
}

// launch decides what the service's tasks run on: the strategy or the launch type
// named, or else the cluster's default strategy, or else EC2.
func (s *ServiceRow) launch(cl *Cluster, launch api.LaunchType, strategy []api.CapacityProviderStrategyItem, platform *string) {
	s.LaunchType, s.Strategy, s.Platform, s.Family = launch, strategyOf(strategy), "", ""
	if launch == "" && strategy == nil && s.Scheduling != api.SchedulingStrategyDaemon {
		s.Strategy = cl.Strategy
	}
	if len(s.Strategy) == 0 {
		s.Strategy, s.LaunchType = nil, cmp.Or(launch, api.LaunchTypeEc2)
	}
	s.Platform = awsapi.V(platform)
	if s.fargate() {
		s.Platform, s.Family = cmp.Or(s.Platform, "LATEST"), "Linux"
	}
}

// fargate tells whether the service's tasks run on Fargate.
func (s *ServiceRow) fargate() bool {
	return s.LaunchType == api.LaunchTypeFargate || len(s.Strategy) > 0 && strategyLaunch(s.Strategy) == api.LaunchTypeFargate
}

// some is the list, nil when it is empty: rows do not tell the two apart.
func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// networkOf is a network configuration with its defaults.
func networkOf(in *api.NetworkConfiguration) *api.NetworkConfiguration {
	if in == nil || in.AwsvpcConfiguration == nil {
		return nil
	}
	v := *in.AwsvpcConfiguration
	v.AssignPublicIp = cmp.Or(v.AssignPublicIp, api.AssignPublicIpDisabled)
	v.SecurityGroups = append([]string{}, v.SecurityGroups...)
	return &api.NetworkConfiguration{AwsvpcConfiguration: &v}
}

// placementOf is placement strategies as ECS answers them.
func placementOf(in []api.PlacementStrategy) []api.PlacementStrategy {
	var all []api.PlacementStrategy
	for _, p := range in {
		if awsapi.V(p.Field) == "host" {
			p.Field = new("instanceId")
		}
		all = append(all, p)
	}
	return all
}

// configOf fills in a deployment configuration: from the old one, or AWS's
// defaults (DeploymentConfiguration).
func configOf(in, old *api.DeploymentConfiguration, scheduling api.SchedulingStrategy) *api.DeploymentConfiguration {
	c := api.DeploymentConfiguration{
		MaximumPercent: new(200), MinimumHealthyPercent: new(100), Strategy: api.DeploymentStrategyRolling, BakeTimeInMinutes: new(0),
		DeploymentCircuitBreaker: &api.DeploymentCircuitBreaker{Enable: new(false), Rollback: new(false)},
	}
	if scheduling == api.SchedulingStrategyDaemon {
		c.MaximumPercent, c.MinimumHealthyPercent = new(100), new(0)
	}
	if old != nil {
		c = *old
	}
	if in == nil {
		return &c
	}
	c.MaximumPercent = cmp.Or(in.MaximumPercent, c.MaximumPercent)
	c.MinimumHealthyPercent = cmp.Or(in.MinimumHealthyPercent, c.MinimumHealthyPercent)
	c.DeploymentCircuitBreaker = cmp.Or(in.DeploymentCircuitBreaker, c.DeploymentCircuitBreaker)
	if in.Alarms != nil {
		c.Alarms = in.Alarms
	}
	return &c
}

// rebalancing is whether tasks are moved to balance zones. When the request does
// not say it is on, if the service is of the kind that can be rebalanced
// (developer guide, service rebalancing).
func rebalancing(s *ServiceRow, asked api.AvailabilityZoneRebalancing) api.AvailabilityZoneRebalancing {
	if asked == "" && rebalances(s) {
		return api.AvailabilityZoneRebalancingEnabled
	}
	return cmp.Or(asked, api.AvailabilityZoneRebalancingDisabled)
}

func rebalances(s *ServiceRow) bool {
	zonesFirst := len(s.Placement) == 0 ||
		s.Placement[0].Type == api.PlacementStrategyTypeSpread && awsapi.V(s.Placement[0].Field) == "attribute:ecs.availability-zone"
	return s.Scheduling == api.SchedulingStrategyReplica && *s.Config.MaximumPercent > 100 && zonesFirst
}

// linkedRoleARN is the role with which ECS registers targets.
func linkedRoleARN(scope state.Scope) string {
	return arn.New("iam", scope.Global(), "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
}

// DescribeServices is the services named, deleted ones included until they are
// forgotten.
func (s *Service) DescribeServices(_ context.Context, c *operation.Caller, in *api.DescribeServicesRequest) (*api.DescribeServicesResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err == nil {
		err = batch(in.Services, 10, "Services")
	}
	if err != nil {
		return nil, err
	}
	out := &api.DescribeServicesResponse{Services: []api.Service{}, Failures: []api.Failure{}}
	for _, ref := range in.Services {
		row, ok := service(tx, scope, cl.Name, ref)
		if !ok {
			out.Failures = append(out.Failures, missing(scope, "service", cl.Name, ref))
			continue
		}
		out.Services = append(out.Services, *describeService(tx, scope, row, includes(in.Include, api.ServiceFieldTags)))
	}
	return out, nil
}

// ListServices is the cluster's active services.
func (s *Service) ListServices(_ context.Context, c *operation.Caller, in *api.ListServicesRequest) (*api.ListServicesResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	rows := filter(after(Services, tx, scope, cl.Name+"/", in.NextToken), func(s *ServiceRow) bool {
		return s.Status == Active && (in.LaunchType == "" || s.LaunchType == in.LaunchType) &&
			(in.SchedulingStrategy == "" || s.Scheduling == in.SchedulingStrategy) &&
			in.ResourceManagementType != api.ResourceManagementTypeEcs
	})
	got, next, err := page(rows, in.NextToken, in.MaxResults, 10, MostPerPage, Services.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListServicesResponse{ServiceArns: arns(got, func(s *ServiceRow) string { return s.ARN }), NextToken: next}, nil
}

// ListServicesByNamespace is the services of a Service Connect namespace. The
// engine has no namespaces.
func (s *Service) ListServicesByNamespace(context.Context, *operation.Caller, *api.ListServicesByNamespaceRequest) (*api.ListServicesByNamespaceResponse, error) {
	return nil, api.NamespaceNotFoundException("The specified namespace was not found.")
}

// DeleteService lets a service drain: its tasks are to stop, and then it is
// INACTIVE.
func (s *Service) DeleteService(_ context.Context, c *operation.Caller, in *api.DeleteServiceRequest) (*api.DeleteServiceResponse, error) {
	scope := c.Scope()
	var out *api.Service
	err := s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		old, ok := service(tx, scope, cl.Name, *in.Service)
		switch {
		case !ok:
			return api.ServiceNotFoundException("Service not found.")
		case old.Status == Inactive:
			return api.ServiceNotActiveException("Service was not ACTIVE.")
		case old.Status == Draining:
			out = describeService(tx, scope, old, true)
			return nil
		case !yes(in.Force) && old.Desired > 0:
			return api.InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
		case !yes(in.Force) && len(old.Deployments) > 1:
			return api.InvalidParameterException("The service cannot be stopped while deployments are active.")
		}
		row := *old
		row.Status, row.Desired = Draining, 0
		row.Deployments = slices.Clone(old.Deployments)
		for i := range row.Deployments {
			row.Deployments[i].Desired = 0
		}
		Services.Put(tx, scope, &row)
		out = describeService(tx, scope, &row, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteServiceResponse{Service: out}, nil
}
