package iam

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// alias is the account's alias, empty when it has none.
func alias(tx *state.Tx, scope state.Scope) string {
	a, ok := accounts.Get(tx, scope, "account")
	if !ok {
		return ""
	}
	return a.Alias
}

// CreateAccountAlias gives the account its alias, in place of the one it had.
func (s *Service) CreateAccountAlias(_ context.Context, c *operation.Caller, in *api.CreateAccountAliasRequest) (*awsapi.Empty, error) {
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		accounts.Put(tx, c.Global(), &account{Alias: *in.AccountAlias})
		return nil
	}))
}

// DeleteAccountAlias takes the alias away.
func (s *Service) DeleteAccountAlias(_ context.Context, c *operation.Caller, in *api.DeleteAccountAliasRequest) (*awsapi.Empty, error) {
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		if alias(tx, c.Global()) != *in.AccountAlias {
			return api.NoSuchEntityException("The account alias %s does not exist.", *in.AccountAlias)
		}
		accounts.Delete(tx, c.Global(), "account")
		return nil
	}))
}

// ListAccountAliases lists the one alias, if there is one.
func (s *Service) ListAccountAliases(_ context.Context, c *operation.Caller, _ *api.ListAccountAliasesRequest) (*api.ListAccountAliasesResponse, error) {
	out := &api.ListAccountAliasesResponse{AccountAliases: []string{}, IsTruncated: new(false)}
	if a := alias(s.env.View(c), c.Global()); a != "" {
		out.AccountAliases = append(out.AccountAliases, a)
	}
	return out, nil
}

// GetAccountSummary counts what the account has, beside its quotas.
func (s *Service) GetAccountSummary(_ context.Context, c *operation.Caller, _ *awsapi.Empty) (*api.GetAccountSummaryResponse, error) {
	tx, scope := s.env.View(c), c.Global()
	versions := 0
	for p := range policies.All(tx, scope) {
		versions += len(p.Versions)
	}
	rootKey := 0
	if rootKeys.Has(tx, everywhere, c.Account) || anyOf(keysOf.Get(tx, everywhere, c.Account)) {
		rootKey = 1
	}
	return &api.GetAccountSummaryResponse{SummaryMap: map[string]int{
		"Users":                             users.Len(tx, scope),
		"UsersQuota":                        quotaUsers,
		"Groups":                            groups.Len(tx, scope),
		"GroupsQuota":                       quotaGroups,
		"Roles":                             roles.Len(tx, scope),
		"RolesQuota":                        quotaRoles,
		"InstanceProfiles":                  profiles.Len(tx, scope),
		"InstanceProfilesQuota":             quotaProfiles,
		"Policies":                          policies.Len(tx, scope),
		"PoliciesQuota":                     quotaPolicies,
		"PolicyVersionsInUse":               versions,
		"PolicyVersionsInUseQuota":          quotaVersionsInUse,
		"VersionsPerPolicyQuota":            quotaVersions,
		"Providers":                         providers.Len(tx, scope),
		"AccessKeysPerUserQuota":            quotaKeysPerUser,
		"GroupsPerUserQuota":                quotaGroupsPerUser,
		"AttachedPoliciesPerUserQuota":      quotaAttachedPerUser,
		"AttachedPoliciesPerGroupQuota":     quotaAttachedPerGroup,
		"AttachedPoliciesPerRoleQuota":      quotaAttachedPerRole,
		"UserPolicySizeQuota":               sizeInlineUser,
		"GroupPolicySizeQuota":              sizeInlineGroup,
		"RolePolicySizeQuota":               sizeInlineRole,
		"PolicySizeQuota":                   sizePolicy,
		"AssumeRolePolicySizeQuota":         sizeTrust,
		"AccountAccessKeysPresent":          rootKey,
		"AccountMFAEnabled":                 0,
		"AccountPasswordPresent":            0,
		"AccountSigningCertificatesPresent": 0,
		"MFADevices":                        0,
		"MFADevicesInUse":                   0,
		"ServerCertificates":                0,
		"ServerCertificatesQuota":           20,
		"SigningCertificatesPerUserQuota":   2,
		"GlobalEndpointTokenVersion":        1,
	}}, nil
}
