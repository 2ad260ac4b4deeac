package ecs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func start(t testing.TB, more string) *api.RunTaskRequest {
	t.Helper()
	if more != "" {
		more = "," + more
	}
	return request[api.RunTaskRequest](t, `{"cluster":"web","taskDefinition":"app"`+more+`}`)
}

func TestARunTask(t *testing.T) {
	r := stage(t, 1)
	got := ok[api.RunTaskResponse](r, "RunTask", start(t, `"startedBy":"me","overrides":{"containerOverrides":[{"name":"web","command":["x"],"memory":200}]}`)).Tasks[0]
	if !regexp.MustCompile(`^arn:aws:ecs:eu-west-1:000000000000:task/web/[0-9a-f]{32}$`).MatchString(*got.TaskArn) ||
		!regexp.MustCompile(`^arn:aws:ecs:eu-west-1:000000000000:container/web/[0-9a-f]{32}/[0-9a-f-]{36}$`).MatchString(*got.Containers[0].ContainerArn) ||
		!regexp.MustCompile(`^arn:aws:ecs:eu-west-1:000000000000:container-instance/web/[0-9a-f]{32}$`).MatchString(*got.ContainerInstanceArn) {
		t.Errorf("%s %s %s", *got.TaskArn, *got.Containers[0].ContainerArn, *got.ContainerInstanceArn)
	}
	want := api.Task{
		ClusterArn: new(ClusterARN(home, "web")), TaskDefinitionArn: new(DefinitionARN(home, "app", 1)), Group: new("family:app"), StartedBy: new("me"),
		LaunchType: api.LaunchTypeEc2, Cpu: new("0"), Memory: new("200"), EnableExecuteCommand: new(false), AvailabilityZone: new("eu-west-1a"), CreatedAt: new(noon),
		DesiredStatus: new("RUNNING"), LastStatus: new("PENDING"), HealthStatus: api.HealthStatusUnknown, Version: new(1),
		Attachments: []api.Attachment{}, Attributes: []api.Attribute{}, InferenceAccelerators: []api.InferenceAccelerator{}, Tags: []api.Tag{},
		Overrides: &api.TaskOverride{
			ContainerOverrides:            []api.ContainerOverride{{Name: new("web"), Command: []string{"x"}, Memory: new(200)}},
			InferenceAcceleratorOverrides: []api.InferenceAcceleratorOverride{},
		},
		Containers: []api.Container{{
			TaskArn: got.TaskArn, Name: new("web"), Image: new("nginx"), LastStatus: new("PENDING"), HealthStatus: api.HealthStatusUnknown, Cpu: new("0"), Memory: new("200"),
			NetworkBindings: []api.NetworkBinding{}, NetworkInterfaces: []api.NetworkInterface{},
		}},
	}
	opts := cmp.Options{cmpopts.IgnoreFields(api.Task{}, "TaskArn", "ContainerInstanceArn"), cmpopts.IgnoreFields(api.Container{}, "ContainerArn")}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Error(diff)
	}
}

