package iam

import (
	"context"
	"slices"
	"strings"

	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func compare(a, b string) int { return strings.Compare(a, b) }

// detail is one entry of the account's inventory; exactly one of the four is
// set.
type detail struct {
	entity
	policy *Policy
}

// GetAccountAuthorizationDetails tells everything: users, groups, roles, and the
// policies, of AWS's those that somebody has. One page holds MaxItems of all of
// them together.
func (s *Service) GetAccountAuthorizationDetails(_ context.Context, c *operation.Caller, in *api.GetAccountAuthorizationDetailsRequest) (*api.GetAccountAuthorizationDetailsResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	rows := slices.Values(inventory(tx, scope, in.Filter))
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, func(d detail) string { return d.key })
	if err != nil {
		return nil, err
	}
	out := &api.GetAccountAuthorizationDetailsResponse{
		UserDetailList: []api.UserDetail{}, GroupDetailList: []api.GroupDetail{}, RoleDetailList: []api.RoleDetail{}, Policies: []api.ManagedPolicyDetail{},
		IsTruncated: truncated, Marker: marker,
	}
	for _, d := range list {
		switch {
		case d.user != nil:
			out.UserDetailList = append(out.UserDetailList, userDetail(tx, scope, d.user))
		case d.group != nil:
			out.GroupDetailList = append(out.GroupDetailList, groupDetail(scope, d.group))
		case d.role != nil:
			out.RoleDetailList = append(out.RoleDetailList, s.roleDetail(tx, scope, d.role))
		case d.policy != nil:
			out.Policies = append(out.Policies, policyDetail(tx, scope, d.policy))
		}
	}
	return out, nil
}

// inventory is all that the filter asks for, in the order of their keys.
func inventory(tx *state.Tx, scope state.Scope, filter []api.EntityType) (list []detail) {
	wanted := func(kind api.EntityType) bool { return len(filter) == 0 || slices.Contains(filter, kind) }
	add := func(found []entity) {
		for _, e := range found {
			list = append(list, detail{entity: e})
		}
	}
	if wanted(api.EntityTypeGroup) {
		add(entities(groups.All(tx, scope), groupEntity))
	}
	if wanted(api.EntityTypeRole) {
		add(entities(roles.All(tx, scope), roleEntity))
	}
	if wanted(api.EntityTypeUser) {
		add(entities(users.All(tx, scope), userEntity))
	}
	for p := range managedPolicies(tx, scope, api.PolicyScopeTypeAll) {
		if p.Owner == "aws" {
			if attached, bounding := attachments(tx, scope, p.ARN()); !wanted(api.EntityTypeAWSManagedPolicy) || attached+bounding == 0 {
				continue
			}
		} else if !wanted(api.EntityTypeLocalManagedPolicy) {
			continue
		}
		list = append(list, detail{entity{key: "4" + p.ARN()}, p})
	}
	slices.SortFunc(list, func(a, b detail) int { return compare(a.key, b.key) })
	return list
}

func (g *Grants) details() (inline []api.PolicyDetail, managed []api.AttachedPolicy) {
	inline = convert(g.Inline, func(p Inline) api.PolicyDetail {
		return api.PolicyDetail{PolicyName: new(p.Name), PolicyDocument: encoded(p.Document)}
	})
	return inline, convert(g.Attached, attached)
}

func userDetail(tx *state.Tx, scope state.Scope, u *User) api.UserDetail {
	inline, managed := u.details()
	return api.UserDetail{
		Arn: new(u.ARN(scope)), CreateDate: new(u.Created), Path: new(u.Path), UserId: new(u.ID), UserName: new(u.Name),
		GroupList:               convert(groupsOf(tx, scope, u), func(g *Group) string { return g.Name }),
		AttachedManagedPolicies: managed,
		UserPolicyList:          inline,
		PermissionsBoundary:     bounded(u.Boundary),
		Tags:                    tagList(u.Tags),
	}
}

func groupDetail(scope state.Scope, g *Group) api.GroupDetail {
	inline, managed := g.details()
	return api.GroupDetail{
		Arn: new(g.ARN(scope)), CreateDate: new(g.Created), Path: new(g.Path), GroupId: new(g.ID), GroupName: new(g.Name),
		AttachedManagedPolicies: managed,
		GroupPolicyList:         inline,
	}
}

func (s *Service) roleDetail(tx *state.Tx, scope state.Scope, r *Role) api.RoleDetail {
	inline, managed := r.details()
	return api.RoleDetail{
		Arn: new(r.ARN(scope)), CreateDate: new(r.Created), Path: new(r.Path), RoleId: new(r.ID), RoleName: new(r.Name),
		AssumeRolePolicyDocument: encoded(r.TrustPolicy(tx, scope)),
		AttachedManagedPolicies:  managed,
		InstanceProfileList: convert(slices.Collect(profilesOf.Get(tx, scope, fold(r.Name))), func(p *InstanceProfile) api.InstanceProfile {
			return *p.shown(tx, scope)
		}),
		PermissionsBoundary: bounded(r.Boundary),
		RoleLastUsed:        s.roleLastUsed(tx, r),
		RolePolicyList:      inline,
		Tags:                tagList(r.Tags),
	}
}

func policyDetail(tx *state.Tx, scope state.Scope, p *Policy) api.ManagedPolicyDetail {
	b := p.brief(tx, scope)
	return api.ManagedPolicyDetail{
		Arn: b.Arn, AttachmentCount: b.AttachmentCount, CreateDate: b.CreateDate, DefaultVersionId: b.DefaultVersionId,
		Description: given(p.Description), IsAttachable: b.IsAttachable, Path: b.Path,
		PermissionsBoundaryUsageCount: b.PermissionsBoundaryUsageCount, PolicyId: b.PolicyId, PolicyName: b.PolicyName, UpdateDate: b.UpdateDate,
		PolicyVersionList: convert(p.Versions, func(v Version) api.PolicyVersion {
			shown := v.shown(p)
			shown.Document = encoded(v.Document)
			return *shown
		}),
	}
}
