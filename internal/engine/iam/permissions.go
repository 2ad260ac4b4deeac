package iam

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// bundle is the policies of a user or role, put together once. It is good as
// long as the rows that it was made from are still the ones in the state.
type bundle struct {
	rows     []any
	policies *policy.Policies
}

// What the credentials of GetSessionToken and GetFederationToken may not do,
// whatever the user may ("Comparing AWS STS credentials" in the User Guide; the
// engine has no MFA, with which the former might).
var (
	sessionTokenLimits = must(policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":["iam:*","sts:GetSessionToken","sts:GetFederationToken","sts:GetAccessKeyInfo","sts:DecodeAuthorizationMessage"],"Resource":"*"}]}`)))
	federationLimits = must(policy.Parse([]byte(`{"Version":"2012-10-17","Statement":
		{"Effect":"Deny","Action":["iam:*","sts:*"],"Resource":"*"}}`)))
)

// Policies is everything that says what the caller may do: the policies of the
// user (and of his groups) or of the role, the boundary, the session's. Resource
// policies are for the caller of this to add, to a copy. It takes about a
// microsecond for who has called before.
func (s *Service) Policies(tx *state.Tx, c *operation.Caller) *policy.Policies {
	p := s.standing(tx, c)
	switch {
	case c.Kind == operation.Federated:
		narrowed := *p
		narrowed.Session = append(s.sessionSources(tx, c), policy.Source{Kind: policy.Session, Name: "GetFederationToken", Document: federationLimits})
		return &narrowed
	case c.SessionPolicies != nil:
		narrowed := *p
		narrowed.Session = s.sessionSources(tx, c)
		return &narrowed
	case c.Kind != operation.AssumedRole && strings.HasPrefix(c.AccessKey, "ASIA"):
		narrowed := *p
		narrowed.Session = []policy.Source{{Kind: policy.Session, Name: "GetSessionToken", Document: sessionTokenLimits}}
		return &narrowed
	}
	return p
}

// sessionSources are the session's own policies: documents, or ARNs of managed
// policies, which hold as they are now.
func (s *Service) sessionSources(tx *state.Tx, c *operation.Caller) []policy.Source {
	list := make([]policy.Source, 0, len(c.SessionPolicies)+1)
	for _, p := range c.SessionPolicies {
		if strings.HasPrefix(p, "arn:") {
			if m, ok := PolicyByARN(tx, c.Global(), p); ok {
				list = append(list, policy.Source{Kind: policy.Session, ARN: p, Name: m.Name, Document: s.compiled(m.document())})
			}
			continue
		}
		list = append(list, policy.Source{Kind: policy.Session, Name: "session policy", Document: s.compiled(p)})
	}
	return list
}

// nothing is the policies of the root user, who needs none, and of nobody.
var nothing = &policy.Policies{}

// whatRootMay is for those whom the root user federates: they are not root, but
// may do what it may, within their session's policies.
var whatRootMay = &policy.Policies{Identity: []policy.Source{{Kind: policy.Identity, Name: "root", Document: must(policy.Parse([]byte(
	`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)))}}}

// standing is the policies that hold for all the caller's keys and sessions.
func (s *Service) standing(tx *state.Tx, c *operation.Caller) *policy.Policies {
	scope := c.Global()
	switch c.Kind {
	case operation.User, operation.Federated:
		if c.Kind == operation.Federated && c.Name == "" {
			return whatRootMay
		}
		if u, ok := users.Get(tx, scope, fold(c.Name)); ok {
			return s.userPolicies(tx, scope, u)
		}
	case operation.AssumedRole:
		if r, ok := roles.Get(tx, scope, fold(c.Name)); ok {
			return s.bundled(tx, scope, r.ID, []any{r}, []*Grants{&r.Grants}, r.Boundary)
		}
	}
	return nothing
}

func (s *Service) userPolicies(tx *state.Tx, scope state.Scope, u *User) *policy.Policies {
	rows, grants := []any{u}, []*Grants{&u.Grants}
	for _, g := range groupsOf(tx, scope, u) {
		rows, grants = append(rows, g), append(grants, &g.Grants)
	}
	return s.bundled(tx, scope, u.ID, rows, grants, u.Boundary)
}

// bundled puts the policies together, or finds that they are the ones of last
// time.
func (s *Service) bundled(tx *state.Tx, scope state.Scope, id string, rows []any, grants []*Grants, boundary string) *policy.Policies {
	for _, g := range grants {
		for _, arn := range g.Attached {
			rows = append(rows, managedRow(tx, scope, arn))
		}
	}
	if boundary != "" {
		rows = append(rows, managedRow(tx, scope, boundary))
	}
	if known, ok := s.bundles.get(id); ok && slices.Equal(known.rows, rows) {
		return known.policies
	}
	p := &policy.Policies{}
	for _, g := range grants {
		p.Identity = append(p.Identity, s.sources(tx, scope, g)...)
	}
	if boundary != "" {
		p.Boundary = s.boundarySources(tx, scope, boundary)
	}
	s.bundles.put(id, &bundle{rows, p})
	return p
}

// managedRow is nil, but comparable, for a policy that is gone.
func managedRow(tx *state.Tx, scope state.Scope, arn string) any {
	p, _ := PolicyByARN(tx, scope, arn)
	return p
}

func (s *Service) sources(tx *state.Tx, scope state.Scope, g *Grants) []policy.Source {
	list := make([]policy.Source, 0, len(g.Inline)+len(g.Attached))
	for _, p := range g.Inline {
		list = append(list, policy.Source{Kind: policy.Identity, Name: p.Name, Document: s.compiled(p.Document)})
	}
	for _, arn := range g.Attached {
		if p, ok := PolicyByARN(tx, scope, arn); ok {
			list = append(list, policy.Source{Kind: policy.Identity, ARN: arn, Name: p.Name, Document: s.compiled(p.document())})
		}
	}
	return list
}

// boundarySources is never nil: a boundary without a document allows nothing.
func (s *Service) boundarySources(tx *state.Tx, scope state.Scope, arn string) []policy.Source {
	p, ok := PolicyByARN(tx, scope, arn)
	if !ok {
		return []policy.Source{}
	}
	return []policy.Source{{Kind: policy.Boundary, ARN: arn, Name: p.Name, Document: s.compiled(p.document())}}
}

// Principal is the caller as policies see him.
func Principal(c *operation.Caller) policy.Principal {
	p := policy.Principal{Account: c.Account, ARN: c.ARN, UserID: c.UserID, Root: c.Kind == operation.Root, RoleARN: c.Role, Tags: c.Tags}
	if c.Kind == operation.User {
		p.UserName = c.Name
	}
	return p
}
