// Package truststore makes a machine's clients trust the engine's domain anchors
// (package authority), and takes that back: the system's store, the NSS
// databases of Chromium and Firefox, Docker's certs.d.
//
// It plans first: [Install] and [Remove] return every file that would be written
// or removed and every command that would be run, for `slipway engine trust` to
// show; [Change.Apply] does it. Removing needs no record of what was installed:
// everything carries a name that begins with "slipway-". It never touches the
// authority's root: see docs/decisions/0010-authority.md.
package truststore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// prefix begins the name of everything that is installed.
const prefix = "slipway-"

// Anchor is a certificate to trust.
type Anchor struct {
	// Name is the domain's; it becomes part of file names.
	Name string
	// File holds the certificate, PEM.
	File string
}

// Options tell where the stores are. The zero value is this machine's.
type Options struct {
	// Root is put before the paths of the system's files. Default "/".
	Root string
	// Home is the folder that browsers' profiles lie in. Default the user's.
	Home string
	// OS is linux or darwin. Default this machine's.
	OS string
	// Registries are host:port of registries that Docker shall trust, and
	// RegistryCA the certificate for them. Default: none.
	Registries []string
	RegistryCA string
	// Run runs a command and returns its output. Default: it is run.
	Run func(ctx context.Context, argv []string) ([]byte, error)
	// Look finds a command. Default exec.LookPath.
	Look func(command string) (string, error)
}

func (o *Options) normalize() error {
	if o.Root == "" {
		o.Root = "/"
	}
	if o.OS == "" {
		o.OS = runtime.GOOS
	}
	if o.Run == nil {
		o.Run = func(ctx context.Context, argv []string) ([]byte, error) {
			return exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
		}
	}
	if o.Look == nil {
		o.Look = exec.LookPath
	}
	if o.Home == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("finding browsers' profiles: %w", err)
		}
		o.Home = home
	}
	return nil
}

func (o *Options) has(command string) bool {
	_, err := o.Look(command)
	return err == nil
}

func (o *Options) isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Change is what happens to one store.
type Change struct {
	// Store names it for people.
	Store string
	// Steps are done in order.
	Steps []Step
	// Skipped says why there is nothing to do here, and what would help; ""
	// when there are steps.
	Skipped string
	run     func(ctx context.Context, argv []string) ([]byte, error)
}

// Step is one file written (with its content), one file removed, or one command
// run.
type Step struct {
	Write   string
	Content []byte
	Remove  string
	Command []string
	// MayFail marks a command that clears the way for the next one.
	MayFail bool
}

func (s Step) String() string {
	switch {
	case s.Write != "":
		return "write " + s.Write
	case s.Remove != "":
		return "remove " + s.Remove
	}
	return "run " + strings.Join(s.Command, " ")
}

// Install plans what makes this machine trust the anchors.
func Install(o Options, anchors []Anchor) ([]Change, error) {
	if err := o.normalize(); err != nil {
		return nil, err
	}
	pems := make([][]byte, len(anchors))
	for i, a := range anchors {
		var err error
		if pems[i], err = os.ReadFile(a.File); err != nil {
			return nil, fmt.Errorf("reading the anchor of %s: %w", a.Name, err)
		}
	}
	var out []Change
	if len(anchors) > 0 {
		out = append(out, o.installSystem(anchors, pems))
		out = append(out, o.installNSS(anchors)...)
	}
	docker, err := o.installDocker()
	return o.finish(append(out, docker...)), err
}

// Remove plans what takes back all that Install ever did here.
func Remove(o Options) ([]Change, error) {
	if err := o.normalize(); err != nil {
		return nil, err
	}
	out := []Change{o.removeSystem()}
	out = append(out, o.removeNSS()...)
	return o.finish(append(out, o.removeDocker()...)), nil
}

func (o *Options) finish(changes []Change) []Change {
	for i := range changes {
		changes[i].run = o.Run
	}
	return changes
}

// Apply does the steps. It stops at the first that fails.
func (c Change) Apply(ctx context.Context) error {
	for _, s := range c.Steps {
		if err := s.apply(ctx, c.run); err != nil && !s.MayFail {
			return fmt.Errorf("%s: %w", c.Store, err)
		}
	}
	return nil
}

func (s Step) apply(ctx context.Context, run func(context.Context, []string) ([]byte, error)) error {
	switch {
	case s.Write != "":
		if err := os.MkdirAll(filepath.Dir(s.Write), 0o755); err != nil {
			return denied(err)
		}
		return denied(os.WriteFile(s.Write, s.Content, 0o644))
	case s.Remove != "":
		if err := os.Remove(s.Remove); !errors.Is(err, fs.ErrNotExist) {
			return denied(err)
		}
		return nil
	}
	if out, err := run(ctx, s.Command); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(s.Command, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// denied adds the way out to a refusal.
func denied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run it again with sudo", err)
	}
	return err
}
