package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeCertificates finds a certificate for each wanted host: one that names
// it, or a wildcard above it; issued ones before those that wait.
func (a *Account) observeCertificates(ctx context.Context, wanted []slipway.Resource) error {
	list := ofKind(wanted, slipway.KindCertificate)
	if len(list) == 0 {
		return nil
	}
	var all []types.CertificateSummary
	pages := acm.NewListCertificatesPaginator(a.acm, &acm.ListCertificatesInput{MaxItems: aws.Int32(1000),
		CertificateStatuses: []types.CertificateStatus{types.CertificateStatusIssued, types.CertificateStatusPendingValidation},
		Includes:            &types.Filters{KeyTypes: []types.KeyAlgorithm{types.KeyAlgorithmRsa2048, types.KeyAlgorithmRsa3072, types.KeyAlgorithmRsa4096, types.KeyAlgorithmEcPrime256v1, types.KeyAlgorithmEcSecp384r1}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("reading certificates: %w", plain(err))
		}
		all = append(all, page.CertificateSummaryList...)
	}
	for _, w := range list {
		best := slipway.Seen{}
		for _, c := range all {
			if !covers(c, w.Name) || best.Status == string(types.CertificateStatusIssued) && c.Status != types.CertificateStatusIssued {
				continue
			}
			s := slipway.Settings{"validated by": "DNS"} // how an issued one was made no longer matters
			if c.NotAfter != nil {
				s["expires"] = c.NotAfter.UTC().Format(time.DateOnly)
			}
			if best.Ref == "" || best.Status != string(c.Status) || s["expires"] > best.Settings["expires"] {
				best = slipway.Seen{Ref: aws.ToString(c.CertificateArn), Status: string(c.Status), Settings: s}
			}
		}
		if best.Ref == "" {
			continue
		}
		a.found(w.ID, best)
		if err := a.renewable(ctx, w.ID, best); err != nil {
			return err
		}
	}
	return nil
}

// unrenewed is when a certificate should have been renewed: ACM begins 60 days
// before its end (https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html).
const unrenewed = 45 * 24 * time.Hour

// renewable looks whether a certificate that should have been renewed still has
// the record that proves its domain. Where somebody keeps the names by hand,
// nobody here knows.
func (a *Account) renewable(ctx context.Context, id slipway.ID, have slipway.Seen) error {
	end, err := time.Parse(time.DateOnly, have.Settings["expires"])
	left := end.Sub(a.now())
	if err != nil || have.Status != string(types.CertificateStatusIssued) || left > unrenewed || a.dns.Name() == (dns.None{}).Name() {
		return nil
	}
	c, err := a.describeCertificate(ctx, id)
	if err != nil {
		return fmt.Errorf("reading the certificate of %s: %w", id.Name, plain(err))
	}
	record, ok := proof(c)
	if c.Type != types.CertificateTypeAmazonIssued || !ok {
		return nil
	}
	records, err := a.dns.Find(ctx, record.Name, "CNAME")
	if err != nil || slices.ContainsFunc(records, func(r dns.Record) bool { return proves(r, record) }) {
		return err
	}
	have.Settings[plan.Unproved] = fmt.Sprintf("the certificate expires in %d days and no validation record: will be added", int(left/(24*time.Hour)))
	a.found(id, have)
	return nil
}

// applyProof writes the record without which a certificate isn't renewed.
func (a *Account) applyProof(ctx context.Context, s slipway.Step, say func(string)) error {
	c, err := a.describeCertificate(ctx, plan.Certificate(s.Name))
	if err != nil {
		return err
	}
	record, _ := proof(c)
	return byHand(a.prove(ctx, record), say)
}

func covers(c types.CertificateSummary, host string) bool {
	names := append([]string{aws.ToString(c.DomainName)}, c.SubjectAlternativeNameSummaries...)
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) || strings.EqualFold(n, "*."+parent) })
}

// applyCertificate requests a certificate where none is pending, writes the
// record that proves the domain, and waits for it to be issued.
func (a *Account) applyCertificate(ctx context.Context, env *slipway.Environment, s slipway.Step, say func(string)) error {
	if s.Action != slipway.Change { // none, or one that failed
		out, err := a.acm.RequestCertificate(ctx, &acm.RequestCertificateInput{IdempotencyToken: aws.String(token()), DomainName: &s.Name, ValidationMethod: types.ValidationMethodDns,
			Tags: []types.Tag{{Key: aws.String(tagCluster), Value: &env.Cluster.Name}}})
		if err != nil {
			return err
		}
		a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.CertificateArn)})
	}
	record, err := a.validation(ctx, s)
	if err != nil {
		return err
	}
	if err := byHand(a.prove(ctx, record), say); err != nil {
		return err
	}
	say("waiting for the certificate: " + record.Name + " proves the domain")
	return a.until(ctx, "certificate for "+s.Name+" being issued", 75*time.Minute, func(ctx context.Context) (bool, error) {
		c, err := a.describeCertificate(ctx, s.ID)
		if is(err, "ResourceNotFoundException") {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch c.Status {
		case types.CertificateStatusIssued:
			return true, nil
		case types.CertificateStatusPendingValidation:
			return false, nil
		}
		return false, refused(s.Name, c)
	})
}

