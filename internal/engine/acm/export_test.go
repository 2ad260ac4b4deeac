package acm

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/authority"
)

// real is an Issuer on the engine's authority.
type real struct{ *authority.Authority }

func (i real) Issue(names []string, key api.KeyAlgorithm) (certificate, chain, privateKey []byte, err error) {
	c, err := i.Authority.Issue(authority.Request{Names: names, Key: authority.KeyAlgorithm(key)})
	if err != nil {
		return nil, nil, nil, err
	}
	return c.Certificate, c.Chain, c.PrivateKey, nil
}

// withAuthority is a rig whose certificates the engine's authority issues.
func withAuthority(t *testing.T) (*rig, *authority.Authority) {
	r := newRig(t)
	a, err := authority.Open(authority.Options{Dir: t.TempDir(), Now: r.env.Now, CRL: "http://127.0.0.1/crl"})
	if err != nil {
		t.Fatal(err)
	}
	r.issuer = real{a}
	return r, a
}

// issued is a certificate that was requested and has been issued.
func (r *rig) issued(export api.CertificateExport, name string) string {
	r.t.Helper()
	out, err := r.RequestCertificate(r.t.Context(), caller, &api.RequestCertificateRequest{
		DomainName: &name, ValidationMethod: "DNS", KeyAlgorithm: "EC_prime256v1", Options: &api.CertificateOptions{Export: export},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.settle()
	rec := r.describe(*out.CertificateArn).DomainValidationOptions[0].ResourceRecord
	r.dns[*rec.Name] = *rec.Value
	r.pass(r.t.Context(), true)
	if s := r.describe(*out.CertificateArn).Status; s != api.CertificateStatusIssued {
		r.t.Fatal(s)
	}
	return *out.CertificateArn
}

func TestAnExportedKeyOpensWithItsPassphrase(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIP: openssl is not installed")
	}
	r, _ := withAuthority(t)
	arn := r.issued(api.CertificateExportEnabled, "demo.example.com")
	out, err := r.ExportCertificate(t.Context(), caller, &api.ExportCertificateRequest{CertificateArn: &arn, Passphrase: []byte("correct horse")})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(*out.PrivateKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(openssl, "pkey", "-in", file, "-passin", "pass:wrong").CombinedOutput(); err == nil {
		t.Errorf("another passphrase opens it: %s", out)
	}
	plain, err := exec.Command(openssl, "pkey", "-in", file, "-passin", "pass:correct horse").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair([]byte(*out.Certificate+*out.CertificateChain), plain); err != nil {
		t.Error(err)
	}
	list, err := r.ListCertificates(t.Context(), caller, &api.ListCertificatesRequest{Includes: &api.Filters{KeyTypes: []api.KeyAlgorithm{"EC_prime256v1"}}})
	if err != nil || !awsapi.V(list.CertificateSummaryList[0].Exported) {
		t.Errorf("%+v %v", list, err)
	}
}

func TestOnlyExportableCertificatesAreExported(t *testing.T) {
	r, _ := withAuthority(t)
	cert, key := made([]string{"own.example.com"}, noon)
	imported, err := r.ImportCertificate(t.Context(), caller, &api.ImportCertificateRequest{Certificate: cert, PrivateKey: key})
	if err != nil {
		t.Fatal(err)
	}
	for name, arn := range map[string]string{"imported": *imported.CertificateArn, "requested without the option": r.issued("", "demo.example.com")} {
		if _, err := r.ExportCertificate(t.Context(), caller, &api.ExportCertificateRequest{CertificateArn: &arn, Passphrase: []byte("pass")}); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.RevokeCertificate(t.Context(), caller, &api.RevokeCertificateRequest{CertificateArn: &arn, RevocationReason: "KEY_COMPROMISE"}); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// revokedIn tells whether a certificate is on the list that it names.
func revokedIn(t *testing.T, a *authority.Authority, certificate string) bool {
	t.Helper()
	block, _ := pem.Decode([]byte(certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || len(cert.CRLDistributionPoints) != 1 {
		t.Fatalf("%v %v", cert.CRLDistributionPoints, err)
	}
	_, file := filepath.Split(cert.CRLDistributionPoints[0])
	der, err := a.CRL(strings.TrimSuffix(file, ".crl"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list.RevokedCertificateEntries {
		if bytes.Equal(e.SerialNumber.Bytes(), cert.SerialNumber.Bytes()) {
			return true
		}
	}
	return false
}

func TestDeletedAndRevokedCertificatesAreOnTheList(t *testing.T) {
	r, a := withAuthority(t)
	deleted, revoked, kept := r.issued("", "a.example.com"), r.issued(api.CertificateExportEnabled, "b.example.com"), r.issued("", "c.example.com")
	texts := map[string]string{}
	for _, arn := range []string{deleted, revoked, kept} {
		out, err := r.GetCertificate(t.Context(), caller, &api.GetCertificateRequest{CertificateArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		texts[arn] = *out.Certificate
	}
	if _, err := r.DeleteCertificate(t.Context(), caller, &api.DeleteCertificateRequest{CertificateArn: &deleted}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ExportCertificate(t.Context(), caller, &api.ExportCertificateRequest{CertificateArn: &revoked, Passphrase: []byte("pass")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RevokeCertificate(t.Context(), caller, &api.RevokeCertificateRequest{CertificateArn: &revoked, RevocationReason: "KEY_COMPROMISE"}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	for arn, want := range map[string]bool{deleted: true, revoked: true, kept: false} {
		if revokedIn(t, a, texts[arn]) != want {
			t.Errorf("%s: revoked is %v", arn, !want)
		}
	}
	if d := r.describe(revoked); d.Status != api.CertificateStatusRevoked || d.RevokedAt == nil || d.RevocationReason != "KEY_COMPROMISE" {
		t.Errorf("%+v", d)
	}
	if n := Revocations.Len(r.env.Store.View(), caller.Scope()); n != 0 {
		t.Errorf("%d revocations are still to be done", n)
	}
}

func TestSearch(t *testing.T) {
	r, _ := withAuthority(t)
	demo := r.issued("", "demo.example.com")
	exportable := r.issued(api.CertificateExportEnabled, "other.example.org")
	pending := r.request("pending.example.com")
	type statement = api.CertificateFilterStatement
	metadata := func(f api.AcmCertificateMetadataFilter) *statement {
		return &statement{Filter: &api.CertificateFilter{AcmCertificateMetadataFilter: &f}}
	}
	named := func(op api.ComparisonOperator, name string) *statement {
		return &statement{Filter: &api.CertificateFilter{X509AttributeFilter: &api.X509AttributeFilter{
			SubjectAlternativeName: &api.SubjectAlternativeNameFilter{DnsName: &api.DnsNameFilter{ComparisonOperator: op, Value: &name}},
		}}}
	}
	for name, tt := range map[string]struct {
		statement *statement
		want      []string
	}{
		"everything":  {nil, []string{demo, exportable, pending}},
		"by status":   {metadata(api.AcmCertificateMetadataFilter{Status: "PENDING_VALIDATION"}), []string{pending}},
		"by option":   {metadata(api.AcmCertificateMetadataFilter{ExportOption: "ENABLED"}), []string{exportable}},
		"by name":     {named("EQUALS", "demo.example.com"), []string{demo}},
		"by part":     {named("CONTAINS", "example"), []string{demo, exportable}},
		"not":         {&statement{Not: named("CONTAINS", "example")}, []string{pending}},
		"or":          {&statement{Or: []statement{*named("EQUALS", "demo.example.com"), *metadata(api.AcmCertificateMetadataFilter{Status: "PENDING_VALIDATION"})}}, []string{demo, pending}},
		"and":         {&statement{And: []statement{*named("CONTAINS", "example"), *metadata(api.AcmCertificateMetadataFilter{ExportOption: "DISABLED"})}}, []string{demo}},
		"by ARN":      {&statement{Filter: &api.CertificateFilter{CertificateArn: &demo}}, []string{demo}},
		"by its ends": {&statement{Filter: &api.CertificateFilter{X509AttributeFilter: &api.X509AttributeFilter{NotAfter: &api.TimestampRange{End: new(r.now)}}}}, nil},
	} {
		var got []string
		for token := (*string)(nil); ; {
			out, err := r.SearchCertificates(t.Context(), caller, &api.SearchCertificatesRequest{FilterStatement: tt.statement, SortBy: "CERTIFICATE_ARN", SortOrder: "ASCENDING", MaxResults: new(1), NextToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range out.Results {
				got = append(got, *found.CertificateArn)
			}
			if token = out.NextToken; token == nil {
				break
			}
		}
		slices.Sort(tt.want)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
