package cli

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newPlan(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var tag string
	c := &cobra.Command{
		Use:   "plan [ENV]",
		Short: "Show what a deploy would change and why; change nothing (exit 2: there is a difference)",
		Example: `  slipway plan production
  slipway plan production --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.load(args); err != nil {
				return err
			}
			if err := d.open(c.Context(), false); err != nil {
				return err
			}
			p, _, err := release.Look(c.Context(), d.account, d.env, tag)
			if err != nil {
				return err
			}
			if d.json {
				err = encode(t.out, report.Shown(p))
			} else {
				report.Plan(t.out, p)
			}
			if err == nil && p.Count(slipway.Keep) < len(p.Steps) {
				return &exit{code: exitDifferent}
			}
			return err
		},
	}
	d.flags(c)
	c.Flags().StringVar(&tag, "tag", "", "compare as for this release instead of the one that runs")
	return c
}
