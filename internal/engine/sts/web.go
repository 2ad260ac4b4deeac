package sts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// AssumeRoleWithWebIdentity makes a session of a role for whom an OpenID Connect
// provider of the role's account vouches: a CI job, a pod. Nobody signs it; the
// token is the credential. It is the one operation that goes to the network, for
// the issuer's keys.
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, c *operation.Caller, in *api.AssumeRoleWithWebIdentityRequest) (*api.AssumeRoleWithWebIdentityResponse, error) {
	if a, ok := arn.Parse(*in.RoleArn); !ok || a.Service != "iam" {
		return nil, invalid("%s is invalid", *in.RoleArn)
	}
	if in.ProviderId != nil {
		return nil, invalidValue("ProviderId: OAuth 2.0 access tokens are not served by the engine; leave it out for an OpenID Connect token.")
	}
	t, err := parseToken(*in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	scope := scopeOf(*in.RoleArn)
	provider, err := s.vouched(ctx, scope, t)
	if err != nil {
		return nil, err
	}
	var out *api.AssumeRoleWithWebIdentityResponse
	err = s.env.Store.Update(func(tx *state.Tx) (err error) {
		out, err = s.assumeWith(tx, c, in, provider, &t.claims)
		return err
	})
	return out, err
}

// vouched verifies the token and finds whose it is.
func (s *Service) vouched(ctx context.Context, scope state.Scope, t *token) (*iam.Provider, error) {
	p, ok := iam.ProviderByIssuer(s.env.Store.View(), scope, t.claims.Issuer)
	if !ok {
		return nil, badToken("No OpenIDConnect provider found in your account for %s", t.claims.Issuer)
	}
	good, err := s.keys.verified(ctx, p, t)
	switch {
	case err != nil:
		s.env.Log.Warn("an identity provider's keys cannot be had", "provider", p.URL, "error", err)
		return nil, badToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	case !good:
		return nil, badToken("Token signature verification failed")
	case !t.claims.meant(p.Clients):
		return nil, badToken("Incorrect token audience")
	}
	return p, t.claims.timely(s.env.Now())
}

// assumeWith asks the trust policy, which alone decides, and makes the session.
func (s *Service) assumeWith(tx *state.Tx, c *operation.Caller, in *api.AssumeRoleWithWebIdentityRequest, p *iam.Provider, cl *claims) (*api.AssumeRoleWithWebIdentityResponse, error) {
	scope := scopeOf(*in.RoleArn)
	providerARN := p.ARN(scope)
	r, ok := iam.RoleByARN(tx, *in.RoleArn)
	if _, still := iam.ProviderByIssuer(tx, scope, p.URL); !still || !ok || !s.trusts(tx, c, in, r, p, cl) {
		return nil, denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	if err := lasts(r, durationOr(in.DurationSeconds), false); err != nil {
		return nil, err
	}
	tags, transitive, err := sessionTags(cl.tags())
	if err != nil {
		return nil, err
	}
	policies, err := sessionPolicies(tx, scope, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	size, err := packed(policies, tags)
	if err != nil {
		return nil, err
	}
	issued := s.iam.Issue(tx, iam.Session{
		Account: scope.Account, Kind: operation.AssumedRole, Owner: r.ID, Name: *in.RoleSessionName,
		Expires:  s.now().Add(time.Duration(durationOr(in.DurationSeconds)) * time.Second),
		Policies: policies, Tags: tags, Transitive: transitive, SourceIdentity: cl.SourceIdentity,
	})
	out := &api.AssumeRoleWithWebIdentityResponse{
		AssumedRoleUser: assumedRole(scope, r, *in.RoleSessionName), Credentials: credentials(issued), PackedPolicySize: size,
		Audience: new(cl.audience()), Provider: &providerARN, SubjectFromWebIdentityToken: new(cl.Subject),
	}
	if cl.SourceIdentity != "" {
		out.SourceIdentity = new(cl.SourceIdentity)
	}
	return out, nil
}

// tags are the session tags in the token, as sessionTags takes them.
func (c *claims) tags() (list []api.Tag, transitive []string, from *iam.Session) {
	if c.Tags == nil {
		return nil, nil, nil
	}
	for k, v := range c.Tags.Principal {
		if len(v) > 0 {
			list = append(list, api.Tag{Key: new(k), Value: new(v[0])})
		}
	}
	slices.SortFunc(list, func(a, b api.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return list, c.Tags.Transitive, nil
}

// trusts asks the role's trust policy about the token. The keys of the token
// begin with the issuer ("AWS OIDC federation keys" in the IAM User Guide).
func (s *Service) trusts(tx *state.Tx, c *operation.Caller, in *api.AssumeRoleWithWebIdentityRequest, r *iam.Role, p *iam.Provider, cl *claims) bool {
	scope := scopeOf(*in.RoleArn)
	trust, err := policy.Parse([]byte(r.TrustPolicy(tx, scope)))
	if err != nil {
		return false
	}
	keys := map[string][]string{
		p.Host + ":sub":         {cl.Subject},
		p.Host + ":aud":         {cl.audience()},
		"sts:RoleSessionName":   {awsapi.V(in.RoleSessionName)},
		"aws:FederatedProvider": {p.ARN(scope)},
	}
	if cl.Party != "" {
		keys[p.Host+":oaud"] = cl.Audience
	}
	if len(cl.Methods) > 0 {
		keys[p.Host+":amr"] = cl.Methods
	}
	if cl.SourceIdentity != "" {
		keys["sts:SourceIdentity"] = []string{cl.SourceIdentity}
	}
	list, transitive, _ := cl.tags()
	actions := []string{"sts:AssumeRoleWithWebIdentity"}
	if len(list) > 0 {
		actions = append(actions, "sts:TagSession")
		keys["sts:TransitiveTagKeys"] = transitive
		for _, t := range list {
			keys["aws:RequestTag/"+*t.Key] = []string{*t.Value}
			keys["aws:TagKeys"] = append(keys["aws:TagKeys"], *t.Key)
		}
	}
	if cl.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		d := policy.EvaluateTrust(trust, &policy.Request{
			Principal: policy.Principal{Federated: p.ARN(scope)},
			Need:      policy.Need{Action: action, Resource: *in.RoleArn, Keys: keys},
			Context:   circumstances(c), Now: s.env.Now(), SourceIP: c.Source,
		})
		if !d.Allowed {
			return false
		}
	}
	return true
}
