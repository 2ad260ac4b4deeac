package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/config"
)

// completeEnvironments lets shells complete the ENV of every command that takes
// one from the environments of slipway.yaml.
func completeEnvironments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		completeEnvironments(sub)
	}
	_, args, _ := strings.Cut(c.Use, " ")
	if first, _, _ := strings.Cut(args, " "); strings.Trim(first, "[].") != "ENV" || c.ValidArgsFunction != nil {
		return
	}
	many := strings.Contains(args, "...")
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		file, err := c.Flags().GetString("file")
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		stack, err := config.Load(file)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		for _, e := range stack.Environments {
			about := "on " + e.On
			for _, s := range e.Services {
				if len(s.Hosts) > 0 {
					about += ", https://" + s.Hosts[0]
					break
				}
			}
			names = append(names, cobra.CompletionWithDesc(e.Name, about))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
