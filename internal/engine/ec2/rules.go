package ec2

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// simple is the one rule that the older, flat members of an input name, put
// before the list.
func simple(protocol, cidr, groupName, owner *string, from, to *int, list []api.IpPermission) ([]api.IpPermission, error) {
	if protocol == nil && cidr == nil && groupName == nil && from == nil && to == nil {
		return list, nil
	}
	if len(list) > 0 {
		return nil, invalidCombination("The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'")
	}
	p := api.IpPermission{IpProtocol: protocol, FromPort: from, ToPort: to}
	if groupName != nil {
		p.UserIdGroupPairs = []api.UserIdGroupPair{{GroupName: groupName, UserId: owner}}
		if protocol == nil { // all that a group's members send
			p.IpProtocol = new("-1")
		}
	}
	if cidr != nil {
		p.IpRanges = []api.IpRange{{CidrIp: cidr}}
	}
	return []api.IpPermission{p}, nil
}

// authorize adds rules, all of them or none.
func (s *Service) authorize(c *operation.Caller, id, name *string, egress bool, permissions []api.IpPermission, specsOfTags []api.TagSpecification) ([]api.SecurityGroupRule, error) {
	tags, err := specified(specsOfTags, ruleKind.typ)
	if err != nil {
		return nil, err
	}
	if len(permissions) == 0 {
		return nil, missingParameter("ipPermissions")
	}
	shown := []api.SecurityGroupRule{}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		g, err := group(tx, c.Scope(), id, name)
		if err != nil {
			return err
		}
		rules, err := specs(tx, c.Scope(), g, permissions, true)
		if err != nil {
			return err
		}
		if admitsTwice(rules) {
			return invalidValue("The same permission must not appear multiple times")
		}
		if err := s.admit(tx, c.Scope(), g, egress, rules, tags); err != nil {
			return err
		}
		for _, r := range rules {
			shown = append(shown, showRule(tx, c.Scope(), r))
		}
		return nil
	})
	return shown, err
}

func (s *Service) admit(tx *state.Tx, scope state.Scope, g *Group, egress bool, rules []*Rule, tags tagging.Set) error {
	old, same := inOrder(tx, scope, g.ID), 0
	for _, r := range old {
		if r.Egress == egress {
			same++
		}
	}
	for _, r := range rules {
		r.Egress = egress
		if match(old, egress, r.Spec) != nil {
			return duplicateRule(r.Spec)
		}
	}
	if same+len(rules) > maxRules {
		return awsapi.Errorf("RulesPerSecurityGroupLimitExceeded", 400, "The maximum number of rules per security group has been reached.")
	}
	addRules(tx, scope, g.ID, rules)
	for _, r := range rules {
		SetTags(tx, scope, r.ID, tags)
	}
	return nil
}

func duplicateRule(s Spec) error {
	return awsapi.Errorf("InvalidPermission.Duplicate", 400, `the specified rule "%s" already exists`, s.text())
}

// AuthorizeSecurityGroupIngress adds rules for what comes in.
func (s *Service) AuthorizeSecurityGroupIngress(_ context.Context, c *operation.Caller, in *api.AuthorizeSecurityGroupIngressRequest) (*api.AuthorizeSecurityGroupIngressResult, error) {
	permissions, err := simple(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort, in.IpPermissions)
	if err != nil {
		return nil, err
	}
	rules, err := s.authorize(c, in.GroupId, in.GroupName, false, permissions, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	return &api.AuthorizeSecurityGroupIngressResult{Return: new(true), SecurityGroupRules: rules}, nil
}

// AuthorizeSecurityGroupEgress adds rules for what goes out.
func (s *Service) AuthorizeSecurityGroupEgress(_ context.Context, c *operation.Caller, in *api.AuthorizeSecurityGroupEgressRequest) (*api.AuthorizeSecurityGroupEgressResult, error) {
	permissions, err := simple(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort, in.IpPermissions)
	if err != nil {
		return nil, err
	}
	rules, err := s.authorize(c, in.GroupId, nil, true, permissions, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	return &api.AuthorizeSecurityGroupEgressResult{Return: new(true), SecurityGroupRules: rules}, nil
}

// revoke removes the rules of the ids or of the permissions, all of them or none.
func (s *Service) revoke(c *operation.Caller, id, name *string, egress bool, ruleIDs []string, permissions []api.IpPermission) ([]api.RevokedSecurityGroupRule, error) {
	switch {
	case len(ruleIDs) > 0 && len(permissions) > 0:
		return nil, invalidCombination("The parameter 'securityGroupRuleIds' may not be used in combination with 'ipPermissions'")
	case len(ruleIDs) == 0 && len(permissions) == 0:
		return nil, missingParameter("ipPermissions")
	}
	revoked := []api.RevokedSecurityGroupRule{}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		g, err := group(tx, c.Scope(), id, name)
		if err != nil {
			return err
		}
		going, err := going(tx, c.Scope(), g, egress, ruleIDs, permissions)
		if err != nil {
			return err
		}
		for _, r := range going {
			revoked = append(revoked, r.revoked())
			drop(tx, c.Scope(), Rules, r.ID)
		}
		return nil
	})
	return revoked, err
}

