package autoscaling

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var adjustmentTypes = []string{"ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"}

// policyGroup is the group of a policy that is named by its ARN, or the group given.
func policyGroup(group, policy *string) *string {
	if a, ok := arn.Parse(awsapi.V(policy)); ok {
		if _, rest, ok := strings.Cut(a.Resource, ":autoScalingGroupName/"); ok {
			name, _, _ := strings.Cut(rest, ":policyName/")
			return &name
		}
	}
	return group
}

// policyName is a policy's name when it is given by its ARN too.
func policyName(policy *string) string {
	if _, name, ok := strings.Cut(awsapi.V(policy), ":policyName/"); ok {
		return name
	}
	return awsapi.V(policy)
}

// PutScalingPolicy adds a policy to a group or replaces one.
func (s *Service) PutScalingPolicy(_ context.Context, c *operation.Caller, in *api.PutScalingPolicyType) (*api.PolicyARNType, error) {
	spec := api.ScalingPolicy{
		AutoScalingGroupName: in.AutoScalingGroupName, PolicyName: in.PolicyName, PolicyType: in.PolicyType, AdjustmentType: in.AdjustmentType,
		Cooldown: in.Cooldown, Enabled: in.Enabled, EstimatedInstanceWarmup: in.EstimatedInstanceWarmup, MetricAggregationType: in.MetricAggregationType,
		MinAdjustmentMagnitude: in.MinAdjustmentMagnitude, MinAdjustmentStep: in.MinAdjustmentStep, ScalingAdjustment: in.ScalingAdjustment,
		StepAdjustments: in.StepAdjustments, TargetTrackingConfiguration: in.TargetTrackingConfiguration, Alarms: []api.Alarm{},
	}
	if in.PredictiveScalingConfiguration != nil {
		return nil, unserved("PredictiveScalingConfiguration")
	}
	if err := checkPolicy(&spec); err != nil {
		return nil, err
	}
	out := &api.PolicyARNType{Alarms: []api.Alarm{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		spec.PolicyARN = new(arn.New("autoscaling", c.Scope(), "scalingPolicy:"+ids.UUID()+":autoScalingGroupName/"+g.Name+":policyName/"+*in.PolicyName))
		if old, ok := policies.Get(tx, c.Scope(), g.Name+sep+*in.PolicyName); ok {
			spec.PolicyARN = old.Spec.PolicyARN
		}
		out.PolicyARN = spec.PolicyARN
		policies.Put(tx, c.Scope(), &Policy{g.Name, spec})
		return nil
	})
}

// checkPolicy checks that a policy has what its type needs, and fills in
// defaults.
func checkPolicy(p *api.ScalingPolicy) error {
	def(&p.PolicyType, "SimpleScaling")
	def(&p.Enabled, true)
	switch *p.PolicyType {
	case "SimpleScaling":
		if p.ScalingAdjustment == nil || p.AdjustmentType == nil {
			return invalid("You must specify an AdjustmentType and a ScalingAdjustment for policy type: SimpleScaling")
		}
		if len(p.StepAdjustments) > 0 {
			return invalid("StepAdjustments are not supported by policy type: SimpleScaling")
		}
	case "StepScaling":
		if len(p.StepAdjustments) == 0 || p.AdjustmentType == nil {
			return invalid("At least one StepAdjustment must be specified for policy type: StepScaling")
		}
		if p.Cooldown != nil || p.ScalingAdjustment != nil {
			return invalid("Cooldown and ScalingAdjustment are not supported by policy type: StepScaling")
		}
		def(&p.MetricAggregationType, "Average")
	case "TargetTrackingScaling":
		t := p.TargetTrackingConfiguration
		if t == nil || (t.PredefinedMetricSpecification == nil) == (t.CustomizedMetricSpecification == nil) {
			return invalid("TargetTrackingConfiguration must have either a PredefinedMetricSpecification or a CustomizedMetricSpecification for policy type: TargetTrackingScaling")
		}
		tracking := *t
		def(&tracking.DisableScaleIn, false)
		p.TargetTrackingConfiguration = &tracking
	case "PredictiveScaling":
		return unserved("the policy type PredictiveScaling")
	default:
		return invalid("Invalid policy type: %s", *p.PolicyType)
	}
	if a := p.AdjustmentType; a != nil && !slices.Contains(adjustmentTypes, *a) {
		return invalid("Invalid adjustment type: %s", *a)
	}
	if awsapi.V(p.AdjustmentType) != "PercentChangeInCapacity" && (p.MinAdjustmentMagnitude != nil || p.MinAdjustmentStep != nil) {
		return invalid("MinAdjustmentMagnitude is only supported with the AdjustmentType PercentChangeInCapacity")
	}
	return nil
}

