package ecr

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// imagesOf are a repository's images, by digest.
func (s *Service) imagesOf(c *operation.Caller, registryID, name *string) ([]registry.Image, error) {
	r, err := find(s.env.Store.View(), c, registryID, name)
	if err != nil {
		return nil, err
	}
	images, err := s.images.Images(at(c.Scope(), r.Name))
	slices.SortFunc(images, func(a, b registry.Image) int { return strings.Compare(a.Digest, b.Digest) })
	return images, err
}

func limit(n *int) int {
	if n == nil {
		return 100
	}
	return *n
}

func badToken() error {
	return api.InvalidParameterException("Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this operation'")
}

// passes tells whether an image passes a filter by its tags.
func passes(status api.TagStatus, tags []string) bool {
	switch status {
	case api.TagStatusTagged:
		return len(tags) > 0
	case api.TagStatusUntagged:
		return len(tags) == 0
	}
	return true
}

// ListImages lists a row for each tag, and one for an image without any.
func (s *Service) ListImages(_ context.Context, c *operation.Caller, in *api.ListImagesRequest) (*api.ListImagesResponse, error) {
	images, err := s.imagesOf(c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	var status api.TagStatus
	if in.Filter != nil {
		status = in.Filter.TagStatus
	}
	var rows []api.ImageIdentifier
	for _, i := range images {
		if !passes(status, i.Tags) {
			continue
		}
		for _, t := range i.Tags {
			rows = append(rows, api.ImageIdentifier{ImageDigest: new(i.Digest), ImageTag: new(t)})
		}
		if len(i.Tags) == 0 {
			rows = append(rows, api.ImageIdentifier{ImageDigest: new(i.Digest)})
		}
	}
	page, next, err := paging.Page(slices.Values(rows), in.NextToken, limit(in.MaxResults), func(i api.ImageIdentifier) string { return *i.ImageDigest + " " + awsapi.V(i.ImageTag) })
	if err != nil {
		return nil, badToken()
	}
	return &api.ListImagesResponse{ImageIds: page, NextToken: next}, nil
}

// DescribeImages describes images by digest: those named, or all.
func (s *Service) DescribeImages(_ context.Context, c *operation.Caller, in *api.DescribeImagesRequest) (*api.DescribeImagesResponse, error) {
	images, err := s.imagesOf(c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeImagesResponse{ImageDetails: []api.ImageDetail{}}
	if len(in.ImageIds) > 0 {
		for _, id := range in.ImageIds {
			i := slices.IndexFunc(images, func(i registry.Image) bool { return is(i, id) })
			if i < 0 {
				return nil, api.ImageNotFoundException("The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
					cmp.Or(awsapi.V(id.ImageDigest), "null"), cmp.Or(awsapi.V(id.ImageTag), "null"), *in.RepositoryName, c.Account)
			}
			out.ImageDetails = append(out.ImageDetails, detail(c, *in.RepositoryName, images[i]))
		}
		return out, nil
	}
	var status api.TagStatus
	if in.Filter != nil {
		status = in.Filter.TagStatus
	}
	images = slices.DeleteFunc(images, func(i registry.Image) bool { return !passes(status, i.Tags) })
	page, next, err := paging.Page(slices.Values(images), in.NextToken, limit(in.MaxResults), func(i registry.Image) string { return i.Digest })
	if err != nil {
		return nil, badToken()
	}
	for _, i := range page {
		out.ImageDetails = append(out.ImageDetails, detail(c, *in.RepositoryName, i))
	}
	out.NextToken = next
	return out, nil
}

// is tells whether an identifier names the image: what it has must all fit.
func is(i registry.Image, id api.ImageIdentifier) bool {
	if id.ImageDigest != nil && *id.ImageDigest != i.Digest {
		return false
	}
	return id.ImageTag == nil || slices.Contains(i.Tags, *id.ImageTag)
}

func detail(c *operation.Caller, name string, i registry.Image) api.ImageDetail {
	d := api.ImageDetail{
		RegistryId: &c.Account, RepositoryName: &name, ImageDigest: &i.Digest, ImageSizeInBytes: new(int(i.Size)), ImagePushedAt: &i.PushedAt,
		ImageManifestMediaType: &i.MediaType, ImageStatus: api.ImageStatusActive,
	}
	if len(i.Tags) > 0 {
		d.ImageTags = i.Tags
	}
	if i.ConfigMediaType != "" {
		d.ArtifactMediaType = &i.ConfigMediaType
	}
	if i.Subject != "" {
		d.SubjectManifestDigest = &i.Subject
	}
	return d
}

var digestForm = lazyregexp.New(`^[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+$`)

// miss is why an identifier finds nothing.
func miss(images []registry.Image, id api.ImageIdentifier) *api.ImageFailure {
	fail := func(code api.ImageFailureCode, reason string) *api.ImageFailure {
		return &api.ImageFailure{ImageId: &id, FailureCode: code, FailureReason: &reason}
	}
	if id.ImageDigest == nil && id.ImageTag == nil {
		return fail(api.ImageFailureCodeMissingDigestAndTag, "Invalid request parameters: both tag and digest cannot be null")
	}
	if id.ImageDigest != nil && !digestForm.MatchString(*id.ImageDigest) {
		return fail(api.ImageFailureCodeInvalidImageDigest, "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
	}
	if slices.ContainsFunc(images, func(i registry.Image) bool { return is(i, id) }) {
		return nil
	}
	if id.ImageDigest != nil && id.ImageTag != nil && slices.ContainsFunc(images, func(i registry.Image) bool { return i.Digest == *id.ImageDigest }) {
		return fail(api.ImageFailureCodeImageTagDoesNotMatchDigest, "The digest does not have this tag")
	}
	return fail(api.ImageFailureCodeImageNotFound, "Requested image not found")
}

func ref(id api.ImageIdentifier) string {
	if id.ImageDigest != nil {
		return *id.ImageDigest
	}
	return awsapi.V(id.ImageTag)
}

// BatchGetImage is images' manifests.
func (s *Service) BatchGetImage(_ context.Context, c *operation.Caller, in *api.BatchGetImageRequest) (*api.BatchGetImageResponse, error) {
	images, err := s.imagesOf(c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &api.BatchGetImageResponse{Images: []api.Image{}, Failures: []api.ImageFailure{}}
	for _, id := range in.ImageIds {
		if f := miss(images, id); f != nil {
			out.Failures = append(out.Failures, *f)
			continue
		}
		payload, kind, digest, err := s.images.Manifest(at(c.Scope(), *in.RepositoryName), ref(id))
		if err != nil {
			return nil, err
		}
		out.Images = append(out.Images, api.Image{
			RegistryId: &c.Account, RepositoryName: in.RepositoryName, ImageId: &api.ImageIdentifier{ImageDigest: &digest, ImageTag: id.ImageTag},
			ImageManifest: new(string(payload)), ImageManifestMediaType: &kind,
		})
	}
	return out, nil
}

// BatchDeleteImage removes tags, and images by their digests or with their last
// tags.
func (s *Service) BatchDeleteImage(ctx context.Context, c *operation.Caller, in *api.BatchDeleteImageRequest) (*api.BatchDeleteImageResponse, error) {
	out := &api.BatchDeleteImageResponse{ImageIds: []api.ImageIdentifier{}, Failures: []api.ImageFailure{}}
	for _, id := range in.ImageIds {
		images, err := s.imagesOf(c, in.RegistryId, in.RepositoryName)
		if err != nil {
			return nil, err
		}
		if f := miss(images, id); f != nil {
			out.Failures = append(out.Failures, *f)
			continue
		}
		image := images[slices.IndexFunc(images, func(i registry.Image) bool { return is(i, id) })]
		if slices.ContainsFunc(images, func(i registry.Image) bool { return slices.Contains(i.Manifests, image.Digest) }) && (id.ImageDigest != nil || len(image.Tags) == 1) {
			out.Failures = append(out.Failures, api.ImageFailure{ImageId: &id, FailureCode: api.ImageFailureCodeImageReferencedByManifestList, FailureReason: new("Requested image referenced by manifest list")})
			continue
		}
		gone, err := s.remove(ctx, c, at(c.Scope(), *in.RepositoryName), image, id)
		if err != nil {
			return nil, err
		}
		out.ImageIds = append(out.ImageIds, gone...)
	}
	return out, nil
}

func (s *Service) remove(ctx context.Context, c *operation.Caller, r registry.Repository, image registry.Image, id api.ImageIdentifier) ([]api.ImageIdentifier, error) {
	if id.ImageDigest == nil && len(image.Tags) > 1 {
		return []api.ImageIdentifier{{ImageDigest: &image.Digest, ImageTag: id.ImageTag}}, s.images.Untag(ctx, r, *id.ImageTag, c.ARN)
	}
	var gone []api.ImageIdentifier
	for _, t := range image.Tags {
		gone = append(gone, api.ImageIdentifier{ImageDigest: new(image.Digest), ImageTag: new(t)})
	}
	if len(gone) == 0 {
		gone = []api.ImageIdentifier{{ImageDigest: new(image.Digest)}}
	}
	return gone, s.images.DeleteManifest(ctx, r, image.Digest, c.ARN)
}

// PutImage stores a manifest, or gives one that is there another tag.
func (s *Service) PutImage(ctx context.Context, c *operation.Caller, in *api.PutImageRequest) (*api.PutImageResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	tag := awsapi.V(in.ImageTag)
	image, changed, err := s.images.PutManifest(ctx, at(c.Scope(), r.Name), registry.Manifest{
		Payload: []byte(*in.ImageManifest), MediaType: awsapi.V(in.ImageManifestMediaType), Tag: tag, Digest: awsapi.V(in.ImageDigest), Principal: c.ARN,
	})
	switch {
	case errors.Is(err, registry.ErrTag):
		return nil, api.ImageTagAlreadyExistsException("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, r.Name)
	case errors.Is(err, registry.ErrManifestBlobUnknown):
		return nil, api.LayersNotFoundException("%s", err)
	case errors.Is(err, registry.ErrDigest):
		return nil, api.ImageDigestDoesNotMatchException("%s", err)
	case errors.Is(err, registry.ErrManifestInvalid):
		return nil, api.InvalidParameterException("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
	case err != nil:
		return nil, err
	case !changed:
		return nil, api.ImageAlreadyExistsException("Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'", image.Digest, tag, r.Name, c.Account)
	}
	return &api.PutImageResponse{Image: &api.Image{
		RegistryId: &c.Account, RepositoryName: &r.Name, ImageId: &api.ImageIdentifier{ImageDigest: &image.Digest, ImageTag: in.ImageTag},
		ImageManifest: in.ImageManifest, ImageManifestMediaType: &image.MediaType,
	}}, nil
}

// BatchCheckLayerAvailability tells which layers are there.
func (s *Service) BatchCheckLayerAvailability(_ context.Context, c *operation.Caller, in *api.BatchCheckLayerAvailabilityRequest) (*api.BatchCheckLayerAvailabilityResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &api.BatchCheckLayerAvailabilityResponse{Layers: []api.Layer{}, Failures: []api.LayerFailure{}}
	for _, d := range in.LayerDigests {
		layer := api.Layer{LayerDigest: new(d), LayerAvailability: api.LayerAvailabilityUnavailable}
		if size, err := s.images.Layer(at(c.Scope(), r.Name), d); err == nil {
			layer.LayerAvailability, layer.LayerSize = api.LayerAvailabilityAvailable, new(int(size))
		}
		out.Layers = append(out.Layers, layer)
	}
	return out, nil
}

// GetDownloadUrlForLayer is an address that a layer can be had from for an hour.
func (s *Service) GetDownloadUrlForLayer(_ context.Context, c *operation.Caller, in *api.GetDownloadUrlForLayerRequest) (*api.GetDownloadUrlForLayerResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if _, err := s.images.Layer(at(c.Scope(), r.Name), *in.LayerDigest); err != nil {
		return nil, api.LayersNotFoundException("The layer with digest '%s' does not exist in the repository with name '%s' in registry with id '%s'", *in.LayerDigest, r.Name, c.Account)
	}
	url := "http://" + s.env.Addresses.Registry + s.images.LayerURL(at(c.Scope(), r.Name), *in.LayerDigest, time.Hour)
	return &api.GetDownloadUrlForLayerResponse{DownloadUrl: &url, LayerDigest: in.LayerDigest}, nil
}

// ListImageReferrers lists the artifacts that refer to an image.
func (s *Service) ListImageReferrers(_ context.Context, c *operation.Caller, in *api.ListImageReferrersRequest) (*api.ListImageReferrersResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	all, err := s.images.Referrers(at(c.Scope(), r.Name), *in.SubjectId.ImageDigest)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(all, func(i registry.Image) bool {
		return in.Filter != nil && (in.Filter.ArtifactStatus == api.ArtifactStatusFilterArchived || len(in.Filter.ArtifactTypes) > 0 && !slices.Contains(in.Filter.ArtifactTypes, i.ArtifactType))
	})
	page, next, err := paging.Page(slices.Values(rows), in.NextToken, limit(in.MaxResults), func(i registry.Image) string { return i.Digest })
	if err != nil {
		return nil, badToken()
	}
	out := &api.ListImageReferrersResponse{Referrers: []api.ImageReferrer{}, NextToken: next}
	for _, i := range page {
		row := api.ImageReferrer{Digest: &i.Digest, MediaType: &i.MediaType, Size: new(int(i.Size)), Annotations: i.Annotations, ArtifactStatus: api.ArtifactStatusActive}
		if i.ArtifactType != "" {
			row.ArtifactType = &i.ArtifactType
		}
		out.Referrers = append(out.Referrers, row)
	}
	return out, nil
}
