package cloud

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// The labels that a container carries, and a task definition with it: which
// release it is.
const (
	labelTag    = "slipway.tag"
	labelCommit = "slipway.commit"
)

// definition is a task definition in the deploy wing's nouns.
func definition(td *types.TaskDefinition) slipway.Definition {
	d := slipway.Definition{NetworkMode: string(td.NetworkMode), CPU: number(td.Cpu), Memory: number(td.Memory),
		TaskRole: aws.ToString(td.TaskRoleArn), ExecutionRole: aws.ToString(td.ExecutionRoleArn)}
	if d.NetworkMode == "" {
		d.NetworkMode = "bridge" // what an omitted one means on Linux
	}
	for _, v := range td.Volumes {
		volume := slipway.Volume{Name: aws.ToString(v.Name)}
		if v.Host != nil {
			volume.HostPath = aws.ToString(v.Host.SourcePath)
		}
		d.Volumes = append(d.Volumes, volume)
	}
	for _, c := range td.ContainerDefinitions {
		if log := c.LogConfiguration; log != nil && log.LogDriver == types.LogDriverAwslogs {
			d.LogGroup, d.LogPrefix, d.LogRegion = log.Options["awslogs-group"], log.Options["awslogs-stream-prefix"], log.Options["awslogs-region"]
		}
		d.Containers = append(d.Containers, container(c))
	}
	return d
}

func container(c types.ContainerDefinition) slipway.Container {
	n := slipway.Container{
		Name: aws.ToString(c.Name), Command: c.Command, Entrypoint: c.EntryPoint, CPU: int(c.Cpu),
		MemorySoft: int(aws.ToInt32(c.MemoryReservation)), MemoryHard: int(aws.ToInt32(c.Memory)),
		User: aws.ToString(c.User), Essential: c.Essential == nil || *c.Essential,
		Stop: time.Duration(aws.ToInt32(c.StopTimeout)) * time.Second, Variables: map[string]string{}, Secrets: map[string]string{},
	}
	if len(c.PortMappings) > 0 {
		n.Port, n.HostPort = int(aws.ToInt32(c.PortMappings[0].ContainerPort)), int(aws.ToInt32(c.PortMappings[0].HostPort))
	}
	if c.HealthCheck != nil {
		n.Health = c.HealthCheck.Command
	}
	for _, v := range c.Environment {
		n.Variables[aws.ToString(v.Name)] = aws.ToString(v.Value)
	}
	for _, s := range c.Secrets {
		n.Secrets[aws.ToString(s.Name)] = secretName(aws.ToString(s.ValueFrom))
	}
	for _, m := range c.MountPoints {
		n.Mounts = append(n.Mounts, slipway.Mount{Volume: aws.ToString(m.SourceVolume), Path: aws.ToString(m.ContainerPath), ReadOnly: aws.ToBool(m.ReadOnly)})
	}
	return n
}

// secretName is a parameter's name, where an ARN says no more than that.
func secretName(from string) string {
	if parts := strings.SplitN(from, ":", 6); len(parts) == 6 && parts[2] == "ssm" {
		return strings.TrimPrefix(parts[5], "parameter")
	}
	return from
}

func number(s *string) int {
	n, _ := strconv.Atoi(aws.ToString(s))
	return n
}

// released is the release that a task definition was made for, by its labels or
// its image's tag.
func released(td *types.TaskDefinition) (tag, commit, image string) {
	if len(td.ContainerDefinitions) == 0 {
		return "", "", ""
	}
	c := td.ContainerDefinitions[0]
	image = aws.ToString(c.Image)
	if tag = c.DockerLabels[labelTag]; tag != "" {
		return tag, c.DockerLabels[labelCommit], image
	}
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		tag = name[i+1:]
	}
	return tag, "", image
}

