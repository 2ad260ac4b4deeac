package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newUp(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	o := release.Options{Here: true, Build: true, Environment: true}
	c := &cobra.Command{
		Use:   "up [ENV]",
		Short: "Make whatever is missing until the application serves: engine, environment, image, deploy",
		Long: `Takes the application from its repository to its URL. What is there already is
kept, so it can be run again at any time; it ends with the URL, its certificate verified.
The release is the last tag of the environment's branch, or the working tree where
there is none yet. ENV is the first environment of slipway.yaml if left out.`,
		Example: `  slipway up
  slipway up production --tag v1.3.0`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return d.run(c.Context(), args, o, true)
		},
	}
	d.flags(c)
	c.Flags().StringVar(&o.Tag, "tag", "", "the release to start, instead of the branch's last tag")
	c.Flags().BoolVar(&o.Wait, "wait", false, "wait for another deploy of the same service instead of refusing")
	c.Flags().BoolVar(&o.AllowGap, "allow-gap", false, "stop the old task first where there is no room for both")
	c.Flags().BoolVar(&o.AddInstance, "add-instance", false, "where there is no room for both, one more instance for as long as the deploy takes")
	return c
}

func newDeploy(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var o release.Options
	c := &cobra.Command{
		Use:   "deploy ENV",
		Short: "Start a tag and wait for the truth",
		Long: `Starts a release in an environment that is there, and waits until exactly it
serves: its tasks run, its targets are healthy, its URL answers over verified TLS.
A release that does not come up is rolled back, and that is a failure (exit 3).`,
		Example: `  slipway deploy playground
  slipway deploy production --tag v1.3.0`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return d.run(c.Context(), args, o, false)
		},
	}
	d.flags(c)
	c.Flags().StringVar(&o.Tag, "tag", "", "the release to start, instead of the branch's last tag")
	c.Flags().BoolVar(&o.Build, "build", false, "build and push images that are missing")
	c.Flags().BoolVar(&o.Force, "force", false, "start a new rollout even where nothing differs")
	c.Flags().BoolVar(&o.Wait, "wait", false, "wait for another deploy of the same service instead of refusing")
	c.Flags().BoolVar(&o.AllowGap, "allow-gap", false, "stop the old task first where there is no room for both")
	c.Flags().BoolVar(&o.AddInstance, "add-instance", false, "where there is no room for both, one more instance for as long as the deploy takes")
	c.Flags().BoolVar(&o.IfHead, "if-head", false, "in a pipeline: change nothing where origin's branch has moved on past this commit")
	return c
}

// run is up and deploy.
func (d *deployment) run(ctx context.Context, args []string, o release.Options, start bool) error {
	d.onward = d.t.line() + " continues from there"
	if err := d.load(args); err != nil {
		return err
	}
	if err := d.open(ctx, start); err != nil {
		return err
	}
	o.Door, o.Sink, o.Resolver = d.door, d.reporter.Sink, dns.Resolver{Address: d.resolver}
	out, err := release.Run(ctx, d.account, d.stack, d.env, o)
	d.reporter.End()
	if err != nil {
		return d.code(ctx, err)
	}
	return d.done(out)
}

// code is a run's error with the exit code that says how it left things.
func (d *deployment) code(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, cloud.ErrHeld):
		return &exit{exitHeld, err}
	case errors.Is(err, release.ErrRefused) && ctx.Err() != nil:
		return &exit{exitInterrupted, errors.New("interrupted; nothing was changed")}
	case errors.Is(err, release.ErrRefused):
		return err
	case ctx.Err() != nil:
		return &exit{exitInterrupted, fmt.Errorf("interrupted; what was begun goes on by itself, and %s", d.onward)}
	case errors.Is(err, release.ErrSuperseded):
		return &exit{exitHeld, err}
	}
	_, failed := errors.AsType[*release.Failure](err)
	if _, denied := errors.AsType[*cloud.Denied](err); denied && !failed {
		return err
	}
	if release.NothingServes(err) {
		return &exit{exitNothing, err}
	}
	return &exit{exitOldServes, err}
}

// done says what serves, and what to do next.
func (d *deployment) done(out *release.Outcome) error {
	if d.json {
		return encode(d.t.out, out)
	}
	w := report.Looks(d.t.out)
	if out.Overtaken != "" {
		report.End(w, "done", fmt.Sprintf("%s has moved on to %s, which has a run of its own; nothing was changed", d.env.Branch, out.Overtaken[:7]))
		return nil
	}
	for _, p := range out.Proofs {
		days := int(math.Round(time.Until(p.Expires).Hours() / 24))
		report.End(w, "serving", fmt.Sprintf("%s  %d in %d ms, certificate valid %d days", p.URL, p.Status, p.Took.Milliseconds(), days))
	}
	serves := "runs"
	if len(out.URLs) > 0 {
		serves = "serves " + strings.Join(out.URLs, " ")
	}
	cost := fmt.Sprintf("%d API calls, %s", out.Calls, slipway.Seconds(out.Elapsed))
	switch {
	case !out.Changed:
		report.End(w, "done", fmt.Sprintf("%s %s already; nothing was changed (%s)", out.Tag, serves, cost))
	case out.Back && out.Before != "":
		report.End(w, "done", fmt.Sprintf("%s %s (%s). Forward again with: slipway deploy %s --tag %s", out.Tag, serves, cost, d.env.Name, out.Before))
	case out.Before != "" && out.Before != out.Tag:
		report.End(w, "done", fmt.Sprintf("%s %s (%s). Roll back with: slipway rollback %s", out.Tag, serves, cost, d.env.Name))
	default:
		report.End(w, "done", fmt.Sprintf("%s %s (%s)", out.Tag, serves, cost))
	}
	if d.env.On == "engine" && len(out.URLs) > 0 && out.Before == "" {
		report.End(w, "next", fmt.Sprintf("the name resolves through the engine's DNS (%s). In this shell: eval \"$(slipway url --curl %s)\" · in browsers: slipway engine trust", d.resolver, d.env.Name))
	}
	return nil
}