func findPolicy(tx *state.Tx, scope state.Scope, group, policy *string) (*Policy, error) {
	group = policyGroup(group, policy)
	if group == nil {
		return nil, invalid("AutoScalingGroupName is required when the policy is given by its name")
	}
	p, ok := policies.Get(tx, scope, *group+sep+policyName(policy))
	if !ok {
		return nil, invalid("PolicyARN name not found - null")
	}
	return p, nil
}

// DeletePolicy removes a policy.
func (s *Service) DeletePolicy(_ context.Context, c *operation.Caller, in *api.DeletePolicyType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		p, err := findPolicy(tx, c.Scope(), in.AutoScalingGroupName, in.PolicyName)
		if err == nil {
			policies.Delete(tx, c.Scope(), policies.Key(p))
		}
		return err
	})
}

// DescribePolicies lists policies, of all groups or one.
func (s *Service) DescribePolicies(_ context.Context, c *operation.Caller, in *api.DescribePoliciesType) (*api.PoliciesType, error) {
	tx := s.env.View(c)
	if in.AutoScalingGroupName != nil {
		if _, err := find(tx, c.Scope(), in.AutoScalingGroupName); err != nil {
			return nil, err
		}
	}
	seq := func(yield func(*Policy) bool) {
		for p := range policies.All(tx, c.Scope()) {
			ok := (in.AutoScalingGroupName == nil || p.Group == *in.AutoScalingGroupName) && named(in.PolicyTypes, *p.Spec.PolicyType) &&
				(named(in.PolicyNames, *p.Spec.PolicyName) || slices.Contains(in.PolicyNames, *p.Spec.PolicyARN))
			if ok && !yield(p) {
				return
			}
		}
	}
	rows, next, err := page(seq, in.NextToken, in.MaxRecords, 50, 100, policies.Key)
	if err != nil {
		return nil, err
	}
	out := &api.PoliciesType{ScalingPolicies: []api.ScalingPolicy{}, NextToken: next}
	for _, p := range rows {
		out.ScalingPolicies = append(out.ScalingPolicies, p.Spec)
	}
	return out, nil
}

// ExecutePolicy does what a simple or step policy says, as an alarm would.
func (s *Service) ExecutePolicy(_ context.Context, c *operation.Caller, in *api.ExecutePolicyType) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		p, err := findPolicy(tx, c.Scope(), in.AutoScalingGroupName, in.PolicyName)
		if err != nil {
			return err
		}
		g, err := findLive(tx, c.Scope(), &p.Group)
		if err != nil {
			return err
		}
		now := s.env.Now()
		if awsapi.V(in.HonorCooldown) && g.cooling(now) {
			return api.ScalingActivityInProgressFault("Scaling activity is in progress and blocks this action: the cooldown of %s is not over", g.Name)
		}
		step, err := adjustment(&p.Spec, in)
		if err != nil {
			return err
		}
		n := adjusted(g.Desired, &p.Spec, step)
		setDesired(tx, c.Scope(), g, min(max(n, g.Min), g.Max), now, "a user request executed policy "+*p.Spec.PolicyName)
		return nil
	})
}

// adjustment is by how much a policy adjusts: for steps, that of the interval
// in which the metric is past the threshold.
func adjustment(p *api.ScalingPolicy, in *api.ExecutePolicyType) (int, error) {
	switch *p.PolicyType {
	case "SimpleScaling":
		return *p.ScalingAdjustment, nil
	case "StepScaling":
		if in.MetricValue == nil || in.BreachThreshold == nil {
			return 0, invalid("MetricValue and BreachThreshold are required to execute a policy of type StepScaling")
		}
		past := *in.MetricValue - *in.BreachThreshold
		for _, st := range p.StepAdjustments {
			above := st.MetricIntervalLowerBound == nil || past >= *st.MetricIntervalLowerBound
			below := st.MetricIntervalUpperBound == nil || past < *st.MetricIntervalUpperBound
			if above && below {
				return *st.ScalingAdjustment, nil
			}
		}
		return 0, invalid("No step adjustment of the policy is for a metric value of %v with the threshold %v", *in.MetricValue, *in.BreachThreshold)
	}
	return 0, invalid("A policy of type %s cannot be executed", *p.PolicyType)
}

// adjusted is the capacity after an adjustment. Percentages are rounded away
// from zero below one and towards it above ("Scaling adjustment types" of the
// Auto Scaling guide).
func adjusted(desired int, p *api.ScalingPolicy, by int) int {
	switch *p.AdjustmentType {
	case "ExactCapacity":
		return by
	case "PercentChangeInCapacity":
		change := float64(desired) * float64(by) / 100
		whole := math.Trunc(change)
		if whole == 0 && change != 0 {
			whole = math.Copysign(1, change)
		}
		least := float64(max(awsapi.V(p.MinAdjustmentMagnitude), awsapi.V(p.MinAdjustmentStep)))
		if math.Abs(whole) < least && change != 0 {
			whole = math.Copysign(least, change)
		}
		return desired + int(whole)
	}
	return desired + by
}
