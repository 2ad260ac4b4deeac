package applicationautoscaling

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Target is a service that was registered as a scalable target.
type Target struct {
	// Resource is "service/cluster/name".
	Resource, ARN string
	Min, Max      int
	Created       time.Time
	Suspended     api.SuspendedState
	// Scaled is when a policy last changed the count.
	Scaled scaled
	Tags   tagging.Set
}

// Policy is a scaling policy of a target.
type Policy struct {
	Resource string
	Spec     api.ScalingPolicy
}

// Scheduled is a scheduled action of a target.
type Scheduled struct {
	Resource string
	Spec     api.ScheduledAction
	// Made is when it was put; nothing before is due. Ran is when it was done last.
	Made, Ran time.Time
}

// Activity is a scaling activity.
type Activity struct{ Spec api.ScalingActivity }

const sep = "\x1f"

// The tables.
var (
	Targets    = state.NewTable("application-autoscaling.target", func(t *Target) string { return t.Resource })
	policies   = state.NewTable("application-autoscaling.policy", func(p *Policy) string { return p.Resource + sep + *p.Spec.PolicyName })
	scheduled  = state.NewTable("application-autoscaling.scheduled", func(a *Scheduled) string { return a.Resource + sep + *a.Spec.ScheduledActionName })
	activities = state.NewTable("application-autoscaling.activity", func(a *Activity) string { return *a.Spec.ActivityId })

	byARN = state.NewIndex(Targets, func(t *Target) []string { return []string{t.ARN} })

	// Tables are all of the service's.
	Tables = []state.AnyTable{Targets, policies, scheduled, activities}
)

func setOf(tags map[string]string) tagging.Set { return tagging.Set(tags) }

// RegisterScalableTarget registers a service or changes its bounds, and brings
// its desired count within them.
func (s *Service) RegisterScalableTarget(_ context.Context, c *operation.Caller, in *api.RegisterScalableTargetRequest) (*api.RegisterScalableTargetResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	out := &api.RegisterScalableTargetResponse{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		cluster, name, _ := split(*in.ResourceId)
		if _, ok := s.ecs.Desired(tx, c.Scope(), cluster, name); !ok {
			return api.ValidationException("ECS service doesn't exist: %s", *in.ResourceId)
		}
		t, err := s.registered(tx, c, in)
		if err != nil {
			return err
		}
		out.ScalableTargetARN = &t.ARN
		Targets.Put(tx, c.Scope(), t)
		s.bound(tx, c.Scope(), t, "")
		return nil
	})
}

// registered is the target as it is after a registration.
func (s *Service) registered(tx *state.Tx, c *operation.Caller, in *api.RegisterScalableTargetRequest) (*Target, error) {
	t := Target{Resource: *in.ResourceId, ARN: arn.New("application-autoscaling", c.Scope(), "scalable-target/"+ids.Hex(36)), Created: s.env.Now()}
	t.Suspended = api.SuspendedState{DynamicScalingInSuspended: new(false), DynamicScalingOutSuspended: new(false), ScheduledScalingSuspended: new(false)}
	old, known := Targets.Get(tx, c.Scope(), t.Resource)
	switch {
	case known && len(in.Tags) > 0:
		return nil, api.ValidationException("Cannot apply tags on an existing scalable target: use TagResource")
	case known:
		t = *old
	case in.MinCapacity == nil || in.MaxCapacity == nil:
		return nil, api.ValidationException("MinCapacity and MaxCapacity must be specified when registering a new scalable target")
	default:
		if err := checkTags(in.Tags); err != nil {
			return nil, err
		}
		t.Tags = in.Tags
	}
	if in.MinCapacity != nil {
		t.Min = *in.MinCapacity
	}
	if in.MaxCapacity != nil {
		t.Max = *in.MaxCapacity
	}
	if t.Min < 0 || t.Max < t.Min {
		return nil, api.ValidationException("Maximum capacity cannot be less than minimum capacity")
	}
	if n := in.SuspendedState; n != nil {
		overlay(&t.Suspended.DynamicScalingInSuspended, n.DynamicScalingInSuspended)
		overlay(&t.Suspended.DynamicScalingOutSuspended, n.DynamicScalingOutSuspended)
		overlay(&t.Suspended.ScheduledScalingSuspended, n.ScheduledScalingSuspended)
	}
	return &t, nil
}

func overlay(to **bool, value *bool) {
	if value != nil {
		*to = value
	}
}

// bound brings the service's desired count within the target's bounds and
// records why, with the scheduled action's name if one was the reason.
func (s *Service) bound(tx *state.Tx, scope state.Scope, t *Target, action string) {
	cluster, name, _ := split(t.Resource)
	n, ok := s.ecs.Desired(tx, scope, cluster, name)
	to, cause := min(max(n, t.Min), t.Max), fmt.Sprintf("minimum capacity was set to %d", t.Min)
	if !ok || to == n {
		return
	}
	if to < n {
		cause = fmt.Sprintf("maximum capacity was set to %d", t.Max)
	}
	if action != "" {
		cause = "scheduled action name " + action + " was triggered"
	}
	s.ecs.SetDesired(tx, scope, cluster, name, to)
	s.record(tx, scope, t.Resource, cause, fmt.Sprintf("Setting desired count to %d.", to), fmt.Sprintf("Successfully set desired count to %d. Change successfully fulfilled by ecs.", to))
}