func TestTasksThatCannotBeRun(t *testing.T) {
	r := stage(t, 0)
	r.define(`{"family":"vpc","networkMode":"awsvpc","containerDefinitions":[{"name":"web","image":"x","memory":100}]}`)
	r.web("old")
	ok[api.DeregisterTaskDefinitionResponse](r, "DeregisterTaskDefinition", &api.DeregisterTaskDefinitionRequest{TaskDefinition: new("old:1")})
	tests := []struct{ more, code, message string }{
		{``, "InvalidParameterException", "No Container Instances were found in your cluster."},
		{`"taskDefinition":"nobody"`, "ClientException", "TaskDefinition not found."},
		{`"taskDefinition":"old:1"`, "InvalidParameterException", "TaskDefinition is inactive"},
		{`"taskDefinition":"vpc"`, "InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
		{`"launchType":"FARGATE"`, "InvalidParameterException", "Task definition does not support launch_type FARGATE."},
		{`"count":11`, "InvalidParameterException", "count should be between 1 and 10."},
		{`"group":"service:x"`, "InvalidParameterException", "The group name cannot begin with 'service:'."},
		{`"startedBy":"a b"`, "InvalidParameterException", "startedBy contains invalid characters or is longer than 128."},
		{`"propagateTags":"SERVICE"`, "InvalidParameterException", "The value SERVICE of propagateTags is only valid for services."},
		{`"overrides":{"containerOverrides":[{"name":"x"}]}`, "InvalidParameterException", "Override for container named x is not a container in the TaskDefinition."},
		{`"overrides":{"containerOverrides":[{"name":"web","command":["` + strings.Repeat("x", 8192) + `"]}]}`, "InvalidParameterException", "Container Overrides length must be at most 8192"},
		{`"enableExecuteCommand":true`, "InvalidParameterException", "The task couldn't be started because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again."},
	}
	for _, tt := range tests {
		r.refused("RunTask", start(t, tt.more), tt.code, tt.message)
	}
}

func TestRunTaskSaysWhyThereIsNoRoom(t *testing.T) {
	r := stage(t, 2)
	out := ok[api.RunTaskResponse](r, "RunTask", start(t, `"count":3,"overrides":{"containerOverrides":[{"name":"web","memory":700}]}`))
	if len(out.Tasks) != 2 || len(out.Failures) != 2 {
		t.Fatalf("%d tasks, %+v", len(out.Tasks), out.Failures)
	}
	for _, f := range out.Failures {
		if *f.Reason != "RESOURCE:MEMORY" || !strings.HasPrefix(*f.Arn, InstanceARN(home, "web", "")) {
			t.Errorf("%+v", f)
		}
	}
	for more, reason := range map[string]string{
		`"overrides":{"containerOverrides":[{"name":"web","cpu":2000}]}`:                                                      "RESOURCE:CPU",
		`"placementConstraints":[{"type":"memberOf","expression":"attribute:ecs.availability-zone == x"}]`:                    "MemberOf placement constraint unsatisfied.",
		`"placementConstraints":[{"type":"distinctInstance"}],"overrides":{"containerOverrides":[{"name":"web","memory":1}]}`: "DistinctInstance placement constraint unsatisfied.",
	} {
		out := ok[api.RunTaskResponse](r, "RunTask", start(t, more))
		if len(out.Failures) == 0 || *out.Failures[0].Reason != reason {
			t.Errorf("%s: %+v", more, out.Failures)
		}
	}
	r.update(func(tx *state.Tx) {
		for i := range Instances.All(tx, home) {
			c := *i
			c.Status = Draining
			PutInstance(tx, home, &c)
		}
	})
	out = ok[api.RunTaskResponse](r, "RunTask", start(t, ""))
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "NO ACTIVE INSTANCES" {
		t.Errorf("%+v", out.Failures)
	}
}

func TestAClientTokenMakesTasksOnce(t *testing.T) {
	r := stage(t, 3)
	in := start(t, `"clientToken":"x","count":2`)
	first := ok[api.RunTaskResponse](r, "RunTask", in)
	again := ok[api.RunTaskResponse](r, "RunTask", in)
	if diff := cmp.Diff(first, again, cmpopts.SortSlices(func(a, b api.Task) bool { return *a.TaskArn < *b.TaskArn })); diff != "" {
		t.Error(diff)
	}
	in.Count = new(3)
	r.refused("RunTask", in, "ConflictException", "The request with the client token x differs from the one that used it before.")
	r.now = noon.Add(TokenLingers)
	r.forgetAll()
	if next := ok[api.RunTaskResponse](r, "RunTask", in); len(next.Tasks) != 3 {
		t.Errorf("%+v", next)
	}
}

func TestAFargateTaskNeedsNoInstance(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 0)
	r.define(`{"family":"app","networkMode":"awsvpc","cpu":"256","memory":"512","containerDefinitions":[{"name":"a","image":"x"}]}`)
	got := ok[api.RunTaskResponse](r, "RunTask", start(t, `"launchType":"FARGATE","count":2,"networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"],"assignPublicIp":"ENABLED"}}`)).Tasks[1]
	if *got.LastStatus != "PROVISIONING" || got.ContainerInstanceArn != nil || *got.PlatformVersion != "1.4.0" || *got.PlatformFamily != "Linux" || *got.Cpu != "256" ||
		*got.EphemeralStorage.SizeInGiB != 20 || *got.Attachments[0].Type != "ElasticNetworkInterface" || *got.Attachments[0].Status != "PRECREATED" {
		t.Errorf("%+v", got)
	}
}

