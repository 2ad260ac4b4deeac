package ecs

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// OwnPorts are the host ports that every container instance keeps for itself:
// SSH, Docker and the agent.
var OwnPorts = []int{22, 2375, 2376, 51678, 51679}

// Join makes a container instance of what the agent tells, in the cluster. The
// engine's own instances come this way, and RegisterContainerInstance.
func Join(tx *state.Tx, scope state.Scope, i *Instance) *Instance {
	row := *i
	row.ID = cmp.Or(row.ID, ids.Hex(32))
	row.ARN = InstanceARN(scope, row.Cluster, row.ID)
	row.Status = cmp.Or(row.Status, Active)
	row.Attributes = slices.Clone(row.Attributes)
	slices.SortFunc(row.Attributes, func(a, b api.Attribute) int { return strings.Compare(*a.Name, *b.Name) })
	PutInstance(tx, scope, &row)
	joined, _ := Instances.Get(tx, scope, row.Key())
	return joined
}

// identity is what is used of an EC2 instance's identity document.
type identity struct {
	InstanceID       string `json:"instanceId"`
	ImageID          string `json:"imageId"`
	InstanceType     string `json:"instanceType"`
	AvailabilityZone string `json:"availabilityZone"`
	AccountID        string `json:"accountId"`
	Region           string `json:"region"`
}

