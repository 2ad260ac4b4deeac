package iam

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Of these things there are none in the engine, where nobody logs in. To make
// one is refused by name. But clients that take stock, or that clean up before
// they delete a user (Terraform with force_destroy), ask for them, and that there
// are none is a true answer.

// ofUser checks that the user is there whom a request asks about.
func (s *Service) ofUser(c *operation.Caller, name *string) error {
	if name == nil {
		return nil
	}
	_, err := findUser(s.env.Store.View(), c.Global(), *name)
	return err
}

// ListMFADevices lists no devices.
func (s *Service) ListMFADevices(_ context.Context, c *operation.Caller, in *api.ListMFADevicesRequest) (*api.ListMFADevicesResponse, error) {
	if err := s.ofUser(c, in.UserName); err != nil {
		return nil, err
	}
	return &api.ListMFADevicesResponse{MFADevices: []api.MFADevice{}, IsTruncated: new(false)}, nil
}

// ListVirtualMFADevices lists no devices.
func (s *Service) ListVirtualMFADevices(context.Context, *operation.Caller, *api.ListVirtualMFADevicesRequest) (*api.ListVirtualMFADevicesResponse, error) {
	return &api.ListVirtualMFADevicesResponse{VirtualMFADevices: []api.VirtualMFADevice{}, IsTruncated: new(false)}, nil
}

// ListSSHPublicKeys lists no keys.
func (s *Service) ListSSHPublicKeys(_ context.Context, c *operation.Caller, in *api.ListSSHPublicKeysRequest) (*api.ListSSHPublicKeysResponse, error) {
	if err := s.ofUser(c, in.UserName); err != nil {
		return nil, err
	}
	return &api.ListSSHPublicKeysResponse{SSHPublicKeys: []api.SSHPublicKeyMetadata{}, IsTruncated: new(false)}, nil
}

// ListSigningCertificates lists no certificates.
func (s *Service) ListSigningCertificates(_ context.Context, c *operation.Caller, in *api.ListSigningCertificatesRequest) (*api.ListSigningCertificatesResponse, error) {
	if err := s.ofUser(c, in.UserName); err != nil {
		return nil, err
	}
	return &api.ListSigningCertificatesResponse{Certificates: []api.SigningCertificate{}, IsTruncated: new(false)}, nil
}

// ListServiceSpecificCredentials lists no credentials.
func (s *Service) ListServiceSpecificCredentials(_ context.Context, c *operation.Caller, in *api.ListServiceSpecificCredentialsRequest) (*api.ListServiceSpecificCredentialsResponse, error) {
	if err := s.ofUser(c, in.UserName); err != nil {
		return nil, err
	}
	return &api.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []api.ServiceSpecificCredentialMetadata{}}, nil
}

// ListServerCertificates lists no certificates; the engine's are ACM's.
func (s *Service) ListServerCertificates(context.Context, *operation.Caller, *api.ListServerCertificatesRequest) (*api.ListServerCertificatesResponse, error) {
	return &api.ListServerCertificatesResponse{ServerCertificateMetadataList: []api.ServerCertificateMetadata{}, IsTruncated: new(false)}, nil
}

// ListSAMLProviders lists no providers.
func (s *Service) ListSAMLProviders(context.Context, *operation.Caller, *api.ListSAMLProvidersRequest) (*api.ListSAMLProvidersResponse, error) {
	return &api.ListSAMLProvidersResponse{SAMLProviderList: []api.SAMLProviderListEntry{}}, nil
}

// GetLoginProfile finds no profile.
func (s *Service) GetLoginProfile(_ context.Context, c *operation.Caller, in *api.GetLoginProfileRequest) (*api.GetLoginProfileResponse, error) {
	return nil, s.noLogin(c, in.UserName)
}

// DeleteLoginProfile finds no profile.
func (s *Service) DeleteLoginProfile(_ context.Context, c *operation.Caller, in *api.DeleteLoginProfileRequest) (*awsapi.Empty, error) {
	return nil, s.noLogin(c, in.UserName)
}

func (s *Service) noLogin(c *operation.Caller, name *string) error {
	who, err := userOr(c, name)
	if err != nil {
		return err
	}
	if err := s.ofUser(c, &who); err != nil {
		return err
	}
	return api.NoSuchEntityException("Login Profile for User %s cannot be found.", who)
}

// GetAccountPasswordPolicy finds no policy.
func (s *Service) GetAccountPasswordPolicy(_ context.Context, c *operation.Caller, _ *awsapi.Empty) (*api.GetAccountPasswordPolicyResponse, error) {
	return nil, api.NoSuchEntityException("The Password Policy with domain name %s cannot be found.", c.Account)
}

// allUsers is the target of ListServiceSpecificCredentials, which may be about
// everybody.
func allUsers(tx *state.Tx, c *operation.Caller, in members) resource {
	if awsapi.V(in.FieldByName("AllUsers").Interface().(*bool)) {
		return resource{arn: "*"}
	}
	return theUser(tx, c, in)
}
