// Package ecr is the Elastic Container Registry's API: repositories with their
// policies, tag rules and tags, authorization tokens, and images as the registry
// behind it has them. What `docker push` talks to is package registry, which asks
// this one who may do what (access.go); the registry on the disk is the only
// truth about images.
package ecr

import (
	"context"
	"io"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Repository is a repository.
type Repository struct {
	Name       string
	Mutability api.ImageTagMutability
	Exclusions []api.ImageTagMutabilityExclusionFilter
	ScanOnPush bool
	Encryption api.EncryptionConfiguration
	Policy     string `json:",omitzero"`
	Lifecycle  string `json:",omitzero"`
	Tags       tagging.Set
	Created    time.Time
}

// Repositories is the table.
var Repositories = state.NewTable("ecr.repository", func(r *Repository) string { return r.Name })

// Tables are all of the service's.
var Tables = []state.AnyTable{Repositories, Registries, Previews, Evaluations}

// Images is the registry that images lie in.
type Images interface {
	Images(registry.Repository) ([]registry.Image, error)
	Image(r registry.Repository, ref string) (registry.Image, error)
	Manifest(r registry.Repository, ref string) (payload []byte, mediaType, digest string, err error)
	PutManifest(ctx context.Context, r registry.Repository, m registry.Manifest) (registry.Image, bool, error)
	Untag(ctx context.Context, r registry.Repository, tag, principal string) error
	DeleteManifest(ctx context.Context, r registry.Repository, digest, principal string) error
	DeleteRepository(ctx context.Context, r registry.Repository) error
	URI(host string, r registry.Repository) string
	Layer(r registry.Repository, digest string) (int64, error)
	LayerURL(r registry.Repository, digest string, good time.Duration) string
	StartUpload(ctx context.Context, r registry.Repository) (id string, err error)
	UploadSize(ctx context.Context, r registry.Repository, id string) (int64, error)
	Upload(ctx context.Context, r registry.Repository, id string, offset int64, part io.Reader) (int64, error)
	FinishUpload(ctx context.Context, r registry.Repository, id, digest string, offset int64, part io.Reader) (int64, error)
	Referrers(r registry.Repository, digest string) ([]registry.Image, error)
}

// Service serves the operations.
type Service struct {
	env    *operation.Env
	images Images
	tokens tokens
	// pushed is readable after a push.
	pushed chan struct{}
}

// New is the service. Use gives it its registry before it serves.
func New(env *operation.Env) *Service {
	return &Service{env: env, tokens: tokens{key: env.Vault.Derive("ecr tokens"), now: env.Now}, pushed: make(chan struct{}, 1)}
}

// Use sets the registry.
func (s *Service) Use(images Images) { s.images = images }

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("CreateRepository", needsNew, s.CreateRepository),
		operation.Bind("DescribeRepositories", needsDescribe, s.DescribeRepositories),
		operation.Bind("DeleteRepository", on("DeleteRepository", func(in *api.DeleteRepositoryRequest) *string { return in.RepositoryName }), s.DeleteRepository),
		operation.Bind("PutImageTagMutability", on("PutImageTagMutability", func(in *api.PutImageTagMutabilityRequest) *string { return in.RepositoryName }), s.PutImageTagMutability),
		operation.Bind("PutImageScanningConfiguration", on("PutImageScanningConfiguration", func(in *api.PutImageScanningConfigurationRequest) *string { return in.RepositoryName }), s.PutImageScanningConfiguration),
		operation.Bind("SetRepositoryPolicy", on("SetRepositoryPolicy", func(in *api.SetRepositoryPolicyRequest) *string { return in.RepositoryName }), s.SetRepositoryPolicy),
		operation.Bind("GetRepositoryPolicy", on("GetRepositoryPolicy", func(in *api.GetRepositoryPolicyRequest) *string { return in.RepositoryName }), s.GetRepositoryPolicy),
		operation.Bind("DeleteRepositoryPolicy", on("DeleteRepositoryPolicy", func(in *api.DeleteRepositoryPolicyRequest) *string { return in.RepositoryName }), s.DeleteRepositoryPolicy),
		operation.Bind("TagResource", needsTags("TagResource", func(in *api.TagResourceRequest) *string { return in.ResourceArn }), s.TagResource),
		operation.Bind("UntagResource", needsTags("UntagResource", func(in *api.UntagResourceRequest) *string { return in.ResourceArn }), s.UntagResource),
		operation.Bind("ListTagsForResource", needsTags("ListTagsForResource", func(in *api.ListTagsForResourceRequest) *string { return in.ResourceArn }), s.ListTagsForResource),

		operation.Bind("PutLifecyclePolicy", on("PutLifecyclePolicy", func(in *api.PutLifecyclePolicyRequest) *string { return in.RepositoryName }), s.PutLifecyclePolicy),
		operation.Bind("GetLifecyclePolicy", on("GetLifecyclePolicy", func(in *api.GetLifecyclePolicyRequest) *string { return in.RepositoryName }), s.GetLifecyclePolicy),
		operation.Bind("DeleteLifecyclePolicy", on("DeleteLifecyclePolicy", func(in *api.DeleteLifecyclePolicyRequest) *string { return in.RepositoryName }), s.DeleteLifecyclePolicy),
		operation.Bind("StartLifecyclePolicyPreview", on("StartLifecyclePolicyPreview", func(in *api.StartLifecyclePolicyPreviewRequest) *string { return in.RepositoryName }), s.StartLifecyclePolicyPreview),
		operation.Bind("GetLifecyclePolicyPreview", on("GetLifecyclePolicyPreview", func(in *api.GetLifecyclePolicyPreviewRequest) *string { return in.RepositoryName }), s.GetLifecyclePolicyPreview),

		operation.Bind("DescribeRegistry", operation.Everything[api.DescribeRegistryRequest]("ecr:DescribeRegistry"), s.DescribeRegistry),
		operation.Bind("PutRegistryPolicy", operation.Everything[api.PutRegistryPolicyRequest]("ecr:PutRegistryPolicy"), s.PutRegistryPolicy),
		operation.Bind("GetRegistryPolicy", operation.Everything[api.GetRegistryPolicyRequest]("ecr:GetRegistryPolicy"), s.GetRegistryPolicy),
		operation.Bind("DeleteRegistryPolicy", operation.Everything[api.DeleteRegistryPolicyRequest]("ecr:DeleteRegistryPolicy"), s.DeleteRegistryPolicy),
		operation.Bind("GetRegistryScanningConfiguration", operation.Everything[api.GetRegistryScanningConfigurationRequest]("ecr:GetRegistryScanningConfiguration"), s.GetRegistryScanningConfiguration),
		operation.Bind("PutRegistryScanningConfiguration", operation.Everything[api.PutRegistryScanningConfigurationRequest]("ecr:PutRegistryScanningConfiguration"), s.PutRegistryScanningConfiguration),
		operation.Bind("BatchGetRepositoryScanningConfiguration", needsScanning, s.BatchGetRepositoryScanningConfiguration),
		operation.Bind("GetAccountSetting", operation.Everything[api.GetAccountSettingRequest]("ecr:GetAccountSetting"), s.GetAccountSetting),
		operation.Bind("PutAccountSetting", operation.Everything[api.PutAccountSettingRequest]("ecr:PutAccountSetting"), s.PutAccountSetting),

		operation.Bind("GetAuthorizationToken", operation.Everything[api.GetAuthorizationTokenRequest]("ecr:GetAuthorizationToken"), s.GetAuthorizationToken),

		operation.Bind("ListImages", on("ListImages", func(in *api.ListImagesRequest) *string { return in.RepositoryName }), s.ListImages),
		operation.Bind("DescribeImages", on("DescribeImages", func(in *api.DescribeImagesRequest) *string { return in.RepositoryName }), s.DescribeImages),
		operation.Bind("BatchGetImage", on("BatchGetImage", func(in *api.BatchGetImageRequest) *string { return in.RepositoryName }), s.BatchGetImage),
		operation.Bind("BatchDeleteImage", on("BatchDeleteImage", func(in *api.BatchDeleteImageRequest) *string { return in.RepositoryName }), s.BatchDeleteImage),
		operation.Bind("PutImage", on("PutImage", func(in *api.PutImageRequest) *string { return in.RepositoryName }), s.PutImage),
		operation.Bind("BatchCheckLayerAvailability", on("BatchCheckLayerAvailability", func(in *api.BatchCheckLayerAvailabilityRequest) *string { return in.RepositoryName }), s.BatchCheckLayerAvailability),
		operation.Bind("GetDownloadUrlForLayer", on("GetDownloadUrlForLayer", func(in *api.GetDownloadUrlForLayerRequest) *string { return in.RepositoryName }), s.GetDownloadUrlForLayer),
		operation.Bind("InitiateLayerUpload", on("InitiateLayerUpload", func(in *api.InitiateLayerUploadRequest) *string { return in.RepositoryName }), s.InitiateLayerUpload),
		operation.Bind("UploadLayerPart", on("UploadLayerPart", func(in *api.UploadLayerPartRequest) *string { return in.RepositoryName }), s.UploadLayerPart),
		operation.Bind("CompleteLayerUpload", on("CompleteLayerUpload", func(in *api.CompleteLayerUploadRequest) *string { return in.RepositoryName }), s.CompleteLayerUpload),
		operation.Bind("ListImageReferrers", on("ListImageReferrers", func(in *api.ListImageReferrersRequest) *string { return in.RepositoryName }), s.ListImageReferrers),
	}
}

