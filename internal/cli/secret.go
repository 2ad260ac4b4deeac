package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/cobra"
)

func newSecret(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "secret",
		Short: "Keep an environment's secrets as encrypted SSM parameters",
	}
	c.AddCommand(secretSet(t), secretList(t), secretRemove(t))
	return c
}

// parameter is a secret's name in SSM: as written when it is a path, else below
// the environment's name.
func (d *deployment) parameter(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + d.env.Name + "/" + strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

func secretSet(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var running bool
	c := &cobra.Command{
		Use:   "set ENV NAME",
		Short: "Write a secret; its value is read from standard input",
		Long: `Writes a secret. The value comes from standard input and never from an argument, where
others could see it; one newline at its end is taken off. NAME without a slash stands below
/ENV/ in lower case with dashes: INFURA_API_KEY is /playground/infura-api-key.

With --running it is the value that the running service has in its task definition, in
plain text: a secret moves to SSM without passing through anybody's hands.`,
		Example: `  slipway secret set playground INFURA_API_KEY < key.txt
  pass show infura | slipway secret set playground INFURA_API_KEY
  slipway secret set playground DB_PASSWORD --running`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			value := ""
			var err error
			if !running {
				if value, err = d.piped(); err != nil {
					return err
				}
			}
			if err := d.begin(c, args[:1], false); err != nil {
				return err
			}
			if running {
				if value, err = d.account.PlainVariable(c.Context(), &d.env, path.Base(args[1])); err != nil {
					return err
				}
			}
			name := d.parameter(args[1])
			version, err := d.account.PutSecret(c.Context(), name, value)
			if err != nil {
				return err
			}
			if d.json {
				return encode(t.out, map[string]any{"name": name, "version": version})
			}
			fmt.Fprintf(t.out, "%-13s%s, version %d\n%-13ssecrets: { %s: \"ssm:%s\" } in slipway.yaml; running tasks see it after slipway deploy %s --force\n",
				"written", name, version, "next", args[1], name, d.env.Name)
			return nil
		},
	}
	d.flags(c)
	c.Flags().BoolVar(&running, "running", false, "take the value that the running service has as a plain variable")
	return c
}

// piped is the value on standard input.
func (d *deployment) piped() (string, error) {
	value, err := io.ReadAll(io.LimitReader(d.t.in, 8<<10))
	if err != nil {
		return "", err
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	if len(value) == 0 {
		return "", errors.New("standard input has no value")
	}
	return string(value), nil
}

func secretList(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:     "list ENV",
		Short:   "List the environment's secrets, without their values",
		Example: "  slipway secret list playground",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args, false); err != nil {
				return err
			}
			list, err := d.account.Secrets(c.Context(), d.env.Name)
			if err != nil {
				return err
			}
			if len(list) == 0 && !d.json {
				fmt.Fprintf(t.err, "%s has no secrets; slipway secret set %s NAME reads one from standard input\n", d.env.Name, d.env.Name)
			}
			for _, s := range list {
				if d.json {
					if err := encode(t.out, s); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(t.out, "%-48s version %d  %s\n", s.Name, s.Version, s.Changed.Local().Format("2006-01-02 15:04"))
			}
			return nil
		},
	}
	d.flags(c)
	return c
}

func secretRemove(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:     "rm ENV NAME",
		Short:   "Delete a secret",
		Example: "  slipway secret rm playground INFURA_API_KEY",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args[:1], false); err != nil {
				return err
			}
			name := d.parameter(args[1])
			if err := d.account.RemoveSecret(c.Context(), name); err != nil {
				return err
			}
			if d.json {
				return encode(t.out, map[string]string{"removed": name})
			}
			fmt.Fprintf(t.out, "%-13s%s\n", "removed", name)
			return nil
		},
	}
	d.flags(c)
	return c
}
