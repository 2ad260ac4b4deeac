package iam

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Rows of IAM live in the account's global scope, under their name in lower
// case: IAM's names are unique without regard to case. Keys and sessions, which
// a request names before anybody knows its account, live in everywhere.
var everywhere = state.Scope{}

// fold is the key of a name.
func fold(name string) string { return strings.ToLower(name) }

// User is an IAM user.
type User struct {
	Name, Path, ID string
	Created        time.Time
	// Boundary is the ARN of the permissions boundary, if there is one.
	Boundary string      `json:",omitzero"`
	Tags     tagging.Set `json:",omitzero"`
	// Groups are ids of groups, which unlike their names do not change.
	Groups []string `json:",omitzero"`
	Grants
}

// Group is a group of users.
type Group struct {
	Name, Path, ID string
	Created        time.Time
	Grants
}

// Role is a role.
type Role struct {
	Name, Path, ID string
	Description    string `json:",omitzero"`
	Created        time.Time
	// Trust is the trust policy as it was given; Trusted are the ids that the
	// users and roles named in it had at that time. See trust.go.
	Trust   string
	Trusted map[string]string `json:",omitzero"`
	// MaxSession is the longest session in seconds.
	MaxSession int
	// Service is the service that a service-linked role is of.
	Service  string      `json:",omitzero"`
	Boundary string      `json:",omitzero"`
	Tags     tagging.Set `json:",omitzero"`
	Grants
}

// Grants are the policies of a user, a group or a role.
type Grants struct {
	// Inline are in the order of their names.
	Inline []Inline `json:",omitzero"`
	// Attached are ARNs of managed policies, sorted.
	Attached []string `json:",omitzero"`
}

// Inline is an inline policy.
type Inline struct{ Name, Document string }

// InstanceProfile is an instance profile.
type InstanceProfile struct {
	Name, Path, ID string
	Created        time.Time
	// Role is the role's name, empty when there is none.
	Role string      `json:",omitzero"`
	Tags tagging.Set `json:",omitzero"`
}

// Policy is a managed policy.
type Policy struct {
	Name, Path, ID   string
	Description      string `json:",omitzero"`
	Created, Updated time.Time
	// Versions are in the order in which they were made.
	Versions []Version
	// Default is the number of the default version, Last that of the newest
	// one ever made.
	Default, Last int
	Tags          tagging.Set `json:",omitzero"`
	// Owner is the account, "aws" for AWS's own.
	Owner string
}

// Version is a version of a managed policy.
type Version struct {
	Number   int
	Created  time.Time
	Document string
}

// AccessKey is a long-term key, of a user or of the account's root user.
type AccessKey struct {
	ID, Account string
	// UserID is the user's id; the account's number for the root user.
	UserID  string
	Secret  vault.Sealed
	Active  bool
	Created time.Time
}

// rootKey is the root key that the engine made for itself.
type rootKey struct {
	ID, Account string
	Secret      vault.Sealed
	Created     time.Time
}

// use is when and for what a key or a role was used last.
type use struct {
	ID              string
	At              time.Time
	Service, Region string
}

// Provider is an OpenID Connect identity provider.
type Provider struct {
	// Host is the issuer's URL without its scheme, which is its identity.
	Host        string
	URL         string
	Clients     []string
	Thumbprints []string
	Created     time.Time
	Tags        tagging.Set `json:",omitzero"`
}

// account is what there is one of in an account.
type account struct {
	Alias string
}

// deletion is a task that deletes, or did not delete, a service-linked role.
type deletion struct {
	ID, Role string
	// Uses are the resources that needed the role, so that it stayed.
	Uses []string `json:",omitzero"`
}

// LinkedUse tells that a resource needs a service-linked role. The service
// that owns the resource writes it.
type LinkedUse struct {
	Role, Resource string
}

