package acm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
)

// inspect reads what a certificate in PEM says of itself.
func inspect(text []byte) (Content, error) {
	cert, err := parse(text)
	if err != nil {
		return Content{}, err
	}
	c := Content{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
		Serial:      colons(cert.SerialNumber.Bytes()), Subject: cert.Subject.String(), Issuer: cert.Issuer.CommonName,
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, SignatureAlgorithm: signatures[cert.SignatureAlgorithm],
	}
	for _, u := range keyUsages {
		if cert.KeyUsage&u.bit != 0 {
			c.KeyUsages = append(c.KeyUsages, u.name)
		}
	}
	for _, u := range cert.ExtKeyUsage {
		if name := extendedUsages[u]; name != "" {
			c.ExtendedKeyUsage = append(c.ExtendedKeyUsage, name)
		}
	}
	return c, nil
}

var signatures = map[x509.SignatureAlgorithm]string{
	x509.SHA256WithRSA: "SHA256WITHRSA", x509.SHA384WithRSA: "SHA384WITHRSA", x509.SHA512WithRSA: "SHA512WITHRSA",
	x509.ECDSAWithSHA256: "SHA256WITHECDSA", x509.ECDSAWithSHA384: "SHA384WITHECDSA", x509.ECDSAWithSHA512: "SHA512WITHECDSA",
}

var keyUsages = []struct {
	bit  x509.KeyUsage
	name string
}{
	{x509.KeyUsageDigitalSignature, "DIGITAL_SIGNATURE"}, {x509.KeyUsageContentCommitment, "NON_REPUDIATION"}, {x509.KeyUsageKeyEncipherment, "KEY_ENCIPHERMENT"},
	{x509.KeyUsageDataEncipherment, "DATA_ENCIPHERMENT"}, {x509.KeyUsageKeyAgreement, "KEY_AGREEMENT"}, {x509.KeyUsageCertSign, "CERTIFICATE_SIGNING"}, {x509.KeyUsageCRLSign, "CRL_SIGNING"},
}

var extendedUsages = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageServerAuth: "TLS_WEB_SERVER_AUTHENTICATION", x509.ExtKeyUsageClientAuth: "TLS_WEB_CLIENT_AUTHENTICATION", x509.ExtKeyUsageAny: "ANY",
}

func parse(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("the certificate is not in PEM form")
	}
	return x509.ParseCertificate(block.Bytes)
}

// colons is a serial number as ACM prints it.
func colons(b []byte) string {
	parts := make([]string, len(b))
	for i, x := range b {
		parts[i] = fmt.Sprintf("%02x", x)
	}
	return strings.Join(parts, ":")
}

// keyAlgorithm is the algorithm of a certificate's key; "" is none that ACM takes.
func keyAlgorithm(cert *x509.Certificate) api.KeyAlgorithm {
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return map[int]api.KeyAlgorithm{1024: api.KeyAlgorithmRsa1024, 2048: api.KeyAlgorithmRsa2048, 3072: api.KeyAlgorithmRsa3072, 4096: api.KeyAlgorithmRsa4096}[k.N.BitLen()]
	case *ecdsa.PublicKey:
		return map[int]api.KeyAlgorithm{256: api.KeyAlgorithmECPrime256v1, 384: api.KeyAlgorithmECSecp384r1, 521: api.KeyAlgorithmECSecp521r1}[k.Params().BitSize]
	}
	return ""
}

// parseKey reads an unencrypted private key in PEM.
func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the private key is not in PEM form")
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the private key is encrypted")
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key is of no supported kind")
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key is of no supported kind")
	}
	return signer, nil
}
