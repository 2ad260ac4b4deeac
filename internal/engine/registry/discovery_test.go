package registry

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

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
