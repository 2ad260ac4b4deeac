package registry

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// used is the bytes of all files below the registry's folder.
func (f *fixture) used() int64 {
	f.t.Helper()
	var n int64
	err := filepath.WalkDir(f.o.Dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// age makes all files two hours older.
func (f *fixture) age() {
	f.t.Helper()
	err := filepath.WalkDir(f.o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		then := info.ModTime().Add(-2 * time.Hour)
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) collect() Freed {
	f.t.Helper()
	freed, err := f.Collect(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return freed
}

func TestCollectGivesSpaceBack(t *testing.T) {
	f := start(t, Options{})
	ctx := t.Context()
	shared, own := random(1_000_000), random(3_000_000)
	first := f.image("app", shared, own)
	d := f.push("app", "v1", first)
	second := f.image("app", shared)
	f.push("app", "v2", second)
	f.push("other", "v1", f.image("other", shared))
	full := f.used()

	f.age()
	if freed := f.collect(); freed != (Freed{}) {
		t.Errorf("with everything in use, %+v was freed", freed)
	}
	if err := f.DeleteManifest(ctx, repo("app"), d, ""); err != nil {
		t.Fatal(err)
	}
	freed := f.collect()
	if freed.Blobs != 3 || freed.Bytes < 3_000_000 || freed.Bytes > 3_010_000 { // the layer, its configuration and manifest
		t.Errorf("freed %+v", freed)
	}
	if given := full - f.used(); given < 3_000_000 {
		t.Errorf("the disk got %d bytes back", given)
	}
	f.want(404, "HEAD", "/v2/app/blobs/"+digest.FromBytes(own).String(), nil)
	for _, path := range []string{"app/manifests/v2", "other/manifests/v1", "app/blobs/" + digest.FromBytes(shared).String()} {
		f.want(200, "GET", "/v2/"+path, nil)
	}
	// app needs the shared layer no more, the other one still does.
	if err := f.DeleteManifest(ctx, repo("app"), digest.FromBytes(second).String(), ""); err != nil {
		t.Fatal(err)
	}
	f.age()
	f.collect()
	f.want(404, "HEAD", "/v2/app/blobs/"+digest.FromBytes(shared).String(), nil)
	f.want(200, "HEAD", "/v2/other/blobs/"+digest.FromBytes(shared).String(), nil)
	if err := f.DeleteRepository(ctx, repo("other")); err != nil {
		t.Fatal(err)
	}
	f.age()
	f.collect()
	if left := f.used(); left != 0 {
		t.Errorf("with everything deleted %d bytes are left", left)
	}
	// All of it can be pushed again.
	f.push("app", "v1", f.image("app", shared, own))
	f.want(200, "GET", "/v2/app/blobs/"+digest.FromBytes(own).String(), nil)
}

func TestCollectKeepsWhatClientsRelyOn(t *testing.T) {
	f := start(t, Options{})
	blob := func(name string) string { return f.blob("app", []byte(name)).Digest.String() }
	path := func(d string) string { return "/v2/app/blobs/" + d }
	forgotten, asked, checked, uploaded := blob("forgotten"), blob("asked"), blob("checked"), blob("uploaded")
	mounted := f.blob("source", []byte("mounted")).Digest.String()
	f.want(201, "POST", "/v2/app/blobs/uploads/?mount="+mounted+"&from=source", nil)
	f.age()
	// Each of these tells a client that the blob is there.
	f.want(200, "HEAD", path(asked), nil)
	if _, err := f.Layer(repo("app"), checked); err != nil {
		t.Fatal(err)
	}
	f.want(201, "POST", "/v2/app/blobs/uploads/?digest="+uploaded, []byte("uploaded"))
	f.want(201, "POST", "/v2/app/blobs/uploads/?mount="+mounted+"&from=source", nil)
	f.collect()
	for d, status := range map[string]int{forgotten: 404, asked: 200, checked: 200, uploaded: 200, mounted: 200} {
		f.want(status, "HEAD", path(d), nil)
	}
}

func TestCollectWaitsForUploadsInProgress(t *testing.T) {
	f := start(t, Options{})
	d := f.blob("app", []byte("asked for at the beginning of a long push")).Digest.String()
	res, _ := f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	s, err := f.scope(account, region)
	if err != nil {
		t.Fatal(err)
	}
	// The push began three hours ago, and a part came just now.
	for _, u := range s.uploads {
		u.started = u.started.Add(-3 * time.Hour)
	}
	f.age()
	f.collect()
	f.want(200, "HEAD", "/v2/app/blobs/"+d, nil)
	f.want(204, "DELETE", res.Header.Get("Location"), nil)
	f.age()
	f.collect()
	f.want(404, "HEAD", "/v2/app/blobs/"+d, nil)
}

func TestCollectDropsStaleUploads(t *testing.T) {
	f := start(t, Options{})
	res, _ := f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	stale, _ := f.want(202, "PATCH", res.Header.Get("Location"), random(1000))
	for range 13 {
		f.age()
	}
	res, _ = f.want(202, "POST", "/v2/app/blobs/uploads/", nil)
	if freed := f.collect(); freed.Uploads != 1 {
		t.Errorf("%+v, want one upload", freed)
	}
	f.want(404, "GET", stale.Header.Get("Location"), nil)
	f.want(204, "GET", res.Header.Get("Location"), nil)
}

// TestCollectWhilePushing pushes, deletes and collects at once, with no grace at
// all for what nobody has asked for since the collection began. Every image that
// a client was told is stored must be whole.
func TestCollectWhilePushing(t *testing.T) {
	f := start(t, Options{Grace: time.Nanosecond})
	layers := make([][]byte, 6)
	for i := range layers {
		layers[i] = random(5000 + i)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var collecting, pushing sync.WaitGroup
	rounds := 0
	// A collection for every blob or so: one after the other without end would
	// leave no image whole where there is one processor.
	turn := make(chan struct{}, 1)
	collecting.Go(func() {
		for ; ctx.Err() == nil; rounds++ {
			f.collect()
			select {
			case <-turn:
			case <-ctx.Done():
			}
		}
	})
	for w := range 4 {
		pushing.Go(func() {
			name := []string{"a", "b"}[w%2]
			for range 40 {
				m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: f.blob(name, []byte("{}"))}
				m.SchemaVersion = 2
				for _, i := range rand.Perm(len(layers))[:3] {
					m.Layers = append(m.Layers, f.blob(name, layers[i]))
				}
				select {
				case turn <- struct{}{}:
				default:
				}
				payload := marshal(m)
				i, _, err := f.PutManifest(ctx, repo(name), Manifest{Payload: payload})
				if errors.Is(err, ErrManifestBlobUnknown) {
					continue // without grace this may happen, and is told; with it, it does not
				}
				if err != nil {
					t.Error(err)
					return
				}
				f.whole(name, i.Digest)
				if rand.IntN(2) == 0 {
					err := f.DeleteManifest(ctx, repo(name), i.Digest, "")
					if err != nil && !errors.Is(err, ErrManifestUnknown) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	pushing.Wait()
	cancel()
	collecting.Wait()
	stored := 0
	for _, name := range []string{"a", "b"} {
		images, err := f.Images(repo(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range images {
			stored++
			f.whole(name, i.Digest)
		}
	}
	if rounds == 0 || stored == 0 {
		t.Errorf("%d collections, %d images: nothing was tested", rounds, stored)
	}
}

// whole checks that an image that is listed has all of its blobs.
func (f *fixture) whole(name, d string) {
	f.t.Helper()
	r, err := f.repository(repo(name))
	if err != nil {
		f.t.Error(err)
		return
	}
	r.change.Lock() // nobody deletes it meanwhile
	defer r.change.Unlock()
	_, i, err := r.resolve(d)
	if err != nil {
		return // deleted by another
	}
	for _, b := range append(i.blobs(), digest.Digest(d)) {
		if _, err := os.Stat(r.scope.blobFile(b)); err != nil {
			f.t.Errorf("%s@%s lacks a blob: %v", name, d, err)
		}
	}
}

func TestCollectLeavesOthersFilesAlone(t *testing.T) {
	f := start(t, Options{})
	f.push("app", "v1", f.image("app", []byte("l")))
	foreign := filepath.Join(f.o.Dir, "lost+found", "x", "data")
	if err := os.MkdirAll(filepath.Dir(foreign), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.age()
	f.collect()
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	if freed := f.collect(); strings.Contains(foreign, "docker") || freed.Blobs != 0 {
		t.Errorf("%+v", freed)
	}
}
