package iam

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateUser makes a user.
func (s *Service) CreateUser(_ context.Context, c *operation.Caller, in *api.CreateUserRequest) (*api.CreateUserResponse, error) {
	scope := c.Global()
	var u *User
	err := s.env.Store.Update(func(tx *state.Tx) error {
		path, err := pathOr(in.Path)
		if err != nil {
			return err
		}
		tags, err := newTags(in.Tags, caseless)
		if err != nil {
			return err
		}
		u = &User{Name: *in.UserName, Path: path, ID: uniqueID("AIDA"), Created: s.now(), Boundary: awsapi.V(in.PermissionsBoundary), Tags: tags}
		switch {
		case users.Has(tx, scope, fold(u.Name)):
			return exists("User", u.Name)
		case users.Len(tx, scope) >= quotaUsers:
			return overQuota("UsersPerAccount", quotaUsers)
		}
		if err := mayBound(tx, scope, u.Boundary); err != nil {
			return err
		}
		users.Put(tx, scope, u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := u.shown(scope)
	shown.Tags = echo(in.Tags)
	shown.PermissionsBoundary = bounded(u.Boundary)
	return &api.CreateUserResponse{User: shown}, nil
}

// shown is the user as lists tell it: without boundary and tags.
func (u *User) shown(scope state.Scope) *api.User {
	return &api.User{
		Arn:        new(u.ARN(scope)),
		CreateDate: new(u.Created),
		Path:       new(u.Path),
		UserId:     new(u.ID),
		UserName:   new(u.Name),
	}
}

// GetUser tells a user, by default the one that calls.
func (s *Service) GetUser(_ context.Context, c *operation.Caller, in *api.GetUserRequest) (*api.GetUserResponse, error) {
	scope := c.Global()
	if in.UserName == nil && c.Kind == operation.Root {
		return &api.GetUserResponse{User: s.rootUser(scope)}, nil
	}
	name, err := userOr(c, in.UserName)
	if err != nil {
		return nil, err
	}
	u, err := findUser(s.env.View(c), scope, name)
	if err != nil {
		return nil, err
	}
	shown := u.shown(scope)
	shown.PermissionsBoundary = bounded(u.Boundary)
	if len(u.Tags) > 0 {
		shown.Tags = tagList(u.Tags)
	}
	return &api.GetUserResponse{User: shown}, nil
}

// rootUser is the account's root user. AWS leaves out its name and path, and its
// id is the account's number, all of which breaks AWS's own model; here it keeps
// to the model, with the number for a name.
func (s *Service) rootUser(scope state.Scope) *api.User {
	return &api.User{
		Arn:        new(rootARN(scope.Account)),
		CreateDate: new(s.born(scope)),
		Path:       new("/"),
		UserId:     new("ROOT" + scope.Account),
		UserName:   new(scope.Account),
	}
}

// userOr is the user that a request means that need not name one: the caller.
func userOr(c *operation.Caller, name *string) (string, error) {
	switch {
	case name != nil:
		return *name, nil
	case c.Kind == operation.User:
		return c.Name, nil
	}
	return "", invalid("Must specify userName when calling with non-User credentials")
}

// ListUsers lists users.
func (s *Service) ListUsers(_ context.Context, c *operation.Caller, in *api.ListUsersRequest) (*api.ListUsersResponse, error) {
	scope := c.Global()
	rows := under(users.All(s.env.View(c), scope), in.PathPrefix, func(u *User) string { return u.Path })
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, users.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListUsersResponse{
		Users:       convert(list, func(u *User) api.User { return *u.shown(scope) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// UpdateUser renames or moves a user. Keys, groups and sessions hang on its id
// and stay.
func (s *Service) UpdateUser(_ context.Context, c *operation.Caller, in *api.UpdateUserRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		u, err := findUser(tx, scope, *in.UserName)
		if err != nil {
			return err
		}
		renamed := *u
		if in.NewUserName != nil {
			renamed.Name = *in.NewUserName
		}
		if in.NewPath != nil {
			if renamed.Path, err = pathOr(in.NewPath); err != nil {
				return err
			}
		}
		if other, ok := users.Get(tx, scope, fold(renamed.Name)); ok && other.ID != u.ID {
			return exists("User", renamed.Name)
		}
		users.Delete(tx, scope, fold(u.Name))
		users.Put(tx, scope, &renamed)
		return nil
	}))
}

// DeleteUser deletes a user who has nothing left.
func (s *Service) DeleteUser(_ context.Context, c *operation.Caller, in *api.DeleteUserRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		u, err := findUser(tx, scope, *in.UserName)
		if err != nil {
			return err
		}
		switch {
		case len(u.Attached) > 0:
			return conflict("must detach all policies")
		case len(u.Inline) > 0:
			return conflict("must delete policies")
		case anyOf(keysOf.Get(tx, everywhere, u.ID)):
			return conflict("must delete access keys")
		case len(u.Groups) > 0:
			return conflict("must remove users from group")
		}
		users.Delete(tx, scope, fold(u.Name))
		return nil
	}))
}

// ListGroupsForUser lists the groups that a user is in.
func (s *Service) ListGroupsForUser(_ context.Context, c *operation.Caller, in *api.ListGroupsForUserRequest) (*api.ListGroupsForUserResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	u, err := findUser(tx, scope, *in.UserName)
	if err != nil {
		return nil, err
	}
	rows := ordered(slices.Values(groupsOf(tx, scope, u)), groups.Key)
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, groups.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListGroupsForUserResponse{
		Groups:      convert(list, func(g *Group) api.Group { return *g.shown(scope) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

func groupsOf(tx *state.Tx, scope state.Scope, u *User) []*Group {
	list := make([]*Group, 0, len(u.Groups))
	for _, id := range u.Groups {
		if g, ok := groupByID.One(tx, scope, id); ok {
			list = append(list, g)
		}
	}
	return list
}
