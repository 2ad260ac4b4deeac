package cli

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/config"
)

func newSchema(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of slipway.yaml, for editors",
		Long: `Prints the JSON Schema (draft-07) of slipway.yaml. Editors that know it complete keys,
show what they mean and mark mistakes. With the YAML language server, put this at
the top of slipway.yaml:

  # yaml-language-server: $schema=slipway.schema.json`,
		Example: "  slipway schema > slipway.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := t.out.Write(config.Schema())
			return err
		},
	}
}
