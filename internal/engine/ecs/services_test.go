package ecs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elb "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// create makes the service "app" of the task definition "app" in the cluster
// "web"; what is given replaces or adds members.
func create(t testing.TB, more string) *api.CreateServiceRequest {
	t.Helper()
	if more != "" {
		more = "," + more
	}
	return request[api.CreateServiceRequest](t, `{"cluster":"web","serviceName":"app","taskDefinition":"app","desiredCount":2`+more+`}`)
}

func update(t testing.TB, more string) *api.UpdateServiceRequest {
	t.Helper()
	return request[api.UpdateServiceRequest](t, `{"cluster":"web","service":"app"`+more+`}`)
}

// stage is a rig with the cluster "web" and the task definition "app".
func stage(t testing.TB, instances int) *rig {
	r := newRig(t)
	r.cluster("web", instances)
	r.web("app")
	return r
}

func (r *rig) service() *api.Service {
	r.t.Helper()
	return new(ok[api.DescribeServicesResponse](r, "DescribeServices", &api.DescribeServicesRequest{Cluster: new("web"), Services: []string{"app"}}).Services[0])
}

func TestANewService(t *testing.T) {
	r := stage(t, 0)
	got := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"tags":[{"key":"a","value":"b"}]`)).Service
	d := got.Deployments[0]
	if !regexp.MustCompile(`^ecs-svc/[0-9]{19}$`).MatchString(*d.Id) || *d.RolloutStateReason != "ECS deployment "+*d.Id+" in progress." {
		t.Errorf("%s: %s", *d.Id, *d.RolloutStateReason)
	}
	if !regexp.MustCompile(`^arn:aws:ecs:eu-west-1:000000000000:service-deployment/web/app/[A-Za-z0-9_-]{21}$`).MatchString(*got.CurrentServiceDeployment) ||
		!regexp.MustCompile(`^arn:aws:ecs:eu-west-1:000000000000:service-revision/web/app/[0-9]{19}$`).MatchString(*got.CurrentServiceRevisions[0].Arn) {
		t.Errorf("%s %s", *got.CurrentServiceDeployment, *got.CurrentServiceRevisions[0].Arn)
	}
	definition := "arn:aws:ecs:eu-west-1:000000000000:task-definition/app:1"
	want := &api.Service{
		ServiceArn: new("arn:aws:ecs:eu-west-1:000000000000:service/web/app"), ServiceName: new("app"), ClusterArn: new("arn:aws:ecs:eu-west-1:000000000000:cluster/web"),
		Status: new("ACTIVE"), DesiredCount: new(2), RunningCount: new(0), PendingCount: new(0), TaskDefinition: &definition, LaunchType: api.LaunchTypeEc2,
		SchedulingStrategy: api.SchedulingStrategyReplica, DeploymentController: &api.DeploymentController{Type: api.DeploymentControllerTypeEcs},
		DeploymentConfiguration: &api.DeploymentConfiguration{
			MaximumPercent: new(200), MinimumHealthyPercent: new(100), Strategy: api.DeploymentStrategyRolling, BakeTimeInMinutes: new(0),
			DeploymentCircuitBreaker: &api.DeploymentCircuitBreaker{Enable: new(false), Rollback: new(false)},
		},
		LoadBalancers: []api.LoadBalancer{}, ServiceRegistries: []api.ServiceRegistry{}, PlacementConstraints: []api.PlacementConstraint{}, PlacementStrategy: []api.PlacementStrategy{},
		PropagateTags: api.PropagateTagsNone, EnableECSManagedTags: new(false), EnableExecuteCommand: new(false),
		AvailabilityZoneRebalancing: api.AvailabilityZoneRebalancingEnabled, CreatedAt: new(noon), CreatedBy: new("arn:aws:iam::000000000000:user/travis"),
		ResourceManagementType: api.ResourceManagementTypeCustomer, Events: []api.ServiceEvent{}, Tags: []api.Tag{{Key: new("a"), Value: new("b")}},
		Deployments: []api.Deployment{{
			Status: new("PRIMARY"), TaskDefinition: &definition, DesiredCount: new(2), RunningCount: new(0), PendingCount: new(0), FailedTasks: new(0),
			CreatedAt: new(noon), UpdatedAt: new(noon), LaunchType: api.LaunchTypeEc2, RolloutState: api.DeploymentRolloutStateInProgress,
		}},
	}
	opts := cmp.Options{
		cmpopts.IgnoreFields(api.Deployment{}, "Id", "RolloutStateReason"),
		cmpopts.IgnoreFields(api.Service{}, "CurrentServiceDeployment", "CurrentServiceRevisions"),
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Error(diff)
	}
}

func TestAServiceBehindALoadBalancer(t *testing.T) {
	r := stage(t, 0)
	group := r.targetGroup("good", elb.TargetTypeEnumInstance, true)
	got := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"loadBalancers":[{"targetGroupArn":"`+group+`","containerName":"web","containerPort":80}]`)).Service
	if *got.HealthCheckGracePeriodSeconds != 0 || *got.RoleArn != "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS" {
		t.Errorf("%+v", got)
	}
	lb := func(group, container string, port int) *api.CreateServiceRequest {
		in := create(t, fmt.Sprintf(`"loadBalancers":[{"targetGroupArn":%q,"containerName":%q,"containerPort":%d}]`, group, container, port))
		in.ServiceName = new("other")
		return in
	}
	lonely, ip := r.targetGroup("lonely", elb.TargetTypeEnumInstance, false), r.targetGroup("ip", elb.TargetTypeEnumIp, true)
	tests := []struct {
		in      *api.CreateServiceRequest
		message string
	}{
		{lb(lonely, "web", 80), "The target group with targetGroupArn " + lonely + " does not have an associated load balancer."},
		{lb(ip, "web", 80), "The provided target group " + ip + " has target type ip, which is incompatible with the bridge network mode specified in the task definition."},
		{lb("arn:nobody", "web", 80), "The target group arn:nobody does not exist."},
		{lb(group, "api", 80), "The container api does not exist in the task definition."},
		{lb(group, "web", 81), "The container web did not have a container port 81 defined."},
	}
	for _, tt := range tests {
		r.refused("CreateService", tt.in, "InvalidParameterException", tt.message)
	}
}

