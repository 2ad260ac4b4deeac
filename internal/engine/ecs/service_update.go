package ecs

import (
	"cmp"
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// UpdateService changes what a service is. A change of what its tasks are starts
// a new deployment; a change of how they are kept does not (UpdateService, the
// notes at each parameter).
func (s *Service) UpdateService(_ context.Context, c *operation.Caller, in *api.UpdateServiceRequest) (*api.UpdateServiceResponse, error) {
	scope := c.Scope()
	err := checkServiceParts(&serviceParts{
		controller: in.DeploymentController, config: in.DeploymentConfiguration, connect: in.ServiceConnectConfiguration,
		registries: in.ServiceRegistries, volumes: in.VolumeConfigurations, lattice: in.VpcLatticeConfigurations, loadBalancers: in.LoadBalancers,
	})
	if err != nil {
		return nil, err
	}
	var out *api.Service
	err = s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		old, ok := service(tx, scope, cl.Name, *in.Service)
		switch {
		case !ok:
			return api.ServiceNotFoundException("Service not found.")
		case old.Status != Active:
			return api.ServiceNotActiveException("Service was not ACTIVE.")
		case in.DesiredCount != nil && old.Scheduling == api.SchedulingStrategyDaemon:
			return api.InvalidParameterException("The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again.")
		}
		row := *old
		d, err := row.update(tx, scope, cl, in)
		if err != nil {
			return err
		}
		if err := s.checkService(tx, scope, cl, &row, d); err != nil {
			return err
		}
		if yes(in.ForceNewDeployment) || deploys(old, &row) {
			s.deploy(tx, scope, &row, d, s.env.Now())
		} else if row.Desired != old.Desired {
			row.scaled(s.env.Now())
		}
		if !same(*old, row) {
			Services.Put(tx, scope, &row)
		}
		out = describeService(tx, scope, &row, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateServiceResponse{Service: out}, nil
}

// update puts a request over the service, and answers with the task definition
// that the service has then. What the request leaves out stays; an empty list
// takes away.
func (s *ServiceRow) update(tx *state.Tx, scope state.Scope, cl *Cluster, in *api.UpdateServiceRequest) (*Definition, error) {
	s.Desired = number(in.DesiredCount, s.Desired)
	s.Config = configOf(in.DeploymentConfiguration, s.Config, s.Scheduling)
	s.Rebalancing = cmp.Or(in.AvailabilityZoneRebalancing, s.Rebalancing)
	s.Propagate = cmp.Or(in.PropagateTags, s.Propagate)
	if in.HealthCheckGracePeriodSeconds != nil {
		s.Grace = in.HealthCheckGracePeriodSeconds
	}
	if in.EnableExecuteCommand != nil {
		s.Exec = *in.EnableExecuteCommand
	}
	if in.EnableECSManagedTags != nil {
		s.ManagedTags = *in.EnableECSManagedTags
	}
	if in.NetworkConfiguration != nil {
		s.Network = networkOf(in.NetworkConfiguration)
	}
	if in.LoadBalancers != nil {
		s.LoadBalancers = some(in.LoadBalancers)
	}
	if in.PlacementConstraints != nil {
		s.Constraints = some(in.PlacementConstraints)
	}
	if in.PlacementStrategy != nil {
		s.Placement = placementOf(in.PlacementStrategy)
	}
	s.relaunch(cl, in)
	if in.TaskDefinition == nil {
		d, ok := DefinitionOf(tx, scope, s.Definition)
		if !ok {
			return nil, api.ClientException("TaskDefinition not found.")
		}
		return d, nil
	}
	d, ok := definition(tx, scope, *in.TaskDefinition)
	if !ok || *d.Body.TaskDefinitionArn != s.Definition { // an inactive one may stay
		var err error
		if d, err = usable(tx, scope, in.TaskDefinition, api.ClientException); err != nil {
			return nil, err
		}
	}
	s.Definition = *d.Body.TaskDefinitionArn
	return d, nil
}

// relaunch changes what tasks run on: to capacity providers, or with an empty
// list back to the launch type that these stood for.
func (s *ServiceRow) relaunch(cl *Cluster, in *api.UpdateServiceRequest) {
	platform := text(s.Platform)
	if in.PlatformVersion != nil {
		platform = in.PlatformVersion
	}
	switch {
	case in.CapacityProviderStrategy != nil && len(in.CapacityProviderStrategy) == 0:
		launch := s.LaunchType
		if len(s.Strategy) > 0 {
			launch = strategyLaunch(s.Strategy)
		}
		s.launch(cl, launch, in.CapacityProviderStrategy, platform)
	case in.CapacityProviderStrategy != nil:
		if !onFargate(providerName(awsapi.V(in.CapacityProviderStrategy[0].CapacityProvider))) {
			platform = in.PlatformVersion
		}
		s.launch(cl, "", in.CapacityProviderStrategy, platform)
	case in.PlatformVersion != nil:
		s.Platform = *in.PlatformVersion
	}
}

// deploys tells whether the change from old to new is one of what the tasks are.
func deploys(old, new *ServiceRow) bool {
	return old.Definition != new.Definition || old.Platform != new.Platform && old.fargate() == new.fargate() ||
		!same(old.Network, new.Network) || !same(old.LoadBalancers, new.LoadBalancers)
}
