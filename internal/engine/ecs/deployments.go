package ecs

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// fargatePlatform is what LATEST means.
const fargatePlatform = "1.4.0"

// deploy puts a new PRIMARY deployment of what the service is now in front, with
// its service revision and service deployment. A rollout that it overtakes is
// stopped.
func (s *Service) deploy(tx *state.Tx, scope state.Scope, row *ServiceRow, d *Definition, now time.Time) {
	revision := &ServiceRevision{Cluster: row.Cluster, Service: row.Name, ID: ids.Digits(19)}
	revision.ARN = arn.New("ecs", scope, "service-revision/"+key(row.Key(), revision.ID))
	revision.Body = reviseService(scope, row, d.Body, revision.ARN, now)
	ServiceRevisions.Put(tx, scope, revision)
	StartDeployment(tx, scope, row, revision, now)
}

// newDeployment is a deployment of a service revision that nothing is done for yet.
func newDeployment(row *ServiceRow, r *ServiceRevision, now time.Time) Deployment {
	b := r.Body
	d := Deployment{
		ID: "ecs-svc/" + ids.Digits(19), Status: "PRIMARY", Revision: r.ID, ServiceDeployment: ids.Mixed(21),
		Definition: *b.TaskDefinition, LaunchType: b.LaunchType, Strategy: b.CapacityProviderStrategy,
		Platform: awsapi.V(b.PlatformVersion), Family: awsapi.V(b.PlatformFamily), Network: b.NetworkConfiguration, LoadBalancers: b.LoadBalancers,
		CreatedAt: now, UpdatedAt: now, Desired: row.Desired, State: api.DeploymentRolloutStateInProgress,
	}
	d.Reason = inProgress(d.ID)
	return d
}

// Redeploy puts a deployment of a service revision, named by its ARN, in front
// again, without a service deployment: the scheduler rolls back with it. Like
// StartDeployment it changes the row only.
func Redeploy(tx *state.Tx, scope state.Scope, row *ServiceRow, revision string, now time.Time) bool {
	id, _ := last(revision, "service-revision")
	r, ok := ServiceRevisions.Get(tx, scope, id)
	if ok {
		row.Deployments = slices.Insert(slices.Clone(row.Deployments), 0, newDeployment(row, r, now))
	}
	return ok
}

// RolloutOf is the service deployment that a deployment belongs to.
func RolloutOf(tx *state.Tx, scope state.Scope, row *ServiceRow, d *Deployment) (*ServiceDeployment, bool) {
	return ServiceDeployments.Get(tx, scope, key(row.Key(), d.ServiceDeployment))
}

// LastGood is the ARN of the service revision that the service's last successful
// service deployment left, "" when there was none.
func LastGood(tx *state.Tx, scope state.Scope, row *ServiceRow) string {
	var newest *ServiceDeployment
	for d := range ServiceDeployments.Prefix(tx, scope, row.Key()+"/") {
		good := d.Status == api.ServiceDeploymentStatusSuccessful || d.Status == api.ServiceDeploymentStatusRollbackSuccessful
		if good && !d.CreatedAt.Before(row.CreatedAt) && (newest == nil || d.FinishedAt.After(newest.FinishedAt)) {
			newest = d
		}
	}
	switch {
	case newest == nil:
		return ""
	case newest.Rollback != nil:
		return awsapi.V(newest.Rollback.ServiceRevisionArn)
	}
	return newest.Target.Revision
}

// StartDeployment puts a new PRIMARY deployment of a service revision in front,
// with a service deployment. It changes the row and leaves it to the caller to put
// it.
func StartDeployment(tx *state.Tx, scope state.Scope, row *ServiceRow, r *ServiceRevision, now time.Time) *Deployment {
	next := newDeployment(row, r, now)
	rollout := &ServiceDeployment{
		Cluster: row.Cluster, Service: row.Name, ID: next.ServiceDeployment, Deployment: next.ID,
		ARN:    arn.New("ecs", scope, "service-deployment/"+key(row.Key(), next.ServiceDeployment)),
		Status: api.ServiceDeploymentStatusInProgress, Config: row.Config, Target: RevisionCount{Revision: r.ARN, Requested: row.Desired},
		CreatedAt: now, UpdatedAt: now, StartedAt: now,
	}
	row.Deployments = slices.Clone(row.Deployments)
	for i := range row.Deployments {
		old := &row.Deployments[i]
		old.Status = Active
		if t := DeploymentTally(tx, scope, old.ID); t.Running+t.Pending > 0 {
			rollout.Sources = append(rollout.Sources, RevisionCount{
				Revision: RevisionARN(scope, row, old.Revision), Requested: old.Desired, Running: t.Running, Pending: t.Pending,
			})
		}
		EndRollout(tx, scope, row, old, api.ServiceDeploymentStatusStopped, "A newer service deployment was started.", now)
	}
	ServiceDeployments.Put(tx, scope, rollout)
	row.Deployments = slices.Insert(row.Deployments, 0, next)
	return &row.Deployments[0]
}