func TestServicesThatCannotBe(t *testing.T) {
	r := stage(t, 0)
	r.define(`{"family":"vpc","networkMode":"awsvpc","containerDefinitions":[{"name":"web","image":"x","memory":100}]}`)
	r.define(`{"family":"old","containerDefinitions":[{"name":"web","image":"x","memory":100}]}`)
	ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("old:1")})
	net := `"networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"]}}`
	tests := []struct{ more, code, message string }{
		{`"serviceName":"a b"`, "InvalidParameterException", "Service name contains invalid characters."},
		{`"cluster":"nobody"`, "ClusterNotFoundException", "Cluster not found."},
		{`"taskDefinition":""`, "InvalidParameterException", "TaskDefinition can not be blank."},
		{`"taskDefinition":"nobody"`, "ClientException", "TaskDefinition not found."},
		{`"taskDefinition":"old:1"`, "ClientException", "TaskDefinition is inactive"},
		{`"taskDefinition":"old"`, "ClientException", "TaskDefinition not found."},
		{`"taskDefinition":"vpc"`, "InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
		{net, "InvalidParameterException", "Network Configuration is not valid for the given networkMode of this task definition."},
		{`"taskDefinition":"vpc","networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"],"assignPublicIp":"ENABLED"}}`, "InvalidParameterException", "Assign public IP is not supported for this launch type."},
		{`"desiredCount":null`, "InvalidParameterException", "A desired count is required for services with the REPLICA scheduling strategy."},
		{`"desiredCount":-1`, "InvalidParameterException", "Desired count cannot be negative."},
		{`"schedulingStrategy":"DAEMON"`, "InvalidParameterException", "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again."},
		{`"launchType":"EC2","capacityProviderStrategy":[{"capacityProvider":"x","weight":1}]`, "InvalidParameterException", "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."},
		{`"capacityProviderStrategy":[{"capacityProvider":"x","weight":1}]`, "InvalidParameterException", "The specified capacity provider 'x' was not found. Specify a valid name or ARN and try again."},
		{`"launchType":"FARGATE"`, "InvalidParameterException", "Task definition does not support launch_type FARGATE."},
		{`"platformVersion":"1.4.0"`, "InvalidParameterException", "The platform version must be null when specifying an EC2 launch type."},
		{`"deploymentConfiguration":{"maximumPercent":100,"minimumHealthyPercent":100}`, "InvalidParameterException", "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."},
		{`"healthCheckGracePeriodSeconds":5`, "InvalidParameterException", "Health check grace period is only valid for services configured to use load balancers."},
		{`"enableExecuteCommand":true`, "InvalidParameterException", "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again."},
		{`"placementStrategy":[{"type":"binpack","field":"disk"}]`, "InvalidParameterException", `The field "disk" is not valid for the placement strategy binpack.`},
		{`"placementConstraints":[{"type":"memberOf","expression":"("}]`, "InvalidParameterException", `the expression "(" is not valid: a subject is missing`},
		{`"availabilityZoneRebalancing":"ENABLED","deploymentConfiguration":{"maximumPercent":100,"minimumHealthyPercent":0}`, "InvalidParameterException",
			"Availability Zone rebalancing needs the REPLICA scheduling strategy, a maximumPercent greater than 100, and no placement strategy or one that begins with a spread over attribute:ecs.availability-zone."},
		{`"deploymentConfiguration":{"strategy":"BLUE_GREEN"}`, "UnsupportedFeatureException", "This engine does not serve the deployment strategy BLUE_GREEN, only ROLLING."},
		{`"deploymentConfiguration":{"strategy":"LINEAR"}`, "UnsupportedFeatureException", "This engine does not serve the deployment strategy LINEAR, only ROLLING."},
		{`"deploymentConfiguration":{"strategy":"CANARY"}`, "UnsupportedFeatureException", "This engine does not serve the deployment strategy CANARY, only ROLLING."},
		{`"deploymentConfiguration":{"canaryConfiguration":{"canaryPercent":10}}`, "UnsupportedFeatureException", "This engine does not serve canary and linear deployments."},
		{`"deploymentConfiguration":{"bakeTimeInMinutes":5}`, "UnsupportedFeatureException", "This engine does not serve a bake time of deployments (bakeTimeInMinutes)."},
		{`"deploymentConfiguration":{"alarms":{"alarmNames":["x"],"enable":true,"rollback":false}}`, "UnsupportedFeatureException", "This engine does not serve deployment alarms, only the deployment circuit breaker."},
		{`"deploymentController":{"type":"CODE_DEPLOY"}`, "UnsupportedFeatureException", "This engine does not serve the deployment controller CODE_DEPLOY."},
		{`"serviceRegistries":[{"registryArn":"x"}]`, "UnsupportedFeatureException", "This engine does not serve service discovery (serviceRegistries)."},
		{`"serviceConnectConfiguration":{"enabled":true}`, "UnsupportedFeatureException", "This engine does not serve Service Connect."},
		{`"loadBalancers":[{"loadBalancerName":"old","containerName":"web","containerPort":80}]`, "UnsupportedFeatureException", "This engine does not serve Classic Load Balancers (loadBalancerName)."},
	}
	for _, tt := range tests {
		r.refused("CreateService", create(t, tt.more), tt.code, tt.message)
	}
	ok[api.CreateServiceResponse](r, "CreateService", create(t, `"taskDefinition":"vpc",`+net))
}

