package iam

import (
	"context"
	"iter"
	"slices"

	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// entity is a user, group or role; exactly one of them is set.
type entity struct {
	key   string // orders all three kinds, in pages
	path  string
	user  *User
	group *Group
	role  *Role
}

func userEntity(u *User) entity   { return entity{key: "3" + fold(u.Name), path: u.Path, user: u} }
func groupEntity(g *Group) entity { return entity{key: "1" + fold(g.Name), path: g.Path, group: g} }
func roleEntity(r *Role) entity   { return entity{key: "2" + fold(r.Name), path: r.Path, role: r} }

func entities[T any](rows iter.Seq[T], into func(T) entity) []entity {
	return convert(slices.Collect(rows), into)
}

// ListEntitiesForPolicy lists who has a managed policy, as permissions, as
// boundary, or both.
func (s *Service) ListEntitiesForPolicy(_ context.Context, c *operation.Caller, in *api.ListEntitiesForPolicyRequest) (*api.ListEntitiesForPolicyResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	if _, err := findPolicy(tx, scope, *in.PolicyArn, notAttachable); err != nil {
		return nil, err
	}
	rows := under(slices.Values(holdersOf(tx, scope, in)), in.PathPrefix, func(e entity) string { return e.path })
	rows = ordered(rows, func(e entity) string { return e.key })
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, func(e entity) string { return e.key })
	if err != nil {
		return nil, err
	}
	out := &api.ListEntitiesForPolicyResponse{
		PolicyGroups: []api.PolicyGroup{}, PolicyRoles: []api.PolicyRole{}, PolicyUsers: []api.PolicyUser{},
		IsTruncated: truncated, Marker: marker,
	}
	for _, e := range list {
		switch {
		case e.user != nil:
			out.PolicyUsers = append(out.PolicyUsers, api.PolicyUser{UserId: new(e.user.ID), UserName: new(e.user.Name)})
		case e.group != nil:
			out.PolicyGroups = append(out.PolicyGroups, api.PolicyGroup{GroupId: new(e.group.ID), GroupName: new(e.group.Name)})
		case e.role != nil:
			out.PolicyRoles = append(out.PolicyRoles, api.PolicyRole{RoleId: new(e.role.ID), RoleName: new(e.role.Name)})
		}
	}
	return out, nil
}

func holdersOf(tx *state.Tx, scope state.Scope, in *api.ListEntitiesForPolicyRequest) (list []entity) {
	wanted := func(kind api.EntityType) bool { return in.EntityFilter == "" || in.EntityFilter == kind }
	arn := *in.PolicyArn
	if in.PolicyUsageFilter != api.PolicyUsageTypePermissionsBoundary {
		if wanted(api.EntityTypeUser) {
			list = append(list, entities(usersWith.Get(tx, scope, arn), userEntity)...)
		}
		if wanted(api.EntityTypeGroup) {
			list = append(list, entities(groupsWith.Get(tx, scope, arn), groupEntity)...)
		}
		if wanted(api.EntityTypeRole) {
			list = append(list, entities(rolesWith.Get(tx, scope, arn), roleEntity)...)
		}
	}
	if in.PolicyUsageFilter != api.PolicyUsageTypePermissionsPolicy {
		if wanted(api.EntityTypeUser) {
			list = append(list, entities(usersWithin.Get(tx, scope, arn), userEntity)...)
		}
		if wanted(api.EntityTypeRole) {
			list = append(list, entities(rolesWithin.Get(tx, scope, arn), roleEntity)...)
		}
	}
	slices.SortFunc(list, func(a, b entity) int { return compare(a.key, b.key) })
	return slices.CompactFunc(list, func(a, b entity) bool { return a.key == b.key })
}
