package ecs

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Status is where a task or container is in its life. A desired status is only
// ever Running or Stopped.
type Status string

// The statuses of tasks, in their order (developer guide, task lifecycle).
const (
	Provisioning   Status = "PROVISIONING"
	Pending        Status = "PENDING"
	Activating     Status = "ACTIVATING"
	Running        Status = "RUNNING"
	Deactivating   Status = "DEACTIVATING"
	Stopping       Status = "STOPPING"
	Deprovisioning Status = "DEPROVISIONING"
	Stopped        Status = "STOPPED"
)

var order = map[Status]int{
	Provisioning: 1, Pending: 2, Activating: 3, Running: 4,
	Deactivating: 5, Stopping: 6, Deprovisioning: 7, Stopped: 8,
}

// Before tells whether a task passes s before it passes t.
func (s Status) Before(t Status) bool { return order[s] < order[t] }

// Counts is how ECS counts a task of this last status: pending until it runs,
// running until its containers are told to stop, then neither.
func (s Status) Counts() (running, pending int) {
	switch s {
	case Provisioning, Pending, Activating:
		return 0, 1
	case Running, Deactivating:
		return 1, 0
	}
	return 0, 0
}

// Task is one task. Put it with PutTask only.
type Task struct {
	// What it is; fixed at its birth.
	Cluster, ID string
	ARN         string
	Definition  string // ARN
	Family      string // of the definition
	Group       string
	StartedBy   string `json:",omitzero"` // the deployment's id for a service's task
	Service     string `json:",omitzero"` // the service's name
	LaunchType  api.LaunchType
	Provider    string                    `json:",omitzero"` // capacity provider
	Platform    string                    `json:",omitzero"` // Fargate's version
	PlatformOS  string                    `json:",omitzero"` // Fargate's family
	CPU, Memory string                    `json:",omitzero"` // task level
	Ephemeral   *api.EphemeralStorage     `json:",omitzero"`
	Overrides   *api.TaskOverride         `json:",omitzero"`
	Network     *api.NetworkConfiguration `json:",omitzero"`
	Exec        bool
	Constraints []api.PlacementConstraint `json:",omitzero"`
	Placement   []api.PlacementStrategy   `json:",omitzero"`
	// Needs is what it takes of its instance until it is STOPPED.
	Needs     Resources
	CreatedAt time.Time
	Tags      tagging.Set `json:",omitzero"`

	// Instance is the id of its container instance: "" on Fargate and while it
	// waits for a place, and never changed afterwards.
	Instance string `json:",omitzero"`
	Zone     string `json:",omitzero"`

	// What is wanted of it.
	Desired    Status
	StopCode   api.TaskStopCode `json:",omitzero"`
	StopReason string           `json:",omitzero"`
	// ProtectedUntil is the end of its scale-in protection.
	ProtectedUntil time.Time `json:",omitzero"`

	// What was observed.
	Last           Status
	Containers     []Container
	Attachments    []api.Attachment `json:",omitzero"`
	Attributes     []api.Attribute  `json:",omitzero"`
	Health         api.HealthStatus
	Connectivity   api.Connectivity `json:",omitzero"`
	ConnectivityAt time.Time        `json:",omitzero"`
	PullStartedAt  time.Time        `json:",omitzero"`
	PullStoppedAt  time.Time        `json:",omitzero"`
	StartedAt      time.Time        `json:",omitzero"`
	// ExecutionStoppedAt is when the first essential container ended.
	ExecutionStoppedAt time.Time `json:",omitzero"`
	StoppingAt         time.Time `json:",omitzero"`
	StoppedAt          time.Time `json:",omitzero"`
	Version            int
}

