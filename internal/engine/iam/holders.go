package iam

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// holder is one of the three kinds of things that hold policies. IAM has the
// same eight operations for each.
type holder[T any] struct {
	noun   string // as errors call it
	table  *state.Table[T]
	grants func(*T) *Grants
	find   func(tx *state.Tx, scope state.Scope, name string) (*T, error)
	// guard refuses to change the policies of some.
	guard func(*T) error
	// inlineSize bounds all inline policies together, attached the number of
	// managed ones.
	inlineSize, attached int
	attachedQuota        string
}

var (
	ofUsers = holder[User]{"user", users, func(u *User) *Grants { return &u.Grants }, findUser,
		func(*User) error { return nil }, sizeInlineUser, quotaAttachedPerUser, "PoliciesPerUser"}
	ofGroups = holder[Group]{"group", groups, func(g *Group) *Grants { return &g.Grants }, findGroup,
		func(*Group) error { return nil }, sizeInlineGroup, quotaAttachedPerGroup, "PoliciesPerGroup"}
	ofRoles = holder[Role]{"role", roles, func(r *Role) *Grants { return &r.Grants }, findRole,
		(*Role).modifiable, sizeInlineRole, quotaAttachedPerRole, "PoliciesPerRole"}
)

// change runs on the holder's grants. IAM looks for the holder before it looks
// at anything else.
func (h holder[T]) change(s *Service, c *operation.Caller, name string, do func(tx *state.Tx, g *Grants) error) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		row, err := h.find(tx, scope, name)
		if err != nil {
			return err
		}
		if err := h.guard(row); err != nil {
			return err
		}
		changed := *row
		if err := do(tx, h.grants(&changed)); err != nil {
			return err
		}
		h.table.Put(tx, scope, &changed)
		return nil
	}))
}

func (h holder[T]) put(s *Service, c *operation.Caller, name, policyName, document string) (*awsapi.Empty, error) {
	return h.change(s, c, name, func(_ *state.Tx, g *Grants) error {
		if err := checkIdentityPolicy(document); err != nil {
			return err
		}
		at, had := g.inline(policyName)
		size := policy.Size(document)
		for i, p := range g.Inline {
			if !had || i != at {
				size += policy.Size(p.Document)
			}
		}
		if size > h.inlineSize {
			return api.LimitExceededException("Maximum policy size of %d bytes exceeded for %s %s", h.inlineSize, h.noun, name)
		}
		g.Inline = slices.Clone(g.Inline)
		if had {
			g.Inline[at].Document = document
		} else {
			g.Inline = slices.Insert(g.Inline, at, Inline{policyName, document})
		}
		return nil
	})
}

// inline is where the inline policy of the name stands, or would stand.
func (g *Grants) inline(name string) (at int, ok bool) {
	return slices.BinarySearchFunc(g.Inline, name, func(p Inline, name string) int { return strings.Compare(p.Name, name) })
}

func (h holder[T]) noInline(name string) error {
	return api.NoSuchEntityException("The %s policy with name %s cannot be found.", h.noun, name)
}

func (h holder[T]) get(s *Service, c *operation.Caller, name, policyName string) (*Inline, error) {
	row, err := h.find(s.env.Store.View(), c.Global(), name)
	if err != nil {
		return nil, err
	}
	g := h.grants(row)
	at, ok := g.inline(policyName)
	if !ok {
		return nil, h.noInline(policyName)
	}
	return &g.Inline[at], nil
}

func (h holder[T]) remove(s *Service, c *operation.Caller, name, policyName string) (*awsapi.Empty, error) {
	return h.change(s, c, name, func(_ *state.Tx, g *Grants) error {
		at, ok := g.inline(policyName)
		if !ok {
			return h.noInline(policyName)
		}
		g.Inline = slices.Delete(slices.Clone(g.Inline), at, at+1)
		return nil
	})
}

func (h holder[T]) names(s *Service, c *operation.Caller, name string, marker *string, most *int) (names []string, next *string, truncated *bool, err error) {
	row, err := h.find(s.env.Store.View(), c.Global(), name)
	if err != nil {
		return nil, nil, nil, err
	}
	return page(slices.Values(convert(h.grants(row).Inline, func(p Inline) string { return p.Name })), marker, most, self)
}

func (h holder[T]) attach(s *Service, c *operation.Caller, name, arn string) (*awsapi.Empty, error) {
	return h.change(s, c, name, func(tx *state.Tx, g *Grants) error {
		if err := policyARN(arn); err != nil {
			return err
		}
		p, ok := PolicyByARN(tx, c.Global(), arn)
		if !ok {
			return notAttachable(arn)
		}
		if p.Owner == "aws" && strings.HasPrefix(p.Path, linkedPath) {
			return api.PolicyNotAttachableException("Cannot attach a Service Role Policy to a Customer %s.", strings.ToUpper(h.noun[:1])+h.noun[1:])
		}
		at, had := slices.BinarySearch(g.Attached, arn)
		switch {
		case had:
			return nil
		case len(g.Attached) >= h.attached:
			return overQuota(h.attachedQuota, h.attached)
		}
		g.Attached = slices.Insert(slices.Clone(g.Attached), at, arn)
		return nil
	})
}

func (h holder[T]) detach(s *Service, c *operation.Caller, name, arn string) (*awsapi.Empty, error) {
	return h.change(s, c, name, func(_ *state.Tx, g *Grants) error {
		if err := policyARN(arn); err != nil {
			return err
		}
		at, had := slices.BinarySearch(g.Attached, arn)
		if !had {
			return noPolicy(arn)
		}
		g.Attached = slices.Delete(slices.Clone(g.Attached), at, at+1)
		return nil
	})
}

func (h holder[T]) attachments(s *Service, c *operation.Caller, name string, prefix, marker *string, most *int) (list []api.AttachedPolicy, next *string, truncated *bool, err error) {
	tx, scope := s.env.Store.View(), c.Global()
	row, err := h.find(tx, scope, name)
	if err != nil {
		return nil, nil, nil, err
	}
	rows := under(slices.Values(h.grants(row).Attached), prefix, func(arn string) string {
		if p, ok := PolicyByARN(tx, scope, arn); ok {
			return p.Path
		}
		return ""
	})
	arns, next, truncated, err := page(rows, marker, most, self)
	return convert(arns, attached), next, truncated, err
}

func attached(arn string) api.AttachedPolicy {
	return api.AttachedPolicy{PolicyArn: new(arn), PolicyName: new(nameOf(arn))}
}
