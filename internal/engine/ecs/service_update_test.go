package ecs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elb "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// What starts a new deployment, and what does not (UpdateService).
func TestWhatStartsADeployment(t *testing.T) {
	r := stage(t, 0)
	r.web("app") // app:2
	r.define(`{"family":"app","taskRoleArn":"r","containerDefinitions":[{"name":"web","image":"x","memory":100,"portMappings":[{"containerPort":80}]}]}`)
	r.provider("spot")
	ok[api.PutClusterCapacityProvidersResponse](r, "PutClusterCapacityProviders", request[api.PutClusterCapacityProvidersRequest](t, `{"cluster":"web","capacityProviders":["spot"],"defaultCapacityProviderStrategy":[]}`))
	group := r.targetGroup("g", elb.TargetTypeEnumInstance, true)
	lb := `,"loadBalancers":[{"targetGroupArn":"` + group + `","containerName":"web","containerPort":80}]`
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	tests := []struct {
		name, more string
		deploys    bool
	}{
		{"nothing", ``, false},
		{"the same task definition", `,"taskDefinition":"app:3"`, false},
		{"another task definition", `,"taskDefinition":"app:1"`, true},
		{"the family's latest", `,"taskDefinition":"app"`, true},
		{"force", `,"forceNewDeployment":true`, true},
		{"the desired count", `,"desiredCount":3`, false},
		{"the deployment configuration", `,"deploymentConfiguration":{"maximumPercent":150,"deploymentCircuitBreaker":{"enable":true,"rollback":true}}`, false},
		{"placement", `,"placementConstraints":[{"type":"distinctInstance"}],"placementStrategy":[{"type":"spread","field":"attribute:ecs.availability-zone"},{"type":"spread","field":"host"}]`, false},
		{"exec", `,"enableExecuteCommand":true`, false},
		{"tags", `,"enableECSManagedTags":true,"propagateTags":"SERVICE"`, false},
		{"rebalancing", `,"availabilityZoneRebalancing":"DISABLED"`, false},
		{"a load balancer", lb, true},
		{"the same load balancer", lb, false},
		{"the grace period", `,"healthCheckGracePeriodSeconds":30`, false},
		{"no load balancer", `,"loadBalancers":[],"healthCheckGracePeriodSeconds":0`, true},
		{"no load balancer again", `,"loadBalancers":[]`, false},
		{"capacity providers", `,"capacityProviderStrategy":[{"capacityProvider":"spot","weight":1}]`, false},
		{"back from capacity providers", `,"capacityProviderStrategy":[]`, false},
	}
	for _, tt := range tests {
		before := r.service()
		after := ok[api.UpdateServiceResponse](r, "UpdateService", update(t, tt.more)).Service
		if got := *after.Deployments[0].Id != *before.Deployments[0].Id; got != tt.deploys {
			t.Errorf("%s: a new deployment %v, want %v", tt.name, got, tt.deploys)
		}
	}
	got := r.service()
	if *got.DesiredCount != 3 || *got.Deployments[0].DesiredCount != 3 || *got.DeploymentConfiguration.MaximumPercent != 150 || *got.DeploymentConfiguration.MinimumHealthyPercent != 100 ||
		!*got.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback || *got.PlacementStrategy[1].Field != "instanceId" || !*got.EnableExecuteCommand ||
		!*got.EnableECSManagedTags || got.PropagateTags != api.PropagateTagsService || got.AvailabilityZoneRebalancing != api.AvailabilityZoneRebalancingDisabled ||
		got.LaunchType != api.LaunchTypeEc2 || got.CapacityProviderStrategy != nil || *got.TaskDefinition != DefinitionARN(home, "app", 3) {
		t.Errorf("%+v", got)
	}
}

