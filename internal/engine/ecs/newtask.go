package ecs

import (
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// TaskSpec is what a task is to be.
type TaskSpec struct {
	Cluster     string
	Definition  *Definition
	Group       string // "" is the family's
	StartedBy   string
	Service     string
	Launch      api.LaunchType
	Provider    string
	Platform    string
	Overrides   *api.TaskOverride
	Network     *api.NetworkConfiguration
	Exec        bool
	Constraints []api.PlacementConstraint
	Placement   []api.PlacementStrategy
	Tags        tagging.Set
}

// NewTask is a new task that wants to run, on the instance if there is one. The
// caller puts it.
func NewTask(scope state.Scope, spec *TaskSpec, on *Instance, now time.Time) *Task {
	d := spec.Definition.Body
	t := &Task{
		Cluster: spec.Cluster, ID: ids.Hex(32), Definition: *d.TaskDefinitionArn, Family: *d.Family, Group: spec.Group,
		StartedBy: spec.StartedBy, Service: spec.Service, LaunchType: spec.Launch, Provider: spec.Provider,
		CPU: awsapi.V(d.Cpu), Memory: awsapi.V(d.Memory), Overrides: spec.Overrides, Network: spec.Network,
		Exec: spec.Exec, Constraints: spec.Constraints, Placement: spec.Placement, Needs: Needs(d, spec.Overrides), CreatedAt: now,
		Tags: spec.Tags, Desired: Running, Last: Pending, Health: api.HealthStatusUnknown,
	}
	t.ARN = TaskARN(scope, t.Cluster, t.ID)
	if t.Group == "" {
		t.Group = "family:" + t.Family
	}
	if o := spec.Overrides; o != nil {
		t.CPU, t.Memory = awsapi.V(firstText(o.Cpu, d.Cpu)), awsapi.V(firstText(o.Memory, d.Memory))
	}
	if t.CPU == "" && t.LaunchType != api.LaunchTypeFargate {
		// ECS shows the sums where the task has no sizes of its own.
		t.CPU, t.Memory = strconv.Itoa(t.Needs.CPU), strconv.Itoa(t.Needs.Memory)
	}
	if t.LaunchType == api.LaunchTypeFargate {
		t.Platform, t.PlatformOS, t.Needs = latest(spec.Platform), "Linux", Resources{}
		t.Ephemeral = &api.EphemeralStorage{SizeInGiB: new(20)}
		if d.EphemeralStorage != nil {
			t.Ephemeral = d.EphemeralStorage
		}
		arch := api.CPUArchitectureX8664
		if p := d.RuntimePlatform; p != nil && p.CpuArchitecture != "" {
			arch = p.CpuArchitecture
		}
		t.Attributes = []api.Attribute{{Name: new("ecs.cpu-architecture"), Value: new(architecture(arch))}}
	}
	t.attach(scope, d)
	for i := range d.ContainerDefinitions {
		t.Containers = append(t.Containers, newContainer(scope, t, Overridden(&d.ContainerDefinitions[i], spec.Overrides)))
	}
	if on != nil {
		t.Place(on)
	} else if t.LaunchType != api.LaunchTypeFargate {
		t.Last = Provisioning // it waits for an instance
	}
	return t
}

// attach gives an awsvpc task its network interface, which is made while it is
// PROVISIONING.
func (t *Task) attach(scope state.Scope, d *api.TaskDefinition) {
	if d.NetworkMode != api.NetworkModeAwsvpc {
		return
	}
	t.Last = Provisioning
	eni := api.Attachment{Id: new(ids.UUID()), Type: new(eniType), Status: new("PRECREATED"), Details: []api.KeyValuePair{}}
	if t.Network != nil {
		eni.Details = append(eni.Details, api.KeyValuePair{Name: new("subnetId"), Value: new(t.Network.AwsvpcConfiguration.Subnets[0])})
	}
	t.Attachments = append(t.Attachments, eni)
}

func newContainer(scope state.Scope, t *Task, c *api.ContainerDefinition) Container {
	n := Container{
		Name: *c.Name, ARN: ContainerARN(scope, t.Cluster, t.ID, ids.UUID()), Image: *c.Image, Essential: *c.Essential, Last: Pending,
		CPU: strconv.Itoa(number(c.Cpu, 0)), Health: api.HealthStatusUnknown,
	}
	if c.Memory != nil {
		n.Memory = strconv.Itoa(*c.Memory)
	}
	if c.MemoryReservation != nil {
		n.Reservation = strconv.Itoa(*c.MemoryReservation)
	}
	if t.Exec {
		n.Agents = []api.ManagedAgent{{Name: api.ManagedAgentNameExecuteCommandAgent, LastStatus: new(string(Pending))}}
	}
	return n
}

// ServiceSpec is what the tasks of a service's deployment are to be.
func ServiceSpec(tx *state.Tx, scope state.Scope, svc *ServiceRow, d *Deployment) (*TaskSpec, bool) {
	def, ok := DefinitionOf(tx, scope, d.Definition)
	if !ok {
		return nil, false
	}
	spec := &TaskSpec{
		Cluster: svc.Cluster, Definition: def, Group: svc.Group(), StartedBy: d.ID, Service: svc.Name, Launch: d.LaunchType, Platform: d.Platform,
		Network: d.Network, Exec: svc.Exec, Constraints: svc.Constraints, Placement: svc.Placement,
		Tags: taskTags(scope, svc, def),
	}
	if spec.Launch == "" {
		spec.Launch = strategyLaunch(d.Strategy)
	}
	return spec, true
}

// taskTags are the tags of a service's task: ECS's own, and those of the service or
// the task definition, whichever is propagated.
func taskTags(scope state.Scope, svc *ServiceRow, d *Definition) tagging.Set {
	tags := tagging.Set{}
	switch svc.Propagate {
	case api.PropagateTagsService:
		tags = tags.With(svc.Tags)
	case api.PropagateTagsTaskDefinition:
		tags = tags.With(d.Tags)
	}
	if svc.ManagedTags {
		tags = tags.With(tagging.Set{"aws:ecs:clusterName": svc.Cluster, "aws:ecs:serviceName": svc.Name})
	}
	return tags
}

// PlacementRequest is what tasks of the spec want of their instances.
func PlacementRequest(spec *TaskSpec, count int) *placement.Request {
	d := spec.Definition.Body
	needs := Needs(d, spec.Overrides)
	r := &placement.Request{
		Count: count, Needs: placement.Amount{CPU: needs.CPU, Memory: needs.Memory, GPU: needs.GPU, ENI: needs.ENI},
		Ports: placement.Ports{TCP: needs.TCP, UDP: needs.UDP}, Group: spec.Group, Provider: spec.Provider, Seed: seed(),
	}
	if r.Group == "" {
		r.Group = "family:" + *d.Family
	}
	for _, a := range d.RequiresAttributes {
		r.Attributes = append(r.Attributes, placement.Attribute{Name: *a.Name, Value: awsapi.V(a.Value)})
	}
	if p := d.RuntimePlatform; p != nil && p.CpuArchitecture != "" {
		r.Attributes = append(r.Attributes, placement.Attribute{Name: "ecs.cpu-architecture", Value: architecture(p.CpuArchitecture)})
	}
	var expressions []string
	for _, c := range d.PlacementConstraints {
		expressions = append(expressions, awsapi.V(c.Expression))
	}
	for _, c := range spec.Constraints {
		if c.Type == api.PlacementConstraintTypeDistinctInstance {
			r.Distinct = true
		} else {
			expressions = append(expressions, awsapi.V(c.Expression))
		}
	}
	for _, e := range expressions {
		if only, err := placement.Parse(e); err == nil { // checked when it was written
			r.Only = append(r.Only, only)
		}
	}
	r.Strategy = strategies(spec.Placement)
	if len(r.Strategy) == 0 && spec.Service != "" {
		r.Strategy = placement.Default
	}
	return r
}

// architecture is how the agent spells it.
func architecture(a api.CPUArchitecture) string {
	if a == api.CPUArchitectureArm64 {
		return "arm64"
	}
	return "x86_64"
}

func strategies(in []api.PlacementStrategy) []placement.Strategy {
	var all []placement.Strategy
	for _, p := range in {
		field := awsapi.V(p.Field)
		switch p.Type {
		case api.PlacementStrategyTypeBinpack:
			kind := placement.BinpackMemory
			if slices.Contains([]string{"cpu", "CPU"}, field) {
				kind = placement.BinpackCPU
			}
			all = append(all, placement.Strategy{Type: kind})
		case api.PlacementStrategyTypeSpread:
			s := placement.Strategy{Type: placement.Spread}
			if field != "instanceId" {
				s.Attribute = field[len("attribute:"):]
			}
			all = append(all, s)
		default:
			all = append(all, placement.Strategy{Type: placement.Random})
		}
	}
	return all
}
