package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/pipeline/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// granted is what an environment's account is to have.
type granted struct {
	account *cloud.Account
	access  slipway.Access
}

// shown is a policy as --json has it.
type shown struct {
	policy.Step
	Trust json.RawMessage `json:"trust,omitempty"`
}

func raw(document string) json.RawMessage {
	if document == "" {
		return nil
	}
	return json.RawMessage(document)
}

func (p *access) access(steps []policy.Step) (slipway.Access, error) {
	a := slipway.Access{App: p.stack.App, User: p.user, NewKey: p.newKey}
	if p.trust != nil {
		a.Provider = &slipway.IdentityProvider{URL: p.trust.URL, Audience: p.trust.Audience}
	}
	for _, s := range steps {
		parts, err := s.Parts()
		if err != nil {
			return a, err
		}
		for _, part := range parts {
			one := slipway.AccessPolicy{Name: part.Name, Document: part.Document.JSON()}
			if p.trust != nil {
				one.Role = s.Name
			}
			a.Policies = append(a.Policies, one)
		}
		if p.trust != nil {
			a.Roles = append(a.Roles, slipway.AccessRole{Name: s.Name, Trust: s.Trust})
		}
	}
	return a, nil
}

// grant gives the policies, one account after the other: what several environments
// share of an account is asked for once.
func (p *access) grant(ctx context.Context, wants []granted) error {
	var accounts []granted
	for _, w := range wants {
		if last := len(accounts) - 1; last >= 0 && accounts[last].account.ID == w.account.ID {
			into := &accounts[last].access
			into.Policies, into.Roles = append(into.Policies, w.access.Policies...), append(into.Roles, w.access.Roles...)
			continue
		}
		accounts = append(accounts, w)
	}
	if p.user != "" && len(accounts) > 1 {
		return fmt.Errorf("the environments are in %d accounts, and a user is in one: name those of one account", len(accounts))
	}
	for _, w := range accounts {
		if err := p.grantOne(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (p *access) grantOne(ctx context.Context, w granted) error {
	g, err := w.account.Grant(ctx, w.access)
	if err != nil {
		return err
	}
	line := func(label, text string) {
		if !p.json {
			fmt.Fprintf(p.t.out, "%-13s%s\n", label, text)
		}
	}
	if len(g.Changes) == 0 {
		line("done", "all of it is there already in account "+w.account.ID+"; nothing was changed")
		return nil
	}
	for _, c := range g.Changes {
		line("will", c)
	}
	if err := p.confirmed(w.account.ID); err != nil {
		return err
	}
	err = g.Do(ctx)
	if g.Key != nil { // also where something after it failed: it is told this once
		if p.json {
			if err := encode(p.t.out, map[string]*slipway.AccessKey{"accessKey": g.Key}); err != nil {
				return err
			}
		}
		line("key", "AWS_ACCESS_KEY_ID="+g.Key.ID)
		line("", "AWS_SECRET_ACCESS_KEY="+g.Key.Secret)
		line("", "shown this once; keep it as a secret of the CI service, in no file")
	}
	if err != nil {
		return fmt.Errorf("%w; run it again to continue", err)
	}
	line("done", fmt.Sprintf("%d changes in account %s", len(g.Changes), w.account.ID))
	for _, r := range w.access.Roles {
		line("role", fmt.Sprintf("arn:aws:iam::%s:role/%s", w.account.ID, r.Name))
	}
	return nil
}