func TestTasksOfAScalingProviderWait(t *testing.T) {
	r := stage(t, 1)
	r.provider("spot")
	ok[api.UpdateCapacityProviderResponse](r, "UpdateCapacityProvider", request[api.UpdateCapacityProviderRequest](t, `{"name":"spot","autoScalingGroupProvider":{"managedScaling":{"status":"ENABLED"}}}`))
	ok[api.PutClusterCapacityProvidersResponse](r, "PutClusterCapacityProviders", request[api.PutClusterCapacityProvidersRequest](t, `{"cluster":"web","capacityProviders":["spot"],"defaultCapacityProviderStrategy":[]}`))
	out := ok[api.RunTaskResponse](r, "RunTask", start(t, `"count":3,"capacityProviderStrategy":[{"capacityProvider":"spot","weight":1}]`))
	if len(out.Tasks) != 3 || len(out.Failures) != 0 || *out.Tasks[0].LastStatus != "PROVISIONING" || out.Tasks[0].ContainerInstanceArn != nil || *out.Tasks[0].CapacityProviderName != "spot" {
		t.Fatalf("%+v", out)
	}
	stop := ok[api.StopTaskResponse](r, "StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: out.Tasks[0].TaskArn}).Task
	if *stop.LastStatus != "STOPPED" || *stop.Containers[0].LastStatus != "STOPPED" {
		t.Errorf("a task that was nowhere: %+v", stop)
	}
	wait := func() {
		t.Helper()
		if _, err := r.placeAll(r.now); err != nil {
			t.Fatal(err)
		}
	}
	describe := func(i int) api.Task {
		return ok[api.DescribeTasksResponse](r, "DescribeTasks", &api.DescribeTasksRequest{Cluster: new("web"), Tasks: []string{*out.Tasks[i].TaskArn}}).Tasks[0]
	}
	wait()
	if got := describe(1); got.ContainerInstanceArn != nil {
		t.Error("it was placed on an instance of no provider")
	}
	r.update(func(tx *state.Tx) {
		Join(tx, home, &Instance{Cluster: "web", Provider: "spot", Connected: true, Has: Resources{CPU: 1024, Memory: 150}, Attributes: Capabilities()})
	})
	wait()
	placed, left := describe(1), describe(2)
	if placed.ContainerInstanceArn == nil {
		placed, left = left, placed
	}
	if placed.ContainerInstanceArn == nil || *placed.LastStatus != "PENDING" || left.ContainerInstanceArn != nil {
		t.Fatalf("%+v\n%+v", placed, left)
	}
	r.now = noon.Add(WaitsFor)
	wait()
	for i := 1; i < 3; i++ {
		if got := describe(i); *got.TaskArn == *left.TaskArn && (got.StopCode != api.TaskStopCodeTaskFailedToStart || *got.StoppedReason != "TaskFailedToStart: RESOURCE:MEMORY") {
			t.Errorf("%s %s", got.StopCode, *got.StoppedReason)
		}
	}
}

func TestStartTaskGoesWhereItIsTold(t *testing.T) {
	r := stage(t, 0)
	a, b := r.join("web", "a", 1024, 150), r.join("web", "b", 1024, 50)
	in := request[api.StartTaskRequest](t, fmt.Sprintf(`{"cluster":"web","taskDefinition":"app","containerInstances":[%q,%q,"nobody",%q]}`, a.ARN, b.ID, a.ID))
	out := ok[api.StartTaskResponse](r, "StartTask", in)
	want := []api.Failure{
		{Arn: new(b.ARN), Reason: new("RESOURCE:MEMORY")},
		{Arn: new(InstanceARN(home, "web", "nobody")), Reason: new("MISSING")},
		{Arn: new(a.ARN), Reason: new("RESOURCE:MEMORY")}, // there was room for one
	}
	if diff := cmp.Diff(want, out.Failures); diff != "" || len(out.Tasks) != 1 || *out.Tasks[0].ContainerInstanceArn != a.ARN {
		t.Error(diff)
	}
}

func TestStoppingATask(t *testing.T) {
	r := stage(t, 1)
	task := ok[api.RunTaskResponse](r, "RunTask", start(t, "")).Tasks[0]
	r.now = noon.Add(time.Minute)
	for range 2 { // the second stop changes nothing
		got := ok[api.StopTaskResponse](r, "StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: task.TaskArn}).Task
		if *got.DesiredStatus != "STOPPED" || *got.LastStatus != "PENDING" || got.StopCode != api.TaskStopCodeUserInitiated || *got.StoppedReason != "Task stopped by user" ||
			!got.StoppingAt.Equal(noon.Add(time.Minute)) || *got.Version != 2 {
			t.Errorf("%+v", got)
		}
		r.now = noon.Add(time.Hour)
	}
	other := ok[api.RunTaskResponse](r, "RunTask", start(t, "")).Tasks[0]
	if got := ok[api.StopTaskResponse](r, "StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: other.TaskArn, Reason: new("because")}).Task; *got.StoppedReason != "because" {
		t.Error(*got.StoppedReason)
	}
	r.refused("StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: new("nobody")}, "InvalidParameterException", "The referenced task was not found.")
	id, _ := inCluster(*task.TaskArn, "task", "web")
	r.update(func(tx *state.Tx) {
		ChangeTask(tx, home, "web/"+id, func(t *Task) bool { return t.Advance(Stopped, r.now) })
	})
	describe := &api.DescribeTasksRequest{Cluster: new("web"), Tasks: []string{*task.TaskArn}}
	r.now = r.now.Add(59 * time.Minute)
	r.forgetAll()
	if out := ok[api.DescribeTasksResponse](r, "DescribeTasks", describe); len(out.Tasks) != 1 || *out.Tasks[0].LastStatus != "STOPPED" {
		t.Error("a stopped task was forgotten within the hour")
	}
	r.now = r.now.Add(time.Minute)
	r.forgetAll()
	out := ok[api.DescribeTasksResponse](r, "DescribeTasks", describe)
	if diff := cmp.Diff([]api.Failure{{Arn: task.TaskArn, Reason: new("MISSING")}}, out.Failures); diff != "" {
		t.Error(diff)
	}
}

func TestListTasksFilters(t *testing.T) {
	r := stage(t, 1)
	r.web("db")
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	made, _ := r.make(2)
	task := ok[api.RunTaskResponse](r, "RunTask", start(t, `"taskDefinition":"db","startedBy":"me"`)).Tasks[0]
	stopped := ok[api.RunTaskResponse](r, "RunTask", start(t, `"taskDefinition":"db"`)).Tasks[0]
	ok[api.StopTaskResponse](r, "StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: stopped.TaskArn})
	tests := []struct {
		more string
		want int
	}{
		{``, 3}, {`,"desiredStatus":"STOPPED"`, 1}, {`,"desiredStatus":"PENDING"`, 0}, {`,"family":"db"`, 1}, {`,"serviceName":"app"`, 2},
		{`,"startedBy":"` + made[0].StartedBy + `"`, 2}, {`,"startedBy":"me"`, 1}, {`,"containerInstance":"` + *task.ContainerInstanceArn + `"`, 3},
		{`,"containerInstance":"` + *task.ContainerInstanceArn + `","serviceName":"app"`, 2}, {`,"serviceName":"app","family":"db"`, 0},
		{`,"family":"db","desiredStatus":"STOPPED"`, 1}, {`,"launchType":"FARGATE"`, 0},
	}
	for _, tt := range tests {
		in := request[api.ListTasksRequest](t, `{"cluster":"web"`+tt.more+`}`)
		if got := ok[api.ListTasksResponse](r, "ListTasks", in).TaskArns; len(got) != tt.want {
			t.Errorf("%s: %d, want %d", tt.more, len(got), tt.want)
		}
	}
	r.refused("ListTasks", request[api.ListTasksRequest](t, `{"cluster":"web","startedBy":"me","family":"db"}`), "InvalidParameterException", "startedBy must be the only filter when it is specified.")
	r.refused("ListTasks", request[api.ListTasksRequest](t, `{"cluster":"web","serviceName":"nobody"}`), "ServiceNotFoundException", "Service not found.")
	page := ok[api.ListTasksResponse](r, "ListTasks", request[api.ListTasksRequest](t, `{"cluster":"web","maxResults":2}`))
	rest := ok[api.ListTasksResponse](r, "ListTasks", &api.ListTasksRequest{Cluster: new("web"), NextToken: page.NextToken})
	if len(page.TaskArns) != 2 || len(rest.TaskArns) != 1 || rest.NextToken != nil {
		t.Error(page, rest)
	}
}

func TestTaskProtection(t *testing.T) {
	r := stage(t, 1)
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	made, _ := r.make(1)
	alone := ok[api.RunTaskResponse](r, "RunTask", start(t, "")).Tasks[0]
	in := &api.UpdateTaskProtectionRequest{Cluster: new("web"), Tasks: []string{made[0].ID, *alone.TaskArn, "nobody"}, ProtectionEnabled: new(true)}
	out := ok[api.UpdateTaskProtectionResponse](r, "UpdateTaskProtection", in)
	want := []api.ProtectedTask{{TaskArn: &made[0].ARN, ProtectionEnabled: new(true), ExpirationDate: new(noon.Add(2 * time.Hour))}}
	if diff := cmp.Diff(want, out.ProtectedTasks); diff != "" {
		t.Error(diff)
	}
	if len(out.Failures) != 2 || *out.Failures[0].Reason != "TASK_NOT_VALID" || *out.Failures[1].Reason != "MISSING" {
		t.Errorf("%+v", out.Failures)
	}
	r.now = noon.Add(2 * time.Hour)
	got := ok[api.GetTaskProtectionResponse](r, "GetTaskProtection", &api.GetTaskProtectionRequest{Cluster: new("web"), Tasks: []string{made[0].ID}})
	if diff := cmp.Diff([]api.ProtectedTask{{TaskArn: &made[0].ARN, ProtectionEnabled: new(false)}}, got.ProtectedTasks); diff != "" {
		t.Error("after its end:", diff)
	}
	in.ExpiresInMinutes = new(2881)
	r.refused("UpdateTaskProtection", in, "InvalidParameterException", "expiresInMinutes should be between 1 and 2880.")
}

func TestExecuteCommand(t *testing.T) {
	r := stage(t, 1)
	r.define(`{"family":"app","taskRoleArn":"r","containerDefinitions":[{"name":"web","image":"x","memory":100}]}`)
	task := ok[api.RunTaskResponse](r, "RunTask", start(t, `"enableExecuteCommand":true`)).Tasks[0]
	plain := ok[api.RunTaskResponse](r, "RunTask", start(t, "")).Tasks[0]
	in := func(ref *string) *api.ExecuteCommandRequest {
		return &api.ExecuteCommandRequest{Cluster: new("web"), Task: ref, Command: new("sh"), Interactive: new(true)}
	}
	r.refused("ExecuteCommand", in(task.TaskArn), "InvalidParameterException", "The execute command failed because the task is not in the RUNNING state.")
	begin := func(ref *string, agent string) {
		id, _ := inCluster(*ref, "task", "web")
		r.update(func(tx *state.Tx) {
			ChangeTask(tx, home, "web/"+id, func(t *Task) bool {
				for i := range t.Containers[0].Agents {
					t.Containers[0].Agents = []api.ManagedAgent{{Name: t.Containers[0].Agents[i].Name, LastStatus: &agent}}
				}
				t.Advance(Running, noon)
				return true
			})
		})
	}
	begin(task.TaskArn, "PENDING")
	begin(plain.TaskArn, "")
	r.refused("ExecuteCommand", in(plain.TaskArn), "InvalidParameterException", "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.")
	r.refused("ExecuteCommand", in(task.TaskArn), "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
	begin(task.TaskArn, "RUNNING")
	r.refused("ExecuteCommand", in(task.TaskArn), "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.") // nobody opens sessions
	r.Session = func(_ *state.Tx, _ state.Scope, t *Task, c *Container, command string) (*api.Session, error) {
		return &api.Session{SessionId: new(c.Name + " " + command)}, nil
	}
	out := ok[api.ExecuteCommandResponse](r, "ExecuteCommand", in(task.TaskArn))
	if *out.Session.SessionId != "web sh" || *out.ContainerName != "web" {
		t.Errorf("%+v", out)
	}
}
