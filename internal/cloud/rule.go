package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeRules matches the listener's rules with the wanted ones: a rule is a
// service's when it leads to its target group, or says its hosts and paths.
func (a *Account) observeRules(ctx context.Context, listener string, wanted []slipway.Resource) ([]types.Rule, error) {
	rules, err := a.rules(ctx, listener)
	if err != nil {
		return nil, err
	}
	groups := groupNames(rules)
	taken := map[int]bool{}
	for _, exact := range []bool{true, false} {
		for _, w := range wanted {
			if _, ok := a.look(w.ID); w.Kind != slipway.KindRule || ok {
				continue
			}
			for i, r := range rules {
				s := ruleSettings(r, groups)
				same := s["host"] == w.Settings["host"] && s["path"] == w.Settings["path"]
				if !taken[i] && (same || !exact && s["target group"] == w.Settings["target group"]) {
					taken[i] = true
					a.found(w.ID, slipway.Seen{Ref: aws.ToString(r.RuleArn), Settings: s})
					break
				}
			}
		}
	}
	return rules, a.markRules(ctx, wanted)
}

// markRules reads what Slipway set last on the rules that differ, so that what
// others did since is told from what the file says now.
func (a *Account) markRules(ctx context.Context, wanted []slipway.Resource) error {
	byARN := map[string]slipway.ID{}
	for _, w := range wanted {
		have, ok := a.look(w.ID)
		if w.Kind != slipway.KindRule || !ok {
			continue
		}
		keys := maps.Clone(w.Settings)
		keys["path"] = w.Settings["path"] // one too many is a difference as well
		for k, want := range keys {
			if have.Settings[k] != want {
				byARN[have.Ref] = w.ID
			}
		}
	}
	for arns := range slices.Chunk(slices.Sorted(maps.Keys(byARN)), 20) {
		out, err := a.elb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: arns})
		if err != nil {
			return fmt.Errorf("reading rules' tags: %w", plain(err))
		}
		for _, d := range out.TagDescriptions {
			for _, t := range d.Tags {
				if aws.ToString(t.Key) == tagMark {
					id := byARN[aws.ToString(d.ResourceArn)]
					have, _ := a.look(id)
					have.Mark = aws.ToString(t.Value)
					a.found(id, have)
				}
			}
		}
	}
	return nil
}

// rules are the listener's, the default one aside.
func (a *Account) rules(ctx context.Context, listener string) ([]types.Rule, error) {
	var rules []types.Rule
	pages := elb.NewDescribeRulesPaginator(a.elb, &elb.DescribeRulesInput{ListenerArn: &listener, PageSize: aws.Int32(400)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading rules: %w", plain(err))
		}
		for _, r := range page.Rules {
			if !aws.ToBool(r.IsDefault) {
				rules = append(rules, r)
			}
		}
	}
	return rules, nil
}

// groupNames are the target groups' names by ARN; an ARN says its name.
func groupNames(rules []types.Rule) map[string]string {
	names := map[string]string{}
	for _, r := range rules {
		for _, act := range r.Actions {
			if parts := strings.Split(aws.ToString(act.TargetGroupArn), "/"); len(parts) == 3 {
				names[aws.ToString(act.TargetGroupArn)] = parts[1]
			}
		}
	}
	return names
}

func ruleSettings(r types.Rule, groups map[string]string) slipway.Settings {
	s := slipway.Settings{"priority": aws.ToString(r.Priority)}
	for _, c := range r.Conditions {
		values := c.Values
		switch {
		case c.HostHeaderConfig != nil:
			values = c.HostHeaderConfig.Values
		case c.PathPatternConfig != nil:
			values = c.PathPatternConfig.Values
		}
		key := map[string]string{"host-header": "host", "path-pattern": "path"}[aws.ToString(c.Field)]
		if key == "" {
			key = "condition " + aws.ToString(c.Field)
		}
		s[key] = strings.Join(slices.Sorted(slices.Values(values)), " ")
	}
	for _, act := range r.Actions {
		if act.Type == types.ActionTypeEnumForward {
			s["target group"] = groups[aws.ToString(act.TargetGroupArn)]
		}
	}
	return s
}

