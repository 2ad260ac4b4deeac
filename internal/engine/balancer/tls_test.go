package balancer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// issue makes a self-signed certificate for names.
func issue(t testing.TB, id string, key crypto.Signer, life time.Duration, names ...string) balancer.Certificate {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: id}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return balancer.Certificate{ID: id, TLS: &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// secure is a load balancer with one HTTPS listener, called https, on port 443.
func secure(def balancer.Action, certs ...balancer.Certificate) balancer.Config {
	l := balancer.Listener{ID: "https", Protocol: balancer.HTTPS, Port: 443, Bind: "127.0.0.1:0", Default: def}
	for _, c := range certs {
		l.Certificates = append(l.Certificates, c.ID)
	}
	return balancer.Config{
		LoadBalancers: []balancer.LoadBalancer{{ID: "lb", Name: "app/lb/1", Listeners: []balancer.Listener{l}}},
		Certificates:  certs,
	}
}

// shake makes a TLS handshake and returns what came of it.
func (r *rig) shake(config *tls.Config) (tls.ConnectionState, error) {
	r.t.Helper()
	config.InsecureSkipVerify = true
	c, err := tls.Dial("tcp", r.addr("https"), config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	return c.ConnectionState(), nil
}

func TestCertificateByServerName(t *testing.T) {
	def := issue(t, "default", ecKey(t), time.Hour, "default.example.com")
	exact := issue(t, "exact", ecKey(t), time.Hour, "www.example.com")
	wild := issue(t, "wild", ecKey(t), time.Hour, "*.example.com")
	r := newRig(t, secure(fixed("ok"), def, wild, exact))
	for name, want := range map[string]string{
		"":                    "default",
		"unknown.org":         "default",
		"WWW.example.com":     "exact",
		"other.example.com":   "wild",
		"a.b.example.com":     "default", // a wildcard is one label
		"default.example.com": "default",
	} {
		s, err := r.shake(&tls.Config{ServerName: name})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if got := s.PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("for %q came %s, not %s", name, got, want)
		}
	}
}

// The best of several that match: what the client can use, ECDSA over RSA, key
// length, validity.
func TestBestCertificate(t *testing.T) {
	const name = "www.example.com"
	def := issue(t, "default", ecKey(t), time.Hour, "x.org")
	small := issue(t, "rsa 2048", rsaKey(t, 2048), 9*time.Hour, name)
	large := issue(t, "rsa 3072", rsaKey(t, 3072), time.Hour, name)
	brief := issue(t, "ecdsa, brief", ecKey(t), time.Hour, name)
	long := issue(t, "ecdsa, long", ecKey(t), 2*time.Hour, name)
	stale := issue(t, "ecdsa, expired", ecKey(t), -time.Minute, name)
	r := newRig(t, secure(fixed("ok"), def, small, stale, large, brief, long))
	for _, c := range []struct {
		what    string
		ciphers []uint16
		want    string
	}{
		{"a modern client", nil, "ecdsa, long"},
		{"a client of RSA only", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, "rsa 3072"},
	} {
		s, err := r.shake(&tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12, CipherSuites: c.ciphers})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.PeerCertificates[0].Subject.CommonName; got != c.want {
			t.Errorf("%s got %s, not %s", c.what, got, c.want)
		}
	}
}

func TestCertificatesAreReplacedWithoutARestart(t *testing.T) {
	before := issue(t, "before", ecKey(t), time.Hour, "www.example.com")
	after := issue(t, "after", ecKey(t), time.Hour, "www.example.com")
	r := newRig(t, secure(fixed("ok"), before))
	old, err := tls.Dial("tcp", r.addr("https"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	address := r.addr("https")
	r.apply(secure(fixed("still ok"), after))
	if r.addr("https") != address {
		t.Error("the socket has been opened anew")
	}
	s, err := r.shake(&tls.Config{})
	if err != nil || s.PeerCertificates[0].Subject.CommonName != "after" {
		t.Errorf("new connections get %v, %v", s.PeerCertificates, err)
	}
	io.WriteString(old, "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n")
	resp, err := http.ReadResponse(newReader(old), nil)
	if err != nil {
		t.Fatalf("a connection from before: %v", err)
	}
	body, _ := io.ReadAll(resp.Body)
	if string(body) != "still ok" {
		t.Errorf("a connection from before gets %q", body)
	}
}

func TestSecurityPolicies(t *testing.T) {
	rsaCert := issue(t, "rsa", rsaKey(t, 2048), time.Hour, "www.example.com")
	for _, c := range []struct {
		policy string
		client *tls.Config
		ok     bool
	}{
		{"", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"", &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, false},
		{"ELBSecurityPolicy-2016-08", &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, false},
		{"ELBSecurityPolicy-2016-08", &tls.Config{MinVersion: tls.VersionTLS13}, false},
		{"ELBSecurityPolicy-TLS13-1-3-2021-06", &tls.Config{MaxVersion: tls.VersionTLS12}, false},
		{"ELBSecurityPolicy-TLS13-1-3-2021-06", &tls.Config{}, true},
		{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256}}, false},
		{"ELBSecurityPolicy-TLS13-1-2-2021-06", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256}}, true},
		{"ELBSecurityPolicy-TLS13-1-2-2021-06", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, true},
		{"ELBSecurityPolicy-FS-1-2-Res-2020-10", &tls.Config{MinVersion: tls.VersionTLS13}, false},
	} {
		t.Run(c.policy, func(t *testing.T) {
			config := secure(fixed("ok"), rsaCert)
			config.LoadBalancers[0].Listeners[0].SecurityPolicy = c.policy
			r := newRig(t, config)
			if _, err := r.shake(c.client); (err == nil) != c.ok {
				t.Errorf("%x–%x %x: %v", c.client.MinVersion, c.client.MaxVersion, c.client.CipherSuites, err)
			}
		})
	}
}

