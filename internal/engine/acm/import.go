package acm

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"

	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/arn"
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

// imported is the certificate that an import brings, checked.
func (s *Service) imported(in *api.ImportCertificateRequest) (*Certificate, error) {
	cert, err := parse(in.Certificate)
	if err != nil {
		return nil, api.ValidationException("The certificate field contains an invalid certificate: %s.", err)
	}
	key, err := parseKey(in.PrivateKey)
	if err != nil {
		return nil, api.ValidationException("The private key is not supported: %s.", err)
	}
	if pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(cert.PublicKey) {
		return nil, api.ValidationException("The private key does not match the certificate.")
	}
	algorithm := keyAlgorithm(cert)
	if algorithm == "" {
		return nil, api.ValidationException("The key of the certificate is of a kind or size that is not supported.")
	}
	if !s.env.Now().Before(cert.NotAfter) {
		return nil, api.ValidationException("The certificate is not valid any more: it expired on %s.", cert.NotAfter.UTC().Format("2006-01-02"))
	}
	if err := checkChain(cert, in.CertificateChain); err != nil {
		return nil, err
	}
	content, err := inspect(in.Certificate)
	if err != nil {
		return nil, api.ValidationException("%s", err)
	}
	content.Chain, content.PrivateKey = string(in.CertificateChain), s.env.Vault.Seal(in.PrivateKey)
	tags := setOf(in.Tags)
	if err := tags.Check(); err != nil {
		return nil, api.InvalidTagException("%s", err)
	}
	return &Certificate{
		Names: namesOf(cert), Type: api.CertificateTypeImported, Key: algorithm, Options: options(&api.CertificateOptions{CertificateTransparencyLoggingPreference: "DISABLED"}),
		Created: s.env.Now(), Imported: s.env.Now(), Status: api.CertificateStatusIssued, Tags: tags, Content: content,
	}, nil
}

// namesOf are a certificate's names, the common name first if it has one.
func namesOf(cert *x509.Certificate) []string {
	var names []string
	seen := map[string]bool{}
	for _, n := range append([]string{cert.Subject.CommonName}, cert.DNSNames...) {
		if n != "" && !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// checkChain: each certificate of the chain signed the one before it.
func checkChain(cert *x509.Certificate, chain []byte) error {
	for at := cert; ; {
		var block *pem.Block
		if block, chain = pem.Decode(chain); block == nil {
			return nil
		}
		parent, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return api.ValidationException("The certificate chain contains an invalid certificate: %s.", err)
		}
		if err := at.CheckSignatureFrom(parent); err != nil {
			return api.ValidationException("Could not validate the certificate with the certificate chain.")
		}
		at = parent
	}
}
