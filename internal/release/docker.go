package release

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (b *builder) push(ctx context.Context, ref, step string, start time.Time) error {
	return b.docker(ctx, step, start, "push", ref)
}

// docker runs the stock client and passes its lines on; where it fails they are
// what the error says.
func (b *builder) docker(ctx context.Context, step string, start time.Time, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = os.Environ()
	if b.config != "" {
		cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+b.config)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("docker %s: %w (is docker installed?)", args[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); w.Close() }()
	var last []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.Contains(line, "DEPRECATED: The legacy builder") || strings.Contains(line, "Install the buildx component") || strings.Contains(line, "docs.docker.com/go/buildx") {
			continue
		}
		last = append(last, line)
		b.say(slipway.Working, step, line, start)
	}
	r.CloseWithError(lines.Err())
	if err := <-ended; err != nil {
		said := strings.Join(last[max(len(last)-20, 0):], "\n")
		if d := cloud.Refusal(said, err); d != nil {
			return fmt.Errorf("docker %s of %s: %w", args[0], step, d)
		}
		return fmt.Errorf("docker %s of %s: %w\n%s", args[0], step, err, said)
	}
	return nil
}

// login makes a configuration folder for docker that has the registry's password
// beside all that the user's own has. Nothing is written to the user's.
func (b *builder) login(ctx context.Context) error {
	if b.config != "" {
		return nil
	}
	login, err := b.a.RegistryLogin(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "slipway-docker-")
	if err != nil {
		return err
	}
	b.config = dir
	own := os.Getenv("DOCKER_CONFIG")
	if own == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		own = filepath.Join(home, ".docker")
	}
	config := map[string]any{}
	if text, err := os.ReadFile(filepath.Join(own, "config.json")); err == nil {
		if err := json.Unmarshal(text, &config); err != nil {
			return fmt.Errorf("reading docker's configuration %s: %w", own, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	set(config, "auths", login.Registry, map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(login.User + ":" + login.Password))})
	set(config, "credHelpers", login.Registry, "") // not the store that holds all others
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		return err
	}
	entries, _ := os.ReadDir(own)
	for _, e := range entries { // contexts, plugins, builders
		if e.Name() != "config.json" {
			if err := os.Symlink(filepath.Join(own, e.Name()), filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func set(config map[string]any, section, key string, value any) {
	m, _ := config[section].(map[string]any)
	if m == nil {
		m = map[string]any{}
		config[section] = m
	}
	m[key] = value
}
