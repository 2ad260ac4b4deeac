package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/dns"
)

// Each fact has its verdict, its cause, and, where it isn't fine, a next step.
func TestWhatFactsMean(t *testing.T) {
	exited := errors.New("exit status 1")
	forbidden := &dns.Forbidden{Host: "a.example.com", Domain: "example.com", Allowed: []string{"letsencrypt.org"}}
	list := []Port{{"api", "127.0.0.1:4610"}, {"https", "127.0.0.1:8443"}}
	for name, c := range map[string]struct {
		got        Finding
		verdict    Verdict
		text, next string
	}{
		"a daemon":             {daemon("29.1, daemon 29.1, linux/amd64", nil, true), OK, "client 29.1, daemon", ""},
		"no daemon":            {daemon("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", exited, true), Fail, "no daemon answers: Cannot connect", "systemctl start docker"},
		"no daemon, for AWS":   {daemon("Cannot connect to the Docker daemon", exited, false), Warn, "no daemon answers", "build images elsewhere"},
		"not in the group":     {daemon("permission denied while trying to connect to the docker API", exited, true), Fail, "permission denied while", "usermod -aG docker"},
		"no client":            {daemon("", &exec.Error{Name: "docker", Err: exec.ErrNotFound}, true), Fail, "there is no docker command", "apt-get install"},
		"a full disk":          {spacious("images", "/d", space{free: 100 << 20, total: 50 << 30, files: 10, freeFiles: 9}), Fail, "images: /d has 100 MiB of 50 GiB free", "make room at /d"},
		"a disk nearly full":   {spacious("images", "/d", space{free: 1 << 30, total: 50 << 30}), Warn, "1024 MiB of 50 GiB", "make room"},
		"no more files":        {spacious("images", "/d", space{free: 20 << 30, total: 50 << 30, files: 100000, freeFiles: 3}), Fail, "3 of 100000 files left", "make room"},
		"a roomy disk":         {spacious("images", "/d", space{free: 20 << 30, total: 50 << 30}), OK, "20 GiB of 50 GiB", ""},
		"ports":                {ports(list, make([]error, 2)), OK, "api 127.0.0.1:4610 · https 127.0.0.1:8443 (443 was taken", ""},
		"the usual ports":      {ports([]Port{{"https", "127.0.0.1:443"}}, make([]error, 1)), OK, "answers: https 127.0.0.1:443", ""},
		"a dead port":          {ports(list, []error{nil, errors.New("dial tcp 127.0.0.1:8443: connect: connection refused")}), Fail, "does not answer at https 127.0.0.1:8443 (connection refused)", "slipway engine stop"},
		"a registry":           {registry("r.example.com", http.StatusOK, nil), OK, "r.example.com takes", ""},
		"its password refused": {registry("r.example.com", http.StatusUnauthorized, nil), Fail, "refuses the password that the account gave for it (401)", "is the clock right"},
		"a registry away":      {registry("r.example.com", 0, errors.New("dial tcp: lookup r.example.com: no such host")), Fail, "r.example.com does not answer: no such host", "firewall"},
		"a registry in woe":    {registry("r.example.com", http.StatusBadGateway, nil), Fail, "answers 502 Bad Gateway", "docker login"},
		"a zone":               {zone("cloudflare", "a.example.com", dns.Reach{Zone: "example.com"}, nil), OK, "names can be written in zone example.com", ""},
		"a zone to make":       {zone("cloudflare", "a.example.com", dns.Reach{}, nil), OK, "a deploy makes the zone", ""},
		"a zone to read":       {zone("cloudflare", "a.example.com", dns.Reach{Zone: "example.com", ReadOnly: true}, nil), Fail, "may read zone example.com and not write", "DNS:Edit"},
		"a zone not in force":  {zone("cloudflare", "a.example.com", dns.Reach{Zone: "example.com", Pending: true}, nil), Warn, "not in force yet", "registrar"},
		"no zone":              {zone("route53", "a.example.com", dns.Reach{}, fmt.Errorf("%w in Route 53 holds a.example.com", dns.ErrZone)), Fail, "no zone in Route 53", "dns: none"},
		"a wrong token":        {zone("cloudflare", "a.example.com", dns.Reach{}, errors.New("cloudflare: reading zones: Invalid API Token (code 1000)")), Fail, "Invalid API Token", "CLOUDFLARE_API_TOKEN"},
		"nobody forbids":       {caa("a.example.com", nil, false), OK, "", ""},
		"CAA forbids":          {caa("a.example.com", forbidden, false), Fail, "allows letsencrypt.org only", `example.com CAA 0 issue "amazon.com"`},
		"CAA, with one issued": {caa("a.example.com", forbidden, true), Warn, "allows letsencrypt.org only", "before the certificate's renewal"},
	} {
		if c.got.Verdict != c.verdict || !strings.Contains(c.got.Text, c.text) || !strings.Contains(c.got.Next, c.next) {
			t.Errorf("%s: %+v, not %s %q → %q", name, c.got, c.verdict, c.text, c.next)
		}
		if c.verdict != OK && c.got.Next == "" {
			t.Errorf("%s: no next step: %+v", name, c.got)
		}
	}
}

func TestWhoTrustsTheEngine(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, PermittedDNSDomains: []string{"slipway.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "slipway.test.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if f := trust([]string{file}, pool); f.Verdict != Warn || !strings.Contains(f.Text, "does not trust the engine's certificates for slipway.test") || !strings.Contains(f.Next, "slipway engine trust") {
		t.Errorf("%+v", f)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	if f := trust([]string{file}, pool); f.Verdict != OK {
		t.Errorf("%+v", f)
	}
	if f := trust(nil, pool); f.Verdict != OK || !strings.Contains(f.Text, "no certificate yet") {
		t.Errorf("%+v", f)
	}
}
