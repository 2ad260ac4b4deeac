package cli

import "github.com/spf13/cobra"

// newCI is the parent of the pipeline's commands.
func newCI(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "ci",
		Short: "Pipelines: run them here, write them, give them their permissions",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(
		ciRun(t),
		newCIWrite(t),
		newCIPolicy(t),
		ciShim(t),
	)
	return c
}
