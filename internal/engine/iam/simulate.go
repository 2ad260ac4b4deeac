package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// simulation is a simulated principal and his policies. Kinds are those of the
// identity's policies, one for one.
type simulation struct {
	policies  policy.Policies
	kinds     []api.PolicySourceType
	principal policy.Principal
	context   map[string][]string
	// foreign resources have no policy that could be asked; see run.
	noResourcePolicy bool
}

func (m *simulation) add(kind api.PolicySourceType, sources ...policy.Source) {
	for _, source := range sources {
		k := kind
		switch {
		case strings.HasPrefix(source.ARN, managedPrefix):
			k = api.PolicySourceTypeAwsManaged
		case source.ARN != "":
			k = api.PolicySourceTypeUserManaged
		}
		m.policies.Identity = append(m.policies.Identity, source)
		m.kinds = append(m.kinds, k)
	}
}

// simulated is the members that both requests have.
type simulated struct {
	actions, resources, policies, boundaries []string
	resourcePolicy, caller                   *string
	context                                  []api.ContextEntry
	marker                                   *string
	most                                     *int
}

// SimulateCustomPolicy tells what policies that are given would allow.
func (s *Service) SimulateCustomPolicy(_ context.Context, c *operation.Caller, in *api.SimulateCustomPolicyRequest) (*api.SimulatePolicyResponse, error) {
	m := &simulation{principal: policy.Principal{Account: c.Account}}
	return s.simulate(s.env.Store.View(), c, m, simulated{
		in.ActionNames, in.ResourceArns, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList,
		in.ResourcePolicy, in.CallerArn, in.ContextEntries, in.Marker, in.MaxItems,
	})
}

