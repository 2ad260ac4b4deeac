package scheduler

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/executionrole"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Secrets opens the secrets that task definitions name. Its errors are the
// reasons that a task stops for.
type Secrets interface {
	// Secret is the value that valueFrom names: a parameter or a secret.
	Secret(ctx context.Context, tx *state.Tx, t executionrole.Task, valueFrom string) (string, error)
	// EnvironmentFile is the variables that an object in S3 holds, NAME=VALUE each.
	EnvironmentFile(ctx context.Context, tx *state.Tx, t executionrole.Task, object string) ([]string, error)
	// Registry is the login that a container's repositoryCredentials name.
	Registry(ctx context.Context, tx *state.Tx, t executionrole.Task, parameter string) (user, password string, err error)
	// Login is the login for an image in ECR; empty for one that is elsewhere.
	Login(ctx context.Context, tx *state.Tx, t executionrole.Task, image string) (user, password string, err error)
}

// Specs makes what the runtime starts of tasks.
type Specs struct {
	Secrets Secrets
	// Env is what a container finds in its environment beside what its definition
	// says: where to ask for credentials and metadata. Its error is the reason
	// that the task stops for.
	Env func(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task, container string) ([]string, error)
}

// Of is a task as the runtime starts it, its secrets opened.
func (s *Specs) Of(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task) (*docker.Task, error) {
	def, ok := ecs.DefinitionOf(tx, scope, t.Definition)
	if !ok {
		return nil, fmt.Errorf("task definition %s is gone", t.Definition)
	}
	d := def.Body
	out := &docker.Task{
		Identity: docker.Identity{
			ARN: t.ARN, ID: t.ID, Cluster: t.Cluster, Family: def.Family, Revision: strconv.Itoa(def.Revision), Account: scope.Account, Region: scope.Region,
			Service: t.Service, Instance: t.Instance,
		},
		NetworkMode: docker.NetworkMode(d.NetworkMode), PIDMode: string(d.PidMode), IPCMode: string(d.IpcMode),
		CPU: whole(awsapi.V(d.Cpu)), Memory: whole(awsapi.V(d.Memory)),
	}
	for _, v := range d.Volumes {
		out.Volumes = append(out.Volumes, volume(v))
	}
	for i := range d.ContainerDefinitions {
		c, err := s.container(ctx, tx, scope, t, ecs.Overridden(&d.ContainerDefinitions[i], t.Overrides))
		if err != nil {
			return nil, err
		}
		out.Containers = append(out.Containers, *c)
	}
	return out, nil
}

