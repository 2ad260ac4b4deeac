package iam

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreatePolicyVersion adds a version to a managed policy.
func (s *Service) CreatePolicyVersion(_ context.Context, c *operation.Caller, in *api.CreatePolicyVersionRequest) (*api.CreatePolicyVersionResponse, error) {
	scope := c.Global()
	var shown *api.PolicyVersion
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := findPolicy(tx, scope, *in.PolicyArn, notAttachable); err != nil {
			return err
		}
		p, err := ownPolicy(tx, scope, *in.PolicyArn)
		if err != nil {
			return err
		}
		if err := checkManagedPolicy(*in.PolicyDocument); err != nil {
			return err
		}
		if len(p.Versions) >= quotaVersions {
			return api.LimitExceededException("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", quotaVersions)
		}
		policies.Change(tx, scope, fold(p.Name), func(p *Policy) {
			p.Last++
			p.Updated = s.now()
			v := Version{p.Last, p.Updated, *in.PolicyDocument}
			p.Versions = append(slices.Clone(p.Versions), v)
			if awsapi.V(in.SetAsDefault) {
				p.Default = p.Last
			}
			shown = v.shown(p)
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyVersionResponse{PolicyVersion: shown}, nil
}

// shown is a version without its document.
func (v *Version) shown(p *Policy) *api.PolicyVersion {
	return &api.PolicyVersion{
		CreateDate:       new(v.Created),
		IsDefaultVersion: new(v.Number == p.Default),
		VersionId:        new(versionID(v.Number)),
	}
}

func noVersion(arn, id string) error {
	return notAttachable(fmt.Sprintf("%s version %s", arn, id))
}

// GetPolicyVersion tells a version with its document.
func (s *Service) GetPolicyVersion(_ context.Context, c *operation.Caller, in *api.GetPolicyVersionRequest) (*api.GetPolicyVersionResponse, error) {
	missing := func(arn string) error { return noVersion(arn, *in.VersionId) }
	p, err := findPolicy(s.env.View(c), c.Global(), *in.PolicyArn, missing)
	if err != nil {
		return nil, err
	}
	v, ok := p.version(versionNumber(*in.VersionId))
	if !ok {
		return nil, missing(*in.PolicyArn)
	}
	shown := v.shown(p)
	shown.Document = encoded(v.Document)
	return &api.GetPolicyVersionResponse{PolicyVersion: shown}, nil
}

// ListPolicyVersions lists a policy's versions, the newest first.
func (s *Service) ListPolicyVersions(_ context.Context, c *operation.Caller, in *api.ListPolicyVersionsRequest) (*api.ListPolicyVersionsResponse, error) {
	p, err := findPolicy(s.env.View(c), c.Global(), *in.PolicyArn, noPolicy)
	if err != nil {
		return nil, err
	}
	newestFirst := slices.Clone(p.Versions)
	slices.Reverse(newestFirst)
	list, marker, truncated, err := page(slices.Values(newestFirst), in.Marker, in.MaxItems, func(v Version) string {
		return fmt.Sprintf("%08d", p.Last-v.Number) // counts up from the newest
	})
	if err != nil {
		return nil, err
	}
	return &api.ListPolicyVersionsResponse{
		Versions:    convert(list, func(v Version) api.PolicyVersion { return *v.shown(p) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// ownVersion finds a version of a policy that the account may change.
func ownVersion(tx *state.Tx, scope state.Scope, arn, id string) (*Policy, *Version, error) {
	if _, err := findPolicy(tx, scope, arn, func(arn string) error { return noVersion(arn, id) }); err != nil {
		return nil, nil, err
	}
	p, err := ownPolicy(tx, scope, arn)
	if err != nil {
		return nil, nil, err
	}
	v, ok := p.version(versionNumber(id))
	if !ok {
		return nil, nil, noVersion(arn, id)
	}
	return p, v, nil
}

// DeletePolicyVersion deletes a version that is not the default one.
func (s *Service) DeletePolicyVersion(_ context.Context, c *operation.Caller, in *api.DeletePolicyVersionRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, v, err := ownVersion(tx, scope, *in.PolicyArn, *in.VersionId)
		if err != nil {
			return err
		}
		if v.Number == p.Default {
			return api.DeleteConflictException("Cannot delete the default version of a policy.")
		}
		policies.Change(tx, scope, fold(p.Name), func(p *Policy) {
			p.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(o Version) bool { return o.Number == v.Number })
		})
		return nil
	}))
}

// SetDefaultPolicyVersion puts a version in force.
func (s *Service) SetDefaultPolicyVersion(_ context.Context, c *operation.Caller, in *api.SetDefaultPolicyVersionRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, v, err := ownVersion(tx, scope, *in.PolicyArn, *in.VersionId)
		if err != nil {
			return err
		}
		policies.Change(tx, scope, fold(p.Name), func(p *Policy) { p.Default = v.Number })
		return nil
	}))
}
