package elbv2

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateRule adds a rule to a listener.
func (s *Service) CreateRule(_ context.Context, c *operation.Caller, in *api.CreateRuleInput) (*api.CreateRuleOutput, error) {
	tags := setOf(in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	r := &Rule{Listener: *in.ListenerArn, Priority: *in.Priority, Transforms: in.Transforms, Tags: tags}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		l, err := findListener(tx, c.Scope(), in.ListenerArn)
		if err != nil {
			return err
		}
		if err := s.fill(tx, c.Scope(), r, l, in.Conditions, in.Actions); err != nil {
			return err
		}
		for other := range rulesOf.Get(tx, c.Scope(), l.ARN) {
			if other.Priority == r.Priority {
				return api.PriorityInUseException("Priority '%d' is currently in use", r.Priority)
			}
		}
		if countRules(tx, c.Scope(), l.LoadBalancer) >= limits["rules-per-application-load-balancer"] {
			return api.TooManyRulesException("The limit of %d rules for '%s' is reached", limits["rules-per-application-load-balancer"], l.LoadBalancer)
		}
		r.ARN = strings.Replace(l.ARN, ":listener/", ":listener-rule/", 1) + "/" + ids.Hex(16)
		return putRule(tx, c.Scope(), r, l)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateRuleOutput{Rules: []api.Rule{r.describe()}}, nil
}

// fill checks conditions and actions and puts them into the rule.
func (s *Service) fill(tx *state.Tx, scope state.Scope, r *Rule, l *Listener, conditions []api.RuleCondition, actions []api.Action) (err error) {
	if conditions != nil {
		if r.Conditions, err = checkConditions(conditions); err != nil {
			return err
		}
	}
	if actions != nil {
		if r.Actions, err = s.actions(tx, scope, actions, l.Protocol); err != nil {
			return err
		}
	}
	if err := checkTransforms(r.Transforms); err != nil {
		return err
	}
	return checkRuleSize(r)
}

func putRule(tx *state.Tx, scope state.Scope, r *Rule, l *Listener) error {
	if err := checkGroups(tx, scope, l.LoadBalancer, r.ARN, forwardsTo(r.Actions)); err != nil {
		return err
	}
	Rules.Put(tx, scope, r)
	return nil
}

func countRules(tx *state.Tx, scope state.Scope, loadBalancer string) int {
	n := 0
	for l := range listenersOf.Get(tx, scope, loadBalancer) {
		for range rulesOf.Get(tx, scope, l.ARN) {
			n++
		}
	}
	return n
}

func (r *Rule) describe() api.Rule {
	return api.Rule{RuleArn: &r.ARN, Priority: new(strconv.Itoa(r.Priority)), Conditions: r.Conditions, Actions: r.Actions, IsDefault: new(false), Transforms: or2(r.Transforms)}
}

// or2 is the list, empty rather than absent.
func or2[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// defaultRule shows a listener's default actions as the rule that is last.
func (l *Listener) defaultRule() api.Rule {
	return api.Rule{RuleArn: &l.DefaultRule, Priority: new("default"), Conditions: []api.RuleCondition{}, Actions: l.Default, IsDefault: new(true), Transforms: []api.RuleTransform{}}
}

func findRule(tx *state.Tx, scope state.Scope, arn *string) (*Rule, error) {
	r, ok := Rules.Get(tx, scope, awsapi.V(arn))
	if !ok {
		return nil, api.RuleNotFoundException("Rule '%s' not found", awsapi.V(arn))
	}
	return r, nil
}

// DescribeRules describes the rules named, or a listener's in the order of their priorities,
// the default one last.
func (s *Service) DescribeRules(_ context.Context, c *operation.Caller, in *api.DescribeRulesInput) (*api.DescribeRulesOutput, error) {
	if (len(in.RuleArns) > 0) == (in.ListenerArn != nil) {
		return nil, invalid("You must specify either a listener ARN or rule ARNs")
	}
	tx := s.env.View(c)
	var all []api.Rule
	for _, a := range in.RuleArns {
		found, err := describeRule(tx, c.Scope(), a)
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	if in.ListenerArn != nil {
		l, err := findListener(tx, c.Scope(), in.ListenerArn)
		if err != nil {
			return nil, err
		}
		for _, r := range RulesOf(tx, c.Scope(), l.ARN) {
			all = append(all, r.describe())
		}
		all = append(all, l.defaultRule())
	}
	page, next, err := paging.Page(slices.Values(all), in.Marker, pageSize(in.PageSize), func(r api.Rule) string {
		if *r.IsDefault {
			return "default" // after every number
		}
		n, _ := strconv.Atoi(*r.Priority)
		return strconv.Itoa(100_000+n) + *r.RuleArn
	})
	if err != nil {
		return nil, badMarker()
	}
	return &api.DescribeRulesOutput{Rules: page, NextMarker: next}, nil
}

func describeRule(tx *state.Tx, scope state.Scope, arn string) (api.Rule, error) {
	if r, ok := Rules.Get(tx, scope, arn); ok {
		return r.describe(), nil
	}
	if l, ok := listenerOfDefaultRule(tx, scope, arn); ok {
		return l.defaultRule(), nil
	}
	return api.Rule{}, api.RuleNotFoundException("One or more rules not found: '%s'", arn)
}

// listenerOfDefaultRule is the listener whose default rule has the ARN.
func listenerOfDefaultRule(tx *state.Tx, scope state.Scope, arn string) (*Listener, bool) {
	listener := strings.Replace(arn, ":listener-rule/", ":listener/", 1)
	if i := strings.LastIndexByte(listener, '/'); i > 0 {
		if l, ok := Listeners.Get(tx, scope, listener[:i]); ok && l.DefaultRule == arn {
			return l, true
		}
	}
	return nil, false
}

// ModifyRule changes what is given and leaves the rest.
func (s *Service) ModifyRule(_ context.Context, c *operation.Caller, in *api.ModifyRuleInput) (*api.ModifyRuleOutput, error) {
	var r Rule
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if _, is := listenerOfDefaultRule(tx, c.Scope(), *in.RuleArn); is {
			return api.OperationNotPermittedException("Default rule '%s' cannot be modified; modify its listener", *in.RuleArn)
		}
		old, err := findRule(tx, c.Scope(), in.RuleArn)
		if err != nil {
			return err
		}
		l, err := findListener(tx, c.Scope(), &old.Listener)
		if err != nil {
			return err
		}
		r = *old
		if awsapi.V(in.ResetTransforms) {
			r.Transforms = nil
		}
		if in.Transforms != nil {
			r.Transforms = in.Transforms
		}
		if err := s.fill(tx, c.Scope(), &r, l, in.Conditions, in.Actions); err != nil {
			return err
		}
		return putRule(tx, c.Scope(), &r, l)
	})
	if err != nil {
		return nil, err
	}
	return &api.ModifyRuleOutput{Rules: []api.Rule{r.describe()}}, nil
}

// DeleteRule removes a rule; the default one cannot be.
func (s *Service) DeleteRule(_ context.Context, c *operation.Caller, in *api.DeleteRuleInput) (*api.DeleteRuleOutput, error) {
	return &api.DeleteRuleOutput{}, s.env.Store.Update(func(tx *state.Tx) error {
		if _, is := listenerOfDefaultRule(tx, c.Scope(), *in.RuleArn); is {
			return api.OperationNotPermittedException("Default rule '%s' cannot be deleted", *in.RuleArn)
		}
		r, err := findRule(tx, c.Scope(), in.RuleArn)
		if err != nil {
			return err
		}
		Rules.Delete(tx, c.Scope(), r.ARN)
		return nil
	})
}

// SetRulePriorities moves rules of one listener, all at once.
func (s *Service) SetRulePriorities(_ context.Context, c *operation.Caller, in *api.SetRulePrioritiesInput) (*api.SetRulePrioritiesOutput, error) {
	out := &api.SetRulePrioritiesOutput{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		moved, listener := map[string]int{}, ""
		for _, p := range in.RulePriorities {
			r, err := findRule(tx, c.Scope(), p.RuleArn)
			if err != nil {
				return err
			}
			if listener != "" && r.Listener != listener {
				return invalid("All rules must belong to the same listener")
			}
			listener, moved[r.ARN] = r.Listener, awsapi.V(p.Priority)
		}
		taken := map[int]string{}
		for _, r := range RulesOf(tx, c.Scope(), listener) {
			at := r.Priority
			if to, is := moved[r.ARN]; is {
				at = to
			}
			if taken[at] != "" {
				return api.PriorityInUseException("Priority '%d' is currently in use", at)
			}
			taken[at] = r.ARN
		}
		for arn, to := range moved {
			Rules.Change(tx, c.Scope(), arn, func(r *Rule) { r.Priority = to })
			r, _ := Rules.Get(tx, c.Scope(), arn)
			out.Rules = append(out.Rules, r.describe())
		}
		slices.SortFunc(out.Rules, func(a, b api.Rule) int { return strings.Compare(*a.RuleArn, *b.RuleArn) })
		return nil
	})
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
