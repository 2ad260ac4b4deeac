package iam

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateInstanceProfile makes an instance profile, as yet without a role.
func (s *Service) CreateInstanceProfile(_ context.Context, c *operation.Caller, in *api.CreateInstanceProfileRequest) (*api.CreateInstanceProfileResponse, error) {
	scope := c.Global()
	var p *InstanceProfile
	err := s.env.Store.Update(func(tx *state.Tx) error {
		path, err := pathOr(in.Path)
		if err != nil {
			return err
		}
		tags, err := newTags(in.Tags, cased)
		if err != nil {
			return err
		}
		p = &InstanceProfile{Name: *in.InstanceProfileName, Path: path, ID: uniqueID("AIPA"), Created: s.now(), Tags: tags}
		switch {
		case profiles.Has(tx, scope, fold(p.Name)):
			return api.EntityAlreadyExistsException("Instance Profile %s already exists.", p.Name)
		case profiles.Len(tx, scope) >= quotaProfiles:
			return overQuota("InstanceProfilesPerAccount", quotaProfiles)
		}
		profiles.Put(tx, scope, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := p.shown(s.env.Store.View(), scope)
	shown.Tags = echo(in.Tags)
	return &api.CreateInstanceProfileResponse{InstanceProfile: shown}, nil
}

// shown is the profile as lists tell it: without tags.
func (p *InstanceProfile) shown(tx *state.Tx, scope state.Scope) *api.InstanceProfile {
	shown := &api.InstanceProfile{
		Arn:                 new(p.ARN(scope)),
		CreateDate:          new(p.Created),
		InstanceProfileId:   new(p.ID),
		InstanceProfileName: new(p.Name),
		Path:                new(p.Path),
		Roles:               []api.Role{},
	}
	if r, ok := roles.Get(tx, scope, fold(p.Role)); ok {
		shown.Roles = append(shown.Roles, *r.brief(tx, scope))
	}
	return shown
}

// GetInstanceProfile tells an instance profile and its role.
func (s *Service) GetInstanceProfile(_ context.Context, c *operation.Caller, in *api.GetInstanceProfileRequest) (*api.GetInstanceProfileResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	p, err := findProfile(tx, scope, *in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	shown := p.shown(tx, scope)
	shown.Tags = tagList(p.Tags)
	return &api.GetInstanceProfileResponse{InstanceProfile: shown}, nil
}

// ListInstanceProfiles lists instance profiles.
func (s *Service) ListInstanceProfiles(_ context.Context, c *operation.Caller, in *api.ListInstanceProfilesRequest) (*api.ListInstanceProfilesResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	rows := under(profiles.All(tx, scope), in.PathPrefix, func(p *InstanceProfile) string { return p.Path })
	list, marker, truncated, err := page(rows, in.Marker, in.MaxItems, profiles.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListInstanceProfilesResponse{
		InstanceProfiles: convert(list, func(p *InstanceProfile) api.InstanceProfile { return *p.shown(tx, scope) }),
		IsTruncated:      truncated, Marker: marker,
	}, nil
}

// ListInstanceProfilesForRole lists the instance profiles that have a role.
func (s *Service) ListInstanceProfilesForRole(_ context.Context, c *operation.Caller, in *api.ListInstanceProfilesForRoleRequest) (*api.ListInstanceProfilesForRoleResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	r, err := findRole(tx, scope, *in.RoleName)
	if err != nil {
		return nil, err
	}
	list, marker, truncated, err := page(profilesOf.Get(tx, scope, fold(r.Name)), in.Marker, in.MaxItems, profiles.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListInstanceProfilesForRoleResponse{
		InstanceProfiles: convert(list, func(p *InstanceProfile) api.InstanceProfile { return *p.shown(tx, scope) }),
		IsTruncated:      truncated, Marker: marker,
	}, nil
}

// DeleteInstanceProfile deletes an instance profile without a role.
func (s *Service) DeleteInstanceProfile(_ context.Context, c *operation.Caller, in *api.DeleteInstanceProfileRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, err := findProfile(tx, scope, *in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return conflict("must remove roles from instance profile")
		}
		profiles.Delete(tx, scope, fold(p.Name))
		return nil
	}))
}

// AddRoleToInstanceProfile gives an instance profile its one role.
func (s *Service) AddRoleToInstanceProfile(_ context.Context, c *operation.Caller, in *api.AddRoleToInstanceProfileRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, r, err := profileAndRole(tx, scope, *in.InstanceProfileName, *in.RoleName)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return overQuota("InstanceSessionsPerInstanceProfile", 1)
		}
		profiles.Change(tx, scope, fold(p.Name), func(p *InstanceProfile) { p.Role = r.Name })
		return nil
	}))
}

// RemoveRoleFromInstanceProfile takes the role out of an instance profile.
func (s *Service) RemoveRoleFromInstanceProfile(_ context.Context, c *operation.Caller, in *api.RemoveRoleFromInstanceProfileRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, r, err := profileAndRole(tx, scope, *in.InstanceProfileName, *in.RoleName)
		if err != nil {
			return err
		}
		if !strings.EqualFold(p.Role, r.Name) {
			return api.NoSuchEntityException("Role %s in Instance Profile %s cannot be found.", r.Name, p.Name)
		}
		profiles.Change(tx, scope, fold(p.Name), func(p *InstanceProfile) { p.Role = "" })
		return nil
	}))
}

func profileAndRole(tx *state.Tx, scope state.Scope, profile, role string) (*InstanceProfile, *Role, error) {
	p, err := findProfile(tx, scope, profile)
	if err != nil {
		return nil, nil, err
	}
	r, err := findRole(tx, scope, role)
	return p, r, err
}
