// Package executionrole fetches for a task what its execution role may read: the
// secrets that its containers name in valueFrom, from Secrets Manager and the
// Parameter Store, the credentials of private registries, and environment files. It asks IAM as the
// role's session, as the ECS agent's calls are asked; its errors are the agent's.
//
// Called by the scheduler before a task's containers start.
package executionrole

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/ssm"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// service is who assumes an execution role.
const service = "ecs-tasks.amazonaws.com"

// Roles is what of IAM is needed.
type Roles interface {
	// RoleTrusts tells whether the role lets the service assume it.
	RoleTrusts(tx *state.Tx, roleARN, service string) bool
	// Allowed is "" for a caller who may do what is needed, and otherwise IAM's
	// message.
	Allowed(tx *state.Tx, c *operation.Caller, needs []operation.Need) (refusal string)
}

// Registry is ECR's registry.
type Registry interface {
	// Own tells whether an image is in it.
	Own(image string) bool
	// Token is a password with the rights of a role's session.
	Token(roleARN, session string) string
}

// Fetcher fetches.
type Fetcher struct {
	Roles      Roles
	Images     Registry
	Parameters *ssm.Service
	Secrets    *secretsmanager.Service
	// Objects is the folder that stands for S3: a folder in it is a bucket.
	Objects string
}

// Task is whose secrets are fetched.
type Task struct {
	Scope state.Scope
	// Role is the execution role's ARN.
	Role string
	// ID names the role's session, as ECS's agent names it.
	ID string
	// Fargate tells on what the task runs: errors are worded differently.
	Fargate bool
}

// stopped is an error that is shown as a task's stop reason, in ECS's words.
type stopped string

func (s stopped) Error() string { return string(s) }

// assume is the role's session.
func (f *Fetcher) assume(tx *state.Tx, t Task) (*operation.Caller, error) {
	c, ok := iam.RoleCaller(tx, t.Role, t.ID)
	if !ok || !f.Roles.RoleTrusts(tx, t.Role, service) {
		return nil, stopped(fmt.Sprintf("ECS was unable to assume the role '%s' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.", t.Role))
	}
	c.Region, c.Secure, c.UserAgent = t.Scope.Region, true, "Amazon ECS"
	return c, nil
}

// Secret is what valueFrom names: a secret's ARN, with a JSON key, a version
// stage and a version id behind it or without, or a parameter's name or ARN.
func (f *Fetcher) Secret(_ context.Context, tx *state.Tx, t Task, from string) (string, error) {
	c, err := f.assume(tx, t)
	if err != nil {
		return "", err
	}
	a, isARN := arn.Parse(from)
	if !isARN || a.Service == "ssm" {
		value, err := f.parameter(tx, c, from)
		return value, pulling("unable to retrieve secrets from ssm: service call has been retried 1 time(s): %w", err)
	}
	if a.Service != "secretsmanager" {
		return "", pulling("unable to retrieve secret: %w", fmt.Errorf("%s names neither a secret nor a parameter", from))
	}
	value, err := f.secret(tx, c, from)
	return value, pulling("unable to retrieve secret from asm: %w", err)
}

// pulling says what could not be had in the words that stop a task.
func pulling(format string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "+format, err)
}

