package ecs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

const prefix = "arn:aws:ecs:eu-west-1:000000000000:"

// shown is needs as lines: the action, the resource and the keys in order.
func shown(needs []operation.Need) []string {
	var all []string
	for _, n := range needs {
		var keys []string
		for k, v := range n.Keys {
			keys = append(keys, fmt.Sprintf("%s=%s", k, strings.ReplaceAll(strings.Join(v, ","), prefix, "")))
		}
		slices.Sort(keys)
		all = append(all, strings.TrimSpace(n.Action+" "+strings.TrimPrefix(n.Resource, prefix)+" "+strings.Join(keys, " ")))
	}
	return all
}

func TestNeeds(t *testing.T) {
	r := stage(t, 1)
	r.define(`{"family":"app","cpu":"256","memory":"512","taskRoleArn":"task","executionRoleArn":"exec","containerDefinitions":[{"name":"a","image":"x"}]}`)
	ok[api.TagResourceResponse](r, "TagResource", &api.TagResourceRequest{ResourceArn: new(ClusterARN(home, "web")), Tags: []api.Tag{{Key: new("env"), Value: new("prod")}}})
	svc := ok[api.CreateServiceResponse](r, "CreateService", create(t, `"taskDefinition":"app:1","tags":[{"key":"env","value":"prod"}]`)).Service
	task := "arn:aws:ecs:eu-west-1:000000000000:task/web/1"
	tests := []struct {
		op   string
		in   any
		want []string
	}{
		{"CreateCluster", request[api.CreateClusterRequest](t, `{"clusterName":"x","capacityProviders":["FARGATE"],"tags":[{"key":"a","value":"b"}]}`), []string{
			"ecs:CreateCluster cluster/x aws:RequestTag/a=b aws:TagKeys=a ecs:capacity-provider=capacity-provider/FARGATE",
			"ecs:TagResource cluster/x aws:RequestTag/a=b aws:TagKeys=a ecs:CreateAction=CreateCluster",
		}},
		{"DescribeClusters", &api.DescribeClustersRequest{Clusters: []string{"web", "x"}}, []string{
			"ecs:DescribeClusters cluster/web aws:ResourceTag/env=prod ecs:ResourceTag/env=prod", "ecs:DescribeClusters cluster/x",
		}},
		{"ListClusters", &api.ListClustersRequest{}, []string{"ecs:ListClusters *"}},
		{"RegisterTaskDefinition", request[api.RegisterTaskDefinitionRequest](t, `{"family":"f","cpu":"1 vCPU","memory":"2048","taskRoleArn":"task","executionRoleArn":"arn:aws:iam::1:role/e",
			"requiresCompatibilities":["EC2","FARGATE"],"containerDefinitions":[{"name":"a","privileged":true}]}`), []string{
			"ecs:RegisterTaskDefinition task-definition/f:* ecs:compute-compatibility=EC2,FARGATE ecs:privileged=true ecs:task-cpu=1024 ecs:task-memory=2048",
			"iam:PassRole arn:aws:iam::000000000000:role/task iam:PassedToService=ecs-tasks.amazonaws.com",
			"iam:PassRole arn:aws:iam::1:role/e iam:PassedToService=ecs-tasks.amazonaws.com",
		}},
		{"CreateService", create(t, `"serviceName":"x","role":"elb","networkConfiguration":{"awsvpcConfiguration":{"subnets":["s1","s2"],"assignPublicIp":"ENABLED"}}`), []string{
			"ecs:CreateService service/web/x ecs:auto-assign-public-ip=true ecs:cluster=cluster/web ecs:enable-ebs-volumes=false ecs:enable-ecs-managed-tags=false " +
				"ecs:enable-execute-command=false ecs:enable-service-connect=false ecs:enable-vpc-lattice=false ecs:propagate-tags=NONE ecs:subnet=s1,s2 " +
				"ecs:task-cpu=256 ecs:task-definition=task-definition/app:2 ecs:task-memory=512",
			"iam:PassRole arn:aws:iam::000000000000:role/elb iam:PassedToService=ecs.amazonaws.com",
		}},
		// Only what changes has a key, and a family is its latest revision.
		{"UpdateService", update(t, `,"taskDefinition":"app"`), []string{
			"ecs:UpdateService service/web/app aws:ResourceTag/env=prod ecs:ResourceTag/env=prod ecs:cluster=cluster/web ecs:task-cpu=256 ecs:task-definition=task-definition/app:2 ecs:task-memory=512",
		}},
		{"UpdateService", update(t, `,"desiredCount":1,"enableExecuteCommand":false`), []string{
			"ecs:UpdateService service/web/app aws:ResourceTag/env=prod ecs:ResourceTag/env=prod ecs:cluster=cluster/web ecs:enable-execute-command=false",
		}},
		{"DescribeServices", &api.DescribeServicesRequest{Cluster: new("web"), Services: []string{ServiceARN(home, "web", "x")}}, []string{"ecs:DescribeServices service/web/x ecs:cluster=cluster/web"}},
		{"ListServices", &api.ListServicesRequest{Cluster: new("web")}, []string{"ecs:ListServices * ecs:cluster=cluster/web"}},
		{"ListTasks", &api.ListTasksRequest{Cluster: new("web")}, []string{"ecs:ListTasks container-instance/web/* ecs:cluster=cluster/web"}},
		{"RunTask", start(t, ``), []string{
			"ecs:RunTask task-definition/app:2 ecs:cluster=cluster/web ecs:enable-ebs-volumes=false ecs:enable-execute-command=false",
			"iam:PassRole arn:aws:iam::000000000000:role/task iam:PassedToService=ecs-tasks.amazonaws.com",
			"iam:PassRole arn:aws:iam::000000000000:role/exec iam:PassedToService=ecs-tasks.amazonaws.com",
		}},
		{"RunTask", start(t, `"tags":[{"key":"a","value":"b"}],"overrides":{"taskRoleArn":"other","executionRoleArn":"other"}`), []string{
			"ecs:RunTask task-definition/app:2 aws:RequestTag/a=b aws:TagKeys=a ecs:cluster=cluster/web ecs:enable-ebs-volumes=false ecs:enable-execute-command=false",
			"iam:PassRole arn:aws:iam::000000000000:role/other iam:PassedToService=ecs-tasks.amazonaws.com",
			"ecs:TagResource task/web/* aws:RequestTag/a=b aws:TagKeys=a ecs:CreateAction=RunTask",
		}},
		{"StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: &task}, []string{"ecs:StopTask task/web/1 ecs:cluster=cluster/web"}},
		{"ExecuteCommand", &api.ExecuteCommandRequest{Cluster: new("web"), Task: &task, Container: new("a")}, []string{
			"ecs:ExecuteCommand cluster/web aws:ResourceTag/env=prod ecs:ResourceTag/env=prod ecs:cluster=cluster/web ecs:container-name=a ecs:task=task/web/1",
			"ecs:ExecuteCommand task/web/1 ecs:cluster=cluster/web ecs:container-name=a ecs:task=task/web/1",
		}},
		{"StopServiceDeployment", &api.StopServiceDeploymentRequest{ServiceDeploymentArn: svc.CurrentServiceDeployment}, []string{
			"ecs:StopServiceDeployment service/web/app aws:ResourceTag/env=prod ecs:ResourceTag/env=prod ecs:cluster=cluster/web",
			"ecs:StopServiceDeployment " + strings.TrimPrefix(*svc.CurrentServiceDeployment, prefix) + " ecs:cluster=cluster/web ecs:service=service/web/app",
		}},
		{"DescribeTaskDefinition", &api.DescribeTaskDefinitionRequest{TaskDefinition: new("app")}, []string{"ecs:DescribeTaskDefinition *"}},
		{"DeleteTaskDefinitions", &api.DeleteTaskDefinitionsRequest{TaskDefinitions: []string{"app:1", "x:1"}}, []string{
			"ecs:DeleteTaskDefinitions task-definition/app:1", "ecs:DeleteTaskDefinitions task-definition/x:1",
		}},
		{"PutAccountSetting", &api.PutAccountSettingRequest{Name: "containerInsights", Value: new("on")}, []string{"ecs:PutAccountSetting * ecs:account-setting=containerInsights"}},
		{"UntagResource", &api.UntagResourceRequest{ResourceArn: new(ClusterARN(home, "web")), TagKeys: []string{"a", "b"}}, []string{
			"ecs:UntagResource cluster/web aws:ResourceTag/env=prod aws:TagKeys=a,b ecs:ResourceTag/env=prod",
		}},
		{"CreateCapacityProvider", request[api.CreateCapacityProviderRequest](t, `{"name":"p","autoScalingGroupProvider":{"autoScalingGroupArn":"`+groupARN+`"}}`), []string{
			"ecs:CreateCapacityProvider capacity-provider/p", "autoscaling:CreateOrUpdateTags " + groupARN,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, shown(r.needs(tt.op, tt.in))); diff != "" {
			t.Errorf("%s: %s", tt.op, diff)
		}
	}
	ok[api.PutAccountSettingDefaultResponse](r, "PutAccountSettingDefault", &api.PutAccountSettingDefaultRequest{Name: api.SettingNameTagResourceAuthorization, Value: new("off")})
	if got := r.needs("RunTask", start(t, `"taskDefinition":"app:1","tags":[{"key":"a","value":"b"}]`)); len(got) != 1 {
		t.Error("tagging is asked for though the account has switched that off:", shown(got))
	}
}

// What is not in the table is refused by name; the list is what the report says.
func TestWhatIsNotServed(t *testing.T) {
	r := newRig(t)
	served := map[string]bool{}
	for _, op := range r.Operations() {
		if served[op.Name] {
			t.Errorf("%s stands twice in the table", op.Name)
		}
		served[op.Name] = true
		model, ok := API.Operation(op.Name)
		if !ok || model.In != op.In || model.Out != op.Out {
			t.Errorf("%s is not the model's", op.Name)
		}
	}
	var not []string
	for _, n := range API.Names {
		if !served[n] {
			not = append(not, n)
		}
	}
	want := strings.Fields(`ContinueServiceDeployment CreateDaemon CreateExpressGatewayService CreateTaskSet DeleteDaemon DeleteDaemonTaskDefinition
		DeleteExpressGatewayService DeleteTaskSet DescribeDaemon DescribeDaemonDeployments DescribeDaemonRevisions DescribeDaemonTaskDefinition
		DescribeExpressGatewayService DescribeTaskSets DiscoverPollEndpoint ListDaemonDeployments ListDaemonTaskDefinitions ListDaemons
		RegisterDaemonTaskDefinition SubmitAttachmentStateChanges SubmitContainerStateChange SubmitTaskStateChange UpdateContainerAgent UpdateDaemon
		UpdateExpressGatewayService UpdateServicePrimaryTaskSet UpdateTaskSet`)
	if diff := cmp.Diff(want, not); diff != "" {
		t.Error(diff)
	}
}
