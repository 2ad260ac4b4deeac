package signature

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// FuzzAuthorization feeds Authorization headers: none may crash, verify without
// the secret, or be read by Scope other than by Verify.
func FuzzAuthorization(f *testing.F) {
	good := signer{key: travis, region: "eu-west-1", service: "iam", at: noon}.signed("POST", "/", "").Header.Get("Authorization")
	for _, header := range []string{
		good, "", "Basic QVdTOng=", "AWS AKIA:sig=", algorithm, algorithm + " ", algorithm + " Credential=", algorithm + " =",
		strings.ReplaceAll(good, ", ", ","), strings.ReplaceAll(good, ", ", "  ,, "), good + ", Credential=x",
		strings.Replace(good, "/", "//", 1), strings.Replace(good, "aws4_request", "", 1), good + "\x00",
	} {
		f.Add(header)
	}
	v := verifier(noon)
	f.Fuzz(func(t *testing.T, header string) {
		r := signer{key: travis, region: "eu-west-1", service: "iam", at: noon}.signed("POST", "/", "")
		r.Header["Authorization"] = []string{header}
		signed, failure := v.Verify(r, nil)
		id, _, region, service, ok := Scope(r)
		if failure != nil {
			if code, status := failure.Code("query", "iam"); code == "" || status == 0 || failure.Message == "" {
				t.Errorf("%+v has no code or no message", failure)
			}
			return
		}
		if !strings.Contains(header, good[strings.LastIndexByte(good, '=')+1:]) {
			t.Errorf("verified %q", header)
		}
		if !ok || id != signed.Key.ID || region != signed.Region || service != signed.Service {
			t.Errorf("Scope reads %q %q %q %v in %q", id, region, service, ok, header)
		}
	})
}

// FuzzTarget feeds whole targets with query strings, presigned ones among them.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{
		"/", "//a//b/", "/a/../b?x=1&x=2", "/%2f%zz?%=%&&=", "/?a=b+c%20d",
		"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIATRAVIS%2F20260314%2Feu-west-1%2Fiam%2Faws4_request&X-Amz-Date=20260314T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
	} {
		f.Add(target)
	}
	v := verifier(noon)
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")))
		if err != nil {
			return
		}
		if signed, failure := v.Verify(r, nil); failure == nil {
			t.Errorf("verified as %+v without a secret", signed)
		}
		for _, service := range []string{"s3", "iam"} {
			path := canonicalPath(rawPath(r), service)
			if !strings.HasPrefix(path, "/") && strings.HasPrefix(rawPath(r), "/") {
				t.Errorf("%q becomes %q", rawPath(r), path)
			}
		}
	})
}
