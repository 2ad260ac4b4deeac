package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
)

func newBuild(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var tag, env string
	c := &cobra.Command{
		Use:   "build",
		Short: "Build and push the images of a tag",
		Long: `Builds each image of the environment from the tag's own files and pushes it. An image
that is there already is kept: a tag is built once. Without --env every environment's.`,
		Example: `  slipway build --tag v1.2.0
  slipway build --tag v1.2.0 --env playground`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := d.load(named(env)); err != nil {
				return err
			}
			for _, e := range d.stack.Environments {
				if env != "" && e.Name != env {
					continue
				}
				d.env = e
				d.env.Cluster.Implied = false // a build asks nothing about a cluster
				if err := d.open(c.Context(), false); err != nil {
					return err
				}
				r, err := release.Build(c.Context(), d.account, d.stack, d.env, tag, d.reporter.Sink)
				d.reporter.End()
				if err != nil {
					return err
				}
				for _, ref := range r.Images {
					if d.json {
						err = errors.Join(err, encode(t.out, map[string]string{"environment": e.Name, "image": ref}))
						continue
					}
					fmt.Fprintf(t.out, "%-13s%s\n", e.Name, ref)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	d.flags(c)
	c.Flags().StringVar(&tag, "tag", "", "the tag to build, instead of the one checked out")
	c.Flags().StringVar(&env, "env", "", "only this environment's images")
	return c
}

// named is the argument that names an environment, if any does.
func named(env string) []string {
	if env == "" {
		return nil
	}
	return []string{env}
}
