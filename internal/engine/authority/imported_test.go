package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// party is a certificate with its key, for chains that are not the authority's.
type party struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newParty(t *testing.T, name string, by *party, key crypto.Signer, change func(*x509.Certificate)) *party {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(0x0fac), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	cert, err := sign(c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &party{cert, key}
}

func ecKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keyPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestImport(t *testing.T) {
	isCA := func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }
	root := newParty(t, "Root", nil, ecKey(t, elliptic.P256()), isCA)
	middle := newParty(t, "Middle", root, ecKey(t, elliptic.P256()), isCA)
	leaf := newParty(t, "a.example", middle, ecKey(t, elliptic.P384()), nil)
	self := newParty(t, "self.example", nil, ecKey(t, elliptic.P256()), nil)
	expired := newParty(t, "old.example", nil, ecKey(t, elliptic.P256()), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	early := newParty(t, "new.example", nil, ecKey(t, elliptic.P256()), func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	p224 := newParty(t, "p224.example", nil, ecKey(t, elliptic.P224()), nil)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards := newParty(t, "ed.example", nil, ed, nil)
	rsa1536, err := rsa.GenerateKey(rand.Reader, 1536)
	if err != nil {
		t.Fatal(err)
	}
	odd := newParty(t, "odd.example", nil, rsa1536, nil)
	sec1, err := x509.MarshalECPrivateKey(self.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	ecPEM := append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...)
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")})

	tests := []struct {
		why              string
		cert, key, chain []byte
		want             error
	}{
		{"self-signed", encode(self.cert), keyPEM(t, self.key), nil, nil},
		{"key as openssl ecparam writes it", encode(self.cert), ecPEM, nil, nil},
		{"chain with the root", encode(leaf.cert), keyPEM(t, leaf.key), encode(middle.cert, root.cert), nil},
		{"chain without the root", encode(leaf.cert), keyPEM(t, leaf.key), encode(middle.cert), nil},
		{"chain in the wrong order", encode(leaf.cert), keyPEM(t, leaf.key), encode(root.cert, middle.cert), ErrChain},
		{"chain of strangers", encode(leaf.cert), keyPEM(t, leaf.key), encode(self.cert), ErrChain},
		{"chain that begins with the leaf", encode(leaf.cert), keyPEM(t, leaf.key), encode(leaf.cert, middle.cert), ErrChain},
		{"chain that is none", encode(leaf.cert), keyPEM(t, leaf.key), []byte("chain"), ErrChainPEM},
		{"no chain, not self-signed", encode(leaf.cert), keyPEM(t, leaf.key), nil, ErrSelfSigned},
		{"chain in the certificate", encode(leaf.cert, middle.cert), keyPEM(t, leaf.key), nil, ErrSeveral},
		{"no PEM", leaf.cert.Raw, keyPEM(t, leaf.key), nil, ErrPEM},
		{"key and certificate swapped", keyPEM(t, leaf.key), encode(leaf.cert), nil, ErrPEM},
		{"another's key", encode(leaf.cert), keyPEM(t, self.key), encode(middle.cert), ErrMismatch},
		{"no key", encode(leaf.cert), nil, encode(middle.cert), ErrKey},
		{"legacy encrypted key", encode(self.cert), legacy, nil, ErrEncrypted},
		{"encrypted key", encode(self.cert), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), nil, ErrEncrypted},
		{"expired", encode(expired.cert), keyPEM(t, expired.key), nil, ErrExpired},
		{"not yet valid", encode(early.cert), keyPEM(t, early.key), nil, ErrNotYet},
		{"curve P-224", encode(p224.cert), keyPEM(t, p224.key), nil, ErrKey},
		{"Ed25519", encode(edwards.cert), keyPEM(t, edwards.key), nil, ErrKey},
		{"RSA of 1536 bits", encode(odd.cert), keyPEM(t, odd.key), nil, ErrKeyLength},
	}
	for _, tt := range tests {
		if _, err := Import(tt.cert, tt.key, tt.chain, time.Now()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
	}
	a := newAuthority(t)
	own := issue(t, a, P256, "own.example")
	if _, err := Import(own.Certificate, own.PrivateKey, own.Chain, time.Now()); err != nil {
		t.Errorf("what the authority itself issued: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ca := newParty(t, "Some CA", nil, key, func(c *x509.Certificate) {
		c.IsCA, c.Subject.Organization, c.KeyUsage = true, []string{"Let's Test"}, x509.KeyUsageCertSign
	})
	p := newParty(t, "www.example.com", ca, ecKey(t, elliptic.P384()), func(c *x509.Certificate) {
		c.SerialNumber, _ = new(big.Int).SetString("0facb0a38dea65522d7d013a3936dbd6", 16)
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	})
	got, err := Describe(encode(p.cert))
	if err != nil {
		t.Fatal(err)
	}
	want := &Description{
		DomainName: "www.example.com", Names: []string{"www.example.com"}, Subject: "CN=www.example.com", Issuer: "Let's Test",
		Serial: "0f:ac:b0:a3:8d:ea:65:52:2d:7d:01:3a:39:36:db:d6", NotBefore: p.cert.NotBefore, NotAfter: p.cert.NotAfter,
		KeyAlgorithm: P384, SignatureAlgorithm: "SHA256WITHRSA", KeyUsages: []string{"DIGITAL_SIGNATURE", "KEY_ENCIPHERMENT"},
		ExtendedKeyUsages: []ExtendedKeyUsage{{"TLS_WEB_SERVER_AUTHENTICATION", "1.3.6.1.5.5.7.3.1"}, {"TLS_WEB_CLIENT_AUTHENTICATION", "1.3.6.1.5.5.7.3.2"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for alg, want := range map[x509.SignatureAlgorithm]string{
		x509.ECDSAWithSHA256: "SHA256WITHECDSA", x509.SHA512WithRSA: "SHA512WITHRSA", x509.SHA256WithRSAPSS: "SHA256WITHRSAANDMGF1", x509.PureEd25519: "ED25519",
	} {
		if got := signature(alg); got != want {
			t.Errorf("%v is %s, want %s", alg, got, want)
		}
	}
}

// TestOpenSSLAgrees has openssl print serials and judge chains and revocations.
func TestOpenSSLAgrees(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIP: openssl is not installed")
	}
	a := newAuthority(t)
	good, bad := issue(t, a, RSA2048, "good.example.org"), issue(t, a, P256, "bad.example.org")
	if err := a.Revoke(bad.Certificate, 1); err != nil {
		t.Fatal(err)
	}
	crl, err := a.CRL("example.org")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, text []byte) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	crlFile := put("crl.pem", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl}))
	run := func(args ...string) (string, error) {
		out, err := exec.Command(openssl, args...).CombinedOutput()
		return string(out), err
	}
	for _, tt := range []struct {
		c       *Certificate
		name    string
		revoked bool
	}{{good, "good.example.org", false}, {bad, "bad.example.org", true}} {
		cert, chain := put(tt.name, tt.c.Certificate), put(tt.name+".chain", tt.c.Chain)
		for _, ca := range []string{a.RootFile(), filepath.Join(a.o.Dir, "issuers", "example.org.pem")} {
			out, err := run("verify", "-x509_strict", "-CAfile", ca, "-untrusted", chain, "-verify_hostname", tt.name, cert)
			if err != nil {
				t.Errorf("openssl verify with %s: %v\n%s", ca, err, out)
			}
			out, err = run("verify", "-crl_check", "-CRLfile", crlFile, "-CAfile", ca, "-untrusted", chain, cert)
			if (err != nil) != tt.revoked || strings.Contains(out, "certificate revoked") != tt.revoked {
				t.Errorf("openssl verify -crl_check of %s: %v\n%s", tt.name, err, out)
			}
		}
		d, err := Describe(tt.c.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		out, err := run("x509", "-in", cert, "-noout", "-serial")
		if got := "serial=" + strings.ToUpper(strings.ReplaceAll(d.Serial, ":", "")); err != nil || strings.TrimSpace(out) != got {
			t.Errorf("openssl says %q (%v), Describe %q", out, err, got)
		}
	}
}

func FuzzImport(f *testing.F) {
	a := newAuthority(f)
	c := issue(f, a, P256, "a.example")
	f.Add(c.Certificate, c.PrivateKey, c.Chain)
	f.Add(c.Chain, c.PrivateKey, []byte(nil))
	f.Fuzz(func(t *testing.T, cert, key, chain []byte) {
		got, err := Import(cert, key, chain, time.Now())
		if err != nil {
			return
		}
		if d, err := Describe(cert); err != nil || d.KeyAlgorithm == "" {
			t.Fatalf("imported %v, but Describe: %+v, %v", got.Subject, d, err)
		}
	})
}