// refused says why a certificate can't be issued, and what to do.
func refused(host string, c *types.CertificateDetail) error {
	_, zone, _ := strings.Cut(host, ".")
	if c.FailureReason == types.FailureReasonCaaError {
		return fmt.Errorf("the certificate for %s can't be issued: a CAA record of %s or above does not allow Amazon; add: %s CAA 0 issue \"amazon.com\"", host, host, zone)
	}
	return fmt.Errorf("the certificate for %s can't be issued: %s %s", host, c.Status, c.FailureReason)
}

func (a *Account) describeCertificate(ctx context.Context, id slipway.ID) (*types.CertificateDetail, error) {
	out, err := a.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: aws.String(a.Ref(id))})
	if err != nil {
		return nil, err
	}
	return out.Certificate, nil
}

// validation is the record that proves the domain; ACM names it some seconds
// after the request.
func (a *Account) validation(ctx context.Context, s slipway.Step) (dns.Record, error) {
	var record dns.Record
	err := a.until(ctx, "validation record of "+s.Name, 5*time.Minute, func(ctx context.Context) (bool, error) {
		c, err := a.describeCertificate(ctx, s.ID)
		if is(err, "ResourceNotFoundException") {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if c.Status == types.CertificateStatusFailed {
			return false, refused(s.Name, c)
		}
		var ok bool
		record, ok = proof(c)
		return ok || c.Status == types.CertificateStatusIssued, nil
	})
	return record, err
}

// proof is the record that proves a certificate's first domain, once ACM says it.
func proof(c *types.CertificateDetail) (dns.Record, bool) {
	for _, o := range c.DomainValidationOptions {
		if r := o.ResourceRecord; r != nil {
			return dns.Record{Name: dns.Bare(aws.ToString(r.Name)), Type: "CNAME", Content: dns.Bare(aws.ToString(r.Value)), Comment: "proves the domain to ACM; keep it, renewals need it (slipway)"}, true
		}
	}
	return dns.Record{}, false
}

// byHand passes on which record somebody has to write, and is no error.
func byHand(err error, say func(string)) error {
	if e, ok := errors.AsType[*dns.ByHand](err); ok {
		say(e.Error())
		return nil
	}
	return err
}

// proves tells whether a record is the one that ACM asks for: one that Cloudflare
// proxies answers with an address.
func proves(r, asked dns.Record) bool {
	return r.Type == "CNAME" && r.Content == asked.Content && !r.Proxied
}

func (a *Account) prove(ctx context.Context, record dns.Record) error {
	if record.Name == "" {
		return nil
	}
	have, err := a.dns.Find(ctx, record.Name, "CNAME")
	if err != nil {
		return err
	}
	for _, r := range have {
		if proves(r, record) {
			return nil
		}
		record.ID = r.ID
	}
	return a.dns.Put(ctx, record)
}

// observeRecords reads the hosts' names.
func (a *Account) observeRecords(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) error {
	for _, w := range ofKind(wanted, slipway.KindRecord) {
		have, err := a.dns.Find(ctx, w.Name, "CNAME")
		if err != nil {
			return err
		}
		for _, r := range have {
			s := slipway.Settings{"leads to": r.Type + " " + r.Content, "proxied": "off"}
			if r.Proxied {
				s["proxied"] = "on"
			}
			if lb, ok := a.look(plan.Of(env).Balancer()); ok && r.Content == dns.Bare(lb.Settings["dns name"]) {
				s["leads to"] = plan.TheBalancer
			}
			a.found(w.ID, slipway.Seen{Ref: r.ID, Settings: s})
		}
	}
	return nil
}

func (a *Account) applyRecord(ctx context.Context, env *slipway.Environment, s slipway.Step, say func(string)) error {
	lb, _ := a.look(plan.Of(env).Balancer())
	r := dns.Record{ID: a.Ref(s.ID), Name: s.Name, Type: "CNAME", Content: lb.Settings["dns name"], Proxied: env.DNS.Proxied, Comment: "slipway " + env.Cluster.Name,
		Alias: lb.Settings["zone"], IPv6: strings.HasPrefix(lb.Settings["addresses"], "dualstack")}
	return byHand(a.dns.Put(ctx, r), say)
}
