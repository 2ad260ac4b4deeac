package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/pipeline/policy"
)

// One statement less, whichever, and a step of the pipeline breaks; the error
// names an action and a resource that the statement was about, and the next step.
func TestAPipelineBreaksWithOneStatementLess(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	g.secrets()
	g.release("v1.0.0")
	g.root(0, "up", "playground")

	step := func(name string) policy.Document {
		return g.policies("--" + name)[0].Document
	}
	// breaks runs a command as a user without the statement. lacking are the
	// actions one of which it has to miss.
	breaks := func(d policy.Document, s policy.Statement, variables []string, code int, args ...string) {
		t.Helper()
		out := g.as(variables, code, args...)
		named := slices.ContainsFunc(s.Action, func(action string) bool { return strings.Contains(out, "may not "+action+" on ") })
		if !named || code != 3 && !strings.Contains(out, "next: slipway ci policy") {
			t.Errorf("without %s, slipway %s does not say what it may not do:\n%s", s.Sid, strings.Join(args, " "), out)
		}
	}
	push := step("push")
	for i, s := range push.Statement {
		user := g.user(fmt.Sprint("push", i), push.Without(s.Sid))
		g.release(fmt.Sprint("v1.0.1-", i))
		breaks(push, s, user, 7, "build", "--env", "playground")
	}
	g.as(g.user("push", push), 0, "build", "--env", "playground")

	// A deploy in which all has changed that may: a log group, a health check, a
	// host, with its certificate and rule, the task definition.
	changed := func(i int) []string {
		return []string{"GROUP", fmt.Sprint("group", i), "HEALTH", fmt.Sprint("h", i), "HOSTS", fmt.Sprintf("ship.slipway.test, h%d.slipway.test", i)}
	}
	g.file(changed(0)...)
	for i, s := range step("deploy").Statement {
		g.file(changed(i + 1)...)
		deploy := step("deploy")
		user := g.user(fmt.Sprint("deploy", i), deploy.Without(s.Sid))
		if s.Sid != "LastLines" {
			breaks(deploy, s, user, 7, "deploy", "playground", "--tag", "v1.0.0")
			continue
		}
		g.eventually("1", "ecs", "describe-services", "--cluster", "yard", "--services", "playground-ship", "--query", "length(services[0].deployments)")
		g.must(noToken...)
		breaks(deploy, s, user, 3, "deploy", "playground", "--tag", "v1.0.0")
		g.must(aToken...)
	}
	g.as(g.user("deploy", step("deploy")), 0, "deploy", "playground", "--tag", "v1.0.0")
}

// idp is an issuer of tokens, as a CI service is one.
type idp struct {
	t   *testing.T
	url string
	key *rsa.PrivateKey
}

