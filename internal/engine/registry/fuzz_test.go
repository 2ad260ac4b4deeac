package registry

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func digestOf(b []byte) string { return digest.FromBytes(b).String() }

// FuzzRequest sends any method to any path: the registry must answer, without a
// fault of its own, and must not write outside of its folder.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{"/v2/", "/v2/a/b/manifests/v1", "/v2/a/blobs/uploads/", "/v2/../../x/blobs/uploads/", "/v2/a/%2e%2e/%2e%2e/b/manifests/v1",
		"/v2/111122223333/us-east-1/a/tags/list", "/v2/a/blobs/sha256:" + strings.Repeat("0", 64), "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000",
		"/v2/a/manifests/sha256:../../../../etc/passwd", "/v2/a/blobs/uploads/..", "/v2/a/manifests/manifests/blobs/uploads/", "/v2/000000000000/xx-yy-1/../a/tags/list"} {
		for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
			f.Add(method, path, []byte(`{"schemaVersion":2,"manifests":[]}`), "example.org")
		}
	}
	outer := f.TempDir()
	g, err := New(Options{Dir: filepath.Join(outer, "registry"), Account: account, Region: region, Catalog: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path string, body []byte, host string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || strings.ContainsAny(method, " \r\n\t") || method == "" {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "http://x/", strings.NewReader(string(body))).WithContext(t.Context())
		r.Method, r.URL, r.Host = method, u, host
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s at %q: %d %s", method, path, host, w.Code, w.Body)
		}
		if entries, err := os.ReadDir(outer); err != nil || len(entries) > 1 {
			t.Fatalf("%s %s at %q wrote %v, %v", method, path, host, entries, err)
		}
	})
}

// FuzzName: a name that is taken becomes a folder in the scope's, and comes back
// from its URI.
func FuzzName(f *testing.F) {
	for _, s := range []string{"a", "a/b", "../x", "a//b", "_a", "a/_manifests", "111122223333/us-east-1/a", "a..b", "a__b", "a/-b"} {
		f.Add(s)
	}
	g, err := New(Options{Dir: f.TempDir(), Account: account, Region: region})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id := repo(name)
		r, err := g.repository(id)
		if err != nil {
			return
		}
		root := filepath.Join(g.o.Dir, account, region, repositoriesRoot)
		if rel, err := filepath.Rel(root, r.dir()); err != nil || filepath.ToSlash(rel) != name || strings.Contains(name, "/_") {
			t.Fatalf("%q lies at %s", name, r.dir())
		}
		uri, _ := strings.CutPrefix(g.URI("127.0.0.1:4611", id), "127.0.0.1:4611/")
		if got := g.identify("127.0.0.1:4611", uri); got != id {
			t.Fatalf("%q has the URI %s, which is %s", name, uri, got)
		}
	})
}
