package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

func engineEnv(t *terminal) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the environment that leads AWS clients to the engine, as export lines",
		Example: `  eval "$(slipway engine env)"
  aws sts get-caller-identity`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := runfile.Read(dir)
			if err != nil {
				return err
			}
			secret, token, err := r.Secrets(dir)
			if err != nil {
				return err
			}
			for _, kv := range [][2]string{
				{"AWS_ENDPOINT_URL", "http://" + r.API},
				{"AWS_ACCESS_KEY_ID", r.AccessKeyID},
				{"AWS_SECRET_ACCESS_KEY", secret},
				{"AWS_DEFAULT_REGION", r.Region},
				{"SLIPWAY_ACCOUNT", r.Account},
				{"SLIPWAY_CA", r.CA},
				{"SLIPWAY_HTTP", r.HTTP},
				{"SLIPWAY_HTTPS", r.HTTPS},
				{"SLIPWAY_DNS", r.DNS},
				{"SLIPWAY_REGISTRY", r.Registry},
				{"CLOUDFLARE_BASE_URL", "http://" + r.API + "/client/v4"},
				{"CLOUDFLARE_API_TOKEN", token},
			} {
				fmt.Fprintf(t.out, "export %s=%s\n", kv[0], shellQuote(kv[1]))
			}
			return nil
		},
	}
	dataFlag(c, &dir)
	return c
}

// shellQuote quotes for any POSIX shell where it has to.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func engineReset(t *terminal) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:     "reset",
		Short:   "Wipe every resource (a simulated engine, or one run with --allow-reset)",
		Example: `  slipway engine reset`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runfile.Read(dir)
			if err != nil {
				return err
			}
			req, err := http.NewRequestWithContext(c.Context(), "POST", "http://"+r.API+"/_slipway/reset", nil)
			if err != nil {
				return err
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return fmt.Errorf("asking the engine: %w", err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				why, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
				return errors.New(strings.TrimSpace(string(why)))
			}
			fmt.Fprintln(t.out, "engine    reset: every resource is gone")
			return nil
		},
	}
	dataFlag(c, &dir)
	return c
}
