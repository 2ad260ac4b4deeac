package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestCandidates(t *testing.T) {
	home := t.TempDir()
	sum := sha256.Sum256([]byte("colima"))
	meta := filepath.Join(home, ".docker", "contexts", "meta", hex.EncodeToString(sum[:]))
	if err := os.MkdirAll(meta, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".docker", "config.json"), `{"currentContext":"colima"}`)
	write(t, filepath.Join(meta, "meta.json"), `{"Name":"colima","Endpoints":{"docker":{"Host":"unix:///somewhere/docker.sock"}}}`)
	usual := []string{
		"unix:///var/run/docker.sock", "unix:///run/user/1/docker.sock",
		"unix://" + home + "/.docker/run/docker.sock", "unix://" + home + "/.colima/default/docker.sock",
		"unix://" + home + "/.orbstack/run/docker.sock", "unix://" + home + "/.rd/docker.sock",
		"unix:///run/podman/podman.sock", "unix:///run/user/1/podman/podman.sock",
	}
	tests := map[string]struct {
		env  map[string]string
		want []string
	}{
		"DOCKER_HOST alone": {map[string]string{"DOCKER_HOST": "tcp://10.0.0.1:2376", "HOME": home}, []string{"tcp://10.0.0.1:2376"}},
		"current context":   {map[string]string{"HOME": home, "XDG_RUNTIME_DIR": "/run/user/1"}, append([]string{"unix:///somewhere/docker.sock"}, usual...)},
		"other context":     {map[string]string{"HOME": home, "XDG_RUNTIME_DIR": "/run/user/1", "DOCKER_CONTEXT": "default"}, usual},
		"nothing set":       {nil, []string{"unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, candidates(environment(tt.env))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNoDaemonIsSaidWithAHint(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead.sock")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for _, host := range []string{"unix://" + dir + "/none.sock", "unix://" + dead, "tcp://127.0.0.1:1", "ssh://somewhere"} {
		_, err := Open(t.Context(), Options{Engine: "e", Host: host})
		var none *NoDaemonError
		if !errors.Is(err, ErrNoDaemon) || !errors.As(err, &none) {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if !strings.Contains(none.Error(), host) || !strings.Contains(none.Hint(), "DOCKER_HOST") {
			t.Errorf("%s: error %q, hint %q", host, none, none.Hint())
		}
	}
	denied := &NoDaemonError{Tried: []Attempt{{"unix:///x", fmt.Errorf("dial: %w", os.ErrPermission)}}}
	if !strings.Contains(denied.Hint(), "usermod -aG docker") {
		t.Errorf("the hint where access is denied is %q", denied.Hint())
	}
}

func TestEngineWithoutIDIsRefused(t *testing.T) {
	if _, err := Open(t.Context(), Options{}); err == nil || errors.Is(err, ErrNoDaemon) {
		t.Errorf("Open returned %v", err)
	}
}

func TestHostIsKnown(t *testing.T) {
	r := open(t)
	if h := r.Host(); h.OS != "linux" || h.Architecture == "" || h.CPUs == 0 || h.Memory == 0 || h.Version == "" || h.APIVersion == "" || h.Address == "" {
		t.Errorf("the host is %+v", h)
	}
}
