package balancer

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// listenerTLS is a listener's certificates under its security policy.
type listenerTLS struct {
	config *tls.Config
	certs  []*served // the default first
	exact  map[string][]*served
	wild   map[string][]*served // by what follows the *: .example.com
}

// served is a certificate ready to be presented.
type served struct {
	id    string
	cert  *tls.Certificate
	leaf  *x509.Certificate
	names []string
}

func newListenerTLS(l *Listener, lb *loadBalancer, certs map[string]*Certificate) (*listenerTLS, error) {
	t := &listenerTLS{exact: map[string][]*served{}, wild: map[string][]*served{}}
	for _, id := range l.Certificates {
		c, ok := certs[id]
		if !ok {
			return nil, fmt.Errorf("certificate %q is not in the configuration", id)
		}
		s, err := newServed(c)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", id, err)
		}
		t.certs = append(t.certs, s)
		for _, n := range s.names {
			if tail, ok := strings.CutPrefix(n, "*"); ok {
				t.wild[tail] = append(t.wild[tail], s)
			} else {
				t.exact[n] = append(t.exact[n], s)
			}
		}
	}
	if len(t.certs) == 0 {
		return nil, errors.New("an HTTPS listener needs a certificate")
	}
	policy, ok := findPolicy(or(l.SecurityPolicy, DefaultSecurityPolicy))
	if !ok {
		return nil, fmt.Errorf("security policy %q is not known", l.SecurityPolicy)
	}
	t.config = &tls.Config{GetCertificate: t.certificate, NextProtos: []string{"h2", "http/1.1"}}
	if lb.attributes.DisableHTTP2 {
		t.config.NextProtos = []string{"http/1.1"}
	}
	policy.apply(t.config)
	return t, nil
}

func newServed(c *Certificate) (*served, error) {
	if c.TLS == nil || len(c.TLS.Certificate) == 0 {
		return nil, errors.New("has no chain")
	}
	leaf := c.TLS.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.TLS.Certificate[0]); err != nil {
			return nil, err
		}
	}
	s := &served{id: c.ID, cert: c.TLS, leaf: leaf}
	for _, n := range leaf.DNSNames {
		s.names = append(s.names, strings.ToLower(n))
	}
	if len(s.names) == 0 && leaf.Subject.CommonName != "" {
		s.names = []string{strings.ToLower(leaf.Subject.CommonName)}
	}
	return s, nil
}

func (t *listenerTLS) names() []string {
	var out []string
	for _, s := range t.certs {
		out = append(out, s.names...)
	}
	return out
}

// certificate is the best that matches the server name and that the client can
// use; without a match, the default.
func (t *listenerTLS) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s, _ := t.choose(hello)
	return s.cert, nil
}

func (t *listenerTLS) choose(hello *tls.ClientHelloInfo) (s *served, matched bool) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	candidates := t.exact[name]
	if i := strings.IndexByte(name, '.'); i > 0 {
		candidates = append(candidates[:len(candidates):len(candidates)], t.wild[name[i:]]...)
	}
	now := time.Now()
	var best *served
	for _, c := range candidates {
		if hello.SupportsCertificate(c.cert) == nil && (best == nil || c.better(best, now)) {
			best = c
		}
	}
	switch {
	case best != nil:
		return best, true
	case len(candidates) > 0:
		return candidates[0], true
	}
	return t.certs[0], false
}

// better orders certificates as the load balancer does ("Certificate list"):
// key algorithm (ECDSA over RSA), hash, key length, validity.
func (s *served) better(o *served, now time.Time) bool {
	if a, b := s.valid(now), o.valid(now); a != b {
		return a
	}
	return slices.Compare(s.rank(), o.rank()) > 0
}

func (s *served) valid(now time.Time) bool {
	return !now.Before(s.leaf.NotBefore) && !now.After(s.leaf.NotAfter)
}

func (s *served) rank() []int64 {
	kind, bits := int64(0), int64(0)
	switch k := s.leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		kind, bits = 1, int64(k.Params().BitSize)
	case *rsa.PublicKey:
		bits = int64(k.N.BitLen())
	}
	hash := int64(0)
	switch s.leaf.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		hash = 256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = 384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS, x509.PureEd25519:
		hash = 512
	}
	return []int64{kind, hash, bits, s.leaf.NotAfter.Unix()}
}
