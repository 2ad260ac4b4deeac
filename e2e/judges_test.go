package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// needs skips a test whose client is not installed.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIP: %s is not installed", tool)
		}
	}
}

// judged is a site that answers for web.example.test and grpc.example.test.
type judged struct {
	*site
	http, https string // where ports 80 and 443 are
	listener    string // of HTTPS
	zone        string
}

// TestJudges has the clients that users have judge one load balancer, its names
// and its certificates.
func TestJudges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.push()
	j := &judged{site: s, http: s.lookup("SLIPWAY_HTTP"), https: s.lookup("SLIPWAY_HTTPS")}
	web := s.targetGroup("web", time.Second)
	calls := s.targetGroup("calls", time.Second, "--protocol-version", "GRPC", "--health-check-path", "/grpc.health.v1.Health/Check", "--matcher", "GrpcCode=0")
	s.listen(web)
	j.zone = s.cloudflare("POST", "/zones", `{"name":"example.test"}`)
	for _, host := range []string{"web", "grpc"} {
		s.cloudflare("POST", "/zones/"+j.zone+"/dns_records", fmt.Sprintf(`{"type":"CNAME","name":"%s.example.test","content":%q,"ttl":60}`, host, s.dns))
	}
	cert := s.certificate(j.zone, "web.example.test")
	j.listener = s.must("elbv2", "create-listener", "--load-balancer-arn", s.loadBalancer, "--protocol", "HTTPS", "--port", "443", "--certificates", "CertificateArn="+cert,
		"--default-actions", "Type=forward,TargetGroupArn="+web, "--query", "Listeners[0].ListenerArn")
	s.must("elbv2", "create-rule", "--listener-arn", j.listener, "--priority", "1", "--conditions", "Field=host-header,Values=grpc.example.test", "--actions", "Type=forward,TargetGroupArn="+calls)
	s.must("elbv2", "add-listener-certificates", "--listener-arn", j.listener, "--certificates", "CertificateArn="+s.certificate(j.zone, "grpc.example.test"))
	s.serve("web", s.definition("1"), 1, web, calls)

	for _, judge := range []struct {
		name string
		run  func(*testing.T, *judged)
	}{
		{"curl", judgeCurl}, {"WebSocket", judgeWebSocket}, {"gRPC", judgeGRPC}, {"dig", judgeDig}, {"openssl policies", judgePolicies},
		{"openssl SNI", judgeSNI}, {"Chromium", judgeChromium}, {"wrk", judgeWrk}, {"smuggling", judgeSmuggling}, {"security groups", judgeSecurityGroups}, {"access log", judgeAccessLog}, {"ports", judgePorts},
	} {
		t.Run(judge.name, func(t *testing.T) { judge.run(t, j) })
	}
}

func judgeCurl(t *testing.T, j *judged) {
	needs(t, "curl")
	for _, version := range []struct{ flag, want string }{{"--http2", "2"}, {"--http1.1", "1.1"}} {
		out, err := exec.Command("curl", "-sS", "--max-time", "10", version.flag, "--cacert", j.lookup("SLIPWAY_CA"), "--connect-to", "web.example.test:443:"+j.https,
			"-w", "HTTP/%{http_version} %{http_code}", "https://web.example.test/").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "version=1 ") || !strings.Contains(string(out), "forwarded=https") || !strings.HasSuffix(string(out), "HTTP/"+version.want+" 200") {
			t.Errorf("curl %s: %v %s", version.flag, err, out)
		}
	}
}

