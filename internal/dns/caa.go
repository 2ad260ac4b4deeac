package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// issuers are the names by which a CAA record allows Amazon to issue
// (https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html).
var issuers = []string{"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"}

// Forbidden is the error of a host for which a CAA record does not let Amazon
// issue a certificate.
type Forbidden struct {
	// Host is whose certificate it is, Domain where the record stands, Allowed who
	// may issue instead.
	Host, Domain string
	Allowed      []string
}

func (e *Forbidden) Error() string {
	who := "nobody"
	if len(e.Allowed) > 0 {
		who = strings.Join(e.Allowed, ", ") + " only"
	}
	return fmt.Sprintf("the certificate for %s cannot be issued: the CAA record of %s allows %s; add 0 issue \"amazon.com\"", e.Host, e.Domain, who)
}

// Resolver asks a name server; "" is the first of /etc/resolv.conf.
type Resolver struct{ Address string }

// MayIssue tells whether Amazon may issue a certificate for the host: the CAA
// records of the nearest domain that has any decide (RFC 8659), and without any
// everybody may. The error is a [*Forbidden]; where nothing can be found out there
// is none, for ACM says so itself.
func (r Resolver) MayIssue(ctx context.Context, host string) error {
	name, wild := strings.CutPrefix(Bare(host), "*.")
	for domain := name; domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		records, err := r.caa(ctx, domain)
		if err != nil {
			return nil
		}
		if len(records) > 0 {
			return decide(host, domain, records, wild)
		}
	}
	return nil
}

// decide is what a domain's records say. Wildcards obey issuewild, where there is
// any; a property that is critical and unknown forbids.
func decide(host, domain string, records []*dns.CAA, wild bool) error {
	property := "issue"
	if wild && slices.ContainsFunc(records, func(c *dns.CAA) bool { return strings.EqualFold(c.Tag, "issuewild") }) {
		property = "issuewild"
	}
	var allowed []string
	asked := false
	for _, c := range records {
		if !strings.EqualFold(c.Tag, property) {
			continue
		}
		asked = true
		who, _, _ := strings.Cut(c.Value, ";")
		who = strings.ToLower(strings.TrimSpace(who))
		if slices.Contains(issuers, who) {
			return nil
		}
		if who != "" {
			allowed = append(allowed, who)
		}
	}
	if !asked {
		return nil
	}
	return &Forbidden{Host: host, Domain: domain, Allowed: allowed}
}

func (r Resolver) caa(ctx context.Context, domain string) ([]*dns.CAA, error) {
	address := r.Address
	if address == "" {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(config.Servers) == 0 {
			return nil, errors.New("no resolver is configured")
		}
		address = net.JoinHostPort(config.Servers[0], config.Port)
	}
	question := new(dns.Msg).SetQuestion(dns.Fqdn(domain), dns.TypeCAA)
	client := dns.Client{Timeout: 2 * time.Second}
	answer, _, err := client.ExchangeContext(ctx, question, address)
	if err == nil && answer.Truncated {
		client.Net = "tcp"
		answer, _, err = client.ExchangeContext(ctx, question, address)
	}
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("the resolver says %s", dns.RcodeToString[answer.Rcode])
	}
	var records []*dns.CAA
	for _, rr := range answer.Answer { // also what stands behind a CNAME of the name
		if c, ok := rr.(*dns.CAA); ok {
			records = append(records, c)
		}
	}
	return records, nil
}
