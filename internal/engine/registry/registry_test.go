package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

func TestPushAndPull(t *testing.T) {
	var mu sync.Mutex
	var pushes []Push
	var pulls []Pull
	f := start(t, Options{
		OnPush:    func(p Push) { mu.Lock(); defer mu.Unlock(); pushes = append(pushes, p) },
		OnPull:    func(p Pull) { mu.Lock(); defer mu.Unlock(); pulls = append(pulls, p) },
		Authorize: func(_ context.Context, c Credentials, _ []Access) (string, error) { return "user/" + c.User, nil },
	})
	layer := random(70_000)
	manifest := f.image("team/app", layer)
	d := f.push("team/app", "v1", manifest)

	for _, ref := range []string{"v1", d} {
		res, body := f.want(200, "GET", "/v2/team/app/manifests/"+ref, nil)
		if body != string(manifest) || res.Header.Get("Content-Type") != v1.MediaTypeImageManifest || res.Header.Get("Docker-Content-Digest") != d {
			t.Errorf("%s came back as %s %v", ref, body, res.Header)
		}
		res, _ = f.want(200, "HEAD", "/v2/team/app/manifests/"+ref, nil)
		if res.ContentLength != int64(len(manifest)) {
			t.Errorf("HEAD %s: %d bytes, want %d", ref, res.ContentLength, len(manifest))
		}
	}
	ld := digest.FromBytes(layer).String()
	if _, body := f.want(200, "GET", "/v2/team/app/blobs/"+ld, nil); body != string(layer) {
		t.Error("the layer came back changed")
	}
	if _, body := f.want(206, "GET", "/v2/team/app/blobs/"+ld, nil, "Range", "bytes=10-19"); body != string(layer[10:20]) {
		t.Error("the layer's range came back changed")
	}
	images, err := f.Images(repo("team/app"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%+v, %v", images, err)
	}
	i := images[0]
	var doc v1.Manifest
	if err := json.Unmarshal(manifest, &doc); err != nil {
		t.Fatal(err)
	}
	if i.Digest != d || !slices.Equal(i.Tags, []string{"v1"}) || i.Size != int64(len(layer))+doc.Config.Size || i.ConfigMediaType != v1.MediaTypeImageConfig || time.Since(i.PushedAt) > time.Hour {
		t.Errorf("%+v", i)
	}
	// The same again is no push; another tag on the same image is one.
	f.push("team/app", "v1", manifest)
	f.push("team/app", "latest", manifest)
	other := f.push("team/app", "latest", f.image("team/app", random(10)))
	got := []string{}
	for _, p := range pushes {
		got = append(got, p.Repository.Name+" "+p.Tag+" "+p.Image.Digest+" "+p.Moved+" "+p.Principal)
	}
	want := []string{"team/app v1 " + d + "  user/AWS", "team/app latest " + d + "  user/AWS", "team/app latest " + other + " " + d + " user/AWS"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pushes (-want +got):\n%s", diff)
	}
	wantPulls := []Pull{{repo("team/app"), d, "v1", "user/AWS"}, {repo("team/app"), d, "", "user/AWS"}}
	if diff := cmp.Diff(wantPulls, pulls); diff != "" {
		t.Errorf("pulls (-want +got):\n%s", diff)
	}
	again, err := f.Image(repo("team/app"), d)
	if err != nil || !again.PushedAt.Equal(i.PushedAt) {
		t.Errorf("a new tag changed when the image was pushed: %v, then %v (%v)", i.PushedAt, again.PushedAt, err)
	}
}

func TestChunkedUpload(t *testing.T) {
	f := start(t, Options{})
	content := random(100)
	d := digest.FromBytes(content).String()
	res, _ := f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	next := func(res *http.Response) string { return res.Header.Get("Location") }
	first := next(res)
	res, _ = f.want(202, "PATCH", first, content[:40], "Content-Range", "0-39")
	if res.Header.Get("Range") != "0-39" {
		t.Errorf("after 40 bytes the range is %q", res.Header.Get("Range"))
	}
	second := next(res)
	f.want(416, "PATCH", first, content[:40])                              // sent twice
	f.want(416, "PATCH", second, content[50:60], "Content-Range", "50-59") // leaves a gap
	f.want(416, "PATCH", second, content[40:60], "Content-Range", "40-45") // says less than it is
	f.want(416, "PATCH", second, content[40:60], "Content-Range", "a-b")   // is none
	res, _ = f.want(204, "GET", second, nil)
	if res.Header.Get("Range") != "0-39" {
		t.Errorf("asked, the range is %q", res.Header.Get("Range"))
	}
	res, _ = f.want(202, "PATCH", next(res), content[40:80], "Content-Range", "40-79")
	last := next(res) + "&digest="
	f.want(400, "PUT", last+"sha256:short", nil)
	f.want(400, "PUT", last, nil)
	f.want(201, "PUT", last+d, content[80:])
	if _, body := f.want(200, "GET", "/v2/app/blobs/"+d, nil); body != string(content) {
		t.Error("the blob came back changed")
	}
	f.want(404, "GET", last, nil)

	// A digest that is not the content's ends the upload and leaves nothing.
	res, _ = f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	f.want(400, "PUT", next(res)+"&digest="+d, []byte("something else"))
	f.want(404, "GET", next(res), nil)
	res, _ = f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	f.want(204, "DELETE", next(res), nil)
	f.want(404, "PATCH", next(res), content)
	f.want(404, "PATCH", "/v2/app/blobs/uploads/..", content)
	f.want(404, "PATCH", "/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000", content)
	if left, err := filepath.Glob(filepath.Join(f.o.Dir, account, region, repositoriesRoot, "app/_uploads/*")); err != nil || len(left) != 0 {
		t.Errorf("uploads left behind: %v, %v", left, err)
	}
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

func TestCredentials(t *testing.T) {
	var asked []string
	f := start(t, Options{Authorize: func(_ context.Context, c Credentials, access []Access) (string, error) {
		for _, a := range access {
			asked = append(asked, a.Action+" "+a.Repository.Name)
			if c.User == "reader" && a.Action == "ecr:InitiateLayerUpload" {
				return "", Denied("User: arn:aws:iam::000000000000:user/reader is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-west-1:000000000000:repository/app because no identity-based policy allows the ecr:InitiateLayerUpload action")
			}
		}
		if c == (Credentials{}) || c.User == "stranger" {
			return "", Unauthorized()
		}
		return c.User, nil
	}})
	f.user = ""
	res := f.refusal(401, "UNAUTHORIZED", "Not Authorized", "GET", "/v2/", nil)
	if got, want := res.Header.Get("Www-Authenticate"), `Basic realm="`+f.url+`/",service="ecr.amazonaws.com"`; got != want {
		t.Errorf("challenge %s, want %s", got, want)
	}
	f.user = "stranger"
	f.refusal(401, "UNAUTHORIZED", "Not Authorized", "GET", "/v2/app/manifests/v1", nil)
	f.user = "reader"
	f.want(200, "GET", "/v2/", nil)
	f.refusal(403, "DENIED", "is not authorized to perform: ecr:InitiateLayerUpload on resource", "POST", "/v2/app/blobs/uploads/", nil)

	f.user = "AWS"
	asked = nil
	manifest := f.image("app", []byte("layer"))
	f.push("app", "v1", manifest)
	f.want(200, "GET", "/v2/app/manifests/v1", nil)
	d := digest.FromBytes([]byte("layer")).String()
	f.want(200, "HEAD", "/v2/app/blobs/"+d, nil)
	f.want(200, "GET", "/v2/app/blobs/"+d, nil)
	up, _ := f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	up, _ = f.want(202, "PATCH", up.Header.Get("Location"), []byte("x"))
	f.want(201, "PUT", up.Header.Get("Location")+"&digest="+digest.FromString("x").String(), nil)
	f.want(200, "GET", "/v2/app/tags/list", nil)
	f.want(202, "DELETE", "/v2/app/manifests/v1", nil)
	want := []string{"ecr:InitiateLayerUpload app", "ecr:InitiateLayerUpload app", "ecr:PutImage app", "ecr:BatchGetImage app", "ecr:BatchCheckLayerAvailability app",
		"ecr:GetDownloadUrlForLayer app", "ecr:InitiateLayerUpload app", "ecr:UploadLayerPart app", "ecr:CompleteLayerUpload app", "ecr:ListImages app", "ecr:BatchDeleteImage app"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	f := start(t, Options{Exists: func(_ context.Context, r Repository) bool { return r.Name != "nowhere" }})
	none := digest.FromString("none")
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{{MediaType: v1.MediaTypeImageManifest, Digest: none, Size: 1}}}
	index.SchemaVersion = 2
	hollow := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: f.blob("app", []byte("{}")), Layers: []v1.Descriptor{{MediaType: v1.MediaTypeImageLayerGzip, Digest: none, Size: 4}}}
	hollow.SchemaVersion = 2
	oci, idx := v1.MediaTypeImageManifest, v1.MediaTypeImageIndex
	tests := []struct {
		why, method, path string
		body              []byte
		contentType       string
		status            int
		code, message     string
	}{
		{"no such repository, push", "POST", "/v2/nowhere/blobs/uploads/", nil, "", 404, "NAME_UNKNOWN", "The repository with name 'nowhere' does not exist in the registry with id '000000000000'"},
		{"no such repository, pull", "GET", "/v2/nowhere/manifests/v1", nil, "", 404, "NAME_UNKNOWN", "The repository with name 'nowhere' does not exist in the registry with id '000000000000'"},
		{"no such tag", "GET", "/v2/app/manifests/v9", nil, "", 404, "MANIFEST_UNKNOWN", "Requested image not found"},
		{"no such digest", "GET", "/v2/app/manifests/" + none.String(), nil, "", 404, "MANIFEST_UNKNOWN", "Requested image not found"},
		{"no such layer", "GET", "/v2/app/blobs/" + none.String(), nil, "", 404, "BLOB_UNKNOWN", none.String()},
		{"no digest", "GET", "/v2/app/blobs/sha256:12", nil, "", 400, "DIGEST_INVALID", "is not a digest"},
		{"another algorithm", "GET", "/v2/app/manifests/" + digest.SHA512.FromString("x").String(), nil, "", 400, "DIGEST_INVALID", "sha512"},
		{"upper case", "GET", "/v2/App/manifests/v1", nil, "", 400, "NAME_INVALID", "'App'"},
		{"a path that climbs", "GET", "/v2/a/%2e%2e/b/manifests/v1", nil, "", 400, "NAME_INVALID", ".."},
		{"a tag with a blank", "PUT", "/v2/app/manifests/v%201", f.image("app", []byte("l")), oci, 400, "TAG_INVALID", "'v 1'"},
		{"missing layers", "PUT", "/v2/app/manifests/v1", marshal(hollow), oci, 400, "MANIFEST_BLOB_UNKNOWN",
			"Layers with digests '[" + none.String() + "]' required for pushing image into repository with name 'app' in the registry with id '000000000000' do not exist"},
		{"missing images", "PUT", "/v2/app/manifests/v1", marshal(index), idx, 400, "MANIFEST_BLOB_UNKNOWN",
			"Images with digests '[" + none.String() + "]' required for pushing image into repository with name 'app' in the registry with id '000000000000' do not exist"},
		{"no JSON", "PUT", "/v2/app/manifests/v1", []byte("{"), oci, 400, "MANIFEST_INVALID", "cannot be read"},
		{"schema 1", "PUT", "/v2/app/manifests/v1", []byte(`{"schemaVersion":1}`), "application/vnd.docker.distribution.manifest.v1+prettyjws", 400, "MANIFEST_INVALID", "schema version 1 is not served"},
		{"a type that is none", "PUT", "/v2/app/manifests/v1", []byte(`{"schemaVersion":2}`), "application/json", 400, "MANIFEST_INVALID", "application/json"},
		{"an index as a manifest", "PUT", "/v2/app/manifests/v1", marshal(index), oci, 400, "MANIFEST_INVALID", "found index"},
		{"under another digest", "PUT", "/v2/app/manifests/" + none.String(), f.image("app", []byte("l")), oci, 400, "DIGEST_INVALID", none.String()},
		{"too large", "PUT", "/v2/app/manifests/v1", bytes.Repeat([]byte(" "), maxManifest+1), oci, 413, "MANIFEST_INVALID", "4 MiB"},
		{"deleting a layer", "DELETE", "/v2/app/blobs/" + none.String(), nil, "", 405, "UNSUPPORTED", ""},
		{"deleting what is not", "DELETE", "/v2/app/manifests/v9", nil, "", 404, "MANIFEST_UNKNOWN", ""},
		{"catalog", "GET", "/v2/_catalog", nil, "", 405, "UNSUPPORTED", "describe-repositories"},
		{"elsewhere", "GET", "/v1/search", nil, "", 404, "UNSUPPORTED", ""},
		{"a word too many", "GET", "/v2/app/manifest/v1", nil, "", 404, "UNSUPPORTED", ""},
		{"a negative page", "GET", "/v2/app/tags/list?n=-1", nil, "", 400, "PAGINATION_NUMBER_INVALID", ""},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			f.t = t
			f.refusal(tt.status, tt.code, tt.message, tt.method, tt.path, tt.body, "Content-Type", tt.contentType)
		})
	}
	if images, err := f.Images(repo("app")); err != nil || len(images) != 0 {
		t.Errorf("after refusals only: %+v, %v", images, err)
	}
}

