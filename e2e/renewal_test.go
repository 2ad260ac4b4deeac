package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Somebody takes away the record that proves the domain. As long as ACM has time
// to renew nobody is bothered; twelve days before the end the plan says so, and
// the next deploy writes the record.
func TestACertificateThatWillNotBeRenewedIsSeen(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, "off")
	c, ctx := f.p.Client(), t.Context()
	names := dns.NewCloudflare(c.Endpoint+"/client/v4", c.CloudflareToken, true)
	at := func(now time.Time) *cloud.Account {
		t.Helper()
		a, err := cloud.Open(ctx, &f.env, cloud.Target{Endpoint: c.Endpoint, AccessKeyID: c.KeyID, SecretKey: c.Secret, Region: c.Region, Patience: 30 * time.Millisecond, Now: func() time.Time { return now }}, names)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if _, err := at(time.Now()).PutSecret(ctx, "/playground/key", "secret"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.up(ctx, "v1"); err != nil {
		t.Fatalf("up: %v\n%s", err, strings.Join(f.events, "\n"))
	}
	var list struct {
		CertificateSummaryList []struct{ CertificateArn string }
	}
	var one struct {
		Certificate struct {
			NotAfter                float64
			DomainValidationOptions []struct{ ResourceRecord struct{ Name string } }
		}
	}
	if err := c.JSON(ctx, "acm", "CertificateManager.ListCertificates", struct{}{}, &list); err != nil || len(list.CertificateSummaryList) != 1 {
		t.Fatal(list, err)
	}
	if err := c.JSON(ctx, "acm", "CertificateManager.DescribeCertificate", list.CertificateSummaryList[0], &one); err != nil {
		t.Fatal(err)
	}
	record := dns.Bare(one.Certificate.DomainValidationOptions[0].ResourceRecord.Name)
	records, err := names.Find(ctx, record, "CNAME")
	if err != nil || len(records) != 1 {
		t.Fatalf("%s: %v %v", record, records, err)
	}
	if err := names.Remove(ctx, records[0]); err != nil {
		t.Fatal(err)
	}
	end := time.Unix(int64(one.Certificate.NotAfter), 0).UTC()
	twelve := end.Truncate(24 * time.Hour).Add(-12 * 24 * time.Hour)
	changes := func(ctx context.Context, now time.Time) (all []string) {
		t.Helper()
		p, _, err := release.Look(ctx, at(now), f.env, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Steps {
			if s.Action != slipway.Keep {
				all = append(all, fmt.Sprintf("%s %s: %s", s.Action, s.ID, s.Why))
			}
		}
		return all
	}
	if got := changes(ctx, end.Add(-50*24*time.Hour)); len(got) > 0 {
		t.Errorf("with 50 days left: %v", got)
	}
	want := fmt.Sprintf("create %s: the certificate expires in 12 days and no validation record: will be added", plan.Proof("example.com"))
	if got := changes(ctx, twelve); len(got) != 1 || got[0] != want {
		t.Errorf("with 12 days left: %v, not %s", got, want)
	}
	if _, err := release.Run(ctx, at(twelve), f.stack, f.env, release.Options{Tag: "v2", Environment: true, Wait: true, Door: f.door, Sink: f.sink}); err != nil {
		t.Fatalf("up: %v\n%s", err, strings.Join(f.events, "\n"))
	}
	if records, err := names.Find(ctx, record, "CNAME"); err != nil || len(records) != 1 {
		t.Errorf("after the next run: %v %v", records, err)
	}
	if got := changes(ctx, twelve); len(got) > 0 {
		t.Errorf("after the next run: %v", got)
	}
}