// RevisionARN is the name of a service revision.
func RevisionARN(scope state.Scope, row *ServiceRow, id string) string {
	return arn.New("ecs", scope, "service-revision/"+key(row.Key(), id))
}

// EndRollout ends the service deployment of a deployment, if it has not ended
// yet, and keeps the counts of that moment.
func EndRollout(tx *state.Tx, scope state.Scope, row *ServiceRow, d *Deployment, status api.ServiceDeploymentStatus, reason string, now time.Time) {
	k := key(row.Key(), d.ServiceDeployment)
	old, ok := ServiceDeployments.Get(tx, scope, k)
	if !ok || old.Over() {
		return
	}
	end := *old
	end.Target, end.Sources = rolloutCounts(tx, scope, row, old)
	end.Breaker = breakerOf(row, old)
	if end.Breaker.Status == api.ServiceDeploymentRollbackMonitorsStatusMonitoring {
		end.Breaker.Status = api.ServiceDeploymentRollbackMonitorsStatusMonitoringComplete
	}
	end.Status, end.Reason, end.UpdatedAt = status, cmp.Or(reason, old.Reason), now
	switch status {
	case api.ServiceDeploymentStatusStopped:
		end.StoppedAt, end.FinishedAt = now, now
	default:
		end.FinishedAt = now
	}
	ServiceDeployments.Put(tx, scope, &end)
}

// reviseService is what the service is now, as DescribeServiceRevisions tells it.
func reviseService(scope state.Scope, row *ServiceRow, d *api.TaskDefinition, arn string, now time.Time) *api.ServiceRevision {
	r := &api.ServiceRevision{
		ServiceRevisionArn: &arn, ServiceArn: new(row.ARN), ClusterArn: new(ClusterARN(scope, row.Cluster)), TaskDefinition: d.TaskDefinitionArn,
		LaunchType: row.LaunchType, CapacityProviderStrategy: row.Strategy, NetworkConfiguration: row.Network,
		LoadBalancers: row.LoadBalancers, GuardDutyEnabled: new(false), CreatedAt: &now, ContainerImages: []api.ContainerImage{},
	}
	if row.fargate() {
		r.PlatformVersion, r.PlatformFamily = new(latest(row.Platform)), new("Linux")
	}
	for _, c := range d.ContainerDefinitions {
		r.ContainerImages = append(r.ContainerImages, api.ContainerImage{ContainerName: c.Name, Image: c.Image})
	}
	return r
}

func latest(platform string) string {
	if platform == "LATEST" {
		return fargatePlatform
	}
	return platform
}

// Retire makes a drained service INACTIVE.
func Retire(tx *state.Tx, scope state.Scope, svc *ServiceRow, now time.Time) {
	row := *svc
	for i := range row.Deployments {
		EndRollout(tx, scope, &row, &svc.Deployments[i], api.ServiceDeploymentStatusStopped, "The service was deleted.", now)
	}
	row.Status, row.Deployments, row.Until = Inactive, nil, now.Add(ServiceLingers)
	Services.Put(tx, scope, &row)
	depart(tx, scope, row.Until, Services, row.Key())
}