// Container is one container of a task, as observed.
type Container struct {
	Name, ARN                string
	Image                    string
	CPU, Memory, Reservation string `json:",omitzero"`
	Essential                bool
	Last                     Status
	Digest                   string                 `json:",omitzero"`
	Runtime                  string                 `json:",omitzero"` // Docker's id
	ExitCode                 *int                   `json:",omitzero"`
	Reason                   string                 `json:",omitzero"`
	Health                   api.HealthStatus       `json:",omitzero"`
	Bindings                 []api.NetworkBinding   `json:",omitzero"`
	Interfaces               []api.NetworkInterface `json:",omitzero"`
	Agents                   []api.ManagedAgent     `json:",omitzero"`
	GPUs                     []string               `json:",omitzero"`
}

// Agent is how the agent of ECS Exec is, where the container has one. The engine
// is that agent: it is there as long as the container runs.
func (c *Container) Agent(status Status, now time.Time) {
	for i := range c.Agents {
		if awsapi.V(c.Agents[i].LastStatus) == string(status) {
			continue
		}
		c.Agents = slices.Clone(c.Agents)
		c.Agents[i].LastStatus = new(string(status))
		if status == Running {
			c.Agents[i].LastStartedAt = &now
		}
	}
}

// Tasks are the tasks under "cluster/id".
var Tasks = state.NewTable("ecs.task", func(t *Task) string { return key(t.Cluster, t.ID) })

// The tasks by what they are asked for; every value begins with the cluster and "/".
var (
	TasksByInstance = state.NewIndex(Tasks, func(t *Task) []string { return within(t, t.Instance) })
	TasksByService  = state.NewIndex(Tasks, func(t *Task) []string { return within(t, t.Service) })
	// TasksByStarter is by startedBy: a deployment's id for a service's tasks.
	TasksByStarter = state.NewIndex(Tasks, func(t *Task) []string { return within(t, t.StartedBy) })
	TasksByFamily  = state.NewIndex(Tasks, func(t *Task) []string { return within(t, t.Family) })
	TasksByDesired = state.NewIndex(Tasks, func(t *Task) []string { return within(t, string(t.Desired)) })
	// TasksAlive are those that have not stopped yet.
	TasksAlive = state.NewIndex(Tasks, func(t *Task) []string {
		if t.Last == Stopped {
			return nil
		}
		return []string{t.Cluster}
	})
	// TasksWaiting are those that wait for a place on an instance.
	TasksWaiting = state.NewIndex(Tasks, func(t *Task) []string {
		if !t.Waits() || t.Desired == Stopped {
			return nil
		}
		return []string{t.Cluster}
	})
	// TasksByDefinition is by the task definition's ARN, of tasks that have not
	// stopped.
	TasksByDefinition = state.NewIndex(Tasks, func(t *Task) []string {
		if t.Last == Stopped {
			return nil
		}
		return []string{t.Definition}
	})
)

func within(t *Task, name string) []string {
	if name == "" {
		return nil
	}
	return []string{key(t.Cluster, name)}
}

// TaskARN is the name of a task.
func TaskARN(scope state.Scope, cluster, id string) string {
	return arn.New("ecs", scope, "task/"+key(cluster, id))
}

// ContainerARN is the name of a task's container.
func ContainerARN(scope state.Scope, cluster, task, id string) string {
	return arn.New("ecs", scope, "container/"+key(key(cluster, task), id))
}

// Key is the row's key.
func (t *Task) Key() string { return key(t.Cluster, t.ID) }

// Clone is a copy whose containers and attachments may be modified. It must not be
// called Copy: the state's trees would call it for every row that they pass.
func (t *Task) Clone() *Task {
	c := *t
	c.Containers = append([]Container(nil), t.Containers...)
	c.Attachments = append([]api.Attachment(nil), t.Attachments...)
	return &c
}

