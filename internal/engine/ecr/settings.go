package ecr

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Registry is what holds for all repositories of an account in a region.
type Registry struct {
	// Policy is for what other accounts may have the registry do for them
	// (replication, pull-through caches), of which nothing is served: it is kept.
	Policy string `json:",omitzero"`
	// Scanning is which pushes are to be scanned; the engine scans nothing.
	Scanning []api.RegistryScanningRule `json:",omitzero"`
	Settings map[string]string          `json:",omitzero"`
}

// Registries is the table: one row for an account and region.
var Registries = state.NewTable("ecr.registry", func(*Registry) string { return "registry" })

// settings are the account settings, their defaults first.
var settings = map[string][]string{
	"BASIC_SCAN_TYPE_VERSION": {"AWS_NATIVE", "CLAIR"},
	"REGISTRY_POLICY_SCOPE":   {"V2", "V1"},
}

func registryOf(tx *state.Tx, scope state.Scope) Registry {
	if r, ok := Registries.Get(tx, scope, "registry"); ok {
		return *r
	}
	return Registry{}
}

func (s *Service) changeRegistry(c *operation.Caller, change func(r *Registry) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		r := registryOf(tx, c.Scope())
		if err := change(&r); err != nil {
			return err
		}
		Registries.Put(tx, c.Scope(), &r)
		return nil
	})
}

// DescribeRegistry tells that nothing is replicated.
func (s *Service) DescribeRegistry(_ context.Context, c *operation.Caller, _ *api.DescribeRegistryRequest) (*api.DescribeRegistryResponse, error) {
	return &api.DescribeRegistryResponse{RegistryId: &c.Account, ReplicationConfiguration: &api.ReplicationConfiguration{Rules: []api.ReplicationRule{}}}, nil
}

// PutRegistryPolicy keeps the registry's policy.
func (s *Service) PutRegistryPolicy(_ context.Context, c *operation.Caller, in *api.PutRegistryPolicyRequest) (*api.PutRegistryPolicyResponse, error) {
	if _, err := policy.ParseAs(policy.Resource, []byte(*in.PolicyText)); err != nil {
		return nil, api.InvalidParameterException("Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'")
	}
	return &api.PutRegistryPolicyResponse{RegistryId: &c.Account, PolicyText: in.PolicyText}, s.changeRegistry(c, func(r *Registry) error {
		r.Policy = *in.PolicyText
		return nil
	})
}

func noRegistryPolicy(c *operation.Caller) error {
	return api.RegistryPolicyNotFoundException("Registry policy does not exist in the registry with id '%s'", c.Account)
}

// GetRegistryPolicy is the registry's policy.
func (s *Service) GetRegistryPolicy(_ context.Context, c *operation.Caller, _ *api.GetRegistryPolicyRequest) (*api.GetRegistryPolicyResponse, error) {
	r := registryOf(s.env.Store.View(), c.Scope())
	if r.Policy == "" {
		return nil, noRegistryPolicy(c)
	}
	return &api.GetRegistryPolicyResponse{RegistryId: &c.Account, PolicyText: &r.Policy}, nil
}

// DeleteRegistryPolicy takes the registry's policy away.
func (s *Service) DeleteRegistryPolicy(_ context.Context, c *operation.Caller, _ *api.DeleteRegistryPolicyRequest) (*api.DeleteRegistryPolicyResponse, error) {
	out := &api.DeleteRegistryPolicyResponse{RegistryId: &c.Account}
	return out, s.changeRegistry(c, func(r *Registry) error {
		if r.Policy == "" {
			return noRegistryPolicy(c)
		}
		out.PolicyText, r.Policy = new(r.Policy), ""
		return nil
	})
}

// GetRegistryScanningConfiguration is which pushes are to be scanned.
func (s *Service) GetRegistryScanningConfiguration(_ context.Context, c *operation.Caller, _ *api.GetRegistryScanningConfigurationRequest) (*api.GetRegistryScanningConfigurationResponse, error) {
	r := registryOf(s.env.Store.View(), c.Scope())
	return &api.GetRegistryScanningConfigurationResponse{RegistryId: &c.Account, ScanningConfiguration: scanning(r.Scanning)}, nil
}

