package iam

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Root is a key of the account's root user.
type Root struct{ ID, Secret string }

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// RootKey is the root key that the engine made when it first started. It stays
// the same over restarts and over a reset of the state.
func (s *Service) RootKey() (Root, error) {
	s.rootMu.Lock()
	defer s.rootMu.Unlock()
	if row, ok := rootKeys.Get(s.env.Store.View(), everywhere, s.env.Account); ok {
		return s.openRoot(row)
	}
	if s.own == nil {
		s.own = &Root{KeyID("AKIA", s.env.Account), ids.Secret(40)}
	}
	row := &rootKey{ID: s.own.ID, Account: s.env.Account, Secret: s.env.Vault.Seal([]byte(s.own.Secret)), Created: s.now()}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		rootKeys.Put(tx, everywhere, row)
		return nil
	})
	if err != nil {
		return Root{}, fmt.Errorf("keeping the root key: %w", err)
	}
	return *s.own, nil
}

func (s *Service) openRoot(row *rootKey) (Root, error) {
	if s.own != nil && s.own.ID == row.ID {
		return *s.own, nil
	}
	secret, err := s.env.Vault.Open(row.Secret)
	if err != nil {
		return Root{}, fmt.Errorf("opening the root key: %w", err)
	}
	s.own = &Root{row.ID, string(secret)}
	return *s.own, nil
}

// root is the root key of the id; fixed tells that it was given from outside.
func (s *Service) root(id string) (key Root, fixed, ok bool) {
	s.rootMu.RLock()
	defer s.rootMu.RUnlock()
	if key, ok := s.roots[id]; ok {
		return key, true, true
	}
	if s.own != nil && s.own.ID == id {
		return *s.own, false, true
	}
	return Root{}, false, false
}

// born is when the account came to be.
func (s *Service) born(scope state.Scope) time.Time {
	if row, ok := rootKeys.Get(s.env.Store.View(), everywhere, scope.Account); ok {
		return row.Created
	}
	return s.now()
}

func rootCaller(account, key string) *operation.Caller {
	return &operation.Caller{Account: account, Kind: operation.Root, ARN: rootARN(account), UserID: account, AccessKey: key}
}
