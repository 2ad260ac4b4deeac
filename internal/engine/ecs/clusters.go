package ecs

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateCluster makes a cluster, or answers with the one of the name if that is
// the same.
func (s *Service) CreateCluster(_ context.Context, c *operation.Caller, in *api.CreateClusterRequest) (*api.CreateClusterResponse, error) {
	scope := c.Scope()
	called := cmp.Or(awsapi.V(in.ClusterName), "default")
	tags, err := newTags(in.Tags)
	if err == nil {
		err = checkName("Cluster name", called)
	}
	if err == nil {
		err = checkClusterParts(in.Settings, in.Configuration, in.ServiceConnectDefaults)
	}
	if err != nil {
		return nil, err
	}
	var out api.Cluster
	err = s.env.Store.Update(func(tx *state.Tx) error {
		row, ok := Clusters.Get(tx, scope, called)
		if ok && row.Status != Inactive {
			if !sameCluster(row, in) {
				return api.InvalidParameterException("Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
			}
			out = describeCluster(tx, scope, row, everyClusterPart)
			return nil
		}
		row = &Cluster{
			Name: called, ARN: ClusterARN(scope, called), Status: Active, Config: in.Configuration, Tags: tags, CreatedAt: s.env.Now(),
			Settings: []api.ClusterSetting{{
				Name:  api.ClusterSettingNameContainerInsights,
				Value: new(EffectiveSetting(tx, scope, c.ARN, api.SettingNameContainerInsights)),
			}},
		}
		row.set(in.Settings)
		if err := s.associate(tx, scope, row, in.CapacityProviders, in.DefaultCapacityProviderStrategy); err != nil {
			return err
		}
		s.LinkedRole(tx, scope)
		iam.UseLinkedRole(tx, scope, linkedService, row.ARN)
		Clusters.Put(tx, scope, row)
		out = describeCluster(tx, scope, row, everyClusterPart)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateClusterResponse{Cluster: &out}, nil
}

// linkedService is whose service-linked role every cluster needs.
const linkedService = "ecs.amazonaws.com"

// everyClusterPart is what the operations that make or change a cluster answer.
var everyClusterPart = []api.ClusterField{api.ClusterFieldConfigurations, api.ClusterFieldSettings, api.ClusterFieldTags}

// sameCluster tells whether the request asks for what is already there; what it
// does not name is the same.
func sameCluster(c *Cluster, in *api.CreateClusterRequest) bool {
	wanted := *c
	wanted.set(in.Settings)
	return same(wanted.Settings, c.Settings) &&
		(in.Configuration == nil || same(in.Configuration, c.Config)) &&
		(in.CapacityProviders == nil || same(in.CapacityProviders, c.Providers)) &&
		(in.DefaultCapacityProviderStrategy == nil || same(strategyOf(in.DefaultCapacityProviderStrategy), c.Strategy))
}

// set puts settings over those that the cluster has.
func (c *Cluster) set(settings []api.ClusterSetting) {
	for _, n := range settings {
		c.Settings = slices.Clone(c.Settings)
		at := slices.IndexFunc(c.Settings, func(o api.ClusterSetting) bool { return o.Name == n.Name })
		if at < 0 {
			c.Settings = append(c.Settings, n)
		} else {
			c.Settings[at] = n
		}
	}
}

// checkName checks what a cluster, a service, a family or a container is called.
func checkName(what, called string) error {
	switch {
	case !name.MatchString(called):
		return api.InvalidParameterException("%s contains invalid characters.", what)
	case len(called) > 255:
		return api.InvalidParameterException("%s longer than 255.", what)
	}
	return nil
}

func checkClusterParts(settings []api.ClusterSetting, config *api.ClusterConfiguration, connect *api.ClusterServiceConnectDefaultsRequest) error {
	for _, s := range settings {
		if v := awsapi.V(s.Value); !slices.Contains([]string{"enabled", "disabled", "enhanced"}, v) {
			return api.InvalidParameterException("containerInsights should be one of [enabled,disabled,enhanced].")
		}
	}
	if connect != nil && awsapi.V(connect.Namespace) != "" {
		return unserved("Service Connect")
	}
	if config == nil {
		return nil
	}
	if config.ManagedStorageConfiguration != nil {
		return unserved("encryption of task storage with a KMS key (managedStorageConfiguration)")
	}
	return checkExecConfiguration(config.ExecuteCommandConfiguration)
}

func checkExecConfiguration(e *api.ExecuteCommandConfiguration) error {
	switch {
	case e == nil:
		return nil
	case e.KmsKeyId != nil:
		return unserved("encryption of ECS Exec with a KMS key")
	case e.Logging == api.ExecuteCommandLoggingOverride && e.LogConfiguration == nil:
		return api.InvalidParameterException("logConfiguration must be specified when logging is OVERRIDE.")
	case e.Logging != api.ExecuteCommandLoggingOverride && e.LogConfiguration != nil:
		return api.InvalidParameterException("logConfiguration can only be specified when logging is OVERRIDE.")
	case e.LogConfiguration != nil && e.LogConfiguration.S3BucketName != nil:
		return unserved("logs of ECS Exec in S3")
	}
	return nil
}

// describeCluster is the cluster as it is described, with the parts asked for.
func describeCluster(tx *state.Tx, scope state.Scope, c *Cluster, parts []api.ClusterField) api.Cluster {
	out := api.Cluster{
		ClusterArn: new(c.ARN), ClusterName: new(c.Name), Status: new(c.Status),
		CapacityProviders: append([]string{}, c.Providers...), DefaultCapacityProviderStrategy: append([]api.CapacityProviderStrategyItem{}, c.Strategy...),
		Settings: []api.ClusterSetting{}, Statistics: []api.KeyValuePair{}, Tags: []api.Tag{},
	}
	n := countCluster(tx, scope, c)
	out.ActiveServicesCount, out.RegisteredContainerInstancesCount = new(n.services[Active]), new(n.instances)
	out.RunningTasksCount, out.PendingTasksCount = new(n.running), new(n.pending)
	if includes(parts, api.ClusterFieldSettings) {
		out.Settings = append(out.Settings, c.Settings...)
	}
	if includes(parts, api.ClusterFieldConfigurations) {
		out.Configuration = c.Config
	}
	if includes(parts, api.ClusterFieldStatistics) {
		out.Statistics = n.statistics()
	}
	if includes(parts, api.ClusterFieldTags) {
		out.Tags = tagList(c.Tags)
	}
	return out
}

// clusterCounts is what a cluster has, by launch type where that is shown.
type clusterCounts struct {
	running, pending, instances int
	services                    map[string]int // by status
	byType                      map[api.LaunchType]*typeCounts
}

type typeCounts struct{ running, pending, active, draining int }

// launchTypes are those that statistics are shown for, as they are spelled there.
var launchTypes = []struct {
	launch api.LaunchType
	word   string
}{{api.LaunchTypeEc2, "EC2"}, {api.LaunchTypeFargate, "Fargate"}, {api.LaunchTypeExternal, "External"}}

func countCluster(tx *state.Tx, scope state.Scope, c *Cluster) clusterCounts {
	n := clusterCounts{services: map[string]int{}, byType: map[api.LaunchType]*typeCounts{}}
	for _, l := range launchTypes {
		t := ClusterTally(tx, scope, c.Name, l.launch)
		n.byType[l.launch] = &typeCounts{running: t.Running, pending: t.Pending}
		n.running += t.Running
		n.pending += t.Pending
	}
	for svc := range Services.Prefix(tx, scope, c.Name+"/") {
		n.services[svc.Status]++
		switch t := n.byType[svc.launches(tx, scope)]; svc.Status {
		case Active:
			t.active++
		case Draining:
			t.draining++
		}
	}
	for i := range Instances.Prefix(tx, scope, c.Name+"/") {
		if i.Status != Inactive {
			n.instances++
		}
	}
	return n
}

// launches is the launch type of a service's tasks, whether it was named or is
// its capacity providers'.
func (s *ServiceRow) launches(tx *state.Tx, scope state.Scope) api.LaunchType {
	if s.LaunchType != "" {
		return s.LaunchType
	}
	return strategyLaunch(s.Strategy)
}

func (n clusterCounts) statistics() []api.KeyValuePair {
	var all []api.KeyValuePair
	add := func(name string, value int) {
		all = append(all, api.KeyValuePair{Name: &name, Value: new(strconv.Itoa(value))})
	}
	for _, l := range launchTypes {
		t := n.byType[l.launch]
		add("running"+l.word+"TasksCount", t.running)
		add("pending"+l.word+"TasksCount", t.pending)
		add("active"+l.word+"ServiceCount", t.active)
		add("draining"+l.word+"ServiceCount", t.draining)
	}
	return all
}

// DescribeClusters is the clusters named, or the default one.
func (s *Service) DescribeClusters(_ context.Context, c *operation.Caller, in *api.DescribeClustersRequest) (*api.DescribeClustersResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	refs := in.Clusters
	if len(refs) == 0 {
		refs = []string{"default"}
	}
	if err := batch(refs, 100, "Clusters"); err != nil {
		return nil, err
	}
	out := &api.DescribeClustersResponse{Clusters: []api.Cluster{}, Failures: []api.Failure{}}
	for _, ref := range refs {
		row, ok := Clusters.Get(tx, scope, clusterName(&ref))
		if !ok || foreign(scope, &ref) {
			out.Failures = append(out.Failures, missing(scope, "cluster", "", ref))
			continue
		}
		out.Clusters = append(out.Clusters, describeCluster(tx, scope, row, in.Include))
	}
	return out, nil
}

// ListClusters is the names of the clusters that are not deleted.
func (s *Service) ListClusters(_ context.Context, c *operation.Caller, in *api.ListClustersRequest) (*api.ListClustersResponse, error) {
	active := filter(after(Clusters, s.env.View(c), c.Scope(), "", in.NextToken), func(c *Cluster) bool { return c.Status != Inactive })
	got, next, err := page(active, in.NextToken, in.MaxResults, MostPerPage, MostPerPage, Clusters.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListClustersResponse{ClusterArns: arns(got, func(c *Cluster) string { return c.ARN }), NextToken: next}, nil
}

// change works on a copy of the active cluster that a request names, and
// answers with it.
func (s *Service) changeCluster(scope state.Scope, ref *string, parts []api.ClusterField, change func(tx *state.Tx, c *Cluster) error) (*api.Cluster, error) {
	var out api.Cluster
	err := s.env.Store.Update(func(tx *state.Tx) error {
		old, err := cluster(tx, scope, ref)
		if err != nil {
			return err
		}
		row := *old
		if err := change(tx, &row); err != nil {
			return err
		}
		Clusters.Put(tx, scope, &row)
		out = describeCluster(tx, scope, &row, parts)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// UpdateCluster changes a cluster's settings and configuration.
func (s *Service) UpdateCluster(_ context.Context, c *operation.Caller, in *api.UpdateClusterRequest) (*api.UpdateClusterResponse, error) {
	if err := checkClusterParts(in.Settings, in.Configuration, in.ServiceConnectDefaults); err != nil {
		return nil, err
	}
	out, err := s.changeCluster(c.Scope(), in.Cluster, everyClusterPart, func(_ *state.Tx, row *Cluster) error {
		row.set(in.Settings)
		if in.Configuration != nil {
			row.Config = in.Configuration
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateClusterResponse{Cluster: out}, nil
}

// UpdateClusterSettings changes a cluster's settings.
func (s *Service) UpdateClusterSettings(_ context.Context, c *operation.Caller, in *api.UpdateClusterSettingsRequest) (*api.UpdateClusterSettingsResponse, error) {
	if err := checkClusterParts(in.Settings, nil, nil); err != nil {
		return nil, err
	}
	out, err := s.changeCluster(c.Scope(), in.Cluster, everyClusterPart, func(_ *state.Tx, row *Cluster) error {
		row.set(in.Settings)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateClusterSettingsResponse{Cluster: out}, nil
}

// DeleteCluster makes a cluster INACTIVE, if nothing is in it any more.
func (s *Service) DeleteCluster(_ context.Context, c *operation.Caller, in *api.DeleteClusterRequest) (*api.DeleteClusterResponse, error) {
	scope := c.Scope()
	out, err := s.changeCluster(scope, in.Cluster, nil, func(tx *state.Tx, row *Cluster) error {
		n := countCluster(tx, scope, row)
		_, alive := TasksAlive.One(tx, scope, row.Name)
		switch {
		case n.instances > 0:
			return api.ClusterContainsContainerInstancesException("The Cluster cannot be deleted while Container Instances are active or draining.")
		case n.services[Active]+n.services[Draining] > 0:
			return api.ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
		case alive:
			return api.ClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
		}
		row.Status, row.Providers, row.Strategy, row.Until = Inactive, nil, nil, s.env.Now().Add(ClusterLingers)
		iam.ReleaseLinkedRole(tx, scope, linkedService, row.ARN)
		depart(tx, scope, row.Until, Clusters, row.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteClusterResponse{Cluster: out}, nil
}