// ARN is a repository's.
func ARN(scope state.Scope, name string) string { return arn.New("ecr", scope, "repository/"+name) }

func need(tx *state.Tx, c *operation.Caller, action, name string) operation.Need {
	n := operation.Need{Action: "ecr:" + action, Resource: ARN(c.Scope(), name), Keys: map[string][]string{}}
	if r, ok := Repositories.Get(tx, c.Scope(), name); ok {
		n.Policy = r.Policy
		for k, v := range r.Tags {
			n.Keys["ecr:ResourceTag/"+k] = []string{v}
		}
		r.Tags.ResourceKeys(n.Keys)
	}
	return n
}

func on[In any](action string, name func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{need(tx, c, action, awsapi.V(name(in)))}
	}
}

func needsNew(tx *state.Tx, c *operation.Caller, in *api.CreateRepositoryRequest) []operation.Need {
	n := need(tx, c, "CreateRepository", *in.RepositoryName)
	setOf(in.Tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

func needsDescribe(tx *state.Tx, c *operation.Caller, in *api.DescribeRepositoriesRequest) []operation.Need {
	if len(in.RepositoryNames) == 0 {
		return []operation.Need{{Action: "ecr:DescribeRepositories", Resource: ARN(c.Scope(), "*")}}
	}
	var all []operation.Need
	for _, name := range in.RepositoryNames {
		all = append(all, need(tx, c, "DescribeRepositories", name))
	}
	return all
}

func needsScanning(tx *state.Tx, c *operation.Caller, in *api.BatchGetRepositoryScanningConfigurationRequest) []operation.Need {
	var all []operation.Need
	for _, name := range in.RepositoryNames {
		all = append(all, need(tx, c, "BatchGetRepositoryScanningConfiguration", name))
	}
	return all
}

func needsTags[In any](action string, resource func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		a, _ := arn.Parse(awsapi.V(resource(in)))
		name, _ := a.After("repository/")
		return []operation.Need{need(tx, c, action, name)}
	}
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

// at is where the registry keeps a repository.
func at(scope state.Scope, name string) registry.Repository {
	return registry.Repository{Account: scope.Account, Region: scope.Region, Name: name}
}

// find is the repository that an operation names. A registry of another account
// is none that this caller may see.
func find(tx *state.Tx, c *operation.Caller, registryID, name *string) (*Repository, error) {
	r, ok := Repositories.Get(tx, c.Scope(), awsapi.V(name))
	if !ok || registryID != nil && *registryID != c.Account {
		account := c.Account
		if registryID != nil {
			account = *registryID
		}
		return nil, api.RepositoryNotFoundException("The repository with name '%s' does not exist in the registry with id '%s'", awsapi.V(name), account)
	}
	return r, nil
}
