// Package authority is the engine's own certificate authority. ACM has its
// certificates issued here, and checks here those that users import.
//
// What it issues hangs on two kinds of anchors, and the difference is the point
// (docs/decisions/0010-authority.md):
//
//   - ca.pem, the root, is made once and vouches for every name. It is for
//     clients that are told to use it (curl --cacert, SLIPWAY_CA) and must never
//     stand in a system's trust store.
//   - every registrable domain has an anchor of its own, whose name constraints
//     bind it to that domain and whose private key is thrown away once it has
//     signed the domain's issuer. These may be trusted by a whole machine, see
//     package truststore: nobody can sign for another domain with what is on
//     the disk.
//
// A leaf's chain leads to both: leaf ← domain's issuer ← domain's anchor, which
// is self-signed and, under the same key and name, signed by the root.
//
// It is not a public CA and does not speak ACME. It keeps its folder, and
// nothing else: private keys of leaves are handed out and forgotten.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what an authority needs. Dir is required.
type Options struct {
	// Dir is the folder it keeps; made, mode 0700, if need be.
	Dir string
	// Seal and Open encrypt and decrypt the private keys in the folder.
	// Default: they lie there in the clear, mode 0600.
	Seal, Open func([]byte) ([]byte, error)
	// Validity is how long a leaf is good for. Default 90 days.
	Validity time.Duration
	// CRL is the address that revocation lists are served under, such as
	// http://127.0.0.1:4610/_slipway/crl; a leaf names <CRL>/<issuer>.crl.
	// Default: leaves name none.
	CRL string
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Authority issues certificates. Its methods may be called at the same time.
type Authority struct {
	o       Options
	root    *x509.Certificate
	rootKey *ecdsa.PrivateKey

	mu      sync.Mutex
	issuers map[string]*issuer // by name
}

// lifetime is how long root, anchors and issuers are good for: renewing one
// means trusting anew.
const lifetime = 10 * 365 * 24 * time.Hour

// Open reads the folder, or makes the root where there is none yet.
func Open(o Options) (*Authority, error) {
	a, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("opening the certificate authority: %w", err)
	}
	return a, nil
}

func open(o Options) (*Authority, error) {
	if o.Dir == "" {
		return nil, errors.New("no folder is named")
	}
	if o.Seal == nil || o.Open == nil {
		clear := func(b []byte) ([]byte, error) { return b, nil }
		o.Seal, o.Open = clear, clear
	}
	if o.Validity == 0 {
		o.Validity = 90 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "issuers"), 0o700); err != nil {
		return nil, err
	}
	a := &Authority{o: o, issuers: map[string]*issuer{}}
	key, certs, err := a.load("root.key")
	if errors.Is(err, fs.ErrNotExist) {
		key, certs, err = a.makeRoot()
	}
	if err != nil {
		return nil, err
	}
	a.root, a.rootKey = certs[0], key
	// ca.pem is a copy for users; root.key alone counts.
	if have, err := os.ReadFile(a.RootFile()); err != nil || string(have) != string(a.RootPEM()) {
		return a, write(a.RootFile(), a.RootPEM(), 0o644)
	}
	return a, nil
}

// RootFile is the root certificate's file.
func (a *Authority) RootFile() string { return filepath.Join(a.o.Dir, "ca.pem") }

// RootPEM is the root certificate.
func (a *Authority) RootPEM() []byte { return encode(a.root) }

func (a *Authority) makeRoot() (*ecdsa.PrivateKey, []*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := a.template("Slipway engine root (for explicit use, not for a trust store)")
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.IsCA, t.BasicConstraintsValid = true, true
	cert, err := sign(t, t, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	certs := []*x509.Certificate{cert}
	return key, certs, a.save("root.key", key, certs)
}

// template is a certificate's beginning. It is valid from an hour ago: the
// clocks of containers and machines differ.
func (a *Authority) template(commonName string) *x509.Certificate {
	now := a.o.Now().UTC().Truncate(time.Second)
	return &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: commonName, Organization: []string{"Slipway"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(lifetime),
	}
}

// serial is 127 random bits, 16 bytes as ACM's are.
func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x7f | 0x40 // positive, and never shorter
	return new(big.Int).SetBytes(b)
}

func sign(t, parent *x509.Certificate, public any, key any) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate for %s: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

func encode(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}
