package acm

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1"}
)

// zone is a Resolver that a test fills.
type zone map[string]string

func (z zone) CNAME(_ context.Context, name string) (string, error) {
	if target := z[name]; target != "" {
		return target, nil
	}
	return "", errors.New("no such name")
}

func (zone) Changed() <-chan struct{} { return nil }

// selfSigned is an Issuer whose certificates sign themselves.
type selfSigned struct{ now *time.Time }

func (s selfSigned) Issue(names []string, _ api.KeyAlgorithm) (certificate, chain, key []byte, err error) {
	certificate, key = made(names, *s.now)
	return certificate, nil, key, nil
}

func (selfSigned) Revoke([]byte, int) error { return authority.ErrNotIssued }

func made(names []string, now time.Time) (certificate, key []byte) {
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t := &x509.Certificate{
		SerialNumber: big.NewInt(0x1a2b), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: now, NotAfter: now.Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, _ := x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(k)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// rig is a service on a store in memory and a clock of the test's.
type rig struct {
	*Service
	t   *testing.T
	now time.Time
	dns zone
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: noon, dns: zone{}}
	store := state.InMemory(Tables...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler), Account: caller.Account}
	r.Service = New(env, selfSigned{&r.now}, r.dns)
	return r
}

func (r *rig) request(names ...string) string {
	r.t.Helper()
	out, err := r.RequestCertificate(r.t.Context(), caller, &api.RequestCertificateRequest{DomainName: &names[0], SubjectAlternativeNames: names[1:], ValidationMethod: "DNS"})
	if err != nil {
		r.t.Fatal(err)
	}
	return *out.CertificateArn
}

func (r *rig) describe(arn string) *api.CertificateDetail {
	r.t.Helper()
	out, err := r.DescribeCertificate(r.t.Context(), caller, &api.DescribeCertificateRequest{CertificateArn: &arn})
	if err != nil {
		r.t.Fatal(err)
	}
	return out.Certificate
}