func TestImmutableTags(t *testing.T) {
	f := start(t, Options{Immutable: func(_ context.Context, r Repository, tag string) bool { return r.Name == "app" && tag != "latest" }})
	first, second := f.image("app", []byte("1")), f.image("app", []byte("2"))
	d := f.push("app", "v1", first)
	f.push("app", "v1", first) // the same again succeeds
	f.refusal(400, "TAG_INVALID", "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the repository is immutable.",
		"PUT", "/v2/app/manifests/v1", second, "Content-Type", v1.MediaTypeImageManifest)
	f.push("app", "latest", first)
	f.push("app", "latest", second)
	if i, err := f.Image(repo("app"), "v1"); err != nil || i.Digest != d {
		t.Errorf("v1 is %s, %v; want %s", i.Digest, err, d)
	}
	// Of many that push a new tag at once, one wins.
	manifests := make([][]byte, 8)
	for i := range manifests {
		manifests[i] = f.image("app", []byte{byte(i)})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for _, m := range manifests {
		wg.Go(func() {
			_, _, err := f.PutManifest(context.Background(), repo("app"), Manifest{Payload: m, Tag: "v2"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, ErrTag) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d of 8 pushed the same immutable tag", won)
	}
}

func TestKindsOfManifests(t *testing.T) {
	f := start(t, Options{})
	layer, config := f.blob("app", random(1000)), f.blob("app", []byte("{}"))
	with := func(d v1.Descriptor, mediaType string) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": d.Digest, "size": d.Size}
	}
	const (
		schema2 = "application/vnd.docker.distribution.manifest.v2+json"
		list    = "application/vnd.docker.distribution.manifest.list.v2+json"
	)
	docker := marshal(map[string]any{"schemaVersion": 2, "mediaType": schema2,
		"config": with(config, "application/vnd.docker.container.image.v1+json"),
		"layers": []any{with(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip"), map[string]any{
			"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": digest.FromString("foreign"), "size": 7, "urls": []string{"https://example.com/l"}}}})
	oci := marshal(map[string]any{"schemaVersion": 2, "config": with(config, v1.MediaTypeImageConfig), "layers": []any{with(layer, v1.MediaTypeImageLayer)}})
	child := func(m []byte, mediaType string) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": digest.FromBytes(m), "size": len(m), "platform": map[string]string{"architecture": "amd64", "os": "linux"}}
	}
	dockerList := marshal(map[string]any{"schemaVersion": 2, "mediaType": list, "manifests": []any{child(docker, schema2)}})
	index := marshal(map[string]any{"schemaVersion": 2, "manifests": []any{child(oci, v1.MediaTypeImageManifest), child(docker, schema2)}})
	tests := []struct {
		tag, mediaType string
		payload        []byte
		size           int64
		children       int
	}{
		{"docker", schema2, docker, 1000 + 2 + 7, 0},
		{"oci", v1.MediaTypeImageManifest, oci, 1000 + 2, 0},
		{"list", list, dockerList, 1000 + 2 + 7, 1},
		{"index", v1.MediaTypeImageIndex, index, 1000 + 2 + 7, 2},
	}
	for _, tt := range tests {
		f.want(201, "PUT", "/v2/app/manifests/"+tt.tag, tt.payload, "Content-Type", tt.mediaType)
		res, body := f.want(200, "GET", "/v2/app/manifests/"+tt.tag, nil)
		if body != string(tt.payload) || res.Header.Get("Content-Type") != tt.mediaType {
			t.Errorf("%s came back as %s %s", tt.tag, res.Header.Get("Content-Type"), body)
		}
		i, err := f.Image(repo("app"), tt.tag)
		if err != nil || i.Size != tt.size || len(i.Manifests) != tt.children || i.MediaType != tt.mediaType {
			t.Errorf("%s: %+v, %v", tt.tag, i, err)
		}
	}
	f.refusal(409, "DENIED", "referenced by the manifest list", "DELETE", "/v2/app/manifests/"+digest.FromBytes(oci).String(), nil)
	// Restarted, it knows the same.
	before, err := f.Images(repo("app"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := start(t, Options{Dir: f.o.Dir}).Images(repo("app"))
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("after a restart (-before +after): %v\n%s", err, diff)
	}
}

func TestReferrers(t *testing.T) {
	f := start(t, Options{})
	subject := f.image("app", []byte("subject"))
	d := f.push("app", "v1", subject)
	empty := f.blob("app", []byte("{}"))
	empty.MediaType = "application/vnd.oci.empty.v1+json"
	for _, artifact := range []string{"example/signature", "example/sbom"} {
		m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, ArtifactType: artifact, Config: empty, Layers: []v1.Descriptor{empty},
			Subject: &v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.Digest(d), Size: int64(len(subject))}}
		m.SchemaVersion = 2
		payload := marshal(m)
		res, _ := f.want(201, "PUT", "/v2/app/manifests/"+digest.FromBytes(payload).String(), payload, "Content-Type", v1.MediaTypeImageManifest)
		if res.Header.Get("Oci-Subject") != d {
			t.Errorf("OCI-Subject %q", res.Header.Get("Oci-Subject"))
		}
	}
	list := func(query string) (found []string, filtered string) {
		res, body := f.want(200, "GET", "/v2/app/referrers/"+d+query, nil)
		var index v1.Index
		if err := json.Unmarshal([]byte(body), &index); err != nil || index.MediaType != v1.MediaTypeImageIndex || index.SchemaVersion != 2 {
			t.Errorf("%s, %v", body, err)
		}
		for _, m := range index.Manifests {
			found = append(found, m.ArtifactType)
		}
		slices.Sort(found)
		return found, res.Header.Get("Oci-Filters-Applied")
	}
	if found, filtered := list(""); !slices.Equal(found, []string{"example/sbom", "example/signature"}) || filtered != "" {
		t.Errorf("%v, filtered by %q", found, filtered)
	}
	if found, filtered := list("?artifactType=example/sbom"); !slices.Equal(found, []string{"example/sbom"}) || filtered != "artifactType" {
		t.Errorf("%v, filtered by %q", found, filtered)
	}
	if _, body := f.want(200, "GET", "/v2/app/referrers/"+digest.FromString("none").String(), nil); !strings.Contains(body, `"manifests":[]`) {
		t.Errorf("referrers of nothing: %s", body)
	}
}

func TestTagLists(t *testing.T) {
	f := start(t, Options{})
	if _, body := f.want(200, "GET", "/v2/app/tags/list", nil); body != `{"name":"app","tags":[]}` {
		t.Errorf("an empty repository: %s", body)
	}
	m := f.image("app", []byte("l"))
	for _, tag := range []string{"c", "a", "b", "d"} {
		f.push("app", tag, m)
	}
	for _, tt := range []struct{ query, want, link string }{
		{"", `{"name":"app","tags":["a","b","c","d"]}`, ""},
		{"?n=2", `{"name":"app","tags":["a","b"]}`, `</v2/app/tags/list?last=b&n=2>; rel="next"`},
		{"?n=2&last=b", `{"name":"app","tags":["c","d"]}`, ""},
		{"?last=bb", `{"name":"app","tags":["c","d"]}`, ""},
		{"?n=0", `{"name":"app","tags":[]}`, ""},
		{"?n=9&last=z", `{"name":"app","tags":[]}`, ""},
	} {
		res, body := f.want(200, "GET", "/v2/app/tags/list"+tt.query, nil)
		if body != tt.want || res.Header.Get("Link") != tt.link {
			t.Errorf("%s: %s, %s", tt.query, body, res.Header.Get("Link"))
		}
	}
}

func TestScopes(t *testing.T) {
	f := start(t, Options{Catalog: true})
	here, there := f.image("app", []byte("here")), f.image("111122223333/us-east-1/app", []byte("there"))
	f.push("app", "v1", here)
	f.push("111122223333/us-east-1/app", "v1", there)
	const host = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	for _, tt := range []struct {
		path, host string
		want       []byte
	}{
		{"app", "", here},
		{account + "/" + region + "/app", "", here},
		{"111122223333/us-east-1/app", "", there},
		{"app", host, there},
		{"app", account + ".dkr.ecr." + region + ".amazonaws.com:443", here},
		{"app", "111122223333.dkr-ecr.us-east-1.on.aws", there},
	} {
		header := []string{}
		if tt.host != "" {
			header = []string{"Host", tt.host}
		}
		if _, body := f.want(200, "GET", "/v2/"+tt.path+"/manifests/v1", nil, header...); body != string(tt.want) {
			t.Errorf("%s at %q is another's image", tt.path, tt.host)
		}
	}
	for _, r := range []struct {
		id   Repository
		want string
	}{
		{repo("app"), "h:1/app"},
		{Repository{"111122223333", "us-east-1", "app"}, "h:1/111122223333/us-east-1/app"},
		{repo("111122223333/us-east-1/app"), "h:1/000000000000/eu-west-1/111122223333/us-east-1/app"},
	} {
		uri := f.URI("h:1", r.id)
		if uri != r.want {
			t.Errorf("URI of %s is %s, want %s", r.id, uri, r.want)
		}
		_, name, _ := strings.Cut(uri, "/")
		if got := f.identify("h:1", name); got != r.id {
			t.Errorf("%s leads to %s, not to %s", uri, got, r.id)
		}
	}
	if _, body := f.want(200, "GET", "/v2/_catalog", nil, "Host", host); body != `{"repositories":["app"]}` {
		t.Errorf("catalog: %s", body)
	}
	f.want(202, "POST", "/v2/app/blobs/uploads/?mount="+digest.FromString("there").String()+"&from=111122223333/us-east-1/app", nil) // never across scopes
}

func TestMounts(t *testing.T) {
	f := start(t, Options{Authorize: func(_ context.Context, c Credentials, access []Access) (string, error) {
		for _, a := range access {
			if a.Repository.Name == "secret" && c.User != "root" {
				return "", Denied("no")
			}
		}
		return c.User, nil
	}})
	f.user = "root"
	content := []byte("shared")
	d := f.blob("open", content).Digest.String()
	hidden := f.blob("secret", []byte("hidden")).Digest.String()
	f.user = "AWS"
	f.want(404, "HEAD", "/v2/app/blobs/"+d, nil)
	f.want(201, "POST", "/v2/app/blobs/uploads/?mount="+d+"&from=open", nil)
	if _, body := f.want(200, "GET", "/v2/app/blobs/"+d, nil); body != string(content) {
		t.Error("the mounted blob is another")
	}
	for _, query := range []string{"mount=" + hidden + "&from=secret", "mount=" + hidden + "&from=open", "mount=" + d, "mount=" + d + "&from=NONE"} {
		f.want(202, "POST", "/v2/app/blobs/uploads/?"+query, nil)
		f.want(404, "HEAD", "/v2/app/blobs/"+hidden, nil)
	}
}

func TestDeletions(t *testing.T) {
	var deleted []Deletion
	f := start(t, Options{OnDelete: func(d Deletion) { deleted = append(deleted, d) }})
	m := f.image("app", []byte("l"))
	d := f.push("app", "a", m)
	f.push("app", "b", m)
	f.push("app", "c", m)
	ctx := t.Context()
	if err := f.Untag(ctx, repo("app"), "a", "me"); err != nil {
		t.Fatal(err)
	}
	if err := f.Untag(ctx, repo("app"), "a", "me"); !errors.Is(err, ErrManifestUnknown) {
		t.Errorf("removing a tag twice: %v", err)
	}
	f.want(404, "GET", "/v2/app/manifests/a", nil)
	if err := f.DeleteManifest(ctx, repo("app"), "b", "me"); !errors.Is(err, ErrManifestUnknown) {
		t.Errorf("deleting a manifest by tag: %v", err)
	}
	if err := f.DeleteManifest(ctx, repo("app"), d, "me"); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"b", "c", d} {
		f.want(404, "GET", "/v2/app/manifests/"+ref, nil)
	}
	want := []Deletion{{repo("app"), d, "a", "me"}, {repo("app"), d, "", "me"}}
	if diff := cmp.Diff(want, deleted); diff != "" {
		t.Errorf("deletions (-want +got):\n%s", diff)
	}
	// Pushed again, it is there again: also for a process that only has the files.
	f.push("app", "b", m)
	again := start(t, Options{Dir: f.o.Dir})
	if i, err := again.Image(repo("app"), d); err != nil || !slices.Equal(i.Tags, []string{"b"}) {
		t.Errorf("%+v, %v", i, err)
	}

	f.push("app/below", "v1", f.image("app/below", []byte("l")))
	if err := f.DeleteRepository(ctx, repo("app")); err != nil {
		t.Fatal(err)
	}
	if images, err := f.Images(repo("app")); err != nil || len(images) != 0 {
		t.Errorf("%+v, %v", images, err)
	}
	f.want(404, "HEAD", "/v2/app/blobs/"+digest.FromString("l").String(), nil)
	f.want(200, "GET", "/v2/app/below/manifests/v1", nil)
	if names, err := f.Repositories(account, region); err != nil || !slices.Equal(names, []string{"app/below"}) {
		t.Errorf("%v, %v", names, err)
	}
	if err := f.DeleteRepository(ctx, repo("never")); err != nil {
		t.Errorf("deleting a repository that nothing was pushed to: %v", err)
	}
}

