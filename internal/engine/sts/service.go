// Package sts is the AWS Security Token Service: it tells who calls, and makes
// temporary credentials for roles, users and federated identities.
//
// The credentials themselves are rows of package iam, which also verifies them
// and knows their permissions. Not served: SAML, AssumeRoot, outbound tokens, and
// DecodeAuthorizationMessage (the engine's refusals are not encoded).
package sts

import (
	"context"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// API is the service's facts.
var API = api.API

// Service serves STS.
type Service struct {
	env  *operation.Env
	iam  *iam.Service
	keys keySets
}

// New is the service. A nil fetch is the network's.
func New(env *operation.Env, identities *iam.Service, fetch Fetch) *Service {
	if fetch == nil {
		fetch = fetchOverNetwork
	}
	return &Service{env: env, iam: identities, keys: keySets{fetch: fetch, now: env.Now, sets: map[string]*keySet{}}}
}

// Operations is what the service serves.
func (s *Service) Operations() []operation.Operation {
	web := operation.Bind("AssumeRoleWithWebIdentity", operation.Free, s.AssumeRoleWithWebIdentity)
	web.Unsigned = true // the token says who it is; the role's trust policy decides
	return []operation.Operation{
		operation.Bind("GetCallerIdentity", operation.Free, s.GetCallerIdentity),
		operation.Bind("AssumeRole", needsAssumeRole, s.AssumeRole),
		web,
		// "You cannot use policies to control authentication operations."
		operation.Bind("GetSessionToken", operation.Free, s.GetSessionToken),
		operation.Bind("GetFederationToken", operation.On("sts:GetFederationToken", federated), s.GetFederationToken),
		operation.Bind("GetAccessKeyInfo", operation.Everything[api.GetAccessKeyInfoRequest]("sts:GetAccessKeyInfo"), s.GetAccessKeyInfo),
	}
}

// now is the time in seconds.
func (s *Service) now() time.Time { return s.env.Now().UTC().Truncate(time.Second) }

// GetCallerIdentity tells the caller who he is. No policy keeps it from him.
func (s *Service) GetCallerIdentity(_ context.Context, c *operation.Caller, _ *api.GetCallerIdentityRequest) (*api.GetCallerIdentityResponse, error) {
	return &api.GetCallerIdentityResponse{Account: new(c.Account), Arn: new(c.ARN), UserId: new(c.UserID)}, nil
}

// GetAccessKeyInfo tells the account that a key belongs to, which AWS reads off
// the key's id, whether there is such a key or not.
func (s *Service) GetAccessKeyInfo(_ context.Context, _ *operation.Caller, in *api.GetAccessKeyInfoRequest) (*api.GetAccessKeyInfoResponse, error) {
	if account, ok := iam.KeyAccount(*in.AccessKeyId); ok {
		return &api.GetAccessKeyInfoResponse{Account: new(account)}, nil
	}
	if key, ok := s.iam.Key(*in.AccessKeyId); ok {
		return &api.GetAccessKeyInfoResponse{Account: new(key.Caller.(*operation.Caller).Account)}, nil
	}
	return nil, invalid("Invalid Access Key Id: %s", *in.AccessKeyId)
}

func credentials(c iam.Credentials) *api.Credentials {
	return &api.Credentials{
		AccessKeyId:     new(c.AccessKeyID),
		SecretAccessKey: new(c.SecretAccessKey),
		SessionToken:    new(c.SessionToken),
		Expiration:      new(c.Expiration),
	}
}
