package release

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Door is the way to a load balancer's port 443 that does not wait for names to
// spread: an address to dial instead of the host's own, and a root beside the
// system's.
type Door struct {
	// Address is host:port; "" dials what the host's name resolves to.
	Address string
	// CA is a root certificate's file; "" is the system's alone.
	CA string
	// Instance is an address at which every instance's ports are dialled, to see
	// for oneself what a health check sees; "" is none: on AWS security groups
	// let the load balancer in, and nobody else.
	Instance string
}

// Proof is a host that answered over verified TLS.
type Proof struct {
	URL     string        `json:"url"`
	Status  int           `json:"status"`
	Took    time.Duration `json:"took"` // nanoseconds
	Expires time.Time     `json:"expires"`
}

// Prove asks the host (with a port where that is not 443) over TLS, its certificate verified, until it answers with
// something that is no error of the balancer's.
func Prove(ctx context.Context, host, path string, door Door, limit time.Duration) (*Proof, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if door.CA != "" {
		text, err := os.ReadFile(door.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the root certificate: %w", err)
		}
		roots.AppendCertsFromPEM(text)
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil { // the usual port
		name = host
	}
	var dialer net.Dialer
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if door.Address != "" {
				address = door.Address
			}
			return dialer.DialContext(ctx, network, address)
		}}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	url := "https://" + host + path
	var last error
	for wait := 20 * time.Millisecond; ; wait = min(wait*2, 2*time.Second) {
		var p *Proof
		if p, last = ask(ctx, client, url); last == nil {
			return p, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%s does not answer: %w", url, last)
		case <-timer.C:
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) (*Proof, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "slipway")
	start := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode >= 500 {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	if res.TLS == nil || len(res.TLS.PeerCertificates) == 0 {
		return nil, errors.New("it has no certificate")
	}
	return &Proof{URL: url, Status: res.StatusCode, Took: time.Since(start), Expires: res.TLS.PeerCertificates[0].NotAfter}, nil
}

// prove asks every host of the environment.
func prove(ctx context.Context, env *slipway.Environment, o Options, out *Outcome) error {
	for _, s := range env.Services {
		if s.Scale == nil && s.Count == 0 {
			continue // nothing answers, as the file wants it
		}
		for _, r := range s.Rules {
			for _, host := range r.Hosts {
				proof, err := Prove(ctx, host+port(env), provable(&s, r), o.Door, 2*time.Minute)
				if err != nil {
					return err
				}
				out.Proofs = append(out.Proofs, *proof)
				if url := "https://" + host + port(env); !slices.Contains(out.URLs, url) {
					out.URLs = append(out.URLs, url)
				}
			}
		}
	}
	return nil
}

// port is what a URL says of the listener that the file names, where that is not
// 443.
func port(env *slipway.Environment) string {
	if n, err := strconv.Atoi(env.Cluster.Listener); err == nil && n != 443 {
		return ":" + env.Cluster.Listener
	}
	return ""
}

// provable is a path that the rule leads to the service, to ask once it serves: the
// health check's, where the rule leads it there.
func provable(s *slipway.Service, r slipway.Rule) string {
	if len(r.Paths) == 0 || slices.ContainsFunc(r.Paths, func(p string) bool { return leads(p, s.Health.Path) }) {
		return s.Health.Path
	}
	path := strings.TrimRight(r.Paths[0], "*")
	return strings.ReplaceAll(path, "?", "a")
}

// leads tells whether a rule's path pattern takes a path, as the load balancer
// compares them: * is any characters, ? is one.
func leads(pattern, path string) bool {
	switch {
	case pattern == "":
		return path == ""
	case pattern[0] == '*':
		return leads(pattern[1:], path) || path != "" && leads(pattern, path[1:])
	}
	return path != "" && (pattern[0] == '?' || pattern[0] == path[0]) && leads(pattern[1:], path[1:])
}
