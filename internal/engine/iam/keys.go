package iam

import (
	"context"
	"iter"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// keyOwner is whose keys a request is about: a user's, by default the caller's,
// who may be the root user.
func keyOwner(tx *state.Tx, c *operation.Caller, name *string) (id, shown string, err error) {
	if name == nil && c.Kind == operation.Root {
		return c.Account, c.Account, nil
	}
	who, err := userOr(c, name)
	if err != nil {
		return "", "", err
	}
	u, err := findUser(tx, c.Global(), who)
	if err != nil {
		return "", "", err
	}
	return u.ID, u.Name, nil
}

// CreateAccessKey makes a key. Its secret is told here and never again.
func (s *Service) CreateAccessKey(_ context.Context, c *operation.Caller, in *api.CreateAccessKeyRequest) (*api.CreateAccessKeyResponse, error) {
	secret := ids.Secret(40)
	var key *AccessKey
	var name string
	err := s.env.Store.Update(func(tx *state.Tx) error {
		owner, shown, err := keyOwner(tx, c, in.UserName)
		if err != nil {
			return err
		}
		if count(keysOf.Get(tx, everywhere, owner)) >= quotaKeysPerUser {
			return overQuota("AccessKeysPerUser", quotaKeysPerUser)
		}
		name = shown
		key = &AccessKey{ID: KeyID("AKIA", c.Account), Account: c.Account, UserID: owner, Secret: s.env.Vault.Seal([]byte(secret)), Active: true, Created: s.now()}
		keys.Put(tx, everywhere, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyResponse{AccessKey: &api.AccessKey{
		AccessKeyId:     new(key.ID),
		CreateDate:      new(key.Created),
		SecretAccessKey: new(secret),
		Status:          key.status(),
		UserName:        new(name),
	}}, nil
}

func (k *AccessKey) status() api.StatusType {
	if k.Active {
		return api.StatusTypeActive
	}
	return api.StatusTypeInactive
}

// ListAccessKeys lists a user's keys without their secrets.
func (s *Service) ListAccessKeys(_ context.Context, c *operation.Caller, in *api.ListAccessKeysRequest) (*api.ListAccessKeysResponse, error) {
	tx := s.env.View(c)
	owner, name, err := keyOwner(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	list, marker, truncated, err := page(keysOf.Get(tx, everywhere, owner), in.Marker, in.MaxItems, keys.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListAccessKeysResponse{
		AccessKeyMetadata: convert(list, func(k *AccessKey) api.AccessKeyMetadata {
			return api.AccessKeyMetadata{AccessKeyId: new(k.ID), CreateDate: new(k.Created), Status: k.status(), UserName: new(name)}
		}),
		IsTruncated: truncated, Marker: marker,
	}, nil
}

// ownKey is a user's key of the id.
func ownKey(tx *state.Tx, c *operation.Caller, user *string, id string) (*AccessKey, error) {
	owner, _, err := keyOwner(tx, c, user)
	if err != nil {
		return nil, err
	}
	k, ok := keys.Get(tx, everywhere, id)
	if !ok || k.UserID != owner {
		return nil, noKey(id)
	}
	return k, nil
}

// UpdateAccessKey makes a key active or inactive.
func (s *Service) UpdateAccessKey(_ context.Context, c *operation.Caller, in *api.UpdateAccessKeyRequest) (*awsapi.Empty, error) {
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		k, err := ownKey(tx, c, in.UserName, *in.AccessKeyId)
		if err != nil {
			return err
		}
		keys.Change(tx, everywhere, k.ID, func(k *AccessKey) { k.Active = in.Status == api.StatusTypeActive })
		return nil
	}))
}

// DeleteAccessKey deletes a key.
func (s *Service) DeleteAccessKey(_ context.Context, c *operation.Caller, in *api.DeleteAccessKeyRequest) (*awsapi.Empty, error) {
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		k, err := ownKey(tx, c, in.UserName, *in.AccessKeyId)
		if err != nil {
			return err
		}
		keys.Delete(tx, everywhere, k.ID)
		uses.Delete(tx, everywhere, k.ID)
		return nil
	}))
}

// GetAccessKeyLastUsed tells when and for what a key was used last. Of a key
// that is not the account's IAM says that it is not the caller's business.
func (s *Service) GetAccessKeyLastUsed(_ context.Context, c *operation.Caller, in *api.GetAccessKeyLastUsedRequest) (*api.GetAccessKeyLastUsedResponse, error) {
	tx := s.env.View(c)
	k, ok := keys.Get(tx, everywhere, *in.AccessKeyId)
	if !ok || k.Account != c.Account {
		return nil, awsapi.Errorf("AccessDenied", 403, "User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s", c.ARN, *in.AccessKeyId)
	}
	out := &api.GetAccessKeyLastUsedResponse{
		UserName:          new(k.Account),
		AccessKeyLastUsed: &api.AccessKeyLastUsed{Region: new("N/A"), ServiceName: new("N/A")},
	}
	if u, ok := userByID.One(tx, c.Global(), k.UserID); ok {
		out.UserName = new(u.Name)
	}
	if last, ok := s.lastUse(tx, k.ID); ok {
		out.AccessKeyLastUsed = &api.AccessKeyLastUsed{LastUsedDate: new(last.At), Region: new(last.Region), ServiceName: new(last.Service)}
	}
	return out, nil
}

func count[T any](rows iter.Seq[T]) (n int) {
	for range rows {
		n++
	}
	return n
}

func anyOf[T any](rows iter.Seq[T]) bool {
	for range rows {
		return true
	}
	return false
}

// done is the answer of an operation that answers nothing.
func done(err error) (*awsapi.Empty, error) {
	if err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, nil
}
