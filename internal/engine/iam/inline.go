package iam

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// PutUserPolicy writes an inline policy of a user.
func (s *Service) PutUserPolicy(_ context.Context, c *operation.Caller, in *api.PutUserPolicyRequest) (*awsapi.Empty, error) {
	return ofUsers.put(s, c, *in.UserName, *in.PolicyName, *in.PolicyDocument)
}

// GetUserPolicy tells an inline policy of a user.
func (s *Service) GetUserPolicy(_ context.Context, c *operation.Caller, in *api.GetUserPolicyRequest) (*api.GetUserPolicyResponse, error) {
	p, err := ofUsers.get(s, c, *in.UserName, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &api.GetUserPolicyResponse{UserName: in.UserName, PolicyName: new(p.Name), PolicyDocument: encoded(p.Document)}, nil
}

// DeleteUserPolicy deletes an inline policy of a user.
func (s *Service) DeleteUserPolicy(_ context.Context, c *operation.Caller, in *api.DeleteUserPolicyRequest) (*awsapi.Empty, error) {
	return ofUsers.remove(s, c, *in.UserName, *in.PolicyName)
}

// ListUserPolicies lists a user's inline policies.
func (s *Service) ListUserPolicies(_ context.Context, c *operation.Caller, in *api.ListUserPoliciesRequest) (*api.ListUserPoliciesResponse, error) {
	names, marker, truncated, err := ofUsers.names(s, c, *in.UserName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListUserPoliciesResponse{PolicyNames: names, Marker: marker, IsTruncated: truncated}, nil
}

// PutGroupPolicy writes an inline policy of a group.
func (s *Service) PutGroupPolicy(_ context.Context, c *operation.Caller, in *api.PutGroupPolicyRequest) (*awsapi.Empty, error) {
	return ofGroups.put(s, c, *in.GroupName, *in.PolicyName, *in.PolicyDocument)
}

// GetGroupPolicy tells an inline policy of a group.
func (s *Service) GetGroupPolicy(_ context.Context, c *operation.Caller, in *api.GetGroupPolicyRequest) (*api.GetGroupPolicyResponse, error) {
	p, err := ofGroups.get(s, c, *in.GroupName, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &api.GetGroupPolicyResponse{GroupName: in.GroupName, PolicyName: new(p.Name), PolicyDocument: encoded(p.Document)}, nil
}

// DeleteGroupPolicy deletes an inline policy of a group.
func (s *Service) DeleteGroupPolicy(_ context.Context, c *operation.Caller, in *api.DeleteGroupPolicyRequest) (*awsapi.Empty, error) {
	return ofGroups.remove(s, c, *in.GroupName, *in.PolicyName)
}

// ListGroupPolicies lists a group's inline policies.
func (s *Service) ListGroupPolicies(_ context.Context, c *operation.Caller, in *api.ListGroupPoliciesRequest) (*api.ListGroupPoliciesResponse, error) {
	names, marker, truncated, err := ofGroups.names(s, c, *in.GroupName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListGroupPoliciesResponse{PolicyNames: names, Marker: marker, IsTruncated: truncated}, nil
}

// PutRolePolicy writes an inline policy of a role.
func (s *Service) PutRolePolicy(_ context.Context, c *operation.Caller, in *api.PutRolePolicyRequest) (*awsapi.Empty, error) {
	return ofRoles.put(s, c, *in.RoleName, *in.PolicyName, *in.PolicyDocument)
}

// GetRolePolicy tells an inline policy of a role.
func (s *Service) GetRolePolicy(_ context.Context, c *operation.Caller, in *api.GetRolePolicyRequest) (*api.GetRolePolicyResponse, error) {
	p, err := ofRoles.get(s, c, *in.RoleName, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &api.GetRolePolicyResponse{RoleName: in.RoleName, PolicyName: new(p.Name), PolicyDocument: encoded(p.Document)}, nil
}

// DeleteRolePolicy deletes an inline policy of a role.
func (s *Service) DeleteRolePolicy(_ context.Context, c *operation.Caller, in *api.DeleteRolePolicyRequest) (*awsapi.Empty, error) {
	return ofRoles.remove(s, c, *in.RoleName, *in.PolicyName)
}

// ListRolePolicies lists a role's inline policies.
func (s *Service) ListRolePolicies(_ context.Context, c *operation.Caller, in *api.ListRolePoliciesRequest) (*api.ListRolePoliciesResponse, error) {
	names, marker, truncated, err := ofRoles.names(s, c, *in.RoleName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListRolePoliciesResponse{PolicyNames: names, Marker: marker, IsTruncated: truncated}, nil
}
