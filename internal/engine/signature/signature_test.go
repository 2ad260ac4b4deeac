package signature

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// signer signs as a client does, with a few liberties for tests.
type signer struct {
	key     Key
	region  string
	service string
	at      time.Time
	headers string // the ones to sign; empty is host;x-amz-date and what the request has of the usual ones
}

// signed is a request with a signature in its header.
func (s signer) signed(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:4566"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	r.Header.Set("X-Amz-Date", s.at.Format(isoBasic))
	if s.key.Token != "" {
		r.Header.Set("X-Amz-Security-Token", s.key.Token)
	}
	c := claim{
		scope: scope{s.key.ID, s.at.Format("20060102"), s.region, s.service}, headers: s.headers,
		stamp: s.at.Format(isoBasic), date: s.at,
	}
	if c.headers == "" {
		c.headers = "host;x-amz-date"
		for _, name := range []string{"x-amz-security-token", "x-amz-target"} {
			if r.Header.Get(name) != "" {
				c.headers += ";" + name
			}
		}
	}
	for p := range split(r.URL.RawQuery, "") {
		c.query = append(c.query, p)
	}
	hash, _ := payload(r, &c, []byte(body))
	for spelling := range spellings(r, &c) {
		request := canonical(nil, r, &c, spelling, hash)
		signing := derive(s.key.Secret, &c.scope)
		mac := sign(signing[:], c.stringToSign(nil, hashOf(request)))
		r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
			s.key.ID, c.scope.date, s.region, s.service, c.headers, hex.EncodeToString(mac[:])))
		break
	}
	return r
}

var (
	travis  = Key{ID: "AKIATRAVIS", Secret: "secret of travis", Active: true, Caller: "travis"}
	session = Key{ID: "ASIASESSION", Secret: "secret of a session", Token: "token/of+the=session", Active: true, Expires: noon.Add(time.Hour)}
	fixed   = Key{ID: "test", Secret: "test", Active: true, AnyToken: true}
	off     = Key{ID: "AKIAOFF", Secret: "secret", Active: false}
)

func verifier(at time.Time) *Verifier {
	keys := keyring{}
	for _, k := range []Key{travis, session, fixed, off} {
		keys[k.ID] = k
	}
	return &Verifier{Keys: keys, Now: func() time.Time { return at }}
}

