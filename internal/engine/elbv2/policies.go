package elbv2

import (
	"context"
	"slices"
	"strings"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
)

// defaultPolicy is what a listener has that was created through the API without one.
const defaultPolicy = "ELBSecurityPolicy-2016-08"

// policy is a predefined security policy.
type policy struct {
	name      string
	protocols []string
	ciphers   []string
}

// The suites of the predefined policies, as OpenSSL names them.
var (
	tls13     = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
	forward12 = []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"}
	forwardOld = []string{"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"}
	rsa12      = []string{"AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"}
	rsaOld     = []string{"AES128-SHA", "AES256-SHA"}
	gcm12      = []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}
)

func joined(lists ...[]string) []string { return slices.Concat(lists...) }

// policies are the predefined security policies that are in use.
var policies = []policy{
	{"ELBSecurityPolicy-2016-08", []string{"TLSv1", "TLSv1.1", "TLSv1.2"}, joined(forward12, forwardOld, rsa12, rsaOld)},
	{"ELBSecurityPolicy-TLS-1-1-2017-01", []string{"TLSv1.1", "TLSv1.2"}, joined(forward12, forwardOld, rsa12, rsaOld)},
	{"ELBSecurityPolicy-TLS-1-2-2017-01", []string{"TLSv1.2"}, joined(forward12, rsa12)},
	{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", []string{"TLSv1.2"}, joined(forward12, forwardOld, rsa12, rsaOld)},
	{"ELBSecurityPolicy-FS-2018-06", []string{"TLSv1", "TLSv1.1", "TLSv1.2"}, joined(forward12, forwardOld)},
	{"ELBSecurityPolicy-FS-1-1-2019-08", []string{"TLSv1.1", "TLSv1.2"}, joined(forward12, forwardOld)},
	{"ELBSecurityPolicy-FS-1-2-2019-08", []string{"TLSv1.2"}, joined(forward12, forwardOld)},
	{"ELBSecurityPolicy-FS-1-2-Res-2019-08", []string{"TLSv1.2"}, forward12},
	{"ELBSecurityPolicy-FS-1-2-Res-2020-10", []string{"TLSv1.2"}, gcm12},
	{"ELBSecurityPolicy-TLS13-1-3-2021-06", []string{"TLSv1.3"}, tls13},
	{"ELBSecurityPolicy-TLS13-1-2-2021-06", []string{"TLSv1.2", "TLSv1.3"}, joined(tls13, forward12)},
	{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", []string{"TLSv1.2", "TLSv1.3"}, joined(tls13, gcm12)},
	{"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", []string{"TLSv1.2", "TLSv1.3"}, joined(tls13, forward12, rsa12)},
	{"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", []string{"TLSv1.2", "TLSv1.3"}, joined(tls13, forward12, forwardOld, rsa12, rsaOld)},
	{"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", []string{"TLSv1.3"}, tls13},
	{"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", []string{"TLSv1.2", "TLSv1.3"}, joined(tls13, forward12)},
	{"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", []string{"TLSv1.2", "TLSv1.3"}, joined(tls13, gcm12)},
	{"ELBSecurityPolicy-TLS13-1-1-2021-06", []string{"TLSv1.1", "TLSv1.2", "TLSv1.3"}, joined(tls13, forward12, forwardOld, rsa12, rsaOld)},
	{"ELBSecurityPolicy-TLS13-1-0-2021-06", []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}, joined(tls13, forward12, forwardOld, rsa12, rsaOld)},
}

// DescribeSSLPolicies lists the predefined security policies.
func (s *Service) DescribeSSLPolicies(_ context.Context, _ *operation.Caller, in *api.DescribeSSLPoliciesInput) (*api.DescribeSSLPoliciesOutput, error) {
	found := policies
	if len(in.Names) > 0 {
		var err error
		found, err = each(in.Names, func(n string) (policy, error) {
			if i := slices.IndexFunc(policies, func(p policy) bool { return p.name == n }); i >= 0 {
				return policies[i], nil
			}
			return policy{}, api.SSLPolicyNotFoundException("SSL policy '%s' not found", n)
		})
		if err != nil {
			return nil, err
		}
	}
	sorted := slices.SortedFunc(slices.Values(found), func(a, b policy) int { return strings.Compare(a.name, b.name) })
	page, next, err := paging.Page(slices.Values(sorted), in.Marker, pageSize(in.PageSize), func(p policy) string { return p.name })
	if err != nil {
		return nil, badMarker()
	}
	out := &api.DescribeSSLPoliciesOutput{SslPolicies: []api.SslPolicy{}, NextMarker: next}
	for _, p := range page {
		one := api.SslPolicy{Name: new(p.name), SslProtocols: p.protocols, SupportedLoadBalancerTypes: []string{"application"}}
		for i, c := range p.ciphers {
			one.Ciphers = append(one.Ciphers, api.Cipher{Name: new(c), Priority: new(i + 1)})
		}
		out.SslPolicies = append(out.SslPolicies, one)
	}
	return out, nil
}
