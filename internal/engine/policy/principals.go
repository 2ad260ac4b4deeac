package policy

import "strings"

// principals are a Principal or NotPrincipal element.
type principals struct {
	everybody bool // "*" and not an object
	aws       []string
	services  []string
	federated []string
	canonical []string
}

// grant is how directly a statement names a principal. Who is named directly
// needs no other policy; who is allowed only through the account does.
type grant byte

const (
	nobody grant = iota
	throughAccount
	throughRole
	directly
)

// names tells how the element names a principal. A wildcard means all accounts'
// principals and anonymous requests; an AWS service or a federated identity is
// meant by it only when deny is set: nobody escapes a Deny to everybody, and
// nobody outside AWS comes in by an Allow that was not about them.
func (p *principals) names(who *Principal, deny bool) grant {
	if p.everybody {
		return directly
	}
	switch {
	case who.Service != "":
		if containsFold(p.services, who.Service) || deny && contains(p.aws, "*") {
			return directly
		}
		return nobody
	case who.Federated != "":
		if contains(p.federated, who.Federated) || deny && contains(p.aws, "*") {
			return directly
		}
		return nobody
	}
	best := nobody
	for _, name := range p.aws {
		best = max(best, who.named(name))
	}
	return best
}

// named tells how an AWS principal's name means the principal. Besides ARNs
// there are unique ids, which IAM puts in a trust policy for users and roles
// when it stores it.
func (p *Principal) named(name string) grant {
	switch {
	case name == "*":
		return directly
	case name == "" || p.Account == "":
		return nobody
	case name == p.ARN, name == p.UserID:
		return directly
	case p.RoleARN != "" && name == p.RoleARN:
		return throughRole
	case accountNamed(name) == p.Account:
		if p.Root {
			return directly
		}
		return throughAccount
	}
	if id, _, ok := strings.Cut(p.UserID, ":"); ok && name == id && p.RoleARN != "" {
		return throughRole
	}
	return nobody
}

// accountNamed is the account that a name stands for as a whole, if it does: the
// number alone, or the ARN of its root.
func accountNamed(name string) string {
	if isAccount(name) {
		return name
	}
	rest, ok := strings.CutSuffix(name, ":root")
	if !ok || !strings.HasPrefix(rest, "arn:") {
		return ""
	}
	id := rest[strings.LastIndexByte(rest, ':')+1:]
	if !isAccount(id) || !strings.HasSuffix(rest, ":iam::"+id) {
		return ""
	}
	return id
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// excepts tells whether a NotPrincipal leaves a principal out. Under a Deny
// every level has to be named, account, role and session: "you must also
// specify the account ARN of the not-denied principal".
func (p *principals) excepts(who *Principal, deny bool) bool {
	if !deny || p.everybody || contains(p.aws, "*") || who.Service != "" || who.Federated != "" || who.Account == "" {
		return p.names(who, false) != nobody
	}
	var self, role, account bool
	for _, name := range p.aws {
		self = self || name == who.ARN || name == who.UserID
		role = role || name == who.RoleARN
		account = account || accountNamed(name) == who.Account
	}
	return account && (self || who.Root) && (role || who.RoleARN == "")
}

// covers tells how a statement's principal element applies; a statement of an
// identity-based policy has none and is not asked.
func (s *Statement) covers(who *Principal) grant {
	switch {
	case s.principals == nil:
		return nobody
	case !s.exceptThem:
		return s.principals.names(who, !s.Allow)
	case s.principals.excepts(who, !s.Allow):
		return nobody
	case s.Allow && (who.Service != "" || who.Federated != ""):
		return nobody // as with a wildcard, an Allow has to name these
	}
	return directly
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

func containsFold(list []string, s string) bool {
	for _, one := range list {
		if equalFold(one, s) {
			return true
		}
	}
	return false
}
