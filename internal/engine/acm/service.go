// Package acm is AWS Certificate Manager: certificates requested and validated
// by DNS, or imported, and what uses them. Operations write what is asked for;
// the controller (controller.go) makes validation records appear, looks for them
// in DNS and has certificates issued. What stands in a certificate is the
// authority's business, who presents it the load balancer's.
//
// Called by the engine's chain; elbv2 asks it for certificates (use.go).
package acm

import (
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"

	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
)

// Service serves the operations.
type Service struct {
	env    *operation.Env
	issuer Issuer
	names  Resolver
}

// New is the service. The issuer makes certificates, names looks up the
// validation records.
func New(env *operation.Env, issuer Issuer, names Resolver) *Service {
	return &Service{env: env, issuer: issuer, names: names}
}

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("RequestCertificate", needsNew("acm:RequestCertificate", func(in *api.RequestCertificateRequest) []api.Tag { return in.Tags }), s.RequestCertificate),
		operation.Bind("ImportCertificate", needsImport, s.ImportCertificate),
		operation.Bind("DescribeCertificate", on("acm:DescribeCertificate", func(in *api.DescribeCertificateRequest) *string { return in.CertificateArn }), s.DescribeCertificate),
		operation.Bind("GetCertificate", on("acm:GetCertificate", func(in *api.GetCertificateRequest) *string { return in.CertificateArn }), s.GetCertificate),
		operation.Bind("ListCertificates", operation.Everything[api.ListCertificatesRequest]("acm:ListCertificates"), s.ListCertificates),
		operation.Bind("SearchCertificates", operation.Everything[api.SearchCertificatesRequest]("acm:SearchCertificates"), s.SearchCertificates),
		operation.Bind("DeleteCertificate", on("acm:DeleteCertificate", func(in *api.DeleteCertificateRequest) *string { return in.CertificateArn }), s.DeleteCertificate),
		operation.Bind("RenewCertificate", on("acm:RenewCertificate", func(in *api.RenewCertificateRequest) *string { return in.CertificateArn }), s.RenewCertificate),
		operation.Bind("ResendValidationEmail", on("acm:ResendValidationEmail", func(in *api.ResendValidationEmailRequest) *string { return in.CertificateArn }), s.ResendValidationEmail),
		operation.Bind("UpdateCertificateOptions", on("acm:UpdateCertificateOptions", func(in *api.UpdateCertificateOptionsRequest) *string { return in.CertificateArn }), s.UpdateCertificateOptions),
		operation.Bind("AddTagsToCertificate", on("acm:AddTagsToCertificate", func(in *api.AddTagsToCertificateRequest) *string { return in.CertificateArn }), s.AddTagsToCertificate),
		operation.Bind("RemoveTagsFromCertificate", on("acm:RemoveTagsFromCertificate", func(in *api.RemoveTagsFromCertificateRequest) *string { return in.CertificateArn }), s.RemoveTagsFromCertificate),
		operation.Bind("ListTagsForCertificate", on("acm:ListTagsForCertificate", func(in *api.ListTagsForCertificateRequest) *string { return in.CertificateArn }), s.ListTagsForCertificate),
		operation.Bind("ExportCertificate", on("acm:ExportCertificate", func(in *api.ExportCertificateRequest) *string { return in.CertificateArn }), s.ExportCertificate),
		operation.Bind("RevokeCertificate", on("acm:RevokeCertificate", func(in *api.RevokeCertificateRequest) *string { return in.CertificateArn }), s.RevokeCertificate),
		operation.Bind("GetAccountConfiguration", operation.Everything[empty]("acm:GetAccountConfiguration"), s.GetAccountConfiguration),
		operation.Bind("PutAccountConfiguration", operation.Everything[api.PutAccountConfigurationRequest]("acm:PutAccountConfiguration"), s.PutAccountConfiguration),
	}
}

// on is the need of an operation on one certificate.
func on[In any](action string, name func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		need := operation.Need{Action: action, Resource: "*", Keys: map[string][]string{}}
		if p := name(in); p != nil {
			need.Resource = *p
			if cert, ok := Certificates.Get(tx, c.Scope(), *p); ok {
				cert.Tags.ResourceKeys(need.Keys)
			}
		}
		return []operation.Need{need}
	}
}

func needsNew[In any](action string, tags func(*In) []api.Tag) operation.Needs[In] {
	return func(_ *state.Tx, c *operation.Caller, in *In) []operation.Need {
		need := operation.Need{Action: action, Resource: arn.New("acm", c.Scope(), "certificate/*"), Keys: map[string][]string{}}
		if len(tags(in)) == 0 {
			return []operation.Need{need}
		}
		setOf(tags(in)).RequestKeys(need.Keys)
		return []operation.Need{need, {Action: "acm:AddTagsToCertificate", Resource: need.Resource, Keys: need.Keys}}
	}
}

func needsImport(tx *state.Tx, c *operation.Caller, in *api.ImportCertificateRequest) []operation.Need {
	if in.CertificateArn != nil {
		return on("acm:ImportCertificate", func(in *api.ImportCertificateRequest) *string { return in.CertificateArn })(tx, c, in)
	}
	return needsNew("acm:ImportCertificate", func(in *api.ImportCertificateRequest) []api.Tag { return in.Tags })(tx, c, in)
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}
