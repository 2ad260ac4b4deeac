package ecs

import (
	"context"
	"iter"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// describeTask is the task as it is described.
func describeTask(scope state.Scope, t *Task, tags bool) api.Task {
	out := api.Task{
		TaskArn: new(t.ARN), ClusterArn: new(ClusterARN(scope, t.Cluster)), TaskDefinitionArn: new(t.Definition), Group: new(t.Group),
		StartedBy: text(t.StartedBy), LaunchType: t.LaunchType, CapacityProviderName: text(t.Provider),
		PlatformVersion: text(t.Platform), PlatformFamily: text(t.PlatformOS), Cpu: text(t.CPU), Memory: text(t.Memory), EphemeralStorage: t.Ephemeral,
		Overrides: t.Overrides, EnableExecuteCommand: new(t.Exec), AvailabilityZone: text(t.Zone), CreatedAt: moment(t.CreatedAt),
		DesiredStatus: new(string(t.Desired)), LastStatus: new(string(t.Last)), StopCode: t.StopCode, StoppedReason: text(t.StopReason),
		HealthStatus: t.Health, Connectivity: t.Connectivity, ConnectivityAt: moment(t.ConnectivityAt),
		PullStartedAt: moment(t.PullStartedAt), PullStoppedAt: moment(t.PullStoppedAt), StartedAt: moment(t.StartedAt),
		ExecutionStoppedAt: moment(t.ExecutionStoppedAt), StoppingAt: moment(t.StoppingAt), StoppedAt: moment(t.StoppedAt),
		Version: new(t.Version), Attachments: append([]api.Attachment{}, t.Attachments...), Attributes: append([]api.Attribute{}, t.Attributes...),
		Containers: []api.Container{}, InferenceAccelerators: []api.InferenceAccelerator{}, Tags: []api.Tag{},
	}
	out.Overrides = overridesShown(t)
	if t.Instance != "" {
		out.ContainerInstanceArn = new(InstanceARN(scope, t.Cluster, t.Instance))
	}
	for i := range t.Containers {
		out.Containers = append(out.Containers, describeContainer(t, &t.Containers[i]))
	}
	if tags {
		out.Tags = tagList(t.Tags)
	}
	return out
}

// overridesShown is the task's overrides with an entry for each of its containers,
// as ECS shows them.
func overridesShown(t *Task) *api.TaskOverride {
	out := api.TaskOverride{InferenceAcceleratorOverrides: []api.InferenceAcceleratorOverride{}}
	if t.Overrides != nil {
		out = *t.Overrides
	}
	given := out.ContainerOverrides
	out.ContainerOverrides = []api.ContainerOverride{}
	for i := range t.Containers {
		called := t.Containers[i].Name
		at := slices.IndexFunc(given, func(o api.ContainerOverride) bool { return *o.Name == called })
		if at < 0 {
			out.ContainerOverrides = append(out.ContainerOverrides, api.ContainerOverride{Name: &called})
			continue
		}
		out.ContainerOverrides = append(out.ContainerOverrides, given[at])
	}
	return &out
}

func describeContainer(t *Task, c *Container) api.Container {
	return api.Container{
		ContainerArn: new(c.ARN), TaskArn: new(t.ARN), Name: new(c.Name), Image: new(c.Image), ImageDigest: text(c.Digest), RuntimeId: text(c.Runtime),
		LastStatus: new(string(c.Last)), ExitCode: c.ExitCode, Reason: text(c.Reason), HealthStatus: c.Health,
		Cpu: text(c.CPU), Memory: text(c.Memory), MemoryReservation: text(c.Reservation), GpuIds: c.GPUs, ManagedAgents: c.Agents,
		NetworkBindings: append([]api.NetworkBinding{}, c.Bindings...), NetworkInterfaces: append([]api.NetworkInterface{}, c.Interfaces...),
	}
}

// DescribeTasks is the tasks named, stopped ones included for an hour.
func (s *Service) DescribeTasks(_ context.Context, c *operation.Caller, in *api.DescribeTasksRequest) (*api.DescribeTasksResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err == nil {
		err = batch(in.Tasks, 100, "Tasks")
	}
	if err != nil {
		return nil, err
	}
	out := &api.DescribeTasksResponse{Tasks: []api.Task{}, Failures: []api.Failure{}}
	for _, ref := range in.Tasks {
		t, ok := task(tx, scope, cl.Name, ref)
		if !ok {
			out.Failures = append(out.Failures, missing(scope, "task", cl.Name, ref))
			continue
		}
		out.Tasks = append(out.Tasks, describeTask(scope, t, includes(in.Include, api.TaskFieldTags)))
	}
	return out, nil
}

// ListTasks is the tasks of a cluster that are to run, or to stop, narrowed by an
// instance, a family, a service or who started them.
func (s *Service) ListTasks(_ context.Context, c *operation.Caller, in *api.ListTasksRequest) (*api.ListTasksResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	rows, err := tasksOf(tx, scope, cl, in)
	if err != nil {
		return nil, err
	}
	want := Running
	if in.DesiredStatus != "" {
		want = Status(in.DesiredStatus)
	}
	rows = filter(rows, func(t *Task) bool {
		return t.Desired == want && (in.Family == nil || t.Family == *in.Family) && (in.LaunchType == "" || t.LaunchType == in.LaunchType)
	})
	got, next, err := page(rows, in.NextToken, in.MaxResults, MostPerPage, MostPerPage, Tasks.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListTasksResponse{TaskArns: arns(got, func(t *Task) string { return t.ARN }), NextToken: next}, nil
}

// tasksOf is the tasks by the narrowest index that the request allows.
func tasksOf(tx *state.Tx, scope state.Scope, cl *Cluster, in *api.ListTasksRequest) (iter.Seq[*Task], error) {
	if in.DaemonName != nil {
		return nil, unserved("daemons (daemonName)")
	}
	if in.StartedBy != nil {
		if in.ContainerInstance != nil || in.Family != nil || in.ServiceName != nil {
			return nil, api.InvalidParameterException("startedBy must be the only filter when it is specified.")
		}
		return TasksByStarter.Get(tx, scope, key(cl.Name, *in.StartedBy)), nil
	}
	var svc *ServiceRow
	if in.ServiceName != nil {
		found, ok := service(tx, scope, cl.Name, *in.ServiceName)
		if !ok {
			return nil, api.ServiceNotFoundException("Service not found.")
		}
		svc = found
	}
	if in.ContainerInstance != nil {
		i, ok := instance(tx, scope, cl.Name, *in.ContainerInstance)
		if !ok {
			return nil, api.InvalidParameterException("Referenced container instance %s not found.", *in.ContainerInstance)
		}
		rows := TasksByInstance.Get(tx, scope, i.Key())
		return filter(rows, func(t *Task) bool { return svc == nil || t.Service == svc.Name }), nil
	}
	switch {
	case svc != nil:
		return TasksByService.Get(tx, scope, svc.Key()), nil
	case in.Family != nil:
		return TasksByFamily.Get(tx, scope, key(cl.Name, *in.Family)), nil
	}
	return after(Tasks, tx, scope, cl.Name+"/", in.NextToken), nil
}

// StopTask asks a task to stop. The answer shows the order; the stop is observed
// later.
func (s *Service) StopTask(_ context.Context, c *operation.Caller, in *api.StopTaskRequest) (*api.StopTaskResponse, error) {
	scope := c.Scope()
	reason := awsapi.V(in.Reason)
	if reason == "" {
		reason = "Task stopped by user"
	}
	var out api.Task
	err := s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		t, ok := task(tx, scope, cl.Name, *in.Task)
		if !ok {
			return api.InvalidParameterException("The referenced task was not found.")
		}
		now := s.env.Now()
		ChangeTask(tx, scope, t.Key(), func(t *Task) bool { return t.Stop(api.TaskStopCodeUserInitiated, reason, now) })
		t, _ = Tasks.Get(tx, scope, t.Key())
		out = describeTask(scope, t, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.StopTaskResponse{Task: &out}, nil
}

// ExecuteCommand opens a session with a container whose agent runs.
func (s *Service) ExecuteCommand(_ context.Context, c *operation.Caller, in *api.ExecuteCommandRequest) (*api.ExecuteCommandResponse, error) {
	scope, tx := c.Scope(), s.env.Store.View()
	cl, err := cluster(tx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	t, ok := task(tx, scope, cl.Name, *in.Task)
	switch {
	case !ok:
		return nil, api.InvalidParameterException("The referenced task was not found.")
	case t.Last != Running || t.Desired == Stopped:
		return nil, api.InvalidParameterException("The execute command failed because the task is not in the RUNNING state.")
	case !yes(in.Interactive):
		return nil, api.InvalidParameterException("Interactive is the only mode supported currently.")
	case *in.Command == "":
		return nil, api.InvalidParameterException("The command can not be blank.")
	case !t.Exec:
		return nil, api.InvalidParameterException("The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.")
	case in.Container == nil && len(t.Containers) > 1:
		return nil, api.InvalidParameterException("The container name must be specified for a task with more than one container.")
	}
	at := 0
	if in.Container != nil {
		at = slices.IndexFunc(t.Containers, func(c Container) bool { return c.Name == *in.Container })
	}
	if at < 0 {
		return nil, api.InvalidParameterException("The container %s does not exist in the task.", *in.Container)
	}
	container := &t.Containers[at]
	connected := slices.ContainsFunc(container.Agents, func(a api.ManagedAgent) bool { return awsapi.V(a.LastStatus) == string(Running) })
	if s.Session == nil || !connected {
		return nil, api.TargetNotConnectedException("The execute command failed due to an internal error. Try again later.")
	}
	session, err := s.Session(tx, scope, t, container, *in.Command)
	if err != nil {
		return nil, err
	}
	return &api.ExecuteCommandResponse{
		ClusterArn: new(cl.ARN), TaskArn: new(t.ARN), ContainerArn: new(container.ARN), ContainerName: new(container.Name),
		Interactive: in.Interactive, Session: session,
	}, nil
}
