package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// secure serves a fixed answer over HTTPS behind a load balancer.
func (e *engine) secure(certificate string) {
	e.t.Helper()
	subnets := strings.Fields(e.must("ec2", "describe-subnets", "--query", "Subnets[].SubnetId"))
	vpc := e.must("ec2", "describe-vpcs", "--query", "Vpcs[0].VpcId")
	group := e.must("ec2", "create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", vpc, "--query", "GroupId")
	e.must("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "443", "--cidr", "0.0.0.0/0")
	lb := e.must("elbv2", "create-load-balancer", "--name", "web", "--subnets", subnets[0], subnets[1], "--security-groups", group, "--query", "LoadBalancers[0].LoadBalancerArn")
	e.must("elbv2", "create-listener", "--load-balancer-arn", lb, "--protocol", "HTTPS", "--port", "443", "--certificates", "CertificateArn="+certificate,
		"--default-actions", `[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"200","ContentType":"text/plain","MessageBody":"trusted"}}]`)
}

// elsewhere is a script in a mount namespace of its own, in which the system's
// store is a copy: the machine's own stays as it is.
const elsewhere = `set -e
cp -a /etc/ssl "$SCRATCH/ssl"; cp -a /usr/local/share/ca-certificates "$SCRATCH/local"; mkdir -p "$SCRATCH/home" "$SCRATCH/docker" /etc/docker
mount --bind "$SCRATCH/docker" /etc/docker
mount --bind "$SCRATCH/ssl" /etc/ssl
mount --bind "$SCRATCH/local" /usr/local/share/ca-certificates
export HOME="$SCRATCH/home"; unset SUDO_USER CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
mkdir -p "$HOME/.pki/nssdb"; if command -v certutil >/dev/null; then certutil -N --empty-password -d "sql:$HOME/.pki/nssdb"; fi
ask() { curl -sS --max-time 20 --resolve "demo.example.com:$PORT:127.0.0.1" "https://demo.example.com:$PORT/" 2>&1 || true; echo; }
nss() { if command -v certutil >/dev/null; then certutil -L -d "sql:$HOME/.pki/nssdb" | grep -c slipway- || true; else echo none; fi; }
registry() { skopeo inspect "docker://$REGISTRY/none" 2>&1 || true; }
both() { echo "$1: $(ask)"; echo "registry $1: $(registry | tr '\n' ' ')"; }
both before
"$SLIPWAY" engine trust --data "$DATA" --dry-run; both dry
"$SLIPWAY" engine trust --data "$DATA"; both trusting; echo "nss: $(nss)"
"$SLIPWAY" engine trust --data "$DATA" --remove; both removed; echo "left: $(ls /usr/local/share/ca-certificates | grep -c slipway- || true) $(nss)"; echo "docker: $(ls /etc/docker/certs.d | wc -l)"
`

func TestTrustIsGivenAndTakenBack(t *testing.T) {
	for _, tool := range []string{"unshare", "curl", "update-ca-certificates", "skopeo"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIP: %s is not installed", tool)
		}
	}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIP: no mount namespace can be made, and the machine's own store is not a test's to change: %s", out)
	}
	e := start(t, "--simulate")
	e.secure(e.certificate(e.cloudflare("POST", "/zones", `{"name":"example.com"}`), "demo.example.com"))
	_, port, err := net.SplitHostPort(e.lookup("SLIPWAY_HTTPS"))
	if err != nil {
		t.Fatal(err)
	}
	registry, _, _ := strings.Cut(e.must("ecr", "create-repository", "--repository-name", "none", "--query", "repository.repositoryUri"), "/")
	cmd := exec.Command("unshare", "-m", "bash", "-c", elsewhere)
	cmd.Env = append(os.Environ(), "SLIPWAY="+e.binary, "DATA="+e.data, "PORT="+port, "REGISTRY="+registry, "SCRATCH="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if k, v, ok := strings.Cut(line, ": "); ok {
			told[k] = strings.TrimSpace(v)
		}
	}
	for _, when := range []string{"before", "dry", "removed"} {
		if !strings.Contains(told[when], "certificate") || told[when] == "trusted" {
			t.Errorf("%s, curl says %q, not that it does not trust the certificate", when, told[when])
		}
		if got := told["registry "+when]; !strings.Contains(got, "certificate signed by unknown authority") {
			t.Errorf("%s, skopeo says of the registry %q", when, got)
		}
	}
	if told["trusting"] != "trusted" {
		t.Errorf("trusting, curl says %q", told["trusting"])
	}
	if got := told["registry trusting"]; strings.Contains(got, "certificate") || !strings.Contains(got, "auth") {
		t.Errorf("trusting, skopeo says of the registry %q, not that it wants credentials", got)
	}
	if told["docker"] != "0" {
		t.Errorf("%s folders are left in Docker's certs.d", told["docker"])
	}
	for _, step := range []string{"write /etc/docker/certs.d/" + registry + "/slipway-ca.crt", "example.com, and nothing else", "write /usr/local/share/ca-certificates/slipway-example.com.crt", "run update-ca-certificates", "nothing was touched"} {
		if !strings.Contains(string(out), step) {
			t.Errorf("%q is not announced:\n%s", step, out)
		}
	}
	if n := told["nss"]; n != "1" && n != "none" {
		t.Errorf("Chromium's store has %s of our certificates", n)
	}
	if l := told["left"]; l != "0 0" && l != "0 none" {
		t.Errorf("left behind: %s\n%s", l, out)
	}
	if own, _ := filepath.Glob("/usr/local/share/ca-certificates/slipway-example.com.crt"); len(own) > 0 {
		t.Error("the machine's own store was touched")
	}
}

// A leaf names its revocation list, and the list has a certificate once it is
// deleted.
func TestADeletedCertificateIsOnTheListThatItNames(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIP: openssl is not installed")
	}
	e := start(t, "--simulate")
	arn := e.certificate(e.cloudflare("POST", "/zones", `{"name":"example.com"}`), "demo.example.com")
	file := filepath.Join(t.TempDir(), "leaf.pem")
	if err := os.WriteFile(file, []byte(e.must("acm", "get-certificate", "--certificate-arn", arn, "--query", "Certificate")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(args ...string) string {
		out, err := exec.Command(openssl, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	_, url, _ := strings.Cut(read("x509", "-in", file, "-noout", "-ext", "crlDistributionPoints"), "URI:")
	_, serial, _ := strings.Cut(read("x509", "-in", file, "-noout", "-serial"), "=")
	listed := func() bool {
		res, err := http.Get(strings.Fields(url)[0])
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		cmd := exec.Command(openssl, "crl", "-inform", "DER", "-noout", "-text")
		cmd.Stdin = res.Body
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", res.Status, err, out)
		}
		return strings.Contains(string(out), serial)
	}
	if listed() {
		t.Error("the list has a certificate that nobody revoked")
	}
	e.must("acm", "delete-certificate", "--certificate-arn", arn)
	until(t, "the list with the certificate", listed)
}
