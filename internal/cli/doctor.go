package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/doctor"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newDoctor(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:   "doctor [ENV]",
		Short: "Look for what would stop a deploy, and say what to do about it; change nothing",
		Long: `Looks at the file, the repository, Docker and its disk, the engine, the credentials and
their account, the clock, the registry, the names' zones and who may issue for them, the
environment, its capacity, room and quotas, certificates, and whether the hosts answer:
all at the same time, each with its time limit. Each line is ok, warn or fail, with what
to do next. Exit 1 when anything would stop a deploy. Without ENV, every environment.`,
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

// examine looks at everything at the same time, each with a time limit of its own;
// what needs the account, or the plan, begins when that is there. The environment is
// a copy: connecting completes the deployment's.
func (d *deployment) examine(ctx context.Context) []doctor.Finding {
	own, env := *d, d.env
	file := []doctor.Finding{{Verdict: doctor.OK, What: "file", Text: fmt.Sprintf("%s: %s, on %s", d.file, env.Name, env.On)}}
	account := "is the network there? slipway help environment tells which credentials are read"
	return append(file, doctor.Run(ctx, []doctor.Check{
		{What: "release", Limit: 10 * time.Second, Late: doctor.Warn, Next: "git describe --tags " + env.Branch,
			Look: doctor.One(func(ctx context.Context) doctor.Finding { return doctor.Repository(ctx, own.stack.Dir, &env) })},
		{What: "docker", Limit: 10 * time.Second, Late: doctor.Fail, Next: "docker info; restart the daemon (systemctl restart docker)",
			Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) {
				return doctor.Docker(ctx, &env, own.onEngine())
			}},
		{What: "engine", Limit: 5 * time.Second, Late: doctor.Fail, Next: "slipway engine stop, then slipway engine start",
			Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) { return own.examineEngine(ctx), nil }},
		{What: "account", Limit: 20 * time.Second, Late: doctor.Fail, Next: account,
			Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) { return own.examineAccount(ctx) }},
	})...)
}

// examineEngine looks at the engine's ports, its disk, and who trusts it. That none
// runs is the account's finding.
func (d *deployment) examineEngine(ctx context.Context) []doctor.Finding {
	if !d.onEngine() {
		return nil
	}
	if shellEngine() {
		api := strings.TrimPrefix(os.Getenv("AWS_ENDPOINT_URL"), "http://")
		list := []doctor.Finding{doctor.Ports(ctx, []doctor.Port{{What: "api", Address: api}, {What: "http", Address: os.Getenv("SLIPWAY_HTTP")}, {What: "https", Address: os.Getenv("SLIPWAY_HTTPS")}, {What: "dns", Address: os.Getenv("SLIPWAY_DNS")}})}
		folder := filepath.Dir(os.Getenv("SLIPWAY_CA"))
		if _, err := os.Stat(folder); err != nil { // on another machine
			return list
		}
		return append(list, examineFolder(filepath.Dir(folder))...)
	}
	r, err := runfile.Read(d.data)
	if err != nil {
		return []doctor.Finding{doctor.Disk("the engine's data", d.data)}
	}
	list := []doctor.Finding{doctor.Ports(ctx, []doctor.Port{{What: "api", Address: r.API}, {What: "http", Address: r.HTTP}, {What: "https", Address: r.HTTPS}, {What: "dns", Address: r.DNS}, {What: "registry", Address: r.Registry}})}
	return append(list, examineFolder(d.data)...)
}

// examineFolder looks at an engine's data folder.
func examineFolder(data string) []doctor.Finding {
	list := []doctor.Finding{doctor.Disk("the engine's data", data)}
	anchors, err := authority.Anchors(filepath.Join(data, "authority"))
	if err != nil {
		return append(list, doctor.Finding{Verdict: doctor.Warn, What: "trust", Text: err.Error()})
	}
	var files []string
	for _, a := range anchors {
		files = append(files, a.File)
	}
	return append(list, doctor.Trust(files))
}

