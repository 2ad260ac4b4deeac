package docker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// ErrNoDaemon is what a [*NoDaemonError] is.
var ErrNoDaemon = errors.New("no docker daemon answers")

// NoDaemonError says that no daemon answers, where it was looked for, and why
// each place did not do.
type NoDaemonError struct {
	Tried []Attempt
}

// Attempt is one address that was tried.
type Attempt struct {
	Address string
	Err     error
}

func (e *NoDaemonError) Error() string {
	var b strings.Builder
	b.WriteString(ErrNoDaemon.Error())
	for i, a := range e.Tried {
		b.WriteString(map[bool]string{true: ": ", false: "; "}[i == 0])
		fmt.Fprintf(&b, "%s: %v", a.Address, a.Err)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrNoDaemon) true.
func (e *NoDaemonError) Is(target error) bool { return target == ErrNoDaemon }

// Hint is what to do about it.
func (e *NoDaemonError) Hint() string {
	for _, a := range e.Tried {
		if errors.Is(a.Err, os.ErrPermission) || strings.Contains(a.Err.Error(), "permission denied") {
			return "a daemon is there, but this user may not use it: add the user to the docker group (sudo usermod -aG docker $USER) and log in again"
		}
	}
	return "start Docker (or Podman's API socket), or set DOCKER_HOST to where it listens"
}

// connect finds the first daemon that answers.
func connect(ctx context.Context, host string, env func(string) string) (*client.Client, Host, error) {
	addresses := []string{host}
	if host == "" {
		addresses = candidates(env)
	}
	none := &NoDaemonError{}
	for _, address := range addresses {
		cli, h, err := dial(ctx, address)
		if err == nil {
			return cli, h, nil
		}
		none.Tried = append(none.Tried, Attempt{address, err})
	}
	return nil, Host{}, none
}

// dial connects to one daemon and asks what it is.
func dial(ctx context.Context, address string) (*client.Client, Host, error) {
	if strings.HasPrefix(address, "ssh://") {
		return nil, Host{}, errors.New("ssh is not spoken here: containers must be on this machine")
	}
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, Host{}, err
		}
	}
	cli, err := client.New(client.WithTLSClientConfigFromEnv(), client.WithHost(address), client.WithAPIVersionFromEnv())
	if err != nil {
		return nil, Host{}, err
	}
	h, err := ask(ctx, cli)
	if err != nil {
		cli.Close()
		return nil, Host{}, err
	}
	h.Address = address
	return cli, h, nil
}

func ask(ctx context.Context, cli *client.Client) (Host, error) {
	version, err := cli.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return Host{}, err
	}
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Host{}, err
	}
	h := Host{
		Version: version.Version, APIVersion: cli.ClientVersion(),
		OS: version.Os, Architecture: version.Arch,
		CPUs: info.Info.NCPU, Memory: info.Info.MemTotal, SwapLimit: info.Info.SwapLimit,
	}
	h.Podman = slices.ContainsFunc(version.Components, func(c system.ComponentVersion) bool {
		return strings.Contains(c.Name, "Podman")
	})
	return h, nil
}

// candidates are the places to look for a daemon, in order: DOCKER_HOST alone
// where it is set; else the docker command's current context, then the sockets
// of Docker, rootless Docker, Docker's desktop relatives and Podman.
func candidates(env func(string) string) []string {
	if h := env("DOCKER_HOST"); h != "" {
		return []string{h}
	}
	var places []string
	home, run := env("HOME"), env("XDG_RUNTIME_DIR")
	if h := contextHost(cmp.Or(env("DOCKER_CONFIG"), filepath.Join(home, ".docker")), env("DOCKER_CONTEXT")); h != "" {
		places = append(places, h)
	}
	add := func(base string, paths ...string) {
		for _, p := range paths {
			if base != "" {
				places = append(places, "unix://"+filepath.Join(base, p))
			}
		}
	}
	add("/", "var/run/docker.sock")
	add(run, "docker.sock")
	add(home, ".docker/run/docker.sock", ".colima/default/docker.sock", ".orbstack/run/docker.sock", ".rd/docker.sock")
	add("/", "run/podman/podman.sock")
	add(run, "podman/podman.sock")
	return slices.Compact(places)
}

// contextHost reads the address of the docker command's current context from
// its folder; "" for the default one. The layout is that of the docker
// command: contexts/meta/<sha256 of the name>/meta.json.
func contextHost(dir, name string) string {
	if name == "" {
		var config struct{ CurrentContext string }
		if data, err := os.ReadFile(filepath.Join(dir, "config.json")); err != nil || json.Unmarshal(data, &config) != nil {
			return ""
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	data, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"))
	if err != nil {
		return ""
	}
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if json.Unmarshal(data, &meta) != nil {
		return ""
	}
	return meta.Endpoints["docker"].Host
}
