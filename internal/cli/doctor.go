package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/doctor"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
)

func newDoctor(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:   "doctor [ENV]",
		Short: "Look for what would stop a deploy, and say what to do about it; change nothing",
		Long: `Looks at the file, the repository, Docker, the credentials and their account, the clock,
the environment, its capacity, room and quotas, names and certificates, and whether the
hosts answer. Each line is ok, warn or fail, with what to do next. Exit 1 when anything
would stop a deploy. Without ENV, every environment of the file.`,
		Example: `  slipway doctor
  slipway doctor production --json`,
		Args: cobra.MaximumNArgs(1),
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
			failed := false
			for _, name := range names {
				d.env, _ = d.stack.Environment(name)
				list := d.examine(c.Context())
				failed = failed || doctor.Failed(list)
				if err := d.prescribe(list); err != nil {
					return err
				}
			}
			if failed {
				return &exit{code: exitRefused}
			}
			return nil
		},
	}
	d.flags(c)
	return c
}

// examine looks at everything at the same time; what needs the account waits for
// it alone.
func (d *deployment) examine(ctx context.Context) []doctor.Finding {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var repository, docker doctor.Finding
	var account []doctor.Finding
	var wg sync.WaitGroup
	wg.Go(func() { repository = doctor.Repository(ctx, d.stack.Dir, &d.env) })
	wg.Go(func() { docker = doctor.Docker(ctx, &d.env) })
	wg.Go(func() { account = d.examineAccount(ctx) })
	wg.Wait()
	return append([]doctor.Finding{{Verdict: doctor.OK, What: "file", Text: fmt.Sprintf("%s: %s, on %s", d.file, d.env.Name, d.env.On)}, repository, docker}, account...)
}

func (d *deployment) examineAccount(ctx context.Context) []doctor.Finding {
	if err := d.open(ctx, false); err != nil {
		return []doctor.Finding{{Verdict: doctor.Fail, What: "account", Text: err.Error(), Next: "slipway help environment tells which credentials are read"}}
	}
	list := []doctor.Finding{{Verdict: doctor.OK, What: "account", Text: fmt.Sprintf("%s in %s, as %s", d.account.ID, d.account.Region, d.account.Caller)}}
	list = append(list, doctor.Clock(ctx, d.account.Endpoint(), time.Now))
	p, seen, err := release.Look(ctx, d.account, d.env, "")
	if err != nil {
		return append(list, doctor.Finding{Verdict: doctor.Fail, What: "plan", Text: err.Error(), Next: "slipway plan " + d.env.Name})
	}
	env := d.account.Resolve(d.env)
	list = append(list, doctor.Plan(&env, p, seen, plan.PhaseEnvironment, time.Now())...)
	return append(list, doctor.Hosts(ctx, &env, seen, d.door)...)
}

func (d *deployment) prescribe(list []doctor.Finding) error {
	w := report.Looks(d.t.out)
	for _, f := range list {
		if d.json {
			if err := encode(d.t.out, struct {
				Environment string `json:"environment"`
				doctor.Finding
			}{d.env.Name, f}); err != nil {
				return err
			}
			continue
		}
		report.Verdict(w, string(f.Verdict), f.What, strings.ReplaceAll(f.Text, "\n", " "))
		if f.Next != "" && f.Verdict != doctor.OK {
			report.Verdict(w, "", "", "→ "+f.Next)
		}
	}
	return nil
}
