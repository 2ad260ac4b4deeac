package ecs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestWhatRegisterFillsIn(t *testing.T) {
	r := newRig(t)
	got := ok[api.RegisterTaskDefinitionResponse](r, "RegisterTaskDefinition", request[api.RegisterTaskDefinitionRequest](t, `{"family":"web","tags":[{"key":"a","value":"b"}],
		"containerDefinitions":[{"name":"web","image":"nginx:1","memoryReservation":128,"portMappings":[{"containerPort":8000}],
			"environment":[{"name":"A","value":"1"}],"healthCheck":{"command":["CMD-SHELL","true"]}}]}`))
	want := &api.TaskDefinition{
		TaskDefinitionArn: new("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1"), Family: new("web"), Revision: new(1),
		Status: api.TaskDefinitionStatusActive, NetworkMode: api.NetworkModeBridge, Volumes: []api.Volume{},
		PlacementConstraints: []api.TaskDefinitionPlacementConstraint{}, RegisteredAt: new(noon), RegisteredBy: new("arn:aws:iam::000000000000:user/travis"),
		Compatibilities: []api.Compatibility{api.CompatibilityExternal, api.CompatibilityEc2},
		RequiresAttributes: []api.Attribute{
			{Name: new("com.amazonaws.ecs.capability.docker-remote-api.1.21")}, {Name: new("ecs.capability.container-health-check")},
			{Name: new("com.amazonaws.ecs.capability.docker-remote-api.1.24")},
		},
		ContainerDefinitions: []api.ContainerDefinition{{
			Name: new("web"), Image: new("nginx:1"), Cpu: new(0), MemoryReservation: new(128), Essential: new(true),
			PortMappings: []api.PortMapping{{ContainerPort: new(8000), HostPort: new(0), Protocol: api.TransportProtocolTcp}},
			Environment:  []api.KeyValuePair{{Name: new("A"), Value: new("1")}},
			MountPoints:  []api.MountPoint{}, VolumesFrom: []api.VolumeFrom{}, SystemControls: []api.SystemControl{},
			HealthCheck: &api.HealthCheck{Command: []string{"CMD-SHELL", "true"}, Interval: new(30), Timeout: new(5), Retries: new(3)},
		}},
	}
	if diff := cmp.Diff(want, got.TaskDefinition); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]api.Tag{{Key: new("a"), Value: new("b")}}, got.Tags); diff != "" {
		t.Error(diff)
	}
	described := ok[api.DescribeTaskDefinitionResponse](r, "DescribeTaskDefinition", &api.DescribeTaskDefinitionRequest{TaskDefinition: new("web")})
	if diff := cmp.Diff(want, described.TaskDefinition); diff != "" || len(described.Tags) != 0 {
		t.Error("described:", diff)
	}
}