func TestDoorsOfTheAPI(t *testing.T) {
	now := time.Now()
	f := start(t, Options{Now: func() time.Time { return now }, Authorize: func(_ context.Context, c Credentials, _ []Access) (string, error) {
		if c.User == "" {
			return "", Unauthorized()
		}
		return c.User, nil
	}})
	ctx := t.Context()
	id, err := f.StartUpload(ctx, repo("app"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Upload(ctx, repo("app"), id, 0, strings.NewReader("first ")); err != nil || n != 6 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := f.Upload(ctx, repo("app"), id, 4, strings.NewReader("x")); !errors.Is(err, ErrRange) {
		t.Errorf("a part out of order: %v", err)
	}
	if _, err := f.Upload(ctx, repo("other"), id, 6, strings.NewReader("x")); !errors.Is(err, ErrUploadUnknown) {
		t.Errorf("another repository's upload: %v", err)
	}
	d := digest.FromString("first second").String()
	if n, err := f.FinishUpload(ctx, repo("app"), id, d, 6, strings.NewReader("second")); err != nil || n != 12 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := f.Layer(repo("app"), d); err != nil || n != 12 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := f.Layer(repo("other"), d); !errors.Is(err, ErrBlobUnknown) {
		t.Errorf("another repository's layer: %v", err)
	}
	f.user = ""
	url := f.LayerURL(repo("app"), d, time.Hour)
	if _, body := f.want(200, "GET", url, nil); body != "first second" {
		t.Errorf("by its address: %s", body)
	}
	f.want(401, "GET", strings.Replace(url, "signature=", "signature=x", 1), nil)
	f.want(401, "GET", strings.Replace(url, "/app/", "/other/", 1), nil)
	f.want(401, "DELETE", url, nil)
	now = now.Add(2 * time.Hour)
	f.want(401, "GET", url, nil)

	f.user = "AWS"
	m := f.image("app", []byte("l"))
	i, changed, err := f.PutManifest(ctx, repo("app"), Manifest{Payload: m, Tag: "v1"})
	if err != nil || !changed || i.MediaType != v1.MediaTypeImageManifest {
		t.Errorf("%+v, %v, %v", i, changed, err)
	}
	if _, changed, err = f.PutManifest(ctx, repo("app"), Manifest{Payload: m, Tag: "v1"}); err != nil || changed {
		t.Errorf("the same again: %v, %v", changed, err)
	}
	if payload, mediaType, got, err := f.Manifest(repo("app"), "v1"); err != nil || !bytes.Equal(payload, m) || mediaType != v1.MediaTypeImageManifest || got != i.Digest {
		t.Errorf("%s %s %s %v", payload, mediaType, got, err)
	}
	for _, id := range []Repository{repo("../x"), repo(""), repo("UP"), repo(strings.Repeat("a", 256)), {"1", region, "a"}, {account, "../..", "a"}} {
		if _, err := f.Images(id); !errors.Is(err, ErrName) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestConcurrentPushes has many clients push images of the same layers.
func TestConcurrentPushes(t *testing.T) {
	f := start(t, Options{})
	layers := [][]byte{random(200_000), random(300_000), random(10)}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			name := fmt.Sprintf("app-%d", i%3)
			m := f.image(name, layers...)
			f.push(name, fmt.Sprintf("v%d", i), m)
			if _, body := f.want(200, "GET", "/v2/"+name+"/blobs/"+digest.FromBytes(layers[1]).String(), nil); body != string(layers[1]) {
				t.Error("a layer came back changed")
			}
		})
	}
	wg.Wait()
	for i := range 3 {
		tags, err := f.Tags(repo(fmt.Sprintf("app-%d", i)))
		if err != nil || len(tags) != 4 {
			t.Errorf("%v, %v", tags, err)
		}
	}
	// One copy of each blob: three layers, one configuration, one manifest.
	blobs, err := filepath.Glob(filepath.Join(f.o.Dir, account, region, blobsRoot, "sha256/*/*/data"))
	if err != nil || len(blobs) != 5 {
		t.Errorf("%d blobs on the disk, want 5; %v", len(blobs), err)
	}
}

// TestLayout holds our knowledge of distribution's files to what it writes.
func TestLayout(t *testing.T) {
	f := start(t, Options{})
	m := f.image("team/app", []byte("layer"))
	d := digest.Digest(f.push("team/app", "v1", m))
	r, err := f.repository(repo("team/app"))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		r.scope.blobFile(d):                                         string(m),
		r.layerLink(digest.FromString("layer")):                     digest.FromString("layer").String(),
		filepath.Join(r.revisions(), "sha256", d.Encoded(), "link"): d.String(),
		filepath.Join(r.scope.driver.root, r.linkPath(d)):           d.String(),
		filepath.Join(r.tagsDir(), "v1", "current", "link"):         d.String(),
	} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", file, got, err, want)
		}
	}
}

