package secretsmanager

import (
	"context"
	"errors"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func parsePolicy(text string) (*policy.Document, *awsapi.Error) {
	doc, err := policy.ParseAs(policy.Resource, []byte(text))
	if err == nil {
		err = doc.ValidateResource()
	}
	if m, is := errors.AsType[*policy.Malformed](err); is {
		return nil, api.MalformedPolicyDocumentException("This resource policy contains a syntax error: %s", m.Message)
	} else if err != nil {
		return nil, api.MalformedPolicyDocumentException("This resource policy contains invalid JSON.")
	}
	return doc, nil
}

// public tells whether a policy lets a stranger in: somebody of no account that
// it could mean, about whom nothing else is known. Conditions that only a known
// caller fulfils (an organization, an address, an account) keep it from that.
func public(doc *policy.Document, secret string) bool {
	const stranger = "999999999999"
	everything, _ := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	p := &policy.Policies{
		Identity: []policy.Source{{Kind: policy.Identity, Document: everything}},
		Resource: []policy.Source{{Kind: policy.Resource, Document: doc}},
	}
	for _, action := range []string{
		"GetSecretValue", "DescribeSecret", "ListSecretVersionIds", "GetResourcePolicy", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "DeleteSecret",
		"RestoreSecret", "PutResourcePolicy", "DeleteResourcePolicy", "RotateSecret", "CancelRotateSecret", "TagResource", "UntagResource",
	} {
		who := policy.Principal{Account: stranger, ARN: "arn:aws:iam::" + stranger + ":user/stranger", UserID: "AIDASTRANGER", UserName: "stranger"}
		d := policy.Evaluate(p, &policy.Request{Principal: who, Need: policy.Need{Action: "secretsmanager:" + action, Resource: secret}})
		if d.Allowed {
			return true
		}
	}
	return false
}

// PutResourcePolicy gives a secret a policy of its own.
func (s *Service) PutResourcePolicy(_ context.Context, c *operation.Caller, in *api.PutResourcePolicyRequest) (*api.PutResourcePolicyResponse, error) {
	doc, malformed := parsePolicy(*in.ResourcePolicy)
	if malformed != nil {
		return nil, malformed
	}
	out := &api.PutResourcePolicyResponse{}
	var err error
	out.Name, out.ARN, err = s.change(c, in.SecretId, func(_ *state.Tx, scope state.Scope, row *Secret) error {
		if awsapi.V(in.BlockPublicPolicy) && public(doc, ARN(scope, row)) {
			return api.PublicPolicyException("The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the secret.")
		}
		row.Policy = *in.ResourcePolicy
		return nil
	})
	return out, err
}

// GetResourcePolicy is a secret's policy, if it has one.
func (s *Service) GetResourcePolicy(_ context.Context, c *operation.Caller, in *api.GetResourcePolicyRequest) (*api.GetResourcePolicyResponse, error) {
	scope, row, err := live(s.env.Store.View(), c, in.SecretId)
	if err != nil {
		return nil, err
	}
	return &api.GetResourcePolicyResponse{ARN: new(ARN(scope, row)), Name: &row.Name, ResourcePolicy: optional(row.Policy)}, nil
}

// DeleteResourcePolicy takes a secret's policy away.
func (s *Service) DeleteResourcePolicy(_ context.Context, c *operation.Caller, in *api.DeleteResourcePolicyRequest) (*api.DeleteResourcePolicyResponse, error) {
	out := &api.DeleteResourcePolicyResponse{}
	var err error
	out.Name, out.ARN, err = s.change(c, in.SecretId, func(_ *state.Tx, _ state.Scope, row *Secret) error {
		row.Policy = ""
		return nil
	})
	return out, err
}

// ValidateResourcePolicy tells what PutResourcePolicy would refuse.
func (s *Service) ValidateResourcePolicy(_ context.Context, c *operation.Caller, in *api.ValidateResourcePolicyRequest) (*api.ValidateResourcePolicyResponse, error) {
	name := arn.New("secretsmanager", c.Scope(), "secret:any-??????")
	if in.SecretId != nil {
		scope, row, err := live(s.env.Store.View(), c, in.SecretId)
		if err != nil {
			return nil, err
		}
		name = ARN(scope, row)
	}
	out := &api.ValidateResourcePolicyResponse{ValidationErrors: []api.ValidationErrorsEntry{}}
	fail := func(check, message string) {
		out.ValidationErrors = append(out.ValidationErrors, api.ValidationErrorsEntry{CheckName: &check, ErrorMessage: &message})
	}
	doc, malformed := parsePolicy(*in.ResourcePolicy)
	if malformed != nil {
		fail("SYNTAX", malformed.Message)
	} else if public(doc, name) {
		fail("PUBLIC_POLICY", "The resource policy grants broad access to the secret.")
	}
	out.PolicyValidationPassed = new(len(out.ValidationErrors) == 0)
	return out, nil
}
