package e2e

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// foreground is an engine in the foreground, as `slipway engine run` has it.
func foreground(t *testing.T, options ...string) (p *enginetest.Process, data string) {
	t.Helper()
	data = t.TempDir()
	p, err := enginetest.Start(binary(t), data, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p, data
}

// exported are the variables that `slipway engine env` prints, as a shell reads
// them.
func exported(t *testing.T, data string) map[string]string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `eval "$("$0" engine env --data "$1")" && env`, binary(t), data).Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		all[name] = value
	}
	return all
}

// get is a page of the engine that needs no signature.
func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, res.Status, err)
	}
	return string(text)
}

// What tools build on: the account and region asked for, root keys given by hand,
// and an environment that leads to every part of the engine.
func TestTheEnvironmentLeadsToTheEngine(t *testing.T) {
	p, data := foreground(t, "--simulate", "--account", "123456789012", "--region", "eu-central-1", "--root-key", "AKIAOTHER:with:colon/and+sign")
	env := exported(t, data)
	for name, want := range map[string]string{"SLIPWAY_ACCOUNT": "123456789012", "AWS_DEFAULT_REGION": "eu-central-1", "CLOUDFLARE_BASE_URL": env["AWS_ENDPOINT_URL"] + "/client/v4"} {
		if env[name] != want {
			t.Errorf("%s is %q, not %q", name, env[name], want)
		}
	}
	for _, key := range [][2]string{{env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]}, {"AKIAOTHER", "with:colon/and+sign"}, {enginetest.KeyID, enginetest.KeySecret}} {
		c := &enginetest.Client{Endpoint: env["AWS_ENDPOINT_URL"], Region: "eu-central-1", KeyID: key[0], Secret: key[1]}
		var who struct {
			ARN string `xml:"GetCallerIdentityResult>Arn"`
		}
		if err := c.Query(t.Context(), "sts", "2011-06-15", "GetCallerIdentity", &who); err != nil || who.ARN != "arn:aws:iam::123456789012:root" {
			t.Errorf("with key %s: %q %v", key[0], who.ARN, err)
		}
	}
	for _, name := range []string{"SLIPWAY_HTTP", "SLIPWAY_HTTPS", "SLIPWAY_DNS", "SLIPWAY_REGISTRY"} {
		if _, _, err := net.SplitHostPort(env[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	file, err := os.ReadFile(env["SLIPWAY_CA"])
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(file); block == nil {
		t.Error("SLIPWAY_CA is no certificate")
	} else if root, err := x509.ParseCertificate(block.Bytes); err != nil || !root.IsCA {
		t.Errorf("SLIPWAY_CA: %v", err)
	}
	req, _ := http.NewRequest("GET", env["CLOUDFLARE_BASE_URL"]+"/user/tokens/verify", nil)
	req.Header.Set("Authorization", "Bearer "+env["CLOUDFLARE_API_TOKEN"])
	if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("Cloudflare's token: %v %v", res, err)
	}
	if said := get(t, "http://"+p.API+"/healthz"); said != "ok\n" {
		t.Errorf("/healthz says %q", said)
	}
}

// A request leaves a line in the log and a count in /metrics: which, by whom, how
// it ended, how long it took.
func TestRequestsAreLoggedAndCounted(t *testing.T) {
	p, data := foreground(t, "--simulate")
	err := p.Client().JSON(t.Context(), "ecs", ecsTarget+"ListServices", map[string]string{"cluster": "none"}, nil)
	if !enginetest.IsRefusal(err, "ClusterNotFoundException") {
		t.Fatal(err)
	}
	// The engine logs and counts before it reads its connection's next request.
	if counts := get(t, "http://"+p.API+"/metrics"); !strings.Contains(counts, `slipway_api_requests_total{operation="ListServices",outcome="ClusterNotFoundException",service="ecs"} 1`) {
		t.Errorf("/metrics does not count the refusal:\n%s", counts)
	}
	text, err := os.ReadFile(filepath.Join(data, "engine.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var entry struct {
			Msg, Request, Service, Operation, Caller, Outcome string
			Status                                            int
			Took                                              float64
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if entry.Msg == "request" && entry.Operation == "ListServices" {
			if entry.Request == "" || entry.Service != "ecs" || entry.Caller != "arn:aws:iam::000000000000:root" || entry.Outcome != "ClusterNotFoundException" || entry.Status != 400 || entry.Took <= 0 {
				t.Errorf("the request's line: %s", line)
			}
			return
		}
	}
	t.Errorf("the request has no line in the log:\n%s", text)
}

// Every region has resources of its own.
func TestRegionsAreApart(t *testing.T) {
	p, _ := foreground(t, "--simulate")
	here, there := p.Client(), p.Client()
	there.Region = "us-east-1"
	if err := here.JSON(t.Context(), "ecs", ecsTarget+"CreateCluster", map[string]string{"clusterName": "web"}, nil); err != nil {
		t.Fatal(err)
	}
	for region, want := range map[*enginetest.Client]string{here: "arn:aws:ecs:eu-west-1:000000000000:cluster/web", there: ""} {
		var out struct{ ClusterArns []string }
		if err := region.JSON(t.Context(), "ecs", ecsTarget+"ListClusters", struct{}{}, &out); err != nil || strings.Join(out.ClusterArns, " ") != want {
			t.Errorf("%s: %q %v", region.Region, out.ClusterArns, err)
		}
	}
}

// What cannot start says what stands in its way, and leaves it alone.
func TestAnEngineThatCannotStartSaysWhy(t *testing.T) {
	p, data := foreground(t, "--simulate")
	if _, err := enginetest.Start(binary(t), data, "--simulate"); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s (process %d)", data, p.PID())) {
		t.Errorf("a second engine on the folder: %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	for _, flag := range []string{"port", "http", "https", "dns", "registry"} {
		other, err := enginetest.Start(binary(t), t.TempDir(), "--simulate", "--"+flag, port)
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1:"+port+" is in use") || !strings.Contains(err.Error(), "--"+flag) {
			t.Errorf("--%s %s, which is taken: %v", flag, port, err)
		}
		if err == nil {
			other.Kill()
		}
	}
	if said := get(t, "http://"+p.API+"/healthz"); said != "ok\n" {
		t.Errorf("the first engine says %q", said)
	}
}

// SIGTERM: nobody new is let in, a request in flight gets its answer, the engine
// ends well.
func TestSIGTERMEndsRequestsInFlightFirst(t *testing.T) {
	p, _ := foreground(t, "--simulate")
	req, err := p.Client().NewJSON(t.Context(), "ecs", ecsTarget+"CreateCluster", []byte(`{"clusterName":"web"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Expect", "100-continue")
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(text.Bytes(), []byte("\r\n\r\n"))
	conn, err := net.Dial("tcp", p.API)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if _, err := conn.Write(append(slices.Clip(head), "\r\n\r\n"...)); err != nil {
		t.Fatal(err)
	}
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // the engine reads the body: it is in flight
		t.Fatalf("%q %v", line, err)
	}
	in.ReadString('\n')
	idle := idleConnection(t, p.API)
	if err := syscall.Kill(p.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if n, err := idle.Read(make([]byte, 1)); err != io.EOF { // the engine has begun to end
		t.Fatalf("the idle connection: %d bytes, %v", n, err)
	}
	if other, err := net.Dial("tcp", p.API); err == nil {
		other.Close()
		t.Error("an engine that ends lets somebody in")
	}
	if _, err := conn.Write(body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(in, req)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(answer), "cluster/web") {
		t.Errorf("the request in flight: %s %s %v", res.Status, answer, err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("the engine ended badly: %v\n%s", err, p.Log())
	}
}

// idleConnection has had one answer; who ends in order closes such connections
// once nobody new is let in.
func idleConnection(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: engine\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return conn
}

// An engine that runs containers is not wiped by mistake.
func TestResetIsRefusedUnlessAllowed(t *testing.T) {
	p, _ := foreground(t)
	c := p.Client()
	if err := c.JSON(t.Context(), "ecs", ecsTarget+"CreateCluster", map[string]string{"clusterName": "web"}, nil); err != nil {
		t.Fatal(err)
	}
	res, err := http.Post("http://"+p.API+"/_slipway/reset", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if said, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusForbidden || !strings.Contains(string(said), "--allow-reset") {
		t.Errorf("reset: %s %s", res.Status, said)
	}
	var out struct{ ClusterArns []string }
	if err := c.JSON(t.Context(), "ecs", ecsTarget+"ListClusters", struct{}{}, &out); err != nil || len(out.ClusterArns) != 1 {
		t.Errorf("after the refused reset: %v %v", out.ClusterArns, err)
	}
}
