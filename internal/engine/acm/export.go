package acm

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"

	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// exportable is the certificate that an operation names, if ACM lets it out: an
// issued one that was requested with the export option.
func exportable(tx *state.Tx, c *operation.Caller, name *string) (*Certificate, error) {
	cert, err := find(tx, c.Scope(), name)
	switch {
	case err != nil:
		return nil, err
	case cert.Type != api.CertificateTypeAmazonIssued || cert.Options.Export != api.CertificateExportEnabled:
		return nil, api.ValidationException("Certificate %s is not a private certificate, and was not requested with the export option.", cert.ARN)
	case cert.Status == api.CertificateStatusPendingValidation:
		return nil, api.RequestInProgressException("The certificate request is in progress: %s is not validated yet.", cert.ARN)
	case cert.Status != api.CertificateStatusIssued:
		return nil, api.ValidationException("Certificate %s has the status %s.", cert.ARN, cert.Status)
	}
	return cert, nil
}

// ExportCertificate is a certificate with its chain and its private key, which
// the passphrase encrypts.
func (s *Service) ExportCertificate(_ context.Context, c *operation.Caller, in *api.ExportCertificateRequest) (*api.ExportCertificateResponse, error) {
	cert, err := exportable(s.env.Store.View(), c, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	plain, err := s.env.Vault.Open(cert.Content.PrivateKey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(plain)
	encrypted, err := encryptKey(block.Bytes, in.Passphrase)
	if err != nil {
		return nil, err
	}
	out := &api.ExportCertificateResponse{Certificate: &cert.Content.Certificate, CertificateChain: &cert.Content.Chain, PrivateKey: &encrypted}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		Certificates.Change(tx, c.Scope(), cert.ARN, func(n *Certificate) { n.Exported = true })
		return nil
	})
}

// The algorithms of PKCS #5's second encryption scheme (RFC 8018).
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMAC   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9} // with SHA-256
	oidAES    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// rounds of PBKDF2, as OWASP asks for with SHA-256.
const rounds = 600_000

// encryptKey is a PKCS #8 key as ENCRYPTED PRIVATE KEY in PEM: PBKDF2 and
// AES-256-CBC, which every openssl reads.
func encryptKey(key, passphrase []byte) (string, error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	rand.Read(salt)
	rand.Read(iv)
	derived, err := pbkdf2.Key(sha256.New, string(passphrase), salt, rounds, 32)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return "", err
	}
	padding := aes.BlockSize - len(key)%aes.BlockSize
	text := append([]byte{}, key...)
	for range padding {
		text = append(text, byte(padding))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	der, err := marshalEncrypted(salt, iv, text)
	return string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})), err
}

func marshalEncrypted(salt, iv, text []byte) ([]byte, error) {
	algorithm := func(id asn1.ObjectIdentifier, parameters any) (pkix.AlgorithmIdentifier, error) {
		der, err := asn1.Marshal(parameters)
		return pkix.AlgorithmIdentifier{Algorithm: id, Parameters: asn1.RawValue{FullBytes: der}}, err
	}
	derivation, err := algorithm(oidPBKDF2, struct {
		Salt   []byte
		Rounds int
		PRF    pkix.AlgorithmIdentifier
	}{salt, rounds, pkix.AlgorithmIdentifier{Algorithm: oidHMAC, Parameters: asn1.NullRawValue}})
	if err != nil {
		return nil, err
	}
	encryption, err := algorithm(oidAES, iv)
	if err != nil {
		return nil, err
	}
	scheme, err := algorithm(oidPBES2, []pkix.AlgorithmIdentifier{derivation, encryption})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Scheme pkix.AlgorithmIdentifier
		Text   []byte
	}{scheme, text})
}

// reasons are the revocation reasons in RFC 5280's numbers.
var reasons = map[api.RevocationReason]int{
	api.RevocationReasonUnspecified: 0, api.RevocationReasonKeyCompromise: 1, api.RevocationReasonCaCompromise: 2, api.RevocationReasonAffiliationChanged: 3,
	api.RevocationReasonSuperceded: 4, api.RevocationReasonSuperseded: 4, api.RevocationReasonCessationOfOperation: 5, api.RevocationReasonCertificateHold: 6,
	api.RevocationReasonRemoveFromCrl: 8, api.RevocationReasonPrivilegeWithdrawn: 9, api.RevocationReasonAACompromise: 10,
}

// RevokeCertificate puts an exported certificate on its issuer's revocation list;
// the controller has it published.
func (s *Service) RevokeCertificate(_ context.Context, c *operation.Caller, in *api.RevokeCertificateRequest) (*api.RevokeCertificateResponse, error) {
	return &api.RevokeCertificateResponse{CertificateArn: in.CertificateArn}, s.env.Store.Update(func(tx *state.Tx) error {
		cert, err := exportable(tx, c, in.CertificateArn)
		switch {
		case err != nil:
			return err
		case !cert.Exported:
			return api.ValidationException("Certificate %s was never exported; delete it instead.", cert.ARN)
		case len(UsedBy(tx, c.Scope(), cert.ARN)) > 0:
			return api.ResourceInUseException("Certificate %s in account %s is in use.", cert.ARN, c.Account)
		}
		Certificates.Change(tx, c.Scope(), cert.ARN, func(n *Certificate) {
			n.Status, n.Revoked, n.Reason = api.CertificateStatusRevoked, s.env.Now(), in.RevocationReason
		})
		revoke(tx, c.Scope(), cert, in.RevocationReason)
		return nil
	})
}

// revoke asks the controller to have a certificate revoked.
func revoke(tx *state.Tx, scope state.Scope, c *Certificate, reason api.RevocationReason) {
	Revocations.Put(tx, scope, &Revocation{ARN: c.ARN, Serial: c.Content.Serial, Certificate: c.Content.Certificate, Reason: reasons[reason]})
}
