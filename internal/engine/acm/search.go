package acm

import (
	"cmp"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// SearchCertificates finds certificates by a statement of filters, the newest
// first unless asked otherwise.
func (s *Service) SearchCertificates(_ context.Context, c *operation.Caller, in *api.SearchCertificatesRequest) (*api.SearchCertificatesResponse, error) {
	tx := s.env.Store.View()
	by, descending := in.SortBy, in.SortOrder != api.SearchCertificatesSortOrderAscending
	if by == "" {
		by = api.SearchCertificatesSortByCreatedAt
	}
	key := func(r api.CertificateSearchResult) string { return orderOf(r, by, descending) }
	var found []api.CertificateSearchResult
	for cert := range Certificates.All(tx, c.Scope()) {
		if r := cert.result(tx, c.Scope()); holds(in.FilterStatement, &r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b api.CertificateSearchResult) int { return strings.Compare(key(a), key(b)) })
	page, next, err := paging.Page(slices.Values(found), in.NextToken, cmp.Or(awsapi.V(in.MaxResults), 100), key)
	if err != nil {
		return nil, api.ValidationException("The NextToken is not valid.")
	}
	return &api.SearchCertificatesResponse{Results: page, NextToken: next}, nil
}

// result is a certificate as a search tells it: what ACM knows of it, and, once it
// is there, what it says of itself.
func (c *Certificate) result(tx *state.Tx, scope state.Scope) api.CertificateSearchResult {
	s := c.summary(len(UsedBy(tx, scope, c.ARN)) > 0)
	meta := &api.AcmCertificateMetadata{
		CreatedAt: s.CreatedAt, IssuedAt: s.IssuedAt, ImportedAt: s.ImportedAt, RevokedAt: s.RevokedAt, Status: c.Status, Type: c.Type, InUse: s.InUse,
		Exported: s.Exported, ExportOption: c.Options.Export, RenewalEligibility: s.RenewalEligibility, ValidationMethod: c.Method,
	}
	if c.Renewed != nil {
		meta.RenewalStatus = c.Renewed.RenewalStatus
	}
	out := api.CertificateSearchResult{CertificateArn: &c.ARN, CertificateMetadata: &api.CertificateMetadata{AcmCertificateMetadata: meta}}
	block, _ := pem.Decode([]byte(c.Content.Certificate))
	if block == nil {
		return out
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return out // it was parsed when it was taken
	}
	out.X509Attributes = &api.X509Attributes{
		Subject: distinguished(cert.Subject), Issuer: distinguished(cert.Issuer), SerialNumber: &c.Content.Serial, NotBefore: s.NotBefore, NotAfter: s.NotAfter,
		KeyAlgorithm: c.Key, KeyUsages: s.KeyUsages, ExtendedKeyUsages: s.ExtendedKeyUsages, SubjectAlternativeNames: []api.GeneralName{},
	}
	for _, n := range cert.DNSNames {
		out.X509Attributes.SubjectAlternativeNames = append(out.X509Attributes.SubjectAlternativeNames, api.GeneralName{DnsName: &n})
	}
	for _, a := range cert.IPAddresses {
		out.X509Attributes.SubjectAlternativeNames = append(out.X509Attributes.SubjectAlternativeNames, api.GeneralName{IpAddress: new(a.String())})
	}
	return out
}

func distinguished(n pkix.Name) *api.DistinguishedName {
	text := func(values ...string) *string {
		if len(values) == 0 || values[0] == "" {
			return nil
		}
		return &values[0]
	}
	return &api.DistinguishedName{
		CommonName: text(n.CommonName), Organization: text(n.Organization...), OrganizationalUnit: text(n.OrganizationalUnit...), Country: text(n.Country...),
		Locality: text(n.Locality...), State: text(n.Province...), SerialNumber: text(n.SerialNumber),
	}
}

// holds tells whether a statement is true of a result; none is true of all.
func holds(s *api.CertificateFilterStatement, r *api.CertificateSearchResult) bool {
	if s == nil {
		return true
	}
	each := func(s api.CertificateFilterStatement) bool { return holds(&s, r) }
	switch {
	case s.Not != nil && holds(s.Not, r):
		return false
	case len(s.And) > 0 && slices.ContainsFunc(s.And, func(s api.CertificateFilterStatement) bool { return !each(s) }):
		return false
	case len(s.Or) > 0 && !slices.ContainsFunc(s.Or, each):
		return false
	}
	return s.Filter == nil || passes(s.Filter, r)
}

func passes(f *api.CertificateFilter, r *api.CertificateSearchResult) bool {
	if f.CertificateArn != nil && *f.CertificateArn != *r.CertificateArn {
		return false
	}
	if f.AcmCertificateMetadataFilter != nil && !metadata(f.AcmCertificateMetadataFilter, r.CertificateMetadata.AcmCertificateMetadata) {
		return false
	}
	return f.X509AttributeFilter == nil || r.X509Attributes != nil && says(f.X509AttributeFilter, r.X509Attributes)
}

// same tells whether a value is the one that is asked for, if one is.
func same[T ~string](asked, is T) bool { return asked == "" || asked == is }

func metadata(f *api.AcmCertificateMetadataFilter, m *api.AcmCertificateMetadata) bool {
	flag := func(asked, is *bool) bool { return asked == nil || *asked == awsapi.V(is) }
	return same(f.Status, m.Status) && same(f.Type, m.Type) && same(f.ExportOption, m.ExportOption) && same(f.ManagedBy, m.ManagedBy) &&
		same(f.RenewalStatus, m.RenewalStatus) && same(f.ValidationMethod, m.ValidationMethod) && flag(f.InUse, m.InUse) && flag(f.Exported, m.Exported)
}

func says(f *api.X509AttributeFilter, x *api.X509Attributes) bool {
	within := func(r *api.TimestampRange, t *time.Time) bool {
		return r == nil || t != nil && (r.Start == nil || !t.Before(*r.Start)) && (r.End == nil || !t.After(*r.End))
	}
	named := func(op api.ComparisonOperator, asked *string, is *string) bool {
		if op == api.ComparisonOperatorContains {
			return strings.Contains(awsapi.V(is), awsapi.V(asked))
		}
		return awsapi.V(is) == awsapi.V(asked)
	}
	switch {
	case !same(f.KeyAlgorithm, x.KeyAlgorithm), !within(f.NotAfter, x.NotAfter), !within(f.NotBefore, x.NotBefore):
		return false
	case f.SerialNumber != nil && *f.SerialNumber != awsapi.V(x.SerialNumber):
		return false
	case f.KeyUsage != "" && !slices.Contains(x.KeyUsages, f.KeyUsage), f.ExtendedKeyUsage != "" && !slices.Contains(x.ExtendedKeyUsages, f.ExtendedKeyUsage):
		return false
	case f.Subject != nil && f.Subject.CommonName != nil && !named(f.Subject.CommonName.ComparisonOperator, f.Subject.CommonName.Value, x.Subject.CommonName):
		return false
	}
	n := f.SubjectAlternativeName
	return n == nil || n.DnsName == nil || slices.ContainsFunc(x.SubjectAlternativeNames, func(g api.GeneralName) bool {
		return g.DnsName != nil && named(n.DnsName.ComparisonOperator, n.DnsName.Value, g.DnsName)
	})
}

// orderOf is a key by whose order results stand as asked.
func orderOf(r api.CertificateSearchResult, by api.SearchCertificatesSortBy, descending bool) string {
	key := fieldOf(r, by) + " " + *r.CertificateArn
	if !descending {
		return key
	}
	inverse := []byte(key + "\x00")
	for i := range inverse {
		inverse[i] = ^inverse[i]
	}
	return string(inverse)
}

func fieldOf(r api.CertificateSearchResult, by api.SearchCertificatesSortBy) string {
	m, x := r.CertificateMetadata.AcmCertificateMetadata, r.X509Attributes
	if x == nil {
		x = &api.X509Attributes{Subject: &api.DistinguishedName{}}
	}
	when := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format("20060102150405.000000000")
	}
	flag := func(b *bool) string { return strconv.FormatBool(awsapi.V(b)) }
	switch by {
	case api.SearchCertificatesSortByCreatedAt:
		return when(cmp.Or(m.CreatedAt, m.ImportedAt))
	case api.SearchCertificatesSortByIssuedAt:
		return when(m.IssuedAt)
	case api.SearchCertificatesSortByImportedAt:
		return when(m.ImportedAt)
	case api.SearchCertificatesSortByRevokedAt:
		return when(m.RevokedAt)
	case api.SearchCertificatesSortByNotAfter:
		return when(x.NotAfter)
	case api.SearchCertificatesSortByNotBefore:
		return when(x.NotBefore)
	case api.SearchCertificatesSortByExported:
		return flag(m.Exported)
	case api.SearchCertificatesSortByInUse:
		return flag(m.InUse)
	case api.SearchCertificatesSortByCommonName:
		return awsapi.V(x.Subject.CommonName)
	}
	return map[api.SearchCertificatesSortBy]string{
		api.SearchCertificatesSortByStatus: string(m.Status), api.SearchCertificatesSortByType: string(m.Type), api.SearchCertificatesSortByRenewalStatus: string(m.RenewalStatus),
		api.SearchCertificatesSortByRenewalEligibility: string(m.RenewalEligibility), api.SearchCertificatesSortByExportOption: string(m.ExportOption),
		api.SearchCertificatesSortByKeyAlgorithm: string(x.KeyAlgorithm), api.SearchCertificatesSortByManagedBy: string(m.ManagedBy),
		api.SearchCertificatesSortByValidationMethod: string(m.ValidationMethod),
	}[by]
}
