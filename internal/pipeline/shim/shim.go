// Package shim is what stands in front of docker, pip, aws, npm and sudo while a
// pipeline runs on this machine: docker reaches the engine's registry by the host
// name that it has on AWS, and what a thrown-away machine of a CI service may do
// to itself does not happen to this one. Everything else goes to the real
// program, which replaces the shim's process.
//
// internal/pipeline/runner puts the shims first on PATH; each is a script that
// calls `slipway ci shim`.
package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Config is what the shims know; it lies in a file beside them.
type Config struct {
	// Registry is host:port of the engine's registry. Account and Region are the
	// engine's.
	Registry, Account, Region string
	// Tools are the real programs by name; one that is not on this machine is "".
	Tools map[string]string
	// UserBase is where the user's own Python packages are: the job has another HOME.
	UserBase string
}

// Names are the programs that have a shim. npm has one only where it is missing.
var Names = []string{"docker", "pip", "pip3", "aws", "sudo", "npm"}

// ErrMissing is the error for a program that is not on this machine.
var ErrMissing = errors.New("is not on this machine")

// Install writes the shims into a folder, for a binary that has the command
// `ci shim`.
func Install(dir, binary string, c Config) error {
	config := filepath.Join(dir, "shims.json")
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing shims: %w", err)
	}
	if err := os.WriteFile(config, b, 0o600); err != nil {
		return fmt.Errorf("writing shims: %w", err)
	}
	for _, name := range Names {
		if name == "npm" && c.Tools["npm"] != "" {
			continue
		}
		script := fmt.Sprintf("#!/bin/sh\nexec %s ci shim %s %s \"$@\"\n", quote(binary), quote(config), name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			return fmt.Errorf("writing shims: %w", err)
		}
	}
	return nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Find is the real program of a name on a PATH, "" when there is none.
func Find(name, path string) string {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// Run is a shim's work: name is the program that was called. It does not return
// where a real program takes over.
func Run(config, name string, args []string, out, errw io.Writer) error {
	b, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("reading the shims' file: %w", err)
	}
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("reading the shims' file: %w", err)
	}
	switch name {
	case "docker":
		rewritten, err := c.Docker(args)
		if err != nil {
			return err
		}
		return c.become(name, rewritten, nil)
	case "pip", "pip3":
		return c.pip(name, args, out)
	case "aws":
		return c.aws(args)
	case "npm":
		return npm(args, errw)
	case "sudo":
		return sudo(args, errw)
	}
	return fmt.Errorf("there is no shim %q; there are %s", name, strings.Join(Names, ", "))
}

// become replaces the process by the real program.
func (c Config) become(name string, args, env []string) error {
	file := c.Tools[name]
	if file == "" {
		return fmt.Errorf("%s %w", name, ErrMissing)
	}
	err := syscall.Exec(file, append([]string{name}, args...), append(os.Environ(), env...))
	return fmt.Errorf("starting %s: %w", file, err)
}

// aws is the one that the pipeline installed into its HOME, or this machine's.
func (c Config) aws(args []string) error {
	own := filepath.Join(os.Getenv("HOME"), ".local/bin/aws")
	if _, err := os.Stat(own); err == nil {
		return Config{Tools: map[string]string{"aws": own}}.become("aws", args, nil)
	}
	var env []string
	if c.UserBase != "" && os.Getenv("PYTHONUSERBASE") == "" {
		env = append(env, "PYTHONUSERBASE="+c.UserBase)
	}
	return c.become("aws", args, env)
}

// quiet are pip's options that don't change what is installed.
var quiet = []string{"--user", "--upgrade", "-U", "-q", "-qq", "--quiet", "--no-cache-dir", "--ignore-installed", "--disable-pip-version-check", "--break-system-packages"}

// pip installs nothing where the aws CLI is asked for and is here in the version
// that has `ecr get-login`; else it is pip.
func (c Config) pip(name string, args []string, out io.Writer) error {
	if onlyCLI(args) && c.Tools["aws"] != "" {
		cmd := exec.Command(c.Tools["aws"], "--version")
		if c.UserBase != "" {
			cmd.Env = append(os.Environ(), "PYTHONUSERBASE="+c.UserBase)
		}
		version, err := cmd.CombinedOutput()
		first, _, _ := strings.Cut(strings.TrimSpace(string(version)), " ")
		if err == nil && strings.HasPrefix(first, "aws-cli/1.") {
			fmt.Fprintf(out, "slipway: %s is here already (%s): %s installs nothing\n", first, c.Tools["aws"], name)
			return nil
		}
	}
	return c.become(name, args, nil)
}

// onlyCLI tells whether pip is asked to install the aws CLI and nothing else.
func onlyCLI(args []string) bool {
	if len(args) == 0 || args[0] != "install" {
		return false
	}
	found := false
	for _, a := range args[1:] {
		switch {
		case slices.Contains(quiet, a):
		case a == "awscli" || strings.HasPrefix(a, "awscli=") || strings.HasPrefix(a, "awscli>") || strings.HasPrefix(a, "awscli<") || strings.HasPrefix(a, "awscli~"):
			found = true
		default:
			return false
		}
	}
	return found
}
