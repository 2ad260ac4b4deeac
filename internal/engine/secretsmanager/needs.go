package secretsmanager

import (
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The condition keys are those of "Actions, resources, and condition keys for
// AWS Secrets Manager" in the Service Authorization Reference.

// need is what an action on one secret needs.
func need(tx *state.Tx, c *operation.Caller, action string, id *string) operation.Need {
	name, s := resource(tx, c, awsapi.V(id))
	n := operation.Need{Action: "secretsmanager:" + action, Resource: name, Keys: map[string][]string{
		"secretsmanager:SecretId": {name}, "secretsmanager:SecretPrimaryRegion": {c.Region},
	}}
	if s != nil && s.Primary != "" {
		n.Keys["secretsmanager:SecretPrimaryRegion"] = []string{s.Primary}
	}
	if s != nil {
		n.Policy = s.Policy
		s.Tags.ResourceKeys(n.Keys)
		for k, v := range s.Tags {
			n.Keys["secretsmanager:ResourceTag/"+k] = []string{v}
		}
	}
	return n
}

func on[In any](action string, id func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{need(tx, c, action, id(in))}
	}
}

// with adds a condition key whose value is given.
func with(n operation.Need, key string, value *string) operation.Need {
	if value != nil {
		n.Keys["secretsmanager:"+key] = []string{*value}
	}
	return n
}

func withBool(n operation.Need, key string, value *bool) operation.Need {
	n.Keys["secretsmanager:"+key] = []string{strconv.FormatBool(awsapi.V(value))}
	return n
}

func needsCreate(tx *state.Tx, c *operation.Caller, in *api.CreateSecretRequest) []operation.Need {
	n := need(tx, c, "CreateSecret", in.Name)
	setOf(in.Tags).RequestKeys(n.Keys)
	n = with(with(with(with(n, "Name", in.Name), "Description", in.Description), "KmsKeyId", in.KmsKeyId), "Type", in.Type)
	return withRegions(n, in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
}

func withRegions(n operation.Need, regions []api.ReplicaRegionType, force *bool) []operation.Need {
	for _, r := range regions {
		n.Keys["secretsmanager:AddReplicaRegions"] = append(n.Keys["secretsmanager:AddReplicaRegions"], awsapi.V(r.Region))
	}
	return []operation.Need{withBool(n, "ForceOverwriteReplicaSecret", force)}
}

func needsReplicate(tx *state.Tx, c *operation.Caller, in *api.ReplicateSecretToRegionsRequest) []operation.Need {
	return withRegions(need(tx, c, "ReplicateSecretToRegions", in.SecretId), in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
}

func needsUpdate(tx *state.Tx, c *operation.Caller, in *api.UpdateSecretRequest) []operation.Need {
	n := need(tx, c, "UpdateSecret", in.SecretId)
	return []operation.Need{with(with(with(n, "Description", in.Description), "KmsKeyId", in.KmsKeyId), "Type", in.Type)}
}

func needsDelete(tx *state.Tx, c *operation.Caller, in *api.DeleteSecretRequest) []operation.Need {
	n := withBool(need(tx, c, "DeleteSecret", in.SecretId), "ForceDeleteWithoutRecovery", in.ForceDeleteWithoutRecovery)
	if in.RecoveryWindowInDays != nil {
		n.Keys["secretsmanager:RecoveryWindowInDays"] = []string{strconv.Itoa(*in.RecoveryWindowInDays)}
	}
	return []operation.Need{n}
}

func needsGet(tx *state.Tx, c *operation.Caller, in *api.GetSecretValueRequest) []operation.Need {
	return []operation.Need{NeedOfValue(tx, c, *in.SecretId, awsapi.V(in.VersionStage), awsapi.V(in.VersionId))}
}

// NeedOfValue is what reading a value needs; stage and version are empty where
// the request does not name them.
func NeedOfValue(tx *state.Tx, c *operation.Caller, id, stage, version string) operation.Need {
	n := need(tx, c, "GetSecretValue", &id)
	if stage == "" && version == "" {
		stage = current
	}
	return with(with(n, "VersionStage", optional(stage)), "VersionId", optional(version))
}

// needsBatch leaves the secrets to the operation, which answers for each by
// itself.
func needsBatch(_ *state.Tx, _ *operation.Caller, in *api.BatchGetSecretValueRequest) []operation.Need {
	needs := []operation.Need{{Action: "secretsmanager:BatchGetSecretValue", Resource: "*"}}
	if len(in.Filters) > 0 {
		needs = append(needs, operation.Need{Action: "secretsmanager:ListSecrets", Resource: "*"})
	}
	return needs
}

func needsStage(tx *state.Tx, c *operation.Caller, in *api.UpdateSecretVersionStageRequest) []operation.Need {
	return []operation.Need{with(need(tx, c, "UpdateSecretVersionStage", in.SecretId), "VersionStage", in.VersionStage)}
}

func needsPolicy(tx *state.Tx, c *operation.Caller, in *api.PutResourcePolicyRequest) []operation.Need {
	return []operation.Need{withBool(need(tx, c, "PutResourcePolicy", in.SecretId), "BlockPublicPolicy", in.BlockPublicPolicy)}
}

func needsTag(tx *state.Tx, c *operation.Caller, in *api.TagResourceRequest) []operation.Need {
	n := need(tx, c, "TagResource", in.SecretId)
	setOf(in.Tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

func needsUntag(tx *state.Tx, c *operation.Caller, in *api.UntagResourceRequest) []operation.Need {
	n := need(tx, c, "UntagResource", in.SecretId)
	n.Keys["aws:TagKeys"] = in.TagKeys
	return []operation.Need{n}
}