// settle lets the controller work until nothing is due.
func (r *rig) settle() {
	for range 4 {
		r.pass(r.t.Context(), false)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestACertificateIsIssuedOnceItsRecordResolves(t *testing.T) {
	r := newRig(t)
	arn := r.request("demo.example.com", "*.demo.example.com")
	if d := r.describe(arn); d.DomainValidationOptions[0].ResourceRecord != nil {
		t.Error("the record is there before the controller has made it")
	}
	r.settle()
	d := r.describe(arn)
	rec, wild := d.DomainValidationOptions[0].ResourceRecord, d.DomainValidationOptions[1].ResourceRecord
	if d.Status != api.CertificateStatusPendingValidation || rec == nil {
		t.Fatalf("status %s, record %v", d.Status, rec)
	}
	if diff := cmp.Diff(rec, wild); diff != "" {
		t.Errorf("a name and its wildcard have two records: %s", diff)
	}
	r.dns[*rec.Name] = *rec.Value
	r.settle()
	if d := r.describe(arn); d.Status != api.CertificateStatusPendingValidation {
		t.Errorf("issued before DNS was asked again: %s", d.Status)
	}
	r.now = r.now.Add(lookAgain)
	r.settle()
	d = r.describe(arn)
	if d.Status != api.CertificateStatusIssued || d.IssuedAt == nil || *d.Serial != "1a:2b" {
		t.Errorf("%s %v %v", d.Status, d.IssuedAt, d.Serial)
	}
	got, err := r.GetCertificate(t.Context(), caller, &api.GetCertificateRequest{CertificateArn: &arn})
	if err != nil || !strings.Contains(*got.Certificate, "BEGIN CERTIFICATE") {
		t.Errorf("%v", err)
	}
}

func TestTheRecordIsTheSameForLaterCertificates(t *testing.T) {
	a, b := newRig(t), newRig(t)
	x, y := a.request("demo.example.com"), b.request("demo.example.com")
	a.settle()
	b.settle()
	if diff := cmp.Diff(a.describe(x).DomainValidationOptions, b.describe(y).DomainValidationOptions); diff != "" {
		t.Error(diff)
	}
	host, _ := record("111111111111", "demo.example.com")
	if host == *a.describe(x).DomainValidationOptions[0].ResourceRecord.Name {
		t.Error("another account has the same record")
	}
}

func TestValidationGivesUpAfterThreeDays(t *testing.T) {
	r := newRig(t)
	arn := r.request("demo.example.com")
	r.settle()
	r.now = r.now.Add(giveUpAfter)
	r.settle()
	if d := r.describe(arn); d.Status != api.CertificateStatusValidationTimedOut {
		t.Error(d.Status)
	}
}

func TestAUsedCertificateIsRenewedAndNotDeleted(t *testing.T) {
	r := newRig(t)
	arn := r.request("demo.example.com")
	host, value := record(caller.Account, "demo.example.com")
	r.dns[host] = value
	r.settle()
	lb := "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/x/1"
	r.env.Store.Update(func(tx *state.Tx) error {
		SetUses(tx, caller.Scope(), lb, map[string]bool{arn: true})
		return nil
	})
	_, err := r.DeleteCertificate(t.Context(), caller, &api.DeleteCertificateRequest{CertificateArn: &arn})
	if code(err) != "ResourceInUseException" {
		t.Errorf("delete: %v", err)
	}
	first := r.describe(arn)
	if diff := cmp.Diff([]string{lb}, first.InUseBy); diff != "" || first.RenewalEligibility != api.RenewalEligibilityEligible {
		t.Errorf("%s %s", diff, first.RenewalEligibility)
	}
	r.now = r.now.Add(61 * 24 * time.Hour)
	r.settle()
	if d := r.describe(arn); !d.NotAfter.After(*first.NotAfter) || d.RenewalSummary == nil {
		t.Errorf("not renewed: until %v", d.NotAfter)
	}
	r.env.Store.Update(func(tx *state.Tx) error { SetUses(tx, caller.Scope(), lb, nil); return nil })
	if _, err := r.DeleteCertificate(t.Context(), caller, &api.DeleteCertificateRequest{CertificateArn: &arn}); err != nil {
		t.Errorf("delete of an unused one: %v", err)
	}
}

// used is a certificate that was issued and that a load balancer presents.
func (r *rig) used(name string) (arn, host, value string) {
	r.t.Helper()
	arn = r.request(name)
	host, value = record(caller.Account, name)
	r.dns[host] = value
	r.settle()
	r.env.Store.Update(func(tx *state.Tx) error {
		SetUses(tx, caller.Scope(), "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/x/1", map[string]bool{arn: true})
		return nil
	})
	return arn, host, value
}

// A bad day: the record that proved the name is gone, or leads elsewhere, when
// the certificate is to be renewed. It goes on being served, the API says what
// it waits for, and once the record is right again it is renewed at once.
func TestARenewalWaitsForItsRecord(t *testing.T) {
	for name, spoil := range map[string]func(z zone, host string){
		"gone":            func(z zone, host string) { delete(z, host) },
		"leads elsewhere": func(z zone, host string) { z[host] = "elsewhere.example.com." },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			arn, host, value := r.used("demo.example.com")
			spoil(r.dns, host)
			r.now = noon.Add(61 * 24 * time.Hour)
			r.settle()
			d := r.describe(arn)
			if d.Status != api.CertificateStatusIssued || d.RenewalSummary == nil || d.RenewalSummary.RenewalStatus != api.RenewalStatusPendingValidation {
				t.Fatalf("%s, renewal %+v", d.Status, d.RenewalSummary)
			}
			if v := d.RenewalSummary.DomainValidationOptions[0]; v.ValidationStatus != api.DomainStatusPendingValidation || *v.ResourceRecord.Name != host {
				t.Errorf("it does not say which record is missing: %+v", v)
			}
			if _, _, ok := r.Pair(r.env.Store.View(), caller.Scope(), arn); !ok {
				t.Error("it is not served any more")
			}
			r.dns[host] = value
			r.pass(t.Context(), true)
			if d := r.describe(arn); d.RenewalSummary.RenewalStatus != api.RenewalStatusSuccess || !d.NotAfter.After(noon.Add(91*24*time.Hour)) {
				t.Errorf("with the record back: %s until %v", d.RenewalSummary.RenewalStatus, d.NotAfter)
			}
		})
	}
}

