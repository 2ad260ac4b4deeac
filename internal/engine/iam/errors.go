package iam

import (
	"errors"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/policy"
)

// The words here are IAM's own, as recorded from the service; clients match
// some of them.

func noUser(name string) error {
	return api.NoSuchEntityException("The user with name %s cannot be found.", name)
}

func noGroup(name string) error {
	return api.NoSuchEntityException("The group with name %s cannot be found.", name)
}

func noRole(name string) error {
	return api.NoSuchEntityException("The role with name %s cannot be found.", name)
}

func noProfile(name string) error {
	return api.NoSuchEntityException("Instance Profile %s cannot be found.", name)
}

func noKey(id string) error {
	return api.NoSuchEntityException("The Access Key with id %s cannot be found.", id)
}

// noPolicy is said where a policy is managed, notAttachable where it is used.
func noPolicy(arn string) error { return api.NoSuchEntityException("Policy %s was not found.", arn) }

func notAttachable(arn string) error {
	return api.NoSuchEntityException("Policy %s does not exist or is not attachable.", arn)
}

func exists(kind, name string) error {
	return api.EntityAlreadyExistsException("%s with name %s already exists.", kind, name)
}

func conflict(words string) error {
	return api.DeleteConflictException("Cannot delete entity, %s first.", words)
}

func overQuota(name string, most int) error {
	return api.LimitExceededException("Cannot exceed quota for %s: %d", name, most)
}

func invalid(format string, args ...any) error {
	return awsapi.Errorf("ValidationError", 400, format, args...)
}

// malformed turns a policy document's error into AWS's.
func malformed(err error) error {
	if m, ok := errors.AsType[*policy.Malformed](err); ok {
		return api.MalformedPolicyDocumentException("%s", m.Message)
	}
	return err
}
