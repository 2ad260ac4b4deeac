package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/cli"
	"github.com/slipway-dev/slipway/internal/config"
)

// prose are the pages that people write.
func prose(t *testing.T) []string {
	t.Helper()
	files := []string{"../../README.md"}
	for _, pattern := range []string{"../../docs/*.md", "../../examples/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files (%v)", pattern, len(found), err)
		}
		files = append(files, found...)
	}
	return slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "coverage.md" })
}

var (
	fence  = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	spoken = regexp.MustCompile("(?m)(?:^ *(?:\\$ )?|`|&& |[$]\\()slipway((?: [^`\n#|)&;·…,]+)+)")
)

// Commands and options that the pages name are there.
func TestTheProseNamesCommandsThatAreThere(t *testing.T) {
	checked := 0
	for _, file := range prose(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range spoken.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			if len(words) == 0 || !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(words[0]) {
				continue
			}
			root := cli.Command()
			c, _, err := root.Find(words)
			if err != nil || c == root {
				t.Errorf("%s: slipway%s: no such command (%v)", filepath.Base(file), m[1], err)
				continue
			}
			checked++
			for _, w := range words {
				if w = strings.Trim(w, "[]()\".:"); w == "--" {
					break
				}
				name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
				if strings.HasPrefix(w, "--") && c.Flags().Lookup(name) == nil && name != "help" {
					t.Errorf("%s: slipway%s: %s has no --%s", filepath.Base(file), m[1], c.CommandPath(), name)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d commands were found in the pages", checked)
	}
}

// The files that the pages show can be read.
func TestTheFilesInTheProseAreRight(t *testing.T) {
	checked := 0
	for _, file := range prose(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "yaml" || !strings.HasPrefix(m[2], "app:") {
				continue
			}
			checked++
			path := filepath.Join(t.TempDir(), "slipway.yaml")
			if err := os.WriteFile(path, []byte(m[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(path); err != nil {
				t.Errorf("%s: %v\n%s", filepath.Base(file), err, m[2])
			}
		}
	}
	if checked < 3 {
		t.Errorf("only %d files were found in the pages", checked)
	}
}
