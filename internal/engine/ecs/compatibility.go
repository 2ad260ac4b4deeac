package ecs

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
)

// checkCompatibilities checks the definition for the launch types that it says
// it is for.
func checkCompatibilities(d *api.TaskDefinition) error {
	for _, c := range d.RequiresCompatibilities {
		switch c {
		case api.CompatibilityFargate:
			if err := checkFargate(d); err != nil {
				return err
			}
			if err := checkFargateRole(d); err != nil {
				return err
			}
		case api.CompatibilityExternal:
			if d.NetworkMode == api.NetworkModeAwsvpc {
				return api.ClientException("External task definitions do not support network mode ‘awsvpc’.")
			}
		}
	}
	return nil
}

// checkFargate tells why tasks of the definition cannot run on Fargate.
func checkFargate(d *api.TaskDefinition) error {
	no := func(what string) error {
		return api.ClientException("Fargate compatible task definitions do not support %s", what)
	}
	switch {
	case d.NetworkMode != api.NetworkModeAwsvpc:
		return api.ClientException("Fargate only supports network mode ‘awsvpc’.")
	case d.Memory == nil:
		return api.ClientException("Fargate requires that 'memory' be defined at the task level.")
	case d.Cpu == nil:
		return api.ClientException("Fargate requires that 'cpu' be defined at the task level.")
	case !fargateSize(whole(d.Cpu), whole(d.Memory)):
		return api.ClientException("No Fargate configuration exists for given values.")
	case len(d.PlacementConstraints) > 0:
		return no("placementConstraints")
	case d.PidMode == api.PidModeHost:
		return no("pidMode=host")
	case d.IpcMode != "":
		return no("ipcMode")
	}
	for _, v := range d.Volumes {
		switch {
		case v.DockerVolumeConfiguration != nil:
			return no("dockerVolumeConfiguration")
		case v.Host != nil && v.Host.SourcePath != nil:
			return no("host.sourcePath")
		}
	}
	for _, c := range d.ContainerDefinitions {
		if what := notOnFargate(&c); what != "" {
			return no(what)
		}
	}
	return nil
}

// fargateLogs are the log drivers that Fargate has.
var fargateLogs = []api.LogDriver{api.LogDriverAwslogs, api.LogDriverSplunk, api.LogDriverAwsfirelens}

// notOnFargate is the first thing in the container that Fargate does not have.
func notOnFargate(c *api.ContainerDefinition) string {
	l := c.LinuxParameters
	if l == nil {
		l = &api.LinuxParameters{}
	}
	switch {
	case yes(c.Privileged):
		return "privileged"
	case len(c.DockerSecurityOptions) > 0:
		return "dockerSecurityOptions"
	case yes(c.DisableNetworking):
		return "disableNetworking"
	case len(c.ResourceRequirements) > 0:
		return "resourceRequirements"
	case len(l.Devices) > 0:
		return "devices"
	case l.SharedMemorySize != nil:
		return "sharedMemorySize"
	case len(l.Tmpfs) > 0:
		return "tmpfs"
	case l.MaxSwap != nil:
		return "maxSwap"
	case l.Swappiness != nil:
		return "swappiness"
	case c.StopTimeout != nil && (*c.StopTimeout < 2 || *c.StopTimeout > 120):
		return "a stopTimeout that is not between 2 and 120 seconds"
	case c.StartTimeout != nil && (*c.StartTimeout < 2 || *c.StartTimeout > 120):
		return "a startTimeout that is not between 2 and 120 seconds"
	case c.LogConfiguration != nil && !slices.Contains(fargateLogs, c.LogConfiguration.LogDriver):
		return "the log driver " + string(c.LogConfiguration.LogDriver)
	}
	return ""
}

