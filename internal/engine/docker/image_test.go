package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// registry serves one image to those who know the password: what a daemon asks
// of a registry when it pulls.
type registryFake struct {
	*httptest.Server
	digest string // of the manifest
	blobs  map[string][]byte
	pulls  atomic.Int32
	hold   chan struct{} // manifests wait for it, if not nil
}

func newRegistry(t *testing.T) *registryFake {
	t.Helper()
	binary, err := buildProbe()
	if err != nil {
		t.Fatal(err)
	}
	var plain, packed bytes.Buffer
	w := tar.NewWriter(&plain)
	w.WriteHeader(&tar.Header{Name: "probe", Mode: 0o755, Size: int64(len(binary))})
	w.Write(binary)
	w.Close()
	z := gzip.NewWriter(&packed)
	z.Write(plain.Bytes())
	z.Close()
	f := &registryFake{blobs: map[string][]byte{}}
	layer := f.add(packed.Bytes())
	config := f.add(jsonOf(t, map[string]any{
		"os": "linux", "architecture": runtime.GOARCH, "config": map[string]any{"Entrypoint": []string{"/probe"}, "Labels": map[string]string{"run": testRun}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(plain.Bytes())}},
	}))
	f.digest = f.add(jsonOf(t, map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": map[string]any{"mediaType": "application/vnd.docker.container.image.v1+json", "digest": config, "size": len(f.blobs[config])},
		"layers": []any{map[string]any{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": layer, "size": packed.Len()}},
	}))
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

func (f *registryFake) add(blob []byte) (digest string) {
	digest = digestOf(blob)
	f.blobs[digest] = blob
	return digest
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func jsonOf(t *testing.T, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (f *registryFake) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if user, password, _ := req.BasicAuth(); user != "AWS" || password != "secret" {
		w.Header().Set("Www-Authenticate", `Basic realm="test"`)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
		return
	}
	last := req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]
	switch {
	case strings.Contains(req.URL.Path, "/manifests/"):
		if last == "none" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image not found"}]}`)
			return
		}
		if f.hold != nil {
			select {
			case <-f.hold:
			case <-req.Context().Done():
			}
		}
		if req.Method == http.MethodGet {
			f.pulls.Add(1)
		}
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", f.digest)
		w.Write(f.blobs[f.digest])
	case f.blobs[last] != nil:
		w.Write(f.blobs[last])
	}
}

func (f *registryFake) host() string { return strings.TrimPrefix(f.URL, "http://") }

// from makes a Runtime pull an account's images from the fake registry.
func (f *registryFake) from(password string) func(*Options) {
	return func(o *Options) {
		o.Pull = PullDefault
		o.Registry = func(_ context.Context, _ Identity, image string) (Source, error) {
			name, ours := strings.CutPrefix(image, "000000000000.dkr.ecr.eu-west-1.amazonaws.com/")
			if !ours {
				return Source{Ref: image}, nil
			}
			if strings.HasPrefix(name, "role/") {
				return Source{}, errors.New("the role may not")
			}
			return Source{Ref: f.host() + "/" + name, Username: "AWS", Password: password}, nil
		}
	}
}

const ecr = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/"

func TestPullWithCredentials(t *testing.T) {
	f := newRegistry(t)
	r := open(t, f.from("secret"))
	job := task(withImage(run("web", "print=hello"), ecr+"web:1"))
	t.Cleanup(func() {
		if err := r.RemoveImage(context.Background(), f.host()+"/web:1"); err != nil {
			t.Error(err)
		}
	})
	start(t, r, job)
	c := until(t, r, job, "web", over)
	if got := output(t, r, c.ID); len(got) != 1 || got[0] != "hello" {
		t.Errorf("it wrote %q", got)
	}
	if c.Image != ecr+"web:1" || c.ImageDigest != f.digest || !strings.HasPrefix(c.ImageID, "sha256:") {
		t.Errorf("image %s, digest %s, id %s", c.Image, c.ImageDigest, c.ImageID)
	}
	if c.PullStartedAt.IsZero() || c.PullStoppedAt.Before(c.PullStartedAt) {
		t.Errorf("pulled from %v to %v", c.PullStartedAt, c.PullStoppedAt)
	}
	t.Run("by digest, again, without asking", func(t *testing.T) {
		pulls := f.pulls.Load()
		job := task(withImage(run("web", "exit=0"), ecr+"web@"+f.digest))
		start(t, r, job)
		c := until(t, r, job, "web", over)
		if c.ImageDigest != f.digest || f.pulls.Load() != pulls {
			t.Errorf("digest %s, asked %d times", c.ImageDigest, f.pulls.Load()-pulls)
		}
		if err := r.Remove(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the registry gone, the image here", func(t *testing.T) {
		f.CloseClientConnections()
		f.Server.Listener.Close()
		job := task(withImage(run("web", "exit=0"), ecr+"web:1"))
		start(t, r, job)
		until(t, r, job, "web", over)
		if err := r.Remove(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
		r.opt.Pull = PullAlways
		if err := r.Start(t.Context(), task(withImage(run("web"), ecr+"web:1"))); err == nil || !strings.HasPrefix(err.Error(), "CannotPullContainerError") {
			t.Errorf("where images must be pulled: %v", err)
		}
	})
	if err := r.Remove(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
}

func TestPullThatFailsIsExplained(t *testing.T) {
	f := newRegistry(t)
	tests := map[string]struct {
		image, password, want string
	}{
		"no such tag":         {"web:none", "secret", "CannotPullContainerError: Error response from daemon: "},
		"wrong password":      {"web:1", "wrong", "CannotPullContainerError: Error response from daemon: "},
		"not told where from": {"role/web:1", "secret", "CannotPullContainerError: the role may not"},
		"no reference":        {"UPPER:1", "secret", "CannotPullContainerError: invalid reference format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := open(t, f.from(tt.password))
			job := task(withImage(run("web"), ecr+tt.image))
			err := r.Start(t.Context(), job)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), tt.password) {
				t.Errorf("got %v, want %s…", err, tt.want)
			}
			t.Log(err)
			if _, err := r.cli.ImageInspect(t.Context(), f.host()+"/"+tt.image); err == nil {
				t.Error("the image is here")
			}
		})
	}
}

