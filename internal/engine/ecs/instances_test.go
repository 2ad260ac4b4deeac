package ecs

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

const registration = `{"cluster":"web",
	"instanceIdentityDocument":"{\"instanceId\":\"i-0abc\",\"instanceType\":\"t3.small\",\"availabilityZone\":\"eu-west-1a\",\"imageId\":\"ami-1\"}",
	"totalResources":[{"name":"CPU","type":"INTEGER","integerValue":2048},{"name":"MEMORY","type":"INTEGER","integerValue":1944},
		{"name":"PORTS","type":"STRINGSET","stringSetValue":["22","2376"]},{"name":"PORTS_UDP","type":"STRINGSET","stringSetValue":[]}],
	"attributes":[{"name":"ecs.capability.task-eni"},{"name":"stack","value":"prod"}],
	"versionInfo":{"agentVersion":"1.90.0"},"tags":[{"key":"a","value":"b"}]}`

func TestARegisteredInstance(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 0)
	got := ok[api.RegisterContainerInstanceResponse](r, "RegisterContainerInstance", request[api.RegisterContainerInstanceRequest](t, registration)).ContainerInstance
	whole := func(name string, v int) api.Resource {
		return api.Resource{Name: &name, Type: new("INTEGER"), IntegerValue: &v, LongValue: new(0), DoubleValue: new(0.0)}
	}
	set := func(name string, v ...string) api.Resource {
		return api.Resource{Name: &name, Type: new("STRINGSET"), IntegerValue: new(0), LongValue: new(0), DoubleValue: new(0.0), StringSetValue: append([]string{}, v...)}
	}
	resources := []api.Resource{whole("CPU", 2048), whole("MEMORY", 1944), set("PORTS", "22", "2376"), set("PORTS_UDP")}
	want := &api.ContainerInstance{
		Ec2InstanceId: new("i-0abc"), Status: new("ACTIVE"), AgentConnected: new(false), RegisteredAt: new(noon), Version: new(1),
		RunningTasksCount: new(0), PendingTasksCount: new(0), RegisteredResources: resources, RemainingResources: resources,
		VersionInfo: &api.VersionInfo{AgentVersion: new("1.90.0")}, Attachments: []api.Attachment{}, Tags: []api.Tag{{Key: new("a"), Value: new("b")}},
		Attributes: []api.Attribute{
			{Name: new("ecs.ami-id"), Value: new("ami-1")}, {Name: new("ecs.availability-zone"), Value: new("eu-west-1a")},
			{Name: new("ecs.capability.task-eni")}, {Name: new("ecs.instance-type"), Value: new("t3.small")}, {Name: new("stack"), Value: new("prod")},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.ContainerInstance{}, "ContainerInstanceArn")); diff != "" {
		t.Error(diff)
	}
	// Nobody is there who would start a task on it.
	r.web("app")
	out := ok[api.RunTaskResponse](r, "RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("app")})
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "AGENT" || *out.Failures[0].Arn != *got.ContainerInstanceArn {
		t.Errorf("%+v", out.Failures)
	}
}

func TestRemainingResourcesAreWhatTasksLeave(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 1)
	r.define(`{"family":"static","containerDefinitions":[{"name":"a","image":"nginx","cpu":100,"memory":300,"memoryReservation":200,
		"portMappings":[{"containerPort":80,"hostPort":80},{"containerPort":81},{"containerPort":53,"hostPort":53,"protocol":"udp"}]}]}`)
	task := ok[api.RunTaskResponse](r, "RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("static")}).Tasks[0]
	remaining := func() map[string]string {
		i := ok[api.DescribeContainerInstancesResponse](r, "DescribeContainerInstances", &api.DescribeContainerInstancesRequest{
			Cluster: new("web"), ContainerInstances: []string{*task.ContainerInstanceArn},
		}).ContainerInstances[0]
		all := map[string]string{"pending": fmt.Sprint(*i.PendingTasksCount)}
		for _, x := range i.RemainingResources {
			all[*x.Name] = fmt.Sprint(*x.IntegerValue)
			if x.StringSetValue != nil {
				all[*x.Name] = fmt.Sprint(x.StringSetValue)
			}
		}
		return all
	}
	want := map[string]string{"CPU": "924", "MEMORY": "800", "PORTS": "[22 80 2375 2376 51678 51679]", "PORTS_UDP": "[53]", "pending": "1"}
	if diff := cmp.Diff(want, remaining()); diff != "" {
		t.Error(diff)
	}
	id, _ := inCluster(*task.TaskArn, "task", "web")
	r.update(func(tx *state.Tx) {
		ChangeTask(tx, home, "web/"+id, func(t *Task) bool { return t.Advance(Stopped, noon) })
	})
	want = map[string]string{"CPU": "1024", "MEMORY": "1000", "PORTS": "[22 2375 2376 51678 51679]", "PORTS_UDP": "[]", "pending": "0"}
	if diff := cmp.Diff(want, remaining()); diff != "" {
		t.Error("after the stop:", diff)
	}
}