func TestANewDeploymentStandsInFront(t *testing.T) {
	r := stage(t, 2)
	r.web("app")
	first := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"taskDefinition":"app:1"`)).Service
	made, _ := r.make(2)
	r.update(func(tx *state.Tx) {
		for _, m := range made {
			ChangeTask(tx, home, m.Key(), func(t *Task) bool { return t.Advance(Running, noon) })
		}
	})
	r.now = noon.Add(time.Minute)
	got := ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"taskDefinition":"app"`)).Service
	if len(got.Deployments) != 2 || *got.RunningCount != 2 || *got.TaskDefinition != DefinitionARN(home, "app", 2) {
		t.Fatalf("%+v", got)
	}
	if d := got.Deployments[0]; *d.Status != "PRIMARY" || *d.TaskDefinition != DefinitionARN(home, "app", 2) || *d.RunningCount != 0 || d.RolloutState != api.DeploymentRolloutStateInProgress || !d.CreatedAt.Equal(r.now) {
		t.Errorf("%+v", d)
	}
	if d := got.Deployments[1]; *d.Status != "ACTIVE" || *d.Id != *first.Deployments[0].Id || *d.RunningCount != 2 {
		t.Errorf("%+v", d)
	}
	// The services-stable waiter needs one deployment and the desired count.
	list := ok[api.ListServiceDeploymentsResponse](r, "ListServiceDeployments", &api.ListServiceDeploymentsRequest{Cluster: new("web"), Service: new("app")})
	if len(list.ServiceDeployments) != 2 || *list.ServiceDeployments[0].ServiceDeploymentArn != *got.CurrentServiceDeployment || list.ServiceDeployments[1].Status != api.ServiceDeploymentStatusStopped {
		t.Fatalf("%+v", list.ServiceDeployments)
	}
	full := ok[api.DescribeServiceDeploymentsResponse](r, "DescribeServiceDeployments", &api.DescribeServiceDeploymentsRequest{
		ServiceDeploymentArns: []string{*got.CurrentServiceDeployment, ServiceARN(home, "web", "app")},
	})
	want := []api.ServiceRevisionSummary{{Arn: got.CurrentServiceRevisions[1].Arn, RequestedTaskCount: new(2), RunningTaskCount: new(2), PendingTaskCount: new(0)}}
	if diff := cmp.Diff(want, full.ServiceDeployments[0].SourceServiceRevisions); diff != "" || len(full.Failures) != 1 {
		t.Error(full.Failures, diff)
	}
	sd := full.ServiceDeployments[0]
	if sd.Status != api.ServiceDeploymentStatusInProgress || *sd.TargetServiceRevision.Arn != *got.CurrentServiceRevisions[0].Arn ||
		sd.DeploymentCircuitBreaker.Status != api.ServiceDeploymentRollbackMonitorsStatusDisabled {
		t.Errorf("%+v", sd)
	}
	revision := ok[api.DescribeServiceRevisionsResponse](r, "DescribeServiceRevisions", &api.DescribeServiceRevisionsRequest{ServiceRevisionArns: []string{*sd.TargetServiceRevision.Arn, "x"}})
	if rev := revision.ServiceRevisions[0]; *rev.TaskDefinition != DefinitionARN(home, "app", 2) || *rev.ContainerImages[0].Image != "nginx" || len(revision.Failures) != 1 {
		t.Errorf("%+v", revision)
	}
}

func TestTheBreakersThreshold(t *testing.T) {
	r := stage(t, 0)
	for _, tt := range []struct{ desired, want int }{{1, 3}, {6, 3}, {7, 4}, {100, 50}, {1000, 200}} {
		in := create(t, `"deploymentConfiguration":{"deploymentCircuitBreaker":{"enable":true,"rollback":true}}`)
		in.DesiredCount = &tt.desired
		svc := ok[api.CreateServiceResponse](r, "CreateService", in).Service
		sd := ok[api.DescribeServiceDeploymentsResponse](r, "DescribeServiceDeployments", &api.DescribeServiceDeploymentsRequest{ServiceDeploymentArns: []string{*svc.CurrentServiceDeployment}}).ServiceDeployments[0]
		if b := sd.DeploymentCircuitBreaker; b.Status != api.ServiceDeploymentRollbackMonitorsStatusMonitoring || *b.Threshold != tt.want {
			t.Errorf("desired %d: %+v %d", tt.desired, b, *b.Threshold)
		}
		ok[api.DeleteServiceResponse](r, "DeleteService", &api.DeleteServiceRequest{Cluster: new("web"), Service: new("app"), Force: new(true)})
		r.forgetAll()
	}
}

