package events

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	api "github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// mostTargets is the quota of targets of a rule.
const mostTargets = 5

// PutTargets adds targets to a rule, or replaces those with the same ids.
func (s *Service) PutTargets(_ context.Context, c *operation.Caller, in *api.PutTargetsRequest) (*api.PutTargetsResponse, error) {
	for i := range in.Targets {
		if err := checkTarget(&in.Targets[i]); err != nil {
			return nil, err
		}
	}
	err := s.change(c, in.Rule, in.EventBusName, func(tx *state.Tx, r *Rule) error {
		r.Targets = slices.Clone(r.Targets)
		for _, t := range in.Targets {
			if !s.tasks.Assumable(tx, *t.RoleArn, principal) {
				return unassumable(*t.RoleArn)
			}
			r.Targets = append(slices.DeleteFunc(r.Targets, func(old api.Target) bool { return *old.Id == *t.Id }), t)
		}
		if len(r.Targets) > mostTargets {
			return api.LimitExceededException("The requested resource exceeds the maximum number allowed.")
		}
		slices.SortFunc(r.Targets, func(a, b api.Target) int { return cmp.Compare(*a.Id, *b.Id) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutTargetsResponse{FailedEntryCount: new(0), FailedEntries: []api.PutTargetsResultEntry{}}, nil
}

// checkTarget refuses a target that is no task on a cluster, and what of one
// would be dropped.
func checkTarget(t *api.Target) error {
	a, ok := arn.Parse(*t.Arn)
	if !ok {
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", *t.Arn)
	}
	if _, is := a.After("cluster/"); a.Service != "ecs" || !is {
		return invalid("Targets of %s are not served by the slipway engine (target %s): only ECS clusters are", a.Service, *t.Id)
	}
	for name, given := range map[string]bool{
		"InputPath": t.InputPath != nil, "InputTransformer": t.InputTransformer != nil, "DeadLetterConfig": t.DeadLetterConfig != nil && t.DeadLetterConfig.Arn != nil,
	} {
		if given {
			return invalid("%s is not served by the slipway engine (target %s)", name, *t.Id)
		}
	}
	switch p := t.EcsParameters; {
	case p == nil:
		return invalid("Parameter(s) EcsParameters must be specified for target: %s.", *t.Id)
	case awsapi.V(t.RoleArn) == "":
		return invalid("RoleArn is required for target %s.", *t.Arn)
	case p.LaunchType != "" && len(p.CapacityProviderStrategy) > 0:
		return invalid("Only one of LaunchType and CapacityProviderStrategy may be specified for target: %s.", *t.Id)
	case p.TaskCount != nil && (*p.TaskCount < 1 || *p.TaskCount > 10):
		return invalid("TaskCount must be between 1 and 10 for target: %s.", *t.Id)
	}
	if _, ok := arn.Parse(*t.EcsParameters.TaskDefinitionArn); !ok {
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", *t.EcsParameters.TaskDefinitionArn)
	}
	if in := awsapi.V(t.Input); in != "" {
		if err := json.Unmarshal([]byte(in), new(ecsapi.TaskOverride)); err != nil {
			return invalid("Input of target %s is not JSON that a task's overrides are read from: %s", *t.Id, err)
		}
	}
	return nil
}

// request is the RunTask that a target means. A rule's event is what a target
// without an Input gets; there are no overrides in one.
func request(rule string, t *api.Target) *ecsapi.RunTaskRequest {
	p := t.EcsParameters
	in := &ecsapi.RunTaskRequest{
		Cluster: t.Arn, TaskDefinition: p.TaskDefinitionArn, Count: p.TaskCount, LaunchType: ecsapi.LaunchType(p.LaunchType), PlatformVersion: p.PlatformVersion, Group: p.Group,
		EnableECSManagedTags: p.EnableECSManagedTags, EnableExecuteCommand: p.EnableExecuteCommand, PropagateTags: ecsapi.PropagateTags(p.PropagateTags), ReferenceId: p.ReferenceId,
		StartedBy: new("events-rule/" + rule),
	}
	for _, i := range p.CapacityProviderStrategy {
		in.CapacityProviderStrategy = append(in.CapacityProviderStrategy, ecsapi.CapacityProviderStrategyItem(i))
	}
	if p.NetworkConfiguration != nil && p.NetworkConfiguration.AwsvpcConfiguration != nil {
		n := p.NetworkConfiguration.AwsvpcConfiguration
		in.NetworkConfiguration = &ecsapi.NetworkConfiguration{AwsvpcConfiguration: &ecsapi.AwsVpcConfiguration{
			AssignPublicIp: ecsapi.AssignPublicIp(n.AssignPublicIp), SecurityGroups: n.SecurityGroups, Subnets: n.Subnets}}
	}
	for _, x := range p.PlacementConstraints {
		in.PlacementConstraints = append(in.PlacementConstraints, ecsapi.PlacementConstraint{Type: ecsapi.PlacementConstraintType(x.Type), Expression: x.Expression})
	}
	for _, x := range p.PlacementStrategy {
		in.PlacementStrategy = append(in.PlacementStrategy, ecsapi.PlacementStrategy{Type: ecsapi.PlacementStrategyType(x.Type), Field: x.Field})
	}
	for _, x := range p.Tags {
		in.Tags = append(in.Tags, ecsapi.Tag{Key: x.Key, Value: x.Value})
	}
	if text := awsapi.V(t.Input); text != "" {
		in.Overrides = &ecsapi.TaskOverride{}
		_ = json.Unmarshal([]byte(text), in.Overrides) // it was checked when it was put
	}
	return in
}

// RemoveTargets takes targets from a rule.
func (s *Service) RemoveTargets(_ context.Context, c *operation.Caller, in *api.RemoveTargetsRequest) (*api.RemoveTargetsResponse, error) {
	err := s.change(c, in.Rule, in.EventBusName, func(_ *state.Tx, r *Rule) error {
		r.Targets = slices.DeleteFunc(slices.Clone(r.Targets), func(t api.Target) bool { return slices.Contains(in.Ids, *t.Id) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RemoveTargetsResponse{FailedEntryCount: new(0), FailedEntries: []api.RemoveTargetsResultEntry{}}, nil
}

// ListTargetsByRule lists a rule's targets.
func (s *Service) ListTargetsByRule(_ context.Context, c *operation.Caller, in *api.ListTargetsByRuleRequest) (*api.ListTargetsByRuleResponse, error) {
	r, err := find(s.env.Store.View(), c.Scope(), in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	rows, next, err := page(slices.Values(r.Targets), in.NextToken, in.Limit, func(t api.Target) string { return *t.Id })
	return &api.ListTargetsByRuleResponse{Targets: rows, NextToken: next}, err
}

// ListRuleNamesByTarget lists the rules that lead to a target.
func (s *Service) ListRuleNamesByTarget(_ context.Context, c *operation.Caller, in *api.ListRuleNamesByTargetRequest) (*api.ListRuleNamesByTargetResponse, error) {
	if err := onBus(in.EventBusName); err != nil {
		return nil, err
	}
	tx := s.env.Store.View()
	names := func(yield func(string) bool) {
		for r := range Rules.All(tx, c.Scope()) {
			if slices.ContainsFunc(r.Targets, func(t api.Target) bool { return strings.EqualFold(*t.Arn, *in.TargetArn) }) && !yield(r.Name) {
				return
			}
		}
	}
	rows, next, err := page(names, in.NextToken, in.Limit, func(name string) string { return name })
	return &api.ListRuleNamesByTargetResponse{RuleNames: rows, NextToken: next}, err
}