// answered is an error as an SDK's client shows it.
func answered(err error) error {
	e, ok := errors.AsType[*awsapi.Error](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%s: %s status code: 400, request id: %s", e.Code, e.Message, ids.UUID())
}

// allowed is an error for what the role may not do.
func (f *Fetcher) allowed(tx *state.Tx, c *operation.Caller, need operation.Need) error {
	if refusal := f.Roles.Allowed(tx, c, []operation.Need{need}); refusal != "" {
		return answered(awsapi.Errorf("AccessDeniedException", 400, "%s", refusal))
	}
	return nil
}

// parameter is a parameter's value, decrypted. An ARN may be of another region.
func (f *Fetcher) parameter(tx *state.Tx, c *operation.Caller, name string) (string, error) {
	there := *c
	if a, ok := arn.Parse(name); ok {
		there.Region = a.Region
	}
	if err := f.allowed(tx, &there, ssm.NeedOfValue(tx, &there, name)); err != nil {
		return "", err
	}
	if value, ok := f.Parameters.Read(tx, there.Scope(), name); ok {
		return value, nil
	}
	return "", fmt.Errorf("invalid ssm parameters: %s", name)
}

// reference is a valueFrom that names a secret.
type reference struct{ id, key, stage, version string }

// parse takes arn:aws:secretsmanager:region:account:secret:name:key:stage:version
// apart ("Pass Secrets Manager secrets through Amazon ECS environment variables"
// in the developer guide): either nothing follows the name or all three do, each
// of which may be empty.
func parse(from string) (reference, error) {
	parts := strings.Split(from, ":")
	switch len(parts) {
	case 7:
		return reference{id: from}, nil
	case 10:
		return reference{strings.Join(parts[:7], ":"), parts[7], parts[8], parts[9]}, nil
	}
	return reference{}, errors.New("unexpected ARN format with parameters when trying to retrieve ASM secret")
}

func (f *Fetcher) secret(tx *state.Tx, c *operation.Caller, from string) (string, error) {
	ref, err := parse(from)
	if err != nil {
		return "", err
	}
	value, err := f.read(tx, c, ref)
	if err != nil || ref.key == "" {
		return value, err
	}
	return member(value, ref.key)
}

func (f *Fetcher) read(tx *state.Tx, c *operation.Caller, ref reference) (string, error) {
	there := *c
	if a, ok := arn.Parse(ref.id); ok {
		there.Region = a.Region
	}
	err := f.allowed(tx, &there, secretsmanager.NeedOfValue(tx, &there, ref.id, ref.stage, ref.version))
	var value string
	text := true
	if err == nil {
		value, text, err = f.Secrets.Read(tx, &there, ref.id, ref.stage, ref.version)
	}
	if err != nil {
		return "", fmt.Errorf("service call has been retried 1 time(s): failed to fetch secret %s from secrets manager: %w", ref.id, answered(err))
	}
	if !text {
		return "", fmt.Errorf("secret %s holds binary data; a container's secret must be a SecretString", ref.id)
	}
	return value, nil
}

// member is a key's value in a secret that is a JSON object. What is no string
// is shown as ECS's agent shows it.
func member(secret, key string) (string, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(secret), &object); err != nil {
		return "", err
	}
	value, ok := object[key]
	if !ok {
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", key)
	}
	return fmt.Sprint(value), nil
}

// Registry is the user and password of a private registry, from the secret that
// a container's repositoryCredentials name.
func (f *Fetcher) Registry(_ context.Context, tx *state.Tx, t Task, parameter string) (user, password string, err error) {
	c, err := f.assume(tx, t)
	if err != nil {
		return "", "", err
	}
	const words = "unable to get registry auth from asm: %w"
	value, err := f.read(tx, c, reference{id: parameter})
	if err != nil {
		return "", "", pulling(words, err)
	}
	var login struct{ Username, Password string }
	if err := json.Unmarshal([]byte(value), &login); err != nil || login.Username == "" || login.Password == "" {
		return "", "", pulling(words, errors.New("auth data not found: the secret must be a JSON object with username and password"))
	}
	return login.Username, login.Password, nil
}

// Login is the user and password by which the role pulls an image from ECR, both
// empty for an image that is elsewhere. Whether the role may have the image the
// registry asks IAM when it is pulled.
func (f *Fetcher) Login(_ context.Context, tx *state.Tx, t Task, image string) (user, password string, err error) {
	if !f.Images.Own(image) {
		return "", "", nil
	}
	c, err := f.assume(tx, t)
	if err != nil {
		return "", "", err
	}
	err = f.allowed(tx, c, operation.Need{Action: "ecr:GetAuthorizationToken", Resource: "*"})
	switch {
	case err == nil:
		return "AWS", f.Images.Token(t.Role, t.ID), nil
	case t.Fargate:
		return "", "", pulling("unable to retrieve ecr registry auth: service call has been retried 3 time(s): %w", err)
	}
	return "", "", stopped("CannotPullECRContainerError: " + err.Error())
}
