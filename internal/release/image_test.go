package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Whether an image is on a registry that is not the account's is asked with
// docker; without it nobody says that the image is missing.
func TestAnImageElsewhereIsAskedOfDocker(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	b := builder{env: &slipway.Environment{Name: "demo"}, version: Version{Tag: "v1"}, sink: func(slipway.Event) {}}
	ask := func() (string, error) {
		return b.foreign(t.Context(), slipway.Image{}, "docker.io/windingtree/app:v1", false)
	}
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "asked with docker, which is not installed here") {
		t.Errorf("without docker: %v", err)
	}
	for exit, want := range map[string]string{"exit 1": "does not exist, or its registry asks for a login", "exit 0": ""} {
		if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n"+exit+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		ref, err := ask()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || err == nil && ref != "docker.io/windingtree/app:v1" {
			t.Errorf("%s: %q %v", exit, ref, err)
		}
	}
}