func TestDrainingAndLeaving(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 2)
	r.web("app")
	run := &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("app")}
	task := ok[api.RunTaskResponse](r, "RunTask", run).Tasks[0]
	drain := &api.UpdateContainerInstancesStateRequest{Cluster: new("web"), ContainerInstances: []string{*task.ContainerInstanceArn, "nobody"}, Status: api.ContainerInstanceStatusDraining}
	out := ok[api.UpdateContainerInstancesStateResponse](r, "UpdateContainerInstancesState", drain)
	if *out.ContainerInstances[0].Status != "DRAINING" || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("%+v", out)
	}
	for range 5 {
		if next := ok[api.RunTaskResponse](r, "RunTask", run).Tasks[0]; *next.ContainerInstanceArn == *task.ContainerInstanceArn {
			t.Fatal("a task was placed on a draining instance")
		}
	}
	drain.Status = api.ContainerInstanceStatusRegistering
	r.refused("UpdateContainerInstancesState", drain, "InvalidParameterException", "Container instance status should be one of [ACTIVE,DRAINING].")

	leave := &api.DeregisterContainerInstanceRequest{Cluster: new("web"), ContainerInstance: task.ContainerInstanceArn}
	r.refused("DeregisterContainerInstance", leave, "InvalidParameterException", "Found running tasks on the instance.")
	leave.Force = new(true)
	if i := ok[api.DeregisterContainerInstanceResponse](r, "DeregisterContainerInstance", leave).ContainerInstance; *i.Status != "INACTIVE" {
		t.Error(*i.Status)
	}
	got := ok[api.DescribeTasksResponse](r, "DescribeTasks", &api.DescribeTasksRequest{Cluster: new("web"), Tasks: []string{*task.TaskArn}}).Tasks[0]
	if *got.DesiredStatus != "STOPPED" || *got.StoppedReason != "Container instance deregistration forced by user" {
		t.Errorf("%+v", got)
	}
	if left := ok[api.ListContainerInstancesResponse](r, "ListContainerInstances", &api.ListContainerInstancesRequest{Cluster: new("web")}); len(left.ContainerInstanceArns) != 1 {
		t.Error(left.ContainerInstanceArns)
	}
	r.now = noon.Add(TaskLingers)
	r.forgetAll()
	desc := ok[api.DescribeContainerInstancesResponse](r, "DescribeContainerInstances", &api.DescribeContainerInstancesRequest{Cluster: new("web"), ContainerInstances: []string{*task.ContainerInstanceArn}})
	if len(desc.Failures) != 1 || *desc.Failures[0].Arn != *task.ContainerInstanceArn {
		t.Errorf("%+v", desc)
	}
}

func TestListContainerInstancesFilters(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 3)
	list := func(filter string, status api.ContainerInstanceStatus) int {
		return len(ok[api.ListContainerInstancesResponse](r, "ListContainerInstances", &api.ListContainerInstancesRequest{Cluster: new("web"), Filter: &filter, Status: status}).ContainerInstanceArns)
	}
	if n := list("attribute:ecs.availability-zone in [eu-west-1a, eu-west-1b]", ""); n != 2 {
		t.Error(n)
	}
	if n := list("runningTasksCount == 0", api.ContainerInstanceStatusActive); n != 3 {
		t.Error(n)
	}
	if n := list("", api.ContainerInstanceStatusDraining); n != 0 {
		t.Error(n)
	}
	r.refused("ListContainerInstances", &api.ListContainerInstancesRequest{Cluster: new("web"), Filter: new("zone == a")},
		"InvalidParameterException", `Invalid filter: the expression "zone == a" is not valid: "zone" is not a subject.`)
}

