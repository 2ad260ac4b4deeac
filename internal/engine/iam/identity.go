package iam

import (
	"maps"

	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/signature"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// openedKey is a key with its secret in the clear, which lies sealed in its row.
// It is good as long as the rows that it was made from are still the ones in the
// state, so that a key that was deleted or made inactive stops at once.
type openedKey struct {
	row, owner any // *AccessKey or *Session; *User, *Role or nothing
	key        signature.Key
}

// Key finds an access key: root's, a user's, or a session's. Its Caller is an
// *operation.Caller without the fields of the request, shared by all requests of
// the key: copy it before filling them.
//
// It implements signature.Keys.
func (s *Service) Key(id string) (signature.Key, bool) {
	if root, fixed, ok := s.root(id); ok {
		return signature.Key{ID: id, Secret: root.Secret, AnyToken: fixed, Active: true, Caller: rootCaller(s.env.Account, id)}, true
	}
	tx := s.env.Store.View()
	if row, ok := keys.Get(tx, everywhere, id); ok {
		return s.userKey(tx, row)
	}
	if row, ok := sessions.Get(tx, everywhere, id); ok {
		return s.sessionKey(tx, row)
	}
	s.opened.drop(id)
	return signature.Key{}, false
}

func (s *Service) userKey(tx *state.Tx, row *AccessKey) (signature.Key, bool) {
	scope := state.Scope{Account: row.Account}
	var owner *User
	if row.UserID != row.Account {
		var ok bool
		if owner, ok = userByID.One(tx, scope, row.UserID); !ok {
			return signature.Key{}, false
		}
	}
	if known, ok := s.known(row.ID, row, owner); ok {
		return known, true
	}
	secret, err := s.env.Vault.Open(row.Secret)
	if err != nil {
		s.env.Log.Error("an access key cannot be opened", "key", row.ID, "error", err)
		return signature.Key{}, false
	}
	caller := rootCaller(row.Account, row.ID)
	if owner != nil {
		caller = owner.caller(scope, row.ID)
	}
	key := signature.Key{ID: row.ID, Secret: string(secret), Active: row.Active, Caller: caller}
	s.opened.put(row.ID, &openedKey{row, owner, key})
	return key, true
}

// known is the key as it was opened before, if it is still good.
func (s *Service) known(id string, row, owner any) (signature.Key, bool) {
	k, ok := s.opened.get(id)
	if !ok || k.row != row || k.owner != owner {
		return signature.Key{}, false
	}
	return k.key, true
}

// caller is the user as one who calls with a key.
func (u *User) caller(scope state.Scope, key string) *operation.Caller {
	return &operation.Caller{
		Account: scope.Account, Kind: operation.User,
		ARN: u.ARN(scope), UserID: u.ID, Name: u.Name, AccessKey: key, Tags: u.Tags,
	}
}

func (s *Service) sessionKey(tx *state.Tx, row *Session) (signature.Key, bool) {
	scope := state.Scope{Account: row.Account}
	caller, owner, ok := row.caller(tx, scope)
	if !ok {
		return signature.Key{}, false
	}
	if known, ok := s.known(row.Key, row, owner); ok {
		return known, true
	}
	secret, token, err := row.open(s.env.Vault)
	if err != nil {
		s.env.Log.Error("a session cannot be opened", "key", row.Key, "error", err)
		return signature.Key{}, false
	}
	key := signature.Key{ID: row.Key, Secret: secret, Token: token, Active: true, Expires: row.Expires, Caller: caller}
	s.opened.put(row.Key, &openedKey{row, owner, key})
	return key, true
}

// caller is who calls with a session; there is nobody when the user or role is
// gone.
func (row *Session) caller(tx *state.Tx, scope state.Scope) (c *operation.Caller, owner any, ok bool) {
	switch {
	case row.Kind == operation.AssumedRole:
		r, ok := roleByID.One(tx, scope, row.Owner)
		if !ok {
			return nil, nil, false
		}
		c, owner = r.session(scope, row), r
	case row.Owner == row.Account:
		c = rootCaller(row.Account, row.Key)
	default:
		u, ok := userByID.One(tx, scope, row.Owner)
		if !ok {
			return nil, nil, false
		}
		c, owner = u.caller(scope, row.Key), u
	}
	if row.Kind == operation.Federated {
		c.Kind, c.Session = operation.Federated, row.Name
		c.ARN = arn.New("sts", scope, "federated-user/"+row.Name)
		c.UserID = row.Account + ":" + row.Name
		c.Tags = row.Tags
	}
	c.SessionPolicies = row.Policies
	return c, owner, true
}

// session is the role as one who calls with a session. The session's tags stand
// over the role's.
func (r *Role) session(scope state.Scope, row *Session) *operation.Caller {
	tags := map[string]string(r.Tags)
	if len(row.Tags) > 0 {
		tags = maps.Clone(tags)
		if tags == nil {
			tags = map[string]string{}
		}
		for k, v := range row.Tags {
			for had := range tags {
				if caseless.same(had, k) {
					delete(tags, had)
				}
			}
			tags[k] = v
		}
	}
	return &operation.Caller{
		Account: scope.Account, Kind: operation.AssumedRole,
		ARN:    arn.New("sts", scope, "assumed-role/"+r.Name+"/"+row.Name),
		UserID: r.ID + ":" + row.Name, Name: r.Name, Session: row.Name, Role: r.ARN(scope),
		AccessKey: row.Key, Tags: tags,
	}
}