// going are the rules that a revocation names.
func going(tx *state.Tx, scope state.Scope, g *Group, egress bool, ids []string, permissions []api.IpPermission) (all []*Rule, err error) {
	for _, id := range ids {
		r, err := find(tx, scope, Rules, ruleKind, &id)
		if err != nil || r.Group != g.ID || r.Egress != egress {
			return nil, ruleKind.notFound(id)
		}
		all = append(all, r)
	}
	wanted, err := specs(tx, scope, g, permissions, false)
	if err != nil {
		return nil, err
	}
	old := inOrder(tx, scope, g.ID)
	for _, w := range wanted {
		r := match(old, egress, w.Spec)
		if r == nil {
			return nil, noSuchRule()
		}
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all, nil
}

func noSuchRule() error {
	return awsapi.Errorf("InvalidPermission.NotFound", 400, "The specified rule does not exist in this security group.")
}

// RevokeSecurityGroupIngress removes rules for what comes in.
func (s *Service) RevokeSecurityGroupIngress(_ context.Context, c *operation.Caller, in *api.RevokeSecurityGroupIngressRequest) (*api.RevokeSecurityGroupIngressResult, error) {
	permissions, err := simple(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort, in.IpPermissions)
	if err != nil {
		return nil, err
	}
	revoked, err := s.revoke(c, in.GroupId, in.GroupName, false, in.SecurityGroupRuleIds, permissions)
	return &api.RevokeSecurityGroupIngressResult{Return: new(true), RevokedSecurityGroupRules: revoked}, err
}

// RevokeSecurityGroupEgress removes rules for what goes out.
func (s *Service) RevokeSecurityGroupEgress(_ context.Context, c *operation.Caller, in *api.RevokeSecurityGroupEgressRequest) (*api.RevokeSecurityGroupEgressResult, error) {
	permissions, err := simple(in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort, in.IpPermissions)
	if err != nil {
		return nil, err
	}
	revoked, err := s.revoke(c, in.GroupId, nil, true, in.SecurityGroupRuleIds, permissions)
	return &api.RevokeSecurityGroupEgressResult{Return: new(true), RevokedSecurityGroupRules: revoked}, err
}

func showRule(tx *state.Tx, scope state.Scope, r *Rule) api.SecurityGroupRule {
	out := api.SecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: &r.Group, GroupOwnerId: &scope.Account, IsEgress: &r.Egress, IpProtocol: &r.Protocol,
		FromPort: &r.From, ToPort: &r.To, CidrIpv4: first(r.IPv4), CidrIpv6: first(r.IPv6), PrefixListId: first(r.PrefixList),
		Description: first(r.Description), SecurityGroupRuleArn: new(ruleKind.arn(scope, r.ID)), Tags: shownTags(tx, scope, r.ID),
	}
	if r.Peer.Group != "" {
		out.ReferencedGroupInfo = &api.ReferencedSecurityGroup{GroupId: &r.Peer.Group, UserId: &scope.Account}
		if g, ok := Groups.Get(tx, scope, r.Peer.Group); ok {
			out.ReferencedGroupInfo.VpcId = &g.VPC
		}
	}
	return out
}

// first is a text as an answer has it: absent when it is empty.
func first(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (r *Rule) revoked() api.RevokedSecurityGroupRule {
	return api.RevokedSecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: &r.Group, IsEgress: &r.Egress, IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To,
		CidrIpv4: first(r.IPv4), CidrIpv6: first(r.IPv6), PrefixListId: first(r.PrefixList), ReferencedGroupId: first(r.Peer.Group), Description: first(r.Description),
	}
}

var ruleListing = &listing[Rule, api.SecurityGroupRule]{
	table: Rules, kind: ruleKind, show: showRule,
	tags: func(r *api.SecurityGroupRule) []api.Tag { return r.Tags },
	fields: fields[api.SecurityGroupRule]{
		"group-id":               str(func(r *api.SecurityGroupRule) *string { return r.GroupId }),
		"security-group-rule-id": str(func(r *api.SecurityGroupRule) *string { return r.SecurityGroupRuleId }),
	},
}

// DescribeSecurityGroupRules tells rules one by one.
func (s *Service) DescribeSecurityGroupRules(_ context.Context, c *operation.Caller, in *api.DescribeSecurityGroupRulesRequest) (*api.DescribeSecurityGroupRulesResult, error) {
	page, next, err := ruleListing.describe(s.env.View(c), c.Scope(), query{in.SecurityGroupRuleIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeSecurityGroupRulesResult{SecurityGroupRules: page, NextToken: next}, err
}

// ModifySecurityGroupRules replaces what rules admit.
func (s *Service) ModifySecurityGroupRules(_ context.Context, c *operation.Caller, in *api.ModifySecurityGroupRulesRequest) (*api.ModifySecurityGroupRulesResult, error) {
	return &api.ModifySecurityGroupRulesResult{Return: new(true)}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), Groups, groupKind, in.GroupId)
		if err != nil {
			return err
		}
		for _, u := range in.SecurityGroupRules {
			if err := modifyRule(tx, c.Scope(), g, &u); err != nil {
				return err
			}
		}
		return nil
	})
}

