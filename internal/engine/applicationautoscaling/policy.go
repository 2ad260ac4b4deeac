package applicationautoscaling

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// PutScalingPolicy adds a policy to a target or changes one.
func (s *Service) PutScalingPolicy(_ context.Context, c *operation.Caller, in *api.PutScalingPolicyRequest) (*api.PutScalingPolicyResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	out := &api.PutScalingPolicyResponse{Alarms: []api.Alarm{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := target(tx, c.Scope(), in.ResourceId, "registered")
		if err != nil {
			return err
		}
		p := &Policy{Resource: t.Resource, Spec: api.ScalingPolicy{
			PolicyName: in.PolicyName, ServiceNamespace: in.ServiceNamespace, ScalableDimension: in.ScalableDimension, ResourceId: in.ResourceId, PolicyType: in.PolicyType,
			StepScalingPolicyConfiguration: in.StepScalingPolicyConfiguration, TargetTrackingScalingPolicyConfiguration: in.TargetTrackingScalingPolicyConfiguration,
			PolicyARN: new(arn.New("autoscaling", c.Scope(), "scalingPolicy:"+ids.UUID()+":resource/ecs/"+t.Resource+":policyName/"+*in.PolicyName)), CreationTime: new(s.env.Now()), Alarms: []api.Alarm{},
		}}
		if old, ok := policies.Get(tx, c.Scope(), policies.Key(p)); ok {
			if in.PolicyType != "" && in.PolicyType != old.Spec.PolicyType {
				return api.ValidationException("The PolicyType of an existing policy cannot be changed")
			}
			p.Spec.PolicyType, p.Spec.PolicyARN, p.Spec.CreationTime = old.Spec.PolicyType, old.Spec.PolicyARN, old.Spec.CreationTime
		}
		if err := checkPolicy(&p.Spec); err != nil {
			return err
		}
		out.PolicyARN = p.Spec.PolicyARN
		policies.Put(tx, c.Scope(), p)
		return nil
	})
}

// checkPolicy checks that a policy has what its type needs, and fills in
// defaults.
func checkPolicy(p *api.ScalingPolicy) error {
	if p.PolicyType == "" {
		p.PolicyType = api.PolicyTypeStepScaling // the model's default
	}
	switch p.PolicyType {
	case api.PolicyTypeStepScaling:
		return api.ValidationException("The policy type StepScaling is not served by this engine: it has no CloudWatch whose alarms would trigger it. Use TargetTrackingScaling")
	case api.PolicyTypeTargetTrackingScaling:
		c := p.TargetTrackingScalingPolicyConfiguration
		if c == nil || p.StepScalingPolicyConfiguration != nil || (c.PredefinedMetricSpecification == nil) == (c.CustomizedMetricSpecification == nil) {
			return api.ValidationException("TargetTrackingScalingPolicyConfiguration with either a PredefinedMetricSpecification or a CustomizedMetricSpecification is required for the policy type TargetTrackingScaling, and no other configuration")
		}
		if c.CustomizedMetricSpecification != nil {
			return api.ValidationException("CustomizedMetricSpecification is not served by this engine: it has no CloudWatch. Use one of the predefined metrics of ECS")
		}
		if c.TargetValue == nil || *c.TargetValue <= 0 {
			return api.ValidationException("TargetValue must be greater than 0")
		}
		return checkMetric(c.PredefinedMetricSpecification)
	}
	return api.ValidationException("The policy type %s is not served by this engine", p.PolicyType)
}

// checkMetric: of the predefined metrics three are for ECS.
func checkMetric(m *api.PredefinedMetricSpecification) error {
	switch m.PredefinedMetricType {
	case api.MetricTypeALBRequestCountPerTarget:
		if awsapi.V(m.ResourceLabel) == "" {
			return api.ValidationException("Resource label is required for the predefined metric type ALBRequestCountPerTarget")
		}
	case api.MetricTypeECSServiceAverageCPUUtilization, api.MetricTypeECSServiceAverageMemoryUtilization:
	default:
		return api.ValidationException("The predefined metric type %s is not supported for the service namespace ecs", m.PredefinedMetricType)
	}
	return nil
}

// DeleteScalingPolicy removes a policy.
func (s *Service) DeleteScalingPolicy(_ context.Context, c *operation.Caller, in *api.DeleteScalingPolicyRequest) (*api.DeleteScalingPolicyResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	return &api.DeleteScalingPolicyResponse{}, s.env.Store.Update(func(tx *state.Tx) error {
		if !policies.Delete(tx, c.Scope(), *in.ResourceId+sep+*in.PolicyName) {
			return api.ObjectNotFoundException("No scaling policy found for service namespace: ecs, resource ID: %s, scalable dimension: ecs:service:DesiredCount, policy name: %s", *in.ResourceId, *in.PolicyName)
		}
		return nil
	})
}

// DescribeScalingPolicies lists policies.
func (s *Service) DescribeScalingPolicies(_ context.Context, c *operation.Caller, in *api.DescribeScalingPoliciesRequest) (*api.DescribeScalingPoliciesResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	tx := s.env.Store.View()
	seq := func(yield func(*Policy) bool) {
		for p := range policies.All(tx, c.Scope()) {
			if (in.ResourceId == nil || p.Resource == *in.ResourceId) && named(in.PolicyNames, *p.Spec.PolicyName) && !yield(p) {
				return
			}
		}
	}
	rows, next, err := page(seq, in.NextToken, in.MaxResults, policies.Key)
	out := &api.DescribeScalingPoliciesResponse{ScalingPolicies: []api.ScalingPolicy{}, NextToken: next}
	for _, p := range rows {
		out.ScalingPolicies = append(out.ScalingPolicies, p.Spec)
	}
	return out, err
}