func TestHostPortsAndSizesByMode(t *testing.T) {
	r := newRig(t)
	d := r.define(`{"family":"f","networkMode":"awsvpc","cpu":".5 vCPU","memory":"1 GB","requiresCompatibilities":["FARGATE"],"taskRoleArn":"path/task",
		"ephemeralStorage":{"sizeInGiB":21},"volumes":[{"name":"v"}],
		"containerDefinitions":[{"name":"a","image":"x","portMappings":[{"containerPort":80}]}]}`)
	p := d.ContainerDefinitions[0].PortMappings[0]
	if *p.HostPort != 80 || *d.Cpu != "512" || *d.Memory != "1024" || *d.TaskRoleArn != "arn:aws:iam::000000000000:role/path/task" || d.Volumes[0].Host == nil {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff([]api.Compatibility{api.CompatibilityEc2, api.CompatibilityFargate}, d.Compatibilities); diff != "" {
		t.Error(diff)
	}
	d = r.define(`{"family":"h","networkMode":"host","containerDefinitions":[{"name":"a","image":"x","memory":6,"portMappings":[{"containerPort":80,"hostPort":80}]}]}`)
	if *d.ContainerDefinitions[0].PortMappings[0].HostPort != 80 {
		t.Errorf("%+v", d)
	}
}

// mistake is a task definition that ECS refuses; what stands in for the container
// or the task is put into a definition that is right.
type mistake struct{ task, container, message string }

func TestTaskDefinitionsThatAreRefused(t *testing.T) {
	digest := strings.Repeat("a", 64)
	tests := []mistake{
		{`"family":"a b"`, ``, "Family contains invalid characters."},
		{`"family":""`, ``, "Family should not be null or empty."},
		{`"family":"` + strings.Repeat("a", 256) + `"`, ``, "Family longer than 255."},
		{``, `"name":""`, "Container.name should not be null or empty."},
		{``, `"name":"a.b"`, "Container.name contains invalid characters."},
		{``, `"image":""`, "Container.image should not be null or empty."},
		{``, `"image":"a b"`, "Container.image contains invalid characters."},
		{``, `"image":"x@sha256:123"`, "Container.image contains invalid characters."},
		{``, `"image":"` + strings.Repeat("x", 256) + `@sha256:` + digest + `"`, "Container.image longer than 255."},
		{``, `"memory":0`, "Invalid setting for container 'a'. At least one of 'memory' or 'memoryReservation' must be specified."},
		{``, `"memory":5`, "Invalid setting for container 'a'. 'memory' must be at least 6 MiB."},
		{``, `"memory":100,"memoryReservation":100`, "Invalid setting for container 'a'. 'memory' must be greater than 'memoryReservation'."},
		{``, `"essential":false`, "Invalid 'essential' setting for containers. At least one container in a task definition must be essential."},
		{`"networkMode":"awsvpc"`, `"portMappings":[{"containerPort":80,"hostPort":81}]`, "When networkMode=awsvpc, the host ports and container ports in port mappings must match."},
		{`"networkMode":"host"`, `"portMappings":[{"containerPort":80,"hostPort":81}]`, "When networkMode=host, the host ports and container ports in port mappings must match."},
		{`"networkMode":"none"`, `"portMappings":[{"containerPort":80}]`, "When networkMode=none, port mappings are not supported."},
		{``, `"portMappings":[{"containerPort":0}]`, "Invalid setting for container 'a'. 'containerPort' must be between 1 and 65535, 'hostPort' between 0 and 65535."},
		{``, `"portMappings":[{"containerPort":80,"hostPort":80},{"containerPort":81,"hostPort":80}]`, "Invalid setting for container 'a'. The host port 80 is mapped more than once."},
		{`"networkMode":"awsvpc"`, `"links":["b"]`, "Links are not supported when networkMode=awsvpc."},
		{`"networkMode":"awsvpc"`, `"hostname":"b"`, "Hostname is not supported when networkMode=awsvpc."},
		{``, `"links":["b:c"]`, "Unknown container 'b'."},
		{``, `"volumesFrom":[{"sourceContainer":"b"}]`, "Unknown container 'b'."},
		{``, `"mountPoints":[{"sourceVolume":"v","containerPath":"/v"}]`, "Unknown volume 'v'."},
		{`"volumes":[{"name":"v"},{"name":"v"}]`, ``, "Duplicate volume 'v'."},
		{``, `"dependsOn":[{"containerName":"a","condition":"START"}]`, "Invalid setting for container 'a'. It cannot depend on itself."},
		{``, `"dependsOn":[{"containerName":"b","condition":"START"}]`, "Invalid setting for container 'a'. It depends on the container 'b', which does not exist in the task definition."},
		{``, `"secrets":[{"name":"S","valueFrom":"/s"}]`, "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."},
		{``, `"environmentFiles":[{"type":"s3","value":"arn:aws:s3:::bucket/x.env"}]`, "When you are specifying container environment files, you must also specify a value for 'executionRoleArn'."},
		{``, `"environmentFiles":[{"type":"s3","value":"arn:aws:s3:::bucket/x.txt"}]`, "Invalid environment file 'arn:aws:s3:::bucket/x.txt': it has to be the ARN of an Amazon S3 object whose name ends with .env."},
		{`"executionRoleArn":"r"`, `"environment":[{"name":"S","value":"s"}],"secrets":[{"name":"S","valueFrom":"/s"}]`, "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'S'."},
		{``, `"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g"}}`, "Log driver awslogs requires options: awslogs-region"},
		{``, `"healthCheck":{"command":["true"]}`, "Invalid setting for container 'a'. The command of the health check must begin with CMD or CMD-SHELL."},
		{``, `"healthCheck":{"command":["CMD","true"],"interval":4}`, "Invalid setting for container 'a'. The interval of the health check must be between 5 and 300."},
		{``, `"healthCheck":{"command":["CMD","true"],"retries":11}`, "Invalid setting for container 'a'. The retries of the health check must be between 1 and 10."},
		{``, `"ulimits":[{"name":"nofile","softLimit":2,"hardLimit":1}]`, "Invalid setting for container 'a'. The soft limit of the ulimit nofile cannot be greater than its hard limit."},
		{``, `"restartPolicy":{"enabled":true,"restartAttemptPeriod":59}`, "Invalid setting for container 'a'. The restartAttemptPeriod must be between 60 and 1800."},
		{`"cpu":"64"`, ``, "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."},
		{`"cpu":"many"`, ``, "Invalid 'cpu' setting for task."},
		{`"memory":"64"`, ``, "Invalid setting for container 'a'. 'memory' cannot be greater than the memory of the task."},
		{`"memory":"100"`, `"memory":90,"memoryReservation":80},{"name":"b","image":"x","memory":30`, "The memory reserved for all containers (110 MiB) cannot be greater than the memory of the task (100 MiB)."},
		{`"cpu":"128"`, `"cpu":129`, "The CPU units reserved for all containers (129) cannot be greater than the CPU units of the task (128)."},
		{`"placementConstraints":[{"type":"memberOf","expression":"nonsense"}]`, ``, `the expression "nonsense" is not valid: an operator is missing after "nonsense"`},
		{`"ephemeralStorage":{"sizeInGiB":20}`, ``, "EphemeralStorage size should be at least 21"},
		{`"ephemeralStorage":{"sizeInGiB":201}`, ``, "EphemeralStorage size should be at most 200"},
		{`"ephemeralStorage":{"sizeInGiB":21}`, ``, "EphemeralStorage is only supported on Fargate."},
		// Fargate
		{`"requiresCompatibilities":["FARGATE"]`, ``, "Fargate only supports network mode ‘awsvpc’."},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","cpu":"256"`, ``, "Fargate requires that 'memory' be defined at the task level."},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512"`, ``, "Fargate requires that 'cpu' be defined at the task level."},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512","cpu":"512"`, ``, "No Fargate configuration exists for given values."},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512","cpu":"256"`, `"privileged":true`, "Fargate compatible task definitions do not support privileged"},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512","cpu":"256"`, `"image":"1.dkr.ecr.eu-west-1.amazonaws.com/x"`, "Fargate requires task definition to have execution role ARN to support ECR images."},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512","cpu":"256"`,
			`"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"r","awslogs-stream-prefix":"p"}}`, "Fargate requires task definition to have execution role ARN to support log driver awslogs."},
		{`"requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","memory":"512","cpu":"256"`,
			`"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"r"}}`, "Log driver awslogs option 'awslogs-stream-prefix' should not be null or empty."},
		{`"requiresCompatibilities":["EXTERNAL"],"networkMode":"awsvpc"`, ``, "External task definitions do not support network mode ‘awsvpc’."},
	}
	r := newRig(t)
	for _, tt := range tests {
		r.refused("RegisterTaskDefinition", tt.request(t), "ClientException", tt.message)
	}
}

