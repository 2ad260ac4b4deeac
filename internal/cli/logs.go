package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newLogs(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var service, task string
	var follow bool
	var since time.Duration
	c := &cobra.Command{
		Use:   "logs [ENV]",
		Short: "Show what all tasks of a service wrote, in order; -f goes on",
		Example: `  slipway logs playground
  slipway logs production -f --since 10m
  slipway logs production --task 4f1c`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args, false); err != nil {
				return err
			}
			env := d.account.Resolve(d.env)
			svc, err := release.Pick(&env, service)
			if err != nil {
				return err
			}
			line, any := report.LogLines(t.out), false
			err = d.account.Logs(c.Context(), svc, task, time.Now().Add(-since), follow, func(l slipway.Line) error {
				any = true
				if d.json {
					return encode(t.out, l)
				}
				return line(l)
			})
			if errors.Is(err, c.Context().Err()) {
				return nil
			}
			if err == nil && !any {
				fmt.Fprintf(t.err, "%s wrote nothing in the last %s; --since looks further back: slipway logs %s --since 24h\n", svc.Name, since, env.Name)
			}
			return err
		},
	}
	d.flags(c)
	c.Flags().StringVar(&service, "service", "", "which one, where the file has several")
	c.Flags().StringVar(&task, "task", "", "only the task whose id begins so")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	c.Flags().DurationVar(&since, "since", time.Hour, "from how long ago")
	return c
}
