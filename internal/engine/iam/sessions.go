package iam

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Session is temporary credentials. They hang on the unique id of whom they
// stand for, so they end when he is deleted, and survive a restart.
type Session struct {
	Key, Account string
	// Sealed is the secret and, after a space, the session token.
	Sealed          vault.Sealed
	Issued, Expires time.Time
	// Kind is User (GetSessionToken), Root, AssumedRole or Federated.
	Kind operation.Kind
	// Owner is the unique id of the user or role, the account's number for root.
	Owner string
	// Name is a role session's or a federated user's.
	Name string `json:",omitzero"`
	// Policies are the session's own policies, documents or ARNs; nil when
	// nothing narrows it. A federated user has at least an empty list.
	Policies []string
	Tags     tagging.Set `json:",omitzero"`
	// Transitive are the keys of tags that go along when the session assumes
	// another role.
	Transitive     []string `json:",omitzero"`
	SourceIdentity string   `json:",omitzero"`
}

// Credentials are a session's, as they are told once.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expiration                                 time.Time
}

// day is the day of a time. Sessions that expired the day before yesterday or
// earlier are forgotten; until then the bearer is told that his has expired, and
// not that it never was.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Issue makes credentials for the session, whose Account, Kind, Owner and
// Expires are set, and drops old ones.
func (s *Service) Issue(tx *state.Tx, row Session) Credentials {
	row.Key = KeyID("ASIA", row.Account)
	row.Issued = s.now()
	secret, token := ids.Secret(40), "IQoJ"+ids.Secret(332)
	row.Sealed = s.env.Vault.Seal([]byte(secret + " " + token))
	sessions.Put(tx, everywhere, &row)
	s.forget(tx)
	return Credentials{row.Key, secret, token, row.Expires}
}

// forget drops a few sessions that expired the day before yesterday. A few at
// each new one keep the table from growing; sweep drops what is older.
func (s *Service) forget(tx *state.Tx) {
	left := 8
	for row := range sessionsByDay.Get(tx, everywhere, day(s.now().AddDate(0, 0, -2))) {
		sessions.Delete(tx, everywhere, row.Key)
		s.opened.drop(row.Key)
		if left--; left == 0 {
			return
		}
	}
}

// sweep drops all sessions that expired before yesterday.
func (s *Service) sweep() error {
	yesterday := day(s.now().AddDate(0, 0, -1))
	return s.env.Store.Update(func(tx *state.Tx) error {
		for row := range sessions.All(tx, everywhere) {
			if day(row.Expires) < yesterday {
				sessions.Delete(tx, everywhere, row.Key)
			}
		}
		return nil
	})
}

func (row *Session) open(v *vault.Vault) (secret, token string, err error) {
	plain, err := v.Open(row.Sealed)
	if err != nil {
		return "", "", err
	}
	if _, err := fmt.Sscan(string(plain), &secret, &token); err != nil {
		return "", "", err
	}
	return secret, token, nil
}

// SessionByKey is the session of an access key.
func SessionByKey(tx *state.Tx, id string) (*Session, bool) { return sessions.Get(tx, everywhere, id) }

// RoleCaller is who calls with a session of a role for which no credentials are
// made: the engine itself, when it acts as a task's execution role. That the role
// trusts the service is for the caller of this to check (see RoleTrusts).
func RoleCaller(tx *state.Tx, roleARN, session string) (*operation.Caller, bool) {
	r, ok := RoleByARN(tx, roleARN)
	if !ok {
		return nil, false
	}
	return r.session(state.Scope{Account: accountOf(roleARN)}, &Session{Name: session}), true
}

// IssueRoleSession makes credentials for a role: for a task or an instance that
// has it. Nobody is asked; that the role trusts the service was for the caller of
// this to check (see RoleTrusts).
func (s *Service) IssueRoleSession(tx *state.Tx, roleARN, name string, duration time.Duration) (Credentials, error) {
	r, ok := RoleByARN(tx, roleARN)
	if !ok {
		return Credentials{}, noRole(nameOf(roleARN))
	}
	return s.Issue(tx, Session{
		Account: accountOf(roleARN), Kind: operation.AssumedRole, Owner: r.ID, Name: name,
		Expires: s.now().Add(duration),
	}), nil
}
