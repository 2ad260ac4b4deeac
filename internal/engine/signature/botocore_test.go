package signature

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// sent is a request that botocore signed.
type sent struct {
	Name, Method, URL string
	Headers           map[string]string
	Body              string
}

// botocore signs testdata/sign.py's requests.
func botocore(t *testing.T) []sent {
	t.Helper()
	if out, err := exec.Command("python3", "-c", "import botocore").CombinedOutput(); err != nil {
		t.Skipf("python3 with botocore is not here: %v %s", err, out)
	}
	out, err := exec.Command("python3", "testdata/sign.py").Output()
	if err != nil {
		t.Fatalf("sign.py: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	var all []sent
	for line := range bytes.Lines(out) {
		var one sent
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) < 100 {
		t.Fatalf("sign.py signed %d requests only", len(all))
	}
	return all
}

// wire is the request as it goes over the wire.
func (s *sent) wire(t *testing.T) (head string, body []byte) {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(s.URL, "://")
	target := "/"
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		target = rest[at:]
	}
	if target[0] == '?' {
		target = "/" + target
	}
	host := u.Host
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		host = u.Hostname() // http.client leaves these away
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", s.Method, target, host)
	names := make([]string, 0, len(s.Headers))
	for name := range s.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", name, s.Headers[name])
	}
	b.WriteString("\r\n")
	body, err = base64.StdEncoding.DecodeString(s.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), body
}

const sessionToken = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEU+/="

// judged verifies at the moment that a request was signed, and later.
func judged(t *testing.T, s *sent, later time.Duration) *Verifier {
	t.Helper()
	stamp := s.Headers["X-Amz-Date"]
	if stamp == "" {
		u, _ := url.Parse(s.URL)
		stamp = u.Query().Get("X-Amz-Date")
	}
	at, err := time.Parse(isoBasic, stamp)
	if err != nil {
		t.Fatal(err)
	}
	const long, session = "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"
	return &Verifier{
		Keys: keyring{
			long: {ID: long, Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Active: true},
			session: {ID: session, Secret: "wJalrXUtnFEMI/K7MDENG/sessionEXAMPLEKEY", Active: true,
				Token: strings.Repeat(sessionToken, 4), Expires: at.Add(30 * 24 * time.Hour)},
		},
		Now: func() time.Time { return at.Add(later) },
	}
}

func TestBotocoreSignaturesVerify(t *testing.T) {
	for _, s := range botocore(t) {
		t.Run(s.Name, func(t *testing.T) {
			head, body := s.wire(t)
			v := judged(t, &s, 0)
			r := received(t, head)
			signed, failure := v.Verify(r, body)
			if failure != nil {
				t.Fatalf("%s\n%s\n%s", failure.Message, failure.Detail, head)
			}
			if want := strings.HasPrefix(s.Name, "session"); (signed.Key.Token != "") != want {
				t.Errorf("verified as %s", signed.Key.ID)
			}
			id, date, region, service, ok := Scope(r)
			if !ok || id != signed.Key.ID || region != signed.Region || service != signed.Service || date != signed.Date.Format("20060102") {
				t.Errorf("Scope says %q %q %q %q %v, Verify %+v", id, date, region, service, ok, signed)
			}
			if _, failure := v.Verify(r, body); failure != nil {
				t.Errorf("the second time, with a kept signing key: %s", failure.Message)
			}
		})
	}
}

// A changed byte anywhere is noticed, or it changes nothing that is signed.
func TestChangedBytesAreNoticed(t *testing.T) {
	for i, s := range botocore(t) {
		if testing.Short() && i%5 != 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			head, body := s.wire(t)
			v := judged(t, &s, 0)
			original := received(t, head)
			names := signedNames(t, original)
			want := content(original, names)
			for at := range head {
				changed := []byte(head)
				changed[at] ^= 1
				r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(changed)))
				if err != nil {
					continue // the server refuses it
				}
				if _, failure := v.Verify(r, body); failure == nil && content(r, names) != want {
					t.Fatalf("byte %d is %q and not %q, and it verifies:\n%s", at, changed[at], head[at], changed)
				}
			}
			if r := received(t, head); r.Header.Get("X-Amz-Content-Sha256") == unsignedPayload || strings.HasSuffix(s.Name, "s3 presigned") {
				return // the body is not signed
			}
			for at := range body {
				changed := bytes.Clone(body)
				changed[at] ^= 1
				if _, failure := v.Verify(received(t, head), changed); failure == nil || failure.Kind != WrongSignature {
					t.Fatalf("byte %d of the body is changed, and: %+v", at, failure)
				}
			}
			if _, failure := v.Verify(received(t, head), append(bytes.Clone(body), ' ')); failure == nil {
				t.Error("a byte more in the body verifies")
			}
		})
	}
}

func signedNames(t *testing.T, r *http.Request) []string {
	t.Helper()
	c, failure := read(r)
	if failure != nil {
		t.Fatal(failure.Message)
	}
	return strings.Split(c.headers, ";")
}

// content is all that a signature is about, in one text.
func content(r *http.Request, names []string) string {
	var b strings.Builder
	host := strings.TrimSuffix(strings.TrimSuffix(r.Host, ":80"), ":443")
	fmt.Fprintf(&b, "%s %s %s\n", r.Method, host, normalized(unescape(rawPath(r), false)))
	query := slices.Collect(split(r.URL.RawQuery, ""))
	b.WriteString(canonicalQuery(query, decoded) + "\n")
	for _, name := range append(slices.Clone(names), "authorization") {
		if name != "host" {
			fmt.Fprintf(&b, "%s: %s\n", name, appendHeader(nil, r, name, ""))
		}
	}
	return b.String()
}

func TestPresignedURLsExpire(t *testing.T) {
	for _, s := range botocore(t) {
		life := map[string]time.Duration{
			"key: presigned":             15 * time.Minute,
			"key: presigned, one second": time.Second,
			"key: presigned, a week":     7 * 24 * time.Hour,
		}[s.Name]
		if life == 0 {
			continue
		}
		head, body := s.wire(t)
		if _, failure := judged(t, &s, life).Verify(received(t, head), body); failure != nil {
			t.Errorf("%s, at its last moment: %s", s.Name, failure.Message)
		}
		_, failure := judged(t, &s, life+time.Second).Verify(received(t, head), body)
		if failure == nil || failure.Kind != ExpiredPresign || !strings.HasPrefix(failure.Message, "Signature expired: ") {
			t.Errorf("%s, a second later: %+v", s.Name, failure)
		}
	}
}
