package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// mask is a Seal and an Open for tests: its own inverse.
func mask(b []byte) ([]byte, error) {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out, nil
}

func newAuthority(t testing.TB) *Authority {
	t.Helper()
	a, err := Open(Options{Dir: filepath.Join(t.TempDir(), "authority"), Seal: mask, Open: mask})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t testing.TB, a *Authority, key KeyAlgorithm, names ...string) *Certificate {
	t.Helper()
	c, err := a.Issue(Request{Names: names, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// anchorPool trusts the one anchor for the names.
func anchorPool(t testing.TB, a *Authority, names ...string) *x509.CertPool {
	t.Helper()
	set, err := domains(names)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(a.o.Dir, "issuers", issuerName(set)+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	return pool(text)
}

func pool(text []byte) *x509.CertPool {
	p := x509.NewCertPool()
	p.AppendCertsFromPEM(text)
	return p
}

func verify(leaf *x509.Certificate, chain []byte, roots *x509.CertPool, name string) error {
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: pool(chain)})
	return err
}

func TestTheRootIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "authority")
	a, err := Open(Options{Dir: dir, Seal: mask, Open: mask})
	if err != nil {
		t.Fatal(err)
	}
	c := issue(t, a, P256, "demo.windingtree.com")
	if err := os.Remove(a.RootFile()); err != nil {
		t.Fatal(err)
	}
	b, err := Open(Options{Dir: dir, Seal: mask, Open: mask})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(b.RootFile()); err != nil || !bytes.Equal(text, a.RootPEM()) {
		t.Errorf("ca.pem after a restart: %s, %v", text, err)
	}
	again := issue(t, b, P256, "www.windingtree.com")
	if !bytes.Equal(again.Chain, c.Chain) {
		t.Error("after a restart the domain has another issuer")
	}
	if err := verify(again.Leaf, again.Chain, pool(a.RootPEM()), "www.windingtree.com"); err != nil {
		t.Error(err)
	}
}

func TestKeysLieSealedAndForTheOwnerOnly(t *testing.T) {
	a := newAuthority(t)
	issue(t, a, P256, "demo.windingtree.com")
	der, err := x509.MarshalPKCS8PrivateKey(a.rootKey)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	err = filepath.WalkDir(a.o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if filepath.Ext(path) != ".key" {
			return nil
		}
		keys++
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("BEGIN PRIVATE KEY")) || bytes.Contains(text, der) {
			t.Errorf("%s holds a key in the clear", path)
		}
		return err
	})
	if err != nil || keys != 2 {
		t.Errorf("%d keys on the disk, want the root's and one issuer's; %v", keys, err)
	}
	wrong := func([]byte) ([]byte, error) { return nil, errors.New("sealed with another key") }
	if _, err := Open(Options{Dir: a.o.Dir, Seal: mask, Open: wrong}); err == nil || !strings.Contains(err.Error(), "restore it from a backup") {
		t.Errorf("opening with another vault: %v", err)
	}
}