func whole(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func volume(v api.Volume) docker.Volume {
	out := docker.Volume{Name: awsapi.V(v.Name)}
	if v.Host != nil {
		out.HostPath = awsapi.V(v.Host.SourcePath)
	}
	if c := v.DockerVolumeConfiguration; c != nil {
		out.Docker = &docker.DockerVolume{
			Shared: c.Scope == api.ScopeShared, Autoprovision: awsapi.V(c.Autoprovision), Driver: awsapi.V(c.Driver), Options: c.DriverOpts, Labels: c.Labels,
		}
	}
	return out
}

func (s *Specs) container(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task, c *api.ContainerDefinition) (*docker.Container, error) {
	out := &docker.Container{
		Name: *c.Name, Image: *c.Image, Command: c.Command, EntryPoint: c.EntryPoint, User: awsapi.V(c.User), WorkingDir: awsapi.V(c.WorkingDirectory),
		Hostname: awsapi.V(c.Hostname), CPU: int64(awsapi.V(c.Cpu)), MemoryHard: int64(awsapi.V(c.Memory)), MemorySoft: int64(awsapi.V(c.MemoryReservation)),
		Links: c.Links, DNSServers: c.DnsServers, DNSSearch: c.DnsSearchDomains, DockerLabels: c.DockerLabels, SecurityOptions: c.DockerSecurityOptions,
		Privileged: awsapi.V(c.Privileged), ReadonlyRoot: awsapi.V(c.ReadonlyRootFilesystem), DisableNetworking: awsapi.V(c.DisableNetworking),
		Interactive: awsapi.V(c.Interactive), Terminal: awsapi.V(c.PseudoTerminal), Essential: c.Essential == nil || *c.Essential,
		StartTimeout: seconds(c.StartTimeout), StopTimeout: seconds(c.StopTimeout), Linux: linux(c.LinuxParameters), Sysctls: map[string]string{},
	}
	for _, h := range c.ExtraHosts {
		out.ExtraHosts = append(out.ExtraHosts, awsapi.V(h.Hostname)+":"+awsapi.V(h.IpAddress))
	}
	for _, u := range c.Ulimits {
		out.Ulimits = append(out.Ulimits, docker.Ulimit{Name: string(u.Name), Soft: int64(awsapi.V(u.SoftLimit)), Hard: int64(awsapi.V(u.HardLimit))})
	}
	for _, x := range c.SystemControls {
		out.Sysctls[awsapi.V(x.Namespace)] = awsapi.V(x.Value)
	}
	for _, m := range c.MountPoints {
		out.Mounts = append(out.Mounts, docker.Mount{Volume: awsapi.V(m.SourceVolume), Path: awsapi.V(m.ContainerPath), ReadOnly: awsapi.V(m.ReadOnly)})
	}
	for _, v := range c.VolumesFrom {
		out.VolumesFrom = append(out.VolumesFrom, docker.VolumesFrom{Container: awsapi.V(v.SourceContainer), ReadOnly: awsapi.V(v.ReadOnly)})
	}
	for _, d := range c.DependsOn {
		out.DependsOn = append(out.DependsOn, docker.Dependency{Container: awsapi.V(d.ContainerName), Condition: docker.Condition(d.Condition)})
	}
	for _, p := range c.PortMappings {
		out.Ports = append(out.Ports, port(p))
	}
	if h := c.HealthCheck; h != nil {
		out.HealthCheck = &docker.HealthCheck{Command: h.Command, Interval: seconds(h.Interval), Timeout: seconds(h.Timeout), StartPeriod: seconds(h.StartPeriod), Retries: awsapi.V(h.Retries)}
	}
	if p := c.RestartPolicy; p != nil && awsapi.V(p.Enabled) {
		out.Restart = &docker.Restart{Period: cmp.Or(seconds(p.RestartAttemptPeriod), 300*time.Second), IgnoredCodes: p.IgnoredExitCodes}
	}
	// awslogs is served by the engine, which reads what the daemon keeps.
	if l := c.LogConfiguration; l != nil && l.LogDriver != api.LogDriverAwslogs {
		out.Log = docker.LogDriver{Name: string(l.LogDriver), Options: l.Options}
	}
	env, err := s.extra(ctx, tx, scope, t, *c.Name)
	if err != nil {
		return nil, err
	}
	out.Env = variables(c)
	if err := s.fetch(ctx, tx, scope, t, c, out); err != nil {
		return nil, err
	}
	out.Env = unlessSet(out.Env, env)
	return out, nil
}

// extra is what the engine adds to a container's environment.
func (s *Specs) extra(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task, container string) ([]string, error) {
	if s.Env == nil {
		return nil, nil
	}
	return s.Env(ctx, tx, scope, t, container)
}

// variables is the environment as the definition says it.
func variables(c *api.ContainerDefinition) (env []string) {
	for _, e := range c.Environment {
		env = append(env, awsapi.V(e.Name)+"="+awsapi.V(e.Value))
	}
	return env
}

// fetch opens what the task's execution role may read: secrets in the
// environment and in the log driver's options, and the registry's login.
func (s *Specs) fetch(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task, c *api.ContainerDefinition, out *docker.Container) (err error) {
	who := executionrole.Task{Scope: scope, Role: ExecutionRole(tx, scope, t), ID: t.ID, Fargate: t.Platform != ""}
	for _, x := range c.Secrets {
		value, err := s.Secrets.Secret(ctx, tx, who, awsapi.V(x.ValueFrom))
		if err != nil {
			return err
		}
		out.Env = append(out.Env, awsapi.V(x.Name)+"="+value)
	}
	for _, x := range c.EnvironmentFiles {
		more, err := s.Secrets.EnvironmentFile(ctx, tx, who, awsapi.V(x.Value))
		if err != nil {
			return err
		}
		out.Env = unlessSet(out.Env, more)
	}
	if c.LogConfiguration != nil && out.Log.Name != "" && len(c.LogConfiguration.SecretOptions) > 0 {
		out.Log.Options = maps.Clone(out.Log.Options)
		if out.Log.Options == nil {
			out.Log.Options = map[string]string{}
		}
		for _, x := range c.LogConfiguration.SecretOptions {
			if out.Log.Options[awsapi.V(x.Name)], err = s.Secrets.Secret(ctx, tx, who, awsapi.V(x.ValueFrom)); err != nil {
				return err
			}
		}
	}
	switch r := c.RepositoryCredentials; {
	case r != nil:
		out.Username, out.Password, err = s.Secrets.Registry(ctx, tx, who, awsapi.V(r.CredentialsParameter))
	case who.Role != "":
		out.Username, out.Password, err = s.Secrets.Login(ctx, tx, who, out.Image)
	}
	return err
}

// unlessSet adds variables that are not there yet: what the definition says comes
// before files, a file before those behind it, and all of them before the engine's own.
func unlessSet(env, more []string) []string {
	set := map[string]bool{}
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		set[name] = true
	}
	for _, v := range more {
		if name, _, _ := strings.Cut(v, "="); !set[name] {
			set[name] = true
			env = append(env, v)
		}
	}
	return env
}

