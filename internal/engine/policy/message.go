package policy

import "strings"

// Message is AWS's sentence for a request that was refused, as the IAM User
// Guide has it in "Troubleshoot access denied error messages". It is empty for
// one that was allowed.
func (d Decision) Message(r *Request) string {
	if d.Allowed {
		return ""
	}
	if r.Principal.Federated != "" {
		return "Not authorized to perform " + r.Need.Action
	}
	var b strings.Builder
	b.WriteString("User: ")
	b.WriteString(r.Principal.name())
	b.WriteString(" is not authorized to perform: ")
	b.WriteString(r.Need.Action)
	if r.Need.Resource != "" {
		b.WriteString(" on resource: ")
		b.WriteString(r.Need.Resource)
	}
	if d.Explicit {
		switch d.By {
		case Identity:
			b.WriteString(" with an explicit deny in an ")
		case Trust:
			b.WriteString(" with an explicit deny in the ")
		default:
			b.WriteString(" with an explicit deny in a ")
		}
		b.WriteString(string(d.By))
		return b.String()
	}
	b.WriteString(" because no ")
	b.WriteString(string(d.By))
	b.WriteString(" allows the ")
	b.WriteString(r.Need.Action)
	b.WriteString(" action")
	return b.String()
}

// name is how messages call the principal.
func (p *Principal) name() string {
	switch {
	case p.ARN != "":
		return p.ARN
	case p.Service != "":
		return p.Service
	}
	return "anonymous"
}