func scanning(rules []api.RegistryScanningRule) *api.RegistryScanningConfiguration {
	if rules == nil {
		rules = []api.RegistryScanningRule{}
	}
	return &api.RegistryScanningConfiguration{ScanType: api.ScanTypeBasic, Rules: rules}
}

// PutRegistryScanningConfiguration keeps which pushes are to be scanned.
func (s *Service) PutRegistryScanningConfiguration(_ context.Context, c *operation.Caller, in *api.PutRegistryScanningConfigurationRequest) (*api.PutRegistryScanningConfigurationResponse, error) {
	if in.ScanType == api.ScanTypeEnhanced {
		return nil, api.InvalidParameterException("Invalid parameter at 'scanType': enhanced scanning is not served by the slipway engine, which scans nothing; use BASIC")
	}
	return &api.PutRegistryScanningConfigurationResponse{RegistryScanningConfiguration: scanning(in.Rules)}, s.changeRegistry(c, func(r *Registry) error {
		r.Scanning = in.Rules
		return nil
	})
}

// BatchGetRepositoryScanningConfiguration is how repositories are to be scanned.
func (s *Service) BatchGetRepositoryScanningConfiguration(_ context.Context, c *operation.Caller, in *api.BatchGetRepositoryScanningConfigurationRequest) (*api.BatchGetRepositoryScanningConfigurationResponse, error) {
	tx := s.env.Store.View()
	out := &api.BatchGetRepositoryScanningConfigurationResponse{
		ScanningConfigurations: []api.RepositoryScanningConfiguration{}, Failures: []api.RepositoryScanningConfigurationFailure{},
	}
	for _, name := range in.RepositoryNames {
		r, err := find(tx, c, nil, &name)
		if err != nil {
			out.Failures = append(out.Failures, api.RepositoryScanningConfigurationFailure{
				RepositoryName: &name, FailureCode: api.ScanningConfigurationFailureCodeRepositoryNotFound, FailureReason: new(err.(*awsapi.Error).Message),
			})
			continue
		}
		config := api.RepositoryScanningConfiguration{
			RepositoryArn: new(ARN(c.Scope(), r.Name)), RepositoryName: &r.Name, ScanOnPush: &r.ScanOnPush, ScanFrequency: api.ScanFrequencyManual,
			AppliedScanFilters: []api.ScanningRepositoryFilter{},
		}
		if r.ScanOnPush {
			config.ScanFrequency = api.ScanFrequencyScanOnPush
		}
		out.ScanningConfigurations = append(out.ScanningConfigurations, config)
	}
	return out, nil
}

func setting(name *string) ([]string, error) {
	values, ok := settings[*name]
	if !ok {
		return nil, api.InvalidParameterException("Invalid parameter at 'name' failed to satisfy constraint: '%s is no account setting of the slipway engine'", *name)
	}
	return values, nil
}

// GetAccountSetting is an account setting, its default if it was not put.
func (s *Service) GetAccountSetting(_ context.Context, c *operation.Caller, in *api.GetAccountSettingRequest) (*api.GetAccountSettingResponse, error) {
	values, err := setting(in.Name)
	if err != nil {
		return nil, err
	}
	value := values[0]
	if v, ok := registryOf(s.env.Store.View(), c.Scope()).Settings[*in.Name]; ok {
		value = v
	}
	return &api.GetAccountSettingResponse{Name: in.Name, Value: &value}, nil
}

// PutAccountSetting keeps an account setting.
func (s *Service) PutAccountSetting(_ context.Context, c *operation.Caller, in *api.PutAccountSettingRequest) (*api.PutAccountSettingResponse, error) {
	values, err := setting(in.Name)
	if err != nil {
		return nil, err
	}
	if *in.Value != values[0] && *in.Value != values[1] {
		return nil, api.InvalidParameterException("Invalid parameter at 'value' failed to satisfy constraint: '%s is one of %v'", *in.Name, values)
	}
	return &api.PutAccountSettingResponse{Name: in.Name, Value: in.Value}, s.changeRegistry(c, func(r *Registry) error {
		with := map[string]string{*in.Name: *in.Value}
		for k, v := range r.Settings {
			if k != *in.Name {
				with[k] = v
			}
		}
		r.Settings = with
		return nil
	})
}
