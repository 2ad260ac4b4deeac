package sts

import (
	"context"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// How long the credentials of users last, in seconds; those of the root user are
// cut to an hour.
const (
	defaultToken = 43200
	longestRoot  = 3600
)

func tokenDuration(c *operation.Caller, given *int) time.Duration {
	seconds := defaultToken
	if given != nil {
		seconds = *given
	}
	if c.Kind == operation.Root {
		seconds = min(seconds, longestRoot)
	}
	return time.Duration(seconds) * time.Second
}

// longTerm refuses callers who have temporary credentials already.
func longTerm(c *operation.Caller, operationName string) error {
	if (c.Kind != operation.User && c.Kind != operation.Root) || strings.HasPrefix(c.AccessKey, "ASIA") {
		return denied("Cannot call %s with session credentials", operationName)
	}
	return nil
}

// owner is the id that the caller's sessions hang on.
func owner(c *operation.Caller) string {
	if c.Kind == operation.Root {
		return c.Account
	}
	return c.UserID
}

// GetSessionToken makes temporary credentials for the caller himself.
func (s *Service) GetSessionToken(_ context.Context, c *operation.Caller, in *api.GetSessionTokenRequest) (*api.GetSessionTokenResponse, error) {
	if err := longTerm(c, "GetSessionToken"); err != nil {
		return nil, err
	}
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	var issued iam.Credentials
	err := s.env.Store.Update(func(tx *state.Tx) error {
		issued = s.iam.Issue(tx, iam.Session{
			Account: c.Account, Kind: c.Kind, Owner: owner(c),
			Expires: s.now().Add(tokenDuration(c, in.DurationSeconds)),
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.GetSessionTokenResponse{Credentials: credentials(issued)}, nil
}

// federated is the name that GetFederationToken gives.
func federated(c *operation.Caller, in *api.GetFederationTokenRequest) string {
	return arn.New("sts", c.Global(), "federated-user/"+*in.Name)
}

// GetFederationToken makes credentials for somebody who may do what both the
// caller and the policies of the request allow.
func (s *Service) GetFederationToken(_ context.Context, c *operation.Caller, in *api.GetFederationTokenRequest) (*api.GetFederationTokenResponse, error) {
	if err := longTerm(c, "GetFederationToken"); err != nil {
		return nil, err
	}
	out := &api.GetFederationTokenResponse{
		FederatedUser:    &api.FederatedUser{Arn: new(federated(c, in)), FederatedUserId: new(c.Account + ":" + *in.Name)},
		PackedPolicySize: new(0),
	}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		tags, _, err := sessionTags(in.Tags, nil, nil)
		if err != nil {
			return err
		}
		policies, err := sessionPolicies(tx, c.Global(), in.Policy, in.PolicyArns)
		if err != nil {
			return err
		}
		size, err := packed(policies, tags)
		if err != nil {
			return err
		}
		if size != nil {
			out.PackedPolicySize = size
		}
		if policies == nil {
			policies = []string{} // allows nothing
		}
		out.Credentials = credentials(s.iam.Issue(tx, iam.Session{
			Account: c.Account, Kind: operation.Federated, Owner: owner(c), Name: *in.Name,
			Expires:  s.now().Add(tokenDuration(c, in.DurationSeconds)),
			Policies: policies, Tags: tags,
		}))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
