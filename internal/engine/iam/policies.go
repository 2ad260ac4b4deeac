package iam

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreatePolicy makes a managed policy with its first version.
func (s *Service) CreatePolicy(_ context.Context, c *operation.Caller, in *api.CreatePolicyRequest) (*api.CreatePolicyResponse, error) {
	scope := c.Global()
	var p *Policy
	err := s.env.Store.Update(func(tx *state.Tx) error {
		path, err := pathOr(in.Path)
		if err != nil {
			return err
		}
		tags, err := newTags(in.Tags, cased)
		if err != nil {
			return err
		}
		if err := checkManagedPolicy(*in.PolicyDocument); err != nil {
			return err
		}
		now := s.now()
		p = &Policy{
			Name: *in.PolicyName, Path: path, ID: uniqueID("ANPA"), Owner: c.Account,
			Description: awsapi.V(in.Description), Created: now, Updated: now,
			Versions: []Version{{1, now, *in.PolicyDocument}}, Default: 1, Last: 1, Tags: tags,
		}
		switch {
		case policies.Has(tx, scope, fold(p.Name)):
			return api.EntityAlreadyExistsException("A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		case policies.Len(tx, scope) >= quotaPolicies:
			return overQuota("PoliciesPerAccount", quotaPolicies)
		}
		policies.Put(tx, scope, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := p.brief(s.env.Store.View(), scope)
	shown.Tags = echo(in.Tags)
	return &api.CreatePolicyResponse{Policy: shown}, nil
}

// attachments counts who has the policy, and whose boundary it is.
func attachments(tx *state.Tx, scope state.Scope, arn string) (attached, bounding int) {
	attached = count(usersWith.Get(tx, scope, arn)) + count(groupsWith.Get(tx, scope, arn)) + count(rolesWith.Get(tx, scope, arn))
	bounding = count(usersWithin.Get(tx, scope, arn)) + count(rolesWithin.Get(tx, scope, arn))
	return attached, bounding
}

// brief is a policy as lists tell it: without description and tags.
func (p *Policy) brief(tx *state.Tx, scope state.Scope) *api.Policy {
	attached, bounding := attachments(tx, scope, p.ARN())
	return &api.Policy{
		Arn:                           new(p.ARN()),
		AttachmentCount:               new(attached),
		CreateDate:                    new(p.Created),
		DefaultVersionId:              new(versionID(p.Default)),
		IsAttachable:                  new(true),
		Path:                          new(p.Path),
		PermissionsBoundaryUsageCount: new(bounding),
		PolicyId:                      given(p.ID),
		PolicyName:                    new(p.Name),
		UpdateDate:                    new(p.Updated),
	}
}

// GetPolicy tells a managed policy without its document.
func (s *Service) GetPolicy(_ context.Context, c *operation.Caller, in *api.GetPolicyRequest) (*api.GetPolicyResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	p, err := findPolicy(tx, scope, *in.PolicyArn, noPolicy)
	if err != nil {
		return nil, err
	}
	shown := p.brief(tx, scope)
	shown.Description = given(p.Description)
	shown.Tags = tagList(p.Tags)
	return &api.GetPolicyResponse{Policy: shown}, nil
}

func findPolicy(tx *state.Tx, scope state.Scope, arn string, missing func(string) error) (*Policy, error) {
	if err := policyARN(arn); err != nil {
		return nil, err
	}
	p, ok := PolicyByARN(tx, scope, arn)
	if !ok {
		return nil, missing(arn)
	}
	return p, nil
}

// ownPolicy is a policy that the account may change.
func ownPolicy(tx *state.Tx, scope state.Scope, arn string) (*Policy, error) {
	p, err := findPolicy(tx, scope, arn, noPolicy)
	if err != nil {
		return nil, err
	}
	if p.Owner != scope.Account {
		return nil, awsapi.Errorf("AccessDenied", 403, "The policy %s is AWS's own and cannot be changed.", arn)
	}
	return p, nil
}

// ListPolicies lists the account's and AWS's managed policies, in the order of
// their ARNs.
func (s *Service) ListPolicies(_ context.Context, c *operation.Caller, in *api.ListPoliciesRequest) (*api.ListPoliciesResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	rows := under(managedPolicies(tx, scope, in.Scope), in.PathPrefix, func(p *Policy) string { return p.Path })
	rows = only(rows, func(p *Policy) bool {
		attached, bounding := attachments(tx, scope, p.ARN())
		switch {
		case in.PolicyUsageFilter == api.PolicyUsageTypePermissionsPolicy:
			return attached > 0
		case in.PolicyUsageFilter == api.PolicyUsageTypePermissionsBoundary:
			return bounding > 0
		}
		return !awsapi.V(in.OnlyAttached) || attached+bounding > 0
	})
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, (*Policy).ARN)
	if err != nil {
		return nil, err
	}
	return &api.ListPoliciesResponse{
		Policies:    convert(list, func(p *Policy) api.Policy { return *p.brief(tx, scope) }),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// managedPolicies is the policies of a scope in the order of their ARNs.
func managedPolicies(tx *state.Tx, scope state.Scope, which api.PolicyScopeType) iter.Seq[*Policy] {
	var list []*Policy
	if which != api.PolicyScopeTypeAws {
		list = slices.AppendSeq(list, policies.All(tx, scope))
	}
	if which != api.PolicyScopeTypeLocal {
		list = append(list, managedAll()...)
	}
	return ordered(slices.Values(list), (*Policy).ARN)
}

// DeletePolicy deletes a policy that nobody has and that has but one version.
func (s *Service) DeletePolicy(_ context.Context, c *operation.Caller, in *api.DeletePolicyRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, err := ownPolicy(tx, scope, *in.PolicyArn)
		if err != nil {
			return err
		}
		attached, bounding := attachments(tx, scope, *in.PolicyArn)
		switch {
		case attached+bounding > 0:
			return api.DeleteConflictException("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return api.DeleteConflictException("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		policies.Delete(tx, scope, fold(p.Name))
		return nil
	}))
}

func versionID(number int) string { return "v" + strconv.Itoa(number) }

func versionNumber(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "v"))
	if err != nil {
		return 0 // no version is numbered 0
	}
	return n
}