// The tables.
var (
	users     = state.NewTable("iam.user", func(u *User) string { return fold(u.Name) })
	groups    = state.NewTable("iam.group", func(g *Group) string { return fold(g.Name) })
	roles     = state.NewTable("iam.role", func(r *Role) string { return fold(r.Name) })
	profiles  = state.NewTable("iam.instanceprofile", func(p *InstanceProfile) string { return fold(p.Name) })
	policies  = state.NewTable("iam.policy", func(p *Policy) string { return fold(p.Name) })
	keys      = state.NewTable("iam.accesskey", func(k *AccessKey) string { return k.ID })
	rootKeys  = state.NewTable("iam.rootkey", func(k *rootKey) string { return k.Account })
	sessions  = state.NewTable("iam.session", func(s *Session) string { return s.Key })
	uses      = state.NewTable("iam.used", func(u *use) string { return u.ID })
	providers = state.NewTable("iam.oidcprovider", func(p *Provider) string { return p.Host })
	accounts  = state.NewTable("iam.account", func(*account) string { return "account" })
	deletions = state.NewTable("iam.deletion", func(d *deletion) string { return d.ID })
	linked    = state.NewTable("iam.linkeduse", func(u *LinkedUse) string { return fold(u.Role) + " " + u.Resource })

	userByID      = state.NewIndex(users, func(u *User) []string { return []string{u.ID} })
	usersInGroup  = state.NewIndex(users, func(u *User) []string { return u.Groups })
	usersWith     = state.NewIndex(users, func(u *User) []string { return u.Attached })
	usersWithin   = state.NewIndex(users, func(u *User) []string { return some(u.Boundary) })
	groupByID     = state.NewIndex(groups, func(g *Group) []string { return []string{g.ID} })
	groupsWith    = state.NewIndex(groups, func(g *Group) []string { return g.Attached })
	roleByID      = state.NewIndex(roles, func(r *Role) []string { return []string{r.ID} })
	rolesWith     = state.NewIndex(roles, func(r *Role) []string { return r.Attached })
	rolesWithin   = state.NewIndex(roles, func(r *Role) []string { return some(r.Boundary) })
	profilesOf    = state.NewIndex(profiles, func(p *InstanceProfile) []string { return some(fold(p.Role)) })
	keysOf        = state.NewIndex(keys, func(k *AccessKey) []string { return []string{k.UserID} })
	sessionsByDay = state.NewIndex(sessions, func(s *Session) []string { return []string{day(s.Expires)} })
)

// Tables are the package's tables.
var Tables = []state.AnyTable{
	users, groups, roles, profiles, policies, keys, rootKeys, sessions, uses, providers, accounts, deletions, linked,
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// ARN is the user's name in an account.
func (u *User) ARN(scope state.Scope) string { return named(scope, "user", u.Path, u.Name) }

// ARN is the group's name in an account.
func (g *Group) ARN(scope state.Scope) string { return named(scope, "group", g.Path, g.Name) }

// ARN is the role's name in an account.
func (r *Role) ARN(scope state.Scope) string { return named(scope, "role", r.Path, r.Name) }

// ARN is the instance profile's name in an account.
func (p *InstanceProfile) ARN(scope state.Scope) string {
	return named(scope, "instance-profile", p.Path, p.Name)
}

// ARN is the policy's name.
func (p *Policy) ARN() string {
	return named(state.Scope{Account: p.Owner}, "policy", p.Path, p.Name)
}

// ARN is the provider's name in an account.
func (p *Provider) ARN(scope state.Scope) string {
	return arn.New("iam", scope.Global(), "oidc-provider/"+p.Host)
}

func named(scope state.Scope, kind, path, name string) string {
	if path == "" {
		path = "/"
	}
	return arn.New("iam", scope.Global(), kind+path+name)
}

// version is the policy's version of the number.
func (p *Policy) version(number int) (*Version, bool) {
	for i := range p.Versions {
		if p.Versions[i].Number == number {
			return &p.Versions[i], true
		}
	}
	return nil, false
}

// document is the text that is in force.
func (p *Policy) document() string {
	if v, ok := p.version(p.Default); ok {
		return v.Document
	}
	return ""
}
