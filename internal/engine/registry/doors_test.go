package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
