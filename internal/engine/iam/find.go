package iam

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func findUser(tx *state.Tx, scope state.Scope, name string) (*User, error) {
	if u, ok := users.Get(tx, scope, fold(name)); ok {
		return u, nil
	}
	return nil, noUser(name)
}

func findGroup(tx *state.Tx, scope state.Scope, name string) (*Group, error) {
	if g, ok := groups.Get(tx, scope, fold(name)); ok {
		return g, nil
	}
	return nil, noGroup(name)
}

func findRole(tx *state.Tx, scope state.Scope, name string) (*Role, error) {
	if r, ok := roles.Get(tx, scope, fold(name)); ok {
		return r, nil
	}
	return nil, noRole(name)
}

func findProfile(tx *state.Tx, scope state.Scope, name string) (*InstanceProfile, error) {
	if p, ok := profiles.Get(tx, scope, fold(name)); ok {
		return p, nil
	}
	return nil, noProfile(name)
}

// PolicyByARN is the managed policy of the name, the account's own or AWS's.
func PolicyByARN(tx *state.Tx, scope state.Scope, name string) (*Policy, bool) {
	if strings.HasPrefix(name, managedPrefix) {
		return managedByARN(name)
	}
	a, ok := arn.Parse(name)
	if !ok || a.Service != "iam" || a.Account != scope.Account {
		return nil, false
	}
	p, ok := policies.Get(tx, scope.Global(), fold(nameOf(a.Resource)))
	if !ok || p.ARN() != name {
		return nil, false
	}
	return p, true
}

// RoleByARN is the role of the name.
func RoleByARN(tx *state.Tx, name string) (*Role, bool) {
	a, ok := arn.Parse(name)
	if !ok || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return nil, false
	}
	scope := a.Scope().Global()
	r, ok := roles.Get(tx, scope, fold(nameOf(a.Resource)))
	if !ok || r.ARN(scope) != name {
		return nil, false
	}
	return r, true
}

// RoleByName is the account's role of the name.
func RoleByName(tx *state.Tx, scope state.Scope, name string) (*Role, bool) {
	return roles.Get(tx, scope.Global(), fold(name))
}

// InstanceProfileByName is the account's instance profile of the name.
func InstanceProfileByName(tx *state.Tx, scope state.Scope, name string) (*InstanceProfile, bool) {
	return profiles.Get(tx, scope.Global(), fold(name))
}

// InstanceProfileByARN is the instance profile of the ARN.
func InstanceProfileByARN(tx *state.Tx, name string) (*InstanceProfile, bool) {
	a, ok := arn.Parse(name)
	if !ok || a.Service != "iam" || !strings.HasPrefix(a.Resource, "instance-profile/") {
		return nil, false
	}
	scope := a.Scope().Global()
	p, ok := profiles.Get(tx, scope, fold(nameOf(a.Resource)))
	if !ok || p.ARN(scope) != name {
		return nil, false
	}
	return p, true
}

// policyARN checks the form of a managed policy's ARN.
func policyARN(name string) error {
	if a, ok := arn.Parse(name); !ok || a.Service != "iam" || !strings.HasPrefix(a.Resource, "policy/") {
		return invalid("ARN %s is not valid.", name)
	}
	return nil
}
