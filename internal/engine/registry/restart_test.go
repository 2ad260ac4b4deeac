package registry

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestMain lets the test's binary be a registry of its own, to be killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("REGISTRY_TEST_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	g, err := New(Options{Dir: dir, Account: account, Region: region})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	http.Serve(l, g)
}

// process runs a registry that can be killed.
func process(t *testing.T, dir string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REGISTRY_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() { once.Do(func() { cmd.Process.Kill(); cmd.Wait() }) }
	t.Cleanup(kill)
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(addr), kill
}

// TestKill kills the registry in the middle of many pushes, again and again.
// Whatever was answered with success must be there, whole; what was cut off can
// be pushed again.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	type stored struct {
		name, tag string
		manifest  []byte
		layer     []byte
	}
	var mu sync.Mutex
	var acknowledged []stored
	for round := range 4 {
		url, kill := process(t, dir)
		enough := make(chan struct{}, 1000)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for n := 0; ; n++ {
					s := stored{name: fmt.Sprintf("app-%d", w), tag: fmt.Sprintf("r%d-%d", round, n), layer: pseudorandom(100_000, round, w, n)}
					manifest, ok := pushTo(url, s.name, s.tag, s.layer)
					if !ok {
						return // killed
					}
					s.manifest = manifest
					mu.Lock()
					acknowledged = append(acknowledged, s)
					mu.Unlock()
					enough <- struct{}{}
				}
			})
		}
		for range 20 {
			<-enough
		}
		kill()
		wg.Wait()
	}
	f := start(t, Options{Dir: dir})
	for _, s := range acknowledged {
		if _, body := f.want(200, "GET", "/v2/"+s.name+"/manifests/"+s.tag, nil); body != string(s.manifest) {
			t.Errorf("%s:%s is not what was pushed", s.name, s.tag)
		}
		if _, body := f.want(200, "GET", "/v2/"+s.name+"/blobs/"+digest.FromBytes(s.layer).String(), nil); body != string(s.layer) {
			t.Errorf("%s:%s has another layer", s.name, s.tag)
		}
	}
	for w := range 4 {
		images, err := f.Images(repo(fmt.Sprintf("app-%d", w)))
		if err != nil || len(images) == 0 {
			t.Errorf("%d images, %v", len(images), err)
		}
		for _, i := range images {
			f.whole(fmt.Sprintf("app-%d", w), i.Digest)
		}
	}
	f.push("app-0", "after", f.image("app-0", random(100)))
	t.Logf("%d pushes acknowledged around 4 kills", len(acknowledged))
}

// pseudorandom is content that is different for every push.
func pseudorandom(n int, seed ...int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, seed))
	out := make([]byte, n)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(sum[:], binary.LittleEndian.Uint64(sum[:])*6364136223846793005+1442695040888963407)
		copy(out[i:], sum[:8])
	}
	return out
}

// pushTo pushes an image of one layer; false when the registry does not answer
// with success.
func pushTo(url, name, tag string, layer []byte) ([]byte, bool) {
	send := func(method, path, contentType string, body []byte) bool {
		req, err := http.NewRequest(method, url+"/v2/"+name+path, strings.NewReader(string(body)))
		if err != nil {
			return false
		}
		req.Header.Set("Content-Type", contentType)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusCreated
	}
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest}
	m.SchemaVersion = 2
	for _, b := range [][]byte{layer, []byte(`{"architecture":"amd64","os":"linux"}`)} {
		d := digest.FromBytes(b)
		m.Config = v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: d, Size: int64(len(b))}
		if m.Layers == nil {
			m.Layers = []v1.Descriptor{{MediaType: v1.MediaTypeImageLayerGzip, Digest: d, Size: int64(len(b))}}
		}
		if !send("POST", "/blobs/uploads/?digest="+d.String(), "application/octet-stream", b) {
			return nil, false
		}
	}
	payload := marshal(m)
	return payload, send("PUT", "/manifests/"+tag, v1.MediaTypeImageManifest, payload)
}