// ExecutionRole is the ARN of the role that fetches for a task: the one that it
// was run with, or its definition's; "" when it has none.
func ExecutionRole(tx *state.Tx, scope state.Scope, t *ecs.Task) string {
	if t.Overrides != nil && t.Overrides.ExecutionRoleArn != nil {
		return *t.Overrides.ExecutionRoleArn
	}
	if def, ok := ecs.DefinitionOf(tx, scope, t.Definition); ok {
		return awsapi.V(def.Body.ExecutionRoleArn)
	}
	return ""
}

func seconds(n *int) time.Duration { return time.Duration(awsapi.V(n)) * time.Second }

func port(p api.PortMapping) docker.Port {
	out := docker.Port{Container: uint16(awsapi.V(p.ContainerPort)), Host: uint16(awsapi.V(p.HostPort)), Proto: string(p.Protocol)}
	if r := awsapi.V(p.ContainerPortRange); r != "" {
		first, last, _ := strings.Cut(r, "-")
		out.Container, out.Last = uint16(whole(first)), uint16(whole(last))
	}
	return out
}

func linux(p *api.LinuxParameters) docker.Linux {
	if p == nil {
		return docker.Linux{}
	}
	out := docker.Linux{Init: awsapi.V(p.InitProcessEnabled), SharedMemory: int64(awsapi.V(p.SharedMemorySize))}
	if p.Capabilities != nil {
		out.CapAdd, out.CapDrop = p.Capabilities.Add, p.Capabilities.Drop
	}
	for _, d := range p.Devices {
		dev := docker.Device{Host: awsapi.V(d.HostPath), Container: awsapi.V(d.ContainerPath)}
		for _, perm := range d.Permissions {
			dev.Permissions = append(dev.Permissions, string(perm))
		}
		out.Devices = append(out.Devices, dev)
	}
	for _, f := range p.Tmpfs {
		out.Tmpfs = append(out.Tmpfs, docker.Tmpfs{Path: awsapi.V(f.ContainerPath), Size: int64(awsapi.V(f.Size)), Options: f.MountOptions})
	}
	if p.MaxSwap != nil {
		out.MaxSwap = new(int64(*p.MaxSwap))
	}
	if p.Swappiness != nil {
		out.Swappiness = new(int64(*p.Swappiness))
	}
	return out
}
