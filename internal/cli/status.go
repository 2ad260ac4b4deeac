package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newStatus(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:   "status [ENV]",
		Short: "Show what runs where, and how well",
		Long: `Shows each service: its address, release, healthy tasks, since when, and where it runs.
Below it stands what it serves, from CloudWatch: requests in each of the last eight
minutes, on average, the time within which 99 of 100 answers came, and answers 5xx. The
line is missing where nothing was asked, or the credentials may not read metrics.`,
		Example: "  slipway status\n  slipway status production --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.load(args); err != nil {
				return err
			}
			names := args
			if len(args) == 0 {
				for _, e := range d.stack.Environments {
					names = append(names, e.Name)
				}
			}
			var failed error
			code := exitRefused
			for _, name := range names {
				d.env, _ = d.stack.Environment(name)
				if err := d.status(c); err != nil {
					failed = err
					if e, ok := errors.AsType[*exit](err); ok {
						code = e.code
					}
					switch {
					case len(names) > 1 && d.json:
						encode(t.out, map[string]string{"environment": name, "error": err.Error()})
					case len(names) > 1:
						fmt.Fprintf(t.out, "%-13s%s\n", name, err)
					}
				}
			}
			if len(names) > 1 && failed != nil {
				return &exit{code: code}
			}
			return failed
		},
	}
	d.flags(c)
	return c
}

func (d *deployment) status(c *cobra.Command) error {
	if err := d.open(c.Context(), false); err != nil {
		return err
	}
	list, err := release.StatusOf(c.Context(), d.account, d.env)
	if err != nil {
		return err
	}
	for _, s := range list {
		if d.json {
			if err := encode(d.t.out, s); err != nil {
				return err
			}
			continue
		}
		where := s.Service
		if len(s.URLs) > 0 {
			if where = strings.Join(s.URLs, " "); len(list) > 1 {
				where = s.Key + " " + where
			}
		}
		since := ""
		if at, err := time.Parse(time.RFC3339, s.Since); err == nil {
			since = "since " + slipway.Ago(time.Since(at))
		}
		on := s.On
		if s.On == "aws" {
			on = fmt.Sprintf("aws %s %s", s.Account, s.Region)
		}
		fmt.Fprintf(d.t.out, "%-13s%-36s %-14s %-13s %-20s %-12s %s\n", s.Environment, where, cmp.Or(s.Tag, "-"), s.Tasks(), since, s.State, on)
		switch {
		case s.Traffic != nil:
			fmt.Fprintf(d.t.out, "%-13s%s\n", "", report.Traffic(s.Traffic))
		case s.TrafficError != "":
			fmt.Fprintf(d.t.out, "%-13straffic not known: %s\n", "", s.TrafficError)
		}
		for _, j := range s.Jobs {
			fmt.Fprintf(d.t.out, "%-13sjob %-32s %-30s %s\n", s.Environment, j.Name, j.Schedule, when(j))
		}
	}
	return nil
}

// when says when a job comes next.
func when(j release.JobStatus) string {
	switch {
	case j.Next != nil:
		return "next " + j.Next.Format("2006-01-02 15:04 UTC")
	case j.State != "enabled":
		return j.State
	case strings.HasPrefix(j.Schedule, "rate"):
		return "counted from when it was set"
	}
	return "never again"
}
