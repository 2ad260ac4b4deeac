package elbv2

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateListener adds a port to a load balancer.
func (s *Service) CreateListener(_ context.Context, c *operation.Caller, in *api.CreateListenerInput) (*api.CreateListenerOutput, error) {
	tags := setOf(in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	if in.Port == nil || in.Protocol == "" {
		return nil, invalid("A listener port and a protocol must be specified")
	}
	if in.MutualAuthentication != nil && awsapi.V(in.MutualAuthentication.Mode) != "off" {
		return nil, api.InvalidConfigurationRequestException("Mutual authentication is not served by the slipway engine.")
	}
	l := &Listener{LoadBalancer: *in.LoadBalancerArn, Port: *in.Port, Protocol: in.Protocol, SSLPolicy: awsapi.V(in.SslPolicy), Attributes: map[string]string{}, Tags: tags}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		lb, err := findLoadBalancer(tx, c.Scope(), in.LoadBalancerArn)
		if err != nil {
			return err
		}
		if l.Default, err = s.actions(tx, c.Scope(), in.DefaultActions, l.Protocol); err != nil {
			return err
		}
		if err := l.secure(tx, c.Scope(), in.Certificates, true); err != nil {
			return err
		}
		count := 0
		for other := range listenersOf.Get(tx, c.Scope(), lb.ARN) {
			if count++; other.Port == l.Port {
				if !sameListener(other, l) {
					return api.DuplicateListenerException("A listener already exists on this port for this load balancer '%s'", lb.ARN)
				}
				l = other
				return nil
			}
		}
		if count >= limits["listeners-per-application-load-balancer"] {
			return api.TooManyListenersException("The limit of %d listeners for '%s' is reached", count, lb.ARN)
		}
		base := strings.TrimPrefix(lb.ARN, name(c.Scope(), "loadbalancer/"))
		id := ids.Hex(16)
		l.ARN = name(c.Scope(), "listener/"+base+"/"+id)
		l.DefaultRule = name(c.Scope(), "listener-rule/"+base+"/"+id+"/"+ids.Hex(16))
		return putListener(tx, c.Scope(), l)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateListenerOutput{Listeners: []api.Listener{l.describe()}}, nil
}

func sameListener(a, b *Listener) bool {
	return a.Protocol == b.Protocol && a.SSLPolicy == b.SSLPolicy && a.Certificate == b.Certificate && sameJSON(a.Default, b.Default)
}

// putListener puts a listener, and tells ACM which certificates its load
// balancer presents now.
func putListener(tx *state.Tx, scope state.Scope, l *Listener) error {
	if err := checkGroups(tx, scope, l.LoadBalancer, l.ARN, forwardsTo(l.Default)); err != nil {
		return err
	}
	Listeners.Put(tx, scope, l)
	tellUses(tx, scope, l.LoadBalancer)
	return nil
}

func tellUses(tx *state.Tx, scope state.Scope, loadBalancer string) {
	used := map[string]bool{}
	for l := range listenersOf.Get(tx, scope, loadBalancer) {
		for _, c := range append([]string{l.Certificate}, l.Certificates...) {
			if strings.Contains(c, ":acm:") {
				used[c] = true
			}
		}
	}
	acm.SetUses(tx, scope, loadBalancer, used)
}

// removeListener removes a listener with its rules.
func removeListener(tx *state.Tx, scope state.Scope, l *Listener) {
	for r := range rulesOf.Get(tx, scope, l.ARN) {
		Rules.Delete(tx, scope, r.ARN)
	}
	Listeners.Delete(tx, scope, l.ARN)
	tellUses(tx, scope, l.LoadBalancer)
}

// secure sets and checks what makes an HTTPS listener one. Only a new listener
// needs certificates to be given.
func (l *Listener) secure(tx *state.Tx, scope state.Scope, certificates []api.Certificate, created bool) error {
	switch l.Protocol {
	case api.ProtocolEnumHttp:
		if len(certificates) > 0 || l.SSLPolicy != "" && created {
			return api.InvalidConfigurationRequestException("A certificate or an SSL policy cannot be specified for HTTP listeners")
		}
		l.SSLPolicy, l.Certificate, l.Certificates = "", "", nil
		return nil
	case api.ProtocolEnumHttps:
	default:
		return api.UnsupportedProtocolException("Protocol '%s' is not supported for application load balancers; use HTTP or HTTPS", l.Protocol)
	}
	l.SSLPolicy = or(l.SSLPolicy, defaultPolicy)
	if !slices.ContainsFunc(policies, func(p policy) bool { return p.name == l.SSLPolicy }) {
		return api.SSLPolicyNotFoundException("SSL policy '%s' not found", l.SSLPolicy)
	}
	if len(certificates) > 1 {
		return api.TooManyCertificatesException("Only one default certificate may be specified; add others with AddListenerCertificates")
	}
	if len(certificates) == 1 {
		l.Certificate = awsapi.V(certificates[0].CertificateArn)
		return checkCertificate(tx, scope, l.Certificate)
	}
	if l.Certificate == "" {
		return api.CertificateNotFoundException("A certificate must be specified for HTTPS listeners")
	}
	return nil
}

// checkCertificate: a listener takes only a certificate that can be presented.
func checkCertificate(tx *state.Tx, scope state.Scope, arn string) error {
	cert, ok := acm.Certificates.Get(tx, scope, arn)
	if !ok {
		return api.CertificateNotFoundException("Certificate '%s' not found", arn)
	}
	if cert.Content.Certificate == "" || !cert.Revoked.IsZero() {
		return awsapi.Errorf("UnsupportedCertificate", 400, "The certificate '%s' must have a fully-qualified domain name, a supported signature, and a supported key size; it is %s", arn, cert.Status)
	}
	return nil
}

func (l *Listener) describe() api.Listener {
	out := api.Listener{
		ListenerArn: &l.ARN, LoadBalancerArn: &l.LoadBalancer, Port: &l.Port, Protocol: l.Protocol, DefaultActions: l.Default,
	}
	if l.Protocol == api.ProtocolEnumHttps {
		out.SslPolicy = &l.SSLPolicy
		out.Certificates = []api.Certificate{{CertificateArn: &l.Certificate}}
		out.MutualAuthentication = &api.MutualAuthenticationAttributes{Mode: new("off")}
	}
	return out
}

func findListener(tx *state.Tx, scope state.Scope, arn *string) (*Listener, error) {
	l, ok := Listeners.Get(tx, scope, awsapi.V(arn))
	if !ok {
		return nil, api.ListenerNotFoundException("Listener '%s' not found", awsapi.V(arn))
	}
	return l, nil
}

// DescribeListeners describes the listeners named, or a load balancer's.
func (s *Service) DescribeListeners(_ context.Context, c *operation.Caller, in *api.DescribeListenersInput) (*api.DescribeListenersOutput, error) {
	tx := s.env.View(c)
	var found []*Listener
	switch {
	case len(in.ListenerArns) > 0:
		var err error
		if found, err = each(in.ListenerArns, func(a string) (*Listener, error) { return findListener(tx, c.Scope(), &a) }); err != nil {
			return nil, err
		}
	case in.LoadBalancerArn != nil:
		if _, err := findLoadBalancer(tx, c.Scope(), in.LoadBalancerArn); err != nil {
			return nil, err
		}
		found = slices.Collect(iter.Seq[*Listener](listenersOf.Get(tx, c.Scope(), *in.LoadBalancerArn)))
	default:
		return nil, invalid("You must specify either listener ARNs or a load balancer ARN")
	}
	slices.SortFunc(found, func(a, b *Listener) int { return cmp.Compare(a.ARN, b.ARN) })
	page, next, err := paging.Page(slices.Values(found), in.Marker, pageSize(in.PageSize), func(l *Listener) string { return l.ARN })
	if err != nil {
		return nil, badMarker()
	}
	out := &api.DescribeListenersOutput{Listeners: []api.Listener{}, NextMarker: next}
	for _, l := range page {
		out.Listeners = append(out.Listeners, l.describe())
	}
	return out, nil
}

// ModifyListener changes what is given and leaves the rest.
func (s *Service) ModifyListener(_ context.Context, c *operation.Caller, in *api.ModifyListenerInput) (*api.ModifyListenerOutput, error) {
	out := &api.ModifyListenerOutput{}
	return out, s.changeListener(c, in.ListenerArn, func(tx *state.Tx, l *Listener) (err error) {
		if in.Port != nil && *in.Port != l.Port {
			for other := range listenersOf.Get(tx, c.Scope(), l.LoadBalancer) {
				if other.Port == *in.Port {
					return api.DuplicateListenerException("A listener already exists on this port for this load balancer '%s'", l.LoadBalancer)
				}
			}
			l.Port = *in.Port
		}
		l.Protocol = or(in.Protocol, l.Protocol)
		if in.SslPolicy != nil {
			l.SSLPolicy = *in.SslPolicy
		}
		if err := l.secure(tx, c.Scope(), in.Certificates, false); err != nil {
			return err
		}
		if in.DefaultActions != nil {
			if l.Default, err = s.actions(tx, c.Scope(), in.DefaultActions, l.Protocol); err != nil {
				return err
			}
		}
		out.Listeners = []api.Listener{l.describe()}
		return nil
	})
}

func (s *Service) changeListener(c *operation.Caller, arn *string, change func(tx *state.Tx, l *Listener) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		old, err := findListener(tx, c.Scope(), arn)
		if err != nil {
			return err
		}
		l := *old
		if err := change(tx, &l); err != nil {
			return err
		}
		return putListener(tx, c.Scope(), &l)
	})
}

