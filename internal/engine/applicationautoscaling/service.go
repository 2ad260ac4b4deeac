// Package applicationautoscaling is Application Auto Scaling as far as ECS goes:
// services registered as scalable targets, kept within their bounds, with
// scheduled actions that change the bounds, and scaling policies.
//
// Only the namespace ecs is served, others are refused by name. Target tracking
// policies work on the predefined metrics of ECS, which the engine measures itself
// (follow.go; what follows from the numbers is the pure function track). There is no
// CloudWatch: step scaling policies and metrics of one's own are refused.
//
// Called by the engine's chain. It reaches ECS through the Services interface.
package applicationautoscaling

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Services is what Application Auto Scaling needs of ECS. Package engine fills it.
type Services interface {
	// Desired is a service's desired count; false when there is no such active
	// service.
	Desired(tx *state.Tx, scope state.Scope, cluster, service string) (count int, ok bool)
	// SetDesired changes it.
	SetDesired(tx *state.Tx, scope state.Scope, cluster, service string, count int)
}

// Service serves the operations.
type Service struct {
	env *operation.Env
	ecs Services
}

// New is the service on top of ECS.
func New(env *operation.Env, ecs Services) *Service { return &Service{env: env, ecs: ecs} }

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("RegisterScalableTarget", needsRegister, s.RegisterScalableTarget),
		operation.Bind("DeregisterScalableTarget", on("DeregisterScalableTarget", func(in *api.DeregisterScalableTargetRequest) *string { return in.ResourceId }), s.DeregisterScalableTarget),
		operation.Bind("DescribeScalableTargets", all[api.DescribeScalableTargetsRequest]("DescribeScalableTargets"), s.DescribeScalableTargets),
		operation.Bind("DescribeScalingActivities", all[api.DescribeScalingActivitiesRequest]("DescribeScalingActivities"), s.DescribeScalingActivities),

		operation.Bind("PutScalingPolicy", on("PutScalingPolicy", func(in *api.PutScalingPolicyRequest) *string { return in.ResourceId }), s.PutScalingPolicy),
		operation.Bind("DeleteScalingPolicy", on("DeleteScalingPolicy", func(in *api.DeleteScalingPolicyRequest) *string { return in.ResourceId }), s.DeleteScalingPolicy),
		operation.Bind("DescribeScalingPolicies", all[api.DescribeScalingPoliciesRequest]("DescribeScalingPolicies"), s.DescribeScalingPolicies),

		operation.Bind("PutScheduledAction", on("PutScheduledAction", func(in *api.PutScheduledActionRequest) *string { return in.ResourceId }), s.PutScheduledAction),
		operation.Bind("DeleteScheduledAction", on("DeleteScheduledAction", func(in *api.DeleteScheduledActionRequest) *string { return in.ResourceId }), s.DeleteScheduledAction),
		operation.Bind("DescribeScheduledActions", all[api.DescribeScheduledActionsRequest]("DescribeScheduledActions"), s.DescribeScheduledActions),

		operation.Bind("TagResource", needsTag, s.TagResource),
		operation.Bind("UntagResource", needsUntag, s.UntagResource),
		operation.Bind("ListTagsForResource", onARN("ListTagsForResource", func(in *api.ListTagsForResourceRequest) *string { return in.ResourceARN }), s.ListTagsForResource),
	}
}

// all is the need of a Describe operation, which has no resource.
func all[In any](name string) operation.Needs[In] {
	return operation.Everything[In]("application-autoscaling:" + name)
}

// need is an action on a scalable target, with the keys that it brings.
func need(name string, t *Target, scope state.Scope) operation.Need {
	n := operation.Need{Action: "application-autoscaling:" + name, Resource: arn.New("application-autoscaling", scope, "scalable-target/*"), Keys: map[string][]string{
		"application-autoscaling:service-namespace":  {string(api.ServiceNamespaceEcs)},
		"application-autoscaling:scalable-dimension": {string(api.ScalableDimensionEcsServiceDesiredCount)},
	}}
	if t != nil {
		n.Resource = t.ARN
		t.Tags.ResourceKeys(n.Keys)
	}
	return n
}

// on is the need of an operation on the target of a resource.
func on[In any](name string, resource func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		t, _ := Targets.Get(tx, c.Scope(), awsapi.V(resource(in)))
		return []operation.Need{need(name, t, c.Scope())}
	}
}

// onARN is the need of an operation on a target that is named by its ARN.
func onARN[In any](name string, resource func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		t, _ := byARN.One(tx, c.Scope(), awsapi.V(resource(in)))
		n := need(name, t, c.Scope())
		n.Resource = awsapi.V(resource(in))
		return []operation.Need{n}
	}
}

func needsRegister(tx *state.Tx, c *operation.Caller, in *api.RegisterScalableTargetRequest) []operation.Need {
	needs := on("RegisterScalableTarget", func(in *api.RegisterScalableTargetRequest) *string { return in.ResourceId })(tx, c, in)
	setOf(in.Tags).RequestKeys(needs[0].Keys)
	return needs
}

func needsTag(tx *state.Tx, c *operation.Caller, in *api.TagResourceRequest) []operation.Need {
	needs := onARN("TagResource", func(in *api.TagResourceRequest) *string { return in.ResourceARN })(tx, c, in)
	setOf(in.Tags).RequestKeys(needs[0].Keys)
	return needs
}

func needsUntag(tx *state.Tx, c *operation.Caller, in *api.UntagResourceRequest) []operation.Need {
	needs := onARN("UntagResource", func(in *api.UntagResourceRequest) *string { return in.ResourceARN })(tx, c, in)
	needs[0].Keys["aws:TagKeys"] = in.TagKeys
	return needs
}

// serves checks that a request is about ECS services.
func serves(namespace api.ServiceNamespace, dimension api.ScalableDimension, resource *string) error {
	if namespace != api.ServiceNamespaceEcs {
		return api.ValidationException("The service namespace %s is not served by this engine; only ecs is", namespace)
	}
	if dimension != "" && dimension != api.ScalableDimensionEcsServiceDesiredCount {
		return api.ValidationException("Unsupported service namespace, resource type or scalable dimension")
	}
	if resource != nil {
		if _, _, ok := split(*resource); !ok {
			return api.ValidationException("Unsupported service namespace, resource type or scalable dimension")
		}
	}
	return nil
}

// split takes a resource id apart: "service/cluster/name".
func split(resource string) (cluster, service string, ok bool) {
	p := strings.Split(resource, "/")
	if len(p) != 3 || p[0] != "service" || p[1] == "" || p[2] == "" {
		return "", "", false
	}
	return p[1], p[2], true
}
