package ecs

import (
	"slices"
	"strconv"
	"strings"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
)

// taskSizes are the memory sizes that Fargate has for a CPU size: from, to, in
// steps of, all in MiB.
var taskSizes = map[int]struct{ from, to, step int }{
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
}

// fargateSize tells whether Fargate has tasks of the size.
func fargateSize(cpu, memory int) bool {
	if cpu == 256 {
		return slices.Contains([]int{512, 1024, 2048}, memory)
	}
	s, ok := taskSizes[cpu]
	return ok && memory >= s.from && memory <= s.to && (memory-s.from)%s.step == 0
}

// The sizes of a task on EC2 (RegisterTaskDefinition).
const (
	leastTaskCPU = 128
	mostTaskCPU  = 196608
)

// leastMemory is the least that Docker gives to a container, in MiB.
const leastMemory = 6

// size turns "1 vCPU" or ".5 GB" into "1024" or "512"; plain numbers stay.
func size(given *string, what, unit string) (*string, error) {
	if given == nil {
		return nil, nil
	}
	t := strings.ToLower(strings.TrimSpace(*given))
	if n, err := strconv.Atoi(t); err == nil && n > 0 {
		return new(strconv.Itoa(n)), nil
	}
	number, ok := strings.CutSuffix(t, unit)
	if f, err := strconv.ParseFloat(strings.TrimSpace(number), 64); ok && err == nil && f > 0 && f < 1<<20 {
		return new(strconv.Itoa(int(f * 1024))), nil
	}
	return nil, api.ClientException("Invalid '%s' setting for task.", what)
}

// whole is the number in a size, 0 for none.
func whole(size *string) int {
	if size == nil {
		return 0
	}
	n, _ := strconv.Atoi(*size)
	return n
}

// Needs is what a task of the definition takes of an instance: the task's own
// sizes, or else the sum of its containers'. Of a container's memory the
// reservation counts where there is one.
func Needs(d *api.TaskDefinition, o *api.TaskOverride) (r Resources) {
	for i := range d.ContainerDefinitions {
		c := Overridden(&d.ContainerDefinitions[i], o)
		r.CPU += number(c.Cpu, 0)
		r.Memory += number(c.MemoryReservation, number(c.Memory, 0))
		for _, n := range c.ResourceRequirements {
			if n.Type == api.ResourceTypeGpu {
				gpus, _ := strconv.Atoi(*n.Value)
				r.GPU += gpus
			}
		}
		if d.NetworkMode != api.NetworkModeBridge && d.NetworkMode != api.NetworkModeHost {
			continue
		}
		for _, p := range c.PortMappings {
			switch port := number(p.HostPort, 0); {
			case port == 0:
			case p.Protocol == api.TransportProtocolUdp:
				r.UDP = append(r.UDP, port)
			default:
				r.TCP = append(r.TCP, port)
			}
		}
	}
	if d.NetworkMode == api.NetworkModeAwsvpc {
		r.ENI = 1
	}
	cpu, memory := d.Cpu, d.Memory
	if o != nil {
		cpu, memory = firstText(o.Cpu, cpu), firstText(o.Memory, memory)
	}
	if n := whole(cpu); n > 0 {
		r.CPU = n
	}
	if n := whole(memory); n > 0 {
		r.Memory = n
	}
	return r
}

// Reserves is the CPU units and the MiB that the task has reserved, on Fargate
// those of its size.
func (t *Task) Reserves() (cpu, memory int) {
	if t.LaunchType == api.LaunchTypeFargate {
		return whole(&t.CPU), whole(&t.Memory)
	}
	return t.Needs.CPU, t.Needs.Memory
}

func firstText(a, b *string) *string {
	if a != nil {
		return a
	}
	return b
}

// Overridden is a container definition as a task with the overrides runs it.
func Overridden(c *api.ContainerDefinition, o *api.TaskOverride) *api.ContainerDefinition {
	if o == nil {
		return c
	}
	at := slices.IndexFunc(o.ContainerOverrides, func(x api.ContainerOverride) bool { return x.Name != nil && *x.Name == *c.Name })
	if at < 0 {
		return c
	}
	n, x := *c, o.ContainerOverrides[at]
	if x.Cpu != nil {
		n.Cpu = x.Cpu
	}
	if x.Memory != nil {
		n.Memory = x.Memory
	}
	if x.MemoryReservation != nil {
		n.MemoryReservation = x.MemoryReservation
	}
	if x.Command != nil {
		n.Command = x.Command
	}
	if x.ResourceRequirements != nil {
		n.ResourceRequirements = x.ResourceRequirements
	}
	if len(x.Environment) > 0 {
		n.Environment = overEnvironment(c.Environment, x.Environment)
	}
	if x.EnvironmentFiles != nil {
		n.EnvironmentFiles = x.EnvironmentFiles
	}
	return &n
}

// overEnvironment puts variables over those that there are.
func overEnvironment(old, more []api.KeyValuePair) []api.KeyValuePair {
	all := slices.Clone(old)
	for _, v := range more {
		at := slices.IndexFunc(all, func(o api.KeyValuePair) bool { return *o.Name == *v.Name })
		if at < 0 {
			all = append(all, v)
		} else {
			all[at] = v
		}
	}
	return all
}
