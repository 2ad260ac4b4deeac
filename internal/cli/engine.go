package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/engine/faults"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

func newEngine(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "engine",
		Short: "The one-machine engine: AWS's APIs, made true here",
		Long: `The engine serves the APIs of ECS, ECR, Elastic Load Balancing, EC2, IAM and their
neighbours on this machine and makes them true: containers run, the load balancer
routes, the registry stores, names resolve. Every AWS client works against it.`,
		Example: `  slipway engine start
  eval "$(slipway engine env)"
  aws ecs list-clusters`,
	}
	c.AddCommand(engineRun(t), engineStart(t), engineStop(t), engineStatus(t), engineEnv(t), engineReset(t), engineBackup(t), engineTrust(t))
	return c
}

// engineFlags are the options of run and start.
func engineFlags(c *cobra.Command, cfg *engine.Config, keys *[]string) {
	f := c.Flags()
	dataFlag(c, &cfg.Data)
	f.StringVar(&cfg.Account, "account", "000000000000", "account id, 12 digits")
	f.StringVar(&cfg.Region, "region", "eu-west-1", "default region; every region has resources of its own")
	f.StringArrayVar(keys, "root-key", nil, "further root credentials, ID:SECRET (repeatable)")
	f.BoolVar(&cfg.Simulate, "simulate", false, "no containers: tasks go through their states by themselves")
	f.BoolVar(&cfg.AllowReset, "allow-reset", false, "let POST /_slipway/reset wipe everything")
	f.Var((*faultsFlag)(&cfg.Faults), "faults", "what goes wrong on purpose, such as "+faults.Default+",seed=1")
	f.BoolVar(&cfg.AllowFaults, "allow-faults", false, "let POST /_slipway/faults change that while the engine runs")
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1", "address to listen on; the registry stays on loopback, where Docker takes it without TLS")
	f.StringVar(&cfg.API, "port", "", "port of the AWS endpoint (default 4610; 0 picks one)")
	f.StringVar(&cfg.HTTP, "http", "", "port behind the load balancers' port 80 (default 80, else 8080; 0 picks one)")
	f.StringVar(&cfg.HTTPS, "https", "", "port behind the load balancers' port 443 (default 443, else 8443; 0 picks one)")
	f.StringVar(&cfg.DNS, "dns", "", "port of the DNS server (default 5353; 0 picks one)")
	f.Var((*commaList)(&cfg.Forward), "forward", "name servers asked about names outside the engine's zones, IP[:PORT],… (default none: refused)")
	f.StringVar(&cfg.Registry, "registry", "", "port of the registry (default 4611; 0 picks one)")
}

// commaList is a flag with several values; it prints as it is given.
type commaList []string

func (l *commaList) String() string { return strings.Join(*l, ",") }
func (l *commaList) Type() string   { return "list" }
func (l *commaList) Set(s string) error {
	*l = strings.Split(s, ",")
	return nil
}

// faultsFlag is what goes wrong on purpose, as a flag.
type faultsFlag faults.Spec

func (f *faultsFlag) String() string { return faults.Spec(*f).String() }
func (f *faultsFlag) Type() string   { return "spec" }
func (f *faultsFlag) Set(text string) error {
	spec, err := faults.Parse(text)
	*f = faultsFlag(spec)
	return err
}

func dataFlag(c *cobra.Command, dir *string) {
	dataFlagSaying(c, dir, "data folder")
}

// dataFlagSaying is the flag with a text of its own; help shows the default as a
// person would write it, not this user's.
func dataFlagSaying(c *cobra.Command, dir *string, text string) {
	c.Flags().StringVar(dir, "data", defaultData(), text)
	c.Flags().Lookup("data").DefValue = "$SLIPWAY_DATA, or ~/.local/share/slipway"
}