// DeleteListener removes a listener with its rules.
func (s *Service) DeleteListener(_ context.Context, c *operation.Caller, in *api.DeleteListenerInput) (*api.DeleteListenerOutput, error) {
	return &api.DeleteListenerOutput{}, s.env.Store.Update(func(tx *state.Tx) error {
		l, err := findListener(tx, c.Scope(), in.ListenerArn)
		if err != nil {
			return err
		}
		removeListener(tx, c.Scope(), l)
		return nil
	})
}

// AddListenerCertificates adds certificates beside the default one.
func (s *Service) AddListenerCertificates(_ context.Context, c *operation.Caller, in *api.AddListenerCertificatesInput) (*api.AddListenerCertificatesOutput, error) {
	out := &api.AddListenerCertificatesOutput{}
	return out, s.changeListener(c, in.ListenerArn, func(tx *state.Tx, l *Listener) error {
		if l.Protocol != api.ProtocolEnumHttps {
			return api.InvalidConfigurationRequestException("Certificates can be added to HTTPS listeners only")
		}
		l.Certificates = slices.Clone(l.Certificates)
		for _, given := range in.Certificates {
			arn := awsapi.V(given.CertificateArn)
			if given.IsDefault != nil {
				return invalid("You cannot specify IsDefault when adding certificates")
			}
			if err := checkCertificate(tx, c.Scope(), arn); err != nil {
				return err
			}
			if arn != l.Certificate && !slices.Contains(l.Certificates, arn) {
				l.Certificates = append(l.Certificates, arn)
			}
			out.Certificates = append(out.Certificates, api.Certificate{CertificateArn: &arn, IsDefault: new(false)})
		}
		if countCertificates(tx, c.Scope(), l) > limits["certificates-per-application-load-balancer"] {
			return api.TooManyCertificatesException("The limit of %d certificates for '%s' is exceeded", limits["certificates-per-application-load-balancer"], l.LoadBalancer)
		}
		return nil
	})
}

