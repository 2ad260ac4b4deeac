package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// keyCase tells whether the keys of two tags may differ in case only. Those of
// users and roles may not, because condition keys are caseless; those of the
// other resources may.
type keyCase bool

const (
	caseless keyCase = true
	cased    keyCase = false
)

func (k keyCase) same(a, b string) bool {
	return a == b || k == caseless && strings.EqualFold(a, b)
}

// newTags checks tags that a request gives.
func newTags(list []api.Tag, k keyCase) (tagging.Set, error) {
	for i, t := range list {
		if slices.ContainsFunc(list[:i], func(o api.Tag) bool { return k.same(*o.Key, *t.Key) }) {
			if k == caseless {
				return nil, api.InvalidInputException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
			return nil, api.InvalidInputException("Duplicate tag keys found.")
		}
		if strings.HasPrefix(strings.ToLower(*t.Key), "aws:") {
			return nil, api.InvalidInputException("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return tagging.Of(list, split), nil
}

func split(t api.Tag) (key, value *string) { return t.Key, t.Value }

// echo is the tags in the order of the request, as the creating operations
// return them; nil for none.
func echo(list []api.Tag) []api.Tag {
	if len(list) == 0 {
		return nil
	}
	return list
}

func tagList(set tagging.Set) []api.Tag {
	return tagging.List(set, func(k, v string) api.Tag { return api.Tag{Key: new(k), Value: new(v)} })
}

// merged puts tags over others. Of two keys that are the same to k the new
// one's spelling stays.
func merged(old, given tagging.Set, k keyCase) (tagging.Set, error) {
	all := old.With(nil)
	for _, key := range given.Keys() {
		for _, had := range old.Keys() {
			if k.same(had, key) {
				delete(all, had)
			}
		}
		all[key] = given[key]
	}
	if len(all) > quotaTags {
		return nil, api.LimitExceededException("The number of tags has reached the maximum limit.")
	}
	return all, nil
}

func removed(old tagging.Set, names []string, k keyCase) tagging.Set {
	all := old.With(nil)
	for key := range old {
		if slices.ContainsFunc(names, func(n string) bool { return k.same(n, key) }) {
			delete(all, key)
		}
	}
	return all
}

// taggable is a kind of resource that has tags.
type taggable[T any] struct {
	table *state.Table[T]
	keys  keyCase
	tags  func(*T) *tagging.Set
	// find is the key of the row that a request names.
	find func(tx *state.Tx, scope state.Scope, name string) (key string, err error)
}

var (
	userTags = taggable[User]{users, caseless, func(u *User) *tagging.Set { return &u.Tags },
		func(tx *state.Tx, scope state.Scope, name string) (string, error) {
			_, err := findUser(tx, scope, name)
			return fold(name), err
		}}
	roleTags = taggable[Role]{roles, caseless, func(r *Role) *tagging.Set { return &r.Tags },
		func(tx *state.Tx, scope state.Scope, name string) (string, error) {
			_, err := findRole(tx, scope, name) // service-linked roles take tags, too
			return fold(name), err
		}}
	profileTags = taggable[InstanceProfile]{profiles, cased, func(p *InstanceProfile) *tagging.Set { return &p.Tags },
		func(tx *state.Tx, scope state.Scope, name string) (string, error) {
			_, err := findProfile(tx, scope, name)
			return fold(name), err
		}}
	policyTags = taggable[Policy]{policies, cased, func(p *Policy) *tagging.Set { return &p.Tags },
		func(tx *state.Tx, scope state.Scope, name string) (string, error) {
			p, err := ownPolicy(tx, scope, name)
			if err != nil {
				return "", err
			}
			return policies.Key(p), nil
		}}
	providerTags = taggable[Provider]{providers, cased, func(p *Provider) *tagging.Set { return &p.Tags },
		func(tx *state.Tx, scope state.Scope, name string) (string, error) {
			p, err := findProvider(tx, scope, name)
			if err != nil {
				return "", err
			}
			return p.Host, nil
		}}
)

func (t taggable[T]) put(s *Service, c *operation.Caller, name *string, list []api.Tag) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		key, err := t.find(tx, scope, *name)
		if err != nil {
			return err
		}
		given, err := newTags(list, t.keys)
		if err != nil {
			return err
		}
		row, _ := t.table.Get(tx, scope, key)
		all, err := merged(*t.tags(row), given, t.keys)
		if err != nil {
			return err
		}
		t.table.Change(tx, scope, key, func(row *T) { *t.tags(row) = all })
		return nil
	}))
}

func (t taggable[T]) drop(s *Service, c *operation.Caller, name *string, names []string) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		key, err := t.find(tx, scope, *name)
		if err != nil {
			return err
		}
		t.table.Change(tx, scope, key, func(row *T) { *t.tags(row) = removed(*t.tags(row), names, t.keys) })
		return nil
	}))
}

func (t taggable[T]) list(s *Service, c *operation.Caller, name, marker *string, most *int) (tags []api.Tag, next *string, truncated *bool, err error) {
	tx, scope := s.env.Store.View(), c.Global()
	key, err := t.find(tx, scope, *name)
	if err != nil {
		return nil, nil, nil, err
	}
	row, _ := t.table.Get(tx, scope, key)
	return page(slices.Values(tagList(*t.tags(row))), marker, most, func(t api.Tag) string { return *t.Key })
}

