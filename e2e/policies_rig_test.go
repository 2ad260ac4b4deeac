package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	audit "github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
	"github.com/slipway-dev/slipway/internal/pipeline/policy"
)

// guarded is an engine that simulates containers and writes down what IAM is
// asked, and an application whose commands run as users with little in hand.
type guarded struct {
	*application
	trail string
	door  []string // where https://HOST leads: there are no containers to answer
	with  []string // what the file says now
}

const guardedFile = `app: APP
image: { repository: REPOSITORY }
service:
  port: 8000
  memory: MEMORY
  drain: 1s
  stop: 1s
  health: /HEALTH
  ROLES
  variables: { PLAIN: for everybody to read }
  secrets: { KEY: "ssm:/{env}/key", TOKEN: "secretsmanager:token" }
  log: GROUP
environments:
  playground:
    on: engine
    host: [HOSTS]
    branch: main
    cluster: CLUSTER
cluster:
  name: CLUSTER
  instance: INSTANCE
  insights: INSIGHTS
  size: { min: 1, max: LARGEST }
`

func newGuarded(t *testing.T) *guarded {
	needs(t, "git", "docker")
	trail := filepath.Join(t.TempDir(), "audit.jsonl")
	g := &guarded{application: &application{engine: start(t, append(withoutFaults("a policy is what a run asks when nothing goes wrong"), "--simulate", "--audit", trail)...), dir: t.TempDir()}, trail: trail}
	g.door = answering(t, "*.slipway.test")
	r, err := runfile.Read(g.data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // Docker keeps what it pushed
		if out, err := exec.Command("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference="+r.Registry+"/*").Output(); err == nil && len(out) > 0 {
			exec.Command("docker", append([]string{"image", "rm"}, strings.Fields(string(out))...)...).Run()
		}
	})
	g.write("Dockerfile", "FROM scratch\nCOPY slipway.yaml /\nCMD [\"/ship\"]\n")
	g.git("init", "-q", "-b", "main")
	g.file()
	return g
}

// file writes slipway.yaml; what is not said is as in the plain one.
func (g *guarded) file(with ...string) {
	g.t.Helper()
	g.with = with
	text := strings.NewReplacer(with...).Replace(guardedFile)
	g.write("slipway.yaml", strings.NewReplacer("APP", "ship", "MEMORY", "64", "LARGEST", "2", "REPOSITORY", "ship", "HEALTH", "", "  ROLES\n", "", "GROUP", "yard", "HOSTS", "ship.slipway.test", "CLUSTER", "yard", "INSTANCE", "t3.small", "INSIGHTS", "false").Replace(text))
}

func (g *guarded) release(tag string) {
	g.t.Helper()
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", tag)
	g.git("tag", tag)
}

// answering is a server of hosts, and the variables that make it where a
// balancer's port 443 is.
func answering(t *testing.T, hosts string) []string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{hosts}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"SLIPWAY_HTTPS=" + s.Listener.Addr().String(), "SLIPWAY_CA=" + file}
}

// What a task of it needs to start. A deploy looks for the parameter before it
// begins and not for the token, without which a task fails.
var (
	aToken  = []string{"secretsmanager", "create-secret", "--name", "token", "--secret-string", "x"}
	noToken = []string{"secretsmanager", "delete-secret", "--secret-id", "token", "--force-delete-without-recovery"}
)

func (g *guarded) secrets() {
	g.t.Helper()
	g.must("ssm", "put-parameter", "--name", "/playground/key", "--type", "SecureString", "--value", "x")
	g.must(aToken...)
}

// root runs slipway as the account's root.
func (g *guarded) root(code int, args ...string) string {
	g.t.Helper()
	return g.as(g.env, code, args...)
}

func (g *guarded) as(variables []string, code int, args ...string) string {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.binary, args...)
	cmd.Dir, cmd.Env = g.dir, append(slices.Clone(variables), append(g.door, "SLIPWAY_DATA="+g.data)...)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		g.t.Fatal(err)
	}
	out, got := string(text), cmd.ProcessState.ExitCode()
	if got != code {
		g.t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

// policies are the documents of slipway ci policy.
func (g *guarded) policies(args ...string) []policy.Step {
	g.t.Helper()
	var list []policy.Step
	for line := range strings.Lines(g.root(0, append([]string{"ci", "policy", "playground", "--json"}, args...)...)) {
		var s policy.Step
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			g.t.Fatalf("%v: %s", err, line)
		}
		list = append(list, s)
	}
	return list
}

// user makes a user with one policy and nothing else, and gives the variables
// that make him who runs slipway.
func (g *guarded) user(name string, d policy.Document) []string {
	g.t.Helper()
	parts, err := d.Parts()
	if err != nil {
		g.t.Fatal(err)
	}
	g.must("iam", "create-user", "--user-name", name)
	for i, part := range parts {
		arn := g.must("iam", "create-policy", "--policy-name", fmt.Sprint(name, i), "--policy-document", part.JSON(), "--query", "Policy.Arn")
		g.must("iam", "attach-user-policy", "--user-name", name, "--policy-arn", arn)
	}
	key := strings.Fields(g.must("iam", "create-access-key", "--user-name", name, "--query", "AccessKey.[AccessKeyId,SecretAccessKey]"))
	return append(slices.Clone(g.env), "AWS_ACCESS_KEY_ID="+key[0], "AWS_SECRET_ACCESS_KEY="+key[1])
}

// asked are the questions that IAM was asked about a user, in order.
func (g *guarded) asked(user string) []audit.Decision {
	g.t.Helper()
	f, err := os.Open(g.trail)
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	var list []audit.Decision
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d audit.Decision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			g.t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if strings.HasSuffix(d.Caller, ":user/"+user) {
			list = append(list, d)
		}
	}
	return list
}
