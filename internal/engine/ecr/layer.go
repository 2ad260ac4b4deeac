package ecr

import (
	"bytes"
	"context"
	"errors"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/registry"
)

// partSize is the size of parts that a client is told to send.
const partSize = 10 << 20

// InitiateLayerUpload begins a layer.
func (s *Service) InitiateLayerUpload(ctx context.Context, c *operation.Caller, in *api.InitiateLayerUploadRequest) (*api.InitiateLayerUploadResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	id, err := s.images.StartUpload(ctx, at(c.Scope(), r.Name))
	if err != nil {
		return nil, err
	}
	return &api.InitiateLayerUploadResponse{UploadId: &id, PartSize: new(partSize)}, nil
}

// noUpload is ECR's error for the registry's of an upload that is none.
func noUpload(err error, c *operation.Caller, id, name *string) error {
	if !errors.Is(err, registry.ErrUploadUnknown) {
		return err
	}
	return api.UploadNotFoundException("The upload with id '%s' does not exist in the repository with name '%s' in the registry with id '%s'", awsapi.V(id), awsapi.V(name), c.Account)
}

// UploadLayerPart appends a part to a layer: each begins where the last ended.
func (s *Service) UploadLayerPart(ctx context.Context, c *operation.Caller, in *api.UploadLayerPartRequest) (*api.UploadLayerPartResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	to := at(c.Scope(), r.Name)
	size, err := s.images.UploadSize(ctx, to, *in.UploadId)
	if err != nil {
		return nil, noUpload(err, c, in.UploadId, in.RepositoryName)
	}
	invalid := func(size int64) error {
		return api.InvalidLayerPartException("The layer part size is not valid, or the first byte specified is not consecutive to the last byte of a previous layer part upload.").
			With("registryId", c.Account).With("repositoryName", r.Name).With("uploadId", *in.UploadId).With("lastValidByteReceived", size-1)
	}
	if *in.PartLastByte-*in.PartFirstByte+1 != len(in.LayerPartBlob) {
		return nil, invalid(size)
	}
	size, err = s.images.Upload(ctx, to, *in.UploadId, int64(*in.PartFirstByte), bytes.NewReader(in.LayerPartBlob))
	if errors.Is(err, registry.ErrRange) {
		return nil, invalid(size)
	}
	if err != nil {
		return nil, noUpload(err, c, in.UploadId, in.RepositoryName)
	}
	return &api.UploadLayerPartResponse{RegistryId: &c.Account, RepositoryName: &r.Name, UploadId: in.UploadId, LastByteReceived: new(int(size) - 1)}, nil
}

// CompleteLayerUpload makes an upload a layer, if its content has the digest.
func (s *Service) CompleteLayerUpload(ctx context.Context, c *operation.Caller, in *api.CompleteLayerUploadRequest) (*api.CompleteLayerUploadResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	to, digest := at(c.Scope(), r.Name), in.LayerDigests[0]
	size, err := s.images.UploadSize(ctx, to, *in.UploadId)
	switch {
	case err != nil:
		return nil, noUpload(err, c, in.UploadId, in.RepositoryName)
	case size == 0:
		return nil, api.EmptyUploadException("The specified layer upload does not contain any layer parts.")
	}
	if _, err := s.images.Layer(to, digest); err == nil {
		return nil, api.LayerAlreadyExistsException("The layer with digest '%s' already exists in the repository with name '%s' in the registry with id '%s'", digest, r.Name, c.Account)
	}
	_, err = s.images.FinishUpload(ctx, to, *in.UploadId, digest, size, bytes.NewReader(nil))
	if errors.Is(err, registry.ErrDigest) {
		return nil, api.InvalidLayerException("The layer digest calculation performed by Amazon ECR upon receipt of the image layer does not match the digest specified.")
	}
	if err != nil {
		return nil, noUpload(err, c, in.UploadId, in.RepositoryName)
	}
	return &api.CompleteLayerUploadResponse{RegistryId: &c.Account, RepositoryName: &r.Name, UploadId: in.UploadId, LayerDigest: &digest}, nil
}