func TestAdviceOfTheAgent(t *testing.T) {
	for daemon, want := range map[string]string{
		"pull access denied for r, repository does not exist or may require 'docker login': denied: User: u is not authorized to perform: ecr:BatchGetImage on resource: r": advicePermission + " ",
		"pull access denied for r: denied: requested access to the resource is denied":                                                                                      adviceExistence + " ",
		"Get r: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)":                                                   adviceNetwork + " ",
		"manifest for r not found: manifest unknown: Requested image not found":                                                                                             "",
	} {
		if got := pullCause(errors.New(daemon)).Error(); got != want+daemon {
			t.Errorf("got %s", got)
		}
	}
}

func TestStopEndsAPull(t *testing.T) {
	f := newRegistry(t)
	f.hold = make(chan struct{})
	defer close(f.hold)
	r := open(t, f.from("secret"))
	job := task(withImage(run("web"), ecr+"web:1"))
	done := make(chan error, 1)
	go func() { done <- r.Start(context.WithoutCancel(t.Context()), job) }()
	until(t, r, job, "web", func(c *ContainerStatus) bool { return c.Phase == Pulling })
	stop(t, r, job)
	if err := <-done; err != ErrStopping {
		t.Errorf("Start returned %v", err)
	}
	if c := now(t, r, job, "web"); c.Phase != Stopped || c.Reason != "" {
		t.Errorf("it is %+v", c)
	}
}

func TestEqualPullsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var ran atomic.Int32
		hold := make(chan struct{})
		step := func(ctx context.Context) error {
			ran.Add(1)
			select {
			case <-hold:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		impatient, leave := context.WithCancel(t.Context())
		go func() {
			if err := f.do(impatient, "k", step); err != context.Canceled {
				t.Errorf("the one that left got %v", err)
			}
		}()
		synctest.Wait()
		for range 4 {
			go func() {
				if err := f.do(t.Context(), "k", step); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		leave() // the first, whose pull it was
		synctest.Wait()
		if n := f.waiting("k"); n != 4 {
			t.Errorf("%d wait", n)
		}
		close(hold)
		synctest.Wait()
		if ran.Load() != 1 || f.waiting("k") != 0 {
			t.Errorf("it ran %d times, %d wait", ran.Load(), f.waiting("k"))
		}
	})
}

func TestPullThatNobodyWaitsForEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		ctx, leave := context.WithCancel(t.Context())
		ended := false
		go f.do(ctx, "k", func(ctx context.Context) error {
			<-ctx.Done()
			ended = true
			return ctx.Err()
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		if !ended || f.waiting("k") != 0 {
			t.Errorf("ended %v, %d wait", ended, f.waiting("k"))
		}
	})
}

func (f *flights) waiting(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.flying[key]; fl != nil {
		return fl.waiting
	}
	return 0
}

func TestUsedImageIsLeftAlone(t *testing.T) {
	r := open(t)
	ref := probeImage + "-used"
	if err := buildImage(ref, "ENV A=1"); err != nil {
		t.Fatal(err)
	}
	job := task(withImage(run("web", "wait"), ref))
	start(t, r, job)
	if err := r.RemoveImage(t.Context(), ref); err != nil {
		t.Error(err)
	}
	if _, err := r.cli.ImageInspect(t.Context(), ref); err != nil {
		t.Error("a used image is gone:", err)
	}
	if err := r.RemoveImage(t.Context(), "none/such:1"); err != nil {
		t.Error(err)
	}
}
