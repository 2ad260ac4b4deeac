package acm

import (
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

type empty = awsapi.Empty

// Certificate is one certificate: what was asked for, and what came of it.
type Certificate struct {
	ARN   string
	Names []string // the domain name first, then the others
	Type  api.CertificateType
	Key   api.KeyAlgorithm
	// Method is how the names are validated.
	Method  api.ValidationMethod
	Options api.CertificateOptions
	Token   string
	// Validations stand in the order of Names.
	Validations []Validation
	Created     time.Time
	Tags        tagging.Set

	// Observed: the controller's.
	Status   api.CertificateStatus
	Failure  api.FailureReason
	Issued   time.Time
	Imported time.Time
	// Tried is when DNS was last looked at without finding all records.
	Tried   time.Time
	Renewed *api.RenewalSummary
	// Exported tells that the private key was once given out.
	Exported bool                 `json:",omitzero"`
	Revoked  time.Time            `json:",omitzero"`
	Reason   api.RevocationReason `json:",omitzero"`
	Content  Content
}

// Validation is the proof that is asked for one name.
type Validation struct {
	Name string
	// Record and Value are the CNAME that has to be there, both with a final
	// dot; empty until the controller has made them.
	Record, Value string
	Status        api.DomainStatus
}

// Content is an issued or imported certificate: PEM texts, the sealed key and
// what the certificate says of itself.
type Content struct {
	Certificate, Chain      string
	PrivateKey              vault.Sealed
	Serial, Subject, Issuer string
	NotBefore, NotAfter     time.Time
	SignatureAlgorithm      string
	KeyUsages               []string
	ExtendedUsages          []authority.ExtendedKeyUsage
}

// Revocation is a certificate that the controller is to have revoked.
type Revocation struct {
	ARN, Serial, Certificate string
	// Reason is a number of RFC 5280.
	Reason int
}

// Use tells that a resource presents a certificate.
type Use struct{ Certificate, Resource string }

// Account is an account's configuration.
type Account struct{ DaysBeforeExpiry int }

// The tables.
var (
	Certificates = state.NewTable("acm.certificate", func(c *Certificate) string { return c.ARN })
	Uses         = state.NewTable("acm.use", func(u *Use) string { return u.Certificate + " " + u.Resource })
	Revocations  = state.NewTable("acm.revocation", func(r *Revocation) string { return r.ARN + " " + r.Serial })
	accounts     = state.NewTable("acm.account", func(*Account) string { return "configuration" })

	// Tables are all of the service's.
	Tables = []state.AnyTable{Certificates, Uses, Revocations, accounts}
)

// UsedBy are the resources that present a certificate.
func UsedBy(tx *state.Tx, scope state.Scope, certificate string) []string {
	users := []string{}
	for u := range Uses.Prefix(tx, scope, certificate+" ") {
		users = append(users, u.Resource)
	}
	return users
}

// SetUses makes the certificates the ones that a resource presents.
func SetUses(tx *state.Tx, scope state.Scope, resource string, certificates map[string]bool) {
	for u := range Uses.All(tx, scope) {
		if u.Resource == resource && !certificates[u.Certificate] {
			Uses.Delete(tx, scope, Uses.Key(u))
		}
	}
	for c := range certificates {
		if u := (&Use{c, resource}); !Uses.Has(tx, scope, Uses.Key(u)) {
			Uses.Put(tx, scope, u)
		}
	}
}

// find is the certificate that an operation names.
func find(tx *state.Tx, scope state.Scope, name *string) (*Certificate, error) {
	c, ok := Certificates.Get(tx, scope, awsapi.V(name))
	if !ok {
		return nil, api.ResourceNotFoundException("Could not find certificate %s.", awsapi.V(name))
	}
	return c, nil
}

// domain is the certificate's first name.
func (c *Certificate) domain() string { return c.Names[0] }

// detail is the certificate as DescribeCertificate tells it.
func (c *Certificate) detail(inUse []string) *api.CertificateDetail {
	d := &api.CertificateDetail{
		CertificateArn: &c.ARN, DomainName: new(c.domain()), SubjectAlternativeNames: c.Names, Type: c.Type, KeyAlgorithm: c.Key,
		Status: c.Status, FailureReason: c.Failure, InUseBy: inUse, Options: &c.Options, RenewalSummary: c.Renewed,
		RenewalEligibility: c.eligibility(inUse), SignatureAlgorithm: new("SHA256WITHRSA"),
		KeyUsages: []api.KeyUsage{}, ExtendedKeyUsages: []api.ExtendedKeyUsage{}, Subject: new("CN=" + c.domain()),
	}
	if c.Type == api.CertificateTypeAmazonIssued {
		d.CreatedAt, d.Issuer, d.DomainValidationOptions = &c.Created, new("Amazon"), c.validations()
		d.IssuedAt = known(c.Issued)
	} else {
		d.ImportedAt = known(c.Imported)
	}
	if x := c.Content; x.Serial != "" {
		d.Serial, d.Subject, d.Issuer, d.NotBefore, d.NotAfter = &x.Serial, &x.Subject, &x.Issuer, &x.NotBefore, &x.NotAfter
		d.SignatureAlgorithm = &x.SignatureAlgorithm
		for _, u := range x.KeyUsages {
			d.KeyUsages = append(d.KeyUsages, api.KeyUsage{Name: api.KeyUsageName(u)})
		}
		for _, u := range x.ExtendedUsages {
			usage := api.ExtendedKeyUsage{Name: api.ExtendedKeyUsageName(u.Name)}
			if u.OID != "" {
				usage.OID = &u.OID
			}
			d.ExtendedKeyUsages = append(d.ExtendedKeyUsages, usage)
		}
	}
	d.RevokedAt, d.RevocationReason = known(c.Revoked), c.Reason
	return d
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (c *Certificate) validations() []api.DomainValidation {
	var all []api.DomainValidation
	for _, v := range c.Validations {
		d := api.DomainValidation{DomainName: new(v.Name), ValidationDomain: new(v.Name), ValidationMethod: c.Method, ValidationStatus: v.Status}
		if v.Record != "" {
			d.ResourceRecord = &api.ResourceRecord{Name: new(v.Record), Type: api.RecordTypeCname, Value: new(v.Value)}
		}
		all = append(all, d)
	}
	return all
}

// eligibility: ACM renews what it issued and somebody uses.
func (c *Certificate) eligibility(inUse []string) api.RenewalEligibility {
	if c.Type == api.CertificateTypeAmazonIssued && c.Status == api.CertificateStatusIssued && len(inUse) > 0 {
		return api.RenewalEligibilityEligible
	}
	return api.RenewalEligibilityIneligible
}

func (c *Certificate) summary(inUse bool) api.CertificateSummary {
	s := api.CertificateSummary{
		CertificateArn: &c.ARN, DomainName: new(c.domain()), SubjectAlternativeNameSummaries: c.Names, HasAdditionalSubjectAlternativeNames: new(false),
		Status: c.Status, Type: c.Type, KeyAlgorithm: c.Key, InUse: &inUse, Exported: &c.Exported, KeyUsages: []api.KeyUsageName{}, ExtendedKeyUsages: []api.ExtendedKeyUsageName{},
		RenewalEligibility: c.eligibility(make([]string, map[bool]int{true: 1}[inUse])), CreatedAt: &c.Created, IssuedAt: known(c.Issued), ImportedAt: known(c.Imported),
		NotBefore: known(c.Content.NotBefore), NotAfter: known(c.Content.NotAfter), ExportOption: c.Options.Export,
		RevokedAt: known(c.Revoked),
	}
	for _, u := range c.Content.KeyUsages {
		s.KeyUsages = append(s.KeyUsages, api.KeyUsageName(u))
	}
	for _, u := range c.Content.ExtendedUsages {
		s.ExtendedKeyUsages = append(s.ExtendedKeyUsages, api.ExtendedKeyUsageName(u.Name))
	}
	if c.Type == api.CertificateTypeImported {
		s.CreatedAt = nil
	}
	return s
}
