package ecs

import (
	"fmt"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// ServiceRow is one service: its desired configuration, written by
// CreateService and UpdateService, and its deployments, which the scheduler
// moves on. How many tasks run is in the deployments' [Tally].
type ServiceRow struct {
	Cluster, Name string
	ARN           string
	Status        string // ACTIVE, DRAINING, INACTIVE

	Desired       int    // 0 for a DAEMON
	Definition    string // ARN
	LaunchType    api.LaunchType
	Strategy      []api.CapacityProviderStrategyItem `json:",omitzero"`
	Platform      string                             `json:",omitzero"` // LATEST or a version, Fargate only
	Family        string                             `json:",omitzero"` // platform family, Fargate only
	Scheduling    api.SchedulingStrategy
	Config        *api.DeploymentConfiguration // with its defaults filled in
	LoadBalancers []api.LoadBalancer           `json:",omitzero"`
	Network       *api.NetworkConfiguration    `json:",omitzero"`
	// Grace is healthCheckGracePeriodSeconds, nil when it was never given.
	Grace       *int                      `json:",omitzero"`
	Constraints []api.PlacementConstraint `json:",omitzero"`
	Placement   []api.PlacementStrategy   `json:",omitzero"`
	Propagate   api.PropagateTags
	ManagedTags bool
	Exec        bool
	Rebalancing api.AvailabilityZoneRebalancing
	Role        string `json:",omitzero"`

	Tags      tagging.Set `json:",omitzero"`
	CreatedAt time.Time
	CreatedBy string
	// Token is the client token that made it.
	Token string `json:",omitzero"`

	// Deployments stand newest first; the first is PRIMARY. Empty when INACTIVE.
	Deployments []Deployment `json:",omitzero"`
	// Until is how long an INACTIVE one is described.
	Until time.Time `json:",omitzero"`
}

// Deployment is one deployment of a service: what its tasks are (fixed at its
// start) and how far it has come (the scheduler's).
type Deployment struct {
	ID     string // ecs-svc/<19 digits>
	Status string // PRIMARY or ACTIVE
	// Revision and ServiceDeployment are the last parts of their ARNs.
	Revision, ServiceDeployment string

	Definition    string
	LaunchType    api.LaunchType                     `json:",omitzero"`
	Strategy      []api.CapacityProviderStrategyItem `json:",omitzero"`
	Platform      string                             `json:",omitzero"`
	Family        string                             `json:",omitzero"`
	Network       *api.NetworkConfiguration          `json:",omitzero"`
	LoadBalancers []api.LoadBalancer                 `json:",omitzero"`
	CreatedAt     time.Time
	// RollbackOf is the id of the deployment that this one undoes.
	RollbackOf string `json:",omitzero"`

	// Desired is the desiredCount shown, Failed the tasks that failed in a row.
	Desired, Failed int
	State           api.DeploymentRolloutState
	Reason          string
	UpdatedAt       time.Time
	// NotBefore is when the back-off lets the next task start.
	NotBefore time.Time `json:",omitzero"`
}

// Services are the services under "cluster/name".
var Services = state.NewTable("ecs.service", func(s *ServiceRow) string { return key(s.Cluster, s.Name) })

// ServicesByStatus finds the services of a status, in all clusters.
var ServicesByStatus = state.NewIndex(Services, func(s *ServiceRow) []string { return []string{s.Status} })

// ServicesByDefinition finds the services with a deployment of a task definition.
var ServicesByDefinition = state.NewIndex(Services, func(s *ServiceRow) []string {
	var arns []string
	for _, d := range s.Deployments {
		arns = append(arns, d.Definition)
	}
	return arns
})

// Key is the row's key.
func (s *ServiceRow) Key() string { return key(s.Cluster, s.Name) }

// Group is the task group of the service's tasks.
func (s *ServiceRow) Group() string { return "service:" + s.Name }

// Primary is the newest deployment, nil when there is none.
func (s *ServiceRow) Primary() *Deployment {
	if len(s.Deployments) == 0 {
		return nil
	}
	return &s.Deployments[0]
}

// Percents are minimumHealthyPercent and maximumPercent.
func (s *ServiceRow) Percents() (least, most int) {
	return *s.Config.MinimumHealthyPercent, *s.Config.MaximumPercent
}

// ServiceARN is the name of a service.
func ServiceARN(scope state.Scope, cluster, name string) string {
	return arn.New("ecs", scope, "service/"+key(cluster, name))
}

// The reasons of a rollout's state, in the service's own words.
func inProgress(id string) string { return fmt.Sprintf("ECS deployment %s in progress.", id) }

// CompletedReason is the rolloutStateReason of a completed deployment.
func CompletedReason(id string) string { return fmt.Sprintf("ECS deployment %s completed.", id) }

// BreakerReason is the rolloutStateReason of a deployment that the circuit
// breaker failed; rollback is the deployment that it goes back to, or "".
func BreakerReason(rollback string) string {
	if rollback == "" {
		return "ECS deployment circuit breaker: tasks failed to start."
	}
	return fmt.Sprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", rollback)
}

// Event is one event of a service.
type Event struct {
	Cluster, Service string
	// Seq numbers a service's events.
	Seq     int
	ID      string
	At      time.Time
	Message string
}

// Events are the services' events under "cluster/service/number".
var Events = state.NewTable("ecs.event", func(e *Event) string {
	return key(key(e.Cluster, e.Service), fmt.Sprintf("%012d", e.Seq))
})

// MostEvents is how many events a service keeps (Service.events).
const MostEvents = 100

// AddEvent writes an event of the service, "(service NAME) " before the
// message, and drops its oldest when there are too many.
func AddEvent(tx *state.Tx, scope state.Scope, s *ServiceRow, now time.Time, message string) {
	var all []*Event
	for e := range Events.Prefix(tx, scope, s.Key()+"/") {
		all = append(all, e)
	}
	seq := 1
	if n := len(all); n > 0 {
		seq = all[n-1].Seq + 1
	}
	for i := 0; len(all)-i >= MostEvents; i++ {
		Events.Delete(tx, scope, Events.Key(all[i]))
	}
	Events.Put(tx, scope, &Event{
		Cluster: s.Cluster, Service: s.Name, Seq: seq, ID: ids.UUID(), At: now,
		Message: "(service " + s.Name + ") " + message,
	})
}

// EventsOf are the service's events, newest first.
func EventsOf(tx *state.Tx, scope state.Scope, s *ServiceRow) []*Event {
	var all []*Event
	for e := range Events.Prefix(tx, scope, s.Key()+"/") {
		all = append(all, e)
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// ServiceDeployment is one rollout as ListServiceDeployments tells it; it stays
// when its deployment is gone.
type ServiceDeployment struct {
	Cluster, Service, ID string
	ARN                  string
	Deployment           string // ecs-svc/…
	Status               api.ServiceDeploymentStatus
	Reason               string                              `json:",omitzero"`
	Stage                api.ServiceDeploymentLifecycleStage `json:",omitzero"`
	Target               RevisionCount
	Sources              []RevisionCount `json:",omitzero"`
	Config               *api.DeploymentConfiguration
	Rollback             *api.Rollback                        `json:",omitzero"`
	Breaker              *api.ServiceDeploymentCircuitBreaker `json:",omitzero"`

	CreatedAt, UpdatedAt             time.Time
	StartedAt, FinishedAt, StoppedAt time.Time `json:",omitzero"`
}

// RevisionCount is a service revision and its tasks at the end of a rollout.
// While the rollout runs the counts are the deployments'.
type RevisionCount struct {
	Revision                    string // ARN
	Requested, Running, Pending int
}

// ServiceDeployments are the rollouts under "cluster/service/id".
var ServiceDeployments = state.NewTable("ecs.service-deployment", func(d *ServiceDeployment) string {
	return key(key(d.Cluster, d.Service), d.ID)
})

// Over tells whether the rollout has ended.
func (d *ServiceDeployment) Over() bool {
	switch d.Status {
	case api.ServiceDeploymentStatusSuccessful, api.ServiceDeploymentStatusStopped,
		api.ServiceDeploymentStatusRollbackSuccessful, api.ServiceDeploymentStatusRollbackFailed:
		return true
	}
	return false
}

// StopAsked tells whether somebody asked for its end and nothing was done yet.
func (d *ServiceDeployment) StopAsked() bool {
	return d.Status == api.ServiceDeploymentStatusStopRequested || d.Status == api.ServiceDeploymentStatusRollbackRequested
}

// ServiceRevision is what a service was at one of its deployments.
type ServiceRevision struct {
	Cluster, Service, ID string
	ARN                  string
	// Body is as it is described; the scheduler adds containerImages' digests.
	Body *api.ServiceRevision
}

// ServiceRevisions are the service revisions under "cluster/service/id".
var ServiceRevisions = state.NewTable("ecs.service-revision", func(r *ServiceRevision) string {
	return key(key(r.Cluster, r.Service), r.ID)
})
