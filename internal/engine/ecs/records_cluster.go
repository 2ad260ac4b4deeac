package ecs

import (
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// The states of clusters, services and capacity providers that the model has
// no enum for.
const (
	Active   = "ACTIVE"
	Draining = "DRAINING"
	Inactive = "INACTIVE"
)

// Cluster is one cluster. An INACTIVE one is deleted and described for a while.
type Cluster struct {
	Name, ARN string
	Status    string
	Settings  []api.ClusterSetting      `json:",omitzero"`
	Config    *api.ClusterConfiguration `json:",omitzero"`
	// Providers are the names of the associated capacity providers and Strategy
	// the default of tasks and services that name none.
	Providers []string                           `json:",omitzero"`
	Strategy  []api.CapacityProviderStrategyItem `json:",omitzero"`
	Tags      tagging.Set                        `json:",omitzero"`
	CreatedAt time.Time
	// Until is how long an INACTIVE one is described.
	Until time.Time `json:",omitzero"`
}

// Clusters are the clusters by name.
var Clusters = state.NewTable("ecs.cluster", func(c *Cluster) string { return c.Name })

// ClusterARN is the name of a cluster.
func ClusterARN(scope state.Scope, name string) string { return arn.New("ecs", scope, "cluster/"+name) }

// CapacityProvider is one capacity provider on an Auto Scaling group. FARGATE
// and FARGATE_SPOT have no row: every account has them.
type CapacityProvider struct {
	Name, ARN string
	Group     *api.AutoScalingGroupProvider
	Status    api.CapacityProviderStatus
	// Update and UpdateReason are how the last change went.
	Update       api.CapacityProviderUpdateStatus
	UpdateReason string      `json:",omitzero"`
	Tags         tagging.Set `json:",omitzero"`
	CreatedAt    time.Time
	// Until is how long an INACTIVE one is described.
	Until time.Time `json:",omitzero"`
}

// CapacityProviders are the capacity providers by name.
var CapacityProviders = state.NewTable("ecs.capacity-provider", func(p *CapacityProvider) string { return p.Name })

// ProviderByGroup finds capacity providers by their Auto Scaling group's ARN, but
// for deleted ones.
var ProviderByGroup = state.NewIndex(CapacityProviders, func(p *CapacityProvider) []string {
	if p.Group == nil || p.Group.AutoScalingGroupArn == nil || p.Status == api.CapacityProviderStatusInactive {
		return nil
	}
	return []string{*p.Group.AutoScalingGroupArn}
})

// ManagedScaling tells whether the provider starts instances for tasks that
// wait for a place.
func (p *CapacityProvider) ManagedScaling() bool {
	return p.Group != nil && p.Group.ManagedScaling != nil && p.Group.ManagedScaling.Status == api.ManagedScalingStatusEnabled
}