// client reaches the HTTPS listener as a browser does that trusts the engine's
// root.
func (j *judged) client(t *testing.T) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(j.lookup("SLIPWAY_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, j.https)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func judgeWebSocket(t *testing.T, j *judged) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "wss://web.example.test/ws", &websocket.DialOptions{HTTPClient: j.client(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if _, _, err := ws.Read(ctx); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 100, 30_000} {
		message := strings.Repeat("x", size)
		if err := ws.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := ws.Read(ctx); err != nil || string(got) != message {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}

// judgeGRPC asks with grpc-go, which has a module of its own.
func judgeGRPC(t *testing.T, j *judged) {
	out, err := exec.Command("go", "run", "-C", "grpcclient", ".", j.https, "grpc.example.test", j.lookup("SLIPWAY_CA")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SERVING") {
		t.Errorf("%v %s", err, out)
	}
}

func judgeDig(t *testing.T, j *judged) {
	needs(t, "dig")
	host, port, _ := net.SplitHostPort(j.lookup("SLIPWAY_DNS"))
	dig := func(args ...string) string {
		out, _ := exec.Command("dig", append([]string{"@" + host, "-p", port, "+time=5", "+tries=1"}, args...)...).CombinedOutput()
		return string(out)
	}
	for _, transport := range []string{"+notcp", "+tcp"} {
		if got := dig(transport, "+short", "web.example.test", "A"); got != j.dns+".\n127.0.0.1\n" {
			t.Errorf("%s: the chain is %q", transport, got)
		}
		for name, want := range map[string]string{
			"nothing.example.test A":  "status: NXDOMAIN",
			j.dns + " AAAA":           "status: NOERROR",
			"www.example.org A":       "status: REFUSED",
			"example.test SOA":        "ANSWER: 1",
			"nothing.example.test MX": "example.test.\t", // the zone's SOA, for negative caching
		} {
			if got := dig(append(strings.Fields(name), transport)...); !strings.Contains(got, want) {
				t.Errorf("%s %s: no %q in %s", name, transport, want, got)
			}
		}
		if got := dig(transport, "+short", "000000000000.dkr.ecr.eu-west-1.amazonaws.com", "A"); got != "127.0.0.1\n" {
			t.Errorf("%s: the registry is at %q", transport, got)
		}
		if got := dig(transport, j.dns, "AAAA"); !strings.Contains(got, "ANSWER: 0") {
			t.Errorf("%s: NODATA has answers: %s", transport, got)
		}
	}
}

// judgePolicies sets security policies by name and has openssl try what each
// allows and refuses.
func judgePolicies(t *testing.T, j *judged) {
	needs(t, "openssl")
	for _, p := range []struct {
		policy  string
		options []string
		ok      bool
	}{
		{"ELBSecurityPolicy-TLS13-1-3-2021-06", []string{"-tls1_3"}, true},
		{"ELBSecurityPolicy-TLS13-1-3-2021-06", []string{"-tls1_2"}, false},
		{"ELBSecurityPolicy-TLS-1-2-2017-01", []string{"-tls1_3"}, false},
		{"ELBSecurityPolicy-TLS-1-2-2017-01", []string{"-tls1_2"}, true},
		{"ELBSecurityPolicy-TLS-1-2-2017-01", []string{"-tls1_1", "-cipher", "ALL@SECLEVEL=0"}, false},
		{"ELBSecurityPolicy-2016-08", []string{"-tls1_2"}, true},
		{"ELBSecurityPolicy-2016-08", []string{"-tls1_1", "-cipher", "ALL@SECLEVEL=0"}, false}, // never spoken: see docs/balancer.md
		{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"}, true},
		{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"}, false},
	} {
		j.must("elbv2", "modify-listener", "--listener-arn", j.listener, "--ssl-policy", p.policy)
		until(t, fmt.Sprint(p), func() bool {
			_, ok := handshake(j.https, "web.example.test", p.options...)
			return ok == p.ok
		})
	}
	j.must("elbv2", "modify-listener", "--listener-arn", j.listener, "--ssl-policy", "ELBSecurityPolicy-TLS13-1-2-2021-06")
}

// judgeSNI has many certificates on one listener, each served for its name, and
// replaces one under an open connection.
func judgeSNI(t *testing.T, j *judged) {
	needs(t, "openssl")
	arns := map[int]string{}
	for i := range 6 {
		cert, key := selfSigned(t, fmt.Sprintf("host-%d.example.test", i), int64(0x100+i))
		arns[i] = j.must("acm", "import-certificate", "--certificate", "fileb://"+cert, "--private-key", "fileb://"+key, "--query", "CertificateArn")
		j.must("elbv2", "add-listener-certificates", "--listener-arn", j.listener, "--certificates", "CertificateArn="+arns[i])
	}
	for i := range arns {
		host := fmt.Sprintf("host-%d.example.test", i)
		want := fmt.Sprintf("serial=%04X subject=CN = %s", 0x100+i, host)
		until(t, want, func() bool { return presented(t, j.https, host) == want })
	}
	if got := presented(t, j.https, "unknown.example.test"); !strings.Contains(got, "web.example.test") {
		t.Errorf("without a match the certificate is %s, not the default", got)
	}

	before, err := tls.Dial("tcp", j.https, &tls.Config{ServerName: "host-0.example.test", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	cert, key := selfSigned(t, "host-0.example.test", 0x900)
	j.must("acm", "import-certificate", "--certificate-arn", arns[0], "--certificate", "fileb://"+cert, "--private-key", "fileb://"+key)
	until(t, "the new certificate", func() bool {
		return strings.HasPrefix(presented(t, j.https, "host-0.example.test"), "serial=0900 ")
	})
	io.WriteString(before, "GET / HTTP/1.1\r\nHost: host-0.example.test\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(before), nil); err != nil || res.StatusCode != 200 {
		t.Errorf("the connection from before: %v %v", res, err)
	}
}

// judgeChromium opens the page with the engine's root in a private NSS database,
// and no switch that forgives anything; without the root it must refuse.
func judgeChromium(t *testing.T, j *judged) {
	needs(t, "chromium", "certutil")
	open := func(home string) string { return browse(t, home, j.https, "web.example.test") }
	if got := open(t.TempDir()); !strings.Contains(got, "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("without the root the page opens: %s", got)
	}
	if got := open(trusting(t, j.engine)); !strings.Contains(got, "version=1") || !strings.Contains(got, "forwarded=https") {
		t.Errorf("the page: %s", got)
	}
}

// browse opens https://host/ in a headless Chromium whose home is home, and gives
// the page as it stands when its scripts have run.
func browse(t *testing.T, home, https, host string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	args := []string{"--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + filepath.Join(home, "profile"),
		"--host-resolver-rules=MAP " + host + ":443 " + https, "--virtual-time-budget=5000", "--dump-dom", "https://" + host + "/"}
	if os.Geteuid() == 0 {
		args = append([]string{"--no-sandbox"}, args...) // Chromium's sandbox refuses root
	}
	for { // on a crowded machine it sometimes ends before it has begun
		c := exec.CommandContext(ctx, "chromium", args...)
		c.Env = append(os.Environ(), "HOME="+home)
		var errs strings.Builder
		c.Stderr = &errs
		if out, _ := c.Output(); len(out) > 0 || strings.Contains(errs.String(), "Page load failed") || ctx.Err() != nil {
			return string(out) + errs.String()
		}
	}
}

// trusting is a home whose browser knows the engine's root.
func trusting(t *testing.T, e *engine) string {
	t.Helper()
	home := t.TempDir()
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-N", "-d", "sql:" + db, "--empty-password"}, {"-A", "-d", "sql:" + db, "-n", "slipway", "-t", "C,,", "-i", e.lookup("SLIPWAY_CA")}} {
		if out, err := exec.Command("certutil", args...).CombinedOutput(); err != nil {
			t.Fatalf("certutil: %v\n%s", err, out)
		}
	}
	return home
}

func judgeWrk(t *testing.T, j *judged) {
	needs(t, "wrk")
	for _, url := range []string{"http://" + j.http + "/", "https://" + j.https + "/"} {
		out := j.runs(exec.Command("wrk", "-t1", "-c16", "-d2s", "-H", "Host: web.example.test", url))
		if strings.Contains(out, "Non-2xx") || strings.Contains(out, "Socket errors") || !strings.Contains(out, "requests in") {
			t.Errorf("wrk %s: %s", url, out)
		}
	}
}

// judgeAccessLog finds a request in the access log, which stands where the bucket
// would have it.
func judgeAccessLog(t *testing.T, j *judged) {
	j.must("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", j.loadBalancer, "--attributes", "Key=access_logs.s3.bucket,Value=logs", "Key=access_logs.s3.enabled,Value=true")
	until(t, "a line in the access log", func() bool {
		j.runs(exec.Command("curl", "-sS", "-H", "Host: web.example.test", "-A", "judge/1", "http://"+j.http+"/logged?a=b"))
		files, _ := filepath.Glob(filepath.Join(j.data, "access-logs/logs/AWSLogs/000000000000/elasticloadbalancing/eu-west-1/*/*/*/*.log"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err == nil && strings.Contains(string(b), `"GET http://web.example.test:80/logged?a=b HTTP/1.1" "judge/1"`) {
				return true
			}
		}
		return false
	})
}

// judgePorts has a listener on a port that another program holds: it is mapped
// to a free one, and status tells.
func judgePorts(t *testing.T, j *judged) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	j.must("ec2", "authorize-security-group-ingress", "--group-id", j.lbGroup, "--protocol", "tcp", "--port", port, "--cidr", "0.0.0.0/0")
	j.must("elbv2", "create-listener", "--load-balancer-arn", j.loadBalancer, "--protocol", "HTTP", "--port", port,
		"--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=200,ContentType=text/plain,MessageBody=mapped}")
	address := ""
	until(t, "the listener in status", func() bool {
		for line := range strings.Lines(j.runs(exec.Command(j.binary, "engine", "status", "--data", j.data))) {
			if _, at, ok := strings.Cut(strings.TrimSpace(line), j.name+" HTTP:"+port+" is at "); ok {
				address = at
			}
		}
		return strings.HasPrefix(address, "127.0.0.1:")
	})
	if strings.HasSuffix(address, ":"+port) {
		t.Fatalf("the listener is at %s, which another program holds", address)
	}
	if got := j.runs(exec.Command("curl", "-sS", "--max-time", "10", "http://"+address+"/")); got != "mapped" {
		t.Errorf("the listener answers %q", got)
	}
}
