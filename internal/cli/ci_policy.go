package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/pipeline/policy"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// access is slipway ci policy: what was asked for.
type access struct {
	deployment
	commands                         []string
	push, deploy, apply, yes, newKey bool
	user, oidc, issuer, repository   string

	steps []policy.Step
	trust *policy.Issuer
}

func newCIPolicy(t *terminal) *cobra.Command {
	p := &access{deployment: deployment{t: t}}
	c := &cobra.Command{
		Use:   "policy [ENV…]",
		Short: "Print the least IAM policies of a pipeline's steps, and give them to a user or to roles",
		Long: `Prints what pushing an image and deploying it need of IAM: exactly the actions that
slipway build and slipway deploy call, on exactly this file's repositories, services, task
families, roles and logs. --for gives it for other commands: a person who may only look.

--apply makes it so: with --user the policies and the user, whose access key is printed
once; with --oidc the identity provider and one role for each step, which tokens of any tag
may take to push, and those of the environment's branch to deploy. Run again it changes
nothing, or only the statements of its own policies that are no longer right. What others
made is never changed. ENV is every environment on AWS if left out.

The policies make no role: whoever may write roles and pass them may become anybody. A
first deploy with secrets makes the execution role, so a person does that one.`,
		Example: `  slipway ci policy --oidc github
  slipway ci policy --oidc github --apply
  slipway ci policy --user travis --apply
  slipway ci policy production --for status,logs --json`,
		RunE: func(c *cobra.Command, args []string) error { return p.run(c.Context(), args) },
	}
	p.flags(c)
	f := c.Flags()
	f.BoolVar(&p.push, "push", false, "only pushing images")
	f.BoolVar(&p.deploy, "deploy", false, "only deploying")
	f.StringSliceVar(&p.commands, "for", nil, "for these commands instead: "+strings.Join(policy.Commands(), ", "))
	f.StringVar(&p.user, "user", "", "for this IAM user")
	f.StringVar(&p.oidc, "oidc", "", "for the tokens of github or gitlab, without keys")
	f.StringVar(&p.repository, "repository", "", "owner/name there (default: the git remote origin's)")
	f.StringVar(&p.issuer, "issuer", "", "the issuer of tokens, where it is not the public service's (default on GitLab: the git remote's host)")
	f.BoolVar(&p.apply, "apply", false, "make the user or the roles; shows what it will do and asks")
	f.BoolVar(&p.newKey, "new-key", false, "make another access key for a user that has one")
	f.BoolVar(&p.yes, "yes", false, "do it without asking")
	return c
}

func (p *access) run(ctx context.Context, args []string) error {
	if err := p.check(); err != nil {
		return err
	}
	if err := p.load(nil); err != nil {
		return err
	}
	environments, err := p.environments(args)
	if err != nil {
		return err
	}
	if err := p.trusted(ctx); err != nil {
		return err
	}
	var wants []granted
	for _, env := range environments {
		p.env = env
		steps, err := p.needs(ctx)
		if err != nil {
			return err
		}
		p.steps = append(p.steps, steps...)
		if p.apply {
			access, err := p.access(steps)
			if err != nil {
				return err
			}
			wants = append(wants, granted{account: p.account, access: access})
		}
	}
	if err := p.show(); err != nil || !p.apply {
		return err
	}
	return p.grant(ctx, wants)
}

func (p *access) check() error {
	switch {
	case p.user != "" && p.oidc != "":
		return errors.New("--user has keys and --oidc has none; name one of them")
	case p.apply && p.user == "" && p.oidc == "":
		return errors.New("--apply gives the policies to somebody: --user NAME, or --oidc github|gitlab")
	case len(p.commands) > 0 && (p.push || p.deploy || p.oidc != ""):
		return errors.New("--for is for people: it goes with --user, not with --push, --deploy or --oidc")
	case p.newKey && (p.user == "" || !p.apply):
		return errors.New("--new-key goes with --user NAME --apply")
	}
	return nil
}

// environments are those named; else those on AWS, or all where none is.
func (p *access) environments(args []string) ([]slipway.Environment, error) {
	var list []slipway.Environment
	for _, name := range args {
		if err := p.load([]string{name}); err != nil {
			return nil, err
		}
		list = append(list, p.env)
	}
	if len(args) > 0 {
		return list, nil
	}
	for _, env := range p.stack.Environments {
		if env.On == "aws" {
			list = append(list, env)
		}
	}
	if len(list) == 0 {
		list = p.stack.Environments
	}
	return list, nil
}

func (p *access) trusted(ctx context.Context) error {
	if p.oidc == "" {
		return nil
	}
	host := ""
	if p.repository == "" {
		var err error
		if host, p.repository, err = release.Remote(ctx, p.stack.Dir); err != nil {
			return err
		}
	}
	issuer, err := policy.NewIssuer(p.oidc, p.issuer, host, p.repository)
	p.trust = &issuer
	return err
}

// needs are the policies for an environment. Where the file says account and
// region nobody is asked.
func (p *access) needs(ctx context.Context) ([]policy.Step, error) {
	s := policy.Scope{Account: p.env.Account, Region: p.env.Region, Env: &p.env}
	if p.apply || s.Account == "" || s.Region == "" {
		if err := p.open(ctx, false); err != nil {
			return nil, err
		}
		s.Account, s.Region = p.account.ID, p.account.Region
	}
	if len(p.commands) > 0 {
		step, err := policy.Person(p.stack, s, p.commands)
		return []policy.Step{step}, err
	}
	steps := []string{policy.Push, policy.Deploy}
	if p.push != p.deploy {
		steps = map[bool][]string{true: {policy.Push}, false: {policy.Deploy}}[p.push]
	}
	return policy.Steps(p.stack, s, steps, p.trust)
}

// show prints the policies, as a person reads them or as IAM does.
func (p *access) show() error {
	if p.json {
		for _, s := range p.steps {
			if err := encode(p.t.out, shown{s, raw(s.Trust)}); err != nil {
				return err
			}
		}
		return nil
	}
	line := func(label, text string) { fmt.Fprintf(p.t.out, "%-13s%s\n", label, text) }
	if p.trust != nil {
		text := "repo " + p.trust.Repository + ", tokens of " + p.trust.Host()
		said := map[string]bool{}
		for _, s := range p.steps {
			if !said[s.Who] {
				text += ", " + s.Who
			}
			said[s.Who] = true
		}
		line("trust", text)
	}
	for _, s := range p.steps {
		label := s.Step
		line(s.Environment, "policy "+s.Name)
		for _, text := range s.Document.Lines() {
			line(label, text)
			label = ""
		}
	}
	if !p.apply {
		line("next", p.next())
	}
	return nil
}

func (p *access) next() string {
	switch {
	case p.oidc != "":
		return "slipway ci policy --oidc " + p.oidc + " --apply   (shows this again and asks)"
	case p.user != "":
		return "slipway ci policy --user " + p.user + " --apply   (shows this again and asks)"
	}
	return "--json for the documents; --oidc github|gitlab or --user NAME, with --apply, to make it so"
}

// confirmed asks, on a terminal; elsewhere it wants --yes.
func (p *access) confirmed(account string) error {
	if p.yes {
		return nil
	}
	if f, ok := p.t.in.(*os.File); !ok || !term.IsTerminal(f.Fd()) {
		return fmt.Errorf("this changes IAM in account %s; say --yes", account)
	}
	fmt.Fprintf(p.t.out, "Do this in account %s? Type yes: ", account)
	line, err := bufio.NewReader(p.t.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != "yes" {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}
