package iam

// IAM's quotas, as "IAM and AWS STS quotas" in the User Guide and
// GetAccountSummary of a new account have them.
const (
	quotaUsers            = 5000
	quotaGroups           = 300
	quotaRoles            = 1000
	quotaProfiles         = 1000
	quotaPolicies         = 1500
	quotaProviders        = 100
	quotaKeysPerUser      = 2
	quotaGroupsPerUser    = 10
	quotaAttachedPerUser  = 10
	quotaAttachedPerGroup = 10
	quotaAttachedPerRole  = 10
	quotaVersions         = 5
	quotaVersionsInUse    = 10000
	quotaTags             = 50
	quotaClients          = 100
	quotaThumbprints      = 5

	// Sizes count characters without white space.
	sizeInlineUser  = 2048
	sizeInlineGroup = 5120
	sizeInlineRole  = 10240
	sizePolicy      = 6144
	sizeTrust       = 2048
)
