package ecs

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The capacity providers that every account has.
const (
	fargate     = "FARGATE"
	fargateSpot = "FARGATE_SPOT"
)

func onFargate(provider string) bool { return provider == fargate || provider == fargateSpot }

func providerARN(scope state.Scope, called string) string {
	return arn.New("ecs", scope, "capacity-provider/"+called)
}

// providerName is the name in a reference to a capacity provider.
func providerName(ref string) string {
	rest, ok := last(ref, "capacity-provider")
	if !ok {
		return ref
	}
	return rest
}

// knownProvider tells whether there is such a capacity provider.
func knownProvider(tx *state.Tx, scope state.Scope, called string) bool {
	p, ok := CapacityProviders.Get(tx, scope, called)
	return onFargate(called) || ok && p.Status == api.CapacityProviderStatusActive
}

// CreateCapacityProvider makes a capacity provider on an Auto Scaling group.
func (s *Service) CreateCapacityProvider(_ context.Context, c *operation.Caller, in *api.CreateCapacityProviderRequest) (*api.CreateCapacityProviderResponse, error) {
	scope, called := c.Scope(), *in.Name
	tags, err := newTags(in.Tags)
	if err == nil {
		err = checkName("The capacity provider name", called)
	}
	switch lower := strings.ToLower(called); {
	case err != nil:
		return nil, err
	case strings.HasPrefix(lower, "aws"), strings.HasPrefix(lower, "ecs"), strings.HasPrefix(lower, "fargate"):
		return nil, api.ClientException("The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters (upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with \"aws\", \"ecs\", or \"fargate\". Specify a valid name and try again.")
	case in.ManagedInstancesProvider != nil || in.Cluster != nil:
		return nil, unserved("ECS Managed Instances")
	case in.AutoScalingGroupProvider == nil:
		return nil, api.ClientException("The capacity provider must have an autoScalingGroupProvider.")
	}
	row := &CapacityProvider{
		Name: called, ARN: providerARN(scope, called), Status: api.CapacityProviderStatusActive, Tags: tags, CreatedAt: s.env.Now(),
		Update: api.CapacityProviderUpdateStatusCreateComplete, Group: groupDefaults(in.AutoScalingGroupProvider),
	}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		if old, ok := CapacityProviders.Get(tx, scope, called); ok && old.Status == api.CapacityProviderStatusActive {
			return api.ClientException("The specified capacity provider already exists. To change the configuration of an existing capacity provider, update the capacity provider.")
		}
		g, ok := s.ScalingGroup(tx, scope, *row.Group.AutoScalingGroupArn)
		if !ok {
			return api.ClientException("The specified Auto Scaling group ARN is invalid. Specify a valid ARN and try again.")
		}
		row.Group.AutoScalingGroupArn = new(g.ARN)
		if other, used := ProviderByGroup.One(tx, scope, g.ARN); used {
			return api.ClientException("The specified Auto Scaling group is already in use by the capacity provider %s. Specify a different Auto Scaling group and try again.", other.Name)
		}
		if err := checkProtection(row, g); err != nil {
			return err
		}
		CapacityProviders.Put(tx, scope, row)
		s.ManageGroup(tx, scope, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateCapacityProviderResponse{CapacityProvider: describeProvider(row, true)}, nil
}

// groupDefaults fills in what a request leaves out (ManagedScaling,
// AutoScalingGroupProvider).
func groupDefaults(in *api.AutoScalingGroupProvider) *api.AutoScalingGroupProvider {
	g := *in
	m := api.ManagedScaling{Status: api.ManagedScalingStatusDisabled}
	if g.ManagedScaling != nil {
		m = *g.ManagedScaling
		m.Status = cmp.Or(m.Status, api.ManagedScalingStatusEnabled)
	}
	m.TargetCapacity = new(number(m.TargetCapacity, 100))
	m.MinimumScalingStepSize = new(number(m.MinimumScalingStepSize, 1))
	m.MaximumScalingStepSize = new(number(m.MaximumScalingStepSize, 10000))
	m.InstanceWarmupPeriod = new(number(m.InstanceWarmupPeriod, 300))
	g.ManagedScaling = &m
	g.ManagedTerminationProtection = cmp.Or(g.ManagedTerminationProtection, api.ManagedTerminationProtectionDisabled)
	g.ManagedDraining = cmp.Or(g.ManagedDraining, api.ManagedDrainingEnabled)
	return &g
}

func checkProtection(p *CapacityProvider, g ScalingGroup) error {
	m := p.Group.ManagedScaling
	switch {
	case *m.MinimumScalingStepSize > *m.MaximumScalingStepSize:
		return api.ClientException("The specified minimum scaling step size is greater than the maximum scaling step size.")
	case p.Group.ManagedTerminationProtection != api.ManagedTerminationProtectionEnabled:
		return nil
	case m.Status != api.ManagedScalingStatusEnabled:
		return api.ClientException("The managed termination protection setting for the capacity provider is invalid. To enable managed termination protection for a capacity provider, managed scaling must be enabled.")
	case !g.Protected:
		return api.ClientException("The managed termination protection setting for the capacity provider is invalid. To enable managed termination protection for a capacity provider, the Auto Scaling group must have instance protection from scale in enabled.")
	}
	return nil
}

func describeProvider(p *CapacityProvider, tags bool) *api.CapacityProvider {
	out := &api.CapacityProvider{
		CapacityProviderArn: new(p.ARN), Name: new(p.Name), Status: p.Status, AutoScalingGroupProvider: p.Group,
		Type: api.CapacityProviderTypeEc2Autoscaling, UpdateStatus: p.Update, UpdateStatusReason: text(p.UpdateReason), Tags: []api.Tag{},
	}
	if tags {
		out.Tags = tagList(p.Tags)
	}
	return out
}

func describeFargate(scope state.Scope, called string) *api.CapacityProvider {
	return &api.CapacityProvider{
		CapacityProviderArn: new(providerARN(scope, called)), Name: &called, Status: api.CapacityProviderStatusActive,
		Type: api.CapacityProviderType(called), Tags: []api.Tag{},
	}
}

// UpdateCapacityProvider changes a capacity provider's scaling.
func (s *Service) UpdateCapacityProvider(_ context.Context, c *operation.Caller, in *api.UpdateCapacityProviderRequest) (*api.UpdateCapacityProviderResponse, error) {
	scope := c.Scope()
	if in.ManagedInstancesProvider != nil || in.Cluster != nil {
		return nil, unserved("ECS Managed Instances")
	}
	var out *api.CapacityProvider
	err := s.env.Store.Update(func(tx *state.Tx) error {
		old, err := ownProvider(tx, scope, *in.Name)
		if err != nil {
			return err
		}
		row := *old
		if u := in.AutoScalingGroupProvider; u != nil {
			row.Group = updatedGroup(old.Group, u)
		}
		g, _ := s.ScalingGroup(tx, scope, *row.Group.AutoScalingGroupArn)
		if err := checkProtection(&row, g); err != nil {
			return err
		}
		row.Update, row.UpdateReason = api.CapacityProviderUpdateStatusUpdateComplete, ""
		CapacityProviders.Put(tx, scope, &row)
		s.ManageGroup(tx, scope, &row)
		out = describeProvider(&row, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateCapacityProviderResponse{CapacityProvider: out}, nil
}

// updatedGroup puts an update over what there is, member by member.
func updatedGroup(old *api.AutoScalingGroupProvider, u *api.AutoScalingGroupProviderUpdate) *api.AutoScalingGroupProvider {
	g, m := *old, *old.ManagedScaling
	if n := u.ManagedScaling; n != nil {
		m.Status = cmp.Or(n.Status, m.Status)
		m.TargetCapacity = cmp.Or(n.TargetCapacity, m.TargetCapacity)
		m.MinimumScalingStepSize = cmp.Or(n.MinimumScalingStepSize, m.MinimumScalingStepSize)
		m.MaximumScalingStepSize = cmp.Or(n.MaximumScalingStepSize, m.MaximumScalingStepSize)
		m.InstanceWarmupPeriod = cmp.Or(n.InstanceWarmupPeriod, m.InstanceWarmupPeriod)
	}
	g.ManagedScaling = &m
	g.ManagedTerminationProtection = cmp.Or(u.ManagedTerminationProtection, g.ManagedTerminationProtection)
	g.ManagedDraining = cmp.Or(u.ManagedDraining, g.ManagedDraining)
	return &g
}

// ownProvider is a capacity provider that can be changed.
func ownProvider(tx *state.Tx, scope state.Scope, ref string) (*CapacityProvider, error) {
	called := providerName(ref)
	if onFargate(called) {
		return nil, api.ClientException("The specified capacity provider is reserved and cannot be changed or deleted.")
	}
	p, ok := CapacityProviders.Get(tx, scope, called)
	if !ok || p.Status != api.CapacityProviderStatusActive {
		return nil, api.ClientException("The specified capacity provider does not exist. Specify a valid name or ARN and try again.")
	}
	return p, nil
}

// DeleteCapacityProvider deletes a capacity provider that no cluster has.
func (s *Service) DeleteCapacityProvider(_ context.Context, c *operation.Caller, in *api.DeleteCapacityProviderRequest) (*api.DeleteCapacityProviderResponse, error) {
	scope := c.Scope()
	if in.Cluster != nil {
		return nil, unserved("ECS Managed Instances")
	}
	var out *api.CapacityProvider
	err := s.env.Store.Update(func(tx *state.Tx) error {
		old, err := ownProvider(tx, scope, *in.CapacityProvider)
		if err != nil {
			return err
		}
		for cl := range Clusters.All(tx, scope) {
			if slices.Contains(cl.Providers, old.Name) {
				return api.ClientException("The capacity provider cannot be deleted because it is associated with cluster: %s. Remove the capacity provider from the cluster and try again.", cl.Name)
			}
		}
		row := *old
		row.Status, row.Update = api.CapacityProviderStatusInactive, api.CapacityProviderUpdateStatusDeleteComplete
		row.Until = s.env.Now().Add(ClusterLingers)
		CapacityProviders.Put(tx, scope, &row)
		depart(tx, scope, row.Until, CapacityProviders, row.Name)
		s.ManageGroup(tx, scope, &row)
		out = describeProvider(&row, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteCapacityProviderResponse{CapacityProvider: out}, nil
}

// DescribeCapacityProviders is the capacity providers named, or all.
func (s *Service) DescribeCapacityProviders(_ context.Context, c *operation.Caller, in *api.DescribeCapacityProvidersRequest) (*api.DescribeCapacityProvidersResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	tags := includes(in.Include, api.CapacityProviderFieldTags)
	out := &api.DescribeCapacityProvidersResponse{Failures: []api.Failure{}}
	var all []api.CapacityProvider
	for _, ref := range in.CapacityProviders {
		called := providerName(ref)
		p, ok := CapacityProviders.Get(tx, scope, called)
		switch {
		case onFargate(called):
			all = append(all, *describeFargate(scope, called))
		case ok:
			all = append(all, *describeProvider(p, tags))
		default:
			out.Failures = append(out.Failures, missing(scope, "capacity-provider", "", ref))
		}
	}
	if len(in.CapacityProviders) == 0 {
		all = append(all, *describeFargate(scope, fargate), *describeFargate(scope, fargateSpot))
		for p := range CapacityProviders.All(tx, scope) {
			if p.Status == api.CapacityProviderStatusActive && in.Cluster == nil {
				all = append(all, *describeProvider(p, tags))
			}
		}
		if in.Cluster != nil {
			all = []api.CapacityProvider{} // only managed instances belong to a cluster
		}
	}
	slices.SortStableFunc(all, func(a, b api.CapacityProvider) int { return cmp.Compare(*a.Name, *b.Name) })
	var err error
	out.CapacityProviders, out.NextToken, err = page(slices.Values(all), in.NextToken, in.MaxResults, 10, 10, func(p api.CapacityProvider) string { return *p.Name })
	return out, err
}

// PutClusterCapacityProviders replaces a cluster's capacity providers and its
// default strategy.
func (s *Service) PutClusterCapacityProviders(_ context.Context, c *operation.Caller, in *api.PutClusterCapacityProvidersRequest) (*api.PutClusterCapacityProvidersResponse, error) {
	scope := c.Scope()
	out, err := s.changeCluster(scope, in.Cluster, everyClusterPart, func(tx *state.Tx, row *Cluster) error {
		for _, p := range row.Providers {
			keeps := slices.ContainsFunc(in.CapacityProviders, func(ref string) bool { return providerName(ref) == p })
			if !keeps && providerInUse(tx, scope, row.Name, p) {
				return api.ResourceInUseException("The specified capacity provider is in use and cannot be removed.")
			}
		}
		return s.associate(tx, scope, row, in.CapacityProviders, in.DefaultCapacityProviderStrategy)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutClusterCapacityProvidersResponse{Cluster: out}, nil
}

// providerInUse tells whether a service's strategy or a task names the provider.
func providerInUse(tx *state.Tx, scope state.Scope, cluster, provider string) bool {
	for svc := range Services.Prefix(tx, scope, cluster+"/") {
		if svc.Status != Inactive && slices.ContainsFunc(svc.Strategy, func(i api.CapacityProviderStrategyItem) bool { return *i.CapacityProvider == provider }) {
			return true
		}
	}
	for t := range TasksAlive.Get(tx, scope, cluster) {
		if t.Provider == provider {
			return true
		}
	}
	return false
}

// associate gives the cluster capacity providers and a default strategy of them.
func (s *Service) associate(tx *state.Tx, scope state.Scope, row *Cluster, refs []string, strategy []api.CapacityProviderStrategyItem) error {
	if len(refs) > 20 {
		return api.InvalidParameterException("A cluster can have at most 20 capacity providers.")
	}
	row.Providers = nil
	for _, ref := range refs {
		called := providerName(ref)
		if !knownProvider(tx, scope, called) {
			return api.InvalidParameterException("The specified capacity provider '%s' was not found. Specify a valid name or ARN and try again.", ref)
		}
		if !slices.Contains(row.Providers, called) {
			row.Providers = append(row.Providers, called)
		}
	}
	row.Strategy = strategyOf(strategy)
	for _, i := range row.Strategy {
		if !slices.Contains(row.Providers, *i.CapacityProvider) {
			return api.InvalidParameterException("The specified default capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.")
		}
	}
	return checkStrategy(row.Strategy)
}

// strategyOf is a capacity provider strategy as it is kept: names, and numbers
// where the request leaves them out.
func strategyOf(in []api.CapacityProviderStrategyItem) []api.CapacityProviderStrategyItem {
	var all []api.CapacityProviderStrategyItem
	for _, i := range in {
		all = append(all, api.CapacityProviderStrategyItem{
			CapacityProvider: new(providerName(awsapi.V(i.CapacityProvider))), Weight: new(number(i.Weight, 0)), Base: new(number(i.Base, 0)),
		})
	}
	return all
}

// checkStrategy checks what holds between the items of a strategy
// (CapacityProviderStrategyItem).
func checkStrategy(all []api.CapacityProviderStrategyItem) error {
	bases, serverless := 0, 0
	seen := map[string]bool{}
	for _, i := range all {
		if *i.Base > 0 {
			bases++
		}
		if onFargate(*i.CapacityProvider) {
			serverless++
		}
		if seen[*i.CapacityProvider] {
			return api.InvalidParameterException("The capacity provider strategy names the capacity provider '%s' more than once.", *i.CapacityProvider)
		}
		seen[*i.CapacityProvider] = true
	}
	switch {
	case len(all) == 0:
		return nil
	case len(all) > 20:
		return api.InvalidParameterException("A capacity provider strategy can contain a maximum of 20 capacity providers.")
	case bases > 1:
		return api.InvalidParameterException("The capacity provider strategy cannot contain more than one item with a base value. Specify a base value for one item and try again.")
	case serverless > 0 && serverless < len(all):
		return api.InvalidParameterException("A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and Fargate providers. Specify one or the other and try again.")
	}
	return nil
}

// useStrategy checks a strategy that a task or service names against its cluster.
func useStrategy(c *Cluster, all []api.CapacityProviderStrategyItem) error {
	weights := 0
	for _, i := range all {
		weights += *i.Weight
		if !slices.Contains(c.Providers, *i.CapacityProvider) {
			return api.InvalidParameterException("The specified capacity provider '%s' was not found. Specify a valid name or ARN and try again.", *i.CapacityProvider)
		}
	}
	if weights == 0 && len(all) > 1 {
		return api.InvalidParameterException("The capacity provider strategy must contain at least one capacity provider with a weight greater than zero. Specify a weight and try again.")
	}
	return checkStrategy(all)
}

// strategyLaunch is the launch type of a strategy's tasks.
func strategyLaunch(all []api.CapacityProviderStrategyItem) api.LaunchType {
	if len(all) > 0 && onFargate(*all[0].CapacityProvider) {
		return api.LaunchTypeFargate
	}
	return api.LaunchTypeEc2
}
