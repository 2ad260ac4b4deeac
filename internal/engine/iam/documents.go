package iam

import (
	"encoding/json"
	"strings"

	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// denyAll stands for a document that cannot be read. IAM only stores documents
// that can, so it stands for damage; who is hit by it may do nothing.
var denyAll = must(policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// compiled is a stored document, parsed once for all requests.
func (s *Service) compiled(text string) *policy.Document {
	d, err := s.documents.Parse(text)
	if err != nil {
		s.env.Log.Error("a stored policy cannot be read and denies everything", "error", err)
		return denyAll
	}
	return d
}

// checkIdentityPolicy refuses what IAM would not store as an inline policy.
func checkIdentityPolicy(text string) error {
	_, err := policy.ParseAs(policy.Identity, []byte(text))
	return malformed(err)
}

// checkManagedPolicy refuses what IAM would not store as a managed policy.
func checkManagedPolicy(text string) error {
	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = d.ValidateManaged()
	}
	if err != nil {
		return malformed(err)
	}
	if policy.Size(text) > sizePolicy {
		return overQuota("PolicySize", sizePolicy)
	}
	return nil
}

// checkTrustPolicy refuses what IAM would not store as a role's trust policy. It
// returns the unique ids of the account's users and roles that the policy names:
// IAM remembers those and not the names, so that whoever later bears the name of
// a deleted user is not trusted in his stead ("AWS JSON policy elements:
// Principal" in the User Guide).
func checkTrustPolicy(tx *state.Tx, scope state.Scope, text string) (trusted map[string]string, err error) {
	d, err := policy.ParseAs(policy.Trust, []byte(text))
	if err != nil {
		return nil, malformed(err)
	}
	if policy.Size(text) > sizeTrust {
		return nil, overQuota("ACLSizePerRole", sizeTrust)
	}
	for _, p := range d.Principals() {
		if p.Type != "AWS" || !identityOf(scope, p.Name) {
			continue
		}
		id, ok := idOf(tx, scope, p.Name)
		if !ok {
			return nil, api.MalformedPolicyDocumentException("Invalid principal in policy: \"AWS\":\"%s\"", p.Name)
		}
		if trusted == nil {
			trusted = map[string]string{}
		}
		trusted[p.Name] = id
	}
	return trusted, nil
}

// identityOf tells whether the name is that of a user or role of the account.
func identityOf(scope state.Scope, name string) bool {
	a, ok := arn.Parse(name)
	return ok && a.Service == "iam" && a.Account == scope.Account &&
		(strings.HasPrefix(a.Resource, "user/") || strings.HasPrefix(a.Resource, "role/"))
}

// idOf is the unique id of the user or role of the name.
func idOf(tx *state.Tx, scope state.Scope, name string) (string, bool) {
	if u, ok := users.Get(tx, scope, fold(nameOf(name))); ok && u.ARN(scope) == name {
		return u.ID, true
	}
	if r, ok := roles.Get(tx, scope, fold(nameOf(name))); ok && r.ARN(scope) == name {
		return r.ID, true
	}
	return "", false
}

// nameNow is what the user or role of the id is called today, the id itself when
// there is none any more.
func nameNow(tx *state.Tx, scope state.Scope, id string) string {
	if u, ok := userByID.One(tx, scope, id); ok {
		return u.ARN(scope)
	}
	if r, ok := roleByID.One(tx, scope, id); ok {
		return r.ARN(scope)
	}
	return id
}

// TrustPolicy is the role's trust policy as it is in force: names of users and
// roles that are gone are replaced by their ids, as IAM shows them.
func (r *Role) TrustPolicy(tx *state.Tx, scope state.Scope) string {
	stale := map[string]string{}
	for name, id := range r.Trusted {
		if now := nameNow(tx, scope.Global(), id); now != name {
			stale[name] = now
		}
	}
	if len(stale) == 0 {
		return r.Trust
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(r.Trust), &doc); err != nil {
		return "" // trusts nobody; it was checked when it was stored
	}
	out, err := json.Marshal(renamed(doc, stale))
	if err != nil {
		return ""
	}
	return string(out)
}

// renamed replaces names below Principal elements.
func renamed(doc any, names map[string]string) any {
	switch v := doc.(type) {
	case map[string]any:
		for k := range v {
			if k == "Condition" {
				continue
			}
			v[k] = renamed(v[k], names)
		}
	case []any:
		for i := range v {
			v[i] = renamed(v[i], names)
		}
	case string:
		if now, ok := names[v]; ok {
			return now
		}
	}
	return doc
}
