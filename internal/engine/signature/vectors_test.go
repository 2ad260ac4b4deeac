package signature

import (
	"bufio"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The values of AWS's published Signature Version 4 test suite, all for one key,
// moment and scope.
const (
	suiteKey    = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteStamp  = "20150830T123600Z"
	suiteScope  = "20150830/us-east-1/service/aws4_request"
)

func TestPublishedVectors(t *testing.T) {
	for _, c := range []struct {
		name, request, headers, signature string
	}{
		{"get-vanilla", "GET / HTTP/1.1\n", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1 HTTP/1.1\n", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-unreserved", "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz HTTP/1.1\n", "host;x-amz-date",
			"07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-utf8", "GET /ሴ HTTP/1.1\n", "host;x-amz-date",
			"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{"get-relative", "GET /example/.. HTTP/1.1\n", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slashes", "GET //example// HTTP/1.1\n", "host;x-amz-date",
			"9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
		{"get-header-value-trim", "GET / HTTP/1.1\nMy-Header1:  value1\nMy-Header2: \"a   b   c\"\n", "host;my-header1;my-header2;x-amz-date",
			"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"get-header-value-order", "GET / HTTP/1.1\nMy-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2\n", "host;my-header1;x-amz-date",
			"08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
		{"post-vanilla", "POST / HTTP/1.1\n", "host;x-amz-date",
			"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-x-www-form-urlencoded", "POST / HTTP/1.1\nContent-Type:application/x-www-form-urlencoded\nContent-Length: 13\n", "content-type;host;x-amz-date",
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			head, rest, _ := strings.Cut(c.request, "\n")
			text := head + "\nHost: example.amazonaws.com\nX-Amz-Date: " + suiteStamp + "\n" + rest +
				"Authorization: AWS4-HMAC-SHA256 Credential=" + suiteKey + "/" + suiteScope +
				", SignedHeaders=" + c.headers + ", Signature=" + c.signature + "\n\n"
			var body []byte
			if strings.Contains(c.request, "Content-Length: 13") {
				body = []byte("Param1=value1")
			}
			r := received(t, strings.ReplaceAll(text, "\n", "\r\n")+string(body))
			if _, failure := suiteVerifier().Verify(r, body); failure != nil {
				t.Errorf("%s\n%s", failure.Message, failure.Detail)
			}
		})
	}
}

// The example of the IAM User Guide's pages on signing, with another service.
func TestDocumentedExample(t *testing.T) {
	r := received(t, strings.ReplaceAll(`GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1
Host: iam.amazonaws.com
Content-Type: application/x-www-form-urlencoded; charset=utf-8
X-Amz-Date: 20150830T123600Z
Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7

`, "\n", "\r\n"))
	signed, failure := suiteVerifier().Verify(r, nil)
	if failure != nil {
		t.Fatalf("%s\n%s", failure.Message, failure.Detail)
	}
	if signed.Service != "iam" || signed.Region != "us-east-1" || signed.Presigned || signed.Key.ID != suiteKey {
		t.Errorf("%+v", signed)
	}
}

func suiteVerifier() *Verifier {
	at, _ := time.Parse(isoBasic, suiteStamp)
	return &Verifier{
		Keys: keyring{suiteKey: {ID: suiteKey, Secret: suiteSecret, Active: true}},
		Now:  func() time.Time { return at },
	}
}

// keyring are the keys of a test.
type keyring map[string]Key

func (k keyring) Key(id string) (Key, bool) {
	key, ok := k[id]
	return key, ok
}

// received is a request as the server's parser hands it over.
// hashOf is for tests that sign.
func hashOf(b []byte) [sha256.Size]byte { return sha256.Sum256(b) }

func received(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
