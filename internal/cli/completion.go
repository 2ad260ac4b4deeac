package cli

import (
	"github.com/spf13/cobra"
)

func newCompletion(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the script that completes slipway's commands in bash, zsh, fish or powershell",
		Long: `Prints a script for the shell. With it, the Tab key completes commands, options, and the
environments of slipway.yaml.`,
		Example: `  source <(slipway completion bash)      # in ~/.bashrc, for every shell
  slipway completion zsh > "${fpath[1]}/_slipway"
  slipway completion fish > ~/.config/fish/completions/slipway.fish`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(t.out, true)
			case "zsh":
				return root.GenZshCompletion(t.out)
			case "fish":
				return root.GenFishCompletion(t.out, true)
			}
			return root.GenPowerShellCompletionWithDesc(t.out)
		},
	}
}
