package iam

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// AttachUserPolicy attaches a managed policy to a user; once attached, again is
// no error.
func (s *Service) AttachUserPolicy(_ context.Context, c *operation.Caller, in *api.AttachUserPolicyRequest) (*awsapi.Empty, error) {
	return ofUsers.attach(s, c, *in.UserName, *in.PolicyArn)
}

// DetachUserPolicy takes a managed policy off a user.
func (s *Service) DetachUserPolicy(_ context.Context, c *operation.Caller, in *api.DetachUserPolicyRequest) (*awsapi.Empty, error) {
	return ofUsers.detach(s, c, *in.UserName, *in.PolicyArn)
}

// ListAttachedUserPolicies lists the managed policies of a user.
func (s *Service) ListAttachedUserPolicies(_ context.Context, c *operation.Caller, in *api.ListAttachedUserPoliciesRequest) (*api.ListAttachedUserPoliciesResponse, error) {
	list, marker, truncated, err := ofUsers.attachments(s, c, *in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedUserPoliciesResponse{AttachedPolicies: list, Marker: marker, IsTruncated: truncated}, nil
}

// AttachGroupPolicy attaches a managed policy to a group.
func (s *Service) AttachGroupPolicy(_ context.Context, c *operation.Caller, in *api.AttachGroupPolicyRequest) (*awsapi.Empty, error) {
	return ofGroups.attach(s, c, *in.GroupName, *in.PolicyArn)
}

// DetachGroupPolicy takes a managed policy off a group.
func (s *Service) DetachGroupPolicy(_ context.Context, c *operation.Caller, in *api.DetachGroupPolicyRequest) (*awsapi.Empty, error) {
	return ofGroups.detach(s, c, *in.GroupName, *in.PolicyArn)
}

// ListAttachedGroupPolicies lists the managed policies of a group.
func (s *Service) ListAttachedGroupPolicies(_ context.Context, c *operation.Caller, in *api.ListAttachedGroupPoliciesRequest) (*api.ListAttachedGroupPoliciesResponse, error) {
	list, marker, truncated, err := ofGroups.attachments(s, c, *in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedGroupPoliciesResponse{AttachedPolicies: list, Marker: marker, IsTruncated: truncated}, nil
}

// AttachRolePolicy attaches a managed policy to a role.
func (s *Service) AttachRolePolicy(_ context.Context, c *operation.Caller, in *api.AttachRolePolicyRequest) (*awsapi.Empty, error) {
	return ofRoles.attach(s, c, *in.RoleName, *in.PolicyArn)
}

// DetachRolePolicy takes a managed policy off a role.
func (s *Service) DetachRolePolicy(_ context.Context, c *operation.Caller, in *api.DetachRolePolicyRequest) (*awsapi.Empty, error) {
	return ofRoles.detach(s, c, *in.RoleName, *in.PolicyArn)
}

// ListAttachedRolePolicies lists the managed policies of a role.
func (s *Service) ListAttachedRolePolicies(_ context.Context, c *operation.Caller, in *api.ListAttachedRolePoliciesRequest) (*api.ListAttachedRolePoliciesResponse, error) {
	list, marker, truncated, err := ofRoles.attachments(s, c, *in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedRolePoliciesResponse{AttachedPolicies: list, Marker: marker, IsTruncated: truncated}, nil
}
