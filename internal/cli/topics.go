package cli

import "github.com/spf13/cobra"

// topics are help pages that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "exit-codes",
			Short: "What the exit codes mean",
			Long: `Exit codes:

  0  done
  1  refused, or wrong usage: nothing was changed
  2  plan found differences
  3  the deploy failed, and the old version is serving
  4  the deploy failed, and nothing is serving
  5  interrupted: the same command continues from there
  6  another deploy holds the service
  7  credentials are missing, refused, another account's, or may not do what is needed
  8  a job of the pipeline failed (slipway ci run)

A command that runs another program hands its exit code on: slipway run and
exec end with the command's own, and with 125 where it could not be run.`,
		},
		{
			Use:   "environment",
			Short: "Which environment variables are read",
			Long: `Environment variables:

  AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_REGION, …
                        credentials for environments on: aws, as every AWS SDK reads them
  AWS_ENDPOINT_URL      another AWS than AWS's own
  CLOUDFLARE_API_TOKEN  a token with Zone:Read and DNS:Edit, where dns is cloudflare
  SLIPWAY_DATA          the engine's data folder (default: ~/.local/share/slipway)
  SLIPWAY_ACCOUNT, SLIPWAY_HTTPS, SLIPWAY_CA, …
                        the engine that this shell speaks to; "slipway engine env" prints them
  DOCKER_HOST           the Docker daemon, as the docker command reads it
  NO_COLOR              no colours
  CI                    plain lines, also on a terminal

Variables that slipway.yaml passes on, { from: NAME }, are read where slipway runs.`,
		},
	}
}