func newIDP(t *testing.T) *idp {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{t: t, key: key}
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{"kid": "k", "kty": "RSA", "use": "sig", "alg": "RS256",
			"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}}})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

// token is one for a job of a repository's ref, in a file as SDKs read it.
func (i *idp) token(subject, audience string) string {
	i.t.Helper()
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			i.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now().Unix()
	signed := encode(map[string]string{"alg": "RS256", "kid": "k", "typ": "JWT"}) + "." +
		encode(map[string]any{"iss": i.url, "aud": audience, "sub": subject, "iat": now, "nbf": now, "exp": now + 300})
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	file, err := os.CreateTemp(i.t.TempDir(), "token")
	if err != nil {
		i.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(signed + "." + base64.RawURLEncoding.EncodeToString(signature)); err != nil {
		i.t.Fatal(err)
	}
	return file.Name()
}

// Jobs of a CI service without keys: a tag's may push and no more, the release
// branch's may deploy and no more, any other's may nothing.
func TestTokensOfACIServiceMayDoTheirStepAlone(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	g.secrets()
	g.release("v1.0.0")
	g.root(0, "up", "playground")
	g.git("remote", "add", "origin", "git@github.com:windingtree/ship.git")
	g.release("v1.1.0")
	for _, service := range []struct{ name, audience, tag, branch, other string }{
		{"github", "sts.amazonaws.com", "repo:windingtree/ship:ref:refs/tags/v1.1.0", "repo:windingtree/ship:ref:refs/heads/main", "repo:windingtree/ship:ref:refs/heads/other"},
		{"github", "sts.amazonaws.com", "repo:windingtree@1/ship@2:ref:refs/tags/v1.1.0", "repo:windingtree@1/ship@2:ref:refs/heads/main", "repo:evil@1/ship@2:ref:refs/heads/main"},
		{"gitlab", "", "project_path:windingtree/ship:ref_type:tag:ref:v1.1.0", "project_path:windingtree/ship:ref_type:branch:ref:main", "project_path:windingtree/ship:ref_type:branch:ref:main2"},
	} {
		i := newIDP(t)
		if service.audience == "" {
			service.audience = i.url
		}
		apply := []string{"ci", "policy", "playground", "--oidc", service.name, "--issuer", i.url, "--apply", "--yes"}
		if out, code := g.slipway(g.dir, g.env, slices.DeleteFunc(slices.Clone(apply), func(a string) bool { return a == "--yes" })...); code != 1 || !strings.Contains(out, "say --yes") {
			t.Errorf("without --yes: exit %d\n%s", code, out)
		}
		if out := g.root(0, apply...); !strings.Contains(out, "windingtree/ship") || !strings.Contains(out, "role/slipway-playground-ship-deploy") {
			t.Errorf("apply says\n%s", out)
		}
		if out := g.root(0, apply...); !strings.Contains(out, "nothing was changed") {
			t.Errorf("applied again:\n%s", out)
		}
		job := func(code int, subject, audience, step string, args ...string) string {
			t.Helper()
			variables := append(slices.Clone(g.env), "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_WEB_IDENTITY_TOKEN_FILE="+i.token(subject, audience),
				"AWS_ROLE_ARN=arn:aws:iam::000000000000:role/slipway-playground-ship-"+step, "AWS_ROLE_SESSION_NAME=job")
			return g.as(variables, code, args...)
		}
		build, deploy := []string{"build", "--env", "playground", "--tag", "v1.1.0"}, []string{"deploy", "playground", "--tag", "v1.1.0", "--force"}
		job(0, service.tag, service.audience, "push", build...)
		job(0, service.branch, service.audience, "deploy", deploy...)
		for name, out := range map[string]string{
			"a tag that deploys":            job(7, service.tag, service.audience, "deploy", deploy...),
			"a branch that pushes":          job(7, service.branch, service.audience, "push", build...),
			"another branch that deploys":   job(7, service.other, service.audience, "deploy", deploy...),
			"a token for somebody else":     job(7, service.branch, "https://elsewhere.example", "deploy", deploy...),
			"the role to push, at a deploy": job(7, service.tag, service.audience, "push", deploy...),
		} {
			if !strings.Contains(out, "token may not take the role arn:aws:iam::000000000000:role/slipway-playground-ship-") && !strings.Contains(out, "audience") && !strings.Contains(out, "may not ssm:PutParameter on ") {
				t.Errorf("%s is refused with\n%s", name, out)
			}
		}
	}
}

// A user's key is told once, a third one is refused, and what was made by others
// stays as it is.
func TestAUserOfAPipelineIsMadeOnce(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	apply := func(code int, more ...string) string {
		t.Helper()
		return g.root(code, append([]string{"ci", "policy", "playground", "--user", "travis", "--apply", "--yes"}, more...)...)
	}
	if out := apply(0); strings.Count(out, "AWS_SECRET_ACCESS_KEY=") != 1 {
		t.Errorf("the first time:\n%s", out)
	}
	if out := apply(0); strings.Contains(out, "AWS_SECRET") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("again:\n%s", out)
	}
	g.file("GROUP", "elsewhere") // LastLines and NewLogGroups are others now
	if out := apply(0); !strings.Contains(out, "will         change policy slipway-playground-ship-deploy: change LastLines, change NewLogGroups\n") || !strings.Contains(out, "1 changes") {
		t.Errorf("with another log group:\n%s", out)
	}
	if out := apply(0, "--new-key"); strings.Count(out, "AWS_SECRET_ACCESS_KEY=") != 1 {
		t.Errorf("another key:\n%s", out)
	}
	if out := apply(1, "--new-key"); !strings.Contains(out, "two access keys") || strings.Contains(out, "AWS_SECRET") {
		t.Errorf("a third key:\n%s", out)
	}
	for i := range 6 { // IAM keeps five versions
		g.file("GROUP", fmt.Sprint("group", i))
		apply(0)
	}
	g.file("REPOSITORY", "docker.io/windingtree/ship") // nothing of ECR is pushed to
	if out := apply(0); !strings.Contains(out, "change policy slipway-playground-ship-push: add Account, remove Images, remove Login, remove Push") {
		t.Errorf("with images on another registry:\n%s", out)
	}
	g.must("iam", "create-policy", "--policy-name", "slipway-playground-other-push", "--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
	g.file("APP", "other")
	if out := apply(1); !strings.Contains(out, "policy slipway-playground-other-push is there and was not made by slipway for other") {
		t.Errorf("a policy of somebody else:\n%s", out)
	}
}
