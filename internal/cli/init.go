package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/initial"
)

func newInit(t *terminal) *cobra.Command {
	var o initial.Options
	var force bool
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write slipway.yaml from what the repository shows",
		Long: `Reads Dockerfile, package.json, .travis.yml and the deploy script that they start, and
writes a slipway.yaml that deploys the same thing under the same names. The script is
followed, never run: every command in it is only written down. What can't be carried
over is said, with its line.`,
		Example: `  slipway init
  slipway init --on aws --account 123456789012
  slipway init --ssm        # plain secrets become SSM parameters`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			r, err := initial.Read(dir, o)
			if err != nil {
				return err
			}
			if err := initial.Write(dir, r.File, force); err != nil {
				return err
			}
			printInit(t, filepath.Join(dir, config.Name), r)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.On, "on", "engine", "where the environments run: engine or aws")
	f.StringVar(&o.Account, "account", "", "the AWS account, where the repository doesn't show it")
	f.StringVar(&o.Host, "host", "", "the host name of the only environment")
	f.BoolVar(&o.SSM, "ssm", false, "make SSM parameters of what looks like a plain secret")
	f.BoolVar(&force, "force", false, "write over a slipway.yaml that is there")
	return c
}

func printInit(t *terminal, path string, r *initial.Result) {
	if len(r.Read) > 0 {
		fmt.Fprintf(t.out, "read  %s\n", strings.Join(r.Read, " · "))
	}
	fmt.Fprintf(t.out, "wrote %s: %s\n", path, r.Wrote)
	for _, n := range r.Notes {
		fmt.Fprintf(t.out, "note  %s\n", n)
	}
	for _, n := range r.Next {
		fmt.Fprintf(t.out, "next  %s\n", n)
	}
}
