package registry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
)

const layerSize = 8 << 20

func BenchmarkPushLayer(b *testing.B) {
	f := start(b, Options{})
	content := random(layerSize)
	b.SetBytes(layerSize)
	for i := 0; b.Loop(); i++ {
		copy(content, fmt.Sprint(i)) // another blob each time
		f.blob("app", content)
	}
}

func BenchmarkPullLayer(b *testing.B) {
	f := start(b, Options{})
	d := f.blob("app", random(layerSize)).Digest
	b.SetBytes(layerSize)
	for b.Loop() {
		res, err := http.Get(f.url + "/v2/app/blobs/" + d.String())
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, res.Body); n != layerSize || err != nil {
			b.Fatal(n, err)
		}
		res.Body.Close()
	}
}

// BenchmarkPushImage is what a deploy adds when nothing but a small layer is
// new: a layer, a configuration, a manifest, a tag, all on the disk.
func BenchmarkPushImage(b *testing.B) {
	f := start(b, Options{})
	for i := 0; b.Loop(); i++ {
		f.push("app", fmt.Sprintf("v%d", i), f.image("app", fmt.Append(nil, "layer ", i)))
	}
}

func benchmarkImages(b *testing.B, restart bool) {
	f := start(b, Options{})
	layer := f.blob("app", []byte("l"))
	for i := range 1000 {
		m := marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": layer, "layers": []any{layer},
			"annotations": map[string]string{"n": fmt.Sprint(i)}})
		if _, _, err := f.PutManifest(b.Context(), repo("app"), Manifest{Payload: m, Tag: fmt.Sprintf("v%d", i)}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		g := f.Registry
		if restart {
			g, _ = New(f.o)
		}
		if images, err := g.Images(repo("app")); err != nil || len(images) != 1000 {
			b.Fatal(len(images), err)
		}
	}
}

func BenchmarkImages1000(b *testing.B)             { benchmarkImages(b, false) }
func BenchmarkImages1000AfterRestart(b *testing.B) { benchmarkImages(b, true) }

func BenchmarkCollect1000Blobs(b *testing.B) {
	f := start(b, Options{})
	for i := range 1000 {
		f.blob("app", fmt.Append(nil, i))
	}
	for b.Loop() {
		f.collect()
	}
}

// BenchmarkDigest is the bound of a push: hashing the layer.
func BenchmarkDigest(b *testing.B) {
	content := random(layerSize)
	b.SetBytes(layerSize)
	for b.Loop() {
		if _, err := digest.FromReader(bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}