// countCertificates counts a load balancer's certificates beside the defaults,
// with the listener as it is going to be.
func countCertificates(tx *state.Tx, scope state.Scope, changed *Listener) int {
	n := len(changed.Certificates)
	for l := range listenersOf.Get(tx, scope, changed.LoadBalancer) {
		if l.ARN != changed.ARN {
			n += len(l.Certificates)
		}
	}
	return n
}

// RemoveListenerCertificates removes certificates; the default one cannot be.
func (s *Service) RemoveListenerCertificates(_ context.Context, c *operation.Caller, in *api.RemoveListenerCertificatesInput) (*api.RemoveListenerCertificatesOutput, error) {
	return &api.RemoveListenerCertificatesOutput{}, s.changeListener(c, in.ListenerArn, func(_ *state.Tx, l *Listener) error {
		var gone []string
		for _, given := range in.Certificates {
			if awsapi.V(given.CertificateArn) == l.Certificate {
				return api.OperationNotPermittedException("Default certificate '%s' cannot be removed", l.Certificate)
			}
			gone = append(gone, awsapi.V(given.CertificateArn))
		}
		l.Certificates = slices.DeleteFunc(slices.Clone(l.Certificates), func(a string) bool { return slices.Contains(gone, a) })
		return nil
	})
}

// DescribeListenerCertificates lists the default certificate and the others.
func (s *Service) DescribeListenerCertificates(_ context.Context, c *operation.Caller, in *api.DescribeListenerCertificatesInput) (*api.DescribeListenerCertificatesOutput, error) {
	l, err := findListener(s.env.View(c), c.Scope(), in.ListenerArn)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeListenerCertificatesOutput{Certificates: []api.Certificate{}}
	if l.Certificate == "" {
		return out, nil
	}
	sorted := slices.Sorted(slices.Values(l.Certificates))
	all := append([]string{l.Certificate}, sorted...)
	page, next, err := paging.Page(slices.Values(all), in.Marker, pageSize(in.PageSize), func(a string) string {
		if a == l.Certificate {
			return "0"
		}
		return "1" + a
	})
	if err != nil {
		return nil, badMarker()
	}
	for _, a := range page {
		out.Certificates = append(out.Certificates, api.Certificate{CertificateArn: new(a), IsDefault: new(a == l.Certificate)})
	}
	out.NextMarker = next
	return out, nil
}
