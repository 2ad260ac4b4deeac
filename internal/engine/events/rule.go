package events

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// mostRules is the quota of rules on an event bus.
const mostRules = 300

// PutRule makes a rule or replaces one: of an old rule only targets and tags stay.
func (s *Service) PutRule(_ context.Context, c *operation.Caller, in *api.PutRuleRequest) (*api.PutRuleResponse, error) {
	if err := s.checkRule(in); err != nil {
		return nil, err
	}
	r := &Rule{Name: *in.Name, Schedule: *in.ScheduleExpression, Description: awsapi.V(in.Description), Role: awsapi.V(in.RoleArn), State: in.State, Tags: setOf(in.Tags), Since: s.env.Now()}
	if r.State == "" {
		r.State = api.RuleStateEnabled
	}
	if err := r.Tags.Check(); err != nil {
		return nil, invalid("%s", err)
	}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if r.Role != "" && !s.tasks.Assumable(tx, r.Role, principal) {
			return unassumable(r.Role)
		}
		old, ok := Rules.Get(tx, c.Scope(), r.Name)
		if !ok && Rules.Len(tx, c.Scope()) >= mostRules {
			return api.LimitExceededException("The requested resource exceeds the maximum number allowed.")
		}
		if ok {
			r.Targets, r.Tags, r.Ran = old.Targets, old.Tags, old.Ran
			if old.Schedule == r.Schedule && old.enabled() == r.enabled() {
				r.Since = old.Since
			}
		}
		Rules.Put(tx, c.Scope(), r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutRuleResponse{RuleArn: new(ARN(c.Scope(), r.Name))}, nil
}

func (s *Service) checkRule(in *api.PutRuleRequest) error {
	if err := onBus(in.EventBusName); err != nil {
		if awsapi.V(in.ScheduleExpression) != "" {
			return invalid("ScheduleExpression is supported only on the default event bus.")
		}
		return err
	}
	switch {
	case awsapi.V(in.EventPattern) != "":
		return invalid("EventPattern is not served by the slipway engine: its rules run on a schedule (ScheduleExpression)")
	case awsapi.V(in.ScheduleExpression) == "":
		return invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.State == api.RuleStateEnabledWithAllCloudtrailManagementEvents:
		return invalid("State %s is not served by the slipway engine: there is no CloudTrail", in.State)
	}
	if _, err := parse(*in.ScheduleExpression); err != nil {
		return invalid("Parameter ScheduleExpression is not valid.")
	}
	return nil
}

func unassumable(role string) error {
	return invalid("Provided role '%s' cannot be assumed by principal '%s'.", role, principal)
}

func (r *Rule) enabled() bool { return r.State == api.RuleStateEnabled }

// text is nil for what is not there.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// DescribeRule shows a rule.
func (s *Service) DescribeRule(_ context.Context, c *operation.Caller, in *api.DescribeRuleRequest) (*api.DescribeRuleResponse, error) {
	if err := onBus(in.EventBusName); err != nil {
		return nil, err
	}
	r, ok := Rules.Get(s.env.Store.View(), c.Scope(), *in.Name)
	if !ok {
		return nil, api.ResourceNotFoundException("Rule %s does not exist on EventBus %s.", *in.Name, bus)
	}
	return &api.DescribeRuleResponse{
		Name: &r.Name, Arn: new(ARN(c.Scope(), r.Name)), ScheduleExpression: &r.Schedule, State: r.State,
		Description: text(r.Description), RoleArn: text(r.Role), EventBusName: new(bus), CreatedBy: &c.Account,
	}, nil
}

// ListRules lists rules whose names begin with a prefix.
func (s *Service) ListRules(_ context.Context, c *operation.Caller, in *api.ListRulesRequest) (*api.ListRulesResponse, error) {
	if err := onBus(in.EventBusName); err != nil {
		return nil, err
	}
	rows, next, err := page(Rules.Prefix(s.env.Store.View(), c.Scope(), awsapi.V(in.NamePrefix)), in.NextToken, in.Limit, Rules.Key)
	out := &api.ListRulesResponse{Rules: []api.Rule{}, NextToken: next}
	for _, r := range rows {
		out.Rules = append(out.Rules, api.Rule{
			Name: &r.Name, Arn: new(ARN(c.Scope(), r.Name)), ScheduleExpression: &r.Schedule, State: r.State,
			Description: text(r.Description), RoleArn: text(r.Role), EventBusName: new(bus),
		})
	}
	return out, err
}

// page is at most limit rows, 100 when the request doesn't say.
func page[T any](seq func(func(T) bool), token *string, limit *int, key func(T) string) ([]T, *string, error) {
	most := 100
	if limit != nil {
		most = *limit
	}
	rows, next, err := paging.Page(seq, token, most, key)
	if err != nil {
		return nil, nil, invalid("Invalid nextToken: %s", err)
	}
	return rows, next, nil
}

// EnableRule lets a rule run again; a rate counts from now.
func (s *Service) EnableRule(_ context.Context, c *operation.Caller, in *api.EnableRuleRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.change(c, in.Name, in.EventBusName, func(_ *state.Tx, r *Rule) error {
		if !r.enabled() {
			r.State, r.Since = api.RuleStateEnabled, s.env.Now()
		}
		return nil
	})
}

// DisableRule keeps a rule from running.
func (s *Service) DisableRule(_ context.Context, c *operation.Caller, in *api.DisableRuleRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.change(c, in.Name, in.EventBusName, func(_ *state.Tx, r *Rule) error {
		r.State = api.RuleStateDisabled
		return nil
	})
}

// DeleteRule removes a rule that has no targets any more. One that isn't there is
// removed already.
func (s *Service) DeleteRule(_ context.Context, c *operation.Caller, in *api.DeleteRuleRequest) (*awsapi.Empty, error) {
	if err := onBus(in.EventBusName); err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if r, ok := Rules.Get(tx, c.Scope(), *in.Name); ok && len(r.Targets) > 0 {
			return invalid("Rule can't be deleted since it has targets.")
		}
		Rules.Delete(tx, c.Scope(), *in.Name)
		return nil
	})
}
