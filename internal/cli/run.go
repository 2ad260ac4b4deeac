package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// exitNotRun is the exit code of a command that could not be run, as docker run
// has it; all others are the command's own.
const exitNotRun = 125

func newRun(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var o release.Once
	var variables []string
	c := &cobra.Command{
		Use:   "run ENV [--job NAME] [-- COMMAND…]",
		Short: "Run a command, or a job of the file, once, in a task of its own",
		Long: `Runs a command in a task of its own beside a service: with its image, variables,
secrets, network and capacity, and without requests. What it writes is shown as it comes;
the exit code is the command's own, or 125 where it could not be run. Ctrl-C stops the task.

--tag takes another release than the one that runs; its image has to exist. The task has no
terminal: to look around in a container, slipway exec.`,
		Example: `  slipway run playground -- /app/migrate --to 42
  slipway run production --job report
  slipway run playground --tag v1.3.1 --env LOG_LEVEL=debug -- /app/server --check`,
		Args: func(c *cobra.Command, args []string) error {
			if n := c.ArgsLenAtDash(); len(args) == 0 || n > 1 || n < 0 && len(args) > 1 {
				return errors.New("the command stands behind --")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.Command = args[1:]
			o.Variables = map[string]string{}
			for _, v := range variables {
				name, value, ok := strings.Cut(v, "=")
				if !ok || name == "" {
					return fmt.Errorf("--env takes NAME=VALUE, not %q", v)
				}
				o.Variables[name] = value
			}
			if err := d.begin(c, args[:1], false); err != nil {
				return err
			}
			return d.once(c.Context(), o)
		},
	}
	d.flags(c)
	c.Flags().StringVar(&o.Service, "service", "", "which one's task, where the file has several")
	c.Flags().StringVar(&o.Job, "job", "", "a job of the file")
	c.Flags().StringVar(&o.Tag, "tag", "", "the release to run, instead of the one that serves")
	c.Flags().StringArrayVar(&variables, "env", nil, "a further variable, NAME=VALUE (repeatable)")
	c.Flags().BoolVar(&o.Detach, "detach", false, "do not wait for its end")
	return c
}

func (d *deployment) once(ctx context.Context, o release.Once) error {
	// What the command writes is the output; what slipway says is not.
	said := report.NewPlain(d.t.err)
	o.Sink, o.Line = said.Sink, func(l slipway.Line) error { _, err := fmt.Fprintln(d.t.out, l.Text); return err }
	if d.json {
		o.Line = func(l slipway.Line) error { return encode(d.t.out, l) }
	}
	ended, err := release.RunOnce(ctx, d.account, d.stack, d.env, o)
	said.End()
	switch {
	case ctx.Err() != nil:
		return &exit{exitInterrupted, err}
	case err != nil:
		return &exit{exitNotRun, err}
	case d.json:
		if err := encode(d.t.out, ended); err != nil {
			return err
		}
	case o.Detach:
		fmt.Fprintf(d.t.err, "%-13sslipway logs %s -f --task %s\n", "next", d.env.Name, ended.Task[:min(8, len(ended.Task))])
	}
	if ended.Code != 0 {
		return &exit{code: ended.Code}
	}
	return nil
}
