package acm

import (
	"context"

	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// ImportCertificate takes a certificate made elsewhere, or replaces one that
// was imported before.
func (s *Service) ImportCertificate(_ context.Context, c *operation.Caller, in *api.ImportCertificateRequest) (*api.ImportCertificateResponse, error) {
	if in.CertificateArn != nil && len(in.Tags) > 0 {
		return nil, api.ValidationException("Tagging is not permitted on re-import.")
	}
	made, err := s.imported(in)
	if err != nil {
		return nil, err
	}
	out := &api.ImportCertificateResponse{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		if in.CertificateArn == nil {
			made.ARN, out.CertificateArn = arn.New("acm", c.Scope(), "certificate/"+ids.UUID()), &made.ARN
			Certificates.Put(tx, c.Scope(), made)
			return nil
		}
		old, err := find(tx, c.Scope(), in.CertificateArn)
		if err != nil {
			return err
		}
		if old.Type != api.CertificateTypeImported {
			return api.ValidationException("Certificate %s was not imported; only imported certificates can be replaced.", old.ARN)
		}
		made.ARN, made.Tags, out.CertificateArn = old.ARN, old.Tags, &old.ARN
		Certificates.Put(tx, c.Scope(), made)
		return nil
	})
}

// imported is the certificate that an import brings, checked by the authority in
// ACM's words.
func (s *Service) imported(in *api.ImportCertificateRequest) (*Certificate, error) {
	if _, err := authority.Import(in.Certificate, in.PrivateKey, in.CertificateChain, s.env.Now()); err != nil {
		return nil, api.ValidationException("%s", err)
	}
	content, says, err := inspect(in.Certificate)
	if err != nil {
		return nil, api.ValidationException("%s", err)
	}
	content.Chain, content.PrivateKey = string(in.CertificateChain), s.env.Vault.Seal(in.PrivateKey)
	tags := setOf(in.Tags)
	if err := tags.Check(); err != nil {
		return nil, api.InvalidTagException("%s", err)
	}
	return &Certificate{
		Names: namesOf(says), Type: api.CertificateTypeImported, Key: api.KeyAlgorithm(says.KeyAlgorithm), Options: options(&api.CertificateOptions{CertificateTransparencyLoggingPreference: "DISABLED"}),
		Created: s.env.Now(), Imported: s.env.Now(), Status: api.CertificateStatusIssued, Tags: tags, Content: content,
	}, nil
}
