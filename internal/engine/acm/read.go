package acm

import (
	"context"
	"iter"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// DescribeCertificate tells a certificate's state; its validation records
// appear a moment after the request.
func (s *Service) DescribeCertificate(_ context.Context, c *operation.Caller, in *api.DescribeCertificateRequest) (*api.DescribeCertificateResponse, error) {
	tx := s.env.Store.View()
	cert, err := find(tx, c.Scope(), in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return &api.DescribeCertificateResponse{Certificate: cert.detail(UsedBy(tx, c.Scope(), cert.ARN))}, nil
}

// GetCertificate is the PEM texts of an issued certificate.
func (s *Service) GetCertificate(_ context.Context, c *operation.Caller, in *api.GetCertificateRequest) (*api.GetCertificateResponse, error) {
	cert, err := find(s.env.Store.View(), c.Scope(), in.CertificateArn)
	if err != nil {
		return nil, err
	}
	if cert.Status == api.CertificateStatusPendingValidation {
		return nil, api.RequestInProgressException("The certificate request is in progress: %s is not validated yet.", cert.ARN)
	}
	if cert.Content.Certificate == "" {
		return nil, api.ResourceNotFoundException("Certificate %s was never issued; its status is %s.", cert.ARN, cert.Status)
	}
	out := &api.GetCertificateResponse{Certificate: &cert.Content.Certificate}
	if cert.Content.Chain != "" {
		out.CertificateChain = &cert.Content.Chain
	}
	return out, nil
}

// ListCertificates lists certificates; those with RSA keys of 1024 or 2048 bits
// only, unless key types are asked for, as ACM does.
func (s *Service) ListCertificates(_ context.Context, c *operation.Caller, in *api.ListCertificatesRequest) (*api.ListCertificatesResponse, error) {
	if (in.SortBy == "") != (in.SortOrder == "") {
		return nil, api.ValidationException("SortBy and SortOrder must be given together.")
	}
	tx := s.env.Store.View()
	types := []api.KeyAlgorithm{api.KeyAlgorithmRsa1024, api.KeyAlgorithmRsa2048}
	if in.Includes != nil && len(in.Includes.KeyTypes) > 0 {
		types = in.Includes.KeyTypes
	}
	limit := awsapi.V(in.MaxItems)
	if limit == 0 {
		limit = 1000
	}
	page, next, err := paging.Page(listed(tx, c.Scope(), in, types), in.NextToken, limit, func(c *Certificate) string { return c.ARN })
	if err != nil {
		return nil, api.InvalidArgsException("The NextToken is not valid.")
	}
	if in.SortBy == api.SortByCreatedAt {
		slices.SortFunc(page, func(a, b *Certificate) int { return a.Created.Compare(b.Created) })
		if in.SortOrder == api.SortOrderDescending {
			slices.Reverse(page)
		}
	}
	out := &api.ListCertificatesResponse{CertificateSummaryList: []api.CertificateSummary{}, NextToken: next}
	for _, cert := range page {
		out.CertificateSummaryList = append(out.CertificateSummaryList, cert.summary(len(UsedBy(tx, c.Scope(), cert.ARN)) > 0))
	}
	return out, nil
}

func listed(tx *state.Tx, scope state.Scope, in *api.ListCertificatesRequest, types []api.KeyAlgorithm) iter.Seq[*Certificate] {
	return func(yield func(*Certificate) bool) {
		for cert := range Certificates.All(tx, scope) {
			if !slices.Contains(types, cert.Key) || (len(in.CertificateStatuses) > 0 && !slices.Contains(in.CertificateStatuses, cert.Status)) {
				continue
			}
			if !yield(cert) {
				return
			}
		}
	}
}

// AddTagsToCertificate puts tags.
func (s *Service) AddTagsToCertificate(_ context.Context, c *operation.Caller, in *api.AddTagsToCertificateRequest) (*empty, error) {
	return s.retag(c, in.CertificateArn, func(old tagging.Set) tagging.Set { return old.With(setOf(in.Tags)) })
}

// RemoveTagsFromCertificate removes tags; one with a value only if it has that
// value.
func (s *Service) RemoveTagsFromCertificate(_ context.Context, c *operation.Caller, in *api.RemoveTagsFromCertificateRequest) (*empty, error) {
	return s.retag(c, in.CertificateArn, func(old tagging.Set) tagging.Set {
		var gone []string
		for _, t := range in.Tags {
			if k := awsapi.V(t.Key); t.Value == nil || old[k] == *t.Value {
				gone = append(gone, k)
			}
		}
		return old.Without(gone...)
	})
}

func (s *Service) retag(c *operation.Caller, name *string, change func(tagging.Set) tagging.Set) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		cert, err := find(tx, c.Scope(), name)
		if err != nil {
			return err
		}
		tags := change(cert.Tags)
		if len(tags) > tagging.Most {
			return api.TooManyTagsException("A certificate has at most %d tags.", tagging.Most)
		}
		if err := tags.Check(); err != nil {
			return api.InvalidTagException("%s", err)
		}
		Certificates.Change(tx, c.Scope(), cert.ARN, func(n *Certificate) { n.Tags = tags })
		return nil
	})
}

// ListTagsForCertificate is a certificate's tags.
func (s *Service) ListTagsForCertificate(_ context.Context, c *operation.Caller, in *api.ListTagsForCertificateRequest) (*api.ListTagsForCertificateResponse, error) {
	cert, err := find(s.env.Store.View(), c.Scope(), in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForCertificateResponse{Tags: tagging.List(cert.Tags, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })}, nil
}

// GetAccountConfiguration is the account's configuration.
func (s *Service) GetAccountConfiguration(_ context.Context, c *operation.Caller, _ *empty) (*api.GetAccountConfigurationResponse, error) {
	days := 45 // ACM's default
	if a, ok := accounts.Get(s.env.Store.View(), c.Scope(), "configuration"); ok {
		days = a.DaysBeforeExpiry
	}
	return &api.GetAccountConfigurationResponse{ExpiryEvents: &api.ExpiryEventsConfiguration{DaysBeforeExpiry: &days}}, nil
}

// PutAccountConfiguration changes it.
func (s *Service) PutAccountConfiguration(_ context.Context, c *operation.Caller, in *api.PutAccountConfigurationRequest) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if in.ExpiryEvents != nil && in.ExpiryEvents.DaysBeforeExpiry != nil {
			accounts.Put(tx, c.Scope(), &Account{*in.ExpiryEvents.DaysBeforeExpiry})
		}
		return nil
	})
}
