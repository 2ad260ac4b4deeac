package ecs

import (
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Operations is the table of what is served.
func (s *Service) Operations() []operation.Operation {

	return []operation.Operation{
		operation.Bind("CreateCluster", needsCreateCluster, s.CreateCluster),
		operation.Bind("DescribeClusters", needsDescribeClusters, s.DescribeClusters),
		operation.Bind("ListClusters", operation.Everything[api.ListClustersRequest]("ecs:ListClusters"), s.ListClusters),
		operation.Bind("UpdateCluster", onCluster("UpdateCluster", func(in *api.UpdateClusterRequest) *string { return in.Cluster }), s.UpdateCluster),
		operation.Bind("UpdateClusterSettings", onCluster("UpdateClusterSettings", func(in *api.UpdateClusterSettingsRequest) *string { return in.Cluster }), s.UpdateClusterSettings),
		operation.Bind("PutClusterCapacityProviders", needsPutProviders, s.PutClusterCapacityProviders),
		operation.Bind("DeleteCluster", onCluster("DeleteCluster", func(in *api.DeleteClusterRequest) *string { return in.Cluster }), s.DeleteCluster),

		operation.Bind("CreateCapacityProvider", needsCreateProvider, s.CreateCapacityProvider),
		operation.Bind("DescribeCapacityProviders", needsDescribeProviders, s.DescribeCapacityProviders),
		operation.Bind("UpdateCapacityProvider", onProvider("UpdateCapacityProvider", func(in *api.UpdateCapacityProviderRequest) string { return *in.Name }), s.UpdateCapacityProvider),
		operation.Bind("DeleteCapacityProvider", onProvider("DeleteCapacityProvider", func(in *api.DeleteCapacityProviderRequest) string { return *in.CapacityProvider }), s.DeleteCapacityProvider),

		operation.Bind("RegisterContainerInstance", needsRegisterInstance, s.RegisterContainerInstance),
		operation.Bind("DeregisterContainerInstance", onCluster("DeregisterContainerInstance", func(in *api.DeregisterContainerInstanceRequest) *string { return in.Cluster }), s.DeregisterContainerInstance),
		operation.Bind("DescribeContainerInstances", onInstances("DescribeContainerInstances", func(in *api.DescribeContainerInstancesRequest) named { return named{in.Cluster, in.ContainerInstances} }), s.DescribeContainerInstances),
		operation.Bind("ListContainerInstances", onCluster("ListContainerInstances", func(in *api.ListContainerInstancesRequest) *string { return in.Cluster }), s.ListContainerInstances),
		operation.Bind("UpdateContainerInstancesState", onInstances("UpdateContainerInstancesState", func(in *api.UpdateContainerInstancesStateRequest) named {
			return named{in.Cluster, in.ContainerInstances}
		}), s.UpdateContainerInstancesState),
		operation.Bind("PutAttributes", needsAttributes("PutAttributes", func(in *api.PutAttributesRequest) (*string, []api.Attribute) { return in.Cluster, in.Attributes }), s.PutAttributes),
		operation.Bind("DeleteAttributes", needsAttributes("DeleteAttributes", func(in *api.DeleteAttributesRequest) (*string, []api.Attribute) { return in.Cluster, in.Attributes }), s.DeleteAttributes),
		operation.Bind("ListAttributes", onCluster("ListAttributes", func(in *api.ListAttributesRequest) *string { return in.Cluster }), s.ListAttributes),

		operation.Bind("RegisterTaskDefinition", needsRegisterDefinition, s.RegisterTaskDefinition),
		operation.Bind("DescribeTaskDefinition", operation.Everything[api.DescribeTaskDefinitionRequest]("ecs:DescribeTaskDefinition"), s.DescribeTaskDefinition),
		operation.Bind("ListTaskDefinitions", operation.Everything[api.ListTaskDefinitionsRequest]("ecs:ListTaskDefinitions"), s.ListTaskDefinitions),
		operation.Bind("ListTaskDefinitionFamilies", operation.Everything[api.ListTaskDefinitionFamiliesRequest]("ecs:ListTaskDefinitionFamilies"), s.ListTaskDefinitionFamilies),
		operation.Bind("DeregisterTaskDefinition", operation.Everything[api.DeregisterTaskDefinitionRequest]("ecs:DeregisterTaskDefinition"), s.DeregisterTaskDefinition),
		operation.Bind("DeleteTaskDefinitions", needsDeleteDefinitions, s.DeleteTaskDefinitions),

		operation.Bind("CreateService", needsCreateService, s.CreateService),
		operation.Bind("UpdateService", needsUpdateService, s.UpdateService),
		operation.Bind("DescribeServices", onServices("DescribeServices", func(in *api.DescribeServicesRequest) named { return named{in.Cluster, in.Services} }), s.DescribeServices),
		operation.Bind("ListServices", needsListServices, s.ListServices),
		operation.Bind("ListServicesByNamespace", needsByNamespace, s.ListServicesByNamespace),
		operation.Bind("DeleteService", onServices("DeleteService", func(in *api.DeleteServiceRequest) named { return named{in.Cluster, []string{*in.Service}} }), s.DeleteService),
		operation.Bind("ListServiceDeployments", onServices("ListServiceDeployments", func(in *api.ListServiceDeploymentsRequest) named { return named{in.Cluster, []string{*in.Service}} }), s.ListServiceDeployments),
		operation.Bind("DescribeServiceDeployments", history("DescribeServiceDeployments", "service-deployment", func(in *api.DescribeServiceDeploymentsRequest) []string { return in.ServiceDeploymentArns }), s.DescribeServiceDeployments),
		operation.Bind("StopServiceDeployment", history("StopServiceDeployment", "service-deployment", func(in *api.StopServiceDeploymentRequest) []string { return []string{*in.ServiceDeploymentArn} }), s.StopServiceDeployment),
		operation.Bind("DescribeServiceRevisions", history("DescribeServiceRevisions", "service-revision", func(in *api.DescribeServiceRevisionsRequest) []string { return in.ServiceRevisionArns }), s.DescribeServiceRevisions),

		operation.Bind("RunTask", needsRunTask, s.RunTask),
		operation.Bind("StartTask", needsStartTask, s.StartTask),
		operation.Bind("StopTask", onTasks("StopTask", func(in *api.StopTaskRequest) named { return named{in.Cluster, []string{*in.Task}} }), s.StopTask),
		operation.Bind("DescribeTasks", onTasks("DescribeTasks", func(in *api.DescribeTasksRequest) named { return named{in.Cluster, in.Tasks} }), s.DescribeTasks),
		operation.Bind("ListTasks", needsListTasks, s.ListTasks),
		operation.Bind("ExecuteCommand", needsExecute, s.ExecuteCommand),
		operation.Bind("UpdateTaskProtection", onTasks("UpdateTaskProtection", func(in *api.UpdateTaskProtectionRequest) named { return named{in.Cluster, in.Tasks} }), s.UpdateTaskProtection),
		operation.Bind("GetTaskProtection", onTasks("GetTaskProtection", func(in *api.GetTaskProtectionRequest) named { return named{in.Cluster, in.Tasks} }), s.GetTaskProtection),

		operation.Bind("TagResource", needsTag, s.TagResource),
		operation.Bind("UntagResource", needsUntag, s.UntagResource),
		operation.Bind("ListTagsForResource", needsListTags, s.ListTagsForResource),

		operation.Bind("PutAccountSetting", settingNeed("PutAccountSetting", func(in *api.PutAccountSettingRequest) api.SettingName { return in.Name }), s.PutAccountSetting),
		operation.Bind("PutAccountSettingDefault", settingNeed("PutAccountSettingDefault", func(in *api.PutAccountSettingDefaultRequest) api.SettingName { return in.Name }), s.PutAccountSettingDefault),
		operation.Bind("DeleteAccountSetting", settingNeed("DeleteAccountSetting", func(in *api.DeleteAccountSettingRequest) api.SettingName { return in.Name }), s.DeleteAccountSetting),
		operation.Bind("ListAccountSettings", operation.Everything[api.ListAccountSettingsRequest]("ecs:ListAccountSettings"), s.ListAccountSettings),
	}
}
