package authority

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// Refusal is an error of Import: the text of ACM's ValidationException.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// The refusals. The texts are as users have reported them and as AWS's knowledge
// center lists them ("I receive an error when I try to import a certificate");
// those marked "ours" have no sighting.
const (
	ErrSeveral     Refusal = "The certificate field contains more than one certificate. You can specify only one certificate in this field."
	ErrPEM         Refusal = "Unable to parse certificate. Please ensure the certificate is in PEM format."
	ErrChainPEM    Refusal = "Unable to parse certificate chain. Please ensure the certificate chain is in PEM format." // ours
	ErrEncrypted   Refusal = "Your private key should not be encrypted."
	ErrKey         Refusal = "The private key is not supported."
	ErrKeyLength   Refusal = "The private key length is not supported for key algorithm."
	ErrMismatch    Refusal = "The private key does not match the certificate." // ours
	ErrNotYet      Refusal = "The certificate is not valid yet."               // ours
	ErrExpired     Refusal = "The certificate has expired."                    // ours
	ErrSelfSigned  Refusal = "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain."
	ErrChain       Refusal = "Could not validate the certificate with the certificate chain."
	ErrCertVersion Refusal = "The certificate must be an X.509 version 3 certificate." // ours
)

// Import checks a certificate, its private key and its chain, all PEM, as ACM's
// ImportCertificate does; chain may be empty for a self-signed one. The rules
// are those of the ACM User Guide, "Prerequisites for importing certificates".
func Import(certificate, privateKey, chain []byte, now time.Time) (*x509.Certificate, error) {
	cert, err := parseOne(certificate)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(privateKey)
	if err != nil {
		return nil, err
	}
	public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case cert.Version != 3:
		return nil, ErrCertVersion
	case !ok || !public.Equal(key.Public()):
		return nil, ErrMismatch
	case now.Before(cert.NotBefore):
		return nil, ErrNotYet
	case now.After(cert.NotAfter):
		return nil, ErrExpired
	}
	return cert, checkChain(cert, chain)
}

// parseOne parses PEM that holds one certificate.
func parseOne(text []byte) (*x509.Certificate, error) {
	certs, err := certificates(text)
	switch {
	case err != nil || len(certs) == 0:
		return nil, ErrPEM
	case len(certs) > 1:
		return nil, ErrSeveral
	}
	return certs[0], nil
}

// checkChain wants each certificate to be certified by the one that follows. The
// last one, the root, may be left out.
func checkChain(cert *x509.Certificate, chain []byte) error {
	if len(bytes.TrimSpace(chain)) == 0 {
		// Not CheckSignatureFrom: a self-signed leaf is no CA.
		if !bytes.Equal(cert.RawIssuer, cert.RawSubject) || cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil {
			return ErrSelfSigned
		}
		return nil
	}
	certs, err := certificates(chain)
	if err != nil || len(certs) == 0 {
		return ErrChainPEM
	}
	for _, next := range certs {
		if !bytes.Equal(cert.RawIssuer, next.RawSubject) || cert.CheckSignatureFrom(next) != nil {
			return ErrChain
		}
		cert = next
	}
	return nil
}

// parseKey parses an unencrypted private key of a kind that ACM takes.
func parseKey(text []byte) (crypto.Signer, error) {
	block := keyBlock(text)
	if block == nil {
		return nil, ErrKey
	}
	if strings.Contains(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, ErrEncrypted
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, ErrKey
	}
	signer, ok := key.(crypto.Signer)
	switch {
	case err != nil || !ok:
		return nil, ErrKey
	case algorithm(signer.Public()) != "":
		return signer, nil
	case kind(signer.Public()) == "RSA":
		return nil, ErrKeyLength
	}
	return nil, ErrKey
}

// keyBlock is the first private key in the PEM: openssl writes a block of
// parameters before an EC key.
func keyBlock(text []byte) *pem.Block {
	for {
		block, rest := pem.Decode(text)
		if block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
		text = rest
	}
}

// Description is a certificate as ACM's DescribeCertificate tells of it.
type Description struct {
	// DomainName is the common name, or the first name where there is none.
	DomainName string
	// Names are the subject alternative names.
	Names []string
	// Subject is a distinguished name; Issuer is the issuing organization, or
	// its common name.
	Subject, Issuer string
	// Serial is colon-separated hexadecimal, lower case.
	Serial              string
	NotBefore, NotAfter time.Time
	KeyAlgorithm        KeyAlgorithm
	// SignatureAlgorithm is such as SHA256WITHRSA.
	SignatureAlgorithm string
	// KeyUsages and ExtendedKeyUsages are spelled as in ACM's API.
	KeyUsages         []string
	ExtendedKeyUsages []ExtendedKeyUsage
}

// ExtendedKeyUsage is a name of ACM's API and the object identifier it stands
// for.
type ExtendedKeyUsage struct{ Name, OID string }

// Describe tells of a certificate, PEM.
func Describe(certificate []byte) (*Description, error) {
	c, err := parseOne(certificate)
	if err != nil {
		return nil, err
	}
	d := &Description{
		DomainName: c.Subject.CommonName, Names: names(c), Subject: c.Subject.String(), Issuer: c.Issuer.CommonName,
		Serial: colons(c.SerialNumber.Bytes()), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		KeyAlgorithm: algorithm(c.PublicKey), SignatureAlgorithm: signature(c.SignatureAlgorithm),
		KeyUsages: keyUsages(c.KeyUsage), ExtendedKeyUsages: extendedKeyUsages(c),
	}
	if d.DomainName == "" && len(d.Names) > 0 {
		d.DomainName = d.Names[0]
	}
	if len(c.Issuer.Organization) > 0 {
		d.Issuer = c.Issuer.Organization[0]
	}
	return d, nil
}

func colons(b []byte) string {
	if len(b) == 0 {
		b = []byte{0}
	}
	return strings.ReplaceAll(fmt.Sprintf("% x", b), " ", ":")
}
