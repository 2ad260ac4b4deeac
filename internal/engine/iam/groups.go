package iam

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateGroup makes a group.
func (s *Service) CreateGroup(_ context.Context, c *operation.Caller, in *api.CreateGroupRequest) (*api.CreateGroupResponse, error) {
	scope := c.Global()
	var g *Group
	err := s.env.Store.Update(func(tx *state.Tx) error {
		path, err := pathOr(in.Path)
		if err != nil {
			return err
		}
		g = &Group{Name: *in.GroupName, Path: path, ID: uniqueID("AGPA"), Created: s.now()}
		switch {
		case groups.Has(tx, scope, fold(g.Name)):
			return exists("Group", g.Name)
		case groups.Len(tx, scope) >= quotaGroups:
			return overQuota("GroupsPerAccount", quotaGroups)
		}
		groups.Put(tx, scope, g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateGroupResponse{Group: g.shown(scope)}, nil
}

func (g *Group) shown(scope state.Scope) *api.Group {
	return &api.Group{
		Arn:        new(g.ARN(scope)),
		CreateDate: new(g.Created),
		GroupId:    new(g.ID),
		GroupName:  new(g.Name),
		Path:       new(g.Path),
	}
}

// GetGroup tells a group and its users.
func (s *Service) GetGroup(_ context.Context, c *operation.Caller, in *api.GetGroupRequest) (*api.GetGroupResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	g, err := findGroup(tx, scope, *in.GroupName)
	if err != nil {
		return nil, err
	}
	list, marker, truncated, err := page(usersInGroup.Get(tx, scope, g.ID), in.Marker, in.MaxItems, users.Key)
	if err != nil {
		return nil, err
	}
	return &api.GetGroupResponse{
		Group:       g.shown(scope),
		Users:       convert(list, func(u *User) api.User { return *u.shown(scope) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// ListGroups lists groups.
func (s *Service) ListGroups(_ context.Context, c *operation.Caller, in *api.ListGroupsRequest) (*api.ListGroupsResponse, error) {
	scope := c.Global()
	rows := under(groups.All(s.env.View(c), scope), in.PathPrefix, func(g *Group) string { return g.Path })
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, groups.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListGroupsResponse{
		Groups:      convert(list, func(g *Group) api.Group { return *g.shown(scope) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// UpdateGroup renames or moves a group.
func (s *Service) UpdateGroup(_ context.Context, c *operation.Caller, in *api.UpdateGroupRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findGroup(tx, scope, *in.GroupName)
		if err != nil {
			return err
		}
		renamed := *g
		if in.NewGroupName != nil {
			renamed.Name = *in.NewGroupName
		}
		if in.NewPath != nil {
			if renamed.Path, err = pathOr(in.NewPath); err != nil {
				return err
			}
		}
		if other, ok := groups.Get(tx, scope, fold(renamed.Name)); ok && other.ID != g.ID {
			return exists("Group", renamed.Name)
		}
		groups.Delete(tx, scope, fold(g.Name))
		groups.Put(tx, scope, &renamed)
		return nil
	}))
}

// DeleteGroup deletes a group that is empty.
func (s *Service) DeleteGroup(_ context.Context, c *operation.Caller, in *api.DeleteGroupRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findGroup(tx, scope, *in.GroupName)
		if err != nil {
			return err
		}
		switch {
		case anyOf(usersInGroup.Get(tx, scope, g.ID)):
			return conflict("must remove users from group")
		case len(g.Attached) > 0:
			return conflict("must detach all policies")
		case len(g.Inline) > 0:
			return conflict("must delete policies")
		}
		groups.Delete(tx, scope, fold(g.Name))
		return nil
	}))
}

// AddUserToGroup puts a user into a group; once in, again is no error.
func (s *Service) AddUserToGroup(_ context.Context, c *operation.Caller, in *api.AddUserToGroupRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		u, g, err := member(tx, scope, *in.UserName, *in.GroupName)
		if err != nil {
			return err
		}
		switch {
		case slices.Contains(u.Groups, g.ID):
			return nil
		case len(u.Groups) >= quotaGroupsPerUser:
			return overQuota("GroupsPerUser", quotaGroupsPerUser)
		}
		users.Change(tx, scope, fold(u.Name), func(u *User) { u.Groups = append(slices.Clip(u.Groups), g.ID) })
		return nil
	}))
}

// RemoveUserFromGroup takes a user out of a group.
func (s *Service) RemoveUserFromGroup(_ context.Context, c *operation.Caller, in *api.RemoveUserFromGroupRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		u, g, err := member(tx, scope, *in.UserName, *in.GroupName)
		if err != nil {
			return err
		}
		users.Change(tx, scope, fold(u.Name), func(u *User) { u.Groups = without(u.Groups, g.ID) })
		return nil
	}))
}

// member finds both; IAM looks for the user first.
func member(tx *state.Tx, scope state.Scope, user, group string) (*User, *Group, error) {
	u, err := findUser(tx, scope, user)
	if err != nil {
		return nil, nil, err
	}
	g, err := findGroup(tx, scope, group)
	return u, g, err
}

// without is a copy of the list without the value.
func without(list []string, value string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == value })
}
