// Package events is Amazon EventBridge as far as schedules go: rules that come due
// by cron(…) or rate(…), and their targets, which are tasks on ECS clusters. Rules
// with an event pattern, other event buses and other targets are refused by name.
//
// Called by the engine's chain. The loop in run.go starts tasks through the Tasks
// interface, which package engine fills; what the target's role may not do, the
// rule doesn't do.
package events

import (
	"context"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	api "github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// principal is who assumes the targets' roles.
const principal = "events.amazonaws.com"

// bus is the one event bus there is; schedules live on no other.
const bus = "default"

// Rule is a rule with its targets, as they were put.
type Rule struct {
	Name        string
	Schedule    string
	Description string `json:",omitzero"`
	Role        string `json:",omitzero"`
	State       api.RuleState
	Targets     []api.Target `json:",omitzero"`
	Tags        tagging.Set  `json:",omitzero"`
	// Since is when the schedule was put or enabled: a rate counts from there.
	Since time.Time
	// Ran is the instant for which the rule ran last, not the time at which.
	Ran time.Time
}

// Rules is the table.
var Rules = state.NewTable("events.rule", func(r *Rule) string { return r.Name })

// Tables are all of the service's.
var Tables = []state.AnyTable{Rules}

// Tasks is what rules need of ECS and IAM.
type Tasks interface {
	// Assumable tells whether the service may assume the role.
	Assumable(tx *state.Tx, role, service string) bool
	// RunTask starts tasks in a scope with what the role allows.
	RunTask(ctx context.Context, scope state.Scope, role, session string, in *ecsapi.RunTaskRequest) error
}

// Service serves the operations.
type Service struct {
	env   *operation.Env
	tasks Tasks
}

// New is the service on top of ECS.
func New(env *operation.Env, tasks Tasks) *Service { return &Service{env: env, tasks: tasks} }

// ARN is a rule's.
func ARN(scope state.Scope, name string) string { return arn.New("events", scope, "rule/"+name) }

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("PutRule", needsPutRule, s.PutRule),
		operation.Bind("DescribeRule", on("DescribeRule", func(in *api.DescribeRuleRequest) *string { return in.Name }), s.DescribeRule),
		operation.Bind("ListRules", operation.Everything[api.ListRulesRequest]("events:ListRules"), s.ListRules),
		operation.Bind("EnableRule", on("EnableRule", func(in *api.EnableRuleRequest) *string { return in.Name }), s.EnableRule),
		operation.Bind("DisableRule", on("DisableRule", func(in *api.DisableRuleRequest) *string { return in.Name }), s.DisableRule),
		operation.Bind("DeleteRule", on("DeleteRule", func(in *api.DeleteRuleRequest) *string { return in.Name }), s.DeleteRule),

		operation.Bind("PutTargets", needsPutTargets, s.PutTargets),
		operation.Bind("RemoveTargets", on("RemoveTargets", func(in *api.RemoveTargetsRequest) *string { return in.Rule }), s.RemoveTargets),
		operation.Bind("ListTargetsByRule", on("ListTargetsByRule", func(in *api.ListTargetsByRuleRequest) *string { return in.Rule }), s.ListTargetsByRule),
		operation.Bind("ListRuleNamesByTarget", operation.Everything[api.ListRuleNamesByTargetRequest]("events:ListRuleNamesByTarget"), s.ListRuleNamesByTarget),

		operation.Bind("TagResource", needsTag, s.TagResource),
		operation.Bind("UntagResource", needsUntag, s.UntagResource),
		operation.Bind("ListTagsForResource", on("ListTagsForResource", func(in *api.ListTagsForResourceRequest) *string { return new(nameIn(in.ResourceARN)) }), s.ListTagsForResource),
	}
}

// need is an action on a rule, with the keys that it brings.
func need(tx *state.Tx, scope state.Scope, action, name string) operation.Need {
	n := operation.Need{Action: "events:" + action, Resource: ARN(scope, name), Keys: map[string][]string{}}
	if r, ok := Rules.Get(tx, scope, name); ok {
		r.Tags.ResourceKeys(n.Keys)
	}
	return n
}

// on is the need of an operation on one rule.
func on[In any](action string, name func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{need(tx, c.Scope(), action, awsapi.V(name(in)))}
	}
}

func needsPutRule(tx *state.Tx, c *operation.Caller, in *api.PutRuleRequest) []operation.Need {
	needs := []operation.Need{need(tx, c.Scope(), "PutRule", *in.Name)}
	setOf(in.Tags).RequestKeys(needs[0].Keys)
	if in.RoleArn != nil {
		needs = append(needs, iam.NeedPassRole(*in.RoleArn, principal))
	}
	if len(in.Tags) > 0 {
		tagging := need(tx, c.Scope(), "TagResource", *in.Name)
		setOf(in.Tags).RequestKeys(tagging.Keys)
		needs = append(needs, tagging)
	}
	return needs
}

func needsPutTargets(tx *state.Tx, c *operation.Caller, in *api.PutTargetsRequest) []operation.Need {
	needs := []operation.Need{need(tx, c.Scope(), "PutTargets", *in.Rule)}
	for _, t := range in.Targets {
		needs[0].Keys["events:TargetArn"] = append(needs[0].Keys["events:TargetArn"], *t.Arn)
		if t.RoleArn != nil {
			needs = append(needs, iam.NeedPassRole(*t.RoleArn, principal))
		}
	}
	return needs
}

func needsTag(tx *state.Tx, c *operation.Caller, in *api.TagResourceRequest) []operation.Need {
	n := need(tx, c.Scope(), "TagResource", nameIn(in.ResourceARN))
	setOf(in.Tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

func needsUntag(tx *state.Tx, c *operation.Caller, in *api.UntagResourceRequest) []operation.Need {
	n := need(tx, c.Scope(), "UntagResource", nameIn(in.ResourceARN))
	n.Keys["aws:TagKeys"] = in.TagKeys
	return []operation.Need{n}
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

// nameIn is the rule's name in its ARN: rule/NAME, or rule/BUS/NAME.
func nameIn(ref *string) string {
	a, _ := arn.Parse(awsapi.V(ref))
	return a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
}

// invalid is the error for what the model lets through and EventBridge does not;
// the model doesn't name it.
func invalid(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("ValidationException", 400, format, args...)
}

// onBus refuses another event bus than the default one.
func onBus(name *string) error {
	if n := awsapi.V(name); n != "" && n != bus && !strings.HasSuffix(n, ":event-bus/"+bus) {
		return api.ResourceNotFoundException("Event bus %s does not exist.", n[strings.LastIndexByte(n, '/')+1:])
	}
	return nil
}

// find is a rule of the scope.
func find(tx *state.Tx, scope state.Scope, name, eventBus *string) (*Rule, error) {
	if err := onBus(eventBus); err != nil {
		return nil, err
	}
	r, ok := Rules.Get(tx, scope, awsapi.V(name))
	if !ok {
		return nil, api.ResourceNotFoundException("Rule %s does not exist on EventBus %s.", awsapi.V(name), bus)
	}
	return r, nil
}

// change changes a rule that there is.
func (s *Service) change(c *operation.Caller, name, eventBus *string, change func(tx *state.Tx, r *Rule) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		old, err := find(tx, c.Scope(), name, eventBus)
		if err != nil {
			return err
		}
		r := *old
		if err := change(tx, &r); err != nil {
			return err
		}
		Rules.Put(tx, c.Scope(), &r)
		return nil
	})
}