// Another bad day: nobody mends the record.
func TestACertificateThatIsNotRenewedExpires(t *testing.T) {
	r := newRig(t)
	arn, host, _ := r.used("demo.example.com")
	delete(r.dns, host)
	for range 91 {
		r.now = r.now.Add(24 * time.Hour)
		r.settle()
	}
	if d := r.describe(arn); d.Status != api.CertificateStatusExpired {
		t.Error(d.Status)
	}
	if _, _, ok := r.Pair(r.env.Store.View(), caller.Scope(), arn); !ok {
		t.Error("AWS goes on presenting an expired certificate; this one is gone")
	}
}

func TestARecordThatLeadsElsewhereProvesNothing(t *testing.T) {
	r := newRig(t)
	arn := r.request("demo.example.com")
	host, value := record(caller.Account, "demo.example.com")
	r.dns[host] = "elsewhere.example.com."
	r.settle()
	if d := r.describe(arn); d.Status != api.CertificateStatusPendingValidation {
		t.Fatal(d.Status)
	}
	r.dns[host] = strings.ToUpper(value)
	r.pass(t.Context(), true)
	if d := r.describe(arn); d.Status != api.CertificateStatusIssued {
		t.Errorf("with the right record: %s", d.Status)
	}
}

func TestRequestsThatACMRefuses(t *testing.T) {
	r := newRig(t)
	many := make([]string, maxNames)
	for i := range many {
		many[i] = string(rune('a'+i)) + ".example.com"
	}
	tests := []struct {
		name string
		in   api.RequestCertificateRequest
		want string
	}{
		{"by mail", api.RequestCertificateRequest{DomainName: new("a.example.com"), ValidationMethod: "EMAIL"}, "ValidationException"},
		{"no domain", api.RequestCertificateRequest{DomainName: new("localhost"), ValidationMethod: "DNS"}, "InvalidDomainValidationOptionsException"},
		{"too many names", api.RequestCertificateRequest{DomainName: new("x.example.com"), SubjectAlternativeNames: many, ValidationMethod: "DNS"}, "LimitExceededException"},
		{"a key that cannot be issued", api.RequestCertificateRequest{DomainName: new("a.example.com"), ValidationMethod: "DNS", KeyAlgorithm: "RSA_1024"}, "ValidationException"},
	}
	for _, tt := range tests {
		if _, err := r.RequestCertificate(t.Context(), caller, &tt.in); code(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestAnIdempotencyTokenAnswersTheSameForAnHour(t *testing.T) {
	r := newRig(t)
	ask := func() string {
		out, err := r.RequestCertificate(t.Context(), caller, &api.RequestCertificateRequest{DomainName: new("a.example.com"), ValidationMethod: "DNS", IdempotencyToken: new("t1")})
		if err != nil {
			t.Fatal(err)
		}
		return *out.CertificateArn
	}
	first := ask()
	if again := ask(); again != first {
		t.Error("the second request made another certificate")
	}
	r.now = r.now.Add(tokenLife)
	if later := ask(); later == first {
		t.Error("the token is remembered for longer than an hour")
	}
}

func TestImport(t *testing.T) {
	r := newRig(t)
	cert, key := made([]string{"own.example.com"}, noon)
	out, err := r.ImportCertificate(t.Context(), caller, &api.ImportCertificateRequest{Certificate: cert, PrivateKey: key})
	if err != nil {
		t.Fatal(err)
	}
	d := r.describe(*out.CertificateArn)
	if d.Type != api.CertificateTypeImported || d.KeyAlgorithm != api.KeyAlgorithmECPrime256v1 || *d.DomainName != "own.example.com" || d.RenewalEligibility != api.RenewalEligibilityIneligible {
		t.Errorf("%+v", d)
	}
	_, other := made([]string{"own.example.com"}, noon)
	if _, err := r.ImportCertificate(t.Context(), caller, &api.ImportCertificateRequest{Certificate: cert, PrivateKey: other}); code(err) != "ValidationException" {
		t.Errorf("a key of another certificate: %v", err)
	}
	list, err := r.ListCertificates(t.Context(), caller, &api.ListCertificatesRequest{})
	if err != nil || len(list.CertificateSummaryList) != 0 {
		t.Errorf("EC certificates are listed only when asked for: %v %v", list, err)
	}
	list, err = r.ListCertificates(t.Context(), caller, &api.ListCertificatesRequest{Includes: &api.Filters{KeyTypes: []api.KeyAlgorithm{"EC_prime256v1"}}})
	if err != nil || len(list.CertificateSummaryList) != 1 {
		t.Errorf("%v %v", list, err)
	}
}
