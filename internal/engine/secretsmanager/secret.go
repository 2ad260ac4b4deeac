package secretsmanager

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

var nameForm = lazyregexp.New(`^[a-zA-Z0-9/_+=.@!-]+$`)

func checkCreate(in *api.CreateSecretRequest) error {
	switch {
	case !nameForm.MatchString(*in.Name):
		return api.InvalidParameterException("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case in.Type != nil:
		return api.InvalidRequestException("Managed external secrets are not served by the slipway engine; leave Type out.")
	}
	return checkTags(setOf(in.Tags))
}

// CreateSecret makes a secret, with its first version if a value is given.
func (s *Service) CreateSecret(_ context.Context, c *operation.Caller, in *api.CreateSecretRequest) (*api.CreateSecretResponse, error) {
	value, err := contentOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if err := checkCreate(in); err != nil {
		return nil, err
	}
	out := &api.CreateSecretResponse{Name: in.Name}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		row, exists := Secrets.Get(tx, c.Scope(), *in.Name)
		if exists {
			if err := s.again(tx, c.Scope(), row, in.ClientRequestToken, value); err != nil {
				return err
			}
			out.ARN, out.VersionId = new(ARN(c.Scope(), row)), in.ClientRequestToken
			return nil
		}
		now := s.env.Now()
		row = &Secret{
			Name: *in.Name, Suffix: ids.Letters(6), Description: awsapi.V(in.Description), KMSKey: awsapi.V(in.KmsKeyId), Tags: setOf(in.Tags),
			Created: now, Changed: now,
		}
		if value != nil {
			v, err := s.add(tx, c.Scope(), row, in.ClientRequestToken, value, current)
			if err != nil {
				return err
			}
			out.VersionId = &v.ID
		}
		if err := replicate(tx, c.Scope(), row, in.AddReplicaRegions, awsapi.V(in.ForceOverwriteReplicaSecret)); err != nil {
			return err
		}
		out.ARN, out.ReplicationStatus = new(ARN(c.Scope(), row)), row.replication(tx, c.Scope())
		Secrets.Put(tx, c.Scope(), row)
		copies(tx, c.Scope(), row)
		return nil
	})
}

// again is the error for a secret that exists, and none for a request that made
// it and is sent once more.
func (s *Service) again(tx *state.Tx, scope state.Scope, row *Secret, token *string, value *content) error {
	switch {
	case row.deleted():
		return api.InvalidRequestException("You can't create this secret because a secret with this name is already scheduled for deletion.")
	case value != nil && token != nil && row.version(*token) != nil:
		_, err := s.add(tx, scope, row, token, value)
		return err
	}
	return api.ResourceExistsException("The operation failed because the secret %s already exists.", row.Name)
}

// DescribeSecret is all about a secret but its value.
func (s *Service) DescribeSecret(_ context.Context, c *operation.Caller, in *api.DescribeSecretRequest) (*api.DescribeSecretResponse, error) {
	tx := s.env.Store.View()
	scope, row, err := one(tx, c, in.SecretId)
	if err != nil {
		return nil, err
	}
	return &api.DescribeSecretResponse{
		ARN: new(ARN(scope, row)), Name: &row.Name, Description: optional(row.Description), KmsKeyId: optional(row.KMSKey), Tags: tagsOf(row),
		CreatedDate: &row.Created, LastChangedDate: &row.Changed, LastAccessedDate: when(row.Accessed), DeletedDate: when(row.Deletion),
		VersionIdsToStages: row.stages(), PrimaryRegion: row.primary(scope.Region), ReplicationStatus: row.replication(tx, scope),
	}, nil
}

// UpdateSecret changes a secret's description and key, and with a value gives it
// a new current version.
func (s *Service) UpdateSecret(_ context.Context, c *operation.Caller, in *api.UpdateSecretRequest) (*api.UpdateSecretResponse, error) {
	if in.Type != nil {
		return nil, api.InvalidRequestException("Managed external secrets are not served by the slipway engine; leave Type out.")
	}
	value, err := contentOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	out := &api.UpdateSecretResponse{}
	out.Name, out.ARN, err = s.change(c, in.SecretId, func(tx *state.Tx, scope state.Scope, row *Secret) error {
		if in.Description != nil {
			row.Description = *in.Description
		}
		if in.KmsKeyId != nil {
			row.KMSKey = *in.KmsKeyId
		}
		if value == nil {
			return nil
		}
		v, err := s.add(tx, scope, row, in.ClientRequestToken, value, current)
		if err == nil {
			out.VersionId = &v.ID
		}
		return err
	})
	return out, err
}
