package secretsmanager

import (
	"bytes"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// AWS removes deprecated versions beyond a hundred, and none of the last day
// (User Guide, "What's in a Secrets Manager secret?").
const (
	mostVersions = 100
	keepAtLeast  = 24 * time.Hour
)

// content is a value as a request gives it.
type content struct {
	bytes  []byte
	binary bool
}

// contentOf is the value in a request, nil when there is none.
func contentOf(text *string, binary []byte) (*content, error) {
	switch {
	case text != nil && len(binary) > 0:
		return nil, api.InvalidParameterException("You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil:
		return &content{bytes: []byte(*text)}, nil
	case len(binary) > 0:
		return &content{bytes: binary, binary: true}, nil
	}
	return nil, nil
}

// plain opens a sealed value.
func (s *Service) plain(v *Value) (*content, error) {
	b, err := s.env.Vault.Open(v.Sealed)
	if err != nil {
		return nil, api.DecryptionFailure("Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	}
	return &content{b, v.Binary}, nil
}

func (c *content) shown() (text *string, binary []byte) {
	if c.binary {
		return nil, c.bytes
	}
	return new(string(c.bytes)), nil
}

// holds tells whether a version that exists has just this value.
func (s *Service) holds(tx *state.Tx, scope state.Scope, secret, version string, c *content) bool {
	v, ok := Values.Get(tx, scope, valueKey(secret, version))
	if !ok {
		return false
	}
	was, err := s.plain(v)
	return err == nil && was.binary == c.binary && bytes.Equal(was.bytes, c.bytes)
}

func noToken() *awsapi.Error {
	return api.InvalidRequestException("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
}

// add gives a secret a version with the labels, and its value. The version's id
// is the request's token: one that the secret has already is the same request
// again, if the value is the same, and changes nothing.
func (s *Service) add(tx *state.Tx, scope state.Scope, row *Secret, token *string, value *content, labels ...string) (version *Version, err error) {
	if token == nil {
		return nil, noToken()
	}
	if v := row.version(*token); v != nil {
		if !s.holds(tx, scope, row.Name, v.ID, value) {
			return nil, api.ResourceExistsException("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", *token, ARN(scope, row))
		}
		return v, nil
	}
	if len(row.Versions) == 0 && !slices.Contains(labels, current) {
		labels = append(slices.Clone(labels), current)
	}
	versions := append(slices.Clone(row.Versions), Version{ID: *token, Stages: []string{}, Created: s.env.Now()})
	if row.Versions = attach(versions, *token, labels...); countStages(row.Versions) > mostStages {
		return nil, api.LimitExceededException("You exceeded the maximum number of staging labels allowed on a secret.")
	}
	Values.Put(tx, scope, &Value{Secret: row.Name, Version: *token, Binary: value.binary, Sealed: s.env.Vault.Seal(value.bytes)})
	s.forget(tx, scope, row)
	return row.version(*token), nil
}

// forget removes deprecated versions that are too many, the oldest first.
func (s *Service) forget(tx *state.Tx, scope state.Scope, row *Secret) {
	tooMany := len(row.Versions) - mostVersions
	row.Versions = slices.DeleteFunc(row.Versions, func(v Version) bool {
		if tooMany <= 0 || len(v.Stages) > 0 || s.env.Now().Sub(v.Created) < keepAtLeast {
			return false
		}
		tooMany--
		Values.Delete(tx, scope, valueKey(row.Name, v.ID))
		return true
	})
}