// describeService is the service as it is described.
func describeService(tx *state.Tx, scope state.Scope, row *ServiceRow, tags bool) *api.Service {
	sum := ServiceTally(tx, scope, row)
	out := &api.Service{
		ServiceArn: new(row.ARN), ServiceName: new(row.Name), ClusterArn: new(ClusterARN(scope, row.Cluster)), Status: new(row.Status),
		DesiredCount: new(row.Desired), RunningCount: new(sum.Running), PendingCount: new(sum.Pending), TaskDefinition: new(row.Definition),
		LaunchType: row.LaunchType, CapacityProviderStrategy: row.Strategy, PlatformVersion: text(row.Platform), PlatformFamily: text(row.Family),
		SchedulingStrategy: row.Scheduling, DeploymentController: &api.DeploymentController{Type: api.DeploymentControllerTypeEcs},
		DeploymentConfiguration: row.Config, NetworkConfiguration: row.Network, HealthCheckGracePeriodSeconds: row.Grace,
		LoadBalancers: append([]api.LoadBalancer{}, row.LoadBalancers...), ServiceRegistries: []api.ServiceRegistry{},
		PlacementConstraints: append([]api.PlacementConstraint{}, row.Constraints...), PlacementStrategy: append([]api.PlacementStrategy{}, row.Placement...),
		PropagateTags: row.Propagate, EnableECSManagedTags: new(row.ManagedTags), EnableExecuteCommand: new(row.Exec),
		AvailabilityZoneRebalancing: row.Rebalancing, CreatedAt: new(row.CreatedAt), CreatedBy: new(row.CreatedBy),
		Deployments: []api.Deployment{}, Events: []api.ServiceEvent{}, RoleArn: text(row.Role), ResourceManagementType: api.ResourceManagementTypeCustomer,
	}
	if len(row.LoadBalancers) > 0 {
		out.RoleArn = new(cmp.Or(row.Role, linkedRoleARN(scope)))
		out.HealthCheckGracePeriodSeconds = new(number(row.Grace, 0))
	}
	for i := range row.Deployments {
		d := &row.Deployments[i]
		t := DeploymentTally(tx, scope, d.ID)
		out.Deployments = append(out.Deployments, describeDeployment(d, t))
		out.CurrentServiceRevisions = append(out.CurrentServiceRevisions, api.ServiceCurrentRevisionSummary{
			Arn: new(RevisionARN(scope, row, d.Revision)), RequestedTaskCount: new(d.Desired), RunningTaskCount: new(t.Running), PendingTaskCount: new(t.Pending),
		})
	}
	if p := row.Primary(); p != nil {
		if sd, ok := ServiceDeployments.Get(tx, scope, key(row.Key(), p.ServiceDeployment)); ok {
			out.CurrentServiceDeployment = new(sd.ARN)
		}
	}
	for _, e := range EventsOf(tx, scope, row) {
		out.Events = append(out.Events, api.ServiceEvent{Id: new(e.ID), CreatedAt: new(e.At), Message: new(e.Message)})
	}
	if tags {
		out.Tags = tagList(row.Tags)
	}
	return out
}

func describeDeployment(d *Deployment, t Tally) api.Deployment {
	return api.Deployment{
		Id: new(d.ID), Status: new(d.Status), TaskDefinition: new(d.Definition), DesiredCount: new(d.Desired),
		RunningCount: new(t.Running), PendingCount: new(t.Pending), FailedTasks: new(d.Failed),
		CreatedAt: new(d.CreatedAt), UpdatedAt: new(d.UpdatedAt), LaunchType: d.LaunchType, CapacityProviderStrategy: d.Strategy,
		PlatformVersion: text(d.Platform), PlatformFamily: text(d.Family), NetworkConfiguration: d.Network,
		RolloutState: d.State, RolloutStateReason: text(d.Reason),
	}
}

// rolloutCounts is the counts of a service deployment's revisions: while it runs
// those of its deployments, afterwards those at its end.
func rolloutCounts(tx *state.Tx, scope state.Scope, row *ServiceRow, sd *ServiceDeployment) (target RevisionCount, sources []RevisionCount) {
	target, sources = sd.Target, slices.Clone(sd.Sources)
	if sd.Over() || row == nil {
		return target, sources
	}
	live := func(c *RevisionCount) {
		at := slices.IndexFunc(row.Deployments, func(d Deployment) bool { return strings.HasSuffix(c.Revision, "/"+d.Revision) })
		if at < 0 {
			c.Running, c.Pending = 0, 0
			return
		}
		t := DeploymentTally(tx, scope, row.Deployments[at].ID)
		c.Requested, c.Running, c.Pending = row.Deployments[at].Desired, t.Running, t.Pending
	}
	live(&target)
	for i := range sources {
		live(&sources[i])
	}
	return target, sources
}