func modifyRule(tx *state.Tx, scope state.Scope, g *Group, u *api.SecurityGroupRuleUpdate) error {
	old, err := find(tx, scope, Rules, ruleKind, u.SecurityGroupRuleId)
	if err != nil || old.Group != g.ID {
		return ruleKind.notFound(awsapi.V(u.SecurityGroupRuleId))
	}
	if u.SecurityGroupRule == nil {
		return missingParameter("securityGroupRule")
	}
	rules, err := specs(tx, scope, g, []api.IpPermission{asPermission(u.SecurityGroupRule)}, true)
	if err != nil {
		return err
	}
	if len(rules) != 1 {
		return invalidCombination("Exactly one of cidrIpv4, cidrIpv6, prefixListId or referencedGroupId must be given for the rule %s", old.ID)
	}
	if same := match(inOrder(tx, scope, g.ID), old.Egress, rules[0].Spec); same != nil && same.ID != old.ID {
		return duplicateRule(same.Spec)
	}
	Rules.Change(tx, scope, old.ID, func(r *Rule) { r.Spec, r.Description = rules[0].Spec, rules[0].Description })
	return nil
}

// asPermission is a rule as a permission of one peer.
func asPermission(r *api.SecurityGroupRuleRequest) api.IpPermission {
	p := api.IpPermission{IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort}
	if r.CidrIpv4 != nil {
		p.IpRanges = []api.IpRange{{CidrIp: r.CidrIpv4, Description: r.Description}}
	}
	if r.CidrIpv6 != nil {
		p.Ipv6Ranges = []api.Ipv6Range{{CidrIpv6: r.CidrIpv6, Description: r.Description}}
	}
	if r.PrefixListId != nil {
		p.PrefixListIds = []api.PrefixListId{{PrefixListId: r.PrefixListId, Description: r.Description}}
	}
	if r.ReferencedGroupId != nil {
		p.UserIdGroupPairs = []api.UserIdGroupPair{{GroupId: r.ReferencedGroupId, Description: r.Description}}
	}
	return p
}

// describeRules sets the descriptions of rules that the group has, named by
// permissions or by ids.
func (s *Service) describeRules(c *operation.Caller, id, name *string, egress bool, permissions []api.IpPermission, byID []api.SecurityGroupRuleDescription) error {
	if len(permissions) == 0 && len(byID) == 0 {
		return missingParameter("ipPermissions")
	}
	return s.env.Store.Update(func(tx *state.Tx) error {
		g, err := group(tx, c.Scope(), id, name)
		if err != nil {
			return err
		}
		wanted, err := specs(tx, c.Scope(), g, permissions, false)
		if err != nil {
			return err
		}
		old := inOrder(tx, c.Scope(), g.ID)
		for _, w := range wanted {
			r := match(old, egress, w.Spec)
			if r == nil {
				return noSuchRule()
			}
			Rules.Change(tx, c.Scope(), r.ID, func(r *Rule) { r.Description = w.Description })
		}
		for _, d := range byID {
			r, err := find(tx, c.Scope(), Rules, ruleKind, d.SecurityGroupRuleId)
			if err != nil || r.Group != g.ID || r.Egress != egress {
				return ruleKind.notFound(awsapi.V(d.SecurityGroupRuleId))
			}
			if err := checkRuleText(awsapi.V(d.Description)); err != nil {
				return err
			}
			Rules.Change(tx, c.Scope(), r.ID, func(r *Rule) { r.Description = awsapi.V(d.Description) })
		}
		return nil
	})
}

// UpdateSecurityGroupRuleDescriptionsIngress changes descriptions only.
func (s *Service) UpdateSecurityGroupRuleDescriptionsIngress(_ context.Context, c *operation.Caller, in *api.UpdateSecurityGroupRuleDescriptionsIngressRequest) (*api.UpdateSecurityGroupRuleDescriptionsIngressResult, error) {
	return &api.UpdateSecurityGroupRuleDescriptionsIngressResult{Return: new(true)}, s.describeRules(c, in.GroupId, in.GroupName, false, in.IpPermissions, in.SecurityGroupRuleDescriptions)
}

// UpdateSecurityGroupRuleDescriptionsEgress changes descriptions only.
func (s *Service) UpdateSecurityGroupRuleDescriptionsEgress(_ context.Context, c *operation.Caller, in *api.UpdateSecurityGroupRuleDescriptionsEgressRequest) (*api.UpdateSecurityGroupRuleDescriptionsEgressResult, error) {
	return &api.UpdateSecurityGroupRuleDescriptionsEgressResult{Return: new(true)}, s.describeRules(c, in.GroupId, in.GroupName, true, in.IpPermissions, in.SecurityGroupRuleDescriptions)
}
