package ecs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestAClusterIsMadeOnce(t *testing.T) {
	r := newRig(t)
	in := request[api.CreateClusterRequest](t, `{"clusterName":"web","tags":[{"key":"a","value":"b"}]}`)
	want := &api.Cluster{
		ClusterArn: new("arn:aws:ecs:eu-west-1:000000000000:cluster/web"), ClusterName: new("web"), Status: new("ACTIVE"),
		ActiveServicesCount: new(0), PendingTasksCount: new(0), RunningTasksCount: new(0), RegisteredContainerInstancesCount: new(0),
		CapacityProviders: []string{}, DefaultCapacityProviderStrategy: []api.CapacityProviderStrategyItem{}, Statistics: []api.KeyValuePair{},
		Settings: []api.ClusterSetting{{Name: api.ClusterSettingNameContainerInsights, Value: new("disabled")}},
		Tags:     []api.Tag{{Key: new("a"), Value: new("b")}},
	}
	for range 2 {
		if diff := cmp.Diff(want, ok[api.CreateClusterResponse](r, "CreateCluster", in).Cluster); diff != "" {
			t.Error(diff)
		}
	}
	in.Settings = []api.ClusterSetting{{Name: api.ClusterSettingNameContainerInsights, Value: new("enabled")}}
	r.refused("CreateCluster", in, "InvalidParameterException", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	if _, found := iam.RoleByName(r.view(), home, "AWSServiceRoleForECS"); !found {
		t.Error("the service-linked role was not made")
	}
}

func TestWithoutANameItIsTheDefaultCluster(t *testing.T) {
	r := newRig(t)
	r.refused("ListServices", &api.ListServicesRequest{}, "ClusterNotFoundException", "Cluster not found.")
	out := ok[api.DescribeClustersResponse](r, "DescribeClusters", &api.DescribeClustersRequest{})
	want := []api.Failure{{Arn: new("arn:aws:ecs:eu-west-1:000000000000:cluster/default"), Reason: new("MISSING")}}
	if diff := cmp.Diff(want, out.Failures); diff != "" {
		t.Error(diff)
	}
	if c := ok[api.CreateClusterResponse](r, "CreateCluster", &api.CreateClusterRequest{}).Cluster; *c.ClusterName != "default" {
		t.Error(*c.ClusterName)
	}
	ok[api.ListServicesResponse](r, "ListServices", &api.ListServicesRequest{})
}

func TestOptionalPartsOfAClusterAreShownWhenAsked(t *testing.T) {
	r := newRig(t)
	ok[api.CreateClusterResponse](r, "CreateCluster", request[api.CreateClusterRequest](t, `{"clusterName":"web","tags":[{"key":"a"}],
		"settings":[{"name":"containerInsights","value":"enhanced"}],
		"configuration":{"executeCommandConfiguration":{"logging":"OVERRIDE","logConfiguration":{"cloudWatchLogGroupName":"exec"}}}}`))
	bare := ok[api.DescribeClustersResponse](r, "DescribeClusters", &api.DescribeClustersRequest{Clusters: []string{"web"}}).Clusters[0]
	if len(bare.Settings)+len(bare.Tags)+len(bare.Statistics) > 0 || bare.Configuration != nil {
		t.Errorf("%+v", bare)
	}
	full := ok[api.DescribeClustersResponse](r, "DescribeClusters", &api.DescribeClustersRequest{
		Clusters: []string{*bare.ClusterArn}, Include: []api.ClusterField{api.ClusterFieldConfigurations, api.ClusterFieldSettings, api.ClusterFieldStatistics, api.ClusterFieldTags},
	}).Clusters[0]
	if *full.Settings[0].Value != "enhanced" || *full.Tags[0].Value != "" || len(full.Statistics) != 12 ||
		*full.Configuration.ExecuteCommandConfiguration.LogConfiguration.CloudWatchLogGroupName != "exec" {
		t.Errorf("%+v", full)
	}
}

func TestACountedCluster(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 2)
	r.web("app")
	ok[api.RunTaskResponse](r, "RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("app"), Count: new(3)})
	r.update(func(tx *state.Tx) {
		one, _ := TasksAlive.One(tx, home, "web")
		ChangeTask(tx, home, one.Key(), func(t *Task) bool { return t.Advance(Running, noon) })
	})
	c := ok[api.DescribeClustersResponse](r, "DescribeClusters", &api.DescribeClustersRequest{Clusters: []string{"web"}, Include: []api.ClusterField{api.ClusterFieldStatistics}}).Clusters[0]
	if *c.RunningTasksCount != 1 || *c.PendingTasksCount != 2 || *c.RegisteredContainerInstancesCount != 2 {
		t.Errorf("%+v", c)
	}
	for _, s := range c.Statistics {
		if want := map[string]string{"runningEC2TasksCount": "1", "pendingEC2TasksCount": "2"}[*s.Name]; want != "" && *s.Value != want {
			t.Errorf("%s is %s, want %s", *s.Name, *s.Value, want)
		}
	}
}

func TestClusterSettingsAndConfiguration(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 0)
	out := ok[api.UpdateClusterSettingsResponse](r, "UpdateClusterSettings", request[api.UpdateClusterSettingsRequest](t, `{"cluster":"web","settings":[{"name":"containerInsights","value":"enabled"}]}`))
	if *out.Cluster.Settings[0].Value != "enabled" || len(out.Cluster.Settings) != 1 {
		t.Errorf("%+v", out.Cluster.Settings)
	}
	r.refused("UpdateClusterSettings", request[api.UpdateClusterSettingsRequest](t, `{"cluster":"web","settings":[{"name":"containerInsights","value":"on"}]}`),
		"InvalidParameterException", "containerInsights should be one of [enabled,disabled,enhanced].")
	r.refused("UpdateCluster", request[api.UpdateClusterRequest](t, `{"cluster":"web","serviceConnectDefaults":{"namespace":"x"}}`),
		"UnsupportedFeatureException", "This engine does not serve Service Connect.")
}

