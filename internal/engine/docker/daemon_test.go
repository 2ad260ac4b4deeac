package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
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
		for _, ref := range testImages {
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

var probe = sync.OnceValue(func() error { return importImage(probeImage) })

// importImage makes an image of the probe, with changes as in a Dockerfile.
func importImage(ref string, changes ...string) error {
	binary, err := buildProbe()
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	w.WriteHeader(&tar.Header{Name: "probe", Mode: 0o755, Size: int64(len(binary))})
	w.Write(binary)
	w.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o777})
	w.Close()
	cli, _, err := connect(context.Background(), "", os.Getenv)
	if err != nil {
		return err
	}
	defer cli.Close()
	res, err := cli.ImageImport(context.Background(), client.ImageImportSource{Source: &layer, SourceName: "-"}, ref,
		client.ImageImportOptions{Changes: append([]string{`ENTRYPOINT ["/probe"]`, "LABEL " + testLabel}, changes...)})
	if err != nil {
		return err
	}
	testImages = append(testImages, ref)
	return drain(res)
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

// steps are the probe's arguments.
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

func over(c *ContainerStatus) bool { return c.Phase >= Stopped }

func start(t *testing.T, r *Runtime, task *Task) {
	t.Helper()
	if err := r.Start(t.Context(), task); err != nil {
		t.Fatal(err)
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
