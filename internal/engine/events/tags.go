package events

import (
	"context"

	api "github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func (s *Service) retag(c *operation.Caller, ref *string, change func(tagging.Set) tagging.Set) error {
	name := nameIn(ref)
	return s.change(c, &name, nil, func(_ *state.Tx, r *Rule) error {
		r.Tags = change(r.Tags)
		if err := r.Tags.Check(); err != nil {
			return invalid("%s", err)
		}
		return nil
	})
}

// TagResource puts tags on a rule.
func (s *Service) TagResource(_ context.Context, c *operation.Caller, in *api.TagResourceRequest) (*api.TagResourceResponse, error) {
	return &api.TagResourceResponse{}, s.retag(c, in.ResourceARN, func(old tagging.Set) tagging.Set { return old.With(setOf(in.Tags)) })
}

// UntagResource removes tags.
func (s *Service) UntagResource(_ context.Context, c *operation.Caller, in *api.UntagResourceRequest) (*api.UntagResourceResponse, error) {
	return &api.UntagResourceResponse{}, s.retag(c, in.ResourceARN, func(old tagging.Set) tagging.Set { return old.Without(in.TagKeys...) })
}

// ListTagsForResource tells a rule's tags.
func (s *Service) ListTagsForResource(_ context.Context, c *operation.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	name := nameIn(in.ResourceARN)
	r, err := find(s.env.Store.View(), c.Scope(), &name, nil)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceResponse{Tags: tagging.List(r.Tags, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })}, nil
}