// defaultData is $XDG_DATA_HOME/slipway or ~/.local/share/slipway.
func defaultData() string {
	if d := os.Getenv("SLIPWAY_DATA"); d != "" {
		return d
	}
	if d := os.Getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "slipway")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "slipway-data"
	}
	return filepath.Join(home, ".local", "share", "slipway")
}

// rootKeysEnv hands root keys from start to run, a line each.
const rootKeysEnv = "SLIPWAY_ROOT_KEYS"

func rootKeys(flags []string) ([]engine.RootKey, error) {
	var keys []engine.RootKey
	for _, s := range flags {
		id, secret, ok := strings.Cut(s, ":")
		if !ok || id == "" || secret == "" {
			return nil, errors.New("--root-key takes ID:SECRET")
		}
		keys = append(keys, engine.RootKey{ID: id, Secret: secret})
	}
	return keys, nil
}

func engineRun(t *terminal) *cobra.Command {
	var cfg engine.Config
	var keys []string
	var ready int
	var audit string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the engine in the foreground",
		Example: `  slipway engine run
  slipway engine run --faults throttle=5%,error=2%,lost=1%,stale=300ms,validation=2s,seed=1
  slipway engine run --data /var/lib/slipway --simulate --port 0 --http 0 --https 0 --dns 0 --registry 0`,
		Long: "Runs the engine until SIGTERM or interrupt, which let requests in flight end first. Logs go to standard error, JSON lines.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if more := os.Getenv(rootKeysEnv); more != "" {
				keys = append(keys, strings.Split(more, "\n")...)
			}
			if cfg.RootKeys, err = rootKeys(keys); err != nil {
				return err
			}
			cfg.Version = Version()
			self, err := os.Executable()
			if err != nil {
				return err
			}
			cfg.Build = []string{self, "git", "build"}
			cfg.Log = slog.New(slog.NewJSONHandler(t.err, nil))
			if audit != "" {
				f, err := os.OpenFile(audit, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
				if err != nil {
					tellParent(ready, err)
					return err
				}
				defer f.Close()
				cfg.Audit = f
			}
			e, err := engine.Start(c.Context(), cfg)
			tellParent(ready, err)
			if err != nil {
				return err
			}
			if ready == 0 {
				printRunning(t.out, e.Running(), "running; interrupt ends it")
			}
			return e.Serve(c.Context())
		},
	}
	engineFlags(c, &cfg, &keys)
	auditFlag(c, &audit)
	c.Flags().IntVar(&ready, "ready-fd", 0, "file descriptor that is told when the engine listens")
	c.Flags().MarkHidden("ready-fd")
	return c
}

// tellParent tells the parent that waits in `engine start` how it went: an error's
// text, or nothing.
func tellParent(fd int, err error) {
	if fd == 0 {
		return
	}
	f := os.NewFile(uintptr(fd), "ready")
	if err != nil {
		io.WriteString(f, err.Error())
	}
	f.Close()
}

func engineStart(t *terminal) *cobra.Command {
	var cfg engine.Config
	var keys []string
	c := &cobra.Command{
		Use:   "start",
		Short: "Start the engine in the background",
		Example: `  slipway engine start
  eval "$(slipway engine env)" && aws ecs list-clusters`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := rootKeys(keys); err != nil {
				return err
			}
			if r, err := runfile.Read(cfg.Data); err == nil {
				printRunning(t.out, *r, "runs already")
				return nil
			}
			r, err := spawn(cfg.Data, backgroundArgs(c), keys)
			if err != nil {
				return err
			}
			printRunning(t.out, *r, "started")
			return nil
		},
	}
	engineFlags(c, &cfg, &keys)
	auditFlag(c, new(string))
	return c
}

func auditFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "audit", "", "append each question asked of IAM and its answer to this file, a JSON object a line")
}

