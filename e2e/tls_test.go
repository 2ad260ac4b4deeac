package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cloudflare calls the engine's Cloudflare API and gives the result's id.
func (e *engine) cloudflare(method, path, body string) string {
	e.t.Helper()
	req, err := http.NewRequest(method, e.lookup("CLOUDFLARE_BASE_URL")+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+e.lookup("CLOUDFLARE_API_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	var out struct {
		Success bool
		Result  struct{ ID string }
	}
	if json.Unmarshal(text, &out) != nil || !out.Success {
		e.t.Fatalf("cloudflare %s %s: %s", method, path, text)
	}
	return out.Result.ID
}

// until waits for the engine to bring something about, and gives up after a
// while; then it says what there is instead.
func until(t *testing.T, what string, met func() bool, instead ...func() string) {
	t.Helper()
	for range 300 {
		if met() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, f := range instead {
		what += "; there is " + f()
	}
	t.Fatalf("waited in vain: %s", what)
}

// certificate has ACM issue a certificate, its validation record put into the
// zone.
func (e *engine) certificate(zone, host string) string {
	e.t.Helper()
	arn, name, value := e.request(host)
	e.cloudflare("POST", "/zones/"+zone+"/dns_records", fmt.Sprintf(`{"type":"CNAME","name":%q,"content":%q,"ttl":60}`, name, value))
	until(e.t, "the certificate of "+host, func() bool { return e.certificateStatus(arn) == "ISSUED" })
	return arn
}

func (e *engine) certificateStatus(arn string) string {
	return e.must("acm", "describe-certificate", "--certificate-arn", arn, "--query", "Certificate.Status")
}

// request asks for a certificate and gives its validation record.
func (e *engine) request(host string) (arn, name, value string) {
	e.t.Helper()
	arn = e.must("acm", "request-certificate", "--domain-name", host, "--validation-method", "DNS", "--query", "CertificateArn")
	until(e.t, "the validation record of "+host, func() bool {
		got := strings.Fields(e.must("acm", "describe-certificate", "--certificate-arn", arn, "--query", "Certificate.DomainValidationOptions[0].ResourceRecord.[Name,Value]"))
		if len(got) == 2 && got[0] != "None" {
			name, value = strings.TrimSuffix(got[0], "."), strings.TrimSuffix(got[1], ".")
		}
		return name != ""
	})
	return arn, name, value
}

// selfSigned writes a certificate of its own making and its key into files.
func selfSigned(t *testing.T, host string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8)
}

// handshake is what openssl s_client says of one: empty when it failed.
func handshake(address, host string, options ...string) (out string, ok bool) {
	c := exec.Command("openssl", append([]string{"s_client", "-connect", address, "-servername", host}, options...)...)
	c.Stdin = strings.NewReader("")
	text, err := c.CombinedOutput()
	return string(text), err == nil && !bytes.Contains(text, []byte("Cipher is (NONE)")) && !bytes.Contains(text, []byte("Cipher    : 0000"))
}

// presented is the serial number and subject of the certificate that a host's
// clients get.
func presented(t *testing.T, address, host string) string {
	t.Helper()
	out, _ := handshake(address, host)
	c := exec.Command("openssl", "x509", "-noout", "-serial", "-subject")
	c.Stdin = strings.NewReader(out)
	text, err := c.CombinedOutput()
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(text)), " ")
}
