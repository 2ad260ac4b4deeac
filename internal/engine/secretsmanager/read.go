package secretsmanager

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// PutSecretValue gives a secret a new version, the current one unless labels say
// otherwise.
func (s *Service) PutSecretValue(_ context.Context, c *operation.Caller, in *api.PutSecretValueRequest) (*api.PutSecretValueResponse, error) {
	value, err := contentOf(in.SecretString, in.SecretBinary)
	switch {
	case err != nil:
		return nil, err
	case value == nil:
		return nil, api.InvalidRequestException("You must provide either SecretString or SecretBinary.")
	case in.RotationToken != nil:
		return nil, api.InvalidRequestException("Rotation is not served by the slipway engine; leave RotationToken out.")
	}
	labels := in.VersionStages
	if len(labels) == 0 {
		labels = []string{current}
	}
	out := &api.PutSecretValueResponse{}
	out.Name, out.ARN, err = s.change(c, in.SecretId, func(tx *state.Tx, scope state.Scope, row *Secret) error {
		v, err := s.add(tx, scope, row, in.ClientRequestToken, value, labels...)
		if err == nil {
			out.VersionId, out.VersionStages = &v.ID, v.Stages
		}
		return err
	})
	return out, err
}

// pick is the version that a label and an id name; without both it is the
// current one.
func (row *Secret) pick(stage, id string) (*Version, error) {
	if id != "" {
		v := row.version(id)
		switch {
		case v == nil:
			return nil, api.ResourceNotFoundException("Secrets Manager can't find the specified secret value for VersionId: %s", id)
		case stage != "" && !slices.Contains(v.Stages, stage):
			return nil, api.InvalidRequestException("You provided a VersionStage that is not associated to the provided VersionId.")
		}
		return v, nil
	}
	if stage == "" {
		stage = current
	}
	if v := row.staged(stage); v != nil {
		return v, nil
	}
	return nil, api.ResourceNotFoundException("Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

// reading is a version with its value.
type reading struct {
	scope   state.Scope
	secret  *Secret
	version *Version
	content *content
}

func (s *Service) read(tx *state.Tx, c *operation.Caller, id, stage, version string) (*reading, error) {
	scope, row, err := live(tx, c, &id)
	if err != nil {
		return nil, err
	}
	v, err := row.pick(stage, version)
	if err != nil {
		return nil, err
	}
	sealed, ok := Values.Get(tx, scope, valueKey(row.Name, v.ID))
	if !ok {
		return nil, notFound()
	}
	value, err := s.plain(sealed)
	if err != nil {
		return nil, err
	}
	if err := s.touch(scope, row, v.ID); err != nil {
		s.env.Log.Warn("the day of a secret's reading is not noted", "secret", row.Name, "error", err) // it was read all the same
	}
	return &reading{scope, row, v, value}, nil
}

// touch notes the day of a reading, which is all that AWS tells: one write a day.
func (s *Service) touch(scope state.Scope, row *Secret, version string) error {
	today := s.env.Now().UTC().Truncate(24 * time.Hour)
	if v := row.version(version); row.Accessed.Equal(today) && v.Accessed.Equal(today) {
		return nil
	}
	return s.env.Store.Update(func(tx *state.Tx) error {
		Secrets.Change(tx, scope, row.Name, func(now *Secret) {
			now.Accessed, now.Versions = today, slices.Clone(now.Versions)
			if v := now.version(version); v != nil {
				v.Accessed = today
			}
		})
		return nil
	})
}

// Read is a secret's value for a task, in the clear: what SecretString is, or
// false where the value is binary.
func (s *Service) Read(tx *state.Tx, c *operation.Caller, id, stage, version string) (string, bool, error) {
	r, err := s.read(tx, c, id, stage, version)
	if err != nil {
		return "", false, err
	}
	return string(r.content.bytes), !r.content.binary, nil
}

// GetSecretValue is one version's value.
func (s *Service) GetSecretValue(_ context.Context, c *operation.Caller, in *api.GetSecretValueRequest) (*api.GetSecretValueResponse, error) {
	r, err := s.read(s.env.Store.View(), c, *in.SecretId, awsapi.V(in.VersionStage), awsapi.V(in.VersionId))
	if err != nil {
		return nil, err
	}
	e := r.entry()
	return new(api.GetSecretValueResponse(e)), nil
}

func (r *reading) entry() api.SecretValueEntry {
	e := api.SecretValueEntry{
		ARN: new(ARN(r.scope, r.secret)), Name: &r.secret.Name, CreatedDate: &r.version.Created, VersionId: &r.version.ID, VersionStages: r.version.Stages,
	}
	if len(e.VersionStages) == 0 {
		e.VersionStages = nil
	}
	e.SecretString, e.SecretBinary = r.content.shown()
	return e
}

// BatchGetSecretValue is the current values of secrets, named or filtered, and an
// error for each that the caller does not get.
func (s *Service) BatchGetSecretValue(_ context.Context, c *operation.Caller, in *api.BatchGetSecretValueRequest) (*api.BatchGetSecretValueResponse, error) {
	if (len(in.SecretIdList) > 0) == (len(in.Filters) > 0) {
		return nil, api.InvalidParameterException("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}
	if in.MaxResults != nil && len(in.Filters) == 0 {
		return nil, api.InvalidParameterException("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}
	tx := s.env.Store.View()
	out := &api.BatchGetSecretValueResponse{SecretValues: []api.SecretValueEntry{}, Errors: []api.APIErrorType{}}
	names := in.SecretIdList
	if len(in.Filters) > 0 {
		rows, next, err := s.list(tx, c, listing{filters: in.Filters, token: in.NextToken, limit: in.MaxResults, most: 20})
		if err != nil {
			return nil, err
		}
		out.NextToken = next
		for _, row := range rows {
			names = append(names, row.Name)
		}
	}
	for _, id := range names {
		if refusal := s.permissions.Allowed(tx, c, []operation.Need{NeedOfValue(tx, c, id, "", "")}); refusal != "" {
			out.Errors = append(out.Errors, api.APIErrorType{SecretId: new(id), ErrorCode: new("AccessDeniedException"), Message: &refusal})
			continue
		}
		r, err := s.read(tx, c, id, "", "")
		if e, is := errors.AsType[*awsapi.Error](err); is {
			out.Errors = append(out.Errors, api.APIErrorType{SecretId: new(id), ErrorCode: &e.Code, Message: &e.Message})
			continue
		} else if err != nil {
			return nil, err
		}
		out.SecretValues = append(out.SecretValues, r.entry())
	}
	return out, nil
}

// ListSecretVersionIds lists versions, the newest first; those without labels
// only when asked.
func (s *Service) ListSecretVersionIds(_ context.Context, c *operation.Caller, in *api.ListSecretVersionIdsRequest) (*api.ListSecretVersionIdsResponse, error) {
	scope, row, err := one(s.env.Store.View(), c, in.SecretId)
	if err != nil {
		return nil, err
	}
	shown := slices.DeleteFunc(slices.Clone(row.Versions), func(v Version) bool { return len(v.Stages) == 0 && !awsapi.V(in.IncludeDeprecated) })
	slices.Reverse(shown)
	limit := 100
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	page, next, err := paging.Page(slices.Values(shown), in.NextToken, limit, func(v Version) string { return newestFirst(v.Created, v.ID) })
	if err != nil {
		return nil, badToken()
	}
	out := &api.ListSecretVersionIdsResponse{ARN: new(ARN(scope, row)), Name: &row.Name, NextToken: next, Versions: []api.SecretVersionsListEntry{}}
	for _, v := range page {
		e := api.SecretVersionsListEntry{VersionId: &v.ID, CreatedDate: &v.Created, LastAccessedDate: when(v.Accessed), KmsKeyIds: []string{keyOr(row.KMSKey)}}
		if len(v.Stages) > 0 {
			e.VersionStages = v.Stages
		}
		out.Versions = append(out.Versions, e)
	}
	return out, nil
}

func keyOr(key string) string {
	if key == "" {
		return "DefaultEncryptionKey"
	}
	return key
}

// UpdateSecretVersionStage moves a label from a version to another.
func (s *Service) UpdateSecretVersionStage(_ context.Context, c *operation.Caller, in *api.UpdateSecretVersionStageRequest) (*api.UpdateSecretVersionStageResponse, error) {
	out := &api.UpdateSecretVersionStageResponse{}
	var err error
	out.Name, out.ARN, err = s.change(c, in.SecretId, func(_ *state.Tx, _ state.Scope, row *Secret) error {
		versions, err := row.moved(*in.VersionStage, awsapi.V(in.RemoveFromVersionId), awsapi.V(in.MoveToVersionId))
		if err == nil {
			row.Versions = versions
		}
		return err
	})
	return out, err
}

// moved is the versions with a label taken from one and put on another. Whoever
// takes a label that is somewhere must say where.
func (row *Secret) moved(label, from, to string) ([]Version, error) {
	for _, id := range []string{from, to} {
		if id != "" && row.version(id) == nil {
			return nil, api.InvalidParameterException("Not a valid version: %s", id)
		}
	}
	at := row.staged(label)
	switch {
	case from == "" && to == "":
		return nil, api.InvalidParameterException("You must specify RemoveFromVersionId, MoveToVersionId, or both.")
	case to == "" && label == current:
		return nil, api.InvalidParameterException("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	case from == "" && at != nil && at.ID != to:
		return nil, api.InvalidParameterException("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", label, at.ID)
	case from != "" && (at == nil || at.ID != from):
		return nil, api.InvalidParameterException("Version stage %s not found in version %s", label, from)
	case to == "":
		return detach(row.Versions, label), nil
	}
	versions := attach(slices.Clone(row.Versions), to, label)
	if countStages(versions) > mostStages {
		return nil, api.LimitExceededException("You exceeded the maximum number of staging labels allowed on a secret.")
	}
	return versions, nil
}