func (a *Account) applyRule(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	var conditions []types.RuleCondition
	if h := s.Settings["host"]; h != "" {
		conditions = append(conditions, types.RuleCondition{Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: strings.Fields(h)}})
	}
	if p := s.Settings["path"]; p != "" {
		conditions = append(conditions, types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &types.PathPatternConditionConfig{Values: strings.Fields(p)}})
	}
	group := a.Ref(slipway.ID{Kind: slipway.KindTargetGroup, Name: s.Settings["target group"]})
	actions := []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &group}}
	if s.Action == slipway.Create {
		return a.createRule(ctx, env, s, conditions, actions)
	}
	rule := a.Ref(s.ID)
	if _, err := a.elb.ModifyRule(ctx, &elb.ModifyRuleInput{RuleArn: &rule, Conditions: conditions, Actions: actions}); err != nil {
		return err
	}
	if _, err := a.elb.AddTags(ctx, &elb.AddTagsInput{ResourceArns: []string{rule}, Tags: elbTags(env.Cluster.Name, s.Settings)}); err != nil {
		return err
	}
	if p, err := strconv.Atoi(s.Settings["priority"]); err == nil && slices.ContainsFunc(s.Differences, func(d slipway.Difference) bool { return d.Field == "priority" }) {
		_, err := a.elb.SetRulePriorities(ctx, &elb.SetRulePrioritiesInput{RulePriorities: []types.RulePriorityPair{{RuleArn: &rule, Priority: aws.Int32(int32(p))}}})
		return err
	}
	return nil
}

// createRule takes a free priority. Nobody hands them out: of two that choose the
// same one at a time one is refused, and chooses again.
func (a *Account) createRule(ctx context.Context, env *slipway.Environment, s slipway.Step, conditions []types.RuleCondition, actions []types.Action) error {
	listener := a.Ref(plan.Of(env).HTTPS())
	err := a.insist(ctx, "finding a free priority", 2*time.Minute, func(err error) bool {
		return s.Settings["priority"] == "" && is(err, "PriorityInUse", "PriorityInUseException")
	}, func(ctx context.Context) error {
		rules, err := a.rules(ctx, listener)
		if err != nil {
			return err
		}
		if rule, ok := made(rules, s, actions); ok { // by a call whose answer was lost
			a.found(s.ID, slipway.Seen{Ref: rule})
			return nil
		}
		priority, err := free(rules, s)
		if err != nil {
			return err
		}
		out, err := a.elb.CreateRule(ctx, &elb.CreateRuleInput{ListenerArn: &listener, Priority: &priority, Conditions: conditions, Actions: actions, Tags: elbTags(env.Cluster.Name, s.Settings)})
		if err == nil {
			a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.Rules[0].RuleArn)})
		}
		return err
	})
	if is(err, "TooManyRules", "TooManyRulesException") {
		return fmt.Errorf("the load balancer has all the rules that it may have (%s); ask AWS for more, or set cluster.spread: a second load balancer", says(err))
	}
	return err
}

// made is the rule that says what the step wants, if there is one.
func made(rules []types.Rule, s slipway.Step, actions []types.Action) (string, bool) {
	for _, r := range rules {
		have := ruleSettings(r, nil)
		if have["host"] == s.Settings["host"] && have["path"] == s.Settings["path"] && len(r.Actions) > 0 && aws.ToString(r.Actions[0].TargetGroupArn) == aws.ToString(actions[0].TargetGroupArn) {
			return aws.ToString(r.RuleArn), true
		}
	}
	return "", false
}

// free is the file's, or the first free one: below 10,000 for a rule with
// paths, which has to be asked before one without for the same host.
func free(rules []types.Rule, s slipway.Step) (int32, error) {
	if p, err := strconv.Atoi(s.Settings["priority"]); err == nil {
		return int32(p), nil
	}
	used := map[string]bool{}
	for _, r := range rules {
		used[aws.ToString(r.Priority)] = true
	}
	first := 1
	if s.Settings["path"] == "" {
		first = 10001
	}
	for p := first; p <= 50000; p++ {
		if !used[strconv.Itoa(p)] {
			return int32(p), nil
		}
	}
	return 0, fmt.Errorf("no free priority on the listener")
}
