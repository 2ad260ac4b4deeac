package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/engine/git"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func newGit(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "git",
		Short: "The engine as a git remote: push a tag to build it, a release branch to deploy it",
		Long: `The engine is a git remote. A pushed tag is built for every environment on the engine; a
pushed branch that an environment deploys from starts its last tag. What happens is shown
to who pushes, and kept in CloudWatch Logs (/slipway/git/<app>). A ref moves only when its
build has ended well; what was pushed is kept, and pushing again builds it again.`,
		Example: `  slipway git remote
  git push slipway v1.2.0
  git push slipway release/playground`,
	}
	c.AddCommand(gitRemote(t), gitBuilds(t), gitCredential(t), gitBuild(t))
	return c
}

func gitRemote(t *terminal) *cobra.Command {
	var file, data, name string
	c := &cobra.Command{
		Use:   "remote",
		Short: "Make this repository's remote for the engine, credentials included",
		Long: `Adds the engine as a remote of the repository here, or sets its address anew, and lets
git ask slipway for the credentials: no secret is written anywhere. Another machine or
user names its own: the user is an access key's id, the password its secret, and the key
needs slipway:GitPush (or slipway:GitPull) on arn:aws:slipway:REGION:ACCOUNT:git/APP.`,
		Example: `  slipway git remote
  slipway git remote --name here`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			stack, err := config.Load(file)
			if err != nil {
				return err
			}
			r, err := runfile.Read(data)
			if errors.Is(err, runfile.ErrNone) {
				return fmt.Errorf("%w; start it: slipway engine start", err)
			}
			if err != nil {
				return err
			}
			base := "http://" + r.API
			url := base + "/git/" + stack.App + ".git"
			self, err := os.Executable()
			if err != nil {
				return err
			}
			folder, err := filepath.Abs(data)
			if err != nil {
				return err
			}
			git := func(args ...string) error {
				cmd := exec.CommandContext(c.Context(), "git", args...)
				cmd.Dir = stack.Dir
				if out, err := cmd.CombinedOutput(); err != nil {
					return fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(out)))
				}
				return nil
			}
			if git("remote", "set-url", name, url) != nil {
				if err := git("remote", "add", name, url); err != nil {
					return err
				}
			}
			helper := fmt.Sprintf("!%s git credential --data %s", shellQuote(self), shellQuote(folder))
			if err := errors.Join(git("config", "credential."+base+".helper", helper), git("config", "credential."+base+".useHttpPath", "false")); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "remote       %s  %s\n", name, url)
			fmt.Fprintf(t.out, "next         with %s committed: git tag v1.0.0 && git push %s v1.0.0 HEAD:%s   (a tag is built, the branch starts its last tag)\n", filepath.Base(file), name, followed(stack))
			return nil
		},
	}
	c.Flags().StringVar(&file, "file", "slipway.yaml", "the application's file")
	c.Flags().StringVar(&name, "name", "slipway", "the remote's name")
	dataFlag(c, &data)
	return c
}

// followed is a branch that starts something on the engine.
func followed(stack *slipway.Stack) string {
	for _, e := range stack.Environments {
		if e.On == "engine" {
			return e.Branch
		}
	}
	return "BRANCH"
}

// gitCredential answers git's question for the engine's credentials
// (https://git-scm.com/docs/gitcredentials).
func gitCredential(t *terminal) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:     "credential get|store|erase",
		Short:   "Answer git's question for credentials",
		Example: "  printf 'protocol=http\\nhost=127.0.0.1:4700\\n\\n' | slipway git credential get",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			asked := map[string]string{}
			for lines := bufio.NewScanner(io.LimitReader(t.in, 64<<10)); lines.Scan(); {
				if k, v, ok := strings.Cut(lines.Text(), "="); ok {
					asked[k] = v
				}
			}
			r, err := runfile.Read(data)
			if args[0] != "get" || err != nil || asked["protocol"] != "http" || asked["host"] != r.API {
				return nil // git asks somebody else then
			}
			secret, _, err := r.Secrets(data)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(t.out, "username=%s\npassword=%s\n", r.AccessKeyID, secret)
			return err
		},
	}
	dataFlag(c, &data)
	return c
}

