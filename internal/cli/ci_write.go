package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/pipeline/policy"
	"github.com/slipway-dev/slipway/internal/pipeline/writers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newCIWrite(t *terminal) *cobra.Command {
	var file, version, sum string
	var show bool
	var names []string
	for _, s := range writers.Services {
		names = append(names, s.Name)
	}
	c := &cobra.Command{
		Use:   "write " + strings.Join(names, "|"),
		Short: "Write the pipeline: a tag builds its images, a release branch starts its last tag",
		Long: `Writes the jobs that build the images of a tag when one is pushed, and start the last
tag of release/<environment> when that branch is: one job for each environment on AWS.
Jobs install this release of slipway. What else stands in the file is kept; run again,
only what was written here before is written anew.

Two pushes queue, and a job whose commit is no longer the branch's head changes nothing.`,
		Example: `  slipway ci write github
  slipway ci write travis --version v1.2.0 --show`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			stack, err := config.Load(file)
			if err != nil {
				return err
			}
			o := writers.Options{Version: version, SHA256: sum, Role: func(env *slipway.Environment, step string) string { return policy.Name(stack, env, step) }}
			if err := thisRelease(&o); err != nil {
				return err
			}
			for _, s := range writers.Services {
				if s.Name == args[0] {
					return writePipeline(t, s, stack, o, show)
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&file, "file", "slipway.yaml", "the application's file")
	c.Flags().StringVar(&version, "version", "", "the release of slipway that jobs install (default: this one)")
	c.Flags().StringVar(&sum, "sha256", "", "the digest of that release's slipway-linux-amd64 (default: of this program, where it is that)")
	c.Flags().BoolVar(&show, "show", false, "print the file instead of writing it")
	return c
}

// thisRelease fills in what this program knows of itself. Releases are built
// reproducibly, so the digest of a Linux one is the released file's.
func thisRelease(o *writers.Options) error {
	if o.Version != "" && o.Version != Version() {
		return nil
	}
	o.Version = Version()
	if o.SHA256 != "" || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	o.SHA256 = hex.EncodeToString(sum[:])
	return nil
}

func writePipeline(t *terminal, s writers.Service, stack *slipway.Stack, o writers.Options, show bool) error {
	path := filepath.Join(stack.Dir, s.File)
	existing, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, notes, err := s.Write(stack, existing, o)
	if err != nil {
		return err
	}
	if show {
		_, err := t.out.Write(text)
		return err
	}
	if string(text) == string(existing) {
		fmt.Fprintf(t.out, "same  %s\n", path)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "wrote %s\n", path)
	for _, n := range notes {
		fmt.Fprintf(t.out, "note  %s\n", n)
	}
	if s.OIDC {
		fmt.Fprintf(t.out, "next  slipway ci policy --oidc %s --apply makes the roles that its jobs take\n", s.Name)
	}
	return nil
}