func TestAClusterInUseIsNotDeleted(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 1)
	r.web("app")
	del := &api.DeleteClusterRequest{Cluster: new("web")}
	r.refused("DeleteCluster", del, "ClusterContainsContainerInstancesException", "The Cluster cannot be deleted while Container Instances are active or draining.")
	task := ok[api.RunTaskResponse](r, "RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("app")}).Tasks[0]
	ok[api.CreateServiceResponse](r, "CreateService", request[api.CreateServiceRequest](t, `{"cluster":"web","serviceName":"app","taskDefinition":"app","desiredCount":0}`))
	ok[api.DeregisterContainerInstanceResponse](r, "DeregisterContainerInstance", &api.DeregisterContainerInstanceRequest{Cluster: new("web"), ContainerInstance: task.ContainerInstanceArn, Force: new(true)})
	r.refused("DeleteCluster", del, "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
	ok[api.DeleteServiceResponse](r, "DeleteService", &api.DeleteServiceRequest{Cluster: new("web"), Service: new("app")})
	r.refused("DeleteCluster", del, "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.") // it drains
	r.forgetAll()
	r.refused("DeleteCluster", del, "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
	id, _ := inCluster(*task.TaskArn, "task", "web")
	r.update(func(tx *state.Tx) {
		ChangeTask(tx, home, "web/"+id, func(t *Task) bool { return t.Advance(Stopped, noon) })
	})
	if c := ok[api.DeleteClusterResponse](r, "DeleteCluster", del).Cluster; *c.Status != "INACTIVE" {
		t.Error(*c.Status)
	}
	if got := ok[api.ListClustersResponse](r, "ListClusters", &api.ListClustersRequest{}); len(got.ClusterArns) != 0 {
		t.Error(got.ClusterArns)
	}
	if got := ok[api.DescribeClustersResponse](r, "DescribeClusters", &api.DescribeClustersRequest{Clusters: []string{"web"}}); len(got.Clusters) != 1 || *got.Clusters[0].Status != "INACTIVE" {
		t.Errorf("%+v", got)
	}
	r.refused("RunTask", &api.RunTaskRequest{Cluster: new("web"), TaskDefinition: new("app")}, "ClusterNotFoundException", "The referenced cluster was inactive.")
	r.now = noon.Add(ClusterLingers)
	r.forgetAll()
	if got := ok[api.DescribeClustersResponse](r, "DescribeClusters", &api.DescribeClustersRequest{Clusters: []string{"web"}}); len(got.Failures) != 1 {
		t.Errorf("%+v", got)
	}
}

// forgetAll does what the loop does when it is woken now.
func (r *rig) forgetAll() {
	r.t.Helper()
	if _, err := r.forget(home, r.now); err != nil {
		r.t.Fatal(err)
	}
}

func TestAnInactiveClusterComesBackByName(t *testing.T) {
	r := newRig(t)
	r.cluster("web", 0)
	ok[api.DeleteClusterResponse](r, "DeleteCluster", &api.DeleteClusterRequest{Cluster: new("web")})
	r.now = noon.Add(time.Hour)
	r.cluster("web", 0)
	r.now = noon.Add(2 * ClusterLingers)
	r.forgetAll()
	if got := ok[api.ListClustersResponse](r, "ListClusters", &api.ListClustersRequest{}); len(got.ClusterArns) != 1 {
		t.Error("the new cluster was forgotten with the old one")
	}
}

func TestClusterPages(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"c", "a", "b"} {
		r.cluster(n, 0)
	}
	first := ok[api.ListClustersResponse](r, "ListClusters", &api.ListClustersRequest{MaxResults: new(2)})
	second := ok[api.ListClustersResponse](r, "ListClusters", &api.ListClustersRequest{MaxResults: new(2), NextToken: first.NextToken})
	got := append(first.ClusterArns, second.ClusterArns...)
	want := []string{ClusterARN(home, "a"), ClusterARN(home, "b"), ClusterARN(home, "c")}
	if diff := cmp.Diff(want, got); diff != "" || second.NextToken != nil {
		t.Error(diff)
	}
	r.refused("ListClusters", &api.ListClustersRequest{NextToken: new("nonsense")}, "InvalidParameterException", "Invalid token value.")
	r.refused("ListClusters", &api.ListClustersRequest{MaxResults: new(101)}, "InvalidParameterException", "maxResults should be between 1 and 100.")
}