func (m mistake) request(t *testing.T) *api.RegisterTaskDefinitionRequest {
	t.Helper()
	task, container := m.task, m.container
	if task != "" {
		task = "," + task
	}
	if container != "" {
		container = "," + container
	}
	// In JSON the last of two members with the same name counts.
	return request[api.RegisterTaskDefinitionRequest](t, `{"family":"f"`+task+`,"containerDefinitions":[{"name":"a","image":"x","memory":100`+container+`}]}`)
}

func TestUnservedPartsOfTaskDefinitionsAreRefusedByName(t *testing.T) {
	tests := []mistake{
		{`"proxyConfiguration":{"containerName":"a"}`, ``, "App Mesh (proxyConfiguration)"},
		{`"volumes":[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]`, ``, "EFS volumes (efsVolumeConfiguration)"},
		{`"volumes":[{"name":"v","configuredAtLaunch":true}]`, ``, "EBS volumes (configuredAtLaunch)"},
		{`"enableFaultInjection":true`, ``, "fault injection (enableFaultInjection)"},
		{`"runtimePlatform":{"operatingSystemFamily":"WINDOWS_SERVER_2022_CORE"}`, ``, "Windows containers"},
		{`"requiresCompatibilities":["MANAGED_INSTANCES"]`, ``, "ECS Managed Instances"},
		{``, `"firelensConfiguration":{"type":"fluentbit"}`, "FireLens"},
		{``, `"logConfiguration":{"logDriver":"awsfirelens"}`, "FireLens"},
	}
	r := newRig(t)
	for _, tt := range tests {
		r.refused("RegisterTaskDefinition", tt.request(t), "UnsupportedFeatureException", "This engine does not serve "+tt.message+".")
	}
}