func (s *Service) record(tx *state.Tx, scope state.Scope, resource, cause, description, message string) {
	now := s.env.Now()
	for a := range activities.All(tx, scope) {
		if now.Sub(*a.Spec.StartTime) > 6*7*24*time.Hour { // as long as AWS tells of one
			activities.Delete(tx, scope, *a.Spec.ActivityId)
		}
	}
	activities.Put(tx, scope, &Activity{api.ScalingActivity{
		ActivityId: new(ids.UUID()), ServiceNamespace: api.ServiceNamespaceEcs, ScalableDimension: api.ScalableDimensionEcsServiceDesiredCount, ResourceId: &resource,
		Cause: &cause, Description: &description, StatusMessage: &message, StatusCode: api.ScalingActivityStatusCodeSuccessful, StartTime: &now, EndTime: &now,
	}})
}

// target is the registered target of a request; how is AWS's verb for it.
func target(tx *state.Tx, scope state.Scope, resource *string, how string) (*Target, error) {
	t, ok := Targets.Get(tx, scope, awsapi.V(resource))
	if !ok {
		return nil, api.ObjectNotFoundException("No scalable target %s for service namespace: ecs, resource ID: %s, scalable dimension: ecs:service:DesiredCount", how, awsapi.V(resource))
	}
	return t, nil
}

// DeregisterScalableTarget takes a target away, with its policies and scheduled
// actions; the service stays as it is.
func (s *Service) DeregisterScalableTarget(_ context.Context, c *operation.Caller, in *api.DeregisterScalableTargetRequest) (*api.DeregisterScalableTargetResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	return &api.DeregisterScalableTargetResponse{}, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := target(tx, c.Scope(), in.ResourceId, "found")
		if err != nil {
			return err
		}
		for p := range policies.Prefix(tx, c.Scope(), t.Resource+sep) {
			policies.Delete(tx, c.Scope(), policies.Key(p))
		}
		for a := range scheduled.Prefix(tx, c.Scope(), t.Resource+sep) {
			scheduled.Delete(tx, c.Scope(), scheduled.Key(a))
		}
		Targets.Delete(tx, c.Scope(), t.Resource)
		return nil
	})
}

// page cuts a page of at most 50.
func page[T any](seq iter.Seq[T], token *string, size *int, key func(T) string) ([]T, *string, error) {
	n := 50
	if size != nil && *size > 0 {
		n = min(*size, 50)
	}
	rows, next, err := paging.Page(seq, token, n, key)
	if err != nil {
		return nil, nil, api.InvalidNextTokenException("The next token is not valid: %s", awsapi.V(token))
	}
	return rows, next, nil
}

func named(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }

// DescribeScalableTargets lists targets.
func (s *Service) DescribeScalableTargets(_ context.Context, c *operation.Caller, in *api.DescribeScalableTargetsRequest) (*api.DescribeScalableTargetsResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, nil); err != nil {
		return nil, err
	}
	tx := s.env.Store.View()
	seq := func(yield func(*Target) bool) {
		for t := range Targets.All(tx, c.Scope()) {
			if named(in.ResourceIds, t.Resource) && !yield(t) {
				return
			}
		}
	}
	rows, next, err := page(seq, in.NextToken, in.MaxResults, Targets.Key)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeScalableTargetsResponse{ScalableTargets: []api.ScalableTarget{}, NextToken: next}
	role := arn.New("iam", c.Global(), "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService")
	for _, t := range rows {
		out.ScalableTargets = append(out.ScalableTargets, api.ScalableTarget{
			ServiceNamespace: api.ServiceNamespaceEcs, ScalableDimension: api.ScalableDimensionEcsServiceDesiredCount, ResourceId: &t.Resource, ScalableTargetARN: &t.ARN,
			MinCapacity: &t.Min, MaxCapacity: &t.Max, CreationTime: &t.Created, RoleARN: &role, SuspendedState: &t.Suspended,
		})
	}
	return out, nil
}

// DescribeScalingActivities lists activities, the newest first.
func (s *Service) DescribeScalingActivities(_ context.Context, c *operation.Caller, in *api.DescribeScalingActivitiesRequest) (*api.DescribeScalingActivitiesResponse, error) {
	if err := serves(in.ServiceNamespace, in.ScalableDimension, in.ResourceId); err != nil {
		return nil, err
	}
	var found []api.ScalingActivity
	for a := range activities.All(s.env.Store.View(), c.Scope()) {
		if in.ResourceId == nil || *a.Spec.ResourceId == *in.ResourceId {
			found = append(found, a.Spec)
		}
	}
	newest := func(a api.ScalingActivity) string {
		return fmt.Sprintf("%020d", (1<<62)-a.StartTime.UnixNano()) + *a.ActivityId
	}
	slices.SortFunc(found, func(a, b api.ScalingActivity) int { return strings.Compare(newest(a), newest(b)) })
	rows, next, err := page(slices.Values(found), in.NextToken, in.MaxResults, newest)
	return &api.DescribeScalingActivitiesResponse{ScalingActivities: rows, NextToken: next}, err
}