// TagUser tags a user.
func (s *Service) TagUser(_ context.Context, c *operation.Caller, in *api.TagUserRequest) (*awsapi.Empty, error) {
	return userTags.put(s, c, in.UserName, in.Tags)
}

// UntagUser takes tags off a user.
func (s *Service) UntagUser(_ context.Context, c *operation.Caller, in *api.UntagUserRequest) (*awsapi.Empty, error) {
	return userTags.drop(s, c, in.UserName, in.TagKeys)
}

// ListUserTags lists a user's tags.
func (s *Service) ListUserTags(_ context.Context, c *operation.Caller, in *api.ListUserTagsRequest) (*api.ListUserTagsResponse, error) {
	tags, marker, truncated, err := userTags.list(s, c, in.UserName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListUserTagsResponse{Tags: tags, Marker: marker, IsTruncated: truncated}, nil
}

// TagRole tags a role.
func (s *Service) TagRole(_ context.Context, c *operation.Caller, in *api.TagRoleRequest) (*awsapi.Empty, error) {
	return roleTags.put(s, c, in.RoleName, in.Tags)
}

// UntagRole takes tags off a role.
func (s *Service) UntagRole(_ context.Context, c *operation.Caller, in *api.UntagRoleRequest) (*awsapi.Empty, error) {
	return roleTags.drop(s, c, in.RoleName, in.TagKeys)
}

// ListRoleTags lists a role's tags.
func (s *Service) ListRoleTags(_ context.Context, c *operation.Caller, in *api.ListRoleTagsRequest) (*api.ListRoleTagsResponse, error) {
	tags, marker, truncated, err := roleTags.list(s, c, in.RoleName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListRoleTagsResponse{Tags: tags, Marker: marker, IsTruncated: truncated}, nil
}

// TagPolicy tags a managed policy.
func (s *Service) TagPolicy(_ context.Context, c *operation.Caller, in *api.TagPolicyRequest) (*awsapi.Empty, error) {
	return policyTags.put(s, c, in.PolicyArn, in.Tags)
}

// UntagPolicy takes tags off a managed policy.
func (s *Service) UntagPolicy(_ context.Context, c *operation.Caller, in *api.UntagPolicyRequest) (*awsapi.Empty, error) {
	return policyTags.drop(s, c, in.PolicyArn, in.TagKeys)
}

// ListPolicyTags lists a managed policy's tags.
func (s *Service) ListPolicyTags(_ context.Context, c *operation.Caller, in *api.ListPolicyTagsRequest) (*api.ListPolicyTagsResponse, error) {
	tags, marker, truncated, err := policyTags.list(s, c, in.PolicyArn, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListPolicyTagsResponse{Tags: tags, Marker: marker, IsTruncated: truncated}, nil
}

// TagInstanceProfile tags an instance profile.
func (s *Service) TagInstanceProfile(_ context.Context, c *operation.Caller, in *api.TagInstanceProfileRequest) (*awsapi.Empty, error) {
	return profileTags.put(s, c, in.InstanceProfileName, in.Tags)
}

// UntagInstanceProfile takes tags off an instance profile.
func (s *Service) UntagInstanceProfile(_ context.Context, c *operation.Caller, in *api.UntagInstanceProfileRequest) (*awsapi.Empty, error) {
	return profileTags.drop(s, c, in.InstanceProfileName, in.TagKeys)
}

// ListInstanceProfileTags lists an instance profile's tags.
func (s *Service) ListInstanceProfileTags(_ context.Context, c *operation.Caller, in *api.ListInstanceProfileTagsRequest) (*api.ListInstanceProfileTagsResponse, error) {
	tags, marker, truncated, err := profileTags.list(s, c, in.InstanceProfileName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListInstanceProfileTagsResponse{Tags: tags, Marker: marker, IsTruncated: truncated}, nil
}

// TagOpenIDConnectProvider tags an OpenID Connect provider.
func (s *Service) TagOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.TagOpenIDConnectProviderRequest) (*awsapi.Empty, error) {
	return providerTags.put(s, c, in.OpenIDConnectProviderArn, in.Tags)
}

// UntagOpenIDConnectProvider takes tags off an OpenID Connect provider.
func (s *Service) UntagOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.UntagOpenIDConnectProviderRequest) (*awsapi.Empty, error) {
	return providerTags.drop(s, c, in.OpenIDConnectProviderArn, in.TagKeys)
}

// ListOpenIDConnectProviderTags lists an OpenID Connect provider's tags.
func (s *Service) ListOpenIDConnectProviderTags(_ context.Context, c *operation.Caller, in *api.ListOpenIDConnectProviderTagsRequest) (*api.ListOpenIDConnectProviderTagsResponse, error) {
	tags, marker, truncated, err := providerTags.list(s, c, in.OpenIDConnectProviderArn, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListOpenIDConnectProviderTagsResponse{Tags: tags, Marker: marker, IsTruncated: truncated}, nil
}
