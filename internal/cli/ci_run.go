package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
	"github.com/slipway-dev/slipway/internal/pipeline/runner"
	"github.com/slipway-dev/slipway/internal/pipeline/shim"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func ciRun(t *terminal) *cobra.Command {
	c := runner.Config{Dir: "."}
	var data string
	var names []string
	var lines, wait bool
	cmd := &cobra.Command{
		Use:   "run (--tag T | --branch B)",
		Short: "Run the repository's .travis.yml here, against the engine",
		Long: `Runs what Travis CI would run for a push of the tag or branch: the stages and jobs of
.travis.yml whose conditions hold, each in a fresh clone of what is committed, with a HOME of
its own. AWS is the engine; the account's ECR host name is the engine's registry.
What is not served is refused by name before anything runs. A pipeline runs as you, on this
machine: run only what you would run yourself. A service that the pipeline changed is followed
until it serves, or is known not to. Exit 8 when a job fails, 3 or 4 when a service does not
come up.`,
		Example: `  slipway ci run --tag v1.0.0
  slipway ci run --branch release/playground --env INFURA_API_KEY`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Tag == "" && c.Branch == "" {
				return &usage{"what was pushed is missing: --tag T or --branch B", cmd.UseLine()}
			}
			var err error
			if c.Engine, err = engineFor(data); err != nil {
				return err
			}
			if c.Settings, err = settings(names); err != nil {
				return err
			}
			if c.Binary, err = os.Executable(); err != nil {
				return fmt.Errorf("finding slipway's own file: %w", err)
			}
			c.Sink = report.Pipeline(t.out)
			if lines {
				c.Sink = report.PipelineJSON(t.out)
			}
			w := &pipelineWatch{sink: c.Sink}
			if wait {
				w.begin(cmd.Context(), c.Engine)
			}
			out, err := runner.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			if out.Result == slipway.Passed {
				if err := w.follow(cmd.Context()); err != nil {
					c.Sink(slipway.PipelineEvent{Time: time.Now(), Kind: slipway.PipelineFinished, Result: slipway.FailedJob, Text: err.Error(), Elapsed: out.Elapsed})
					return err
				}
			}
			return ranPipeline(t, c.Sink, lines, out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Tag, "tag", "", "build this tag")
	f.StringVar(&c.Branch, "branch", "", "build this branch")
	f.StringArrayVar(&names, "env", nil, "give jobs a variable of yours, as the repository's settings on Travis do (repeatable)")
	f.DurationVar(&c.Timeout, "timeout", 50*time.Minute, "what a job may take")
	f.BoolVar(&wait, "wait", true, "wait for the services that the pipeline changed")
	dataFlagSaying(cmd, &data, "the engine's data folder")
	f.BoolVar(&lines, "json", false, "one JSON object a line")
	cmd.MarkFlagsMutuallyExclusive("tag", "branch")
	return cmd
}

// settings are the caller's variables of these names.
func settings(names []string) (map[string]string, error) {
	all := map[string]string{}
	for _, n := range names {
		if name, _, ok := strings.Cut(n, "="); ok {
			return nil, fmt.Errorf("--env takes a name, and its value from your environment, where others cannot read it: export %s=…, then --env %s", name, name)
		}
		v, ok := os.LookupEnv(n)
		if !ok {
			return nil, fmt.Errorf("--env %s: %s is not set here", n, n)
		}
		all[n] = v
	}
	return all, nil
}

// engineFor is the engine that the shell's variables lead to (slipway engine env),
// else the one that runs on the data folder.
func engineFor(data string) (runner.Engine, error) {
	if os.Getenv("SLIPWAY_ACCOUNT") != "" && os.Getenv("AWS_ENDPOINT_URL") != "" {
		return runner.Engine{Endpoint: os.Getenv("AWS_ENDPOINT_URL"), Registry: os.Getenv("SLIPWAY_REGISTRY"), AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), Account: os.Getenv("SLIPWAY_ACCOUNT"), Region: os.Getenv("AWS_DEFAULT_REGION"), CA: os.Getenv("SLIPWAY_CA"),
			HTTP: os.Getenv("SLIPWAY_HTTP"), HTTPS: os.Getenv("SLIPWAY_HTTPS"), DNS: os.Getenv("SLIPWAY_DNS"),
			CloudflareURL: os.Getenv("CLOUDFLARE_BASE_URL"), CloudflareToken: os.Getenv("CLOUDFLARE_API_TOKEN")}, nil
	}
	r, err := runfile.Read(data)
	if errors.Is(err, runfile.ErrNone) {
		return runner.Engine{}, fmt.Errorf("%w; start it: slipway engine start", err)
	}
	if err != nil {
		return runner.Engine{}, err
	}
	secret, token, err := r.Secrets(data)
	if err != nil {
		return runner.Engine{}, err
	}
	return runner.Engine{Endpoint: "http://" + r.API, Registry: r.Registry, AccessKeyID: r.AccessKeyID, SecretKey: secret, Account: r.Account, Region: r.Region,
		CA: r.CA, HTTP: r.HTTP, HTTPS: r.HTTPS, DNS: r.DNS, CloudflareURL: "http://" + r.API + "/client/v4", CloudflareToken: token}, nil
}

// ranPipeline says how the pipeline ended, with the exit code for that.
func ranPipeline(t *terminal, sink func(slipway.PipelineEvent), lines bool, out *runner.Outcome) error {
	text := fmt.Sprintf("%d of %d jobs", out.Passed(), len(out.Jobs))
	if out.NotRun > 0 {
		text += fmt.Sprintf("; %d more stages did not run", out.NotRun)
	}
	sink(slipway.PipelineEvent{Time: time.Now(), Kind: slipway.PipelineFinished, Result: out.Result, Text: text, Elapsed: out.Elapsed})
	if out.Result == slipway.Passed {
		if !lines {
			fmt.Fprintln(t.out)
			report.End(report.Looks(t.out), "passed", text+" in "+slipway.Seconds(out.Elapsed))
		}
		return nil
	}
	if out.Result == slipway.Interrupted {
		return &exit{exitInterrupted, fmt.Errorf("interrupted; nothing of the jobs runs on, and what they had done stays")}
	}
	return &exit{exitPipeline, out.Err()}
}

// ciShim is what the programs on a job's PATH call; people don't.
func ciShim(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:                "shim CONFIG NAME ARGS…",
		Short:              "Stand in front of docker, pip, aws, npm and sudo while a pipeline runs",
		Example:            `  slipway ci shim /tmp/run/shims/shims.json docker push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1.0.0`,
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			err := shim.Run(args[0], args[1], args[2:], t.out, t.err)
			if e, ok := errors.AsType[*shim.Exit](err); ok {
				return &exit{code: e.Code}
			}
			if errors.Is(err, shim.ErrMissing) {
				return &exit{127, err} // as a shell says of a command that is not found
			}
			return err
		},
	}
}
