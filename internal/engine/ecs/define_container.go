package ecs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// image is what an image's name may have, and a digest behind it.
var image = lazyregexp.New(`^[A-Za-z0-9_:./#-]+(@sha256:[A-Fa-f0-9]{64})?$`)

// setting is the error for a container's member that cannot be as it is.
func setting(c *api.ContainerDefinition, format string, args ...any) error {
	return api.ClientException("Invalid setting for container '%s'. %s", *c.Name, fmt.Sprintf(format, args...))
}

// checkContainers checks the containers, each for itself and together.
func checkContainers(d *api.TaskDefinition) error {
	seen := map[string]bool{}
	essential := false
	for i := range d.ContainerDefinitions {
		c := &d.ContainerDefinitions[i]
		if err := checkContainerNames(c); err != nil {
			return err
		}
		if seen[*c.Name] {
			return api.ClientException("Duplicate container name '%s'. Container names must be unique in a task definition.", *c.Name)
		}
		seen[*c.Name] = true
		essential = essential || *c.Essential
	}
	if !essential {
		return api.ClientException("Invalid 'essential' setting for containers. At least one container in a task definition must be essential.")
	}
	for i := range d.ContainerDefinitions {
		c := &d.ContainerDefinitions[i]
		for _, check := range []func(*api.TaskDefinition, *api.ContainerDefinition) error{
			checkMemory, checkPorts, checkNetwork, checkReferences, checkDependencies, checkVariables, checkLogging, checkHealth, checkLimits,
		} {
			if err := check(d, c); err != nil {
				return err
			}
		}
	}
	if err := checkHostPorts(d); err != nil {
		return err
	}
	if circular(d) {
		return api.ClientException("The dependencies of the containers are circular.")
	}
	return checkSums(d)
}

func checkContainerNames(c *api.ContainerDefinition) error {
	switch n := awsapi.V(c.Name); {
	case n == "":
		return api.ClientException("Container.name should not be null or empty.")
	case len(n) > 255:
		return api.ClientException("Container.name longer than 255.")
	case !name.MatchString(n):
		return api.ClientException("Container.name contains invalid characters.")
	}
	repository, _, _ := strings.Cut(awsapi.V(c.Image), "@")
	switch n := awsapi.V(c.Image); {
	case n == "":
		return api.ClientException("Container.image should not be null or empty.")
	case len(repository) > 255:
		return api.ClientException("Container.image longer than 255.")
	case !image.MatchString(n):
		return api.ClientException("Container.image contains invalid characters.")
	}
	return nil
}

// checkMemory: without a size of the task, every container needs one.
func checkMemory(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	hard, soft := number(c.Memory, 0), number(c.MemoryReservation, 0)
	switch {
	case d.Memory == nil && hard == 0 && soft == 0 && !requires(d, api.CompatibilityFargate):
		return setting(c, "At least one of 'memory' or 'memoryReservation' must be specified.")
	case hard < 0 || soft < 0 || *c.Cpu < 0:
		return setting(c, "'cpu', 'memory' and 'memoryReservation' cannot be negative.")
	case c.Memory != nil && hard < leastMemory:
		return setting(c, "'memory' must be at least %d MiB.", leastMemory)
	case c.Memory != nil && c.MemoryReservation != nil && hard <= soft:
		return setting(c, "'memory' must be greater than 'memoryReservation'.")
	}
	return nil
}

func checkPorts(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	if len(c.PortMappings) > 0 && d.NetworkMode == api.NetworkModeNone {
		return api.ClientException("When networkMode=none, port mappings are not supported.")
	}
	seen := map[string]bool{}
	for _, p := range c.PortMappings {
		if p.ContainerPortRange != nil {
			if err := checkRange(d, c, &p); err != nil {
				return err
			}
			continue
		}
		port, host := number(p.ContainerPort, 0), number(p.HostPort, 0)
		if port < 1 || port > 65535 || host < 0 || host > 65535 {
			return setting(c, "'containerPort' must be between 1 and 65535, 'hostPort' between 0 and 65535.")
		}
		if host != port && d.NetworkMode != api.NetworkModeBridge {
			return api.ClientException("When networkMode=%s, the host ports and container ports in port mappings must match.", d.NetworkMode)
		}
		if n := awsapi.V(p.Name); n != "" && seen[n] {
			return setting(c, "The port mapping name '%s' is used more than once.", n)
		} else if n != "" {
			seen[n] = true
		}
	}
	return nil
}

