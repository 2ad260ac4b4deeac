package ecr

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// tokenLife is how long an authorization token is good.
const tokenLife = 12 * time.Hour

// tokens are the registry's passwords: an access key and an end, signed. They
// have the rights that the key's owner has when they are used.
type tokens struct {
	key []byte
	now func() time.Time
}

func (t tokens) sign(claim string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(claim))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (t tokens) make(accessKey string, until time.Time) string {
	claim := accessKey + "." + strconv.FormatInt(until.Unix(), 10)
	return claim + "." + t.sign(claim)
}

// open is the access key of a good token.
func (t tokens) open(token string) (accessKey string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !hmac.Equal([]byte(token[i+1:]), []byte(t.sign(token[:i]))) {
		return "", false
	}
	accessKey, end, _ := strings.Cut(token[:i], ".")
	until, err := strconv.ParseInt(end, 10, 64)
	return accessKey, err == nil && t.now().Unix() < until
}

// GetAuthorizationToken is the user and password for docker login.
func (s *Service) GetAuthorizationToken(_ context.Context, c *operation.Caller, in *api.GetAuthorizationTokenRequest) (*api.GetAuthorizationTokenResponse, error) {
	until := s.env.Now().Add(tokenLife)
	data := api.AuthorizationData{
		AuthorizationToken: new(base64.StdEncoding.EncodeToString([]byte("AWS:" + s.tokens.make(c.AccessKey, until)))), ExpiresAt: &until,
		// docker login takes the address literally.
		ProxyEndpoint: new("http://" + s.env.Addresses.Registry),
	}
	return &api.GetAuthorizationTokenResponse{AuthorizationData: []api.AuthorizationData{data}}, nil
}

// Identities is what of IAM the registry's requests need.
type Identities interface {
	// Caller is the owner of an access key that is good now.
	Caller(accessKey string) (*operation.Caller, bool)
	// Role is who calls with a session of a role.
	Role(roleARN, session string) (*operation.Caller, bool)
	// Allowed is "" for a caller who may do what is needed, and otherwise IAM's
	// message.
	Allowed(tx *state.Tx, c *operation.Caller, needs []operation.Need) (refusal string)
}

// Authorize is the registry's Options.Authorize.
func (s *Service) Authorize(iam Identities) func(context.Context, registry.Credentials, []registry.Access) (string, error) {
	return func(_ context.Context, given registry.Credentials, access []registry.Access) (string, error) {
		key, ok := s.tokens.open(given.Password)
		if !ok || given.User != "AWS" {
			return "", registry.Unauthorized()
		}
		c, ok := owner(iam, key)
		if !ok {
			return "", registry.Unauthorized()
		}
		tx := s.env.Store.View()
		for _, a := range access {
			if a.Repository.Account != c.Account {
				return "", registry.Denied("User: " + c.ARN + " is not authorized to perform: " + a.Action + " on a repository of another account")
			}
			c.Region = a.Repository.Region
			if refusal := iam.Allowed(tx, c, []operation.Need{need(tx, c, strings.TrimPrefix(a.Action, "ecr:"), a.Repository.Name)}); refusal != "" {
				return "", registry.Denied(refusal)
			}
		}
		return c.ARN, nil
	}
}

// asRole begins the claim of a token that is a role's and no access key's.
const asRole = "role-"

// owner is whose a token is.
func owner(iam Identities, claim string) (*operation.Caller, bool) {
	encoded, is := strings.CutPrefix(claim, asRole)
	if !is {
		return iam.Caller(claim)
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	role, session, ok := strings.Cut(string(text), " ")
	if err != nil || !ok {
		return nil, false
	}
	return iam.Role(role, session)
}

// RoleToken is a password with the rights of a role, for the engine's own pulls
// as a task's execution role.
func (s *Service) RoleToken(roleARN, session string) string {
	return s.Token(asRole + base64.RawURLEncoding.EncodeToString([]byte(roleARN+" "+session)))
}

// Exists is the registry's Options.Exists.
func (s *Service) Exists(_ context.Context, r registry.Repository) bool {
	return Repositories.Has(s.env.Store.View(), state.Scope{Account: r.Account, Region: r.Region}, r.Name)
}

// Immutable is the registry's Options.Immutable.
func (s *Service) Immutable(_ context.Context, r registry.Repository, tag string) bool {
	row, ok := Repositories.Get(s.env.Store.View(), state.Scope{Account: r.Account, Region: r.Region}, r.Name)
	if !ok {
		return false
	}
	excluded := slices.ContainsFunc(row.Exclusions, func(f api.ImageTagMutabilityExclusionFilter) bool {
		ok, err := path.Match(awsapi.V(f.Filter), tag) // tags have no slash
		return ok && err == nil
	})
	switch row.Mutability {
	case api.ImageTagMutabilityImmutable, api.ImageTagMutabilityImmutableWithExclusion:
		return !excluded
	case api.ImageTagMutabilityMutableWithExclusion:
		return excluded
	}
	return false
}

// Token is a password for an access key's owner.
func (s *Service) Token(accessKey string) string {
	return s.tokens.make(accessKey, s.env.Now().Add(tokenLife))
}
