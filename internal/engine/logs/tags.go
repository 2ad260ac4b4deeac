package logs

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// TagLogGroup adds tags to a group.
func (s *Service) TagLogGroup(_ context.Context, c *operation.Caller, in *api.TagLogGroupRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.tag(c, in.LogGroupName, in.Tags)
}

// UntagLogGroup takes tags off a group.
func (s *Service) UntagLogGroup(_ context.Context, c *operation.Caller, in *api.UntagLogGroupRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.change(c, in.LogGroupName, func(g *Group) { g.Tags = g.Tags.Without(in.Tags...) })
}

// ListTagsLogGroup lists a group's tags.
func (s *Service) ListTagsLogGroup(_ context.Context, c *operation.Caller, in *api.ListTagsLogGroupRequest) (*api.ListTagsLogGroupResponse, error) {
	g, err := group(s.env.Store.View(), c.Scope(), in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsLogGroupResponse{Tags: listed(g.Tags)}, nil
}

// TagResource adds tags to a group, by ARN.
func (s *Service) TagResource(_ context.Context, c *operation.Caller, in *api.TagResourceRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.tag(c, in.ResourceArn, in.Tags)
}

// UntagResource takes tags off a group, by ARN.
func (s *Service) UntagResource(_ context.Context, c *operation.Caller, in *api.UntagResourceRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.change(c, in.ResourceArn, func(g *Group) { g.Tags = g.Tags.Without(in.TagKeys...) })
}

// ListTagsForResource lists a group's tags, by ARN.
func (s *Service) ListTagsForResource(_ context.Context, c *operation.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	g, err := group(s.env.Store.View(), c.Scope(), in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceResponse{Tags: listed(g.Tags)}, nil
}

func (s *Service) tag(c *operation.Caller, name *string, tags map[string]string) error {
	var wrong error
	err := s.change(c, name, func(g *Group) {
		all := g.Tags.With(tags)
		if wrong = all.Check(); wrong == nil {
			g.Tags = all
		}
	})
	if err == nil && wrong != nil {
		return api.InvalidParameterException("%s", wrong)
	}
	return err
}

func listed(tags tagging.Set) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}