// checkRange: a range is of the container's ports; the host's are chosen.
func checkRange(d *api.TaskDefinition, c *api.ContainerDefinition, p *api.PortMapping) error {
	first, last, ok := portRange(*p.ContainerPortRange)
	switch {
	case !ok:
		return setting(c, "The containerPortRange '%s' is not a range of ports such as 8000-8010.", *p.ContainerPortRange)
	case last-first >= 100:
		return setting(c, "The containerPortRange '%s' has more than 100 ports.", *p.ContainerPortRange)
	case p.ContainerPort != nil || p.HostPort != nil:
		return setting(c, "A port mapping with a containerPortRange can have neither a containerPort nor a hostPort.")
	case d.NetworkMode == api.NetworkModeHost:
		return api.ClientException("When networkMode=host, containerPortRange is not supported.")
	}
	return nil
}

// portRange reads "8000-8010".
func portRange(s string) (first, last int, ok bool) {
	a, b, _ := strings.Cut(s, "-")
	first, err := strconv.Atoi(a)
	last, err2 := strconv.Atoi(b)
	return first, last, err == nil && err2 == nil && 1 <= first && first <= last && last <= 65535
}

// checkHostPorts: a host port goes to one container only.
func checkHostPorts(d *api.TaskDefinition) error {
	if d.NetworkMode == api.NetworkModeAwsvpc {
		return nil
	}
	seen := map[string]bool{}
	for _, c := range d.ContainerDefinitions {
		for _, p := range c.PortMappings {
			k := fmt.Sprint(number(p.HostPort, 0), p.Protocol)
			if number(p.HostPort, 0) != 0 && seen[k] {
				return setting(&c, "The host port %d is mapped more than once.", *p.HostPort)
			}
			seen[k] = true
		}
	}
	return nil
}

// checkNetwork: what some network modes do not have.
func checkNetwork(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	switch mode := d.NetworkMode; {
	case len(c.Links) > 0 && mode != api.NetworkModeBridge:
		return api.ClientException("Links are not supported when networkMode=%s.", mode)
	case mode != api.NetworkModeAwsvpc:
		return nil
	case len(c.DnsServers) > 0 || len(c.DnsSearchDomains) > 0:
		return api.ClientException("DNS servers and search domains are not supported when networkMode=awsvpc.")
	case awsapi.V(c.Hostname) != "":
		return api.ClientException("Hostname is not supported when networkMode=awsvpc.")
	case len(c.ExtraHosts) > 0:
		return api.ClientException("Extra hosts are not supported when networkMode=awsvpc.")
	case yes(c.DisableNetworking):
		return api.ClientException("Networking cannot be disabled for a container when networkMode=awsvpc.")
	}
	return nil
}

func containerOf(d *api.TaskDefinition, called string) *api.ContainerDefinition {
	at := slices.IndexFunc(d.ContainerDefinitions, func(c api.ContainerDefinition) bool { return awsapi.V(c.Name) == called })
	if at < 0 {
		return nil
	}
	return &d.ContainerDefinitions[at]
}

// checkReferences: volumes and containers that a container names must be there.
func checkReferences(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	for _, m := range c.MountPoints {
		v := awsapi.V(m.SourceVolume)
		if !slices.ContainsFunc(d.Volumes, func(o api.Volume) bool { return awsapi.V(o.Name) == v }) {
			return api.ClientException("Unknown volume '%s'.", v)
		}
		if awsapi.V(m.ContainerPath) == "" {
			return setting(c, "The mount point of volume '%s' has no containerPath.", v)
		}
	}
	for _, v := range c.VolumesFrom {
		if source := awsapi.V(v.SourceContainer); containerOf(d, source) == nil || source == *c.Name {
			return api.ClientException("Unknown container '%s'.", source)
		}
	}
	for _, l := range c.Links {
		if linked, _, _ := strings.Cut(l, ":"); containerOf(d, linked) == nil || linked == *c.Name {
			return api.ClientException("Unknown container '%s'.", linked)
		}
	}
	return nil
}