func TestLeavesVerify(t *testing.T) {
	a := newAuthority(t)
	tests := []struct {
		key   KeyAlgorithm
		names []string
		ask   []string
	}{
		{"", []string{"demo.windingtree.com"}, nil},
		{RSA3072, []string{"*.windingtree.com", "windingtree.com"}, []string{"a.windingtree.com", "windingtree.com"}},
		{P256, []string{"WWW.Example.co.uk."}, []string{"www.example.co.uk"}},
		{P384, []string{"a.windingtree.com", "b.example.org"}, nil},
		{P521, []string{"x.github.io"}, nil},
		{P256, []string{"localhost", "127.0.0.1", "::1"}, nil},
		{P256, []string{"192.0.2.1"}, nil},
		{P256, []string{"api.engine.internal"}, nil},
		{P256, []string{"myhost"}, nil},
		{P256, []string{"_acme.xn--bcher-kva.example"}, nil},
		{P256, []string{strings.Repeat("long.", 20) + "windingtree.com"}, nil},
	}
	for _, tt := range tests {
		c := issue(t, a, tt.key, tt.names...)
		if tt.ask == nil {
			tt.ask = tt.names
		}
		for _, name := range tt.ask {
			if err := verify(c.Leaf, c.Chain, pool(a.RootPEM()), name); err != nil {
				t.Errorf("%s with ca.pem: %v", name, err)
			}
			if err := verify(c.Leaf, c.Chain, anchorPool(t, a, names(c.Leaf)...), name); err != nil {
				t.Errorf("%s with its anchor: %v", name, err)
			}
		}
		if _, err := tls.X509KeyPair(append(c.Certificate, c.Chain...), c.PrivateKey); err != nil {
			t.Errorf("%v does not serve: %v", tt.names, err)
		}
		if want := tt.key; want != "" && algorithm(c.Leaf.PublicKey) != want {
			t.Errorf("%v has a %s key, want %s", tt.names, algorithm(c.Leaf.PublicKey), want)
		}
		if got := c.Leaf.NotAfter.Sub(c.Leaf.NotBefore); got != 90*24*time.Hour {
			t.Errorf("%v is valid for %v", tt.names, got)
		}
		if c.Leaf.IsCA || len(c.Leaf.SerialNumber.Bytes()) != 16 {
			t.Errorf("%v: CA %v, serial %x", tt.names, c.Leaf.IsCA, c.Leaf.SerialNumber)
		}
	}
}

