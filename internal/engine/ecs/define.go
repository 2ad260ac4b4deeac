package ecs

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Limits of a task definition (developer guide, service quotas).
const (
	mostContainers  = 10
	mostConstraints = 10
	mostDefinition  = 64 << 10
)

// define makes a task definition of a request: checked, and with everything
// filled in that ECS fills in. Status, revision and the like come later.
func define(scope state.Scope, in *api.RegisterTaskDefinitionRequest) (*api.TaskDefinition, error) {
	cpu, err := size(in.Cpu, "cpu", "vcpu")
	if err != nil {
		return nil, err
	}
	memory, err := size(in.Memory, "memory", "gb")
	if err != nil {
		return nil, err
	}
	d := &api.TaskDefinition{
		Family: in.Family, NetworkMode: in.NetworkMode, PidMode: in.PidMode, IpcMode: in.IpcMode, Cpu: cpu, Memory: memory,
		TaskRoleArn: roleARN(scope, in.TaskRoleArn), ExecutionRoleArn: roleARN(scope, in.ExecutionRoleArn),
		RequiresCompatibilities: in.RequiresCompatibilities, RuntimePlatform: in.RuntimePlatform, EphemeralStorage: in.EphemeralStorage,
		Volumes: []api.Volume{}, PlacementConstraints: append([]api.TaskDefinitionPlacementConstraint{}, in.PlacementConstraints...),
	}
	if d.NetworkMode == "" {
		d.NetworkMode = api.NetworkModeBridge
	}
	if len(in.RequiresCompatibilities) == 0 {
		d.RequiresCompatibilities = nil
	}
	for _, v := range in.Volumes {
		d.Volumes = append(d.Volumes, defineVolume(v))
	}
	for _, c := range in.ContainerDefinitions {
		d.ContainerDefinitions = append(d.ContainerDefinitions, defineContainer(c, d.NetworkMode))
	}
	for _, check := range []func() error{
		func() error { return checkUnserved(in) },
		func() error { return checkDefinition(d) },
		func() error { return checkContainers(d) },
		func() error { return checkCompatibilities(d) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	d.Compatibilities = compatibilities(d)
	d.RequiresAttributes = requiredAttributes(d)
	if b, err := json.Marshal(d); err != nil || len(b) > mostDefinition {
		return nil, api.ClientException("Actual length: '%d'. Max allowed length is '%d' bytes.", len(b), mostDefinition)
	}
	return d, nil
}

// roleARN is a role's ARN, of a short name with or without its path.
func roleARN(scope state.Scope, ref *string) *string {
	r := awsapi.V(ref)
	if r == "" || strings.HasPrefix(r, "arn:") {
		return text(r)
	}
	return new(arn.New("iam", scope.Global(), "role/"+strings.TrimPrefix(r, "/")))
}

// defineVolume fills in a volume: an empty one is on the host.
func defineVolume(v api.Volume) api.Volume {
	if v.DockerVolumeConfiguration == nil && v.Host == nil {
		v.Host = &api.HostVolumeProperties{}
	}
	if d := v.DockerVolumeConfiguration; d != nil && d.Scope == "" {
		c := *d
		c.Scope = api.ScopeTask
		v.DockerVolumeConfiguration = &c
	}
	return v
}

// defineContainer fills in a container definition.
func defineContainer(c api.ContainerDefinition, mode api.NetworkMode) api.ContainerDefinition {
	c.Cpu = new(number(c.Cpu, 0))
	if c.Essential == nil {
		c.Essential = new(true)
	}
	// ECS answers these as empty lists when they are not given.
	c.Environment = append([]api.KeyValuePair{}, c.Environment...)
	c.MountPoints = append([]api.MountPoint{}, c.MountPoints...)
	c.VolumesFrom = append([]api.VolumeFrom{}, c.VolumesFrom...)
	c.SystemControls = append([]api.SystemControl{}, c.SystemControls...)
	ports := []api.PortMapping{}
	for _, p := range c.PortMappings {
		ports = append(ports, definePort(p, mode))
	}
	c.PortMappings = ports
	if h := c.HealthCheck; h != nil {
		n := *h
		n.Interval, n.Timeout, n.Retries = new(number(h.Interval, 30)), new(number(h.Timeout, 5)), new(number(h.Retries, 3))
		c.HealthCheck = &n
	}
	return c
}

// definePort fills in the host port: the container's own in the modes that have
// no mapping, otherwise 0, which means that Docker picks one.
func definePort(p api.PortMapping, mode api.NetworkMode) api.PortMapping {
	if p.Protocol == "" {
		p.Protocol = api.TransportProtocolTcp
	}
	switch {
	case p.ContainerPortRange != nil: // the host's ports are never the definition's
	case mode == api.NetworkModeBridge || p.ContainerPort == nil:
		p.HostPort = new(number(p.HostPort, 0))
	case number(p.HostPort, 0) == 0:
		p.HostPort = new(*p.ContainerPort)
	}
	return p
}

// checkUnserved refuses what no task of the engine can have.
func checkUnserved(in *api.RegisterTaskDefinitionRequest) error {
	switch {
	case in.ProxyConfiguration != nil:
		return unserved("App Mesh (proxyConfiguration)")
	case len(in.InferenceAccelerators) > 0:
		return unserved("Elastic Inference (inferenceAccelerators)")
	case yes(in.EnableFaultInjection):
		return unserved("fault injection (enableFaultInjection)")
	case slices.Contains(in.RequiresCompatibilities, api.CompatibilityManagedInstances):
		return unserved("ECS Managed Instances")
	case in.RuntimePlatform != nil && strings.HasPrefix(string(in.RuntimePlatform.OperatingSystemFamily), "WINDOWS"):
		return unserved("Windows containers")
	}
	for _, v := range in.Volumes {
		switch {
		case v.EfsVolumeConfiguration != nil:
			return unserved("EFS volumes (efsVolumeConfiguration)")
		case v.FsxWindowsFileServerVolumeConfiguration != nil:
			return unserved("FSx volumes (fsxWindowsFileServerVolumeConfiguration)")
		case v.S3filesVolumeConfiguration != nil:
			return unserved("S3 Files volumes (s3filesVolumeConfiguration)")
		case yes(v.ConfiguredAtLaunch):
			return unserved("EBS volumes (configuredAtLaunch)")
		}
	}
	for _, c := range in.ContainerDefinitions {
		if err := checkUnservedContainer(&c); err != nil {
			return err
		}
	}
	return nil
}

func checkUnservedContainer(c *api.ContainerDefinition) error {
	switch {
	case c.FirelensConfiguration != nil, c.LogConfiguration != nil && c.LogConfiguration.LogDriver == api.LogDriverAwsfirelens:
		return unserved("FireLens")
	case len(c.CredentialSpecs) > 0:
		return unserved("credential specs (credentialSpecs)")
	}
	for _, r := range c.ResourceRequirements {
		if r.Type == api.ResourceTypeInferenceAccelerator {
			return unserved("Elastic Inference (InferenceAccelerator)")
		}
	}
	return nil
}

// checkDefinition checks what is not a container's.
func checkDefinition(d *api.TaskDefinition) error {
	called := awsapi.V(d.Family)
	switch n := len(d.ContainerDefinitions); {
	case called == "":
		return api.ClientException("Family should not be null or empty.")
	case len(called) > 255:
		return api.ClientException("Family longer than 255.")
	case !name.MatchString(called):
		return api.ClientException("Family contains invalid characters.")
	case n == 0:
		return api.ClientException("Container list cannot be empty.")
	case n > mostContainers:
		return api.ClientException("Container list cannot be longer than %d.", mostContainers)
	}
	if cpu := whole(d.Cpu); d.Cpu != nil && (cpu < leastTaskCPU || cpu > mostTaskCPU) && !requires(d, api.CompatibilityFargate) {
		return api.ClientException("Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
	}
	if e := d.EphemeralStorage; e != nil {
		switch n := awsapi.V(e.SizeInGiB); {
		case n < 21:
			return api.ClientException("EphemeralStorage size should be at least 21")
		case n > 200:
			return api.ClientException("EphemeralStorage size should be at most 200")
		case !requires(d, api.CompatibilityFargate):
			return api.ClientException("EphemeralStorage is only supported on Fargate.")
		}
	}
	if err := checkConstraintsOf(d.PlacementConstraints); err != nil {
		return err
	}
	return checkVolumes(d)
}

func requires(d *api.TaskDefinition, c api.Compatibility) bool {
	return slices.Contains(d.RequiresCompatibilities, c)
}

func checkConstraintsOf(all []api.TaskDefinitionPlacementConstraint) error {
	if len(all) > mostConstraints {
		return api.ClientException("You can specify a maximum of %d placement constraints for each task.", mostConstraints)
	}
	for _, c := range all {
		if c.Type != api.TaskDefinitionPlacementConstraintTypeMemberOf {
			return api.ClientException("The placement constraint type of a task definition should be memberOf.")
		}
		if err := checkExpression(c.Expression); err != nil {
			return api.ClientException("%s", err)
		}
	}
	return nil
}

// checkExpression checks the expression of a memberOf constraint.
func checkExpression(e *string) error {
	_, err := placement.Parse(awsapi.V(e))
	return err
}

func checkVolumes(d *api.TaskDefinition) error {
	seen := map[string]bool{}
	for _, v := range d.Volumes {
		called := awsapi.V(v.Name)
		switch {
		case called == "":
			return api.ClientException("Volume.name should not be null or empty.")
		case !name.MatchString(called) || len(called) > 255:
			return api.ClientException("Volume.name contains invalid characters.")
		case seen[called]:
			return api.ClientException("Duplicate volume '%s'.", called)
		case v.Host != nil && v.DockerVolumeConfiguration != nil:
			return api.ClientException("Volume '%s' can have only one of host and dockerVolumeConfiguration.", called)
		case v.DockerVolumeConfiguration != nil && yes(v.DockerVolumeConfiguration.Autoprovision) && v.DockerVolumeConfiguration.Scope != api.ScopeShared:
			return api.ClientException("Autoprovision of the volume '%s' needs the scope shared.", called)
		}
		seen[called] = true
	}
	return nil
}
