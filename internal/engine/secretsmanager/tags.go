package secretsmanager

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func checkTags(tags tagging.Set) error {
	if err := tags.Check(); err != nil {
		return api.InvalidParameterException("%s", err)
	}
	return nil
}

// TagResource puts tags on a secret.
func (s *Service) TagResource(_ context.Context, c *operation.Caller, in *api.TagResourceRequest) (*awsapi.Empty, error) {
	return s.retag(c, in.SecretId, func(old tagging.Set) tagging.Set { return old.With(setOf(in.Tags)) })
}

// UntagResource takes tags off a secret.
func (s *Service) UntagResource(_ context.Context, c *operation.Caller, in *api.UntagResourceRequest) (*awsapi.Empty, error) {
	return s.retag(c, in.SecretId, func(old tagging.Set) tagging.Set { return old.With(nil).Without(in.TagKeys...) })
}

func (s *Service) retag(c *operation.Caller, id *string, change func(tagging.Set) tagging.Set) (*awsapi.Empty, error) {
	_, _, err := s.change(c, id, func(_ *state.Tx, _ state.Scope, row *Secret) error {
		row.Tags = change(row.Tags)
		return checkTags(row.Tags)
	})
	return &awsapi.Empty{}, err
}
