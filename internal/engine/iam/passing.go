package iam

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// NeedPassRole is the permission to hand a role to a service, which every
// operation needs that takes a role's ARN.
func NeedPassRole(roleARN, service string) operation.Need {
	return operation.Need{
		Action:   "iam:PassRole",
		Resource: roleARN,
		Keys:     map[string][]string{"iam:PassedToService": {service}},
	}
}

// RoleTrusts tells whether the role's trust policy lets a service assume it:
// "ecs-tasks.amazonaws.com". A role that does not exist trusts nobody.
func (s *Service) RoleTrusts(tx *state.Tx, roleARN, service string) bool {
	r, ok := RoleByARN(tx, roleARN)
	if !ok {
		return false
	}
	d := s.compiled(r.TrustPolicy(tx, state.Scope{Account: accountOf(roleARN)}))
	return policy.EvaluateTrust(d, &policy.Request{
		Principal: policy.Principal{Service: service},
		Need:      policy.Need{Action: "sts:AssumeRole", Resource: roleARN},
		Now:       s.env.Now(),
	}).Allowed
}

// ProfileRole is the ARN of the role in an instance profile, which is given by
// its name or its ARN; ok is false when there is no such profile, and the ARN
// empty when it has no role.
func ProfileRole(tx *state.Tx, scope state.Scope, nameOrARN string) (p *InstanceProfile, roleARN string, ok bool) {
	if strings.HasPrefix(nameOrARN, "arn:") {
		p, ok = InstanceProfileByARN(tx, nameOrARN)
	} else {
		p, ok = InstanceProfileByName(tx, scope, nameOrARN)
	}
	if !ok {
		return nil, "", false
	}
	if r, found := roles.Get(tx, scope.Global(), fold(p.Role)); found {
		roleARN = r.ARN(scope)
	}
	return p, roleARN, true
}

// accountOf is the account in an ARN.
func accountOf(name string) string {
	a, _ := arn.Parse(name)
	return a.Account
}

// ownerID is the id before the session's name: "AROA…" of "AROA…:session".
func ownerID(userID string) string {
	id, _, _ := strings.Cut(userID, ":")
	return id
}

// regionOf is the region in an ARN.
func regionOf(name string) string {
	a, _ := arn.Parse(name)
	return a.Region
}
