// Package autoscaling is Amazon EC2 Auto Scaling: groups of instances that are
// launched from a launch template, kept at their desired capacity, balanced over
// zones and replaced when unhealthy; with lifecycle hooks, policies, scheduled
// actions and instance refreshes. Operations write what is wanted; the controller
// (controller.go, decided in decide.go) has EC2 launch and terminate.
//
// There is no CloudWatch here: policies are kept and can be executed by hand or
// by ECS, no alarm triggers them.
//
// Called by the engine's chain; ECS's capacity providers use doors.go.
package autoscaling

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Service serves the operations.
type Service struct {
	env      *operation.Env
	machines Machines
}

// New is the service on top of EC2.
func New(env *operation.Env, machines Machines) *Service {
	return &Service{env: env, machines: machines}
}

type empty = awsapi.Empty

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("CreateAutoScalingGroup", s.needsCreate, s.CreateAutoScalingGroup),
		operation.Bind("UpdateAutoScalingGroup", s.needsUpdate, s.UpdateAutoScalingGroup),
		operation.Bind("DeleteAutoScalingGroup", needsDelete, s.DeleteAutoScalingGroup),
		operation.Bind("DescribeAutoScalingGroups", all[api.AutoScalingGroupNamesType]("DescribeAutoScalingGroups"), s.DescribeAutoScalingGroups),
		operation.Bind("DescribeAutoScalingInstances", all[api.DescribeAutoScalingInstancesType]("DescribeAutoScalingInstances"), s.DescribeAutoScalingInstances),
		operation.Bind("DescribeScalingActivities", all[api.DescribeScalingActivitiesType]("DescribeScalingActivities"), s.DescribeScalingActivities),
		operation.Bind("DescribeAccountLimits", all[empty]("DescribeAccountLimits"), s.DescribeAccountLimits),

		operation.Bind("CreateOrUpdateTags", needsTags("CreateOrUpdateTags", func(in *api.CreateOrUpdateTagsType) []api.Tag { return in.Tags }), s.CreateOrUpdateTags),
		operation.Bind("DeleteTags", needsTags("DeleteTags", func(in *api.DeleteTagsType) []api.Tag { return in.Tags }), s.DeleteTags),
		operation.Bind("DescribeTags", all[api.DescribeTagsType]("DescribeTags"), s.DescribeTags),

		operation.Bind("SetDesiredCapacity", on("SetDesiredCapacity", func(in *api.SetDesiredCapacityType) *string { return in.AutoScalingGroupName }), s.SetDesiredCapacity),
		operation.Bind("TerminateInstanceInAutoScalingGroup", onInstance("TerminateInstanceInAutoScalingGroup", func(in *api.TerminateInstanceInAutoScalingGroupType) *string { return in.InstanceId }), s.TerminateInstanceInAutoScalingGroup),
		operation.Bind("SetInstanceHealth", onInstance("SetInstanceHealth", func(in *api.SetInstanceHealthQuery) *string { return in.InstanceId }), s.SetInstanceHealth),
		operation.Bind("SetInstanceProtection", on("SetInstanceProtection", func(in *api.SetInstanceProtectionQuery) *string { return in.AutoScalingGroupName }), s.SetInstanceProtection),
		operation.Bind("DetachInstances", on("DetachInstances", func(in *api.DetachInstancesQuery) *string { return in.AutoScalingGroupName }), s.DetachInstances),
		operation.Bind("EnterStandby", on("EnterStandby", func(in *api.EnterStandbyQuery) *string { return in.AutoScalingGroupName }), s.EnterStandby),
		operation.Bind("ExitStandby", on("ExitStandby", func(in *api.ExitStandbyQuery) *string { return in.AutoScalingGroupName }), s.ExitStandby),

		operation.Bind("SuspendProcesses", on("SuspendProcesses", func(in *api.ScalingProcessQuery) *string { return in.AutoScalingGroupName }), s.SuspendProcesses),
		operation.Bind("ResumeProcesses", on("ResumeProcesses", func(in *api.ScalingProcessQuery) *string { return in.AutoScalingGroupName }), s.ResumeProcesses),
		operation.Bind("EnableMetricsCollection", on("EnableMetricsCollection", func(in *api.EnableMetricsCollectionQuery) *string { return in.AutoScalingGroupName }), s.EnableMetricsCollection),
		operation.Bind("DisableMetricsCollection", on("DisableMetricsCollection", func(in *api.DisableMetricsCollectionQuery) *string { return in.AutoScalingGroupName }), s.DisableMetricsCollection),
		operation.Bind("DescribeScalingProcessTypes", all[empty]("DescribeScalingProcessTypes"), s.DescribeScalingProcessTypes),
		operation.Bind("DescribeMetricCollectionTypes", all[empty]("DescribeMetricCollectionTypes"), s.DescribeMetricCollectionTypes),
		operation.Bind("DescribeTerminationPolicyTypes", all[empty]("DescribeTerminationPolicyTypes"), s.DescribeTerminationPolicyTypes),
		operation.Bind("DescribeAdjustmentTypes", all[empty]("DescribeAdjustmentTypes"), s.DescribeAdjustmentTypes),
		operation.Bind("DescribeLifecycleHookTypes", all[empty]("DescribeLifecycleHookTypes"), s.DescribeLifecycleHookTypes),

		operation.Bind("PutLifecycleHook", on("PutLifecycleHook", func(in *api.PutLifecycleHookType) *string { return in.AutoScalingGroupName }), s.PutLifecycleHook),
		operation.Bind("DeleteLifecycleHook", on("DeleteLifecycleHook", func(in *api.DeleteLifecycleHookType) *string { return in.AutoScalingGroupName }), s.DeleteLifecycleHook),
		operation.Bind("DescribeLifecycleHooks", all[api.DescribeLifecycleHooksType]("DescribeLifecycleHooks"), s.DescribeLifecycleHooks),
		operation.Bind("CompleteLifecycleAction", on("CompleteLifecycleAction", func(in *api.CompleteLifecycleActionType) *string { return in.AutoScalingGroupName }), s.CompleteLifecycleAction),
		operation.Bind("RecordLifecycleActionHeartbeat", on("RecordLifecycleActionHeartbeat", func(in *api.RecordLifecycleActionHeartbeatType) *string { return in.AutoScalingGroupName }), s.RecordLifecycleActionHeartbeat),

		operation.Bind("PutScalingPolicy", on("PutScalingPolicy", func(in *api.PutScalingPolicyType) *string { return in.AutoScalingGroupName }), s.PutScalingPolicy),
		operation.Bind("DeletePolicy", on("DeletePolicy", func(in *api.DeletePolicyType) *string { return policyGroup(in.AutoScalingGroupName, in.PolicyName) }), s.DeletePolicy),
		operation.Bind("DescribePolicies", all[api.DescribePoliciesType]("DescribePolicies"), s.DescribePolicies),
		operation.Bind("ExecutePolicy", on("ExecutePolicy", func(in *api.ExecutePolicyType) *string { return policyGroup(in.AutoScalingGroupName, in.PolicyName) }), s.ExecutePolicy),

		operation.Bind("PutScheduledUpdateGroupAction", on("PutScheduledUpdateGroupAction", func(in *api.PutScheduledUpdateGroupActionType) *string { return in.AutoScalingGroupName }), s.PutScheduledUpdateGroupAction),
		operation.Bind("BatchPutScheduledUpdateGroupAction", on("BatchPutScheduledUpdateGroupAction", func(in *api.BatchPutScheduledUpdateGroupActionType) *string { return in.AutoScalingGroupName }), s.BatchPutScheduledUpdateGroupAction),
		operation.Bind("DeleteScheduledAction", on("DeleteScheduledAction", func(in *api.DeleteScheduledActionType) *string { return in.AutoScalingGroupName }), s.DeleteScheduledAction),
		operation.Bind("BatchDeleteScheduledAction", on("BatchDeleteScheduledAction", func(in *api.BatchDeleteScheduledActionType) *string { return in.AutoScalingGroupName }), s.BatchDeleteScheduledAction),
		operation.Bind("DescribeScheduledActions", all[api.DescribeScheduledActionsType]("DescribeScheduledActions"), s.DescribeScheduledActions),

		operation.Bind("AttachLoadBalancerTargetGroups", needsTargetGroups("AttachLoadBalancerTargetGroups", func(in *api.AttachLoadBalancerTargetGroupsType) *string { return in.AutoScalingGroupName }, func(in *api.AttachLoadBalancerTargetGroupsType) []string { return in.TargetGroupARNs }), s.AttachLoadBalancerTargetGroups),
		operation.Bind("DetachLoadBalancerTargetGroups", needsTargetGroups("DetachLoadBalancerTargetGroups", func(in *api.DetachLoadBalancerTargetGroupsType) *string { return in.AutoScalingGroupName }, func(in *api.DetachLoadBalancerTargetGroupsType) []string { return in.TargetGroupARNs }), s.DetachLoadBalancerTargetGroups),
		operation.Bind("DescribeLoadBalancerTargetGroups", all[api.DescribeLoadBalancerTargetGroupsRequest]("DescribeLoadBalancerTargetGroups"), s.DescribeLoadBalancerTargetGroups),
		operation.Bind("AttachTrafficSources", needsSources("AttachTrafficSources", func(in *api.AttachTrafficSourcesType) *string { return in.AutoScalingGroupName }, func(in *api.AttachTrafficSourcesType) []api.TrafficSourceIdentifier { return in.TrafficSources }), s.AttachTrafficSources),
		operation.Bind("DetachTrafficSources", needsSources("DetachTrafficSources", func(in *api.DetachTrafficSourcesType) *string { return in.AutoScalingGroupName }, func(in *api.DetachTrafficSourcesType) []api.TrafficSourceIdentifier { return in.TrafficSources }), s.DetachTrafficSources),
		operation.Bind("DescribeTrafficSources", all[api.DescribeTrafficSourcesRequest]("DescribeTrafficSources"), s.DescribeTrafficSources),

		operation.Bind("StartInstanceRefresh", on("StartInstanceRefresh", func(in *api.StartInstanceRefreshType) *string { return in.AutoScalingGroupName }), s.StartInstanceRefresh),
		operation.Bind("CancelInstanceRefresh", on("CancelInstanceRefresh", func(in *api.CancelInstanceRefreshType) *string { return in.AutoScalingGroupName }), s.CancelInstanceRefresh),
		operation.Bind("DescribeInstanceRefreshes", all[api.DescribeInstanceRefreshesType]("DescribeInstanceRefreshes"), s.DescribeInstanceRefreshes),
	}
}