// examineAccount connects. A clock that is wrong is a reason for refused
// credentials, and is compared in either case.
func (d *deployment) examineAccount(ctx context.Context) ([]doctor.Finding, []doctor.Check) {
	err := d.open(ctx, false)
	endpoint := cloud.Endpoint(&d.env, d.target)
	clock := doctor.Check{What: "clock", Limit: 5 * time.Second, Late: doctor.Warn, Next: "timedatectl tells whether it is set by the network",
		Look: doctor.One(func(ctx context.Context) doctor.Finding { return doctor.Clock(ctx, endpoint, time.Now) })}
	if err != nil {
		list := []doctor.Finding{{Verdict: doctor.Fail, What: "account", Text: err.Error(), Next: d.connectNext(err)}}
		if errors.Is(err, runfile.ErrNone) {
			return list, nil
		}
		return list, []doctor.Check{clock}
	}
	found := []doctor.Finding{{Verdict: doctor.OK, What: "account", Text: fmt.Sprintf("%s in %s, as %s", d.account.ID, d.account.Region, d.account.Caller)}}
	resolved := d.account.Resolve(d.env)
	checks := []doctor.Check{clock}
	if len(d.env.Built()) > 0 {
		checks = append(checks, doctor.Check{What: "registry", Limit: 10 * time.Second, Late: doctor.Fail, Next: "docker login of the account's registry must work",
			Look: doctor.One(func(ctx context.Context) doctor.Finding { return doctor.Registry(ctx, d.account) })})
	}
	return found, append(checks,
		doctor.Check{What: "dns", Limit: 15 * time.Second, Late: doctor.Fail, Next: "does the DNS provider's API answer?",
			Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) {
				return doctor.Zones(ctx, &resolved, d.account.Names()), nil
			}},
		doctor.Check{What: "plan", Limit: 45 * time.Second, Late: doctor.Fail, Next: "slipway plan " + d.env.Name,
			Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) { return d.examinePlan(ctx, &resolved) }})
}

func (d *deployment) connectNext(err error) string {
	switch {
	case errors.Is(err, runfile.ErrNone):
		return "slipway engine start, or slipway up " + d.env.Name
	case strings.Contains(err.Error(), "CLOUDFLARE_API_TOKEN"):
		return "export CLOUDFLARE_API_TOKEN=…"
	}
	return "slipway help environment tells which credentials are read"
}

// examinePlan is what the environment lacks, who may issue for its hosts and
// whether they answer.
func (d *deployment) examinePlan(ctx context.Context, env *slipway.Environment) ([]doctor.Finding, []doctor.Check) {
	var list []doctor.Finding
	issued := func(string) bool { return false }
	p, seen, err := release.Look(ctx, d.account, d.env, "")
	if err != nil {
		list = []doctor.Finding{{Verdict: doctor.Fail, What: "plan", Text: err.Error(), Next: "slipway plan " + d.env.Name}}
	} else {
		list = doctor.Plan(env, p, seen, plan.PhaseEnvironment, time.Now())
		issued = func(host string) bool {
			return seen.Resources[slipway.ID{Kind: slipway.KindCertificate, Name: host}].Status == "ISSUED"
		}
	}
	checks := []doctor.Check{{What: "caa", Limit: 10 * time.Second, Late: doctor.Warn, Next: "does this machine's resolver answer?",
		Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) {
			return doctor.Issuers(ctx, env, dns.Resolver{Address: d.resolver}, issued), nil
		}}}
	if seen != nil {
		checks = append(checks, doctor.Check{What: "answer", Limit: 20 * time.Second, Late: doctor.Warn, Next: "slipway status " + d.env.Name,
			Look: func(ctx context.Context) ([]doctor.Finding, []doctor.Check) {
				return doctor.Hosts(ctx, env, seen, d.door), nil
			}})
	}
	return list, checks
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
