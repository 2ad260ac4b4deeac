package iam

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func noProvider(name string) error {
	return api.NoSuchEntityException("OpenIDConnect Provider not found for arn %s", name)
}

func findProvider(tx *state.Tx, scope state.Scope, name string) (*Provider, error) {
	a, ok := arn.Parse(name)
	if !ok || a.Service != "iam" {
		return nil, invalid("Invalid ARN: %s", name)
	}
	host, _ := a.After("oidc-provider/")
	p, ok := providers.Get(tx, scope, host)
	if !ok || a.Account != scope.Account {
		return nil, noProvider(name)
	}
	return p, nil
}

// ProviderByIssuer is the account's provider of an issuer's URL.
func ProviderByIssuer(tx *state.Tx, scope state.Scope, issuer string) (*Provider, bool) {
	return providers.Get(tx, scope.Global(), hostOf(issuer))
}

// hostOf is an issuer without its scheme.
func hostOf(issuer string) string {
	host := strings.TrimPrefix(strings.TrimPrefix(issuer, "https://"), "http://")
	return strings.TrimSuffix(host, "/")
}

// CreateOpenIDConnectProvider makes a provider. AWS takes https only. A loopback
// issuer may speak plain http here, so that one can be tested on this machine.
func (s *Service) CreateOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.CreateOpenIDConnectProviderRequest) (*api.CreateOpenIDConnectProviderResponse, error) {
	scope := c.Global()
	if err := checkIssuer(*in.Url); err != nil {
		return nil, err
	}
	p := &Provider{Host: hostOf(*in.Url), URL: *in.Url, Clients: distinct(in.ClientIDList), Thumbprints: distinct(in.ThumbprintList), Created: s.now()}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		var err error
		if p.Tags, err = newTags(in.Tags, cased); err != nil {
			return err
		}
		switch {
		case len(p.Thumbprints) > quotaThumbprints:
			return tooManyThumbprints()
		case len(p.Clients) > quotaClients:
			return overQuota("ClientIdsPerOpenIdConnectProvider", quotaClients)
		case providers.Has(tx, scope, p.Host):
			return api.EntityAlreadyExistsException("Provider with url %s already exists.", *in.Url)
		case providers.Len(tx, scope) >= quotaProviders:
			return overQuota("OpenIdConnectProvidersPerAccount", quotaProviders)
		}
		providers.Put(tx, scope, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateOpenIDConnectProviderResponse{OpenIDConnectProviderArn: new(p.ARN(scope)), Tags: echo(in.Tags)}, nil
}

func tooManyThumbprints() error {
	return api.InvalidInputException("Thumbprint list must contain fewer than %d entries.", quotaThumbprints)
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.")):
		return nil
	}
	return invalid("Invalid Open ID Connect Provider URL")
}

func distinct(list []string) []string {
	out := []string{}
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// GetOpenIDConnectProvider tells a provider. The URL comes without its scheme.
func (s *Service) GetOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.GetOpenIDConnectProviderRequest) (*api.GetOpenIDConnectProviderResponse, error) {
	p, err := findProvider(s.env.View(c), c.Global(), *in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &api.GetOpenIDConnectProviderResponse{
		ClientIDList:   p.Clients,
		CreateDate:     new(p.Created),
		Tags:           tagList(p.Tags),
		ThumbprintList: p.Thumbprints,
		Url:            new(p.Host),
	}, nil
}

// ListOpenIDConnectProviders lists the account's providers.
func (s *Service) ListOpenIDConnectProviders(_ context.Context, c *operation.Caller, _ *api.ListOpenIDConnectProvidersRequest) (*api.ListOpenIDConnectProvidersResponse, error) {
	scope := c.Global()
	list := []api.OpenIDConnectProviderListEntry{}
	for p := range providers.All(s.env.View(c), scope) {
		list = append(list, api.OpenIDConnectProviderListEntry{Arn: new(p.ARN(scope))})
	}
	return &api.ListOpenIDConnectProvidersResponse{OpenIDConnectProviderList: list}, nil
}

// changeProvider puts a changed copy.
func (s *Service) changeProvider(c *operation.Caller, name string, change func(p *Provider) error) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, err := findProvider(tx, scope, name)
		if err != nil {
			return err
		}
		changed := *p
		if err := change(&changed); err != nil {
			return err
		}
		providers.Put(tx, scope, &changed)
		return nil
	}))
}

// AddClientIDToOpenIDConnectProvider adds an audience; one that is there already
// is no error.
func (s *Service) AddClientIDToOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.AddClientIDToOpenIDConnectProviderRequest) (*awsapi.Empty, error) {
	return s.changeProvider(c, *in.OpenIDConnectProviderArn, func(p *Provider) error {
		p.Clients = distinct(append(slices.Clone(p.Clients), *in.ClientID))
		if len(p.Clients) > quotaClients {
			return overQuota("ClientIdsPerOpenIdConnectProvider", quotaClients)
		}
		return nil
	})
}

// RemoveClientIDFromOpenIDConnectProvider takes an audience away; one that is not
// there is no error.
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.RemoveClientIDFromOpenIDConnectProviderRequest) (*awsapi.Empty, error) {
	return s.changeProvider(c, *in.OpenIDConnectProviderArn, func(p *Provider) error {
		p.Clients = without(p.Clients, *in.ClientID)
		return nil
	})
}

// UpdateOpenIDConnectProviderThumbprint replaces the thumbprints.
func (s *Service) UpdateOpenIDConnectProviderThumbprint(_ context.Context, c *operation.Caller, in *api.UpdateOpenIDConnectProviderThumbprintRequest) (*awsapi.Empty, error) {
	return s.changeProvider(c, *in.OpenIDConnectProviderArn, func(p *Provider) error {
		p.Thumbprints = distinct(in.ThumbprintList)
		if len(p.Thumbprints) > quotaThumbprints {
			return tooManyThumbprints()
		}
		return nil
	})
}

// DeleteOpenIDConnectProvider deletes a provider. Roles that trust it stay.
func (s *Service) DeleteOpenIDConnectProvider(_ context.Context, c *operation.Caller, in *api.DeleteOpenIDConnectProviderRequest) (*awsapi.Empty, error) {
	scope := c.Global()
	return done(s.env.Store.Update(func(tx *state.Tx) error {
		p, err := findProvider(tx, scope, *in.OpenIDConnectProviderArn)
		if e, ok := err.(*awsapi.Error); ok && e.Code == "NoSuchEntity" {
			return api.NoSuchEntityException("OpenId connect Provider %s cannot be found.", *in.OpenIDConnectProviderArn)
		}
		if err != nil {
			return err
		}
		providers.Delete(tx, scope, p.Host)
		return nil
	}))
}
