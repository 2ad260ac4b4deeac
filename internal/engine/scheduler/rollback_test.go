package scheduler

import (
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// row is the service "app" as it is now.
func row(tx *state.Tx) *ecs.ServiceRow {
	svc, _ := ecs.Services.Get(tx, home, "web/app")
	return svc
}

// completed tells whether the service is where it should be with a definition.
func completed(definition string) func(tx *state.Tx) bool {
	return func(tx *state.Tx) bool {
		svc := row(tx)
		return svc.Definition == definition && len(svc.Deployments) == 1 && svc.Deployments[0].State == api.DeploymentRolloutStateCompleted &&
			ecs.ServiceTally(tx, home, svc).Running == svc.Desired
	}
}

// stuckDeploy is a service of one task whose deploy of a task that is too large
// for any instance does not come on; it gives both definitions and the service
// deployment.
func (w *world) stuckDeploy(least, most int) (good, large, rollout string) {
	w.t.Helper()
	w.cluster(1)
	w.run()
	out := do[api.CreateServiceResponse](w, "CreateService", &api.CreateServiceRequest{
		Cluster: new("web"), ServiceName: new("app"), TaskDefinition: new("web"), DesiredCount: new(1), AvailabilityZoneRebalancing: api.AvailabilityZoneRebalancingDisabled,
		DeploymentConfiguration: &api.DeploymentConfiguration{MinimumHealthyPercent: &least, MaximumPercent: &most},
	})
	good = *out.Service.TaskDefinition
	w.until(completed(good))
	d := do[api.RegisterTaskDefinitionResponse](w, "RegisterTaskDefinition", &api.RegisterTaskDefinitionRequest{
		Family: new("large"), ContainerDefinitions: []api.ContainerDefinition{{Name: new("web"), Image: new("web:1"), Memory: new(5000)}},
	})
	large = *d.TaskDefinition.TaskDefinitionArn
	up := do[api.UpdateServiceResponse](w, "UpdateService", &api.UpdateServiceRequest{Cluster: new("web"), Service: new("app"), TaskDefinition: &large})
	return good, large, *up.Service.CurrentServiceDeployment
}

func (w *world) rollout(arn string) api.ServiceDeployment {
	w.t.Helper()
	return do[api.DescribeServiceDeploymentsResponse](w, "DescribeServiceDeployments", &api.DescribeServiceDeploymentsRequest{ServiceDeploymentArns: []string{arn}}).ServiceDeployments[0]
}

func TestADeployIsStoppedByGoingBack(t *testing.T) {
	for name, tt := range map[string]struct{ least, most int }{
		"while the deployment before is still there": {100, 200},
		"when it has gone":                           {0, 100},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			good, _, rollout := w.stuckDeploy(tt.least, tt.most)
			if tt.least == 0 {
				w.until(func(tx *state.Tx) bool { return len(row(tx).Deployments) == 1 })
			}
			do[api.StopServiceDeploymentResponse](w, "StopServiceDeployment", &api.StopServiceDeploymentRequest{ServiceDeploymentArn: &rollout, StopType: api.StopServiceDeploymentStopTypeRollback})
			w.until(completed(good))
			d := w.rollout(rollout)
			if d.Status != api.ServiceDeploymentStatusRollbackSuccessful || d.Rollback == nil || *d.Rollback.Reason != "Service deployment rolled back because the deployment was stopped by a user." {
				t.Errorf("%s %+v", d.Status, d.Rollback)
			}
		})
	}
}

func TestADeployIsAborted(t *testing.T) {
	w := newWorld(t)
	_, large, rollout := w.stuckDeploy(100, 200)
	do[api.StopServiceDeploymentResponse](w, "StopServiceDeployment", &api.StopServiceDeploymentRequest{ServiceDeploymentArn: &rollout, StopType: api.StopServiceDeploymentStopTypeAbort})
	w.until(func(tx *state.Tx) bool { return row(tx).Deployments[0].State == api.DeploymentRolloutStateFailed })
	svc := row(w.env.Store.View())
	if d := w.rollout(rollout); d.Status != api.ServiceDeploymentStatusStopped {
		t.Errorf("the service deployment: %s", d.Status)
	}
	if svc.Definition != large || len(svc.Deployments) != 2 || ecs.ServiceTally(w.env.Store.View(), home, svc).Running != 1 {
		t.Errorf("not as it was: %+v", svc.Deployments)
	}
}
