package applicationautoscaling

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func checkTags(tags tagging.Set) error {
	if len(tags) > tagging.Most {
		return api.TooManyTagsException("A scalable target has at most %d tags", tagging.Most)
	}
	if err := tags.Check(); err != nil {
		return api.ValidationException("%s", err)
	}
	return nil
}

func tagged(tx *state.Tx, scope state.Scope, name *string) (*Target, error) {
	t, ok := byARN.One(tx, scope, awsapi.V(name))
	if !ok {
		return nil, api.ResourceNotFoundException("The resource doesn't exist: %s", awsapi.V(name))
	}
	return t, nil
}

func (s *Service) retag(c *operation.Caller, name *string, change func(tagging.Set) tagging.Set) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		t, err := tagged(tx, c.Scope(), name)
		if err != nil {
			return err
		}
		tags := change(t.Tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		Targets.Change(tx, c.Scope(), t.Resource, func(t *Target) { t.Tags = tags })
		return nil
	})
}

// TagResource puts tags on a target.
func (s *Service) TagResource(_ context.Context, c *operation.Caller, in *api.TagResourceRequest) (*api.TagResourceResponse, error) {
	return &api.TagResourceResponse{}, s.retag(c, in.ResourceARN, func(old tagging.Set) tagging.Set { return old.With(in.Tags) })
}

// UntagResource removes tags.
func (s *Service) UntagResource(_ context.Context, c *operation.Caller, in *api.UntagResourceRequest) (*api.UntagResourceResponse, error) {
	return &api.UntagResourceResponse{}, s.retag(c, in.ResourceARN, func(old tagging.Set) tagging.Set { return old.Without(in.TagKeys...) })
}

// ListTagsForResource tells a target's tags.
func (s *Service) ListTagsForResource(_ context.Context, c *operation.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	t, err := tagged(s.env.Store.View(), c.Scope(), in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags := map[string]string(t.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	return &api.ListTagsForResourceResponse{Tags: tags}, nil
}
