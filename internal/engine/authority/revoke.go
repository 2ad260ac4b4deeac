package authority

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// crlLife is how long a revocation list may be relied on.
const crlLife = 7 * 24 * time.Hour

// ErrNotIssued is the error for a certificate that is not this authority's.
var ErrNotIssued = errors.New("this authority has not issued it")

// Revoke puts a certificate (PEM) on its issuer's revocation list, with a reason
// of RFC 5280, section 5.3.1. Revoking twice changes nothing.
func (a *Authority) Revoke(certificate []byte, reason int) error {
	err := a.revoke(certificate, reason)
	if err != nil {
		return fmt.Errorf("revoking a certificate: %w", err)
	}
	return nil
}

func (a *Authority) revoke(certificate []byte, reason int) error {
	if reason < 0 || reason > 10 || reason == 7 {
		return fmt.Errorf("%d is no reason for a revocation", reason)
	}
	cert, by, err := a.issued(certificate)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := a.list(by)
	if err != nil {
		return err
	}
	if revoked(list, cert) {
		return nil
	}
	list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
		SerialNumber: cert.SerialNumber, RevocationTime: a.o.Now().UTC().Truncate(time.Second), ReasonCode: reason,
	})
	return a.publish(by, list)
}

// Revoked tells whether a certificate (PEM) is on its issuer's list.
func (a *Authority) Revoked(certificate []byte) (bool, error) {
	cert, by, err := a.issued(certificate)
	if err != nil {
		return false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := a.list(by)
	if err != nil {
		return false, err
	}
	return revoked(list, cert), nil
}

func revoked(list *x509.RevocationList, cert *x509.Certificate) bool {
	return slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
		return e.SerialNumber.Cmp(cert.SerialNumber) == 0
	})
}

// issuerForm keeps what comes from an address out of other folders.
var issuerForm = lazyregexp.New(`^[a-z0-9_][a-z0-9_.+-]*$`)

// CRL is the revocation list (DER) of an issuer, by the name that its leaves'
// distribution point has before ".crl". It is signed anew when half its time is
// over. An issuer that is not there gives fs.ErrNotExist.
func (a *Authority) CRL(issuer string) ([]byte, error) {
	if !issuerForm.MatchString(issuer) {
		return nil, fmt.Errorf("revocation list of %q: %w", issuer, fs.ErrNotExist)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	by, err := a.stored(issuer)
	if err != nil {
		return nil, fmt.Errorf("revocation list of %s: %w", issuer, err)
	}
	list, err := a.list(by)
	if err == nil && (list.Raw == nil || a.o.Now().After(list.ThisUpdate.Add(crlLife/2))) {
		err = a.publish(by, list)
	}
	if err != nil {
		return nil, fmt.Errorf("revocation list of %s: %w", issuer, err)
	}
	return os.ReadFile(a.crlFile(by))
}

// issued finds the issuer of a certificate.
func (a *Authority) issued(certificate []byte) (*x509.Certificate, *issuer, error) {
	cert, err := parseOne(certificate)
	if err != nil {
		return nil, nil, err
	}
	set, err := domains(names(cert))
	if err != nil || len(set) == 0 {
		return nil, nil, ErrNotIssued
	}
	a.mu.Lock()
	by, err := a.stored(issuerName(set))
	a.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrNotIssued
	}
	if err != nil {
		return nil, nil, err
	}
	if cert.CheckSignatureFrom(by.cert) != nil {
		return nil, nil, ErrNotIssued
	}
	return cert, by, nil
}

func (a *Authority) crlFile(by *issuer) string {
	return filepath.Join(a.o.Dir, "issuers", by.name+".crl")
}

// list is the issuer's last list: the file is the record of what is revoked.
func (a *Authority) list(by *issuer) (*x509.RevocationList, error) {
	der, err := os.ReadFile(a.crlFile(by))
	if errors.Is(err, fs.ErrNotExist) {
		return &x509.RevocationList{Number: new(big.Int)}, nil
	}
	if err != nil {
		return nil, err
	}
	return x509.ParseRevocationList(der)
}

// publish signs the list under the next number.
func (a *Authority) publish(by *issuer, list *x509.RevocationList) error {
	now := a.o.Now().UTC().Truncate(time.Second)
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number:                    new(big.Int).Add(list.Number, big.NewInt(1)),
		ThisUpdate:                now,
		NextUpdate:                now.Add(crlLife),
		RevokedCertificateEntries: list.RevokedCertificateEntries,
	}, by.cert, by.key)
	if err != nil {
		return err
	}
	return write(a.crlFile(by), der, 0o644)
}
