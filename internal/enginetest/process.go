// Package enginetest runs the real slipway binary's engine and speaks to it over
// its AWS endpoint, signed by AWS's own signer. End-to-end tests and benchmarks
// call it; it is no fake: the engine is the one that users run.
package enginetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

// Key is the root key that every engine of this package knows.
const (
	KeyID     = "AKIASLIPWAYTESTING00"
	KeySecret = "slipway/testing/root/key"
)

// Process is one run of `slipway engine run` on free ports.
type Process struct {
	runfile.Running
	// Ready is how long it took from the process's start until it answered.
	Ready time.Duration

	data  string
	token string
	cmd   *exec.Cmd
	ended chan error
}

// Build compiles cmd/slipway into the folder and names the binary. The flags are
// go build's.
func Build(dir string, flags ...string) (string, error) {
	binary := filepath.Join(dir, "slipway")
	args := append([]string{"build", "-o", binary}, flags...)
	cmd := exec.Command("go", append(args, "github.com/slipway-dev/slipway/cmd/slipway")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building slipway: %w\n%s", err, out)
	}
	return binary, nil
}

// Launch begins an engine on the data folder and does not wait for it. Its log
// is appended to engine.log in that folder.
func Launch(binary, data string, options ...string) (*Process, error) {
	p, ready, err := launch(binary, data, options)
	if err != nil {
		return nil, err
	}
	ready.Close()
	return p, nil
}

// Start begins an engine on the data folder and returns once it answers.
func Start(binary, data string, options ...string) (*Process, error) {
	begun := time.Now()
	p, ready, err := launch(binary, data, options)
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	reason, err := io.ReadAll(ready) // ends when it listens, or is gone
	p.Ready = time.Since(begun)
	if err != nil || len(reason) > 0 {
		return nil, errors.Join(fmt.Errorf("the engine did not start: %s", reason), err, p.Kill())
	}
	running, err := runfile.Read(data)
	if err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	p.Running = *running
	if _, p.token, err = running.Secrets(data); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func launch(binary, data string, options []string) (*Process, *os.File, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, nil, err
	}
	log, err := os.OpenFile(filepath.Join(data, "engine.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()
	args := []string{"engine", "run", "--ready-fd=3", "--data", data, "--root-key", KeyID + ":" + KeySecret}
	for _, port := range []string{"port", "http", "https", "dns", "registry"} {
		if !strings.Contains(strings.Join(options, " "), "--"+port) {
			args = append(args, "--"+port, "0")
		}
	}
	cmd := exec.Command(binary, append(args, options...)...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{w}
	if err := cmd.Start(); err != nil {
		r.Close()
		return nil, nil, fmt.Errorf("starting the engine: %w", err)
	}
	p := &Process{data: data, cmd: cmd, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
	return p, r, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process as kill -9 does and returns when it is gone. Killing
// one that has ended by itself is no error.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	p.Wait()
	return nil
}

// Stop lets the engine end in order.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return p.Wait()
}

// Wait returns when the process has ended: nil when it ended well.
func (p *Process) Wait() error {
	err := <-p.ended
	p.ended <- err // for whoever ends it once more
	return err
}

// Client is a client of the engine for its root user.
func (p *Process) Client() *Client {
	return &Client{Endpoint: "http://" + p.API, Region: p.Region, KeyID: KeyID, Secret: KeySecret, CloudflareToken: p.token}
}

// Log is the end of the engine's log, for a test that fails.
func (p *Process) Log() string {
	b, err := os.ReadFile(filepath.Join(p.data, "engine.log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}
