package engine

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// The registry's port takes clients with and without TLS; those with it can verify
// the certificate by the engine's root.
func TestTheRegistrySpeaksBoth(t *testing.T) {
	e, err := Start(t.Context(), Config{Data: t.TempDir(), Simulate: true, API: ":0", HTTP: ":0", HTTPS: ":0", DNS: ":0", Registry: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(e.Running().CA); err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal(err)
	}
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, url := range []string{"http://", "https://"} {
		res, err := trusting.Get(url + e.Running().Registry + "/v2/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), "UNAUTHORIZED") {
			t.Errorf("%s: %s %q %v", url, res.Status, body, err)
		}
	}
	if _, err := http.Get("https://" + e.Running().Registry + "/v2/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a client that does not know the root: %v", err)
	}
	// One that says nothing keeps nobody else waiting.
	silent, err := net.Dial("tcp", e.Running().Registry)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if res, err := http.Get("http://" + e.Running().Registry + "/v2/"); err != nil {
		t.Error(err)
	} else {
		res.Body.Close()
	}
}