// RegisterContainerInstance is an agent's call. Its instance stays
// disconnected, so that no task is placed there: the engine's own agents do not
// come over the network, and it has no endpoint for others.
func (s *Service) RegisterContainerInstance(_ context.Context, c *operation.Caller, in *api.RegisterContainerInstanceRequest) (*api.RegisterContainerInstanceResponse, error) {
	scope := c.Scope()
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var doc identity
	if in.InstanceIdentityDocument != nil {
		if json.Unmarshal([]byte(*in.InstanceIdentityDocument), &doc) != nil || doc.InstanceID == "" {
			return nil, api.ClientException("The instance identity document is not valid.")
		}
	}
	attributes, err := givenAttributes(in.Attributes, doc)
	if err != nil {
		return nil, err
	}
	has, err := givenResources(in.TotalResources)
	if err != nil {
		return nil, err
	}
	var out api.ContainerInstance
	err = s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		row := &Instance{
			Cluster: cl.Name, EC2: doc.InstanceID, Attributes: attributes, Has: has, Software: in.VersionInfo,
			Tags: tags, RegisteredAt: s.env.Now(),
		}
		if in.ContainerInstanceArn != nil {
			old, ok := instance(tx, scope, cl.Name, *in.ContainerInstanceArn)
			if !ok || old.Status == Inactive {
				return api.ClientException("The container instance %s is not registered in the cluster.", *in.ContainerInstanceArn)
			}
			row.ID, row.Status, row.Provider, row.Connected = old.ID, old.Status, old.Provider, old.Connected
			row.RegisteredAt, row.Changes = old.RegisteredAt, old.Changes
		}
		out = describeInstance(tx, scope, Join(tx, scope, row), true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RegisterContainerInstanceResponse{ContainerInstance: &out}, nil
}

// givenAttributes are the agent's, and those that ECS takes from EC2.
func givenAttributes(in []api.Attribute, doc identity) ([]api.Attribute, error) {
	var all []api.Attribute
	for _, a := range in {
		if err := checkAttribute(a, false); err != nil {
			return nil, err
		}
		all = append(all, api.Attribute{Name: a.Name, Value: a.Value})
	}
	for name, value := range map[string]string{
		"ecs.ami-id": doc.ImageID, "ecs.availability-zone": doc.AvailabilityZone, "ecs.instance-type": doc.InstanceType,
	} {
		if value != "" && !slices.ContainsFunc(all, func(a api.Attribute) bool { return *a.Name == name }) {
			all = append(all, api.Attribute{Name: &name, Value: &value})
		}
	}
	return all, nil
}

func givenResources(in []api.Resource) (has Resources, err error) {
	for _, r := range in {
		switch awsapi.V(r.Name) {
		case "CPU":
			has.CPU = awsapi.V(r.IntegerValue)
		case "MEMORY":
			has.Memory = awsapi.V(r.IntegerValue)
		case "GPU":
			has.GPU = max(awsapi.V(r.IntegerValue), len(r.StringSetValue))
		case "PORTS":
			has.TCP, err = ports(r.StringSetValue)
		case "PORTS_UDP":
			has.UDP, err = ports(r.StringSetValue)
		default:
			err = api.ClientException("The resource %s is not known.", awsapi.V(r.Name))
		}
		if err != nil {
			return has, err
		}
	}
	return has, nil
}

func ports(texts []string) ([]int, error) {
	var all []int
	for _, t := range texts {
		p, err := strconv.Atoi(t)
		if err != nil || p < 0 || p > 65535 {
			return nil, api.ClientException("%q is not a port.", t)
		}
		all = append(all, p)
	}
	slices.Sort(all)
	return all, nil
}

// describeInstance is the container instance as it is described.
func describeInstance(tx *state.Tx, scope state.Scope, i *Instance, tags bool) api.ContainerInstance {
	u := UsageOf(tx, scope, i)
	out := api.ContainerInstance{
		ContainerInstanceArn: new(i.ARN), Ec2InstanceId: text(i.EC2), Status: new(i.Status), StatusReason: text(i.StatusReason),
		AgentConnected: new(i.Connected), CapacityProviderName: text(i.Provider), RegisteredAt: new(i.RegisteredAt),
		RunningTasksCount: new(u.Running), PendingTasksCount: new(u.Pending), Version: new(i.Changes + u.Changes),
		VersionInfo: i.Software, Attributes: append([]api.Attribute{}, i.Attributes...), Attachments: []api.Attachment{}, Tags: []api.Tag{},
		RegisteredResources: describeResources(i.Has),
		RemainingResources: describeResources(Resources{
			CPU: i.Has.CPU - u.Taken.CPU, Memory: i.Has.Memory - u.Taken.Memory, GPU: i.Has.GPU - u.Taken.GPU,
			TCP: withPorts(i.Has.TCP, u.Taken.TCP), UDP: withPorts(i.Has.UDP, u.Taken.UDP),
		}),
	}
	if out.VersionInfo == nil {
		out.VersionInfo = &api.VersionInfo{}
	}
	if tags {
		out.Tags = tagList(i.Tags)
	}
	return out
}

// describeResources is the four or five resources in the agent's order. Ports are
// those that are taken, of what remains as of what is registered.
func describeResources(r Resources) []api.Resource {
	whole := func(name string, v int) api.Resource {
		return api.Resource{Name: &name, Type: new("INTEGER"), DoubleValue: new(0.0), LongValue: new(0), IntegerValue: &v}
	}
	set := func(name string, ports []int) api.Resource {
		texts := []string{}
		for _, p := range ports {
			texts = append(texts, strconv.Itoa(p))
		}
		return api.Resource{Name: &name, Type: new("STRINGSET"), DoubleValue: new(0.0), LongValue: new(0), IntegerValue: new(0), StringSetValue: texts}
	}
	all := []api.Resource{whole("CPU", r.CPU), whole("MEMORY", r.Memory), set("PORTS", r.TCP), set("PORTS_UDP", r.UDP)}
	if r.GPU > 0 {
		all = append(all, whole("GPU", r.GPU))
	}
	return all
}

// DeregisterContainerInstance takes an instance out of its cluster. With force
// the tasks on it are given up.
func (s *Service) DeregisterContainerInstance(_ context.Context, c *operation.Caller, in *api.DeregisterContainerInstanceRequest) (*api.DeregisterContainerInstanceResponse, error) {
	scope := c.Scope()
	var out api.ContainerInstance
	err := s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		i, ok := instance(tx, scope, cl.Name, *in.ContainerInstance)
		if !ok || i.Status == Inactive {
			return api.InvalidParameterException("Referenced container instance %s not found.", *in.ContainerInstance)
		}
		if !yes(in.Force) && alive(tx, scope, i) {
			return api.InvalidParameterException("Found running tasks on the instance.")
		}
		gone := Leave(tx, scope, i, "", "Container instance deregistration forced by user", s.env.Now())
		out = describeInstance(tx, scope, gone, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeregisterContainerInstanceResponse{ContainerInstance: &out}, nil
}

// alive tells whether a task on the instance has not stopped.
func alive(tx *state.Tx, scope state.Scope, i *Instance) bool {
	for t := range TasksByInstance.Get(tx, scope, i.Key()) {
		if t.Last != Stopped {
			return true
		}
	}
	return false
}

// Busy tells whether a task other than a daemon's is on the instance and has not
// stopped.
func Busy(tx *state.Tx, scope state.Scope, cluster, instance string) bool {
	for t := range TasksByInstance.Get(tx, scope, key(cluster, instance)) {
		if t.Last != Stopped && !daemon(tx, scope, t) {
			return true
		}
	}
	return false
}

// Occupied tells whether any task on the instance has not stopped.
func Occupied(tx *state.Tx, scope state.Scope, i *Instance) bool { return alive(tx, scope, i) }

func daemon(tx *state.Tx, scope state.Scope, t *Task) bool {
	svc, ok := Services.Get(tx, scope, key(t.Cluster, t.Service))
	return ok && svc.Scheduling == api.SchedulingStrategyDaemon
}

// Lost stops the tasks of an instance that cannot run them any more.
func Lost(tx *state.Tx, scope state.Scope, i *Instance, code api.TaskStopCode, reason string, now time.Time) {
	for t := range TasksByInstance.Get(tx, scope, i.Key()) {
		ChangeTask(tx, scope, t.Key(), func(t *Task) bool { return t.Stop(code, reason, now) })
	}
}

// Leave takes an instance out of its cluster: it is INACTIVE, and its tasks are
// asked to stop for the reason.
func Leave(tx *state.Tx, scope state.Scope, i *Instance, code api.TaskStopCode, reason string, now time.Time) *Instance {
	Lost(tx, scope, i, code, reason, now)
	row := *i
	row.Status, row.Connected, row.Until = Inactive, false, now.Add(TaskLingers)
	PutInstance(tx, scope, &row)
	depart(tx, scope, row.Until, Instances, row.Key())
	gone, _ := Instances.Get(tx, scope, row.Key())
	return gone
}

// DescribeContainerInstances is the container instances named.
func (s *Service) DescribeContainerInstances(_ context.Context, c *operation.Caller, in *api.DescribeContainerInstancesRequest) (*api.DescribeContainerInstancesResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err == nil {
		err = batch(in.ContainerInstances, 100, "Container instances")
	}
	if err != nil {
		return nil, err
	}
	out := &api.DescribeContainerInstancesResponse{ContainerInstances: []api.ContainerInstance{}, Failures: []api.Failure{}}
	for _, ref := range in.ContainerInstances {
		i, ok := instance(tx, scope, cl.Name, ref)
		if !ok {
			out.Failures = append(out.Failures, missing(scope, "container-instance", cl.Name, ref))
			continue
		}
		d := describeInstance(tx, scope, i, includes(in.Include, api.ContainerInstanceFieldTags))
		if includes(in.Include, api.ContainerInstanceFieldContainerInstanceHealth) {
			// Nothing looks after the container runtime's health.
			d.HealthStatus = &api.ContainerInstanceHealthStatus{OverallStatus: api.InstanceHealthCheckStateInsufficientData, Details: []api.InstanceHealthCheckResult{}}
		}
		out.ContainerInstances = append(out.ContainerInstances, d)
	}
	return out, nil
}

// ListContainerInstances is the cluster's instances of a status, or all that are
// not deregistered, for which the filter is true.
func (s *Service) ListContainerInstances(_ context.Context, c *operation.Caller, in *api.ListContainerInstancesRequest) (*api.ListContainerInstancesResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	var only *placement.Expression
	if in.Filter != nil && *in.Filter != "" {
		if only, err = placement.Parse(*in.Filter); err != nil {
			return nil, api.InvalidParameterException("Invalid filter: %s.", err)
		}
	}
	matching := filter(after(Instances, tx, scope, cl.Name+"/", in.NextToken), func(i *Instance) bool {
		if i.Status == Inactive || in.Status != "" && i.Status != string(in.Status) {
			return false
		}
		return only == nil || only.Match(seen(i, UsageOf(tx, scope, i)))
	})
	got, next, err := page(matching, in.NextToken, in.MaxResults, MostPerPage, MostPerPage, Instances.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListContainerInstancesResponse{ContainerInstanceArns: arns(got, func(i *Instance) string { return i.ARN }), NextToken: next}, nil
}

// UpdateContainerInstancesState drains instances, or takes them back.
func (s *Service) UpdateContainerInstancesState(_ context.Context, c *operation.Caller, in *api.UpdateContainerInstancesStateRequest) (*api.UpdateContainerInstancesStateResponse, error) {
	scope := c.Scope()
	if in.Status != api.ContainerInstanceStatusActive && in.Status != api.ContainerInstanceStatusDraining {
		return nil, api.InvalidParameterException("Container instance status should be one of [ACTIVE,DRAINING].")
	}
	if err := batch(in.ContainerInstances, 10, "Container instances"); err != nil {
		return nil, err
	}
	out := &api.UpdateContainerInstancesStateResponse{}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		out.ContainerInstances, out.Failures = []api.ContainerInstance{}, []api.Failure{}
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		for _, ref := range in.ContainerInstances {
			i, ok := instance(tx, scope, cl.Name, ref)
			switch {
			case !ok:
				out.Failures = append(out.Failures, missing(scope, "container-instance", cl.Name, ref))
				continue
			case i.Status != Active && i.Status != Draining:
				out.Failures = append(out.Failures, api.Failure{Arn: new(i.ARN), Reason: new("INACTIVE")})
				continue
			}
			row := *i
			row.Status = string(in.Status)
			PutInstance(tx, scope, &row)
			i, _ = Instances.Get(tx, scope, i.Key())
			out.ContainerInstances = append(out.ContainerInstances, describeInstance(tx, scope, i, true))
		}
		return nil
	})
	return out, err
}