// breakerOf is the state of the circuit breaker in a service deployment. The
// scheduler writes it when the breaker trips.
func breakerOf(row *ServiceRow, sd *ServiceDeployment) *api.ServiceDeploymentCircuitBreaker {
	if sd.Breaker != nil {
		return sd.Breaker
	}
	out := &api.ServiceDeploymentCircuitBreaker{Status: api.ServiceDeploymentRollbackMonitorsStatusDisabled, FailureCount: new(0), Threshold: new(0)}
	if b := sd.Config.DeploymentCircuitBreaker; b == nil || !yes(b.Enable) || row == nil {
		return out
	}
	out.Status = api.ServiceDeploymentRollbackMonitorsStatusMonitoring
	// Half of the desired count, at least 3 and at most 200.
	out.Threshold = new(min(200, max(3, (row.Desired+1)/2)))
	for _, d := range row.Deployments {
		if d.ID == sd.Deployment {
			out.FailureCount = new(d.Failed)
		}
	}
	return out
}

func describeRollout(tx *state.Tx, scope state.Scope, sd *ServiceDeployment) api.ServiceDeployment {
	row, _ := Services.Get(tx, scope, key(sd.Cluster, sd.Service))
	target, sources := rolloutCounts(tx, scope, row, sd)
	out := api.ServiceDeployment{
		ServiceDeploymentArn: new(sd.ARN), ServiceArn: new(ServiceARN(scope, sd.Cluster, sd.Service)), ClusterArn: new(ClusterARN(scope, sd.Cluster)),
		Status: sd.Status, StatusReason: text(sd.Reason), LifecycleStage: sd.Stage, DeploymentConfiguration: sd.Config, Rollback: sd.Rollback,
		DeploymentCircuitBreaker: breakerOf(row, sd), SourceServiceRevisions: []api.ServiceRevisionSummary{}, TargetServiceRevision: summary(target),
		CreatedAt: moment(sd.CreatedAt), StartedAt: moment(sd.StartedAt), UpdatedAt: moment(sd.UpdatedAt), FinishedAt: moment(sd.FinishedAt), StoppedAt: moment(sd.StoppedAt),
	}
	for _, r := range sources {
		out.SourceServiceRevisions = append(out.SourceServiceRevisions, *summary(r))
	}
	return out
}

func summary(c RevisionCount) *api.ServiceRevisionSummary {
	return &api.ServiceRevisionSummary{Arn: new(c.Revision), RequestedTaskCount: new(c.Requested), RunningTaskCount: new(c.Running), PendingTaskCount: new(c.Pending)}
}

// moment is a pointer to a time, nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// DescribeServiceDeployments is the service deployments named.
func (s *Service) DescribeServiceDeployments(_ context.Context, c *operation.Caller, in *api.DescribeServiceDeploymentsRequest) (*api.DescribeServiceDeploymentsResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	if err := batch(in.ServiceDeploymentArns, 20, "Service deployments"); err != nil {
		return nil, err
	}
	out := &api.DescribeServiceDeploymentsResponse{ServiceDeployments: []api.ServiceDeployment{}, Failures: []api.Failure{}}
	for _, ref := range in.ServiceDeploymentArns {
		sd, ok := rollout(tx, scope, ref)
		if !ok {
			out.Failures = append(out.Failures, api.Failure{Arn: new(ref), Reason: new("MISSING")})
			continue
		}
		out.ServiceDeployments = append(out.ServiceDeployments, describeRollout(tx, scope, sd))
	}
	return out, nil
}

func rollout(tx *state.Tx, scope state.Scope, ref string) (*ServiceDeployment, bool) {
	rest, ok := last(ref, "service-deployment")
	if !ok || foreign(scope, &ref) {
		return nil, false
	}
	return ServiceDeployments.Get(tx, scope, rest)
}

