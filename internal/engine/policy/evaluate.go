package policy

import "strings"

// evaluation is one request on its way through the policies.
type evaluation struct {
	request *Request
	// visit is called for every statement that applies; simulations ask.
	visit func(*Source, *Statement)
}

// verdict is what one set of policies says.
type verdict struct {
	denied, allowed     *Statement
	deniedBy, allowedBy *Source
	// granted is how a resource policy allows.
	granted grant
}

// Evaluate decides a request, as the IAM User Guide's "Policy evaluation logic"
// has it: a Deny that applies anywhere ends it; else the identity's policies
// have to allow it, within its boundary and its session's policies, or, in the
// same account, the resource's policy has to name the caller. Across accounts
// both have to allow. The root user may do all that its session may.
func Evaluate(p *Policies, r *Request) Decision {
	e := evaluation{request: r}
	return e.decide(p)
}

func (e *evaluation) decide(p *Policies) Decision {
	identity := e.consult(p.Identity, false)
	boundary := e.consult(p.Boundary, false)
	session := e.consult(p.Session, false)
	resource := e.consult(p.Resource, true)
	for _, v := range [...]struct {
		*verdict
		by Kind
	}{{&identity, Identity}, {&resource, Resource}, {&boundary, Boundary}, {&session, Session}} {
		if v.denied != nil {
			return denial(v.verdict, v.by)
		}
	}

	who := &e.request.Principal
	mustGrant := requires(p.Resource)
	foreign := isForeign(who.Account, e.request.Need.Resource)
	switch {
	case (mustGrant != "" || foreign) && resource.granted == nobody:
		// The identity's side is told first where both are missing.
		if foreign && identity.allowed == nil && !who.Root {
			return Decision{By: Identity}
		}
		return Decision{By: orResource(mustGrant)}
	case resource.granted == directly && !foreign:
		return permission(&resource, orResource(resource.allowedBy.Kind))
	}

	found := permission(&identity, Identity)
	switch {
	case identity.allowed != nil:
	case who.Root:
		found = Decision{Allowed: true, By: Identity}
	case resource.granted == throughRole && !foreign:
		found = permission(&resource, orResource(resource.allowedBy.Kind))
	case who.Account == "":
		return Decision{By: Resource}
	default:
		return Decision{By: Identity}
	}
	switch {
	case p.Boundary != nil && boundary.allowed == nil && !who.Root:
		return Decision{By: Boundary}
	case p.Session != nil && session.allowed == nil:
		return Decision{By: Session}
	}
	return found
}

// requires is the kind of the resource policy that has to allow a request, even
// within its account: a role's trust policy.
func requires(resource []Source) Kind {
	for i := range resource {
		if resource[i].Kind == Trust {
			return Trust
		}
	}
	return ""
}

func orResource(k Kind) Kind {
	if k == "" {
		return Resource
	}
	return k
}

// isForeign tells whether a resource is another account's.
func isForeign(account, resource string) bool {
	of := owner(resource)
	return account != "" && of != "" && of != account
}

// owner is the account in an ARN. Many ARNs name none, and those of AWS's own
// things ("arn:aws:iam::aws:policy/…") no account.
func owner(resource string) string {
	if !strings.HasPrefix(resource, "arn:") {
		return ""
	}
	rest := resource
	for range 4 {
		_, after, ok := strings.Cut(rest, ":")
		if !ok {
			return ""
		}
		rest = after
	}
	account, _, ok := strings.Cut(rest, ":")
	if !ok || !isAccount(account) {
		return ""
	}
	return account
}

// consult asks one set of policies. It goes on after an Allow, since a Deny may
// follow, but does not look at further ones.
func (e *evaluation) consult(sources []Source, onResource bool) verdict {
	var v verdict
	for i := range sources {
		source := &sources[i]
		if source.Document == nil {
			continue
		}
		for _, s := range source.Document.Statements {
			if s.Allow && e.visit == nil && v.settled(onResource) {
				continue
			}
			g := e.applies(s, onResource)
			if g == nobody {
				continue
			}
			if e.visit != nil {
				e.visit(source, s)
			}
			v.take(source, s, g)
			if v.denied != nil && e.visit == nil {
				return v
			}
		}
	}
	return v
}

// settled tells whether no further Allow can add anything.
func (v *verdict) settled(onResource bool) bool {
	return v.allowed != nil && (!onResource || v.granted == directly)
}

func (v *verdict) take(source *Source, s *Statement, g grant) {
	switch {
	case !s.Allow && v.denied == nil:
		v.denied, v.deniedBy = s, source
	case s.Allow && g > v.granted:
		v.allowed, v.allowedBy, v.granted = s, source, g
	}
}

// applies tells whether, and how directly, a statement applies to the request.
func (e *evaluation) applies(s *Statement, onResource bool) grant {
	g := directly
	if onResource {
		g = s.covers(&e.request.Principal)
	} else if s.principals != nil && s.Allow {
		g = nobody // no identity-based policy may have one
	}
	if g == nobody || !s.actions.takes(e, e.request.Need.Action, true) {
		return nobody
	}
	// A resource's policy may leave out the resource: it is the one it hangs on.
	if s.resources.present || !onResource {
		if !s.resources.takes(e, e.request.Need.Resource, false) || s.Allow && s.resources.unknown(e) {
			return nobody
		}
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(e) {
			return nobody
		}
	}
	return g
}

func (l *list) takes(e *evaluation, s string, fold bool) bool {
	if len(l.patterns) == 0 {
		return false
	}
	for i := range l.patterns {
		if l.patterns[i].matches(e, s, fold) {
			return !l.not
		}
	}
	return l.not
}

// unknown tells whether a NotResource has a variable without a value: it cannot
// be told what is left out, so an Allow must not apply.
func (l *list) unknown(e *evaluation) bool {
	if !l.not {
		return false
	}
	for i := range l.patterns {
		if _, ok := l.patterns[i].expand(e); !ok {
			return true
		}
	}
	return false
}

func denial(v *verdict, by Kind) Decision {
	if v.deniedBy.Kind == Trust {
		by = Trust
	}
	return Decision{Explicit: true, By: by, Source: v.deniedBy.id(), Statement: v.denied.label}
}

func permission(v *verdict, by Kind) Decision {
	if v.allowed == nil {
		return Decision{}
	}
	return Decision{Allowed: true, Explicit: true, By: by, Source: v.allowedBy.id(), Statement: v.allowed.label}
}

func (s *Source) id() string {
	if s.ARN != "" {
		return s.ARN
	}
	return s.Name
}

// EvaluateTrust asks a role's trust policy alone who may take the role: for AWS
// services and federated identities, which have no policies of their own. For
// users and roles it is only half of the answer; Evaluate gives the whole when
// it finds the trust policy among the resource policies.
func EvaluateTrust(d *Document, r *Request) Decision {
	e := evaluation{request: r}
	trust := [1]Source{{Kind: Trust, Document: d}}
	v := e.consult(trust[:], true)
	switch {
	case v.denied != nil:
		return denial(&v, Trust)
	case v.allowed != nil:
		return permission(&v, Trust)
	}
	return Decision{By: Trust}
}
