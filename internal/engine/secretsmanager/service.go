// Package secretsmanager is AWS Secrets Manager: secrets with versions and
// staging labels, deletion with a recovery window, random passwords, resource
// policies and tags. Values are sealed at rest.
//
// Not served, and refused by name: rotation, which needs a Lambda function to
// call, and partners' managed external secrets. A KMS key is kept and echoed; what
// seals is the engine's vault.
//
// Called by the engine's chain; tasks read their secrets through Read.
package secretsmanager

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Permissions tells what callers may do, for operations that answer for each
// secret by itself.
type Permissions interface {
	// Allowed is "" for a caller who may do what is needed, and otherwise IAM's
	// message.
	Allowed(tx *state.Tx, c *operation.Caller, needs []operation.Need) (refusal string)
}

// Service serves the operations.
type Service struct {
	env         *operation.Env
	permissions Permissions
}

// New is the service.
func New(env *operation.Env, permissions Permissions) *Service {
	return &Service{env: env, permissions: permissions}
}

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("CreateSecret", needsCreate, s.CreateSecret),
		operation.Bind("DescribeSecret", on("DescribeSecret", func(in *api.DescribeSecretRequest) *string { return in.SecretId }), s.DescribeSecret),
		operation.Bind("UpdateSecret", needsUpdate, s.UpdateSecret),
		operation.Bind("ListSecrets", operation.Everything[api.ListSecretsRequest]("secretsmanager:ListSecrets"), s.ListSecrets),
		operation.Bind("DeleteSecret", needsDelete, s.DeleteSecret),
		operation.Bind("RestoreSecret", on("RestoreSecret", func(in *api.RestoreSecretRequest) *string { return in.SecretId }), s.RestoreSecret),

		operation.Bind("PutSecretValue", on("PutSecretValue", func(in *api.PutSecretValueRequest) *string { return in.SecretId }), s.PutSecretValue),
		operation.Bind("GetSecretValue", needsGet, s.GetSecretValue),
		operation.Bind("BatchGetSecretValue", needsBatch, s.BatchGetSecretValue),
		operation.Bind("ListSecretVersionIds", on("ListSecretVersionIds", func(in *api.ListSecretVersionIdsRequest) *string { return in.SecretId }), s.ListSecretVersionIds),
		operation.Bind("UpdateSecretVersionStage", needsStage, s.UpdateSecretVersionStage),
		operation.Bind("GetRandomPassword", operation.Everything[api.GetRandomPasswordRequest]("secretsmanager:GetRandomPassword"), s.GetRandomPassword),

		operation.Bind("ReplicateSecretToRegions", needsReplicate, s.ReplicateSecretToRegions),
		operation.Bind("RemoveRegionsFromReplication", on("RemoveRegionsFromReplication", func(in *api.RemoveRegionsFromReplicationRequest) *string { return in.SecretId }), s.RemoveRegionsFromReplication),
		operation.Bind("StopReplicationToReplica", on("StopReplicationToReplica", func(in *api.StopReplicationToReplicaRequest) *string { return in.SecretId }), s.StopReplicationToReplica),

		operation.Bind("PutResourcePolicy", needsPolicy, s.PutResourcePolicy),
		operation.Bind("GetResourcePolicy", on("GetResourcePolicy", func(in *api.GetResourcePolicyRequest) *string { return in.SecretId }), s.GetResourcePolicy),
		operation.Bind("DeleteResourcePolicy", on("DeleteResourcePolicy", func(in *api.DeleteResourcePolicyRequest) *string { return in.SecretId }), s.DeleteResourcePolicy),
		operation.Bind("ValidateResourcePolicy", on("ValidateResourcePolicy", func(in *api.ValidateResourcePolicyRequest) *string { return in.SecretId }), s.ValidateResourcePolicy),
		operation.Bind("TagResource", needsTag, s.TagResource),
		operation.Bind("UntagResource", needsUntag, s.UntagResource),
	}
}

func notFound() *awsapi.Error {
	return api.ResourceNotFoundException("Secrets Manager can't find the specified secret.")
}

func marked() *awsapi.Error {
	return api.InvalidRequestException("You can't perform this operation on the secret because it was marked for deletion.")
}
