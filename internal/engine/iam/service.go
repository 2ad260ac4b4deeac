// Package iam is AWS Identity and Access Management: users and their access
// keys, groups, roles, instance profiles, policies, identity providers. Its
// resources are global; they have an account and no region.
//
// It is also where the engine's chain asks who signed a request and what he may
// do (identity.go), and where other services ask about roles: RoleByARN,
// InstanceProfileByName, NeedPassRole, IssueRoleSession, EnsureLinkedRole.
//
// It does not evaluate policies (package policy does), nor verify signatures
// (package signature). It has no passwords, MFA devices, SAML providers, server
// certificates or SSH keys: nobody logs into the engine.
package iam

import (
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
)

// Service serves IAM.
type Service struct {
	env *operation.Env

	documents policy.Cache
	opened    cache[*openedKey] // by access key id
	bundles   cache[*bundle]    // by unique id of a user or role

	rootMu sync.RWMutex
	roots  map[string]Root // by id
	own    *Root           // the generated one, once it is known

	used usage
}

// New is the service. The roots are root keys beside the one that the service
// makes for itself: fixed ones, for test suites that sign with them.
func New(env *operation.Env, roots ...Root) *Service {
	s := &Service{env: env, roots: map[string]Root{}, used: usage{last: map[string]*usedKey{}, wake: make(chan struct{}, 1)}}
	for _, r := range roots {
		s.roots[r.ID] = r
	}
	return s
}

// now is the time as IAM keeps it, in seconds.
func (s *Service) now() time.Time { return s.env.Now().UTC().Truncate(time.Second) }
