package secretsmanager

import (
	"slices"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Secret is a secret without its values, which lie in a table of their own.
type Secret struct {
	Name string
	// Suffix is the six characters that end the ARN, so that a secret made anew
	// under an old name is another to IAM.
	Suffix      string
	Description string `json:",omitempty"`
	KMSKey      string `json:",omitempty"`
	Policy      string `json:",omitempty"`
	Tags        tagging.Set
	Created     time.Time
	Changed     time.Time
	// Accessed is the day of the last reading.
	Accessed time.Time `json:",omitzero"`
	// Deletion is when a deleted secret goes; zero for one that is not deleted.
	Deletion time.Time `json:",omitzero"`
	// Primary is the region of the secret that this one is a copy of; Replicas
	// are where a secret's own copies are.
	Primary  string    `json:",omitempty"`
	Replicas []Replica `json:",omitempty"`
	// Versions are the oldest first.
	Versions []Version
}

// Version is one version of a secret; without stages it is deprecated.
type Version struct {
	ID       string
	Stages   []string
	Created  time.Time
	Accessed time.Time `json:",omitzero"`
}

// Value is what one version holds.
type Value struct {
	Secret, Version string
	// Binary tells that it was given as SecretBinary.
	Binary bool `json:",omitempty"`
	Sealed vault.Sealed
}

// Secrets and Values are the tables.
var (
	Secrets = state.NewTable("secretsmanager.secret", func(s *Secret) string { return s.Name })
	Values  = state.NewTable("secretsmanager.value", func(v *Value) string { return valueKey(v.Secret, v.Version) })
)

// Tables are all of the service's.
var Tables = []state.AnyTable{Secrets, Values}

// valueKey is unambiguous: names have no space.
func valueKey(secret, version string) string { return secret + " " + version }

// ARN is a secret's.
func ARN(scope state.Scope, s *Secret) string {
	return arn.New("secretsmanager", scope, "secret:"+s.Name+"-"+s.Suffix)
}

func (s *Secret) deleted() bool { return !s.Deletion.IsZero() }

// version is the version with the id.
func (s *Secret) version(id string) *Version {
	if i := slices.IndexFunc(s.Versions, func(v Version) bool { return v.ID == id }); i >= 0 {
		return &s.Versions[i]
	}
	return nil
}

// staged is the version with the label.
func (s *Secret) staged(label string) *Version { return staged(s.Versions, label) }

// stages are the labels of every version that has any.
func (s *Secret) stages() map[string][]string {
	var all map[string][]string
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			if all == nil {
				all = map[string][]string{}
			}
			all[v.ID] = v.Stages
		}
	}
	return all
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func tagsOf(s *Secret) []api.Tag {
	if len(s.Tags) == 0 {
		return nil
	}
	return tagging.List(s.Tags, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}
