package registry

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	account = "000000000000"
	region  = "eu-west-1"
)

func repo(name string) Repository { return Repository{account, region, name} }

// fixture is a registry on a free port.
type fixture struct {
	*Registry
	t    testing.TB
	url  string
	host string
	user string // sent with every request, password "secret"
}

func start(t testing.TB, o Options) *fixture {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Account, o.Region = account, region
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return &fixture{g, t, server.URL, strings.TrimPrefix(server.URL, "http://"), "AWS"}
}

// do sends a request; the body of the answer is read.
func (f *fixture) do(method, path string, body []byte, header ...string) (*http.Response, string) {
	f.t.Helper()
	req, err := http.NewRequest(method, f.url+path, bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	if f.user != "" {
		req.SetBasicAuth(f.user, "secret")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return res, string(text)
}

// want sends a request and checks the status.
func (f *fixture) want(status int, method, path string, body []byte, header ...string) (*http.Response, string) {
	f.t.Helper()
	res, text := f.do(method, path, body, header...)
	if res.StatusCode != status {
		f.t.Errorf("%s %s: %s, want %d\n%s", method, path, res.Status, status, text)
	}
	return res, text
}

// blob uploads content in one request and returns its descriptor.
func (f *fixture) blob(name string, content []byte) v1.Descriptor {
	f.t.Helper()
	d := digest.FromBytes(content)
	f.want(201, "POST", "/v2/"+name+"/blobs/uploads/?digest="+d.String(), content)
	return v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: d, Size: int64(len(content))}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// image uploads layers and a configuration, and makes their manifest.
func (f *fixture) image(name string, layers ...[]byte) []byte {
	f.t.Helper()
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest}
	m.SchemaVersion = 2
	for _, l := range layers {
		m.Layers = append(m.Layers, f.blob(name, l))
	}
	m.Config = f.blob(name, marshal(map[string]any{"architecture": "amd64", "os": "linux", "id": fmt.Sprint(m.Layers)}))
	m.Config.MediaType = v1.MediaTypeImageConfig
	return marshal(m)
}

// push puts an image under a reference and returns its digest.
func (f *fixture) push(name, ref string, manifest []byte) string {
	f.t.Helper()
	f.want(201, "PUT", "/v2/"+name+"/manifests/"+ref, manifest, "Content-Type", v1.MediaTypeImageManifest)
	return digest.FromBytes(manifest).String()
}

// refusal checks the error that a client sees.
func (f *fixture) refusal(status int, code, message, method, path string, body []byte, header ...string) *http.Response {
	f.t.Helper()
	res, text := f.want(status, method, path, body, header...)
	var e struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil || len(e.Errors) != 1 || e.Errors[0].Code != code || !strings.Contains(e.Errors[0].Message, message) {
		f.t.Errorf("%s %s: %s\nwant %s: %s", method, path, text, code, message)
	}
	return res
}
