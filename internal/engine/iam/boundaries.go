package iam

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// bounded is a boundary as answers tell it.
func bounded(arn string) *api.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &api.AttachedPermissionsBoundary{
		PermissionsBoundaryArn: new(arn),
		// AWS itself answers "Policy", which its model does not allow; we keep to the model.
		PermissionsBoundaryType: api.PermissionsBoundaryAttachmentTypePermissionsBoundaryPolicy,
	}
}

// mayBound checks that a policy can be a boundary.
func mayBound(tx *state.Tx, scope state.Scope, arn string) error {
	if arn == "" {
		return nil
	}
	if err := policyARN(arn); err != nil {
		return err
	}
	if _, ok := PolicyByARN(tx, scope, arn); !ok {
		return api.NoSuchEntityException("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}

// bind sets or, with an empty ARN, takes away a user's boundary.
func (s *Service) bindUser(c *operation.Caller, name, arn string) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := findUser(tx, scope, name); err != nil {
			return err
		}
		if err := mayBound(tx, scope, arn); err != nil {
			return err
		}
		users.Change(tx, scope, fold(name), func(u *User) { u.Boundary = arn })
		return nil
	}))
}

func (s *Service) bindRole(c *operation.Caller, name, arn string) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		r, err := findRole(tx, scope, name)
		if err != nil {
			return err
		}
		if err := r.modifiable(); err != nil {
			return err
		}
		if err := mayBound(tx, scope, arn); err != nil {
			return err
		}
		roles.Change(tx, scope, fold(name), func(r *Role) { r.Boundary = arn })
		return nil
	}))
}

// PutUserPermissionsBoundary sets a user's boundary.
func (s *Service) PutUserPermissionsBoundary(_ context.Context, c *operation.Caller, in *api.PutUserPermissionsBoundaryRequest) (*awsapi.Empty, error) {
	return s.bindUser(c, *in.UserName, *in.PermissionsBoundary)
}

// DeleteUserPermissionsBoundary takes a user's boundary away.
func (s *Service) DeleteUserPermissionsBoundary(_ context.Context, c *operation.Caller, in *api.DeleteUserPermissionsBoundaryRequest) (*awsapi.Empty, error) {
	return s.bindUser(c, *in.UserName, "")
}

// PutRolePermissionsBoundary sets a role's boundary.
func (s *Service) PutRolePermissionsBoundary(_ context.Context, c *operation.Caller, in *api.PutRolePermissionsBoundaryRequest) (*awsapi.Empty, error) {
	return s.bindRole(c, *in.RoleName, *in.PermissionsBoundary)
}

// DeleteRolePermissionsBoundary takes a role's boundary away.
func (s *Service) DeleteRolePermissionsBoundary(_ context.Context, c *operation.Caller, in *api.DeleteRolePermissionsBoundaryRequest) (*awsapi.Empty, error) {
	return s.bindRole(c, *in.RoleName, "")
}
