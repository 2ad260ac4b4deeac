package sts

import (
	"context"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// defaultDuration is a role session's when the request names none.
const defaultDuration = 3600

// longestChained is the longest session, in seconds, of a role that another
// role's session assumes ("Role chaining" in the IAM User Guide).
const longestChained = 3600

// needsAssumeRole is what a caller must be allowed for a role. The trust policy
// counts as the role's resource policy here; that it has to agree, which no other
// resource policy has to, AssumeRole sees to itself.
func needsAssumeRole(tx *state.Tx, _ *operation.Caller, in *api.AssumeRoleRequest) []operation.Need {
	keys := map[string][]string{
		"sts:RoleSessionName": {awsapi.V(in.RoleSessionName)},
		"sts:DurationSeconds": {strconv.Itoa(durationOr(in.DurationSeconds))},
	}
	if in.ExternalId != nil {
		keys["sts:ExternalId"] = []string{*in.ExternalId}
	}
	if in.SourceIdentity != nil {
		keys["sts:SourceIdentity"] = []string{*in.SourceIdentity}
	}
	for _, t := range in.Tags {
		keys["aws:RequestTag/"+awsapi.V(t.Key)] = []string{awsapi.V(t.Value)}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], awsapi.V(t.Key))
	}
	if len(in.TransitiveTagKeys) > 0 {
		keys["sts:TransitiveTagKeys"] = in.TransitiveTagKeys
	}
	trust := ""
	if r, ok := iam.RoleByARN(tx, *in.RoleArn); ok {
		trust = r.TrustPolicy(tx, scopeOf(*in.RoleArn))
		for k, v := range r.Tags {
			keys["aws:ResourceTag/"+k] = []string{v}
			keys["iam:ResourceTag/"+k] = []string{v}
		}
	}
	actions := []string{"sts:AssumeRole"}
	if len(in.Tags) > 0 || len(in.TransitiveTagKeys) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if in.SourceIdentity != nil {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	var list []operation.Need
	for _, action := range actions {
		list = append(list, operation.Need{Action: action, Resource: *in.RoleArn, Keys: keys, Policy: trust})
	}
	return list
}

func durationOr(given *int) int {
	if given == nil {
		return defaultDuration
	}
	return *given
}

func scopeOf(name string) state.Scope {
	a, _ := arn.Parse(name)
	return state.Scope{Account: a.Account}
}

// AssumeRole makes a session of a role for a user, or for another role.
func (s *Service) AssumeRole(_ context.Context, c *operation.Caller, in *api.AssumeRoleRequest) (*api.AssumeRoleResponse, error) {
	if a, ok := arn.Parse(*in.RoleArn); !ok || a.Service != "iam" {
		return nil, invalid("%s is invalid", *in.RoleArn)
	}
	if c.Kind == operation.Root {
		return nil, denied("Roles may not be assumed by root accounts.")
	}
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, invalidValue("ProvidedContexts: trusted context providers are not served by the engine.")
	}
	var out *api.AssumeRoleResponse
	err := s.env.Store.Update(func(tx *state.Tx) (err error) {
		out, err = s.assume(tx, c, in)
		return err
	})
	return out, err
}

func (s *Service) assume(tx *state.Tx, c *operation.Caller, in *api.AssumeRoleRequest) (*api.AssumeRoleResponse, error) {
	r, ok := iam.RoleByARN(tx, *in.RoleArn)
	if !ok {
		// AWS does not tell a role that is not there from one that does not trust.
		return nil, denied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.ARN, *in.RoleArn)
	}
	if err := s.trusted(tx, c, in); err != nil {
		return nil, err
	}
	from, chained := iam.SessionByKey(tx, c.AccessKey)
	chained = chained && from.Kind == operation.AssumedRole
	if !chained {
		from = nil
	}
	if err := lasts(r, durationOr(in.DurationSeconds), chained); err != nil {
		return nil, err
	}
	tags, transitive, err := sessionTags(in.Tags, in.TransitiveTagKeys, from)
	if err != nil {
		return nil, err
	}
	scope := scopeOf(*in.RoleArn)
	policies, err := sessionPolicies(tx, scope, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	size, err := packed(policies, tags)
	if err != nil {
		return nil, err
	}
	source := awsapi.V(in.SourceIdentity)
	if chained && from.SourceIdentity != "" {
		source = from.SourceIdentity // once set it stays
	}
	issued := s.iam.Issue(tx, iam.Session{
		Account: scope.Account, Kind: operation.AssumedRole, Owner: r.ID, Name: *in.RoleSessionName,
		Expires:  s.now().Add(time.Duration(durationOr(in.DurationSeconds)) * time.Second),
		Policies: policies, Tags: tags, Transitive: transitive, SourceIdentity: source,
	})
	out := &api.AssumeRoleResponse{
		AssumedRoleUser: assumedRole(scope, r, *in.RoleSessionName), Credentials: credentials(issued), PackedPolicySize: size,
	}
	if source != "" {
		out.SourceIdentity = &source
	}
	return out, nil
}

// trusted asks the trust policy together with the caller's own policies.
func (s *Service) trusted(tx *state.Tx, c *operation.Caller, in *api.AssumeRoleRequest) error {
	for _, need := range needsAssumeRole(tx, c, in) {
		trust, err := policy.Parse([]byte(need.Policy))
		if err != nil {
			return denied("User: %s is not authorized to perform: %s on resource: %s", c.ARN, need.Action, need.Resource)
		}
		with := *s.iam.Policies(tx, c)
		with.Resource = []policy.Source{{Kind: policy.Trust, Document: trust}}
		request := &policy.Request{
			Principal: iam.Principal(c),
			Need:      policy.Need{Action: need.Action, Resource: need.Resource, Keys: need.Keys},
			Context:   circumstances(c), Now: s.env.Now(), SourceIP: c.Source,
		}
		if d := policy.Evaluate(&with, request); !d.Allowed {
			return denied("%s", d.Message(request))
		}
	}
	return nil
}

// circumstances are the global condition keys of a request.
func circumstances(c *operation.Caller) map[string][]string {
	return map[string][]string{
		"aws:SecureTransport": {strconv.FormatBool(c.Secure)},
		"aws:RequestedRegion": {c.Region},
		"aws:UserAgent":       {c.UserAgent},
	}
}

// lasts checks how long a role's session may last.
func lasts(r *iam.Role, seconds int, chained bool) error {
	switch {
	case chained && seconds > longestChained:
		return invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	case seconds > r.MaxSession:
		return invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return nil
}

func assumedRole(scope state.Scope, r *iam.Role, session string) *api.AssumedRoleUser {
	return &api.AssumedRoleUser{
		Arn:           new(arn.New("sts", scope, "assumed-role/"+r.Name+"/"+session)),
		AssumedRoleId: new(r.ID + ":" + session),
	}
}
