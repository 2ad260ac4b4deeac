package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

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
