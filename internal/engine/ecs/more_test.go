package ecs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
)

func TestExecConfigurations(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 0)
	config := func(text string) *api.UpdateClusterRequest {
		return request[api.UpdateClusterRequest](t, `{"cluster":"web","configuration":`+text+`}`)
	}
	tests := []struct{ config, code, message string }{
		{`{"executeCommandConfiguration":{"kmsKeyId":"k"}}`, "UnsupportedFeatureException", "This engine does not serve encryption of ECS Exec with a KMS key."},
		{`{"executeCommandConfiguration":{"logging":"OVERRIDE"}}`, "InvalidParameterException", "logConfiguration must be specified when logging is OVERRIDE."},
		{`{"executeCommandConfiguration":{"logging":"DEFAULT","logConfiguration":{}}}`, "InvalidParameterException", "logConfiguration can only be specified when logging is OVERRIDE."},
		{`{"executeCommandConfiguration":{"logging":"OVERRIDE","logConfiguration":{"s3BucketName":"b"}}}`, "UnsupportedFeatureException", "This engine does not serve logs of ECS Exec in S3."},
		{`{"managedStorageConfiguration":{"kmsKeyId":"k"}}`, "UnsupportedFeatureException", "This engine does not serve encryption of task storage with a KMS key (managedStorageConfiguration)."},
	}
	for _, tt := range tests {
		r.refused("UpdateCluster", config(tt.config), tt.code, tt.message)
	}
	got := ok[api.UpdateClusterResponse](r, "UpdateCluster", config(`{"executeCommandConfiguration":{"logging":"NONE"}}`)).Cluster
	if got.Configuration.ExecuteCommandConfiguration.Logging != api.ExecuteCommandLoggingNone {
		t.Errorf("%+v", got.Configuration)
	}
}

func TestWhatFargateDoesNotHave(t *testing.T) {
	r := newRig(t)
	fargate := `"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512","cpu":"256"`
	tests := []struct{ task, container, what string }{
		{``, `"linuxParameters":{"devices":[{"hostPath":"/x"}]}`, "devices"},
		{``, `"linuxParameters":{"sharedMemorySize":1}`, "sharedMemorySize"},
		{``, `"linuxParameters":{"tmpfs":[{"containerPath":"/x","size":1}]}`, "tmpfs"},
		{``, `"linuxParameters":{"maxSwap":1}`, "maxSwap"},
		{``, `"linuxParameters":{"swappiness":1}`, "swappiness"},
		{``, `"dockerSecurityOptions":["no-new-privileges"]`, "dockerSecurityOptions"},
		{``, `"resourceRequirements":[{"type":"GPU","value":"1"}]`, "resourceRequirements"},
		{``, `"stopTimeout":121`, "a stopTimeout that is not between 2 and 120 seconds"},
		{``, `"startTimeout":1`, "a startTimeout that is not between 2 and 120 seconds"},
		{``, `"logConfiguration":{"logDriver":"syslog"}`, "the log driver syslog"},
		{`,"pidMode":"host"`, ``, "pidMode=host"},
		{`,"ipcMode":"task"`, ``, "ipcMode"},
		{`,"volumes":[{"name":"v","dockerVolumeConfiguration":{}}]`, ``, "dockerVolumeConfiguration"},
		{`,"volumes":[{"name":"v","host":{"sourcePath":"/x"}}]`, ``, "host.sourcePath"},
		{`,"placementConstraints":[{"type":"memberOf","expression":"attribute:a exists"}]`, ``, "placementConstraints"},
	}
	for _, tt := range tests {
		in := mistake{fargate + tt.task, tt.container, ""}.request(t)
		r.refused("RegisterTaskDefinition", in, "ClientException", "Fargate compatible task definitions do not support "+tt.what)
		// Without asking for Fargate it is only not compatible with it.
		in.RequiresCompatibilities = nil
		d := ok[api.RegisterTaskDefinitionResponse](r, "RegisterTaskDefinition", in).TaskDefinition
		if diff := cmp.Diff([]api.Compatibility{api.CompatibilityEc2}, d.Compatibilities); diff != "" {
			t.Errorf("%s: %s", tt.what, diff)
		}
	}
}

