package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newEnv(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "env",
		Short: "The environment that services share: network, cluster, capacity, load balancer",
	}
	c.AddCommand(envUp(t), envShow(t), envDestroy(t))
	return c
}

func envUp(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:   "up [ENV]",
		Short: "Make the environment, or what is missing of it",
		Long: `Makes the network, the two security groups, the load balancer with its listeners, the
cluster, and where its instances come from. What exists is kept; an environment that was
half made is continued; run again it changes nothing.`,
		Example: "  slipway env up production",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.load(args); err != nil {
				return err
			}
			if err := d.open(c.Context(), true); err != nil {
				return err
			}
			p, err := release.Prepare(c.Context(), d.account, d.env, d.reporter.Sink)
			d.reporter.End()
			if err != nil {
				return d.halfway(c.Context(), err)
			}
			if d.json {
				return encode(t.out, map[string]any{"environment": d.env.Name, "cluster": d.env.Cluster.Name, "notes": p.Notes, "calls": d.account.Calls()})
			}
			for _, n := range p.Notes {
				fmt.Fprintf(t.out, "%-13s%s\n", "note", n)
			}
			fmt.Fprintf(t.out, "%-13s%s is there (%d API calls)\n%-13sslipway deploy %s\n", "done", d.env.Cluster.Name, d.account.Calls(), "next", d.env.Name)
			return nil
		},
	}
	d.flags(c)
	return c
}

// halfway is the error of a run that no service is part of: the same command goes
// on from where it ended.
func (d *deployment) halfway(ctx context.Context, err error) error {
	_, denied := errors.AsType[*cloud.Denied](err)
	switch {
	case errors.Is(err, release.ErrRefused) || denied:
		return err
	case ctx.Err() != nil:
		return &exit{exitInterrupted, fmt.Errorf("interrupted; %s continues from there", d.t.line())}
	}
	return &exit{exitInterrupted, fmt.Errorf("%w; run it again to continue", err)}
}

func envShow(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:     "show [ENV]",
		Short:   "Show the environment's resources and what they lack",
		Example: "  slipway env show production",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.load(args); err != nil {
				return err
			}
			if err := d.open(c.Context(), false); err != nil {
				return err
			}
			p, seen, err := release.Look(c.Context(), d.account, d.env, "")
			if err != nil {
				return err
			}
			if d.json {
				return encode(t.out, report.Seen(seen))
			}
			for _, s := range p.Steps {
				if s.Service == "" {
					show(t, s, seen)
				}
			}
			for _, n := range p.Notes {
				fmt.Fprintf(t.out, "! %s\n", n)
			}
			for _, i := range seen.Instances {
				fmt.Fprintf(t.out, "%-44s %s %s, %d of %d MiB and %d of %d CPU units free, %d tasks\n", "instance "+i.ID, i.Type, i.Zone, i.FreeMemory, i.TotalMemory, i.FreeCPU, i.TotalCPU, i.Tasks)
			}
			return nil
		},
	}
	d.flags(c)
	return c
}

func show(t *terminal, s slipway.Step, seen *slipway.Observed) {
	have := seen.Resources[s.ID].Ref
	if have == "" {
		have = "missing"
	}
	fmt.Fprintf(t.out, "%-44s %s\n", s.ID, have)
	for _, diff := range s.Differences {
		fmt.Fprintf(t.out, "%-44s %s\n", "", diff.String())
	}
}