func checkDependencies(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	for _, dep := range c.DependsOn {
		other := containerOf(d, awsapi.V(dep.ContainerName))
		switch {
		case other == nil:
			return setting(c, "It depends on the container '%s', which does not exist in the task definition.", awsapi.V(dep.ContainerName))
		case other == c:
			return setting(c, "It cannot depend on itself.")
		case dep.Condition == api.ContainerConditionHealthy && other.HealthCheck == nil:
			return setting(c, "It depends on the container '%s' to be HEALTHY, which has no health check.", *other.Name)
		case (dep.Condition == api.ContainerConditionComplete || dep.Condition == api.ContainerConditionSuccess) && *other.Essential:
			return setting(c, "It depends on the container '%s' with the condition %s, which an essential container cannot have.", *other.Name, dep.Condition)
		}
	}
	return nil
}

// circular tells whether containers wait for each other: by dependencies, links or
// volumes.
func circular(d *api.TaskDefinition) bool {
	const visiting, done = 1, 2
	mark := map[string]int{}
	var visit func(called string) bool
	visit = func(called string) bool {
		switch mark[called] {
		case visiting:
			return true
		case done:
			return false
		}
		mark[called] = visiting
		for _, next := range waitsFor(containerOf(d, called)) {
			if visit(next) {
				return true
			}
		}
		mark[called] = done
		return false
	}
	return slices.ContainsFunc(d.ContainerDefinitions, func(c api.ContainerDefinition) bool { return visit(*c.Name) })
}

func waitsFor(c *api.ContainerDefinition) []string {
	var all []string
	for _, dep := range c.DependsOn {
		all = append(all, *dep.ContainerName)
	}
	for _, l := range c.Links {
		linked, _, _ := strings.Cut(l, ":")
		all = append(all, linked)
	}
	for _, v := range c.VolumesFrom {
		all = append(all, *v.SourceContainer)
	}
	return all
}