func TestARequestForAPlace(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 0)
	d := r.define(`{"family":"f","runtimePlatform":{"cpuArchitecture":"ARM64"},"placementConstraints":[{"type":"memberOf","expression":"attribute:a exists"}],
		"containerDefinitions":[{"name":"a","image":"x","cpu":10,"memory":100,"privileged":true,"portMappings":[{"containerPort":1,"hostPort":2}],
		"resourceRequirements":[{"type":"GPU","value":"2"}]}]}`)
	spec := &TaskSpec{
		Definition:  &Definition{Body: d},
		Constraints: []api.PlacementConstraint{{Type: api.PlacementConstraintTypeDistinctInstance}, {Type: api.PlacementConstraintTypeMemberOf, Expression: new("attribute:b exists")}},
		Placement: []api.PlacementStrategy{
			{Type: api.PlacementStrategyTypeSpread, Field: new("attribute:ecs.availability-zone")}, {Type: api.PlacementStrategyTypeSpread, Field: new("instanceId")},
			{Type: api.PlacementStrategyTypeBinpack, Field: new("cpu")}, {Type: api.PlacementStrategyTypeBinpack, Field: new("MEMORY")}, {Type: api.PlacementStrategyTypeRandom},
		},
	}
	got := PlacementRequest(spec, 3)
	var only []string
	for _, e := range got.Only {
		only = append(only, e.String())
	}
	if diff := cmp.Diff([]string{"attribute:a exists", "attribute:b exists"}, only); diff != "" {
		t.Error(diff)
	}
	got.Only, got.Seed = nil, 0
	want := &placement.Request{
		Count: 3, Needs: placement.Amount{CPU: 10, Memory: 100, GPU: 2}, Ports: placement.Ports{TCP: []int{2}}, Group: "family:f", Distinct: true,
		Attributes: []placement.Attribute{{Name: "com.amazonaws.ecs.capability.privileged-container"}, {Name: "ecs.cpu-architecture", Value: "arm64"}},
		Strategy: []placement.Strategy{
			{Type: placement.Spread, Attribute: placement.Zone}, {Type: placement.Spread}, {Type: placement.BinpackCPU}, {Type: placement.BinpackMemory}, {Type: placement.Random},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOverriddenContainers(t *testing.T) {
	c := request[api.ContainerDefinition](t, `{"name":"a","command":["x"],"cpu":1,"memory":10,"environment":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}`)
	o := request[api.TaskOverride](t, `{"containerOverrides":[{"name":"b","cpu":9},{"name":"a","command":["y"],"cpu":2,"memory":20,"memoryReservation":5,
		"environment":[{"name":"B","value":"3"},{"name":"C","value":"4"}]}]}`)
	want := request[api.ContainerDefinition](t, `{"name":"a","command":["y"],"cpu":2,"memory":20,"memoryReservation":5,
		"environment":[{"name":"A","value":"1"},{"name":"B","value":"3"},{"name":"C","value":"4"}]}`)
	if diff := cmp.Diff(want, Overridden(c, o)); diff != "" {
		t.Error(diff)
	}
	if *c.Cpu != 1 || len(c.Environment) != 2 {
		t.Error("the definition itself changed")
	}
}

func TestTheHealthOfATask(t *testing.T) {
	const healthy, unhealthy, unknown = api.HealthStatusHealthy, api.HealthStatusUnhealthy, api.HealthStatusUnknown
	tests := []struct {
		containers []Container
		want       api.HealthStatus
	}{
		{[]Container{{Essential: true, Health: healthy}, {Essential: true, Health: healthy}}, healthy},
		{[]Container{{Essential: true, Health: healthy}, {Essential: true, Health: unknown}}, unknown},
		{[]Container{{Essential: true, Health: unknown}, {Essential: true, Health: unhealthy}}, unhealthy},
		{[]Container{{Essential: true, Health: healthy}, {Health: unhealthy}}, healthy},
		{[]Container{{Essential: true}}, unknown},
	}
	for _, tt := range tests {
		if got := TaskHealth(tt.containers); got != tt.want {
			t.Errorf("%+v: %s", tt.containers, got)
		}
	}
}

func TestTheServicesWords(t *testing.T) {
	for got, want := range map[string]string{
		inProgress("ecs-svc/1"):      "ECS deployment ecs-svc/1 in progress.",
		CompletedReason("ecs-svc/1"): "ECS deployment ecs-svc/1 completed.",
		BreakerReason(""):            "ECS deployment circuit breaker: tasks failed to start.",
		BreakerReason("ecs-svc/1"):   "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	task := &Task{Last: Running, Desired: Running, Instance: "i"}
	task.Stop("", strings.Repeat("ä", 600), noon)
	if len(task.StopReason) > 1024 || !strings.HasSuffix(task.StopReason, "ä") {
		t.Errorf("a reason of %d bytes", len(task.StopReason))
	}
}

func TestPlacementThatCannotBe(t *testing.T) {
	r := stage(t, 1)
	many := strings.Repeat(`{"type":"distinctInstance"},`, 10) + `{"type":"distinctInstance"}`
	tests := []struct{ more, message string }{
		{`"placementConstraints":[` + many + `]`, "You can specify a maximum of 10 placement constraints for each task."},
		{`"placementStrategy":[{"type":"random"},{"type":"random"},{"type":"random"},{"type":"random"},{"type":"random"},{"type":"random"}]`, "You can specify a maximum of 5 placement strategies."},
		{`"placementConstraints":[{"type":"distinctInstance","expression":"x"}]`, "The distinctInstance constraint does not take an expression."},
		{`"placementStrategy":[{"type":"spread","field":"zone"}]`, `The field "zone" is not valid for the placement strategy spread.`},
	}
	for _, tt := range tests {
		r.refused("RunTask", start(t, tt.more), "InvalidParameterException", tt.message)
	}
}
