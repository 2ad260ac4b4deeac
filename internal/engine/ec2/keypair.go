package ec2

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// KeyPair is the public half of a key pair; nobody keeps the other one.
type KeyPair struct {
	ID, Name string
	Type     api.KeyType
	// Public is in OpenSSH's form, without a comment.
	Public      string
	Fingerprint string
	Created     time.Time
}

// KeyPairs is the table.
var KeyPairs = state.NewTable("ec2.keypair", func(k *KeyPair) string { return k.ID })

var keyPairByName = state.NewIndex(KeyPairs, func(k *KeyPair) []string { return []string{k.Name} })

func init() { keyKind.exists = KeyPairs.Has }

func noKeyPair(name string) error {
	return awsapi.Errorf("InvalidKeyPair.NotFound", 400, "The key pair '%s' does not exist", name)
}

// newKeyPair puts a key pair under a name that is free.
func (s *Service) newKeyPair(c *operation.Caller, k *KeyPair, tags tagging.Set) ([]api.Tag, error) {
	if k.Name == "" || utf8.RuneCountInString(k.Name) > 255 || strings.TrimSpace(k.Name) != k.Name {
		return nil, invalidValue("Value (%s) for parameter KeyName is invalid. It must be of 1 to 255 characters, without spaces at the ends.", k.Name)
	}
	k.ID, k.Created = keyKind.id(), s.env.Now()
	var shown []api.Tag
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if _, ok := keyPairByName.One(tx, c.Scope(), k.Name); ok {
			return awsapi.Errorf("InvalidKeyPair.Duplicate", 400, "The keypair '%s' already exists.", k.Name)
		}
		KeyPairs.Put(tx, c.Scope(), k)
		SetTags(tx, c.Scope(), k.ID, tags)
		shown = shownTags(tx, c.Scope(), k.ID)
		return nil
	})
	return shown, err
}

// CreateKeyPair makes a key pair and answers with its private half, once.
func (s *Service) CreateKeyPair(_ context.Context, c *operation.Caller, in *api.CreateKeyPairRequest) (*api.KeyPair, error) {
	tags, err := specified(in.TagSpecifications, keyKind.typ)
	if err != nil {
		return nil, err
	}
	if in.KeyFormat == api.KeyFormatPpk {
		return nil, unserved("The key format ppk")
	}
	made, err := generateKey(in.KeyType)
	if err != nil {
		return nil, err
	}
	k := &KeyPair{Name: *in.KeyName, Type: made.typ, Public: made.public, Fingerprint: made.fingerprint}
	shown, err := s.newKeyPair(c, k, tags)
	return &api.KeyPair{KeyName: &k.Name, KeyPairId: &k.ID, KeyFingerprint: &k.Fingerprint, KeyMaterial: &made.private, Tags: shown}, err
}

// ImportKeyPair keeps a public key that the user brings.
func (s *Service) ImportKeyPair(_ context.Context, c *operation.Caller, in *api.ImportKeyPairRequest) (*api.ImportKeyPairResult, error) {
	tags, err := specified(in.TagSpecifications, keyKind.typ)
	if err != nil {
		return nil, err
	}
	read, err := importKey(in.PublicKeyMaterial)
	if err != nil {
		return nil, err
	}
	k := &KeyPair{Name: *in.KeyName, Type: read.typ, Public: read.public, Fingerprint: read.fingerprint}
	shown, err := s.newKeyPair(c, k, tags)
	return &api.ImportKeyPairResult{KeyName: &k.Name, KeyPairId: &k.ID, KeyFingerprint: &k.Fingerprint, Tags: shown}, err
}

func showKeyPair(tx *state.Tx, scope state.Scope, k *KeyPair) api.KeyPairInfo {
	tags := shownTags(tx, scope, k.ID)
	if tags == nil {
		tags = []api.Tag{}
	}
	return api.KeyPairInfo{KeyName: &k.Name, KeyPairId: &k.ID, KeyFingerprint: &k.Fingerprint, KeyType: k.Type, CreateTime: &k.Created, PublicKey: &k.Public, Tags: tags}
}

var keyPairListing = &listing[KeyPair, api.KeyPairInfo]{
	table: KeyPairs, kind: keyKind, show: showKeyPair,
	tags: func(k *api.KeyPairInfo) []api.Tag { return k.Tags },
	fields: fields[api.KeyPairInfo]{
		"fingerprint": str(func(k *api.KeyPairInfo) *string { return k.KeyFingerprint }),
		"key-name":    str(func(k *api.KeyPairInfo) *string { return k.KeyName }),
		"key-pair-id": str(func(k *api.KeyPairInfo) *string { return k.KeyPairId }),
	},
}

// DescribeKeyPairs tells key pairs.
func (s *Service) DescribeKeyPairs(_ context.Context, c *operation.Caller, in *api.DescribeKeyPairsRequest) (*api.DescribeKeyPairsResult, error) {
	tx, ids := s.env.View(c), slices.Clone(in.KeyPairIds)
	for _, name := range in.KeyNames {
		k, ok := keyPairByName.One(tx, c.Scope(), name)
		if !ok {
			return nil, noKeyPair(name)
		}
		ids = append(ids, k.ID)
	}
	page, _, err := keyPairListing.describe(tx, c.Scope(), query{ids: ids, filters: in.Filters})
	if !awsapi.V(in.IncludePublicKey) {
		for i := range page {
			page[i].PublicKey = nil
		}
	}
	slices.SortFunc(page, func(a, b api.KeyPairInfo) int { return strings.Compare(*a.KeyName, *b.KeyName) })
	return &api.DescribeKeyPairsResult{KeyPairs: page}, err
}

// DeleteKeyPair deletes a key pair; one that is not there is as good as deleted.
func (s *Service) DeleteKeyPair(_ context.Context, c *operation.Caller, in *api.DeleteKeyPairRequest) (*api.DeleteKeyPairResult, error) {
	if in.KeyName == nil && in.KeyPairId == nil {
		return nil, missingParameter("KeyName")
	}
	out := &api.DeleteKeyPairResult{Return: new(true)}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		k, ok := KeyPairs.Get(tx, c.Scope(), awsapi.V(in.KeyPairId))
		if in.KeyName != nil {
			k, ok = keyPairByName.One(tx, c.Scope(), *in.KeyName)
		}
		if ok {
			out.KeyPairId = &k.ID
			drop(tx, c.Scope(), KeyPairs, k.ID)
		}
		return nil
	})
}