// checkFargateRole: nobody else can pull from ECR or write logs there.
func checkFargateRole(d *api.TaskDefinition) error {
	if d.ExecutionRoleArn != nil {
		return nil
	}
	for _, c := range d.ContainerDefinitions {
		switch {
		case inECR(*c.Image):
			return api.ClientException("Fargate requires task definition to have execution role ARN to support ECR images.")
		case c.LogConfiguration != nil && c.LogConfiguration.LogDriver == api.LogDriverAwslogs:
			return api.ClientException("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		}
	}
	return nil
}

func inECR(image string) bool {
	host, _, _ := strings.Cut(image, "/")
	return strings.Contains(host, ".dkr.ecr.")
}

// compatibilities are the launch types that the definition could run on, in the
// order that ECS answers.
func compatibilities(d *api.TaskDefinition) []api.Compatibility {
	all := []api.Compatibility{api.CompatibilityEc2}
	if d.NetworkMode != api.NetworkModeAwsvpc {
		all = slices.Insert(all, 0, api.CompatibilityExternal)
	}
	if checkFargate(d) == nil {
		all = append(all, api.CompatibilityFargate)
	}
	return all
}

// The names of capabilities begin so, older ones with the first.
const (
	oldCapability = "com.amazonaws.ecs.capability."
	capability    = "ecs.capability."
	remoteAPI     = oldCapability + "docker-remote-api."
)

// requiredAttributes are the capabilities that an instance's agent must have for
// the definition's tasks.
func requiredAttributes(d *api.TaskDefinition) []api.Attribute {
	r := &requirements{role: d.ExecutionRoleArn != nil}
	r.add(d.TaskRoleArn != nil, oldCapability+"task-iam-role")
	r.add(d.TaskRoleArn != nil && d.NetworkMode == api.NetworkModeHost, oldCapability+"task-iam-role-network-host")
	r.add(d.NetworkMode == api.NetworkModeAwsvpc, capability+"task-eni")
	r.add(d.PidMode != "" || d.IpcMode != "", capability+"pid-ipc-namespace-sharing")
	for _, v := range d.Volumes {
		if c := v.DockerVolumeConfiguration; c != nil {
			driver := awsapi.V(c.Driver)
			if driver == "" {
				driver = "local"
			}
			r.add(true, capability+"docker-plugin."+driver)
		}
	}
	for i := range d.ContainerDefinitions {
		r.container(&d.ContainerDefinitions[i])
	}
	return r.all
}

type requirements struct {
	role bool
	all  []api.Attribute
}

func (r *requirements) add(when bool, name string) {
	if when && !slices.ContainsFunc(r.all, func(a api.Attribute) bool { return *a.Name == name }) {
		r.all = append(r.all, api.Attribute{Name: &name})
	}
}

func (r *requirements) container(c *api.ContainerDefinition) {
	if l := c.LogConfiguration; l != nil {
		awslogs := l.LogDriver == api.LogDriverAwslogs
		r.add(true, oldCapability+"logging-driver."+string(l.LogDriver))
		r.add(awslogs && r.role, capability+"execution-role-awslogs")
		r.add(awslogs, remoteAPI+"1.19")
		for _, s := range l.SecretOptions {
			r.add(true, capability+"secrets."+secretStore(*s.ValueFrom)+".bootstrap.log-driver")
		}
	}
	r.add(inECR(*c.Image), oldCapability+"ecr-auth")
	r.add(inECR(*c.Image) && r.role, capability+"execution-role-ecr-pull")
	r.add(c.LogConfiguration != nil || len(c.DockerLabels) > 0 || len(c.Ulimits) > 0, remoteAPI+"1.18")
	r.add(c.MemoryReservation != nil, remoteAPI+"1.21")
	r.add(yes(c.Privileged), oldCapability+"privileged-container")
	r.add(c.HealthCheck != nil, capability+"container-health-check")
	r.add(c.HealthCheck != nil, remoteAPI+"1.24")
	r.add(c.LinuxParameters != nil && yes(c.LinuxParameters.InitProcessEnabled), remoteAPI+"1.25")
	r.add(len(c.DependsOn) > 0, capability+"container-ordering")
	r.add(slices.ContainsFunc(c.PortMappings, func(p api.PortMapping) bool { return p.ContainerPortRange != nil }), capability+"network.container-port-range")
	r.add(c.RestartPolicy != nil && yes(c.RestartPolicy.Enabled), capability+"container-restart-policy")
	r.add(c.RepositoryCredentials != nil, capability+"private-registry-authentication.secretsmanager")
	r.add(len(c.EnvironmentFiles) > 0, capability+"env-files.s3")
	for _, s := range c.Secrets {
		r.add(true, capability+"secrets."+secretStore(*s.ValueFrom)+".environment-variables")
	}
}

// secretStore is "asm" for a secret of Secrets Manager, "ssm" for a parameter.
func secretStore(from string) string {
	if strings.Contains(from, ":secretsmanager:") {
		return "asm"
	}
	return "ssm"
}

// Capabilities are the attributes of an agent that can do everything that the
// engine serves, for the instances that join with one.
func Capabilities() []api.Attribute {
	names := []string{
		oldCapability + "privileged-container", oldCapability + "ecr-auth", oldCapability + "task-iam-role",
		oldCapability + "task-iam-role-network-host",
		capability + "execution-role-ecr-pull", capability + "execution-role-awslogs", capability + "container-health-check",
		capability + "task-cpu-mem-limit", capability + "task-eni", capability + "container-ordering", capability + "full-sync", capability + "env-files.s3",
		capability + "container-restart-policy", capability + "network.container-port-range", capability + "docker-plugin.local", capability + "pid-ipc-namespace-sharing",
		capability + "private-registry-authentication.secretsmanager",
	}
	for _, version := range []string{"1.17", "1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25", "1.28", "1.29", "1.30", "1.32"} {
		names = append(names, remoteAPI+version)
	}
	for _, driver := range []string{"awslogs", "json-file", "syslog", "journald", "none", "fluentd", "gelf", "splunk"} {
		names = append(names, oldCapability+"logging-driver."+driver)
	}
	for _, store := range []string{"asm", "ssm"} {
		names = append(names, capability+"secrets."+store+".environment-variables", capability+"secrets."+store+".bootstrap.log-driver")
	}
	var all []api.Attribute
	for _, n := range names {
		all = append(all, api.Attribute{Name: &n})
	}
	return all
}