func TestRefusedNames(t *testing.T) {
	a := newAuthority(t)
	for name, want := range map[string]error{
		"co.uk": ErrPublicSuffix, "*.com": ErrPublicSuffix, "*.github.io": ErrPublicSuffix, "github.io": ErrPublicSuffix, "com": ErrPublicSuffix,
		"": ErrName, "*": ErrName, "*.": ErrName, "a..b": ErrName, "-a.b": ErrName, "a b.c": ErrName, "a.*.b": ErrName, "**.b": ErrName,
		"a/../b": ErrName, strings.Repeat("x", 64) + ".com": ErrName, strings.Repeat("abcd.", 60) + "com": ErrName, "fe80::1%eth0/64": ErrName,
	} {
		if _, err := a.Issue(Request{Names: []string{name}, Key: P256}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	if _, err := a.Issue(Request{Key: P256}); err == nil {
		t.Error("a certificate without a name was issued")
	}
	if _, err := a.Issue(Request{Names: []string{"a.example"}, Key: RSA1024}); err == nil {
		t.Error("a certificate for a 1024-bit key was issued")
	}
}

// TestAStolenIssuerCannotVouchForOthers is what the anchors are for: with every
// key on the disk but the root's, and any certificate they can sign, a machine
// that trusts a domain's anchor takes nothing for another domain.
func TestAStolenIssuerCannotVouchForOthers(t *testing.T) {
	a := newAuthority(t)
	c := issue(t, a, P256, "demo.windingtree.com")
	trusted := anchorPool(t, a, "demo.windingtree.com")
	by, err := a.issuer([]string{"windingtree.com"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(parent *x509.Certificate, signer any, change func(*x509.Certificate)) *x509.Certificate {
		t.Helper()
		f := a.template("forged")
		f.BasicConstraintsValid = true
		f.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		change(f)
		cert, err := sign(f, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	ca := func(f *x509.Certificate) {
		f.IsCA, f.KeyUsage, f.Subject = true, x509.KeyUsageCertSign, pkix.Name{CommonName: "forged CA"}
	}
	google := func(f *x509.Certificate) { f.DNSNames = []string{"www.google.com"} }
	below := forge(by.cert, by.key, ca)
	tests := []struct {
		why, ask string
		leaf     *x509.Certificate
	}{
		{"another domain", "www.google.com", forge(by.cert, by.key, google)},
		{"a domain that ends alike", "notwindingtree.com", forge(by.cert, by.key, func(f *x509.Certificate) { f.DNSNames = []string{"notwindingtree.com"} })},
		{"both", "www.google.com", forge(by.cert, by.key, func(f *x509.Certificate) { f.DNSNames = []string{"windingtree.com", "www.google.com"} })},
		{"an address", "192.0.2.1", forge(by.cert, by.key, func(f *x509.Certificate) { f.IPAddresses = []net.IP{{192, 0, 2, 1}} })},
		{"a CA of its own", "www.google.com", forge(below, key, google)},
		{"a CA of its own, even for the domain", "a.windingtree.com", forge(below, key, func(f *x509.Certificate) { f.DNSNames = []string{"a.windingtree.com"} })},
	}
	chain := append(encode(below), c.Chain...)
	if err := verify(c.Leaf, chain, trusted, "demo.windingtree.com"); err != nil {
		t.Errorf("the real one: %v", err)
	}
	for _, tt := range tests {
		if err := verify(tt.leaf, chain, trusted, tt.ask); err == nil {
			t.Errorf("%s: %s is taken", tt.why, tt.ask)
		}
	}
	// The anchor's key is nowhere: only the issuer's and the root's are kept.
	if by.key.PublicKey.Equal(by.cross.PublicKey) || a.rootKey.PublicKey.Equal(by.cross.PublicKey) {
		t.Error("the anchor has a key that is kept")
	}
}

func TestAnchors(t *testing.T) {
	a := newAuthority(t)
	issue(t, a, P256, "a.windingtree.com")
	issue(t, a, P256, "b.windingtree.com")
	issue(t, a, P256, "example.org", "127.0.0.1")
	got, err := Anchors(a.o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, anchor := range got {
		all = append(all, anchor.Domains...)
	}
	if len(got) != 2 || !slices.Equal(all, []string{"example.org", "127.0.0.0/8", "windingtree.com"}) {
		t.Errorf("anchors %+v", got)
	}
}

func TestIssuingAtOnceMakesOneIssuer(t *testing.T) {
	a := newAuthority(t)
	chains := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range chains {
		wg.Go(func() {
			c, err := a.Issue(Request{Names: []string{"a.example.org"}, Key: P256})
			if err != nil {
				t.Error(err)
				return
			}
			chains[i] = c.Chain
		})
	}
	wg.Wait()
	for _, c := range chains {
		if !bytes.Equal(c, chains[0]) {
			t.Fatal("two issuers for one domain")
		}
	}
}

func TestRenewalKeepsNamesAndTakesANewKey(t *testing.T) {
	now := time.Now()
	a, err := Open(Options{Dir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	old := issue(t, a, P384, "*.example.org", "example.org")
	now = now.Add(60 * 24 * time.Hour)
	fresh, err := a.Renew(old.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(fresh.Leaf.DNSNames, old.Leaf.DNSNames) || algorithm(fresh.Leaf.PublicKey) != P384 {
		t.Errorf("renewed for %v with %s", fresh.Leaf.DNSNames, algorithm(fresh.Leaf.PublicKey))
	}
	if got := fresh.Leaf.NotAfter.Sub(old.Leaf.NotAfter); got != 60*24*time.Hour {
		t.Errorf("the end moved by %v", got)
	}
	if bytes.Equal(fresh.PrivateKey, old.PrivateKey) || fresh.Leaf.SerialNumber.Cmp(old.Leaf.SerialNumber) == 0 {
		t.Error("key or serial number are the old ones")
	}
}

func TestNothingOutlivesItsIssuer(t *testing.T) {
	now := time.Now()
	a, err := Open(Options{Dir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(lifetime - 24*time.Hour)
	c := issue(t, a, P256, "a.example.org")
	if c.Leaf.NotAfter.After(a.root.NotAfter) {
		t.Errorf("leaf until %v, root until %v", c.Leaf.NotAfter, a.root.NotAfter)
	}
}

func TestRevocation(t *testing.T) {
	now := time.Now()
	a, err := Open(Options{Dir: t.TempDir(), CRL: "http://127.0.0.1:4610/crl", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	bad, good := issue(t, a, P256, "bad.example.org"), issue(t, a, P256, "good.example.org")
	if got := bad.Leaf.CRLDistributionPoints; !slices.Equal(got, []string{"http://127.0.0.1:4610/crl/example.org.crl"}) {
		t.Errorf("distribution points %v", got)
	}
	list := func() *x509.RevocationList {
		t.Helper()
		der, err := a.CRL("example.org")
		if err != nil {
			t.Fatal(err)
		}
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := list(); len(l.RevokedCertificateEntries) != 0 || l.Number.Int64() != 1 {
		t.Errorf("the first list: %d entries, number %v", len(l.RevokedCertificateEntries), l.Number)
	}
	for range 2 {
		if err := a.Revoke(bad.Certificate, 4); err != nil {
			t.Fatal(err)
		}
	}
	l := list()
	if n := len(l.RevokedCertificateEntries); n != 1 || l.RevokedCertificateEntries[0].SerialNumber.Cmp(bad.Leaf.SerialNumber) != 0 || l.RevokedCertificateEntries[0].ReasonCode != 4 || l.Number.Int64() != 2 {
		t.Errorf("after revoking twice: %+v, number %v", l.RevokedCertificateEntries, l.Number)
	}
	for _, tt := range []struct {
		c    *Certificate
		want bool
	}{{bad, true}, {good, false}} {
		if got, err := a.Revoked(tt.c.Certificate); err != nil || got != tt.want {
			t.Errorf("%v revoked: %v, %v", tt.c.Leaf.DNSNames, got, err)
		}
	}
	now = now.Add(crlLife)
	if l := list(); !l.NextUpdate.After(now) || len(l.RevokedCertificateEntries) != 1 || l.Number.Int64() != 3 {
		t.Errorf("a week later: next update %v, %d entries, number %v", l.NextUpdate, len(l.RevokedCertificateEntries), l.Number)
	}

	stranger := issue(t, newAuthority(t), P256, "bad.example.org")
	if err := a.Revoke(stranger.Certificate, 0); !errors.Is(err, ErrNotIssued) {
		t.Errorf("revoking a stranger's: %v", err)
	}
	if err := a.Revoke(bad.Certificate, 7); err == nil {
		t.Error("7 was taken as a reason")
	}
	for _, name := range []string{"none.example", "../root", "", "a/b"} {
		if _, err := a.CRL(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("list of %q: %v", name, err)
		}
	}
}

// TestWhateverIsIssuedVerifies: the constraints derived from names permit these
// names.
func TestWhateverIsIssuedVerifies(t *testing.T) {
	a := newAuthority(t)
	label := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?`)
	name := rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(label, 1, 3).Draw(t, "labels")
		end := rapid.SampledFrom([]string{"com", "co.uk", "localhost", "test", "github.io", "kawasaki.jp", "corp", "eu-west-1.elb.amazonaws.com"}).Draw(t, "end")
		wild := rapid.SampledFrom([]string{"", "*."}).Draw(t, "wildcard")
		return wild + strings.Join(append(labels, end), ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		requested := rapid.SliceOfNDistinct(name, 1, 4, rapid.ID).Draw(t, "names")
		c, err := a.Issue(Request{Names: requested, Key: P256})
		if errors.Is(err, ErrPublicSuffix) {
			return // *.x.kawasaki.jp
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range requested {
			if err := verify(c.Leaf, c.Chain, pool(a.RootPEM()), strings.Replace(n, "*", "w", 1)); err != nil {
				t.Fatalf("%s: %v", n, err)
			}
		}
	})
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"a.example", "*.A.example.", "::ffff:1.2.3.4", "1.2.3.4", "xn--a", "a..b", "fe80::1%1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := normalize(s)
		if err != nil {
			return
		}
		if again, err := normalize(name); err != nil || again != name {
			t.Fatalf("%q became %q, and that %q, %v", s, name, again, err)
		}
		if d, err := domain(name); err == nil && !issuerForm.MatchString(issuerName([]string{d})) {
			t.Fatalf("%q has the issuer %q", s, issuerName([]string{d}))
		}
	})
}

func BenchmarkIssueP256(b *testing.B) {
	a := newAuthority(b)
	for b.Loop() {
		issue(b, a, P256, "a.example.org")
	}
}
