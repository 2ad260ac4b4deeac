package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/authority/truststore"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

func engineTrust(t *terminal) *cobra.Command {
	var dir string
	var remove, dry, asJSON bool
	c := &cobra.Command{
		Use:   "trust",
		Short: "Make this machine's clients trust the engine's certificates, or no longer",
		Long: `Installs, for every domain that the engine has issued certificates for, an anchor
that can vouch for that domain and for nothing else: into the system's store, and into the
NSS databases of Chromium and Firefox if certutil is there. The engine's root, which
vouches for every name, is installed for one purpose: into Docker's certs.d, for the running
engine's registry alone. Docker itself takes a registry on loopback without a certificate;
Podman and skopeo, which read that folder too, do not. Every file and every command is
shown before it happens; --dry-run only shows.

Run it again once the engine has issued for another domain, or its registry's port is
another.`,
		Example: `  sudo slipway engine trust
  curl https://demo.example.com/
  sudo slipway engine trust --remove`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options := truststore.Options{}
			if home := invoker(); home != "" {
				options.Home = home
				if !c.Flags().Changed("data") && os.Getenv("SLIPWAY_DATA") == "" {
					dir = filepath.Join(home, ".local", "share", "slipway")
				}
			}
			plan, err := trustPlan(options, dir, remove)
			if err != nil {
				return err
			}
			if asJSON {
				err = encode(t.out, plan)
			} else {
				plan.show(t, dry)
			}
			if err != nil || dry {
				return err
			}
			return plan.carryOut(c.Context(), t, asJSON)
		},
	}
	dataFlag(c, &dir)
	c.Flags().BoolVar(&remove, "remove", false, "take back all that was ever installed")
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would be done, and do nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "show it as JSON")
	return c
}

// invoker is the home folder of who called sudo: the data and the browsers'
// profiles are that user's, not root's. It is "" without sudo.
func invoker() string {
	name := os.Getenv("SUDO_USER")
	if os.Geteuid() != 0 || name == "" {
		return ""
	}
	u, err := user.Lookup(name)
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// trusting is what would be done, and for which domains.
type trusting struct {
	// Domains are those of each anchor; there are none when anchors are removed.
	Domains [][]string     `json:"domains,omitempty"`
	Stores  []trustedStore `json:"stores"`
	changes []truststore.Change
}

type trustedStore struct {
	Name    string   `json:"name"`
	Steps   []string `json:"steps,omitempty"`
	Skipped string   `json:"skipped,omitempty"`
}

func trustPlan(o truststore.Options, dir string, remove bool) (p *trusting, err error) {
	p = &trusting{}
	if remove {
		p.changes, err = truststore.Remove(o)
		return p.told(), err
	}
	if running, err := runfile.Read(dir); err == nil {
		o.Registries, o.RegistryCA = []string{running.Registry}, running.CA
	}
	found, err := authority.Anchors(filepath.Join(dir, "authority"))
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, authority.Anchor.Address) // the registry's, which certs.d sees to
	if len(found) == 0 && len(o.Registries) == 0 {
		return nil, fmt.Errorf("the engine of %s has issued no certificate yet: request one through ACM, then run this again (--data names another engine)", dir)
	}
	var anchors []truststore.Anchor
	for _, a := range found {
		anchors = append(anchors, truststore.Anchor{Name: a.Name, File: a.File})
		p.Domains = append(p.Domains, a.Domains)
	}
	p.changes, err = truststore.Install(o, anchors)
	return p.told(), err
}

// told fills in what is shown of the changes.
func (p *trusting) told() *trusting {
	for _, c := range p.changes {
		s := trustedStore{Name: c.Store, Skipped: c.Skipped}
		for _, step := range c.Steps {
			s.Steps = append(s.Steps, step.String())
		}
		p.Stores = append(p.Stores, s)
	}
	return p
}

func (p *trusting) show(t *terminal, dry bool) {
	for _, domains := range p.Domains {
		fmt.Fprintf(t.out, "trust     %s, and nothing else\n", strings.Join(domains, ", "))
	}
	for _, s := range p.Stores {
		if s.Skipped != "" {
			fmt.Fprintf(t.out, "skip      %s: %s\n", s.Name, s.Skipped)
			continue
		}
		fmt.Fprintf(t.out, "touch     %s\n", s.Name)
		for _, step := range s.Steps {
			fmt.Fprintf(t.out, "            %s\n", step)
		}
	}
	if dry {
		fmt.Fprintln(t.out, "dry run   nothing was touched")
	}
}

// carryOut does every step. A store that fails keeps the others from nothing.
func (p *trusting) carryOut(ctx context.Context, t *terminal, quiet bool) error {
	var errs []error
	for _, change := range p.changes {
		if len(change.Steps) == 0 {
			continue
		}
		if err := change.Apply(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		if !quiet {
			fmt.Fprintf(t.out, "done      %s\n", change.Store)
		}
	}
	return errors.Join(errs...)
}
