package iam

import (
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// API is the service's facts.
var API = api.API

// Operations is what the service serves.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		bind("CreateUser", s.CreateUser, aNew("user", "UserName"), tagged, bounding),
		bind("GetUser", s.GetUser, theUser),
		bind("ListUsers", s.ListUsers, all("user")),
		operation.Bind("UpdateUser", moveUser, s.UpdateUser),
		bind("DeleteUser", s.DeleteUser, theUser),
		bind("TagUser", s.TagUser, theUser, tagged),
		bind("UntagUser", s.UntagUser, theUser, untagged),
		bind("ListUserTags", s.ListUserTags, theUser),
		bind("ListGroupsForUser", s.ListGroupsForUser, theUser),

		bind("CreateAccessKey", s.CreateAccessKey, theUser),
		bind("ListAccessKeys", s.ListAccessKeys, theUser),
		bind("UpdateAccessKey", s.UpdateAccessKey, theUser),
		bind("DeleteAccessKey", s.DeleteAccessKey, theUser),
		bind("GetAccessKeyLastUsed", s.GetAccessKeyLastUsed, theKey),

		bind("CreateGroup", s.CreateGroup, aNew("group", "GroupName")),
		bind("GetGroup", s.GetGroup, theGroup),
		bind("ListGroups", s.ListGroups, all("group")),
		operation.Bind("UpdateGroup", moveGroup, s.UpdateGroup),
		bind("DeleteGroup", s.DeleteGroup, theGroup),
		bind("AddUserToGroup", s.AddUserToGroup, theGroup),
		bind("RemoveUserFromGroup", s.RemoveUserFromGroup, theGroup),

		bind("CreateRole", s.CreateRole, aNew("role", "RoleName"), tagged, bounding),
		bind("GetRole", s.GetRole, theRole),
		bind("ListRoles", s.ListRoles, all("role")),
		bind("UpdateRole", s.UpdateRole, theRole),
		bind("UpdateRoleDescription", s.UpdateRoleDescription, theRole),
		bind("UpdateAssumeRolePolicy", s.UpdateAssumeRolePolicy, theRole),
		bind("DeleteRole", s.DeleteRole, theRole),
		bind("TagRole", s.TagRole, theRole, tagged),
		bind("UntagRole", s.UntagRole, theRole, untagged),
		bind("ListRoleTags", s.ListRoleTags, theRole),

		bind("CreateServiceLinkedRole", s.CreateServiceLinkedRole, theLinked, linking),
		bind("DeleteServiceLinkedRole", s.DeleteServiceLinkedRole, theRole),
		bind("GetServiceLinkedRoleDeletionStatus", s.GetServiceLinkedRoleDeletionStatus, theTask),

		bind("CreateInstanceProfile", s.CreateInstanceProfile, aNew("instance-profile", "InstanceProfileName"), tagged),
		bind("GetInstanceProfile", s.GetInstanceProfile, theProfile),
		bind("ListInstanceProfiles", s.ListInstanceProfiles, all("instance-profile")),
		bind("ListInstanceProfilesForRole", s.ListInstanceProfilesForRole, theRole),
		bind("DeleteInstanceProfile", s.DeleteInstanceProfile, theProfile),
		operation.Bind("AddRoleToInstanceProfile", fillProfile, s.AddRoleToInstanceProfile),
		bind("RemoveRoleFromInstanceProfile", s.RemoveRoleFromInstanceProfile, theProfile),
		bind("TagInstanceProfile", s.TagInstanceProfile, theProfile, tagged),
		bind("UntagInstanceProfile", s.UntagInstanceProfile, theProfile, untagged),
		bind("ListInstanceProfileTags", s.ListInstanceProfileTags, theProfile),

		bind("CreatePolicy", s.CreatePolicy, aNew("policy", "PolicyName"), tagged),
		bind("GetPolicy", s.GetPolicy, thePolicy),
		bind("ListPolicies", s.ListPolicies, thePolicies),
		bind("DeletePolicy", s.DeletePolicy, thePolicy),
		bind("CreatePolicyVersion", s.CreatePolicyVersion, thePolicy),
		bind("GetPolicyVersion", s.GetPolicyVersion, thePolicy),
		bind("ListPolicyVersions", s.ListPolicyVersions, thePolicy),
		bind("DeletePolicyVersion", s.DeletePolicyVersion, thePolicy),
		bind("SetDefaultPolicyVersion", s.SetDefaultPolicyVersion, thePolicy),
		bind("ListEntitiesForPolicy", s.ListEntitiesForPolicy, thePolicy),
		bind("TagPolicy", s.TagPolicy, thePolicy, tagged),
		bind("UntagPolicy", s.UntagPolicy, thePolicy, untagged),
		bind("ListPolicyTags", s.ListPolicyTags, thePolicy),

		bind("AttachUserPolicy", s.AttachUserPolicy, theUser, attaching),
		bind("DetachUserPolicy", s.DetachUserPolicy, theUser, attaching),
		bind("ListAttachedUserPolicies", s.ListAttachedUserPolicies, theUser),
		bind("AttachGroupPolicy", s.AttachGroupPolicy, theGroup, attaching),
		bind("DetachGroupPolicy", s.DetachGroupPolicy, theGroup, attaching),
		bind("ListAttachedGroupPolicies", s.ListAttachedGroupPolicies, theGroup),
		bind("AttachRolePolicy", s.AttachRolePolicy, theRole, attaching),
		bind("DetachRolePolicy", s.DetachRolePolicy, theRole, attaching),
		bind("ListAttachedRolePolicies", s.ListAttachedRolePolicies, theRole),

		bind("PutUserPolicy", s.PutUserPolicy, theUser),
		bind("GetUserPolicy", s.GetUserPolicy, theUser),
		bind("DeleteUserPolicy", s.DeleteUserPolicy, theUser),
		bind("ListUserPolicies", s.ListUserPolicies, theUser),
		bind("PutGroupPolicy", s.PutGroupPolicy, theGroup),
		bind("GetGroupPolicy", s.GetGroupPolicy, theGroup),
		bind("DeleteGroupPolicy", s.DeleteGroupPolicy, theGroup),
		bind("ListGroupPolicies", s.ListGroupPolicies, theGroup),
		bind("PutRolePolicy", s.PutRolePolicy, theRole),
		bind("GetRolePolicy", s.GetRolePolicy, theRole),
		bind("DeleteRolePolicy", s.DeleteRolePolicy, theRole),
		bind("ListRolePolicies", s.ListRolePolicies, theRole),

		bind("PutUserPermissionsBoundary", s.PutUserPermissionsBoundary, theUser, bounding),
		bind("DeleteUserPermissionsBoundary", s.DeleteUserPermissionsBoundary, theUser),
		bind("PutRolePermissionsBoundary", s.PutRolePermissionsBoundary, theRole, bounding),
		bind("DeleteRolePermissionsBoundary", s.DeleteRolePermissionsBoundary, theRole),

		bind("CreateOpenIDConnectProvider", s.CreateOpenIDConnectProvider, theIssuer, tagged),
		bind("GetOpenIDConnectProvider", s.GetOpenIDConnectProvider, theProvider),
		bind("ListOpenIDConnectProviders", s.ListOpenIDConnectProviders, anything),
		bind("AddClientIDToOpenIDConnectProvider", s.AddClientIDToOpenIDConnectProvider, theProvider),
		bind("RemoveClientIDFromOpenIDConnectProvider", s.RemoveClientIDFromOpenIDConnectProvider, theProvider),
		bind("UpdateOpenIDConnectProviderThumbprint", s.UpdateOpenIDConnectProviderThumbprint, theProvider),
		bind("DeleteOpenIDConnectProvider", s.DeleteOpenIDConnectProvider, theProvider),
		bind("TagOpenIDConnectProvider", s.TagOpenIDConnectProvider, theProvider, tagged),
		bind("UntagOpenIDConnectProvider", s.UntagOpenIDConnectProvider, theProvider, untagged),
		bind("ListOpenIDConnectProviderTags", s.ListOpenIDConnectProviderTags, theProvider),

		bind("CreateAccountAlias", s.CreateAccountAlias, anything),
		bind("DeleteAccountAlias", s.DeleteAccountAlias, anything),
		bind("ListAccountAliases", s.ListAccountAliases, anything),
		bind("GetAccountSummary", s.GetAccountSummary, anything),
		bind("GetAccountAuthorizationDetails", s.GetAccountAuthorizationDetails, anything),

		bind("GetAccountPasswordPolicy", s.GetAccountPasswordPolicy, anything),
		bind("GetLoginProfile", s.GetLoginProfile, theUser),
		bind("DeleteLoginProfile", s.DeleteLoginProfile, theUser),
		bind("ListMFADevices", s.ListMFADevices, theUser),
		bind("ListVirtualMFADevices", s.ListVirtualMFADevices, anything),
		bind("ListSSHPublicKeys", s.ListSSHPublicKeys, theUser),
		bind("ListSigningCertificates", s.ListSigningCertificates, theUser),
		bind("ListServiceSpecificCredentials", s.ListServiceSpecificCredentials, allUsers),
		bind("ListServerCertificates", s.ListServerCertificates, anything),
		bind("ListSAMLProviders", s.ListSAMLProviders, anything),

		bind("SimulateCustomPolicy", s.SimulateCustomPolicy, anything),
		bind("SimulatePrincipalPolicy", s.SimulatePrincipalPolicy, theSource),
		bind("GetContextKeysForCustomPolicy", s.GetContextKeysForCustomPolicy, anything),
		bind("GetContextKeysForPrincipalPolicy", s.GetContextKeysForPrincipalPolicy, theSource),
	}
}
