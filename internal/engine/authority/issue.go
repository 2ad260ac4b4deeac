package authority

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Request asks for a certificate.
type Request struct {
	// Names are host names, wildcards (*.example.com) and IP addresses; the
	// first is the subject's, too.
	Names []string
	// Key is the private key's algorithm. Default RSA_2048, as ACM's.
	Key KeyAlgorithm
}

// Certificate is an issued certificate, all PEM.
type Certificate struct {
	Certificate []byte
	// Chain is what a server sends after the certificate.
	Chain []byte
	// PrivateKey is PKCS #8, in the clear. The authority keeps no copy.
	PrivateKey []byte
	// Leaf is Certificate, parsed.
	Leaf *x509.Certificate
}

// Issue makes a key and a certificate for it.
func (a *Authority) Issue(r Request) (*Certificate, error) {
	c, err := a.issue(r)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	return c, nil
}

// Renew issues a certificate for the names and the algorithm of another, with a
// key of its own.
func (a *Authority) Renew(certificate []byte) (*Certificate, error) {
	old, err := parseOne(certificate)
	if err != nil {
		return nil, fmt.Errorf("renewing a certificate: %w", err)
	}
	c, err := a.issue(Request{Names: names(old), Key: algorithm(old.PublicKey)})
	if err != nil {
		return nil, fmt.Errorf("renewing a certificate: %w", err)
	}
	return c, nil
}

func (a *Authority) issue(r Request) (*Certificate, error) {
	if len(r.Names) == 0 {
		return nil, errors.New("no name is given")
	}
	t, err := a.leaf(r.Names)
	if err != nil {
		return nil, err
	}
	set, err := domains(names(t))
	if err != nil {
		return nil, err
	}
	by, err := a.issuer(set)
	if err != nil {
		return nil, err
	}
	if t.NotAfter.After(by.cert.NotAfter) {
		t.NotAfter = by.cert.NotAfter
	}
	if a.o.CRL != "" {
		t.CRLDistributionPoints = []string{a.o.CRL + "/" + by.name + ".crl"}
	}
	if r.Key == "" {
		r.Key = RSA2048
	}
	key, err := r.Key.generate()
	if err != nil {
		return nil, err
	}
	if r.Key.rsa() {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	cert, err := sign(t, by.cert, key.Public(), by.key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &Certificate{
		Certificate: encode(cert),
		Chain:       encode(by.cert, by.cross),
		PrivateKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		Leaf:        cert,
	}, nil
}

// leaf is the certificate for the names, but for its key.
func (a *Authority) leaf(requested []string) (*x509.Certificate, error) {
	t := a.template("")
	t.NotAfter = t.NotBefore.Add(a.o.Validity)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.BasicConstraintsValid = true
	for i, given := range requested {
		name, err := normalize(given)
		if err != nil {
			return nil, err
		}
		// A common name has at most 64 characters (RFC 5280, ub-common-name).
		if i == 0 && len(name) <= 64 {
			t.Subject.CommonName = name
		}
		if ip, err := netip.ParseAddr(name); err == nil {
			t.IPAddresses = append(t.IPAddresses, net.IP(ip.AsSlice()))
		} else if !slices.Contains(t.DNSNames, name) {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	t.Subject.Organization = nil
	return t, nil
}

// names are all names of a certificate.
func names(c *x509.Certificate) []string {
	out := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}
