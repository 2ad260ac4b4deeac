package ecs

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

// newTags are the tags that a request gives to what it makes.
func newTags(tags []api.Tag) (tagging.Set, error) {
	set := setOf(tags)
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(awsapi.V(t.Value)), "aws:") {
			return nil, api.InvalidParameterException("Tag values that begin with aws: are reserved.")
		}
	}
	if len(set) != len(tags) {
		return nil, api.InvalidParameterException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	}
	if err := set.Check(); err != nil {
		return nil, api.InvalidParameterException("%s", err)
	}
	return set, nil
}

// tagList is the tags as they are described, [] for none.
func tagList(set tagging.Set) []api.Tag {
	return tagging.List(set, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })
}

// tagged is a resource that has tags.
type tagged struct {
	tags tagging.Set
	put  func(tx *state.Tx, tags tagging.Set)
}

// resource finds what has the ARN.
func resource(tx *state.Tx, scope state.Scope, ref string) (tagged, error) {
	a, ok := arn.Parse(ref)
	if !ok || a.Service != "ecs" {
		return tagged{}, api.InvalidParameterException("Invalid resource ARN: %s.", ref)
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	if a.Scope() == scope {
		if t, ok := taggedAs(tx, scope, kind, rest); ok {
			return t, nil
		}
	}
	if kind == "cluster" {
		return tagged{}, api.ClusterNotFoundException("Cluster not found.")
	}
	return tagged{}, api.ResourceNotFoundException("The specified %s was not found. Specify a valid ARN and try again.", strings.ReplaceAll(kind, "-", " "))
}

func taggedAs(tx *state.Tx, scope state.Scope, kind, rest string) (tagged, bool) {
	switch kind {
	case "cluster":
		if r, ok := Clusters.Get(tx, scope, rest); ok && r.Status != Inactive {
			return tagged{r.Tags, func(tx *state.Tx, t tagging.Set) { Clusters.Change(tx, scope, rest, func(r *Cluster) { r.Tags = t }) }}, true
		}
	case "service":
		if r, ok := Services.Get(tx, scope, rest); ok && r.Status != Inactive {
			return tagged{r.Tags, func(tx *state.Tx, t tagging.Set) {
				Services.Change(tx, scope, rest, func(r *ServiceRow) { r.Tags = t })
			}}, true
		}
	case "task":
		if r, ok := Tasks.Get(tx, scope, rest); ok {
			return tagged{r.Tags, func(tx *state.Tx, t tagging.Set) { Tasks.Change(tx, scope, rest, func(r *Task) { r.Tags = t }) }}, true
		}
	case "container-instance":
		if r, ok := Instances.Get(tx, scope, rest); ok && r.Status != Inactive {
			return tagged{r.Tags, func(tx *state.Tx, t tagging.Set) { Instances.Change(tx, scope, rest, func(r *Instance) { r.Tags = t }) }}, true
		}
	case "capacity-provider":
		if r, ok := CapacityProviders.Get(tx, scope, rest); ok && r.Status == api.CapacityProviderStatusActive {
			return tagged{r.Tags, func(tx *state.Tx, t tagging.Set) {
				CapacityProviders.Change(tx, scope, rest, func(r *CapacityProvider) { r.Tags = t })
			}}, true
		}
	case "task-definition":
		if r, ok := DefinitionOf(tx, scope, rest); ok {
			return tagged{r.Tags, func(tx *state.Tx, t tagging.Set) {
				Definitions.Change(tx, scope, Definitions.Key(r), func(r *Definition) { r.Tags = t })
			}}, true
		}
	}
	return tagged{}, false
}

// TagResource puts tags on a resource over those that it has.
func (s *Service) TagResource(_ context.Context, c *operation.Caller, in *api.TagResourceRequest) (*api.TagResourceResponse, error) {
	scope := c.Scope()
	set, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return &api.TagResourceResponse{}, s.env.Store.Update(func(tx *state.Tx) error {
		r, err := resource(tx, scope, *in.ResourceArn)
		if err != nil {
			return err
		}
		all := r.tags.With(set)
		if n := custom(all); n > tagging.Most {
			return api.InvalidParameterException("a resource has at most %d tags, not %d", tagging.Most, n)
		}
		r.put(tx, all)
		return nil
	})
}

// custom counts the tags that are not AWS's own (aws:ecs:clusterName).
func custom(set tagging.Set) (n int) {
	for k := range set {
		if !strings.HasPrefix(k, "aws:") {
			n++
		}
	}
	return n
}

// UntagResource takes tags off a resource.
func (s *Service) UntagResource(_ context.Context, c *operation.Caller, in *api.UntagResourceRequest) (*api.UntagResourceResponse, error) {
	scope := c.Scope()
	for _, k := range in.TagKeys {
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, api.InvalidParameterException("tag keys that begin with aws: are reserved, %q is one", k)
		}
	}
	return &api.UntagResourceResponse{}, s.env.Store.Update(func(tx *state.Tx) error {
		r, err := resource(tx, scope, *in.ResourceArn)
		if err != nil {
			return err
		}
		r.put(tx, r.tags.Without(in.TagKeys...))
		return nil
	})
}

// ListTagsForResource is a resource's tags.
func (s *Service) ListTagsForResource(_ context.Context, c *operation.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	r, err := resource(s.env.View(c), c.Scope(), *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceResponse{Tags: tagList(r.tags)}, nil
}
