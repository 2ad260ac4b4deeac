package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program answers as soon as it runs.
const program = `package main

import (
	"io"
	"net/http"
)

func main() {
	http.ListenAndServe(":8000", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
}
`

// deploying measures a deploy of an image that is built, from the command to
// "serving" over verified TLS, beside docker run by hand to its first 200.
func deploying(ctx context.Context, b *bench) ([]row, error) {
	const what = "deploy of a built image, command to serving"
	if out, err := exec.CommandContext(ctx, "docker", "version").CombinedOutput(); err != nil {
		return []row{{what: what, ours: "no Docker: " + strings.TrimSpace(string(out)), target: "≤ 3 s"}}, nil
	}
	dir, err := os.MkdirTemp("", "slipway-deploying-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := shell{ctx: ctx, dir: dir, env: append(os.Environ(), "SLIPWAY_DATA="+filepath.Join(dir, "data"), "CGO_ENABLED=0", "SLIPWAY_ACCOUNT=", "AWS_ENDPOINT_URL=")}
	for name, text := range map[string]string{
		"main.go": program, "Dockerfile": "FROM scratch\nCOPY web /web\nCMD [\"/web\"]\n",
		"slipway.yaml": "app: bench\nservice: { port: 8000, memory: 32, stop: 1s, drain: 1s }\nenvironments:\n  playground: { on: engine, host: bench.slipway.test, branch: main, cluster: bench }\ncluster: { name: bench, size: { min: 1, max: 1 } }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	defer s.run(b.binary, "engine", "stop")
	defer s.run(b.binary, "env", "destroy", "playground", "--yes")
	for _, c := range [][]string{
		{"go", "build", "-o", "web", "main.go"}, {"docker", "build", "-q", "-t", "slipway-bench", "."},
		{b.binary, "engine", "start", "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", "0"}, {b.binary, "up", "--tag", "v0"},
	} {
		if err := s.run(c[0], c[1:]...); err != nil {
			return nil, err
		}
	}
	var ours, theirs []time.Duration
	for i := range 5 {
		tag := fmt.Sprintf("v%d", i+1)
		if err := s.run(b.binary, "build", "--env", "playground", "--tag", tag); err != nil {
			return nil, err
		}
		took, err := s.timed(b.binary, "deploy", "playground", "--tag", tag)
		if err != nil {
			return nil, err
		}
		ours = append(ours, took)
		if took, err = byHand(s); err != nil {
			return nil, err
		}
		theirs = append(theirs, took)
	}
	r := atMost(what, median(ours), 3*time.Second)
	hand := median(theirs)
	r.theirs, r.ratio = "docker run "+milliseconds(hand), float64(median(ours))/float64(hand)
	r.target += ", ≤ 3×"
	r.verdict = judge(median(ours) <= 3*time.Second && r.ratio <= 3)
	return []row{r}, nil
}

// byHand is docker run to the first 200.
func byHand(s shell) (time.Duration, error) {
	begun := time.Now()
	out, err := s.output("docker", "run", "-d", "-p", "127.0.0.1::8000", "slipway-bench")
	if err != nil {
		return 0, err
	}
	id := strings.TrimSpace(out)
	defer s.run("docker", "rm", "-f", id)
	port, err := s.output("docker", "port", id, "8000")
	if err != nil {
		return 0, err
	}
	for time.Since(begun) < time.Minute {
		res, err := http.Get("http://" + strings.TrimSpace(port))
		if err != nil {
			continue
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return time.Since(begun), nil
		}
	}
	return 0, errors.New("docker run: no answer within a minute")
}

// shell runs commands in a folder.
type shell struct {
	ctx context.Context
	dir string
	env []string
}

func (s shell) output(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(s.ctx, name, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

func (s shell) run(name string, args ...string) error {
	_, err := s.output(name, args...)
	return err
}

func (s shell) timed(name string, args ...string) (time.Duration, error) {
	begun := time.Now()
	err := s.run(name, args...)
	return time.Since(begun), err
}