// SimulatePrincipalPolicy tells what a user, group or role may do, or could if he
// had further policies.
func (s *Service) SimulatePrincipalPolicy(_ context.Context, c *operation.Caller, in *api.SimulatePrincipalPolicyRequest) (*api.SimulatePolicyResponse, error) {
	tx := s.env.Store.View()
	m, err := s.simulatedPrincipal(tx, c.Global(), *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	return s.simulate(tx, c, m, simulated{
		in.ActionNames, in.ResourceArns, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList,
		in.ResourcePolicy, in.CallerArn, in.ContextEntries, in.Marker, in.MaxItems,
	})
}

// simulatedPrincipal is a user, group or role with his policies.
func (s *Service) simulatedPrincipal(tx *state.Tx, scope state.Scope, name string) (*simulation, error) {
	a, ok := arn.Parse(name)
	if !ok || a.Service != "iam" || a.Account != scope.Account {
		return nil, api.InvalidInputException("Invalid Entity Arn: %s does not clearly define entity type and name.", name)
	}
	kind, _, _ := strings.Cut(a.Resource, "/")
	switch kind {
	case "user":
		u, err := findUser(tx, scope, nameOf(name))
		if err != nil {
			return nil, err
		}
		m := s.simulatedUser(tx, scope, u)
		for _, g := range groupsOf(tx, scope, u) {
			m.add(api.PolicySourceTypeGroup, s.sources(tx, scope, &g.Grants)...)
		}
		return m, nil
	case "group":
		g, err := findGroup(tx, scope, nameOf(name))
		if err != nil {
			return nil, err
		}
		m := &simulation{principal: policy.Principal{Account: scope.Account}}
		m.add(api.PolicySourceTypeGroup, s.sources(tx, scope, &g.Grants)...)
		return m, nil
	case "role":
		r, err := findRole(tx, scope, nameOf(name))
		if err != nil {
			return nil, err
		}
		m := &simulation{principal: policy.Principal{Account: scope.Account, ARN: r.ARN(scope), RoleARN: r.ARN(scope), UserID: r.ID, Tags: r.Tags}}
		m.add(api.PolicySourceTypeRole, s.sources(tx, scope, &r.Grants)...)
		if r.Boundary != "" {
			m.policies.Boundary = s.boundarySources(tx, scope, r.Boundary)
		}
		return m, nil
	}
	return nil, api.InvalidInputException("Invalid Entity Arn: %s does not clearly define entity type and name.", name)
}

func (s *Service) simulatedUser(tx *state.Tx, scope state.Scope, u *User) *simulation {
	m := &simulation{principal: policy.Principal{Account: scope.Account, ARN: u.ARN(scope), UserID: u.ID, UserName: u.Name, Tags: u.Tags}}
	m.add(api.PolicySourceTypeUser, s.sources(tx, scope, &u.Grants)...)
	if u.Boundary != "" {
		m.policies.Boundary = s.boundarySources(tx, scope, u.Boundary)
	}
	return m
}

// simulate puts what the request adds to the principal, and runs all actions on
// all resources.
func (s *Service) simulate(tx *state.Tx, c *operation.Caller, m *simulation, in simulated) (*api.SimulatePolicyResponse, error) {
	given, err := inputs(policy.Identity, "PolicyInputList", in.policies)
	if err != nil {
		return nil, err
	}
	m.add(api.PolicySourceTypeNone, given...)
	if len(in.boundaries) > 0 {
		if m.policies.Boundary, err = inputs(policy.Boundary, "PermissionsBoundaryPolicyInputList", in.boundaries); err != nil {
			return nil, err
		}
	}
	m.noResourcePolicy = in.resourcePolicy == nil
	if in.resourcePolicy != nil {
		if m.policies.Resource, err = inputs(policy.Resource, "ResourcePolicy", []string{*in.resourcePolicy}); err != nil {
			return nil, err
		}
	}
	if in.caller != nil {
		if err := m.callAs(tx, c.Global(), *in.caller); err != nil {
			return nil, err
		}
	}
	m.context = map[string][]string{}
	for _, e := range in.context {
		m.context[awsapi.V(e.ContextKeyName)] = e.ContextKeyValues
	}
	list, marker, truncated, err := page(slices.Values(m.pairs(in.actions, in.resources)), in.marker, in.most, func(p pair) string { return p.key })
	if err != nil {
		return nil, err
	}
	return &api.SimulatePolicyResponse{
		EvaluationResults: convert(list, func(p pair) api.EvaluationResult { return m.result(p, len(in.resources) > 0) }),
		IsTruncated:       truncated, Marker: marker,
	}, nil
}

// inputs are policies that a request gives.
func inputs(kind policy.Kind, member string, texts []string) ([]policy.Source, error) {
	list := make([]policy.Source, len(texts))
	for i, text := range texts {
		d, err := policy.Parse([]byte(text))
		if err != nil {
			return nil, api.InvalidInputException("Invalid input policy %s.%d: %v", member, i+1, err)
		}
		list[i] = policy.Source{Kind: kind, Name: fmt.Sprintf("%s.%d", member, i+1), Document: d}
	}
	return list, nil
}

// callAs makes a user the one who calls. AWS takes users only.
func (m *simulation) callAs(tx *state.Tx, scope state.Scope, name string) error {
	a, ok := arn.Parse(name)
	if !ok || a.Service != "iam" || !strings.HasPrefix(a.Resource, "user/") {
		return api.InvalidInputException("Invalid caller ARN: %s", name)
	}
	m.principal = policy.Principal{Account: a.Account, ARN: name, UserName: nameOf(name)}
	if u, ok := users.Get(tx, scope, fold(nameOf(name))); ok && u.ARN(scope) == name {
		m.principal.UserID, m.principal.Tags = u.ID, u.Tags
	}
	return nil
}

// pair is one thing to simulate.
type pair struct{ key, action, resource string }

func (m *simulation) pairs(actions, resources []string) (list []pair) {
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	for _, action := range actions {
		for _, resource := range resources {
			list = append(list, pair{fmt.Sprintf("%06d", len(list)), action, resource})
		}
	}
	return list
}

// run decides one pair. Where the request gives no resource policy, a resource of
// another account counts as the caller's own: the simulator does not know what
// the other account allows.
func (m *simulation) run(p pair) policy.Simulation {
	r := &policy.Request{
		Principal: m.principal,
		Need:      policy.Need{Action: p.action, Resource: p.resource},
		Context:   m.context,
	}
	if owner := accountOf(p.resource); m.noResourcePolicy && owner != "" {
		r.Principal.Account = owner
	}
	return policy.Simulate(&m.policies, r)
}

func (m *simulation) result(p pair, specific bool) api.EvaluationResult {
	sim := m.run(p)
	decision := api.PolicyEvaluationDecisionType(sim.Decision.Verdict())
	out := api.EvaluationResult{
		EvalActionName:       new(p.action),
		EvalDecision:         decision,
		EvalResourceName:     new(p.resource),
		MatchedStatements:    convert(sim.Matched, m.statement),
		MissingContextValues: convert(sim.Missing, self),
	}
	if within, ok := sim.ByKind[policy.Boundary]; ok {
		out.PermissionsBoundaryDecisionDetail = &api.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: new(within == policy.Allowed)}
	}
	if specific {
		out.ResourceSpecificResults = []api.ResourceSpecificResult{{
			EvalResourceName: out.EvalResourceName, EvalResourceDecision: decision,
			MatchedStatements: out.MatchedStatements, MissingContextValues: out.MissingContextValues,
			PermissionsBoundaryDecisionDetail: out.PermissionsBoundaryDecisionDetail,
		}}
	}
	return out
}