func TestVerifyTellsWhoSigned(t *testing.T) {
	r := signer{key: travis, region: "eu-west-1", service: "ecs", at: noon}.signed("POST", "/", "{}", "X-Amz-Target", "ECS.ListClusters")
	got, failure := verifier(noon).Verify(r, []byte("{}"))
	if failure != nil {
		t.Fatal(failure)
	}
	want := Signed{Key: travis, Region: "eu-west-1", Service: "ecs", Date: noon}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A test suite's fixed credentials come with whatever token its environment has.
func TestFixedCredentialsTakeAnyToken(t *testing.T) {
	for _, token := range []string{"", "testing"} {
		k := fixed
		k.Token = token
		r := signer{key: k, region: "us-east-1", service: "sts", at: noon}.signed("POST", "/", "")
		if _, failure := verifier(noon).Verify(r, nil); failure != nil {
			t.Errorf("with token %q: %s", token, failure.Message)
		}
	}
}

func TestFailures(t *testing.T) {
	by := func(k Key) signer { return signer{key: k, region: "eu-west-1", service: "iam", at: noon} }
	plain := func() *http.Request { return by(travis).signed("POST", "/", "") }
	with := func(change func(r *http.Request)) *http.Request {
		r := plain()
		change(r)
		return r
	}
	authorization := func(old, new string) *http.Request {
		return with(func(r *http.Request) {
			was := r.Header.Get("Authorization")
			if !strings.Contains(was, old) {
				t.Fatalf("%q is not in %s", old, was)
			}
			r.Header.Set("Authorization", strings.Replace(was, old, new, 1))
		})
	}
	for _, c := range []struct {
		name    string
		request *http.Request
		at      time.Time
		kind    Kind
		message string // its beginning
	}{
		{"no signature", httptest.NewRequest("POST", "/", nil), noon, MissingToken, "Request is missing Authentication Token"},
		{"basic authorization", with(func(r *http.Request) { r.SetBasicAuth("AWS", "x") }), noon, IncompleteSignature,
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed"},
		{"signature version 2", with(func(r *http.Request) { r.Header.Set("Authorization", "AWS AKIA:sig=") }), noon, IncompleteSignature,
			"Authorization header requires 'Credential' parameter."},
		{"asymmetric", authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), noon, IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."},
		{"no signature part", authorization(", Signature=", ", Nothing="), noon, IncompleteSignature,
			"Authorization header requires 'Signature' parameter. (Hashed"},
		{"no credential part", authorization("Credential=", "Nothing="), noon, IncompleteSignature, "Authorization header requires 'Credential' parameter."},
		{"two credentials", authorization("SignedHeaders=", "Credential=a/b/c/d/aws4_request, SignedHeaders="), noon, IncompleteSignature, "Authorization header has 'Credential' twice."},
		{"a space in the key", authorization("AKIATRAVIS/", "AKIATRAVIS /"), noon, IncompleteSignature, "Invalid key=value pair (missing equal-sign) in Authorization header"},
		{"a short scope", authorization("/eu-west-1", ""), noon, IncompleteSignature, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIATRAVIS/20260314/iam/aws4_request'"},
		{"an empty region", authorization("/eu-west-1/", "//"), noon, IncompleteSignature, "Credential must have exactly 5"},
		{"a wrong terminator", authorization("aws4_request", "aws5_request"), noon, WrongScope, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
		{"another day", authorization("20260314", "20260313"), noon, WrongScope, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260313' != '20260314', from '20260314T120000Z'."},
		{"no date", with(func(r *http.Request) { r.Header.Del("X-Amz-Date") }), noon, IncompleteSignature, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
		{"a bad date", with(func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026-03-14") }), noon, IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got '2026-03-14'."},
		{"host not signed", authorization("host;x-amz-date", "x-amz-date"), noon, IncompleteSignature, "'Host' or ':authority' must be a 'SignedHeader'"},
		{"target not signed", with(func(r *http.Request) { r.Header.Set("X-Amz-Target", "ECS.DeleteCluster") }), noon, IncompleteSignature, "'X-Amz-Target' must be a 'SignedHeader'"},
		{"a long header", with(func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")+strings.Repeat(" ", maxHeader))
		}), noon, IncompleteSignature, "Authorization header is longer than"},
		{"in chunks", with(func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
		}), noon, IncompleteSignature, "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD is not served"},
		{"unknown key", by(Key{ID: "AKIANOBODY", Secret: "x"}).signed("POST", "/", ""), noon, UnknownKey, invalidToken},
		{"inactive key", by(off).signed("POST", "/", ""), noon, InactiveKey, invalidToken},
		{"wrong secret", by(Key{ID: travis.ID, Secret: "x"}).signed("POST", "/", ""), noon, WrongSignature, doesNotMatch},
		{"another body's hash", with(func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) }), noon, WrongSignature, doesNotMatch},
		{"session without its token", by(Key{ID: session.ID, Secret: session.Secret}).signed("POST", "/", ""), noon, InvalidToken, invalidToken},
		{"session with another token", by(Key{ID: session.ID, Secret: session.Secret, Token: "token/of+the=sessiom"}).signed("POST", "/", ""), noon, InvalidToken, invalidToken},
		{"long-term key with a token", by(Key{ID: travis.ID, Secret: travis.Secret, Token: "x"}).signed("POST", "/", ""), noon, InvalidToken, invalidToken},
		{"expired session", signer{key: session, region: "eu-west-1", service: "iam", at: noon.Add(time.Hour)}.signed("POST", "/", ""), noon.Add(time.Hour), ExpiredToken,
			"The security token included in the request is expired"},
		{"too old", plain(), noon.Add(15*time.Minute + time.Second), ClockSkewLate,
			"Signature expired: 20260314T120000Z is now earlier than 20260314T120001Z (20260314T121501Z - 15 min.)"},
		{"too new", plain(), noon.Add(-15*time.Minute - time.Second), ClockSkewEarly,
			"Signature not yet current: 20260314T120000Z is still later than 20260314T115959Z (20260314T114459Z + 15 min.)"},
		{"too old for ECS", signer{key: travis, region: "eu-west-1", service: "ecs", at: noon}.signed("POST", "/", ""), noon.Add(5*time.Minute + time.Second), ClockSkewLate,
			"Signature expired: 20260314T120000Z is now earlier than 20260314T120001Z (20260314T120501Z - 5 min.)"},
		{"presigned without expiry", httptest.NewRequest("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=host&X-Amz-Date=20260314T120000Z", nil), noon, IncompleteSignature,
			"AWS query-string parameters must include 'X-Amz-Expires'. Re-examine the query-string parameters."},
		{"presigned twice", httptest.NewRequest("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Algorithm=x", nil), noon, IncompleteSignature, "AWS query-string parameters may not be given twice: 'X-Amz-Algorithm'."},
		{"presigned for too long", httptest.NewRequest("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=host&X-Amz-Date=20260314T120000Z&X-Amz-Expires=604801", nil), noon, IncompleteSignature,
			"X-Amz-Expires must be between 1 and 604800."},
	} {
		t.Run(c.name, func(t *testing.T) {
			signed, failure := verifier(c.at).Verify(c.request, nil)
			if failure == nil {
				t.Fatalf("verified as %+v", signed)
			}
			if failure.Kind != c.kind || !strings.HasPrefix(failure.Message, c.message) {
				t.Errorf("kind %d: %s\nwant %d: %s", failure.Kind, failure.Message, c.kind, c.message)
			}
		})
	}
}

func TestClocksMayDifferWithinTheWindow(t *testing.T) {
	r := signer{key: travis, region: "eu-west-1", service: "ecr", at: noon}.signed("POST", "/", "")
	for _, away := range []time.Duration{-15 * time.Minute, 0, 15 * time.Minute} {
		if _, failure := verifier(noon.Add(away)).Verify(r, nil); failure != nil {
			t.Errorf("%s away: %s", away, failure.Message)
		}
	}
}

func TestCodesOfProtocols(t *testing.T) {
	type answer struct {
		Code   string
		Status int
		Text   string
	}
	of := func(kind Kind, protocol, service string) answer {
		f := fail(kind, "as verified")
		code, status := f.Code(protocol, service)
		return answer{code, status, f.Text(protocol, service)}
	}
	const creds = "AWS was not able to validate the provided access credentials"
	for _, c := range []struct {
		kind             Kind
		json, query, ec2 answer
	}{
		{MissingToken, answer{"MissingAuthenticationTokenException", 400, "Missing Authentication Token"},
			answer{"MissingAuthenticationToken", 403, "as verified"}, answer{"MissingParameter", 400, "The request must contain the parameter AWSAccessKeyId"}},
		{IncompleteSignature, answer{"IncompleteSignatureException", 400, "as verified"},
			answer{"IncompleteSignature", 400, "as verified"}, answer{"IncompleteSignature", 400, "as verified"}},
		{UnknownKey, answer{"UnrecognizedClientException", 400, "as verified"}, answer{"InvalidClientTokenId", 403, "as verified"}, answer{"AuthFailure", 401, creds}},
		{InactiveKey, answer{"UnrecognizedClientException", 400, "as verified"}, answer{"InvalidClientTokenId", 403, "as verified"}, answer{"AuthFailure", 401, creds}},
		{InvalidToken, answer{"UnrecognizedClientException", 400, "as verified"}, answer{"InvalidClientTokenId", 403, "as verified"}, answer{"AuthFailure", 401, creds}},
		{ExpiredToken, answer{"ExpiredTokenException", 400, "as verified"}, answer{"ExpiredToken", 403, "as verified"}, answer{"RequestExpired", 400, "Request has expired."}},
		{WrongSignature, answer{"InvalidSignatureException", 400, "as verified"}, answer{"SignatureDoesNotMatch", 403, "as verified"}, answer{"AuthFailure", 401, creds}},
		{WrongScope, answer{"InvalidSignatureException", 400, "as verified"}, answer{"SignatureDoesNotMatch", 403, "as verified"}, answer{"AuthFailure", 401, creds}},
		{ClockSkewLate, answer{"InvalidSignatureException", 400, "as verified"}, answer{"SignatureDoesNotMatch", 403, "as verified"}, answer{"RequestExpired", 400, "Request has expired."}},
		{ClockSkewEarly, answer{"InvalidSignatureException", 400, "as verified"}, answer{"SignatureDoesNotMatch", 403, "as verified"}, answer{"RequestExpired", 400, "Request has expired."}},
		{ExpiredPresign, answer{"InvalidSignatureException", 400, "as verified"}, answer{"SignatureDoesNotMatch", 403, "as verified"}, answer{"RequestExpired", 400, "Request has expired."}},
	} {
		got := [3]answer{of(c.kind, "json", "ecs"), of(c.kind, "query", "iam"), of(c.kind, "ec2", "ec2")}
		if d := cmp.Diff([3]answer{c.json, c.query, c.ec2}, got); d != "" {
			t.Errorf("kind %d: %s", c.kind, d)
		}
	}
}

// A kept signing key must not outlive the secret it was made from.
func TestAChangedSecretIsNoticed(t *testing.T) {
	keys := keyring{travis.ID: travis}
	v := &Verifier{Keys: keys, Now: func() time.Time { return noon }}
	r := signer{key: travis, region: "eu-west-1", service: "iam", at: noon}.signed("POST", "/", "")
	for range 2 {
		if _, failure := v.Verify(r, nil); failure != nil {
			t.Fatal(failure)
		}
	}
	changed := travis
	changed.Secret = "another secret"
	keys[travis.ID] = changed
	if _, failure := v.Verify(r, nil); failure == nil || failure.Kind != WrongSignature {
		t.Errorf("the old secret still verifies: %+v", failure)
	}
	again := signer{key: changed, region: "eu-west-1", service: "iam", at: noon}.signed("POST", "/", "")
	if _, failure := v.Verify(again, nil); failure != nil {
		t.Errorf("the new secret does not: %s", failure.Message)
	}
}

func TestSigningKeysAreBounded(t *testing.T) {
	v := verifier(noon)
	for i := range maxDerived + 10 {
		s := scope{"AKIATRAVIS", "20260314", fmt.Sprint(i), "iam"}
		v.derived.put(&travis, &s, [32]byte{})
	}
	if n := len(v.derived.keys); n > maxDerived {
		t.Errorf("%d signing keys are kept", n)
	}
	v = verifier(noon)
	r := signer{key: Key{ID: travis.ID, Secret: "guess"}, region: "eu-west-1", service: "iam", at: noon}.signed("POST", "/", "")
	if _, failure := v.Verify(r, nil); failure == nil || len(v.derived.keys) != 0 {
		t.Error("a wrong signature left a signing key behind")
	}
}

func TestDetailHasNoToken(t *testing.T) {
	k := session
	k.Secret = "guess"
	r := signer{key: k, region: "eu-west-1", service: "iam", at: noon}.signed("POST", "/", "")
	_, failure := verifier(noon).Verify(r, nil)
	if failure == nil || !strings.Contains(failure.Detail, "x-amz-security-token:…") || strings.Contains(failure.Detail, session.Token) {
		t.Errorf("%+v", failure)
	}
}

// The HTTP Date header serves where there is no X-Amz-Date.
func TestDateHeader(t *testing.T) {
	r := signer{key: travis, region: "eu-west-1", service: "iam", at: noon, headers: "host"}.signed("POST", "/", "")
	r.Header.Del("X-Amz-Date")
	r.Header.Set("Date", noon.Format(http.TimeFormat))
	if _, failure := verifier(noon).Verify(r, nil); failure != nil {
		t.Errorf("%s\n%s", failure.Message, failure.Detail)
	}
}

// The server takes Content-Length out of the header when it also has a
// Transfer-Encoding, and the Go SDK signs it.
func TestContentLengthIsSigned(t *testing.T) {
	r := signer{key: travis, region: "eu-west-1", service: "iam", at: noon, headers: "content-length;host;x-amz-date"}.signed("POST", "/", "four")
	if r.Header.Get("Content-Length") != "" || r.ContentLength != 4 {
		t.Fatal("the request has the header")
	}
	if _, failure := verifier(noon).Verify(r, []byte("four")); failure != nil {
		t.Error(failure.Detail)
	}
	r.ContentLength = 5
	if _, failure := verifier(noon).Verify(r, []byte("four")); failure == nil {
		t.Error("another length verifies")
	}
}

func TestScopeOfOthers(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"nothing": httptest.NewRequest("GET", "/", nil),
		"basic":   func() *http.Request { r := httptest.NewRequest("GET", "/", nil); r.SetBasicAuth("a", "b"); return r }(),
		"half a one": func() *http.Request {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", algorithm+" Credential=a/b/c")
			return r
		}(),
		"other query": httptest.NewRequest("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb", nil),
	} {
		if id, _, _, service, ok := Scope(r); ok {
			t.Errorf("%s: %q %q", name, id, service)
		}
	}
}
