package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// deployment is what the commands of the deploy wing have in common: the file,
// the environment, and where its APIs are.
type deployment struct {
	t        *terminal
	file     string
	data     string
	json     bool
	stack    *slipway.Stack
	env      slipway.Environment
	target   cloud.Target
	account  *cloud.Account
	door     release.Door
	token    string // of the engine's Cloudflare API
	resolver string // the engine's DNS
	reporter report.Reporter
	onward   string // what to do after an interruption: "slipway up continues from there"
}

// flags are the options that every command of the deploy wing takes.
func (d *deployment) flags(c *cobra.Command) {
	c.Flags().StringVar(&d.file, "file", "slipway.yaml", "the application's file")
	dataFlagSaying(c, &d.data, "the engine's data folder, for environments on: engine")
	c.Flags().BoolVar(&d.json, "json", false, "one JSON object a line")
}

// load reads the file and picks the environment: the one named, or the first.
func (d *deployment) load(args []string) error {
	stack, err := config.Load(d.file)
	if err != nil {
		return err
	}
	d.stack = stack
	d.reporter = report.New(d.t.out)
	if d.json {
		d.reporter = report.NewJSON(d.t.out)
	}
	if len(args) == 0 {
		if len(stack.Environments) == 0 {
			return fmt.Errorf("%s has no environment", d.file)
		}
		d.env = stack.Environments[0]
		return nil
	}
	env, ok := stack.Environment(args[0])
	if !ok {
		var names []string
		for _, e := range stack.Environments {
			names = append(names, e.Name)
		}
		return fmt.Errorf("%s has no environment %q; it has %s", d.file, args[0], strings.Join(names, ", "))
	}
	d.env = env
	return nil
}

// open connects to the environment's account. start starts the engine where the
// environment is on it and none runs.
func (d *deployment) open(ctx context.Context, start bool) error {
	var err error
	d.target = cloud.Target{}
	if d.onEngine() {
		if d.target, err = d.engine(start); err != nil {
			return err
		}
	}
	names, err := d.names(d.target.Endpoint)
	if err != nil {
		return err
	}
	d.account, err = cloud.Open(ctx, &d.env, d.target, names)
	if errors.Is(err, cloud.ErrAccount) {
		return &exit{exitCredentials, err}
	}
	if err == nil {
		d.env.Cluster.Nth, err = d.account.Spread(ctx, &d.env)
	}
	return err
}

// onEngine tells whether the environment is on the engine, or is one of AWS's that
// a shell that speaks to an engine (slipway engine env) tries there.
func (d *deployment) onEngine() bool { return d.env.On == "engine" || shellEngine() }

func shellEngine() bool {
	return os.Getenv("SLIPWAY_ACCOUNT") != "" && os.Getenv("AWS_ENDPOINT_URL") != ""
}

// begin is load and open.
func (d *deployment) begin(c *cobra.Command, args []string, start bool) error {
	if err := d.load(args); err != nil {
		return err
	}
	return d.open(c.Context(), start)
}

// short is a revision without its ARN's front.
func short(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// engine is where the engine of the environment is: the one that the shell's
// variables lead to (slipway engine env), else this machine's.
func (d *deployment) engine(start bool) (cloud.Target, error) {
	if shellEngine() {
		d.door = release.Door{Address: os.Getenv("SLIPWAY_HTTPS"), CA: os.Getenv("SLIPWAY_CA"), Instance: "127.0.0.1"}
		d.resolver = os.Getenv("SLIPWAY_DNS")
		return cloud.Target{Endpoint: os.Getenv("AWS_ENDPOINT_URL"), Patience: 30 * time.Millisecond}, nil
	}
	r, err := runfile.Read(d.data)
	if errors.Is(err, runfile.ErrNone) && start {
		began := time.Now()
		if r, err = spawn(d.data, []string{"engine", "run", "--ready-fd=3", "--data=" + d.data}, nil); err == nil {
			d.reporter.Sink(slipway.Event{Time: time.Now(), Phase: "engine", State: slipway.Done, Elapsed: time.Since(began),
				Text: fmt.Sprintf("started (account %s, region %s, data %s)", r.Account, r.Region, d.data)})
		}
	}
	if errors.Is(err, runfile.ErrNone) {
		return cloud.Target{}, fmt.Errorf("%w; start it: slipway engine start, or slipway up %s", err, d.env.Name)
	}
	if err != nil {
		return cloud.Target{}, err
	}
	secret, token, err := r.Secrets(d.data)
	if err != nil {
		return cloud.Target{}, err
	}
	_, port, _ := net.SplitHostPort(r.HTTPS)
	d.door = release.Door{Address: net.JoinHostPort("127.0.0.1", port), CA: r.CA, Instance: "127.0.0.1"}
	d.token, d.resolver = token, r.DNS
	region := d.env.Region
	if region == "" {
		region = r.Region
	}
	return cloud.Target{Endpoint: "http://" + r.API, AccessKeyID: r.AccessKeyID, SecretKey: secret, Region: region, Patience: 30 * time.Millisecond}, nil
}

// names is who keeps the hosts' names. The engine's zones are made as they are
// needed: nobody else owns them.
func (d *deployment) names(endpoint string) (dns.Provider, error) {
	if d.onEngine() {
		token := d.token
		base := endpoint + "/client/v4"
		if token == "" {
			token, base = os.Getenv("CLOUDFLARE_API_TOKEN"), os.Getenv("CLOUDFLARE_BASE_URL")
		}
		return dns.NewCloudflare(base, token, true), nil
	}
	switch d.env.DNS.Provider {
	case "none":
		return dns.None{}, nil
	case "cloudflare":
		token := os.Getenv("CLOUDFLARE_API_TOKEN")
		if token == "" {
			return nil, &exit{exitCredentials, fmt.Errorf("dns is cloudflare and CLOUDFLARE_API_TOKEN is not set: a token with Zone:Read and DNS:Edit for the hosts' zones; nothing was read or changed")}
		}
		return dns.NewCloudflare(os.Getenv("CLOUDFLARE_BASE_URL"), token, false).Narrow(d.env.DNS.Zone, d.env.DNS.Account), nil
	case "route53":
		return nil, nil // the environment's account keeps them
	}
	return nil, fmt.Errorf("dns provider %q is not served yet", d.env.DNS.Provider)
}