func TestStoppingAServiceDeployment(t *testing.T) {
	r := stage(t, 0)
	svc := ok[api.CreateServiceResponse](r, "CreateService", create(t, "")).Service
	in := &api.StopServiceDeploymentRequest{ServiceDeploymentArn: svc.CurrentServiceDeployment}
	status := func() api.ServiceDeploymentStatus {
		return ok[api.ListServiceDeploymentsResponse](r, "ListServiceDeployments", &api.ListServiceDeploymentsRequest{Cluster: new("web"), Service: new("app")}).ServiceDeployments[0].Status
	}
	r.refused("StopServiceDeployment", in, "ConflictException", "The service deployment cannot be rolled back: the service has no service revision that was deployed successfully before. Stop it with the stop type ABORT.")
	r.update(func(tx *state.Tx) {
		row, _ := Services.Get(tx, home, "web/app")
		EndRollout(tx, home, row, row.Primary(), api.ServiceDeploymentStatusSuccessful, "", r.now)
	})
	r.now = r.now.Add(time.Second)
	svc = ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"forceNewDeployment":true`)).Service
	in.ServiceDeploymentArn = svc.CurrentServiceDeployment
	ok[api.StopServiceDeploymentResponse](r, "StopServiceDeployment", in)
	if got := status(); got != api.ServiceDeploymentStatusRollbackRequested {
		t.Error(got)
	}
	r.refused("StopServiceDeployment", in, "ConflictException", "The service deployment is in the status ROLLBACK_REQUESTED and cannot be stopped.")
	svc = ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"forceNewDeployment":true`)).Service
	ok[api.StopServiceDeploymentResponse](r, "StopServiceDeployment", &api.StopServiceDeploymentRequest{ServiceDeploymentArn: svc.CurrentServiceDeployment, StopType: api.StopServiceDeploymentStopTypeAbort})
	r.refused("StopServiceDeployment", &api.StopServiceDeploymentRequest{ServiceDeploymentArn: new("x")}, "ServiceDeploymentNotFoundException", "The service deployment was not found.")
	r.now = noon.Add(time.Hour)
	r.update(func(tx *state.Tx) {
		row, _ := Services.Get(tx, home, "web/app")
		EndRollout(tx, home, row, row.Primary(), api.ServiceDeploymentStatusStopped, "", r.now)
		EndRollout(tx, home, row, row.Primary(), api.ServiceDeploymentStatusSuccessful, "", r.now) // it is over
	})
	list := ok[api.ListServiceDeploymentsResponse](r, "ListServiceDeployments", &api.ListServiceDeploymentsRequest{
		Cluster: new("web"), Service: new("app"), Status: []api.ServiceDeploymentStatus{api.ServiceDeploymentStatusStopped},
		CreatedAt: &api.CreatedAt{After: new(noon.Add(-time.Second))},
	})
	if len(list.ServiceDeployments) != 2 || list.ServiceDeployments[0].FinishedAt == nil {
		t.Errorf("%+v", list.ServiceDeployments)
	}
}

func TestAnInactiveDefinitionCanBeKeptButNotTaken(t *testing.T) {
	r := stage(t, 0)
	r.web("app")
	ok[api.CreateServiceResponse](r, "CreateService", create(t, `"taskDefinition":"app:1"`))
	for _, d := range []string{"app:1", "app:2"} {
		ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: &d})
	}
	ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"desiredCount":5`))
	ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"taskDefinition":"app:1"`))
	r.refused("UpdateService", update(t, `,"taskDefinition":"app:2"`), "ClientException", "TaskDefinition is inactive")
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	r := stage(t, 0)
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	before := r.service()
	r.refused("UpdateService", update(t, `,"desiredCount":9,"forceNewDeployment":true,"deploymentConfiguration":{"maximumPercent":100}`), "InvalidParameterException",
		"Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
	if diff := cmp.Diff(before, r.service()); diff != "" {
		t.Error(diff)
	}
}
