package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/slipway-dev/slipway/internal/cli"
)

//go:generate go test -count=1 -run ^TestThePagesAreWritten$ -update .
var update = flag.Bool("update", false, "write the pages anew")

const folder = "../../docs/commands"

func TestThePagesAreWritten(t *testing.T) {
	want := pages()
	if *update {
		if err := write(folder, want); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range want {
		have, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || string(have) != string(text) {
			t.Errorf("docs/commands/%s is not what the command says; run make generate (%v)", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files for %d pages; run make generate (%v)", len(files), len(want), err)
	}
}

// Every command that does something says how it is used.
func TestEveryCommandHasAnExample(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() && c.Example == "" && c.Name() != "help" && c.HasParent() {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, s := range c.Commands() {
			walk(s)
		}
	}
	walk(cli.Command())
}

func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if err := doc.GenManTree(cli.Command(), &doc.GenManHeader{Section: "1", Source: "Slipway", Manual: "Slipway"}, dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "slipway-deploy.1"))
	if err != nil || !strings.Contains(string(text), ".SH EXAMPLE") {
		t.Errorf("slipway-deploy.1: %v\n%.300s", err, text)
	}
	if groff, err := exec.LookPath("groff"); err == nil {
		if out, err := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z", filepath.Join(dir, "slipway-deploy.1")).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("groff: %v\n%s", err, out)
		}
	}
}