// ListServiceDeployments is a service's service deployments, the newest first.
func (s *Service) ListServiceDeployments(_ context.Context, c *operation.Caller, in *api.ListServiceDeploymentsRequest) (*api.ListServiceDeploymentsResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	row, ok := service(tx, scope, cl.Name, *in.Service)
	if !ok {
		return nil, api.ServiceNotFoundException("Service not found.")
	}
	rows := slices.Collect(filter(ServiceDeployments.Prefix(tx, scope, row.Key()+"/"), func(d *ServiceDeployment) bool {
		t := in.CreatedAt
		return (len(in.Status) == 0 || slices.Contains(in.Status, d.Status)) &&
			(t == nil || (t.After == nil || d.CreatedAt.After(*t.After)) && (t.Before == nil || d.CreatedAt.Before(*t.Before)))
	}))
	rank := func(d *ServiceDeployment) string {
		return complement(d.CreatedAt.UTC().Format("2006-01-02T15:04:05.000000000")) + d.ID
	}
	slices.SortFunc(rows, func(a, b *ServiceDeployment) int { return strings.Compare(rank(a), rank(b)) })
	got, next, err := page(slices.Values(rows), in.NextToken, in.MaxResults, 20, MostPerPage, rank)
	if err != nil {
		return nil, err
	}
	out := &api.ListServiceDeploymentsResponse{ServiceDeployments: []api.ServiceDeploymentBrief{}, NextToken: next}
	for _, d := range got {
		full := describeRollout(tx, scope, d)
		out.ServiceDeployments = append(out.ServiceDeployments, api.ServiceDeploymentBrief{
			ServiceDeploymentArn: full.ServiceDeploymentArn, ServiceArn: full.ServiceArn, ClusterArn: full.ClusterArn, Status: full.Status,
			StatusReason: full.StatusReason, TargetServiceRevisionArn: full.TargetServiceRevision.Arn,
			CreatedAt: full.CreatedAt, StartedAt: full.StartedAt, FinishedAt: full.FinishedAt,
		})
	}
	return out, nil
}

// StopServiceDeployment asks for an end of a rollout: back to the last revision
// that completed (ROLLBACK, which is also meant when nothing is said), or as it
// is (ABORT). The scheduler does it.
func (s *Service) StopServiceDeployment(_ context.Context, c *operation.Caller, in *api.StopServiceDeploymentRequest) (*api.StopServiceDeploymentResponse, error) {
	scope := c.Scope()
	err := s.env.Store.Update(func(tx *state.Tx) error {
		old, ok := rollout(tx, scope, *in.ServiceDeploymentArn)
		if !ok {
			return api.ServiceDeploymentNotFoundException("The service deployment was not found.")
		}
		if old.Status != api.ServiceDeploymentStatusPending && old.Status != api.ServiceDeploymentStatusInProgress {
			return api.ConflictException("The service deployment is in the status %s and cannot be stopped.", old.Status)
		}
		next := *old
		next.Status = api.ServiceDeploymentStatusStopRequested
		if in.StopType != api.StopServiceDeploymentStopTypeAbort {
			row, ok := Services.Get(tx, scope, key(old.Cluster, old.Service))
			if !ok || LastGood(tx, scope, row) == "" {
				return api.ConflictException("The service deployment cannot be rolled back: the service has no service revision that was deployed successfully before. Stop it with the stop type ABORT.")
			}
			next.Status = api.ServiceDeploymentStatusRollbackRequested
		}
		next.UpdatedAt = s.env.Now()
		ServiceDeployments.Put(tx, scope, &next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.StopServiceDeploymentResponse{ServiceDeploymentArn: in.ServiceDeploymentArn}, nil
}

// DescribeServiceRevisions is the service revisions named.
func (s *Service) DescribeServiceRevisions(_ context.Context, c *operation.Caller, in *api.DescribeServiceRevisionsRequest) (*api.DescribeServiceRevisionsResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	if err := batch(in.ServiceRevisionArns, 20, "Service revisions"); err != nil {
		return nil, err
	}
	out := &api.DescribeServiceRevisionsResponse{ServiceRevisions: []api.ServiceRevision{}, Failures: []api.Failure{}}
	for _, ref := range in.ServiceRevisionArns {
		rest, ok := last(ref, "service-revision")
		row, found := ServiceRevisions.Get(tx, scope, rest)
		if !ok || !found || foreign(scope, &ref) {
			out.Failures = append(out.Failures, api.Failure{Arn: new(ref), Reason: new("MISSING")})
			continue
		}
		out.ServiceRevisions = append(out.ServiceRevisions, *row.Body)
	}
	return out, nil
}