func TestSpoiltFilesAreLeftOut(t *testing.T) {
	f := start(t, Options{})
	good, bad := f.image("app", []byte("good")), f.image("app", []byte("bad"))
	gd, bd := f.push("app", "good", good), f.push("app", "bad", bad)
	r, err := f.repository(repo("app"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.scope.blobFile(digest.Digest(bd)), good, 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, Options{Dir: f.o.Dir})
	images, err := again.Images(repo("app"))
	if err != nil || len(images) != 1 || images[0].Digest != gd {
		t.Errorf("%+v, %v", images, err)
	}
	again.want(404, "GET", "/v2/app/manifests/bad", nil)
	again.push("app", "bad", bad)
	if _, body := again.want(200, "GET", "/v2/app/manifests/bad", nil); body != string(bad) {
		t.Errorf("pushed again: %s", body)
	}
}

func TestReset(t *testing.T) {
	f := start(t, Options{Dir: filepath.Join(t.TempDir(), "registry")})
	if err := f.Reset(); err != nil {
		t.Errorf("with nothing to remove: %v", err)
	}
	m := f.image("app", []byte("l"))
	f.push("app", "v1", m)
	f.push("111122223333/us-east-1/app", "v1", f.image("111122223333/us-east-1/app", []byte("l")))
	if err := f.Reset(); err != nil {
		t.Fatal(err)
	}
	f.want(404, "GET", "/v2/app/manifests/v1", nil)
	f.want(404, "GET", "/v2/111122223333/us-east-1/app/manifests/v1", nil)
	f.push("app", "v1", f.image("app", []byte("l")))
	f.emptyTrash() // waits for the one in the background
	if left, err := filepath.Glob(f.o.Dir + "*"); err != nil || !slices.Equal(left, []string{f.o.Dir}) {
		t.Errorf("beside the registry's folder lie %v, %v", left, err)
	}
}
