package ecs

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elb "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Limits of a service (developer guide, service quotas).
const (
	mostTargetGroups   = 5
	mostSubnets        = 16
	mostSecurityGroups = 5
	mostStrategies     = 5
)

// checkNewService checks what only the creation has.
func checkNewService(in *api.CreateServiceRequest) error {
	daemon := in.SchedulingStrategy == api.SchedulingStrategyDaemon
	switch {
	case in.LaunchType != "" && len(in.CapacityProviderStrategy) > 0:
		return api.InvalidParameterException("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case daemon && in.DesiredCount != nil:
		return api.InvalidParameterException("The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again.")
	case !daemon && in.DesiredCount == nil:
		return api.InvalidParameterException("A desired count is required for services with the REPLICA scheduling strategy.")
	case in.LaunchType == api.LaunchTypeManagedInstances:
		return unserved("ECS Managed Instances")
	case len(awsapi.V(in.ClientToken)) > 36:
		return api.InvalidParameterException("clientToken longer than 36.")
	}
	return checkServiceParts(&serviceParts{
		controller: in.DeploymentController, config: in.DeploymentConfiguration, connect: in.ServiceConnectConfiguration,
		registries: in.ServiceRegistries, volumes: in.VolumeConfigurations, lattice: in.VpcLatticeConfigurations, loadBalancers: in.LoadBalancers,
	})
}

// serviceParts are what both requests have that the engine does not serve, or
// not all of.
type serviceParts struct {
	controller    *api.DeploymentController
	config        *api.DeploymentConfiguration
	connect       *api.ServiceConnectConfiguration
	registries    []api.ServiceRegistry
	volumes       []api.ServiceVolumeConfiguration
	lattice       []api.VpcLatticeConfiguration
	loadBalancers []api.LoadBalancer
}

func checkServiceParts(p *serviceParts) error {
	switch {
	case p.controller != nil && p.controller.Type != api.DeploymentControllerTypeEcs:
		return unserved("the deployment controller " + string(p.controller.Type))
	case p.connect != nil && yes(p.connect.Enabled):
		return unserved("Service Connect")
	case len(p.registries) > 0:
		return unserved("service discovery (serviceRegistries)")
	case len(p.volumes) > 0:
		return unserved("EBS volumes (volumeConfigurations)")
	case len(p.lattice) > 0:
		return unserved("VPC Lattice (vpcLatticeConfigurations)")
	}
	for _, l := range p.loadBalancers {
		switch {
		case awsapi.V(l.LoadBalancerName) != "":
			return unserved("Classic Load Balancers (loadBalancerName)")
		case l.AdvancedConfiguration != nil:
			return unserved("blue/green deployments (advancedConfiguration)")
		}
	}
	return checkUnservedConfig(p.config)
}

func checkUnservedConfig(c *api.DeploymentConfiguration) error {
	switch {
	case c == nil:
		return nil
	case c.Strategy != "" && c.Strategy != api.DeploymentStrategyRolling:
		return unserved("the deployment strategy " + string(c.Strategy) + ", only ROLLING")
	case c.Alarms != nil && (yes(c.Alarms.Enable) || len(c.Alarms.AlarmNames) > 0):
		return unserved("deployment alarms, only the deployment circuit breaker")
	case len(c.LifecycleHooks) > 0:
		return unserved("deployment lifecycle hooks")
	case number(c.BakeTimeInMinutes, 0) != 0:
		return unserved("a bake time of deployments (bakeTimeInMinutes)")
	case c.CanaryConfiguration != nil, c.LinearConfiguration != nil:
		return unserved("canary and linear deployments")
	}
	return nil
}

// checkService checks a service as it would be, in itself and against what it
// names. CreateService and UpdateService both end here.
func (s *Service) checkService(tx *state.Tx, scope state.Scope, cl *Cluster, row *ServiceRow, d *Definition) error {
	for _, check := range []func() error{
		func() error { return checkCounts(row) },
		func() error { return checkLaunch(cl, row.LaunchType, row.Strategy, row.Platform, d.Body) },
		func() error { return s.checkNetworking(tx, scope, row.Network, d.Body, row.fargate()) },
		func() error { return checkLoadBalancers(tx, scope, row, d.Body) },
		func() error { return checkPlacement(row.Constraints, row.Placement, d.Body, row.fargate()) },
		func() error { return checkScheduling(row) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if row.Exec && d.Body.TaskRoleArn == nil {
		return api.InvalidParameterException("The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.")
	}
	if row.Role != "" && (d.Body.NetworkMode == api.NetworkModeAwsvpc || len(row.LoadBalancers) > 1) && row.Role != linkedRoleARN(scope) {
		return api.InvalidParameterException("You cannot specify an IAM role for services that require a service linked role.")
	}
	return nil
}

func checkCounts(row *ServiceRow) error {
	least, most := row.Percents()
	switch {
	case row.Desired < 0:
		return api.InvalidParameterException("Desired count cannot be negative.")
	case least < 0:
		return api.InvalidParameterException("minimumHealthyPercent must be greater than or equal to 0.")
	case row.Scheduling == api.SchedulingStrategyDaemon && most != 100:
		return api.InvalidParameterException("The daemon scheduling strategy only supports a maximumPercent of 100.")
	case most < 1 || most < least:
		return api.InvalidParameterException("maximumPercent must be greater than 0 and not less than minimumHealthyPercent.")
	case least == 100 && most == 100:
		return api.InvalidParameterException("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
	case row.Grace != nil && *row.Grace < 0:
		return api.InvalidParameterException("healthCheckGracePeriodSeconds must be greater than or equal to 0.")
	}
	return nil
}

// checkLaunch checks what tasks run on, for services and RunTask.
func checkLaunch(cl *Cluster, launch api.LaunchType, strategy []api.CapacityProviderStrategyItem, platform string, d *api.TaskDefinition) error {
	if err := useStrategy(cl, strategy); err != nil {
		return err
	}
	if launch == "" {
		launch = strategyLaunch(strategy)
	}
	if platform != "" && launch != api.LaunchTypeFargate {
		return api.InvalidParameterException("The platform version must be null when specifying an EC2 launch type.")
	}
	if platform != "" && !slices.Contains([]string{"LATEST", "1.4.0", "1.3.0"}, platform) {
		return api.PlatformUnknownException("The specified platform does not exist.")
	}
	if launch == api.LaunchTypeManagedInstances {
		return unserved("ECS Managed Instances")
	}
	if !slices.Contains(d.Compatibilities, api.Compatibility(launch)) {
		return api.InvalidParameterException("Task definition does not support launch_type %s.", launch)
	}
	return nil
}

// checkNetworking checks the network configuration against the task's network
// mode.
func (s *Service) checkNetworking(tx *state.Tx, scope state.Scope, n *api.NetworkConfiguration, d *api.TaskDefinition, fargate bool) error {
	awsvpc := d.NetworkMode == api.NetworkModeAwsvpc
	switch {
	case awsvpc && n == nil:
		return api.InvalidParameterException("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	case !awsvpc && n != nil:
		return api.InvalidParameterException("Network Configuration is not valid for the given networkMode of this task definition.")
	case n == nil:
		return nil
	}
	v := n.AwsvpcConfiguration
	switch {
	case len(v.Subnets) == 0:
		return api.InvalidParameterException("subnets can not be empty.")
	case len(v.Subnets) > mostSubnets:
		return api.InvalidParameterException("subnets can have at most %d items.", mostSubnets)
	case len(v.SecurityGroups) > mostSecurityGroups:
		return api.InvalidParameterException("securityGroups can have at most %d items.", mostSecurityGroups)
	case v.AssignPublicIp == api.AssignPublicIpEnabled && !fargate:
		return api.InvalidParameterException("Assign public IP is not supported for this launch type.")
	}
	return s.Subnets(tx, scope, v.Subnets, v.SecurityGroups)
}

// checkLoadBalancers: a target group must be there, of the right kind and behind a
// load balancer, and the container must have the port.
func checkLoadBalancers(tx *state.Tx, scope state.Scope, row *ServiceRow, d *api.TaskDefinition) error {
	switch {
	case len(row.LoadBalancers) > mostTargetGroups:
		return api.InvalidParameterException("A service can have at most %d target groups.", mostTargetGroups)
	case len(row.LoadBalancers) == 0 && row.Grace != nil && *row.Grace > 0 && !checksHealth(d):
		return api.InvalidParameterException("Health check grace period is only valid for services configured to use load balancers.")
	}
	for _, l := range row.LoadBalancers {
		group := awsapi.V(l.TargetGroupArn)
		if group == "" {
			return api.InvalidParameterException("targetGroupArn can not be blank.")
		}
		if err := checkTargetContainer(d, l); err != nil {
			return err
		}
		if err := checkTargetGroup(tx, scope, group, d.NetworkMode); err != nil {
			return err
		}
	}
	return nil
}

func checksHealth(d *api.TaskDefinition) bool {
	return slices.ContainsFunc(d.ContainerDefinitions, func(c api.ContainerDefinition) bool { return c.HealthCheck != nil })
}

func checkTargetContainer(d *api.TaskDefinition, l api.LoadBalancer) error {
	called, port := awsapi.V(l.ContainerName), number(l.ContainerPort, 0)
	c := containerOf(d, called)
	switch {
	case called == "":
		return api.InvalidParameterException("Container name can not be blank.")
	case l.ContainerPort == nil:
		return api.InvalidParameterException("Container port can not be blank.")
	case c == nil:
		return api.InvalidParameterException("The container %s does not exist in the task definition.", called)
	case !slices.ContainsFunc(c.PortMappings, func(p api.PortMapping) bool { return *p.ContainerPort == port }):
		return api.InvalidParameterException("The container %s did not have a container port %d defined.", called, port)
	}
	return nil
}

func checkTargetGroup(tx *state.Tx, scope state.Scope, group string, mode api.NetworkMode) error {
	g, ok := elbv2.TargetGroups.Get(tx, scope, group)
	if !ok {
		return api.InvalidParameterException("The target group %s does not exist.", group)
	}
	wants := elb.TargetTypeEnumInstance
	if mode == api.NetworkModeAwsvpc {
		wants = elb.TargetTypeEnumIp
	}
	switch {
	case mode == api.NetworkModeNone:
		return api.InvalidParameterException("Load balancers are not supported with the none network mode.")
	case g.Type != wants:
		return api.InvalidParameterException("The provided target group %s has target type %s, which is incompatible with the %s network mode specified in the task definition.", group, g.Type, mode)
	case len(elbv2.LoadBalancersOf(tx, scope, group)) == 0:
		return api.InvalidParameterException("The target group with targetGroupArn %s does not have an associated load balancer.", group)
	}
	return nil
}

// checkPlacement checks constraints and strategies, for services and RunTask.
func checkPlacement(constraints []api.PlacementConstraint, strategies []api.PlacementStrategy, d *api.TaskDefinition, fargate bool) error {
	switch {
	case fargate && len(constraints) > 0:
		return api.InvalidParameterException("Placement constraints are not supported with FARGATE launch type.")
	case fargate && len(strategies) > 0:
		return api.InvalidParameterException("Placement strategies are not supported with FARGATE launch type.")
	case len(constraints)+len(d.PlacementConstraints) > mostConstraints:
		return api.InvalidParameterException("You can specify a maximum of %d placement constraints for each task.", mostConstraints)
	case len(strategies) > mostStrategies:
		return api.InvalidParameterException("You can specify a maximum of %d placement strategies.", mostStrategies)
	}
	for _, c := range constraints {
		distinct := c.Type == api.PlacementConstraintTypeDistinctInstance
		switch {
		case distinct && awsapi.V(c.Expression) != "":
			return api.InvalidParameterException("The distinctInstance constraint does not take an expression.")
		case distinct:
			continue
		case len(awsapi.V(c.Expression)) > 2000:
			return api.InvalidParameterException("The expression of a placement constraint can have at most 2000 characters.")
		}
		if err := checkExpression(c.Expression); err != nil {
			return api.InvalidParameterException("%s", err)
		}
	}
	for _, p := range strategies {
		if !validStrategy(p) {
			return api.InvalidParameterException("The field %q is not valid for the placement strategy %s.", awsapi.V(p.Field), p.Type)
		}
	}
	return nil
}

func validStrategy(p api.PlacementStrategy) bool {
	field := awsapi.V(p.Field)
	switch p.Type {
	case api.PlacementStrategyTypeSpread:
		attribute, ok := strings.CutPrefix(field, "attribute:")
		return field == "instanceId" || field == "host" || ok && attributeName.MatchString(attribute)
	case api.PlacementStrategyTypeBinpack:
		return strings.EqualFold(field, "cpu") || strings.EqualFold(field, "memory")
	}
	return field == ""
}

// checkScheduling checks what daemons and rebalanced services cannot have.
func checkScheduling(row *ServiceRow) error {
	daemon := row.Scheduling == api.SchedulingStrategyDaemon
	distinct := slices.ContainsFunc(row.Constraints, func(c api.PlacementConstraint) bool {
		return c.Type == api.PlacementConstraintTypeDistinctInstance
	})
	switch {
	case daemon && row.fargate():
		return api.InvalidParameterException("The daemon scheduling strategy is not supported for AWS Fargate tasks.")
	case daemon && len(row.Strategy) > 0:
		return api.InvalidParameterException("The daemon scheduling strategy does not support capacity provider strategies.")
	case daemon && len(row.Placement) > 0:
		return api.InvalidParameterException("The daemon scheduling strategy does not support placement strategies.")
	case daemon && distinct:
		return api.InvalidParameterException("The daemon scheduling strategy does not support the distinctInstance placement constraint.")
	case row.Rebalancing == api.AvailabilityZoneRebalancingEnabled && !rebalances(row):
		return api.InvalidParameterException("Availability Zone rebalancing needs the REPLICA scheduling strategy, a maximumPercent greater than 100, and no placement strategy or one that begins with a spread over attribute:ecs.availability-zone.")
	}
	return nil
}