func TestCustomAttributes(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 1)
	i := r.join("web", "eu-west-1a", 1, 1)
	put := func(text string) *api.PutAttributesRequest {
		return request[api.PutAttributesRequest](t, `{"cluster":"web","attributes":[`+fmt.Sprintf(text, i.ID)+`]}`)
	}
	got := ok[api.PutAttributesResponse](r, "PutAttributes", put(`{"name":"stack","value":"prod","targetType":"container-instance","targetId":"%s"}`))
	want := []api.Attribute{{Name: new("stack"), Value: new("prod"), TargetType: api.TargetTypeContainerInstance, TargetId: new(i.ARN)}}
	if diff := cmp.Diff(want, got.Attributes); diff != "" {
		t.Error(diff)
	}
	list := ok[api.ListAttributesResponse](r, "ListAttributes", request[api.ListAttributesRequest](t, `{"cluster":"web","targetType":"container-instance","attributeName":"stack","attributeValue":"prod"}`))
	if diff := cmp.Diff(want, list.Attributes); diff != "" {
		t.Error(diff)
	}
	r.refused("PutAttributes", put(`{"name":"stack","targetId":"%s"}`), "InvalidParameterException", "targetType must be specified for the short form of a targetId.")
	r.refused("PutAttributes", put(`{"name":"ecs.os-type","value":"x","targetType":"container-instance","targetId":"%s"}`), "InvalidParameterException", "The attribute ecs.os-type is built in and cannot be changed.")
	r.refused("PutAttributes", put(`{"name":"a b","targetType":"container-instance","targetId":"%s"}`), "InvalidParameterException", `The attribute name "a b" is not valid.`)
	r.refused("PutAttributes", put(`{"name":"a","value":" b","targetType":"container-instance","targetId":"%s"}`), "InvalidParameterException", "The value of the attribute a is not valid.")
	for n := range mostAttributes - 1 {
		ok[api.PutAttributesResponse](r, "PutAttributes", put(fmt.Sprintf(`{"name":"n%d","targetType":"container-instance","targetId":"%%s"}`, n)))
	}
	_, err := r.call("PutAttributes", put(`{"name":"more","targetType":"container-instance","targetId":"%s"}`))
	if err == nil || err.Error()[:31] != "AttributeLimitExceededException" {
		t.Error(err)
	}
	del := request[api.DeleteAttributesRequest](t, fmt.Sprintf(`{"cluster":"web","attributes":[{"name":"stack","targetType":"container-instance","targetId":%q}]}`, i.ID))
	ok[api.DeleteAttributesResponse](r, "DeleteAttributes", del)
	_, err = r.call("DeleteAttributes", del)
	if err == nil || err.Error()[:23] != "TargetNotFoundException" {
		t.Error(err)
	}
}

func TestEveryCapabilityThatATaskCanAskForIsThere(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 1)
	r.define(`{"family":"all","taskRoleArn":"t","executionRoleArn":"e","networkMode":"bridge","pidMode":"task","ipcMode":"task",
		"volumes":[{"name":"v","dockerVolumeConfiguration":{}}],
		"containerDefinitions":[
			{"name":"b","image":"x","memory":10,"essential":false,"healthCheck":{"command":["CMD","true"],"startPeriod":1}},
			{"name":"a","image":"000000000000.dkr.ecr.eu-west-1.amazonaws.com/x","memory":20,"memoryReservation":10,"privileged":true,
			"repositoryCredentials":{"credentialsParameter":"c"},"linuxParameters":{"initProcessEnabled":true},"dockerLabels":{"a":"b"},
			"dependsOn":[{"containerName":"b","condition":"HEALTHY"}],"restartPolicy":{"enabled":true},
			"secrets":[{"name":"A","valueFrom":"/a"},{"name":"B","valueFrom":"arn:aws:secretsmanager:eu-west-1:000000000000:secret:b"}],
			"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"eu-west-1"},"secretOptions":[{"name":"x","valueFrom":"/x"}]}}]}`)
	out := ok[api.RunTaskResponse](r, "RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("all")})
	if len(out.Failures) > 0 {
		t.Errorf("%s", *out.Failures[0].Reason)
	}
}
