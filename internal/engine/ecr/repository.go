package ecr

import (
	"context"
	"iter"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func (s *Service) describe(scope state.Scope, r *Repository) *api.Repository {
	return &api.Repository{
		RepositoryName: &r.Name, RepositoryArn: new(ARN(scope, r.Name)), RegistryId: new(scope.Account), CreatedAt: &r.Created,
		RepositoryUri: new(s.images.URI(s.env.Addresses.Registry, at(scope, r.Name))), ImageTagMutability: r.Mutability,
		ImageTagMutabilityExclusionFilters: r.Exclusions, ImageScanningConfiguration: &api.ImageScanningConfiguration{ScanOnPush: &r.ScanOnPush},
		EncryptionConfiguration: &r.Encryption,
	}
}

// CreateRepository makes a repository.
func (s *Service) CreateRepository(_ context.Context, c *operation.Caller, in *api.CreateRepositoryRequest) (*api.CreateRepositoryResponse, error) {
	tags := setOf(in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	r := &Repository{Name: *in.RepositoryName, Mutability: in.ImageTagMutability, Exclusions: in.ImageTagMutabilityExclusionFilters, Tags: tags, Created: s.env.Now(),
		Encryption: api.EncryptionConfiguration{EncryptionType: api.EncryptionTypeAes256}}
	if r.Mutability == "" {
		r.Mutability = api.ImageTagMutabilityMutable
	}
	if in.ImageScanningConfiguration != nil {
		r.ScanOnPush = awsapi.V(in.ImageScanningConfiguration.ScanOnPush)
	}
	if e := in.EncryptionConfiguration; e != nil {
		r.Encryption = *e
	}
	if err := checkMutability(r.Mutability, r.Exclusions); err != nil {
		return nil, err
	}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if Repositories.Has(tx, c.Scope(), r.Name) {
			return api.RepositoryAlreadyExistsException("The repository with name '%s' already exists in the registry with id '%s'", r.Name, c.Account)
		}
		Repositories.Put(tx, c.Scope(), r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateRepositoryResponse{Repository: s.describe(c.Scope(), r)}, nil
}

func checkTags(tags tagging.Set) error {
	if len(tags) > tagging.Most {
		return api.TooManyTagsException("A repository has at most %d tags.", tagging.Most)
	}
	if err := tags.Check(); err != nil {
		return api.InvalidTagParameterException("%s", err)
	}
	return nil
}

// checkMutability: exclusion filters go with the two kinds that have exclusions,
// and with no others.
func checkMutability(m api.ImageTagMutability, filters []api.ImageTagMutabilityExclusionFilter) error {
	with := m == api.ImageTagMutabilityImmutableWithExclusion || m == api.ImageTagMutabilityMutableWithExclusion
	switch {
	case with && len(filters) == 0:
		return api.InvalidParameterException("Invalid parameter at 'imageTagMutabilityExclusionFilters': exclusion filters are required with %s", m)
	case !with && len(filters) > 0:
		return api.InvalidParameterException("Invalid parameter at 'imageTagMutabilityExclusionFilters': exclusion filters are not allowed with %s", m)
	}
	return nil
}

// DescribeRepositories describes those named, or all.
func (s *Service) DescribeRepositories(_ context.Context, c *operation.Caller, in *api.DescribeRepositoriesRequest) (*api.DescribeRepositoriesResponse, error) {
	tx := s.env.Store.View()
	var rows iter.Seq[*Repository] = Repositories.All(tx, c.Scope())
	limit := 100
	if len(in.RepositoryNames) > 0 {
		var found []*Repository
		for _, name := range in.RepositoryNames {
			r, err := find(tx, c, in.RegistryId, &name)
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
		rows, limit = slices.Values(found), 0
	} else if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	page, next, err := paging.Page(rows, in.NextToken, limit, func(r *Repository) string { return r.Name })
	if err != nil {
		return nil, api.InvalidParameterException("Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this operation'")
	}
	out := &api.DescribeRepositoriesResponse{Repositories: []api.Repository{}, NextToken: next}
	for _, r := range page {
		out.Repositories = append(out.Repositories, *s.describe(c.Scope(), r))
	}
	return out, nil
}

// DeleteRepository removes a repository that is empty, or with force any.
func (s *Service) DeleteRepository(ctx context.Context, c *operation.Caller, in *api.DeleteRepositoryRequest) (*api.DeleteRepositoryResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	images, err := s.images.Images(at(c.Scope(), r.Name))
	if err != nil {
		return nil, err
	}
	if len(images) > 0 && !awsapi.V(in.Force) {
		return nil, api.RepositoryNotEmptyException("The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.Name, c.Account)
	}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c, in.RegistryId, in.RepositoryName); err != nil {
			return err
		}
		Repositories.Delete(tx, c.Scope(), r.Name)
		Previews.Delete(tx, c.Scope(), r.Name)
		Evaluations.Delete(tx, c.Scope(), r.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteRepositoryResponse{Repository: s.describe(c.Scope(), r)}, s.images.DeleteRepository(ctx, at(c.Scope(), r.Name))
}

// change puts a changed copy of a repository.
func (s *Service) change(c *operation.Caller, registryID, name *string, change func(r *Repository) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		old, err := find(tx, c, registryID, name)
		if err != nil {
			return err
		}
		r := *old
		if err := change(&r); err != nil {
			return err
		}
		Repositories.Put(tx, c.Scope(), &r)
		return nil
	})
}

// PutImageTagMutability changes whether tags may be moved.
func (s *Service) PutImageTagMutability(_ context.Context, c *operation.Caller, in *api.PutImageTagMutabilityRequest) (*api.PutImageTagMutabilityResponse, error) {
	if err := checkMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters); err != nil {
		return nil, err
	}
	out := &api.PutImageTagMutabilityResponse{RegistryId: &c.Account, RepositoryName: in.RepositoryName, ImageTagMutability: in.ImageTagMutability, ImageTagMutabilityExclusionFilters: in.ImageTagMutabilityExclusionFilters}
	return out, s.change(c, in.RegistryId, in.RepositoryName, func(r *Repository) error {
		r.Mutability, r.Exclusions = in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters
		return nil
	})
}

// PutImageScanningConfiguration keeps whether pushes are to be scanned. The
// engine scans nothing.
func (s *Service) PutImageScanningConfiguration(_ context.Context, c *operation.Caller, in *api.PutImageScanningConfigurationRequest) (*api.PutImageScanningConfigurationResponse, error) {
	out := &api.PutImageScanningConfigurationResponse{RegistryId: &c.Account, RepositoryName: in.RepositoryName, ImageScanningConfiguration: in.ImageScanningConfiguration}
	return out, s.change(c, in.RegistryId, in.RepositoryName, func(r *Repository) error {
		r.ScanOnPush = awsapi.V(in.ImageScanningConfiguration.ScanOnPush)
		return nil
	})
}

// SetRepositoryPolicy gives a repository a policy of its own.
func (s *Service) SetRepositoryPolicy(_ context.Context, c *operation.Caller, in *api.SetRepositoryPolicyRequest) (*api.SetRepositoryPolicyResponse, error) {
	doc, err := policy.ParseAs(policy.Resource, []byte(*in.PolicyText))
	if err != nil || doc.NamesResources() {
		return nil, api.InvalidParameterException("Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	out := &api.SetRepositoryPolicyResponse{RegistryId: &c.Account, RepositoryName: in.RepositoryName, PolicyText: in.PolicyText}
	return out, s.change(c, in.RegistryId, in.RepositoryName, func(r *Repository) error {
		r.Policy = *in.PolicyText
		return nil
	})
}

func noPolicy(c *operation.Caller, name *string) error {
	return api.RepositoryPolicyNotFoundException("Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", awsapi.V(name), c.Account)
}

// GetRepositoryPolicy is a repository's policy.
func (s *Service) GetRepositoryPolicy(_ context.Context, c *operation.Caller, in *api.GetRepositoryPolicyRequest) (*api.GetRepositoryPolicyResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if r.Policy == "" {
		return nil, noPolicy(c, in.RepositoryName)
	}
	return &api.GetRepositoryPolicyResponse{RegistryId: &c.Account, RepositoryName: &r.Name, PolicyText: &r.Policy}, nil
}

// DeleteRepositoryPolicy takes a repository's policy away.
func (s *Service) DeleteRepositoryPolicy(_ context.Context, c *operation.Caller, in *api.DeleteRepositoryPolicyRequest) (*api.DeleteRepositoryPolicyResponse, error) {
	out := &api.DeleteRepositoryPolicyResponse{RegistryId: &c.Account, RepositoryName: in.RepositoryName}
	return out, s.change(c, in.RegistryId, in.RepositoryName, func(r *Repository) error {
		if r.Policy == "" {
			return noPolicy(c, in.RepositoryName)
		}
		out.PolicyText, r.Policy = new(r.Policy), ""
		return nil
	})
}

// nameIn is the repository's name in its ARN.
func nameIn(resource *string) (*string, error) {
	a, ok := arn.Parse(awsapi.V(resource))
	name, is := a.After("repository/")
	if !ok || !is {
		return nil, api.InvalidParameterException("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	}
	return &name, nil
}

func (s *Service) retag(c *operation.Caller, resource *string, change func(tagging.Set) tagging.Set) error {
	name, err := nameIn(resource)
	if err != nil {
		return err
	}
	return s.change(c, nil, name, func(r *Repository) error {
		r.Tags = change(r.Tags)
		return checkTags(r.Tags)
	})
}

// TagResource puts tags on a repository.
func (s *Service) TagResource(_ context.Context, c *operation.Caller, in *api.TagResourceRequest) (*api.TagResourceResponse, error) {
	return &api.TagResourceResponse{}, s.retag(c, in.ResourceArn, func(old tagging.Set) tagging.Set { return old.With(setOf(in.Tags)) })
}

// UntagResource takes tags off a repository.
func (s *Service) UntagResource(_ context.Context, c *operation.Caller, in *api.UntagResourceRequest) (*api.UntagResourceResponse, error) {
	return &api.UntagResourceResponse{}, s.retag(c, in.ResourceArn, func(old tagging.Set) tagging.Set { return old.With(nil).Without(in.TagKeys...) })
}

// ListTagsForResource is a repository's tags.
func (s *Service) ListTagsForResource(_ context.Context, c *operation.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	name, err := nameIn(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	r, err := find(s.env.Store.View(), c, nil, name)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceResponse{Tags: tagging.List(r.Tags, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })}, nil
}