func (m *simulation) statement(match policy.Match) api.Statement {
	position := func(p policy.Position) *api.Position { return &api.Position{Line: new(p.Line), Column: new(p.Column)} }
	return api.Statement{
		SourcePolicyId:   new(match.Source.Name),
		SourcePolicyType: m.kindOf(match.Source),
		StartPosition:    position(match.Statement.Start),
		EndPosition:      position(match.Statement.End),
	}
}

// kindOf finds what kind of policy a source is; sources are told apart by where
// they stand.
func (m *simulation) kindOf(source *policy.Source) api.PolicySourceType {
	for i := range m.policies.Identity {
		if &m.policies.Identity[i] == source {
			return m.kinds[i]
		}
	}
	switch {
	case source.Kind == policy.Resource:
		return api.PolicySourceTypeResource
	case strings.HasPrefix(source.ARN, managedPrefix):
		return api.PolicySourceTypeAwsManaged
	case source.ARN != "":
		return api.PolicySourceTypeUserManaged
	}
	return api.PolicySourceTypeNone
}

// GetContextKeysForCustomPolicy lists the context keys that policies refer to.
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, _ *operation.Caller, in *api.GetContextKeysForCustomPolicyRequest) (*api.GetContextKeysForPolicyResponse, error) {
	sources, err := inputs(policy.Identity, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	return contextKeys(sources), nil
}

// GetContextKeysForPrincipalPolicy lists the context keys that a user's, group's
// or role's policies refer to.
func (s *Service) GetContextKeysForPrincipalPolicy(_ context.Context, c *operation.Caller, in *api.GetContextKeysForPrincipalPolicyRequest) (*api.GetContextKeysForPolicyResponse, error) {
	m, err := s.simulatedPrincipal(s.env.View(c), c.Global(), *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	given, err := inputs(policy.Identity, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	return contextKeys(append(m.policies.Identity, given...)), nil
}

func contextKeys(sources []policy.Source) *api.GetContextKeysForPolicyResponse {
	names := []string{}
	for _, source := range sources {
		names = append(names, source.Document.ContextKeys()...)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return &api.GetContextKeysForPolicyResponse{ContextKeyNames: slices.CompactFunc(names, strings.EqualFold)}
}
