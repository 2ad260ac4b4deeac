package sts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
)

// issuer is an identity provider: its keys and what it publishes.
type issuer struct {
	url     string
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	fetches int
	down    bool
}

func newIssuer(t testing.TB, url string) *issuer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{url: url, rsa: r, ec: e}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *issuer) documents() map[string]any {
	return map[string]any{
		"/.well-known/openid-configuration": map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"},
		"/keys": map[string]any{"keys": []map[string]string{
			{"kid": "r", "kty": "RSA", "use": "sig", "n": b64(i.rsa.N.Bytes()), "e": b64(big.NewInt(int64(i.rsa.E)).Bytes())},
			{"kid": "e", "kty": "EC", "crv": "P-256", "x": b64(i.ec.X.FillBytes(make([]byte, 32))), "y": b64(i.ec.Y.FillBytes(make([]byte, 32)))},
			{"kid": "other", "kty": "oct"},
		}},
	}
}

// fetch is the network on which there is but this issuer.
func (i *issuer) fetch(_ context.Context, url string, _ []string) ([]byte, error) {
	path, ok := strings.CutPrefix(url, i.url)
	if !ok || i.down {
		return nil, errors.New("no route to " + url)
	}
	i.fetches++
	return json.Marshal(i.documents()[path])
}

func (i *issuer) token(t testing.TB, alg string, claims map[string]any) string {
	t.Helper()
	kid := map[string]string{"RS256": "r", "ES256": "e"}[alg]
	header, err1 := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "JWT"})
	payload, err2 := json.Marshal(claims)
	signed := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	var err3 error
	switch alg {
	case "RS256":
		signature, err3 = rsa.SignPKCS1v15(rand.Reader, i.rsa, crypto.SHA256, sum[:])
	case "ES256":
		var r, s *big.Int
		r, s, err3 = ecdsa.Sign(rand.Reader, i.ec, sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(signature)
}

const github = "https://token.actions.githubusercontent.com"

// webRig is a rig with GitHub as provider, a role for one repository's main
// branch, and the claims of a job of that.
func webRig(t testing.TB) (*rig, *issuer, string, map[string]any) {
	t.Helper()
	i := newIssuer(t, github)
	r := newRig(t, i.fetch)
	ok[iamapi.CreateOpenIDConnectProviderResponse](t)(r.iam.CreateOpenIDConnectProvider(t.Context(), r.root, &iamapi.CreateOpenIDConnectProviderRequest{
		Url: new(github), ClientIDList: []string{"sts.amazonaws.com"},
	}))
	role := r.role("deploy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],
		"Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"},
		"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},
		"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/*"}}}]}`)
	return r, i, role, map[string]any{
		"iss": github, "aud": "sts.amazonaws.com", "sub": "repo:acme/app:ref:refs/heads/main", "exp": r.time.Add(5 * time.Minute).Unix(),
	}
}

func with(claims map[string]any, k string, v any) map[string]any {
	c := maps.Clone(claims)
	c[k] = v
	return c
}

func TestAWebIdentityAssumesARole(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256"} {
		r, i, role, claims := webRig(t)
		out := ok[api.AssumeRoleWithWebIdentityResponse](t)(r.AssumeRoleWithWebIdentity(t.Context(), r.root, &api.AssumeRoleWithWebIdentityRequest{
			RoleArn: &role, RoleSessionName: new("job"), WebIdentityToken: new(i.token(t, alg, claims)),
		}))
		c := r.bearer(*out.Credentials.AccessKeyId)
		if c.ARN != "arn:aws:sts::000000000000:assumed-role/deploy/job" || !r.may(c, "ecs:UpdateService", "*") {
			t.Errorf("%s: %s calls", alg, c.ARN)
		}
		out.Credentials = nil
		want := &api.AssumeRoleWithWebIdentityResponse{
			AssumedRoleUser: &api.AssumedRoleUser{Arn: new(c.ARN), AssumedRoleId: new(c.UserID)},
			Audience:        new("sts.amazonaws.com"), Provider: new("arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"),
			SubjectFromWebIdentityToken: new("repo:acme/app:ref:refs/heads/main"),
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("%s: %s", alg, diff)
		}
	}
}

func TestWebIdentitiesThatAreRefused(t *testing.T) {
	r, i, role, claims := webRig(t)
	good := i.token(t, "RS256", claims)
	parts := strings.Split(good, ".")
	stranger := newIssuer(t, github)
	for _, tt := range []struct {
		name, token, code string
		status            int
	}{
		{"another branch's name form", i.token(t, "RS256", with(claims, "sub", "repo:acme/app:pull_request")), "AccessDenied", 403},
		{"another repository", i.token(t, "RS256", with(claims, "sub", "repo:evil/app:ref:refs/heads/main")), "AccessDenied", 403},
		{"another audience", i.token(t, "RS256", with(claims, "aud", "https://github.com/acme")), "InvalidIdentityToken", 400},
		{"expired", i.token(t, "RS256", with(claims, "exp", r.time.Unix())), "ExpiredTokenException", 400},
		{"not yet valid", i.token(t, "RS256", with(claims, "nbf", r.time.Add(time.Hour).Unix())), "InvalidIdentityToken", 400},
		{"another issuer", i.token(t, "RS256", with(claims, "iss", "https://gitlab.com")), "InvalidIdentityToken", 400},
		{"no expiry", i.token(t, "RS256", with(claims, "exp", nil)), "InvalidIdentityToken", 400},
		{"signed by somebody else", stranger.token(t, "RS256", claims), "InvalidIdentityToken", 400},
		{"unsigned", i.token(t, "none", claims), "InvalidIdentityToken", 400},
		{"another payload under the signature", parts[0] + "." + strings.Split(i.token(t, "RS256", with(claims, "sub", "repo:acme/app:ref:refs/heads/x")), ".")[1] + "." + parts[2], "InvalidIdentityToken", 400},
		{"no token", "abc", "InvalidIdentityToken", 400},
	} {
		*r.time = r.time.Add(keysAgain)
		_, err := r.AssumeRoleWithWebIdentity(t.Context(), r.root, &api.AssumeRoleWithWebIdentityRequest{RoleArn: &role, RoleSessionName: new("job"), WebIdentityToken: &tt.token})
		t.Run(tt.name, func(t *testing.T) { refused(t, err, tt.code, tt.status, "") })
	}
}

func TestAnIssuersKeysAreKept(t *testing.T) {
	r, i, role, claims := webRig(t)
	claims["exp"] = r.time.Add(time.Hour).Unix()
	try := func() error {
		_, err := r.AssumeRoleWithWebIdentity(t.Context(), r.root, &api.AssumeRoleWithWebIdentityRequest{RoleArn: &role, RoleSessionName: new("job"), WebIdentityToken: new(i.token(t, "RS256", claims))})
		return err
	}
	for range 3 {
		if err := try(); err != nil {
			t.Fatal(err)
		}
	}
	if i.fetches != 2 {
		t.Errorf("three tokens took %d fetches, want 2", i.fetches)
	}
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.rsa = next // the issuer changes its keys
	*r.time = r.time.Add(keysAgain)
	if err := try(); err != nil {
		t.Errorf("after the issuer changed its keys: %v", err)
	}
	i.down = true
	*r.time = r.time.Add(keysFresh)
	refused(t, try(), "InvalidIdentityToken", 400, "")
}

func TestTagsInAToken(t *testing.T) {
	r, i, role, claims := webRig(t)
	claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string][]string{"team": {"web"}}, "transitive_tag_keys": []string{"team"}}
	out := ok[api.AssumeRoleWithWebIdentityResponse](t)(r.AssumeRoleWithWebIdentity(t.Context(), r.root, &api.AssumeRoleWithWebIdentityRequest{
		RoleArn: &role, RoleSessionName: new("job"), WebIdentityToken: new(i.token(t, "ES256", claims)),
	}))
	if diff := cmp.Diff(map[string]string{"team": "web"}, r.bearer(*out.Credentials.AccessKeyId).Tags); diff != "" {
		t.Error(diff)
	}
}

// An issuer on this machine whose certificate nobody signed is trusted by its
// thumbprint, and by nothing else.
func TestThumbprintsOverTLS(t *testing.T) {
	i := newIssuer(t, "")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		json.NewEncoder(w).Encode(i.documents()[q.URL.Path])
	}))
	defer server.Close()
	sum := sha1.Sum(server.Certificate().Raw)
	address := server.URL + "/keys"
	if _, err := fetchOverNetwork(t.Context(), address, nil); err == nil {
		t.Error("an unknown certificate was trusted without a thumbprint")
	}
	if _, err := fetchOverNetwork(t.Context(), address, []string{strings.Repeat("0", 40)}); err == nil {
		t.Error("an unknown certificate was trusted with another's thumbprint")
	}
	text, err := fetchOverNetwork(t.Context(), address, []string{hex.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := parseKeys(text); err != nil || len(keys) != 2 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func TestADeletedProviderVouchesForNobody(t *testing.T) {
	r, i, role, claims := webRig(t)
	ok[awsapi.Empty](t)(r.iam.DeleteOpenIDConnectProvider(t.Context(), r.root, &iamapi.DeleteOpenIDConnectProviderRequest{
		OpenIDConnectProviderArn: new("arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"),
	}))
	_, err := r.AssumeRoleWithWebIdentity(t.Context(), r.root, &api.AssumeRoleWithWebIdentityRequest{RoleArn: &role, RoleSessionName: new("job"), WebIdentityToken: new(i.token(t, "RS256", claims))})
	refused(t, err, "InvalidIdentityToken", 400, "No OpenIDConnect provider found in your account for "+github)
}

func FuzzParseToken(f *testing.F) {
	i := newIssuer(f, github)
	f.Add(i.token(f, "ES256", map[string]any{"iss": github, "aud": []string{"a"}, "sub": "s", "exp": 1}))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseToken(text)
		if err == nil {
			p.signedBy(&i.ec.PublicKey)
			p.claims.meant([]string{"a"})
			p.claims.audience()
		}
	})
}