// registration is the request that registers what the file wants for a release.
// What the file has no word for is taken over from the revision that runs, so
// that a service made by others loses nothing.
func registration(s *slipway.Service, d slipway.Definition, r slipway.Release, base *types.TaskDefinition) *ecs.RegisterTaskDefinitionInput {
	in := &ecs.RegisterTaskDefinitionInput{Family: &s.Family}
	if base != nil {
		in.PlacementConstraints, in.ProxyConfiguration, in.RuntimePlatform = base.PlacementConstraints, base.ProxyConfiguration, base.RuntimePlatform
		in.EphemeralStorage, in.PidMode, in.IpcMode = base.EphemeralStorage, base.PidMode, base.IpcMode
		//lint:ignore SA1019 what an old revision still has is taken over; AWS says what it thinks of it
		in.InferenceAccelerators = base.InferenceAccelerators
	}
	in.NetworkMode = types.NetworkMode(d.NetworkMode)
	in.TaskRoleArn, in.ExecutionRoleArn = text(d.TaskRole), text(d.ExecutionRole)
	if d.CPU > 0 {
		in.Cpu = aws.String(strconv.Itoa(d.CPU))
	}
	if d.Memory > 0 {
		in.Memory = aws.String(strconv.Itoa(d.Memory))
	}
	if s.Capacity == "fargate" {
		in.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
	}
	in.Volumes = volumes(d, base)
	for _, c := range d.Containers {
		in.ContainerDefinitions = append(in.ContainerDefinitions, containerDefinition(c, d, r, baseContainer(base, c.Name)))
	}
	return in
}

// volumes keeps, of a volume that the file only names, what else it is (a Docker
// or EFS volume).
func volumes(d slipway.Definition, base *types.TaskDefinition) []types.Volume {
	var list []types.Volume
	for _, v := range d.Volumes {
		volume := types.Volume{Name: &v.Name}
		if v.HostPath != "" {
			volume.Host = &types.HostVolumeProperties{SourcePath: &v.HostPath}
		} else if base != nil {
			if i := slices.IndexFunc(base.Volumes, func(b types.Volume) bool { return aws.ToString(b.Name) == v.Name }); i >= 0 {
				volume = base.Volumes[i]
			}
		}
		list = append(list, volume)
	}
	return list
}

func baseContainer(base *types.TaskDefinition, name string) types.ContainerDefinition {
	if base != nil {
		for _, c := range base.ContainerDefinitions {
			if aws.ToString(c.Name) == name {
				return c
			}
		}
	}
	return types.ContainerDefinition{}
}

func containerDefinition(c slipway.Container, d slipway.Definition, r slipway.Release, base types.ContainerDefinition) types.ContainerDefinition {
	out := base
	out.Name, out.Image = &c.Name, &c.Image
	if c.Image == "" {
		out.Image = aws.String(r.Images[c.Build])
	}
	out.Command, out.EntryPoint, out.Cpu = c.Command, c.Entrypoint, int32(c.CPU)
	out.Memory, out.MemoryReservation = whole(c.MemoryHard), whole(c.MemorySoft)
	out.User, out.Essential, out.StopTimeout = text(c.User), &c.Essential, whole(int(c.Stop/time.Second))
	out.PortMappings = nil
	if c.Port != 0 {
		m := types.PortMapping{ContainerPort: whole(c.Port), HostPort: aws.Int32(int32(c.HostPort)), Protocol: types.TransportProtocolTcp}
		if d.NetworkMode == "awsvpc" {
			m.HostPort = m.ContainerPort
		}
		out.PortMappings = []types.PortMapping{m}
	}
	if len(c.Health) > 0 {
		check := types.HealthCheck{}
		if base.HealthCheck != nil {
			check = *base.HealthCheck
		}
		check.Command = c.Health
		out.HealthCheck = &check
	} else {
		out.HealthCheck = nil
	}
	out.Environment, out.Secrets, out.MountPoints = nil, nil, nil
	for _, k := range slices.Sorted(maps.Keys(c.Variables)) {
		out.Environment = append(out.Environment, types.KeyValuePair{Name: &k, Value: aws.String(c.Variables[k])})
	}
	for _, k := range slices.Sorted(maps.Keys(c.Secrets)) {
		out.Secrets = append(out.Secrets, types.Secret{Name: &k, ValueFrom: aws.String(c.Secrets[k])})
	}
	for _, m := range c.Mounts {
		out.MountPoints = append(out.MountPoints, types.MountPoint{SourceVolume: &m.Volume, ContainerPath: &m.Path, ReadOnly: &m.ReadOnly})
	}
	if d.LogGroup != "" {
		out.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": d.LogGroup, "awslogs-region": d.LogRegion, "awslogs-stream-prefix": d.LogPrefix}}
	}
	out.DockerLabels = maps.Clone(base.DockerLabels)
	if out.DockerLabels == nil {
		out.DockerLabels = map[string]string{}
	}
	out.DockerLabels[labelTag] = r.Tag
	if r.Commit != "" {
		out.DockerLabels[labelCommit] = r.Commit
	}
	return out
}

// text and whole leave what is not said out of a request.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func whole(n int) *int32 {
	if n == 0 {
		return nil
	}
	return aws.Int32(int32(n))
}