// checkVariables: each variable has one source, and secrets need a role to
// fetch them with.
func checkVariables(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	seen := map[string]bool{}
	for _, v := range c.Environment {
		if awsapi.V(v.Name) == "" {
			return setting(c, "An environment variable has no name.")
		}
		seen[*v.Name] = true
	}
	for _, s := range c.Secrets {
		if seen[*s.Name] {
			return api.ClientException("The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'.", *s.Name)
		}
		seen[*s.Name] = true
		if *s.ValueFrom == "" {
			return setting(c, "The secret '%s' has no valueFrom.", *s.Name)
		}
	}
	if err := checkEnvironmentFiles(c.EnvironmentFiles); err != nil {
		return err
	}
	switch {
	case len(c.EnvironmentFiles) > 0 && d.ExecutionRoleArn == nil:
		return api.ClientException("When you are specifying container environment files, you must also specify a value for 'executionRoleArn'.")
	case len(c.Secrets) > 0 && d.ExecutionRoleArn == nil:
		return api.ClientException("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
	case c.RepositoryCredentials != nil && d.ExecutionRoleArn == nil:
		return api.ClientException("When you are specifying repositoryCredentials, you must also specify a value for 'executionRoleArn'.")
	case c.LogConfiguration != nil && len(c.LogConfiguration.SecretOptions) > 0 && d.ExecutionRoleArn == nil:
		return api.ClientException("When you are specifying container log configuration secret options, you must also specify a value for 'executionRoleArn'.")
	}
	return nil
}

// mostEnvironmentFiles and the suffix are the guide's ("Pass environment variables
// to an Amazon ECS container").
const mostEnvironmentFiles = 10

var environmentFile = lazyregexp.New(`^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\.env$`)

func checkEnvironmentFiles(files []api.EnvironmentFile) error {
	if len(files) > mostEnvironmentFiles {
		return api.ClientException("A container can have at most %d environment files.", mostEnvironmentFiles)
	}
	for _, f := range files {
		if !environmentFile.MatchString(awsapi.V(f.Value)) {
			return api.ClientException("Invalid environment file '%s': it has to be the ARN of an Amazon S3 object whose name ends with .env.", awsapi.V(f.Value))
		}
	}
	return nil
}

func checkLogging(d *api.TaskDefinition, c *api.ContainerDefinition) error {
	l := c.LogConfiguration
	if l == nil || l.LogDriver != api.LogDriverAwslogs {
		return nil
	}
	var absent []string
	for _, o := range []string{"awslogs-group", "awslogs-region"} {
		if l.Options[o] == "" {
			absent = append(absent, o)
		}
	}
	switch mode := l.Options["mode"]; {
	case len(absent) > 0:
		return api.ClientException("Log driver awslogs requires options: %s", strings.Join(absent, ", "))
	case requires(d, api.CompatibilityFargate) && l.Options["awslogs-stream-prefix"] == "":
		return api.ClientException("Log driver awslogs option 'awslogs-stream-prefix' should not be null or empty.")
	case mode != "" && mode != "blocking" && mode != "non-blocking":
		return api.ClientException("Log driver awslogs option 'mode' should be one of [blocking,non-blocking].")
	}
	return nil
}

func checkHealth(_ *api.TaskDefinition, c *api.ContainerDefinition) error {
	h := c.HealthCheck
	if h == nil {
		return nil
	}
	if len(h.Command) == 0 || !slices.Contains([]string{"CMD", "CMD-SHELL", "NONE"}, h.Command[0]) || len(h.Command) < 2 && h.Command[0] != "NONE" {
		return setting(c, "The command of the health check must begin with CMD or CMD-SHELL.")
	}
	for _, m := range []struct {
		what        string
		value       *int
		least, most int
	}{
		{"interval", h.Interval, 5, 300}, {"timeout", h.Timeout, 2, 60}, {"retries", h.Retries, 1, 10}, {"startPeriod", h.StartPeriod, 0, 300},
	} {
		if m.value != nil && (*m.value < m.least || *m.value > m.most) {
			return setting(c, "The %s of the health check must be between %d and %d.", m.what, m.least, m.most)
		}
	}
	return nil
}

func checkLimits(_ *api.TaskDefinition, c *api.ContainerDefinition) error {
	for _, u := range c.Ulimits {
		if *u.SoftLimit > *u.HardLimit && *u.HardLimit >= 0 {
			return setting(c, "The soft limit of the ulimit %s cannot be greater than its hard limit.", u.Name)
		}
	}
	if l := c.LinuxParameters; l != nil {
		if l.Swappiness != nil && (*l.Swappiness < 0 || *l.Swappiness > 100) {
			return setting(c, "'swappiness' must be between 0 and 100.")
		}
		if l.MaxSwap != nil && *l.MaxSwap < 0 {
			return setting(c, "'maxSwap' must be 0 or a positive integer.")
		}
	}
	if p := c.RestartPolicy; p != nil {
		if len(p.IgnoredExitCodes) > 50 {
			return setting(c, "A restart policy can ignore at most 50 exit codes.")
		}
		if s := p.RestartAttemptPeriod; s != nil && (*s < 60 || *s > 1800) {
			return setting(c, "The restartAttemptPeriod must be between 60 and 1800.")
		}
	}
	return nil
}

// checkSums: the containers together must fit into the task.
func checkSums(d *api.TaskDefinition) error {
	cpu, memory := 0, 0
	for _, c := range d.ContainerDefinitions {
		cpu += *c.Cpu
		memory += number(c.MemoryReservation, number(c.Memory, 0))
		if d.Memory != nil && number(c.Memory, 0) > whole(d.Memory) {
			return setting(&c, "'memory' cannot be greater than the memory of the task.")
		}
	}
	switch {
	case d.Memory != nil && memory > whole(d.Memory):
		return api.ClientException("The memory reserved for all containers (%d MiB) cannot be greater than the memory of the task (%s MiB).", memory, *d.Memory)
	case d.Cpu != nil && cpu > whole(d.Cpu):
		return api.ClientException("The CPU units reserved for all containers (%d) cannot be greater than the CPU units of the task (%s).", cpu, *d.Cpu)
	}
	return nil
}
