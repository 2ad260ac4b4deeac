package secretsmanager

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// suffixLength is that of an ARN's random end, with its hyphen.
const suffixLength = 7

// find is the secret that an identifier means: a name, an ARN, or an ARN without
// its random end. An ARN may be another account's.
func find(tx *state.Tx, scope state.Scope, id string) (state.Scope, *Secret, bool) {
	a, isARN := arn.Parse(id)
	name, ok := a.After("secret:")
	if !isARN {
		s, ok := Secrets.Get(tx, scope, id)
		return scope, s, ok
	}
	if !ok || a.Service != "secretsmanager" {
		return scope, nil, false
	}
	scope = a.Scope()
	if at := len(name) - suffixLength; at > 0 && name[at] == '-' {
		if s, ok := Secrets.Get(tx, scope, name[:at]); ok && s.Suffix == name[at+1:] {
			return scope, s, true
		}
	}
	s, ok := Secrets.Get(tx, scope, name)
	return scope, s, ok
}

// here tells whether an identifier is of the region that the request is for.
func here(c *operation.Caller, id string) bool {
	a, ok := arn.Parse(id)
	return !ok || a.Region == c.Region
}

// one is the secret that an operation names, deleted or not.
func one(tx *state.Tx, c *operation.Caller, id *string) (state.Scope, *Secret, error) {
	scope, s, ok := find(tx, c.Scope(), awsapi.V(id))
	if !ok || !here(c, awsapi.V(id)) {
		return scope, nil, notFound()
	}
	return scope, s, nil
}

// live is the secret that an operation names, which must not be deleted.
func live(tx *state.Tx, c *operation.Caller, id *string) (state.Scope, *Secret, error) {
	scope, s, err := one(tx, c, id)
	if err == nil && s.deleted() {
		err = marked()
	}
	return scope, s, err
}

// change puts a changed copy of a secret that is neither deleted nor a replica,
// and brings its replicas up to it.
func (s *Service) change(c *operation.Caller, id *string, change func(tx *state.Tx, scope state.Scope, row *Secret) error) (name, resource *string, err error) {
	err = s.env.Store.Update(func(tx *state.Tx) error {
		scope, old, err := live(tx, c, id)
		if err != nil {
			return err
		}
		if old.Primary != "" {
			return notPrimary()
		}
		row := *old
		if err := change(tx, scope, &row); err != nil {
			return err
		}
		name, resource = &row.Name, new(ARN(scope, &row))
		row.Changed = s.env.Now()
		Secrets.Put(tx, scope, &row)
		copies(tx, scope, &row)
		return nil
	})
	return name, resource, err
}

// resource is the ARN that policies see: the secret's, and of one that does not
// exist the ARN that it would have. A policy's "name-*" and "name-??????" both
// mean that.
func resource(tx *state.Tx, c *operation.Caller, id string) (string, *Secret) {
	if scope, s, ok := find(tx, c.Scope(), id); ok {
		return ARN(scope, s), s
	}
	if strings.HasPrefix(id, "arn:") {
		return id, nil
	}
	return arn.New("secretsmanager", c.Scope(), "secret:"+id+"-??????"), nil
}
