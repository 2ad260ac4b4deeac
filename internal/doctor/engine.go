package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
)

// Port is one of an engine's sockets.
type Port struct{ What, Address string }

// Ports dials each of an engine's ports.
func Ports(ctx context.Context, list []Port) Finding {
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, p := range list {
		wg.Go(func() {
			var d net.Dialer
			c, err := d.DialContext(ctx, "tcp", p.Address)
			if err == nil {
				c.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return ports(list, errs)
}

func ports(list []Port, errs []error) Finding {
	var all, dead []string
	usual := true
	for i, p := range list {
		all = append(all, p.What+" "+p.Address)
		if errs[i] != nil {
			dead = append(dead, fmt.Sprintf("%s %s (%s)", p.What, p.Address, because(errs[i])))
		}
		if _, port, _ := net.SplitHostPort(p.Address); p.What == "https" && port != "443" {
			usual = false
		}
	}
	if len(dead) > 0 {
		return fail("engine", "slipway engine stop, then slipway engine start; its log says what happened", "does not answer at %s", strings.Join(dead, ", "))
	}
	text := "answers: " + strings.Join(all, " · ")
	if !usual {
		text += " (443 was taken, or is not for this user: browsers need the port)"
	}
	return ok("engine", "%s", text)
}

// because is the innermost reason of a dial that failed.
func because(err error) string {
	list := strings.Split(err.Error(), ": ")
	return list[len(list)-1]
}

// Trust finds out whether this machine's programs trust an engine's certificates:
// files are its anchors, one for each domain.
func Trust(files []string) Finding {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	return trust(files, pool)
}

func trust(files []string, pool *x509.CertPool) Finding {
	var yes, no []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return warn("trust", "slipway engine status", "%s", err)
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return warn("trust", "slipway engine status", "%s is no certificate", f)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return warn("trust", "slipway engine status", "%s: %s", f, err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			no = append(no, cert.PermittedDNSDomains...)
		} else {
			yes = append(yes, cert.PermittedDNSDomains...)
		}
	}
	slices.Sort(no)
	slices.Sort(yes)
	switch {
	case len(no) > 0:
		return warn("trust", "sudo slipway engine trust   (slipway url --curl works without)", "this machine does not trust the engine's certificates for %s", some(no))
	case len(yes) > 0:
		return ok("trust", "this machine trusts the engine's certificates for %s", some(yes))
	}
	return ok("trust", "the engine has issued no certificate yet")
}