func gitBuilds(t *terminal) *cobra.Command {
	var file, data string
	var asJSON bool
	c := &cobra.Command{
		Use:   "builds",
		Short: "List what was pushed to the engine and what became of it, the newest first",
		Example: `  slipway git builds
  aws logs get-log-events --log-group-name /slipway/git/web --log-stream-name 3-tags-v1.2.0`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			stack, err := config.Load(file)
			if err != nil {
				return err
			}
			list, err := buildsOf(c.Context(), data, stack.App)
			if err != nil {
				return err
			}
			for _, b := range list {
				if asJSON {
					if err := encode(t.out, b); err != nil {
						return err
					}
					continue
				}
				when, took := b.Queued, ""
				if !b.Ended.IsZero() {
					took = slipway.Seconds(b.Ended.Sub(b.Started))
				}
				fmt.Fprintln(t.out, strings.TrimRight(fmt.Sprintf("%-5d%-32s %.7s  %-10s %-16s %-8s %s", b.N, b.Ref, b.New, b.Status, slipway.Ago(time.Since(when))+" ago", took, b.Reason), " "))
			}
			return nil
		},
	}
	c.Flags().StringVar(&file, "file", "slipway.yaml", "the application's file")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	dataFlag(c, &data)
	return c
}

func buildsOf(ctx context.Context, data, app string) ([]git.Build, error) {
	r, err := runfile.Read(data)
	if err != nil {
		return nil, err
	}
	secret, _, err := r.Secrets(data)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.API+"/git/"+app+".git/builds", nil)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(r.AccessKeyID, secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the engine answers %s: %s", res.Status, bytes.TrimSpace(text))
	}
	var list []git.Build
	return list, json.Unmarshal(text, &list)
}

// gitBuild is what the engine runs for a pushed ref, in a clone.
func gitBuild(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	c := &cobra.Command{
		Use:     "build REF",
		Short:   "Build or deploy a pushed ref; the engine runs this in a clone",
		Example: "  slipway git build refs/tags/v1.2.0",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			tag, tagged := strings.CutPrefix(args[0], "refs/tags/")
			if _, err := os.Stat(d.file); errors.Is(err, fs.ErrNotExist) {
				return d.without(tagged)
			}
			if err := d.load(nil); err != nil {
				return err
			}
			if tagged {
				return d.pushedTag(c.Context(), tag)
			}
			return d.pushedBranch(c.Context(), strings.TrimPrefix(args[0], "refs/heads/"))
		},
	}
	d.flags(c)
	return c
}

// without is a commit that has no slipway.yaml. A tag of it would never have an
// image, and never move: it is refused. A branch is kept.
func (d *deployment) without(tagged bool) error {
	what := fmt.Sprintf("there is no %s in this commit (slipway init writes one; git add and git commit it)", d.file)
	if tagged {
		return fmt.Errorf("%s: nothing is built", what)
	}
	fmt.Fprintln(d.t.out, what+": nothing is deployed")
	return nil
}

// pushedTag builds the tag's images for every environment on the engine.
func (d *deployment) pushedTag(ctx context.Context, tag string) error {
	built := false
	for _, e := range d.stack.Environments {
		if e.On != "engine" {
			continue
		}
		if d.env = e; len(e.Built()) == 0 {
			continue
		}
		if err := d.open(ctx, false); err != nil {
			return err
		}
		_, err := release.Build(ctx, d.account, d.stack, d.env, tag, d.reporter.Sink)
		d.reporter.End()
		if err != nil {
			return err
		}
		built = true
	}
	if !built {
		fmt.Fprintln(d.t.out, "no environment on the engine builds an image: nothing to do")
	}
	return nil
}

// pushedBranch deploys the branch's last tag to the environments that follow it.
func (d *deployment) pushedBranch(ctx context.Context, branch string) error {
	var follow []string
	deployed := false
	for _, e := range d.stack.Environments {
		if e.On != "engine" {
			continue
		}
		if e.Branch != branch {
			follow = append(follow, e.Name+" follows "+e.Branch)
			continue
		}
		if err := d.run(ctx, []string{e.Name}, release.Options{Build: true, Environment: true, Wait: true}, false); err != nil {
			return err
		}
		deployed = true
	}
	if !deployed {
		fmt.Fprintf(d.t.out, "no environment on the engine follows %s: nothing is deployed (%s)\n", branch, strings.Join(follow, ", "))
	}
	return nil
}
