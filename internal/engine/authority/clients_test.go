package authority

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/authority/truststore"
)

// serve answers https on a free port with the certificates that the authority
// issues, chosen by name, and returns the port.
func serve(t *testing.T, certs ...*Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var config tls.Config
	for _, c := range certs {
		pair, err := tls.X509KeyPair(append(c.Certificate, c.Chain...), c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = append(config.Certificates, pair)
	}
	s := &http.Server{
		TLSConfig: &config,
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello over tls\n") }),
		ErrorLog:  log.New(io.Discard, "", 0), // clients that refuse are wanted
	}
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestClients has the clients that users have connect: each must take the
// certificate with ca.pem and with the domain's anchor, and must refuse it with
// another domain's anchor.
func TestClients(t *testing.T) {
	a := newAuthority(t)
	port := serve(t, issue(t, a, RSA2048, "demo.windingtree.com"), issue(t, a, P256, "demo.example.org"))
	anchor := func(domain string) string { return filepath.Join(a.o.Dir, "issuers", domain+".pem") }
	python := `
import socket, ssl, sys
ca, host, port = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port))) as s:
    with ssl.create_default_context(cafile=ca).wrap_socket(s, server_hostname=host) as tls:
        tls.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        while data := tls.recv(4096):
            sys.stdout.write(data.decode())
`
	clients := []struct {
		name string
		args func(ca, host string) []string
	}{
		{"curl", func(ca, host string) []string {
			return []string{"-sS", "--max-time", "10", "--noproxy", "*", "--cacert", ca, "--resolve", host + ":" + port + ":127.0.0.1", "https://" + host + ":" + port}
		}},
		{"python3", func(ca, host string) []string { return []string{"-c", python, ca, host, port} }},
		{"openssl", func(ca, host string) []string {
			return []string{"s_client", "-connect", "127.0.0.1:" + port, "-servername", host, "-verify_hostname", host, "-verify_return_error", "-no-CApath", "-no-CAstore", "-CAfile", ca, "-quiet", "-ign_eof"}
		}},
	}
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			path, err := exec.LookPath(client.name)
			if err != nil {
				t.Skipf("SKIP: %s is not installed", client.name)
			}
			try := func(ca, host string) (bool, string) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				cmd := exec.CommandContext(ctx, path, client.args(ca, host)...)
				cmd.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
				out, err := cmd.CombinedOutput()
				return err == nil && strings.Contains(string(out), "hello over tls"), string(out)
			}
			for _, host := range []string{"demo.windingtree.com", "demo.example.org"} {
				domain := strings.TrimPrefix(host, "demo.")
				for _, ca := range []string{a.RootFile(), anchor(domain)} {
					if ok, out := try(ca, host); !ok {
						t.Errorf("%s with %s is refused:\n%s", host, filepath.Base(ca), out)
					}
				}
			}
			if ok, out := try(anchor("example.org"), "demo.windingtree.com"); ok {
				t.Errorf("demo.windingtree.com is taken with the anchor of example.org:\n%s", out)
			}
		})
	}
}

// TestForgeriesAtClients: what TestAStolenIssuerCannotVouchForOthers shows of
// Go's verifier, of other clients'.
func TestForgeriesAtClients(t *testing.T) {
	a := newAuthority(t)
	genuine := issue(t, a, P256, "demo.windingtree.com")
	by, err := a.issuer([]string{"windingtree.com"})
	if err != nil {
		t.Fatal(err)
	}
	// The thief's certificate: the issuer's key signs for another domain.
	template, err := a.leaf([]string{"www.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := P256.generate()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sign(template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	forged := &Certificate{Certificate: encode(cert), Chain: genuine.Chain, PrivateKey: keyPEM(t, key), Leaf: cert}
	port := serve(t, genuine, forged)
	for _, ca := range []string{filepath.Join(a.o.Dir, "issuers", "windingtree.com.pem"), a.RootFile()} {
		for host, want := range map[string]bool{"demo.windingtree.com": true, "www.example.com": false} {
			curl, err := exec.LookPath("curl")
			if err != nil {
				t.Skip("SKIP: curl is not installed")
			}
			out, err := exec.Command(curl, "-sS", "--max-time", "10", "--noproxy", "*", "--cacert", ca, "--resolve", host+":"+port+":127.0.0.1", "https://"+host+":"+port).CombinedOutput()
			if (err == nil) != want {
				t.Errorf("%s with %s: %v %s", host, filepath.Base(ca), err, out)
			}
			if !want && !strings.Contains(string(out), "permitted subtree") {
				t.Errorf("%s with %s is refused for another reason: %s", host, filepath.Base(ca), out)
			}
		}
	}
}

// TestChromium trusts through package truststore, as a user would, and has a
// real browser judge the genuine and a forged certificate.
func TestChromium(t *testing.T) {
	for _, command := range []string{"chromium", "certutil"} {
		if _, err := exec.LookPath(command); err != nil {
			t.Skipf("SKIP: %s is not installed", command)
		}
	}
	a := newAuthority(t)
	genuine := issue(t, a, P256, "demo.windingtree.com")
	issue(t, a, P256, "demo.example.org")
	by, err := a.issuer([]string{"windingtree.com"})
	if err != nil {
		t.Fatal(err)
	}
	template, err := a.leaf([]string{"www.google.com"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := P256.generate()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sign(template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	port := serve(t, genuine, &Certificate{Certificate: encode(cert), Chain: genuine.Chain, PrivateKey: keyPEM(t, key)})

	home := t.TempDir()
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("certutil", "-N", "--empty-password", "-d", "sql:"+db).CombinedOutput(); err != nil {
		t.Fatalf("making an NSS database: %v\n%s", err, out)
	}
	browse := func(host string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server", "--disable-background-networking",
			"--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP "+host+" 127.0.0.1:"+port, "--dump-dom", "https://"+host+"/")
		cmd.Env = append(os.Environ(), "HOME="+home)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("chromium: %v", err)
		}
		return string(out)
	}
	if page := browse("demo.windingtree.com"); strings.Contains(page, "hello over tls") {
		t.Error("an untrusted certificate is taken")
	}
	o := truststore.Options{Home: home, Root: t.TempDir()}
	anchors, err := Anchors(a.o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var trusted []truststore.Anchor
	for _, anchor := range anchors {
		trusted = append(trusted, truststore.Anchor{Name: anchor.Name, File: anchor.File})
	}
	apply := func(changes []truststore.Change, err error) {
		t.Helper()
		for _, c := range changes {
			if err == nil {
				err = c.Apply(t.Context())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	apply(truststore.Install(o, trusted))
	if page := browse("demo.windingtree.com"); !strings.Contains(page, "hello over tls") {
		t.Errorf("a trusted certificate is refused:\n%.2000s", page)
	}
	if page := browse("www.google.com"); strings.Contains(page, "hello over tls") {
		t.Error("a certificate for another domain is taken")
	}
	apply(truststore.Remove(o))
	if page := browse("demo.windingtree.com"); strings.Contains(page, "hello over tls") {
		t.Error("the certificate is taken after its anchor was removed")
	}
}