// backgroundArgs are the flags given to start, for run.
func backgroundArgs(c *cobra.Command) []string {
	args := []string{"engine", "run", "--ready-fd=3"}
	for _, name := range []string{"data", "account", "region", "simulate", "allow-reset", "faults", "allow-faults", "listen", "port", "http", "https", "dns", "forward", "registry", "audit"} {
		if f := c.Flags().Lookup(name); f.Changed {
			args = append(args, "--"+name+"="+f.Value.String())
		}
	}
	return args
}

// spawn starts the engine as a process of its own and returns when it listens,
// or with the reason why it does not.
func spawn(dir string, args, keys []string) (*runfile.Running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	logFile, err := os.OpenFile(filepath.Join(dir, "engine.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := os.StartProcess(self, append([]string{self}, args...), &os.ProcAttr{
		Env:   append(os.Environ(), rootKeysEnv+"="+strings.Join(keys, "\n")), // not in ps
		Files: []*os.File{nil, logFile, logFile, w},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	w.Close()
	if err != nil {
		return nil, fmt.Errorf("starting the engine: %w", err)
	}
	reason, err := io.ReadAll(r) // ends when the engine listens or is gone
	if err != nil || len(reason) > 0 {
		p.Wait()
		return nil, errors.New(string(reason))
	}
	running, err := runfile.Read(dir)
	if err != nil {
		return nil, fmt.Errorf("the engine ended at once; its log is %s", logFile.Name())
	}
	return running, p.Release()
}

func engineStop(t *terminal) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the engine; containers go on and are adopted at the next start",
		Example: `  slipway engine stop`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := runfile.Read(dir)
			if errors.Is(err, runfile.ErrNone) {
				fmt.Fprintln(t.out, err)
				return nil
			}
			if err != nil {
				return err
			}
			if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil {
				return fmt.Errorf("stopping process %d: %w", r.PID, err)
			}
			if err := runfile.Wait(dir); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "engine stopped (process %d)\n", r.PID)
			return nil
		},
	}
	dataFlag(c, &dir)
	return c
}

func engineStatus(t *terminal) *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Tell whether the engine runs and where it listens (exit 1: it does not)",
		Example: `  slipway engine status
  slipway engine status --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runfile.Read(dir)
			if err != nil {
				return err
			}
			if err := healthy(c.Context(), r.API); err != nil {
				return fmt.Errorf("process %d holds %s but does not answer: %w", r.PID, dir, err)
			}
			if asJSON {
				r.SealedSecret, r.SealedToken = nil, nil
				return json.NewEncoder(t.out).Encode(r)
			}
			printRunning(t.out, *r, "running since "+r.Started.Local().Format(time.DateTime))
			return printListeners(c.Context(), t.out, r.API)
		},
	}
	dataFlag(c, &dir)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func healthy(ctx context.Context, api string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+api+"/healthz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz says %s", res.Status)
	}
	return nil
}

// printListeners tells where load balancers' listeners are served.
func printListeners(ctx context.Context, w io.Writer, api string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+api+"/_slipway/listeners", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var all []struct {
		LoadBalancer, Host, Protocol, Address string
		Port                                  int
	}
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		return fmt.Errorf("asking for the listeners: %w", err)
	}
	for _, l := range all {
		if l.Address == "" {
			l.Address = "not served: see the engine's log"
		}
		fmt.Fprintf(w, "listener  %s %s:%d is at %s\n", l.LoadBalancer, l.Protocol, l.Port, l.Address)
	}
	return nil
}

func printRunning(w io.Writer, r runfile.Running, what string) {
	fmt.Fprintf(w, "engine    %s (process %d, account %s, region %s)\n", what, r.PID, r.Account, r.Region)
	fmt.Fprintf(w, "endpoint  http://%s\n", r.API)
	fmt.Fprintf(w, "balancer  http %s · https %s\n", r.HTTP, r.HTTPS)
	fmt.Fprintf(w, "registry  %s\ndns       %s\nroot ca   %s\n", r.Registry, r.DNS, r.CA)
	fmt.Fprintf(w, "next      eval \"$(slipway engine env)\"\n")
}