func TestContainersThatWaitForEachOtherAreRefused(t *testing.T) {
	r := newRig(t)
	r.refused("RegisterTaskDefinition", request[api.RegisterTaskDefinitionRequest](t, `{"family":"f","containerDefinitions":[
		{"name":"a","image":"x","memory":10,"dependsOn":[{"containerName":"b","condition":"START"}]},
		{"name":"b","image":"x","memory":10,"links":["a"]}]}`), "ClientException", "The dependencies of the containers are circular.")
	r.refused("RegisterTaskDefinition", request[api.RegisterTaskDefinitionRequest](t, `{"family":"f","containerDefinitions":[
		{"name":"a","image":"x","memory":10,"dependsOn":[{"containerName":"b","condition":"SUCCESS"}]},
		{"name":"b","image":"x","memory":10}]}`), "ClientException",
		"Invalid setting for container 'a'. It depends on the container 'b' with the condition SUCCESS, which an essential container cannot have.")
	r.refused("RegisterTaskDefinition", request[api.RegisterTaskDefinitionRequest](t, `{"family":"f","containerDefinitions":[
		{"name":"a","image":"x","memory":10},{"name":"a","image":"x","memory":10}]}`), "ClientException",
		"Duplicate container name 'a'. Container names must be unique in a task definition.")
}

func TestFargateSizes(t *testing.T) {
	// All that were found on AWS (August 2026): 74 pairs.
	n := 0
	for _, cpu := range []int{256, 512, 1024, 2048, 4096, 8192, 16384, 32768} {
		for memory := 512; memory <= 131072; memory += 512 {
			if fargateSize(cpu, memory) {
				n++
			}
		}
	}
	if n != 74 {
		t.Errorf("%d sizes", n)
	}
	for _, no := range [][2]int{{256, 4096}, {512, 512}, {8192, 17408}, {16384, 36864}, {32768, 122880}} {
		if fargateSize(no[0], no[1]) {
			t.Errorf("%v", no)
		}
	}
}

func TestRevisionsGoOnAfterDeletion(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.web("app")
	}
	r.web("app-2")
	describe := func(ref string) string {
		out, err := r.call("DescribeTaskDefinition", &api.DescribeTaskDefinitionRequest{TaskDefinition: &ref})
		if err != nil {
			return err.Error()
		}
		d := out.(*api.DescribeTaskDefinitionResponse).TaskDefinition
		return fmt.Sprint(*d.Revision, d.Status)
	}
	if got := describe("app"); got != "3ACTIVE" {
		t.Error(got)
	}
	deregister := func(ref string) {
		ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: &ref})
	}
	deregister("app:3")
	if got := describe("app") + describe("app:3"); got != "2ACTIVE3INACTIVE" {
		t.Error(got)
	}
	r.refused("DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("app")}, "ClientException", "Revision is missing.")
	r.refused("DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("app:foo")}, "InvalidParameterException", "Invalid revision number. Number: foo")
	r.refused("DescribeTaskDefinition", &api.DescribeTaskDefinitionRequest{TaskDefinition: new("nobody")}, "ClientException", "Unable to describe task definition.")
	r.refused("DescribeTaskDefinition", &api.DescribeTaskDefinitionRequest{TaskDefinition: new("app:9")}, "ClientException", "Unable to describe task definition.")

	deleted := ok[api.DeleteTaskDefinitionsResponse](r, "DeleteTaskDefinitions", &api.DeleteTaskDefinitionsRequest{TaskDefinitions: []string{"app:3", "app:2", "app:9"}})
	if len(deleted.TaskDefinitions) != 1 || deleted.TaskDefinitions[0].Status != api.TaskDefinitionStatusDeleteInProgress || len(deleted.Failures) != 2 ||
		*deleted.Failures[0].Arn != DefinitionARN(home, "app", 2) ||
		*deleted.Failures[0].Reason != "The specified task definition is still in ACTIVE status. Please deregister the target and try again." {
		t.Errorf("%+v", deleted)
	}
	r.now = noon.Add(TaskLingers)
	r.forgetAll()
	if got := describe("app:3"); got != "ClientException: Unable to describe task definition." {
		t.Error(got)
	}
	if d := r.web("app"); *d.Revision != 4 {
		t.Errorf("the number %d was given again", *d.Revision)
	}
}

func TestADeletedTaskDefinitionStaysWhileItIsUsed(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 1)
	r.web("app")
	task := ok[api.RunTaskResponse](r, "RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("app")}).Tasks[0]
	ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("app:1")})
	ok[api.DeleteTaskDefinitionsResponse](r, "DeleteTaskDefinitions", &api.DeleteTaskDefinitionsRequest{TaskDefinitions: []string{"app:1"}})
	describe := &api.DescribeTaskDefinitionRequest{TaskDefinition: new("app:1")}
	r.now = r.now.Add(TaskLingers)
	r.forgetAll()
	ok[api.DescribeTaskDefinitionResponse](r, "DescribeTaskDefinition", describe)
	id, _ := inCluster(*task.TaskArn, "task", "web")
	r.update(func(tx *state.Tx) {
		ChangeTask(tx, home, "web/"+id, func(t *Task) bool { return t.Advance(Stopped, r.now) })
	})
	r.now = r.now.Add(TaskLingers)
	r.forgetAll()
	r.refused("DescribeTaskDefinition", describe, "ClientException", "Unable to describe task definition.")
}