// Advance moves the task on to a status and notes the time. A status that it
// has passed changes nothing, and Advance tells so.
func (t *Task) Advance(to Status, now time.Time) bool {
	if !t.Last.Before(to) {
		return false
	}
	t.Last = to
	switch {
	case to == Running:
		t.StartedAt = now
	case to == Stopping:
		t.StoppingAt = cmp.Or(t.StoppingAt, now)
	case to == Stopped:
		t.StoppingAt = cmp.Or(t.StoppingAt, now)
		t.StoppedAt = now
	}
	return true
}

// Stop asks the task to stop. The first who asks gives the reason; Stop tells
// whether it was this call. Texts are cut as the service cuts them.
func (t *Task) Stop(code api.TaskStopCode, reason string, now time.Time) bool {
	if t.Desired == Stopped {
		return false
	}
	t.Desired, t.StopCode, t.StopReason = Stopped, code, cut(reason, 1024)
	t.StoppingAt = now
	if t.Waits() {
		// Nothing of it is anywhere.
		t.Advance(Stopped, now)
		t.Containers = slices.Clone(t.Containers)
		for i := range t.Containers {
			t.Containers[i].Advance(Stopped)
		}
	}
	return true
}

// Waits tells whether the task has no instance yet.
func (t *Task) Waits() bool { return t.Instance == "" && t.LaunchType != api.LaunchTypeFargate }

// Place puts a waiting task on an instance.
func (t *Task) Place(i *Instance) bool {
	if t.Instance != "" || t.Desired == Stopped {
		return false
	}
	t.Instance = i.ID
	t.Zone, _ = i.Attribute("ecs.availability-zone")
	t.Provider = cmp.Or(t.Provider, i.Provider)
	if arch, ok := i.Attribute("ecs.cpu-architecture"); ok {
		t.Attributes = []api.Attribute{{Name: new("ecs.cpu-architecture"), Value: &arch}}
	}
	return true
}

// ENI is what is known of the task's network interface, by the names that ECS
// shows it under: subnetId, networkInterfaceId, macAddress, privateDnsName,
// privateIPv4Address. It is nil for a task without one.
func (t *Task) ENI() map[string]string {
	for _, a := range t.Attachments {
		if awsapi.V(a.Type) != eniType {
			continue
		}
		known := make(map[string]string, len(a.Details))
		for _, d := range a.Details {
			known[awsapi.V(d.Name)] = awsapi.V(d.Value)
		}
		return known
	}
	return nil
}

const eniType = "ElasticNetworkInterface"

// SetENI notes how it is with the task's network interface; details that are
// nil stay as they are.
func (t *Task) SetENI(status string, details []api.KeyValuePair) {
	t.Attachments = slices.Clone(t.Attachments)
	for i := range t.Attachments {
		a := &t.Attachments[i]
		if awsapi.V(a.Type) != eniType {
			continue
		}
		a.Status = &status
		if details == nil {
			continue
		}
		a.Details = details
		address := t.ENI()["privateIPv4Address"]
		t.Containers = slices.Clone(t.Containers)
		for j := range t.Containers {
			t.Containers[j].Interfaces = []api.NetworkInterface{{AttachmentId: a.Id, PrivateIpv4Address: &address}}
		}
	}
}

// Protected tells whether scale-in must leave the task alone.
func (t *Task) Protected(now time.Time) bool { return now.Before(t.ProtectedUntil) }

// Advance moves a container on to a status; one that it has passed changes
// nothing.
func (c *Container) Advance(to Status) bool {
	if !c.Last.Before(to) {
		return false
	}
	c.Last = to
	return true
}

// TaskHealth is the task's health, from its essential containers': one
// UNHEALTHY makes it so, else one UNKNOWN.
func TaskHealth(containers []Container) api.HealthStatus {
	health := api.HealthStatusHealthy
	for _, c := range containers {
		if !c.Essential {
			continue
		}
		switch c.Health {
		case api.HealthStatusUnhealthy:
			return c.Health
		case api.HealthStatusHealthy:
		default:
			health = api.HealthStatusUnknown
		}
	}
	return health
}

// cut keeps a text within so many bytes.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
