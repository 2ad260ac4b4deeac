package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// issuer signs the leaves of one set of domains.
type issuer struct {
	name string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// cross is the anchor as the root vouches for it.
	cross *x509.Certificate
}

// issuer is the one for a set of domains, made at the first use.
func (a *Authority) issuer(set []string) (*issuer, error) {
	name := issuerName(set)
	a.mu.Lock()
	defer a.mu.Unlock()
	by, err := a.stored(name)
	if errors.Is(err, fs.ErrNotExist) {
		by, err = a.makeIssuer(name, set)
	}
	if err != nil {
		return nil, fmt.Errorf("issuer for %s: %w", name, err)
	}
	a.issuers[name] = by
	return by, nil
}

// stored is the issuer of a name where there is one; a.mu is held.
func (a *Authority) stored(name string) (*issuer, error) {
	if by := a.issuers[name]; by != nil {
		return by, nil
	}
	key, certs, err := a.load(filepath.Join("issuers", name+".key"))
	if err != nil {
		return nil, err
	}
	if len(certs) != 2 {
		return nil, fmt.Errorf("%d certificates instead of 2 in %s.key: restore it from a backup", len(certs), name)
	}
	by := &issuer{name, key, certs[0], certs[1]}
	a.issuers[name] = by
	return by, nil
}

// makeIssuer makes a set's anchor and issuer. The anchor's key signs the one
// certificate and is gone when this function returns.
func (a *Authority) makeIssuer(name string, set []string) (*issuer, error) {
	anchorKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	anchor, err := a.constrained("Slipway anchor for "+name, set, 1)
	if err != nil {
		return nil, err
	}
	self, err1 := sign(anchor, anchor, anchorKey.Public(), anchorKey)
	anchor.SerialNumber = serial()
	cross, err2 := sign(anchor, a.root, anchorKey.Public(), a.rootKey)
	below, err3 := a.constrained("Slipway issuer for "+name, set, 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	cert, err := sign(below, self, key.Public(), anchorKey)
	if err != nil {
		return nil, err
	}
	// The anchor first: the key's file makes the issuer exist.
	if err := write(filepath.Join(a.o.Dir, "issuers", name+".pem"), encode(self), 0o644); err != nil {
		return nil, err
	}
	err = a.save(filepath.Join("issuers", name+".key"), key, []*x509.Certificate{cert, cross})
	return &issuer{name, key, cert, cross}, err
}

// constrained is a CA certificate that vouches for servers at the domains and
// for nothing else.
func (a *Authority) constrained(commonName string, set []string, below int) (*x509.Certificate, error) {
	t := a.template(commonName)
	t.NotAfter = a.root.NotAfter
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.IsCA, t.BasicConstraintsValid = true, true
	t.MaxPathLen, t.MaxPathLenZero = below, below == 0
	t.PermittedDNSDomainsCritical = true
	for _, d := range set {
		if !strings.Contains(d, "/") {
			t.PermittedDNSDomains = append(t.PermittedDNSDomains, d)
			continue
		}
		_, ipnet, err := net.ParseCIDR(d)
		if err != nil {
			return nil, err
		}
		t.PermittedIPRanges = append(t.PermittedIPRanges, ipnet)
	}
	// A kind of name that is not mentioned is not constrained (RFC 5280, section
	// 4.2.1.10): exclude it whole.
	if t.PermittedDNSDomains == nil {
		t.ExcludedDNSDomains = []string{""}
	}
	if t.PermittedIPRanges == nil {
		t.ExcludedIPRanges = []*net.IPNet{
			{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
			{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
		}
	}
	return t, nil
}

// Anchor is a domain's anchor, for package truststore.
type Anchor struct {
	// Name is the domain's; with further ones "first+N-hash".
	Name string
	// File holds the certificate, PEM.
	File string
	// Domains and addresses are all that it can vouch for.
	Domains []string
}

// Address tells that it vouches for addresses alone.
func (a Anchor) Address() bool {
	return !slices.ContainsFunc(a.Domains, func(d string) bool { return !strings.Contains(d, "/") })
}

// Anchors lists the domains' anchors in an authority's folder, by name. It needs
// no key, and no running engine.
func Anchors(dir string) ([]Anchor, error) {
	files, err := filepath.Glob(filepath.Join(dir, "issuers", "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("listing anchors: %w", err)
	}
	var out []Anchor
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("listing anchors: %w", err)
		}
		certs, err := certificates(text)
		if err != nil || len(certs) != 1 {
			return nil, fmt.Errorf("listing anchors: %s is not one certificate", file)
		}
		anchor := Anchor{Name: strings.TrimSuffix(filepath.Base(file), ".pem"), File: file, Domains: certs[0].PermittedDNSDomains}
		for _, ipnet := range certs[0].PermittedIPRanges {
			anchor.Domains = append(anchor.Domains, ipnet.String())
		}
		out = append(out, anchor)
	}
	return out, nil
}
