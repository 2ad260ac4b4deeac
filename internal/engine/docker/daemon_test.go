package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The images of the tests, built once per run and removed at its end.
var (
	testRun    = strings.ToLower(rand.Text()[:10])
	probeImage = "slipway-test/probe:" + testRun
	testLabel  = "dev.slipway.test=" + testRun
	testImages []string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if cli, _, err := connect(context.Background(), "", os.Getenv); err == nil {
		for _, ref := range slices.Backward(testImages) {
			_, err := cli.ImageRemove(context.Background(), ref, client.ImageRemoveOptions{Force: true, PruneChildren: true})
			if err != nil {
				fmt.Fprintln(os.Stderr, "removing a test image:", err)
			}
		}
		cli.Close()
	}
	os.Exit(code)
}

var buildProbe = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "probe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./testdata/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the probe: %w\n%s", err, text)
	}
	return os.ReadFile(out)
})

// probed are the daemons, by DOCKER_HOST, that have the probe's image.
var probed = map[string]bool{}

// probe has the daemon build the probe's image, once.
func probe() error {
	host := os.Getenv("DOCKER_HOST")
	if probed[host] {
		return nil
	}
	binary, err := buildProbe()
	if err != nil {
		return err
	}
	err = buildFiles(probeImage, "", []string{"FROM scratch", "COPY probe /probe", `ENTRYPOINT ["/probe"]`}, binary)
	probed[host] = err == nil
	return err
}

// buildImage makes an image of the probe with lines of a Dockerfile.
func buildImage(ref string, lines ...string) error {
	return buildFiles(ref, "", append([]string{"FROM " + probeImage}, lines...), nil)
}

// buildForeign makes an image whose program is for an architecture that is not
// the daemon's.
func buildForeign(ref, arch string) error {
	foreign := map[string]string{"amd64": "arm64", "arm64": "amd64"}[arch]
	binary, err := pauseBinary(foreign)
	if err != nil {
		return err
	}
	return buildFiles(ref, foreign, []string{"FROM scratch", "COPY probe /probe", `ENTRYPOINT ["/probe"]`}, binary)
}

// buildFiles has the daemon build an image. (An import would take neither a
// STOPSIGNAL nor, in Docker 20.10, another architecture.)
func buildFiles(ref, arch string, lines []string, binary []byte) error {
	file := strings.Join(append(lines, "LABEL "+testLabel), "\n")
	var dir bytes.Buffer
	w := tar.NewWriter(&dir)
	w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(file))})
	w.Write([]byte(file))
	w.WriteHeader(&tar.Header{Name: "probe", Mode: 0o755, Size: int64(len(binary))})
	w.Write(binary)
	w.Close()
	cli, _, err := connect(context.Background(), "", os.Getenv)
	if err != nil {
		return err
	}
	defer cli.Close()
	opts := client.ImageBuildOptions{Tags: []string{ref}, Remove: true}
	if arch != "" {
		opts.Platforms = []ocispec.Platform{{OS: "linux", Architecture: arch}}
	}
	res, err := cli.ImageBuild(context.Background(), &dir, opts)
	if err != nil {
		return err
	}
	if err := drain(res.Body); err != nil {
		return err
	}
	testImages = append(testImages, ref)
	_, err = cli.ImageInspect(context.Background(), ref)
	return err
}

// open opens a Runtime with an engine id of its own and takes everything away
// when the test ends. The test is skipped where no daemon answers.
func open(t *testing.T, change ...func(*Options)) *Runtime {
	t.Helper()
	opt := Options{Engine: "test-" + strings.ToLower(rand.Text()[:12]), Pull: PullPreferCached}
	for _, c := range change {
		c(&opt)
	}
	r, err := Open(t.Context(), opt)
	if errors.Is(err, ErrNoDaemon) {
		t.Skip("SKIP: no docker daemon answers:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Teardown(context.Background()); err != nil {
			t.Error(err)
		}
		r.Close()
	})
	if err := probe(); err != nil {
		t.Fatal(err)
	}
	return r
}

// task is a task of containers; those without an image run the probe.
func task(containers ...Container) *Task {
	id := strings.ToLower(rand.Text() + rand.Text())[:32]
	t := &Task{
		Identity: Identity{
			ARN: "arn:aws:ecs:eu-west-1:000000000000:task/shared/" + id, ID: id, Cluster: "shared",
			Family: "web", Revision: "3", Account: "000000000000", Region: "eu-west-1", Service: "web",
		},
		Containers: containers,
	}
	for i := range t.Containers {
		if t.Containers[i].Image == "" {
			t.Containers[i].Image = probeImage
		}
		if t.Containers[i].StopTimeout == 0 {
			t.Containers[i].StopTimeout = 5 * time.Second
		}
	}
	return t
}

// run is an essential container of the probe with these steps.
func run(name string, steps ...string) Container {
	return Container{Name: name, Command: steps, Essential: true}
}

// patience bounds every wait of the tests; none is expected to need it.
const patience = 30 * time.Second

// until waits until a container is as wanted.
func until(t *testing.T, r *Runtime, task *Task, name string, ok func(*ContainerStatus) bool) ContainerStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last ContainerStatus
	err := r.hub.until(ctx, task.ID, name, func(c *ContainerStatus) (bool, error) {
		last = *c
		return ok(c), nil
	})
	if err != nil {
		t.Fatalf("waiting for container %s: %v; it is %+v", name, err, last)
	}
	return last
}

// now is what is known of a container.
func now(t *testing.T, r *Runtime, task *Task, name string) ContainerStatus {
	t.Helper()
	c, ok := r.hub.container(task.ID, name)
	if !ok {
		t.Fatalf("nothing is known of container %s", name)
	}
	return c
}

func start(t *testing.T, r *Runtime, task *Task) {
	t.Helper()
	if err := r.Start(t.Context(), task); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, r *Runtime, task *Task) {
	t.Helper()
	if err := r.Stop(t.Context(), task.ID); err != nil {
		t.Fatal(err)
	}
}

// output is all that a container that has ended wrote, line by line.
func output(t *testing.T, r *Runtime, id string) []string {
	t.Helper()
	var lines []string
	err := r.Logs(t.Context(), id, Cursor{}, true, func(l Line) error {
		lines = append(lines, string(l.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// waitLine waits until a container has written a line.
func waitLine(t *testing.T, r *Runtime, id, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	found := errors.New("found")
	err := r.Logs(ctx, id, Cursor{}, true, func(l Line) error {
		if string(l.Text) == text {
			return found
		}
		return nil
	})
	if err != found {
		t.Fatalf("waiting for the line %q: %v", text, err)
	}
}

// fetch gets a URL, trying until the container's server listens: Docker's port
// is open before the program in the container is.
func fetch(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			var body bytes.Buffer
			_, err = body.ReadFrom(res.Body)
			res.Body.Close()
			if err == nil {
				return body.String()
			}
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func sameTime(a, b time.Time) bool { return a.Equal(b) }

func sameAddress(a, b netip.Addr) bool { return a == b }
