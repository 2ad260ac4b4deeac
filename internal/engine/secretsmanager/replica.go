package secretsmanager

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Replica is a region that a secret is copied to.
type Replica struct {
	Region string
	KMSKey string `json:",omitempty"`
	// Failure is why there is no copy; empty while there is one.
	Failure string `json:",omitempty"`
}

func notPrimary() *awsapi.Error {
	return api.InvalidParameterException("Operation not permitted on a replica secret. Call must be made in primary secret's region.")
}

// replication is how a secret's copies are.
func (s *Secret) replication(tx *state.Tx, scope state.Scope) []api.ReplicationStatusType {
	var all []api.ReplicationStatusType
	for _, r := range s.Replicas {
		out := api.ReplicationStatusType{Region: &r.Region, KmsKeyId: new(cmp.Or(r.KMSKey, "alias/aws/secretsmanager")), Status: api.StatusTypeInSync, StatusMessage: new("Replication succeeded")}
		if r.Failure != "" {
			out.Status, out.StatusMessage = api.StatusTypeFailed, &r.Failure
		} else if copied, ok := Secrets.Get(tx, at(scope, r.Region), s.Name); ok {
			out.LastAccessedDate = when(copied.Accessed)
		}
		all = append(all, out)
	}
	return all
}

// primary is the region that a replicated secret is written in.
func (s *Secret) primary(region string) *string {
	switch {
	case s.Primary != "":
		return &s.Primary
	case len(s.Replicas) > 0:
		return &region
	}
	return nil
}

func at(scope state.Scope, region string) state.Scope {
	scope.Region = region
	return scope
}

// copies brings a secret's copies to what the secret is: its values, labels,
// policy and tags ("Replicate AWS Secrets Manager secrets across Regions").
func copies(tx *state.Tx, scope state.Scope, row *Secret) {
	for _, r := range row.Replicas {
		if r.Failure != "" {
			continue
		}
		there := at(scope, r.Region)
		c := *row
		c.Primary, c.Replicas, c.KMSKey = scope.Region, nil, r.KMSKey
		if old, ok := Secrets.Get(tx, there, row.Name); ok {
			c.Accessed = old.Accessed
			for _, v := range old.Versions {
				if row.version(v.ID) == nil {
					Values.Delete(tx, there, valueKey(row.Name, v.ID))
				}
			}
		}
		for _, v := range row.Versions {
			if value, ok := Values.Get(tx, scope, valueKey(row.Name, v.ID)); ok && !Values.Has(tx, there, valueKey(row.Name, v.ID)) {
				Values.Put(tx, there, value)
			}
		}
		Secrets.Put(tx, there, &c)
	}
}

// replicate adds regions to a secret that is about to be put. A name that is
// taken there fails unless it may be overwritten.
func replicate(tx *state.Tx, scope state.Scope, row *Secret, regions []api.ReplicaRegionType, force bool) error {
	for _, r := range regions {
		region := awsapi.V(r.Region)
		had := slices.IndexFunc(row.Replicas, func(r Replica) bool { return r.Region == region })
		switch {
		case region == scope.Region:
			return api.InvalidParameterException("Invalid replica region.")
		case had >= 0 && row.Replicas[had].Failure == "":
			return api.InvalidParameterException("Secret is already replicated to region %s.", region)
		case had >= 0:
			row.Replicas = slices.Delete(slices.Clone(row.Replicas), had, had+1)
		}
		made := Replica{Region: region, KMSKey: awsapi.V(r.KmsKeyId)}
		if old, taken := Secrets.Get(tx, at(scope, region), row.Name); taken && !force {
			made.Failure = "Replication failed: Secret name " + row.Name + " already exists in region " + region + "."
		} else if taken {
			purge(tx, at(scope, region), old)
		}
		row.Replicas = append(slices.Clone(row.Replicas), made)
	}
	return nil
}

// ReplicateSecretToRegions copies a secret to regions.
func (s *Service) ReplicateSecretToRegions(_ context.Context, c *operation.Caller, in *api.ReplicateSecretToRegionsRequest) (*api.ReplicateSecretToRegionsResponse, error) {
	out := &api.ReplicateSecretToRegionsResponse{}
	var err error
	_, out.ARN, err = s.change(c, in.SecretId, func(tx *state.Tx, scope state.Scope, row *Secret) error {
		if err := replicate(tx, scope, row, in.AddReplicaRegions, awsapi.V(in.ForceOverwriteReplicaSecret)); err != nil {
			return err
		}
		out.ReplicationStatus = row.replication(tx, scope)
		return nil
	})
	return out, err
}

// RemoveRegionsFromReplication deletes a secret's copies in regions.
func (s *Service) RemoveRegionsFromReplication(_ context.Context, c *operation.Caller, in *api.RemoveRegionsFromReplicationRequest) (*api.RemoveRegionsFromReplicationResponse, error) {
	out := &api.RemoveRegionsFromReplicationResponse{ReplicationStatus: []api.ReplicationStatusType{}}
	var err error
	_, out.ARN, err = s.change(c, in.SecretId, func(tx *state.Tx, scope state.Scope, row *Secret) error {
		for _, region := range in.RemoveReplicaRegions {
			i := slices.IndexFunc(row.Replicas, func(r Replica) bool { return r.Region == region })
			if i < 0 {
				return api.InvalidParameterException("Secret is not replicated to region %s.", region)
			}
			if copied, ok := Secrets.Get(tx, at(scope, region), row.Name); ok && row.Replicas[i].Failure == "" {
				purge(tx, at(scope, region), copied)
			}
			row.Replicas = slices.Delete(slices.Clone(row.Replicas), i, i+1)
		}
		out.ReplicationStatus = append(out.ReplicationStatus, row.replication(tx, scope)...)
		return nil
	})
	return out, err
}

// StopReplicationToReplica makes a copy, named in its own region, a secret of its
// own.
func (s *Service) StopReplicationToReplica(_ context.Context, c *operation.Caller, in *api.StopReplicationToReplicaRequest) (*api.StopReplicationToReplicaResponse, error) {
	out := &api.StopReplicationToReplicaResponse{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		scope, row, err := live(tx, c, in.SecretId)
		if err != nil {
			return err
		}
		if row.Primary == "" {
			return api.InvalidParameterException("Secret %s is not a replica.", ARN(scope, row))
		}
		out.ARN = new(ARN(scope, row))
		Secrets.Change(tx, at(scope, row.Primary), row.Name, func(p *Secret) {
			p.Replicas = slices.DeleteFunc(slices.Clone(p.Replicas), func(r Replica) bool { return r.Region == scope.Region })
		})
		Secrets.Change(tx, scope, row.Name, func(r *Secret) { r.Primary, r.Changed = "", s.env.Now() })
		return nil
	})
}