func TestListsOfTaskDefinitions(t *testing.T) {
	r := newRig(t)
	for _, f := range []string{"b", "a", "b", "a-1", "a"} {
		r.web(f)
	}
	for range 9 {
		r.web("b")
	}
	ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("b:1")})
	list := func(in *api.ListTaskDefinitionsRequest) string {
		var all []string
		for {
			out := ok[api.ListTaskDefinitionsResponse](r, "ListTaskDefinitions", in)
			for _, arn := range out.TaskDefinitionArns {
				all = append(all, arn[strings.LastIndex(arn, "/")+1:])
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(all, " ")
			}
		}
	}
	tests := []struct {
		in   api.ListTaskDefinitionsRequest
		want string
	}{
		{api.ListTaskDefinitionsRequest{MaxResults: new(2)}, "a:1 a:2 a-1:1 b:2 b:3 b:4 b:5 b:6 b:7 b:8 b:9 b:10 b:11"},
		{api.ListTaskDefinitionsRequest{FamilyPrefix: new("a")}, "a:1 a:2"},
		{api.ListTaskDefinitionsRequest{FamilyPrefix: new("a"), Sort: api.SortOrderDesc}, "a:2 a:1"},
		{api.ListTaskDefinitionsRequest{Sort: api.SortOrderDesc, MaxResults: new(3)}, "b:11 b:10 b:9 b:8 b:7 b:6 b:5 b:4 b:3 b:2 a-1:1 a:2 a:1"},
		{api.ListTaskDefinitionsRequest{Status: api.TaskDefinitionStatusInactive}, "b:1"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, list(&tt.in)); diff != "" {
			t.Errorf("%+v: %s", tt.in, diff)
		}
	}
	families := func(prefix string, status api.TaskDefinitionFamilyStatus) []string {
		return ok[api.ListTaskDefinitionFamiliesResponse](r, "ListTaskDefinitionFamilies", &api.ListTaskDefinitionFamiliesRequest{FamilyPrefix: &prefix, Status: status}).Families
	}
	ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("a-1:1")})
	if diff := cmp.Diff([]string{"a", "a-1"}, families("a", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, families("", api.TaskDefinitionFamilyStatusActive)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a-1"}, families("", api.TaskDefinitionFamilyStatusInactive)); diff != "" {
		t.Error(diff)
	}
}

func TestNeedsOfTasks(t *testing.T) {
	r := newRig(t)
	two := `"containerDefinitions":[{"name":"a","image":"x","cpu":10,"memory":300,"memoryReservation":100,"portMappings":[{"containerPort":80,"hostPort":8080}]},
		{"name":"b","image":"x","cpu":20,"memory":50,"portMappings":[{"containerPort":81},{"containerPort":53,"hostPort":53,"protocol":"udp"}]}]}`
	tests := []struct {
		definition, overrides string
		want                  Resources
	}{
		{`{"family":"f",` + two, `{}`, Resources{CPU: 30, Memory: 150, TCP: []int{8080}, UDP: []int{53}}},
		{`{"family":"f","cpu":"256","memory":"512",` + two, `{}`, Resources{CPU: 256, Memory: 512, TCP: []int{8080}, UDP: []int{53}}},
		{`{"family":"f",` + two, `{"containerOverrides":[{"name":"b","memoryReservation":20,"cpu":1}]}`, Resources{CPU: 11, Memory: 120, TCP: []int{8080}, UDP: []int{53}}},
		{`{"family":"f","memory":"512",` + two, `{"memory":"1024"}`, Resources{CPU: 30, Memory: 1024, TCP: []int{8080}, UDP: []int{53}}},
	}
	for _, tt := range tests {
		got := Needs(r.define(tt.definition), request[api.TaskOverride](t, tt.overrides))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.overrides, diff)
		}
	}
}