func TestEveryPolicyMakesAHandshake(t *testing.T) {
	cert := issue(t, "c", rsaKey(t, 2048), time.Hour, "www.example.com")
	for _, p := range balancer.SecurityPolicies() {
		t.Run(p.Name, func(t *testing.T) {
			config := secure(fixed("ok"), cert)
			config.LoadBalancers[0].Listeners[0].SecurityPolicy = p.Name
			r := newRig(t, config)
			s, err := r.shake(&tls.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Version == tls.VersionTLS13; got != slices.Contains(p.Versions, "TLSv1.3") {
				t.Errorf("it speaks %x", s.Version)
			}
		})
	}
	config := secure(fixed("ok"), cert)
	config.LoadBalancers[0].Listeners[0].SecurityPolicy = "ELBSecurityPolicy-None"
	if err := balancer.New(balancer.Options{}).Apply(config); err == nil {
		t.Error("a policy that does not exist was applied")
	}
}

func TestSessionsResumeAcrossConfigurations(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			cert := issue(t, "c", ecKey(t), time.Hour, "www.example.com")
			r := newRig(t, secure(fixed("ok"), cert))
			client := &tls.Config{ServerName: "www.example.com", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			ask := func() bool {
				c, err := tls.Dial("tcp", r.addr("https"), client)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n")
				if _, err := io.ReadAll(c); err != nil { // TLS 1.3 tickets come with the data
					t.Fatal(err)
				}
				return c.ConnectionState().DidResume
			}
			ask()
			r.apply(secure(fixed("ok"), cert))
			if !ask() {
				t.Errorf("%x: the session was not resumed", version)
			}
			if e := r.entry(1); e.Certificate != "session-reused" {
				t.Errorf("logged %q", e.Certificate)
			}
		})
	}
}

func TestTLSIsTold(t *testing.T) {
	config := secure(forward("g"), issue(t, "arn:cert", ecKey(t), time.Hour, "www.example.com"))
	config.TargetGroups = []balancer.TargetGroup{group("g", server(t, mirror))}
	config.LoadBalancers[0].Attributes.TLSHeaders = true
	config.LoadBalancers[0].Listeners[0].Headers.TLSCipherAs = "X-Cipher"
	r := newRig(t, config)
	tr := &http.Transport{
		DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
			return net.Dial(network, r.addr("https"))
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}},
	}
	defer tr.CloseIdleConnections()
	_, body := fetchAnswer(t, &http.Client{Transport: tr}, "https://www.example.com/x")
	for name, want := range map[string]string{
		"X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", "Host": "www.example.com",
		"X-Amzn-Tls-Version": "TLSv1.2", "X-Cipher": "ECDHE-ECDSA-AES128-GCM-SHA256",
	} {
		if got := lineOf(body, name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	e := r.entry(0)
	if e.Type != "https" || e.Protocol != "TLSv1.2" || e.Cipher != "ECDHE-ECDSA-AES128-GCM-SHA256" || e.Domain != "www.example.com" || e.Certificate != "arn:cert" {
		t.Errorf("entry %+v", e)
	}
	if e.Request != "GET https://www.example.com:443/x HTTP/1.1" {
		t.Errorf("request %q", e.Request)
	}
}

func TestTLSToTargets(t *testing.T) {
	cert := issue(t, "target", ecKey(t), -time.Hour, "expired.example.com") // not verified
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: says("over TLS")}
	go s.Serve(l)
	defer s.Close()
	g := group("g", l.Addr().String())
	g.Protocol, g.HealthCheck.Protocol = balancer.HTTPS, balancer.HTTPS
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)
	for range 3 {
		if _, body := r.get("http", "http://a.b/"); body != "over TLS" {
			t.Errorf("got %q", body)
		}
	}
}

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }
