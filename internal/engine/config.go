package engine

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/faults"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Config is how an engine is to run. Data is required; the zero value of every
// other field means its default.
type Config struct {
	// Data is the folder of everything that is kept. It is made if need be.
	Data string
	// Account is the account id, twelve digits. Default 000000000000.
	Account string
	// Region is the default region. Every region has resources of its own.
	Region string
	// RootKeys are further credentials of the root user, for clients that sign
	// with fixed ones.
	RootKeys []RootKey
	// Simulate lets tasks go through their states without containers.
	Simulate bool
	// AllowReset permits POST /_slipway/reset; Simulate does too.
	AllowReset bool
	// Faults is what goes wrong on purpose. Default: nothing.
	Faults faults.Spec
	// AllowFaults permits POST /_slipway/faults, which changes that; Simulate does too.
	AllowFaults bool
	// Listen is the address to listen on. Default 127.0.0.1.
	Listen string
	// API, HTTP, HTTPS, DNS and Registry are ports: a number, ":0" or "0" to
	// pick a free one, or "" for the default. A default that is taken or
	// forbidden gives way to another port; a port that is named does not.
	API, HTTP, HTTPS, DNS, Registry string
	// Forward are name servers, host or host:port, that are asked about names
	// outside the engine's zones, for clients of its DNS server and for the
	// validation of certificates. Default: none; such names are refused.
	Forward []string
	// Build is the program that builds a pushed git ref: it runs in a clone, with
	// the ref behind it. None: there is no git remote.
	Build []string
	// Version is the program's, as told in logs and to clients.
	Version string
	// Audit takes each question that IAM was asked and its answer, a Decision as
	// one JSON line. Default: nowhere.
	Audit io.Writer
	// Log takes the engine's log. Default: nowhere.
	Log *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// RootKey is an access key of the root user.
type RootKey struct{ ID, Secret string }

func (k RootKey) String() string { return k.ID + ":…" }

// Normalize fills in the defaults.
func (c *Config) Normalize() {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&c.Account, "000000000000")
	def(&c.Region, "eu-west-1")
	def(&c.Listen, "127.0.0.1")
	def(&c.Version, "(devel)")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if abs, err := filepath.Abs(c.Data); err == nil && c.Data != "" {
		c.Data = abs
	}
}

var (
	accountForm = lazyregexp.New(`^[0-9]{12}$`)
	regionForm  = lazyregexp.New(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// Validate says what is wrong with a normalized configuration.
func (c *Config) Validate() error {
	switch {
	case c.Data == "":
		return fmt.Errorf("no data folder is named; give one with --data")
	case !accountForm.MatchString(c.Account):
		return fmt.Errorf("account %q is not twelve digits", c.Account)
	case !regionForm.MatchString(c.Region):
		return fmt.Errorf("region %q has not the form of one, such as eu-west-1", c.Region)
	case net.ParseIP(c.Listen) == nil:
		return fmt.Errorf("cannot listen on %q: give an IP address", c.Listen)
	}
	for _, server := range c.Forward {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			host = server
		}
		if net.ParseIP(host) == nil {
			return fmt.Errorf("--forward %q is not an IP address with or without a port", server)
		}
	}
	for flag, port := range map[string]string{"port": c.API, "http": c.HTTP, "https": c.HTTPS, "dns": c.DNS, "registry": c.Registry} {
		if n, err := strconv.Atoi(strings.TrimPrefix(port, ":")); port != "" && (err != nil || n < 0 || n > 65535) {
			return fmt.Errorf("--%s %q is not a port", flag, port)
		}
	}
	return nil
}
