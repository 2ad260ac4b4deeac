package secretsmanager

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The recovery window, in days.
const (
	shortestWindow = 7
	longestWindow  = 30
)

const day = 24 * time.Hour

// DeleteSecret marks a secret for deletion after its recovery window, or removes
// it at once.
func (s *Service) DeleteSecret(_ context.Context, c *operation.Caller, in *api.DeleteSecretRequest) (*api.DeleteSecretResponse, error) {
	force, days := awsapi.V(in.ForceDeleteWithoutRecovery), longestWindow
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	switch {
	case force && in.RecoveryWindowInDays != nil:
		return nil, api.InvalidParameterException("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days < shortestWindow || days > longestWindow:
		return nil, api.InvalidParameterException("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	now := s.env.Now()
	out := &api.DeleteSecretResponse{DeletionDate: &now}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		scope, row, err := one(tx, c, in.SecretId)
		switch {
		case err != nil && force: // what is not there needs no deleting
			name, _ := resource(tx, c, *in.SecretId)
			out.ARN, out.Name = &name, in.SecretId
			return nil
		case err != nil:
			return err
		case row.Primary != "":
			return notPrimary()
		case len(row.Replicas) > 0:
			return api.InvalidParameterException("You can't delete secret %s that still has replica regions %s", row.Name, regions(row))
		case row.deleted() && !force:
			return marked()
		}
		out.ARN, out.Name = new(ARN(scope, row)), &row.Name
		if force {
			purge(tx, scope, row)
			return nil
		}
		out.DeletionDate = new(now.Add(time.Duration(days) * day))
		Secrets.Change(tx, scope, row.Name, func(r *Secret) { r.Deletion, r.Changed = *out.DeletionDate, now })
		return nil
	})
}

func regions(s *Secret) []string {
	var all []string
	for _, r := range s.Replicas {
		all = append(all, r.Region)
	}
	return all
}

func purge(tx *state.Tx, scope state.Scope, row *Secret) {
	for _, v := range row.Versions {
		Values.Delete(tx, scope, valueKey(row.Name, v.ID))
	}
	Secrets.Delete(tx, scope, row.Name)
}

// RestoreSecret takes a deletion back.
func (s *Service) RestoreSecret(_ context.Context, c *operation.Caller, in *api.RestoreSecretRequest) (*api.RestoreSecretResponse, error) {
	out := &api.RestoreSecretResponse{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		scope, row, err := one(tx, c, in.SecretId)
		if err != nil {
			return err
		}
		out.ARN, out.Name = new(ARN(scope, row)), &row.Name
		Secrets.Change(tx, scope, row.Name, func(r *Secret) { r.Deletion, r.Changed = time.Time{}, s.env.Now() })
		return nil
	})
}
