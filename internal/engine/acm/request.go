package acm

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// maxNames is the default quota of names in a certificate.
const maxNames = 10

// tokenLife is how long an idempotency token is remembered.
const tokenLife = time.Hour

// RequestCertificate asks for a certificate, to be validated by DNS.
func (s *Service) RequestCertificate(_ context.Context, c *operation.Caller, in *api.RequestCertificateRequest) (*api.RequestCertificateResponse, error) {
	cert, err := s.requested(c, in)
	if err != nil {
		return nil, err
	}
	out := &api.RequestCertificateResponse{CertificateArn: &cert.ARN}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		if cert.Token != "" {
			for old := range Certificates.All(tx, c.Scope()) {
				if old.Token == cert.Token && slices.Equal(old.Names, cert.Names) && cert.Created.Sub(old.Created) < tokenLife {
					out.CertificateArn = &old.ARN
					return nil
				}
			}
		}
		Certificates.Put(tx, c.Scope(), cert)
		return nil
	})
}

// requested is the certificate that a request asks for.
func (s *Service) requested(c *operation.Caller, in *api.RequestCertificateRequest) (*Certificate, error) {
	if in.CertificateAuthorityArn != nil {
		return nil, api.ValidationException("Private certificate authorities are not served by the slipway engine: leave CertificateAuthorityArn out.")
	}
	if in.ValidationMethod == "" {
		in.ValidationMethod = api.ValidationMethodEmail // ACM's default
	}
	if in.ValidationMethod != api.ValidationMethodDns {
		return nil, api.ValidationException("Validation by %s is not served by the slipway engine, which sends no mail: use DNS.", in.ValidationMethod)
	}
	names := []string{}
	for _, n := range append([]string{*in.DomainName}, in.SubjectAlternativeNames...) {
		if n = strings.ToLower(n); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) > maxNames {
		return nil, api.LimitExceededException("The number of domain names in the certificate request is greater than the limit of %d.", maxNames)
	}
	tags := setOf(in.Tags)
	if err := tags.Check(); err != nil {
		return nil, api.InvalidTagException("%s", err)
	}
	now := s.env.Now()
	cert := &Certificate{
		ARN: arn.New("acm", c.Scope(), "certificate/"+ids.UUID()), Names: names, Type: api.CertificateTypeAmazonIssued, Key: in.KeyAlgorithm,
		Method: in.ValidationMethod, Options: options(in.Options), Token: awsapi.V(in.IdempotencyToken), Created: now, Tags: tags,
		Status: api.CertificateStatusPendingValidation,
	}
	if cert.Key == "" {
		cert.Key = api.KeyAlgorithmRsa2048
	}
	switch cert.Key {
	case api.KeyAlgorithmRsa2048, api.KeyAlgorithmECPrime256v1, api.KeyAlgorithmECSecp384r1:
	default:
		return nil, api.ValidationException("The key algorithm %s is not supported for requested certificates.", cert.Key)
	}
	for _, n := range names {
		if err := checkName(n); err != nil {
			return nil, err
		}
		cert.Validations = append(cert.Validations, Validation{Name: n, Status: api.DomainStatusPendingValidation})
	}
	return cert, checkValidationDomains(in, names)
}

func options(in *api.CertificateOptions) api.CertificateOptions {
	o := api.CertificateOptions{CertificateTransparencyLoggingPreference: api.CertificateTransparencyLoggingPreferenceEnabled, Export: api.CertificateExportDisabled}
	if in != nil && in.CertificateTransparencyLoggingPreference != "" {
		o.CertificateTransparencyLoggingPreference = in.CertificateTransparencyLoggingPreference
	}
	if in != nil && in.Export != "" {
		o.Export = in.Export
	}
	return o
}

// checkName refuses what is no fully qualified name.
func checkName(name string) error {
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	if len(labels) < 2 || len(name) > 253 {
		return api.InvalidDomainValidationOptionsException("The domain name %s is not a fully qualified domain name.", name)
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return api.InvalidDomainValidationOptionsException("The domain name %s has the invalid label %q.", name, l)
		}
	}
	return nil
}

// checkValidationDomains: a validation domain is the name or a parent of it.
func checkValidationDomains(in *api.RequestCertificateRequest, names []string) error {
	for _, o := range in.DomainValidationOptions {
		name, at := strings.ToLower(awsapi.V(o.DomainName)), strings.ToLower(awsapi.V(o.ValidationDomain))
		if !slices.Contains(names, name) || (at != name && !strings.HasSuffix(name, "."+at)) {
			return api.InvalidDomainValidationOptionsException("The validation domain %s is not a superdomain of %s.", at, name)
		}
	}
	return nil
}

// DeleteCertificate removes a certificate that nothing uses. One that the
// authority issued is revoked, too: nobody should go on with a copy.
func (s *Service) DeleteCertificate(_ context.Context, c *operation.Caller, in *api.DeleteCertificateRequest) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		cert, err := find(tx, c.Scope(), in.CertificateArn)
		if err != nil {
			return err
		}
		if len(UsedBy(tx, c.Scope(), cert.ARN)) > 0 {
			return api.ResourceInUseException("Certificate %s in account %s is in use.", cert.ARN, c.Account)
		}
		if cert.Type == api.CertificateTypeAmazonIssued && cert.Status == api.CertificateStatusIssued {
			revoke(tx, c.Scope(), cert, api.RevocationReasonCessationOfOperation)
		}
		Certificates.Delete(tx, c.Scope(), cert.ARN)
		return nil
	})
}

// ResendValidationEmail has nothing to resend: no certificate here is validated
// by mail.
func (s *Service) ResendValidationEmail(_ context.Context, c *operation.Caller, in *api.ResendValidationEmailRequest) (*empty, error) {
	cert, err := find(s.env.Store.View(), c.Scope(), in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return nil, api.InvalidStateException("Certificate %s is validated by %s, not by email.", cert.ARN, cert.Method)
}

// RenewCertificate is for exported certificates of private authorities on AWS.
func (s *Service) RenewCertificate(_ context.Context, c *operation.Caller, in *api.RenewCertificateRequest) (*empty, error) {
	cert, err := find(s.env.Store.View(), c.Scope(), in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return nil, api.ValidationException("Certificate %s is not eligible: only exported certificates of a private certificate authority are renewed on request.", cert.ARN)
}

// UpdateCertificateOptions changes the transparency preference; export is
// decided at the request.
func (s *Service) UpdateCertificateOptions(_ context.Context, c *operation.Caller, in *api.UpdateCertificateOptionsRequest) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		cert, err := find(tx, c.Scope(), in.CertificateArn)
		if err != nil {
			return err
		}
		if e := in.Options.Export; e != "" && e != cert.Options.Export {
			return api.ValidationException("The export option of a certificate cannot be changed after it was requested.")
		}
		Certificates.Change(tx, c.Scope(), cert.ARN, func(n *Certificate) {
			if p := in.Options.CertificateTransparencyLoggingPreference; p != "" {
				n.Options.CertificateTransparencyLoggingPreference = p
			}
		})
		return nil
	})
}
