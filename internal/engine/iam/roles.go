package iam

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// defaultSession is how long a role's sessions may last when nobody says.
const defaultSession = 3600

// CreateRole makes a role.
func (s *Service) CreateRole(_ context.Context, c *operation.Caller, in *api.CreateRoleRequest) (*api.CreateRoleResponse, error) {
	scope := c.Global()
	var r *Role
	err := s.env.Store.Update(func(tx *state.Tx) error {
		path, err := pathOr(in.Path)
		if err != nil {
			return err
		}
		tags, err := newTags(in.Tags, caseless)
		if err != nil {
			return err
		}
		trusted, err := checkTrustPolicy(tx, scope, *in.AssumeRolePolicyDocument)
		if err != nil {
			return err
		}
		r = &Role{
			Name: *in.RoleName, Path: path, ID: uniqueID("AROA"), Created: s.now(),
			Description: awsapi.V(in.Description), MaxSession: defaultSession,
			Trust: *in.AssumeRolePolicyDocument, Trusted: trusted,
			Boundary: awsapi.V(in.PermissionsBoundary), Tags: tags,
		}
		if in.MaxSessionDuration != nil {
			r.MaxSession = *in.MaxSessionDuration
		}
		return addRole(tx, scope, r)
	})
	if err != nil {
		return nil, err
	}
	shown := r.brief(s.env.Store.View(), scope)
	shown.Tags = echo(in.Tags)
	shown.PermissionsBoundary = bounded(r.Boundary)
	return &api.CreateRoleResponse{Role: shown}, nil
}

func addRole(tx *state.Tx, scope state.Scope, r *Role) error {
	switch {
	case roles.Has(tx, scope, fold(r.Name)):
		return exists("Role", r.Name)
	case roles.Len(tx, scope) >= quotaRoles:
		return overQuota("RolesPerAccount", quotaRoles)
	}
	if err := mayBound(tx, scope, r.Boundary); err != nil {
		return err
	}
	roles.Put(tx, scope, r)
	return nil
}

// brief is what every answer tells of a role; some tell more.
func (r *Role) brief(tx *state.Tx, scope state.Scope) *api.Role {
	return &api.Role{
		Arn:                      new(r.ARN(scope)),
		AssumeRolePolicyDocument: encoded(r.TrustPolicy(tx, scope)),
		CreateDate:               new(r.Created),
		Path:                     new(r.Path),
		RoleId:                   new(r.ID),
		RoleName:                 new(r.Name),
	}
}

// listed is a role as ListRoles tells it.
func (r *Role) listed(tx *state.Tx, scope state.Scope) *api.Role {
	shown := r.brief(tx, scope)
	shown.MaxSessionDuration = new(r.MaxSession)
	shown.Description = given(r.Description)
	return shown
}

// full is all there is about a role.
func (s *Service) full(tx *state.Tx, scope state.Scope, r *Role) *api.Role {
	shown := r.listed(tx, scope)
	shown.PermissionsBoundary = bounded(r.Boundary)
	shown.RoleLastUsed = s.roleLastUsed(tx, r)
	if len(r.Tags) > 0 {
		shown.Tags = tagList(r.Tags)
	}
	return shown
}

// roleLastUsed is empty, not absent, for a role that nobody has used.
func (s *Service) roleLastUsed(tx *state.Tx, r *Role) *api.RoleLastUsed {
	last, ok := s.lastUse(tx, r.ID)
	if !ok {
		return &api.RoleLastUsed{}
	}
	return &api.RoleLastUsed{LastUsedDate: new(last.At), Region: new(last.Region)}
}

// given is nil for an empty string.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// GetRole tells a role.
func (s *Service) GetRole(_ context.Context, c *operation.Caller, in *api.GetRoleRequest) (*api.GetRoleResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	r, err := findRole(tx, scope, *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &api.GetRoleResponse{Role: s.full(tx, scope, r)}, nil
}

// ListRoles lists roles.
func (s *Service) ListRoles(_ context.Context, c *operation.Caller, in *api.ListRolesRequest) (*api.ListRolesResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	rows := under(roles.All(tx, scope), in.PathPrefix, func(r *Role) string { return r.Path })
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, roles.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListRolesResponse{
		Roles:       convert(list, func(r *Role) api.Role { return *r.listed(tx, scope) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// modifiable refuses to change a service-linked role.
func (r *Role) modifiable() error {
	if r.Service == "" {
		return nil
	}
	return api.UnmodifiableEntityException("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
}

// UpdateRole changes a role's description and longest session. Of a
// service-linked role only the description may change.
func (s *Service) UpdateRole(_ context.Context, c *operation.Caller, in *api.UpdateRoleRequest) (*api.UpdateRoleResponse, error) {
	scope := c.Global()
	err := s.env.Store.Update(func(tx *state.Tx) error {
		r, err := findRole(tx, scope, *in.RoleName)
		if err != nil {
			return err
		}
		if in.MaxSessionDuration != nil {
			if err := r.modifiable(); err != nil {
				return err
			}
		}
		roles.Change(tx, scope, fold(r.Name), func(r *Role) {
			if in.Description != nil {
				r.Description = *in.Description
			}
			if in.MaxSessionDuration != nil {
				r.MaxSession = *in.MaxSessionDuration
			}
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleResponse{}, nil
}

// UpdateRoleDescription changes a role's description.
func (s *Service) UpdateRoleDescription(_ context.Context, c *operation.Caller, in *api.UpdateRoleDescriptionRequest) (*api.UpdateRoleDescriptionResponse, error) {
	scope := c.Global()
	var shown *api.Role
	err := s.env.Store.Update(func(tx *state.Tx) error {
		r, err := findRole(tx, scope, *in.RoleName)
		if err != nil {
			return err
		}
		roles.Change(tx, scope, fold(r.Name), func(r *Role) { r.Description = *in.Description })
		shown = r.brief(tx, scope)
		shown.Description = in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleDescriptionResponse{Role: shown}, nil
}

// UpdateAssumeRolePolicy replaces a role's trust policy.
func (s *Service) UpdateAssumeRolePolicy(_ context.Context, c *operation.Caller, in *api.UpdateAssumeRolePolicyRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		r, err := findRole(tx, scope, *in.RoleName)
		if err != nil {
			return err
		}
		if err := r.modifiable(); err != nil {
			return err
		}
		trusted, err := checkTrustPolicy(tx, scope, *in.PolicyDocument)
		if err != nil {
			return err
		}
		roles.Change(tx, scope, fold(r.Name), func(r *Role) { r.Trust, r.Trusted = *in.PolicyDocument, trusted })
		return nil
	}))
}

// DeleteRole deletes a role that has nothing left. Its sessions end with it.
func (s *Service) DeleteRole(_ context.Context, c *operation.Caller, in *api.DeleteRoleRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		r, err := findRole(tx, scope, *in.RoleName)
		if err != nil {
			return err
		}
		if err := r.modifiable(); err != nil {
			return err
		}
		switch {
		case anyOf(profilesOf.Get(tx, scope, fold(r.Name))):
			return conflict("must remove roles from instance profile")
		case len(r.Attached) > 0:
			return conflict("must detach all policies")
		case len(r.Inline) > 0:
			return conflict("must delete policies")
		}
		roles.Delete(tx, scope, fold(r.Name))
		uses.Delete(tx, everywhere, r.ID)
		return nil
	}))
}
