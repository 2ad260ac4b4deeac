package cli

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
)

func newRollback(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var o release.Options
	var to string
	c := &cobra.Command{
		Use:   "rollback ENV",
		Short: "Go back to the release before, or to the one named",
		Long: `Puts every service back on the revision that ran before, as it was: image, variables,
resources. Without --to that is the last release that came up. Nothing is built, and the file
is not looked at. It is followed like a deploy, and succeeds when it serves.`,
		Example: `  slipway rollback production
  slipway rollback production --to v1.2.0`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args, false); err != nil {
				return err
			}
			o.Door, o.Sink = d.door, d.reporter.Sink
			d.onward = "slipway status " + d.env.Name + " shows how far it is" // once it is there, again would be one release further
			out, err := release.Rollback(c.Context(), d.account, d.env, to, o)
			d.reporter.End()
			if err != nil {
				return d.code(c.Context(), err)
			}
			return d.done(out)
		},
	}
	d.flags(c)
	c.Flags().StringVar(&to, "to", "", "the release to go back to (slipway history lists them)")
	c.Flags().BoolVar(&o.Wait, "wait", false, "wait for another deploy of the same service instead of refusing")
	return c
}

func newScale(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var o release.Options
	var service string
	c := &cobra.Command{
		Use:     "scale ENV N",
		Short:   "Run N tasks of a service until the next deploy",
		Example: "  slipway scale production 3",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 0 || n > 5000 {
				return fmt.Errorf("a count of tasks is 0 to 5000, not %q", args[1])
			}
			if err := d.begin(c, args[:1], false); err != nil {
				return err
			}
			o.Door, o.Sink = d.door, d.reporter.Sink
			d.onward = t.line() + " continues from there"
			err = release.Scale(c.Context(), d.account, d.env, service, n, o)
			d.reporter.End()
			if err != nil {
				return d.code(c.Context(), err)
			}
			if d.json {
				return encode(t.out, map[string]any{"environment": d.env.Name, "count": n})
			}
			what := fmt.Sprintf("%d tasks run", n)
			switch n {
			case 0:
				what = "no task runs, nothing serves"
			case 1:
				what = "1 task runs"
			}
			fmt.Fprintf(t.out, "%-13s%s; the file's count counts again at the next deploy: slipway deploy %s\n", "done", what, d.env.Name)
			return nil
		},
	}
	d.flags(c)
	c.Flags().StringVar(&service, "service", "", "which one, where the file has several")
	return c
}

func newHistory(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var service string
	var most int
	c := &cobra.Command{
		Use:     "history [ENV]",
		Short:   "List the releases that were started, the newest first",
		Example: "  slipway history production",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args, false); err != nil {
				return err
			}
			for i := range d.env.Services {
				svc := &d.env.Services[i]
				if service != "" && service != svc.Key && service != svc.Name {
					continue
				}
				list, err := d.account.History(c.Context(), &d.env, svc, most)
				if err != nil {
					return err
				}
				if len(list) == 0 && !d.json {
					fmt.Fprintf(t.err, "%s has no release yet; slipway up %s\n", svc.Name, d.env.Name)
				}
				for _, p := range list {
					if d.json {
						if err := encode(t.out, p); err != nil {
							return err
						}
						continue
					}
					current := ""
					switch {
					case p.Current:
						current = "running"
					case p.Failed:
						current = "did not come up"
					}
					fmt.Fprintf(t.out, "%-40s %-16s %s  %-20s %s\n", short(p.Revision), cmp.Or(p.Tag, "-"), p.At.Local().Format("2006-01-02 15:04"), p.By, current)
				}
			}
			return nil
		},
	}
	d.flags(c)
	c.Flags().StringVar(&service, "service", "", "which one, where the file has several")
	c.Flags().IntVar(&most, "limit", 10, "how many")
	return c
}