func TestDaemonServices(t *testing.T) {
	r := stage(t, 0)
	in := create(t, `"schedulingStrategy":"DAEMON"`)
	in.DesiredCount = nil
	got := ok[api.CreateServiceResponse](r, "CreateService", in).Service
	if c := got.DeploymentConfiguration; *c.MaximumPercent != 100 || *c.MinimumHealthyPercent != 0 || got.AvailabilityZoneRebalancing != api.AvailabilityZoneRebalancingDisabled {
		t.Errorf("%+v", got)
	}
	r.refused("UpdateService", update(t, `,"desiredCount":1`), "InvalidParameterException", "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again.")
	in.ServiceName, in.LaunchType = new("x"), api.LaunchTypeFargate
	r.define(`{"family":"app","networkMode":"awsvpc","cpu":"256","memory":"512","containerDefinitions":[{"name":"a","image":"x"}]}`)
	in.NetworkConfiguration = &api.NetworkConfiguration{AwsvpcConfiguration: &api.AwsVpcConfiguration{Subnets: []string{"s"}}}
	r.refused("CreateService", in, "InvalidParameterException", "The daemon scheduling strategy is not supported for AWS Fargate tasks.")
}

func TestAServicesNameIsTaken(t *testing.T) {
	r := stage(t, 0)
	first := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"clientToken":"x"`)).Service
	again := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"clientToken":"y"`)).Service
	if *again.Deployments[0].Id != *first.Deployments[0].Id {
		t.Error("the same request made another deployment")
	}
	r.refused("CreateService", create(t, `"desiredCount":3`), "InvalidParameterException", "Creation of service was not idempotent.")
	ok[api.DeleteServiceResponse](r, "DeleteService", &api.DeleteServiceRequest{Cluster: new("web"), Service: new("app"), Force: new(true)})
	r.refused("CreateService", create(t, ""), "InvalidParameterException", "Unable to Start a service that is still Draining.")
	r.forgetAll()
	next := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"desiredCount":3`)).Service
	if *next.Deployments[0].Id == *first.Deployments[0].Id || *next.Status != "ACTIVE" {
		t.Errorf("%+v", next)
	}
}

func TestDeletingAService(t *testing.T) {
	r := stage(t, 1)
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	del := &api.DeleteServiceRequest{Cluster: new("web"), Service: new("app")}
	r.refused("DeleteService", del, "InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
	r.make(2)
	ok[api.UpdateServiceResponse](r, "UpdateService", update(t, `,"desiredCount":0,"forceNewDeployment":true`))
	r.refused("DeleteService", del, "InvalidParameterException", "The service cannot be stopped while deployments are active.")
	del.Force = new(true)
	if s := ok[api.DeleteServiceResponse](r, "DeleteService", del).Service; *s.Status != "DRAINING" || *s.DesiredCount != 0 || *s.PendingCount != 2 {
		t.Errorf("%+v", s)
	}
	if l := ok[api.ListServicesResponse](r, "ListServices", &api.ListServicesRequest{Cluster: new("web")}); len(l.ServiceArns) != 0 {
		t.Error(l.ServiceArns)
	}
	r.refused("UpdateService", update(t, ""), "ServiceNotActiveException", "Service was not ACTIVE.")
	r.forgetAll()
	if s := r.service(); *s.Status != "DRAINING" {
		t.Errorf("%s while its tasks are there", *s.Status)
	}
	r.update(func(tx *state.Tx) {
		for x := range TasksByService.Get(tx, home, "web/app") {
			ChangeTask(tx, home, x.Key(), func(t *Task) bool { return t.Advance(Stopping, noon) })
		}
	})
	r.forgetAll()
	if s := r.service(); *s.Status != "INACTIVE" || len(s.Deployments) != 0 {
		t.Errorf("%+v", s)
	}
	r.refused("DeleteService", del, "ServiceNotActiveException", "Service was not ACTIVE.")
	r.now = noon.Add(ServiceLingers)
	r.forgetAll()
	r.refused("DeleteService", del, "ServiceNotFoundException", "Service not found.")
	r.refused("UpdateService", update(t, ""), "ServiceNotFoundException", "Service not found.")
	out := ok[api.DescribeServicesResponse](r, "DescribeServices", &api.DescribeServicesRequest{Cluster: new("web"), Services: []string{"app"}})
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" || *out.Failures[0].Arn != ServiceARN(home, "web", "app") {
		t.Errorf("%+v", out)
	}
}

// make makes tasks of the service's newest deployment, as the scheduler does.
func (r *rig) make(n int) (made []*Task, refusal string) {
	r.update(func(tx *state.Tx) {
		svc, _ := Services.Get(tx, home, "web/app")
		made, refusal = r.Make(tx, home, svc, svc.Primary(), n)
	})
	return made, refusal
}

func TestListServices(t *testing.T) {
	r := stage(t, 0)
	for i := range 12 {
		in := create(t, "")
		in.ServiceName = new(fmt.Sprintf("s%02d", i))
		ok[api.CreateServiceResponse](r, "CreateService", in)
	}
	first := ok[api.ListServicesResponse](r, "ListServices", &api.ListServicesRequest{Cluster: new("web")})
	second := ok[api.ListServicesResponse](r, "ListServices", &api.ListServicesRequest{Cluster: new("web"), NextToken: first.NextToken})
	if len(first.ServiceArns) != 10 || len(second.ServiceArns) != 2 || !strings.HasSuffix(second.ServiceArns[1], "service/web/s11") {
		t.Error(first.ServiceArns, second.ServiceArns)
	}
	if l := ok[api.ListServicesResponse](r, "ListServices", &api.ListServicesRequest{Cluster: new("web"), LaunchType: api.LaunchTypeFargate}); len(l.ServiceArns) != 0 {
		t.Error(l.ServiceArns)
	}
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, fmt.Sprint(i))
	}
	r.refused("DescribeServices", &api.DescribeServicesRequest{Cluster: new("web"), Services: eleven}, "InvalidParameterException", "Services cannot be longer than 10.")
	r.refused("DescribeServices", &api.DescribeServicesRequest{Cluster: new("web")}, "InvalidParameterException", "Services cannot be empty.")
	r.refused("ListServicesByNamespace", &api.ListServicesByNamespaceRequest{Namespace: new("x")}, "NamespaceNotFoundException", "The specified namespace was not found.")
}
