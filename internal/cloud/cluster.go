package cloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (a *Account) observeCluster(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	out, err := a.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{env.Cluster.Name}, Include: []types.ClusterField{types.ClusterFieldSettings}})
	if err != nil {
		return fmt.Errorf("reading cluster %s: %w", env.Cluster.Name, plain(err))
	}
	if len(out.Clusters) == 0 || aws.ToString(out.Clusters[0].Status) == "INACTIVE" {
		return nil
	}
	c := out.Clusters[0]
	s := slipway.Settings{"container insights": "off", "default provider": ""}
	for _, set := range c.Settings {
		if set.Name == types.ClusterSettingNameContainerInsights && aws.ToString(set.Value) != "disabled" {
			s["container insights"] = "on"
		}
	}
	for _, p := range c.DefaultCapacityProviderStrategy {
		s["default provider"] = aws.ToString(p.CapacityProvider)
	}
	a.found(n.Cluster(), slipway.Seen{Ref: aws.ToString(c.ClusterArn), Status: aws.ToString(c.Status), Settings: s})
	return a.observeInstances(ctx, env.Cluster.Name)
}

func (a *Account) applyCluster(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	insights := "disabled"
	if env.Cluster.Insights {
		insights = "enabled"
	}
	settings := []types.ClusterSetting{{Name: types.ClusterSettingNameContainerInsights, Value: &insights}}
	if s.Action != slipway.Create {
		_, err := a.ecs.UpdateClusterSettings(ctx, &ecs.UpdateClusterSettingsInput{Cluster: &s.Name, Settings: settings})
		return err
	}
	// An account's first call to ECS makes its service-linked role, which takes a while.
	err := a.insist(ctx, "ECS's own role being known", 2*time.Minute, func(err error) bool {
		return strings.Contains(says(err), "service linked role")
	}, func(ctx context.Context) error {
		out, err := a.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &s.Name, Settings: settings, Tags: ecsTags(env.Cluster.Name)})
		if err == nil {
			a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.Cluster.ClusterArn)})
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.until(ctx, "cluster becoming active", 10*time.Minute, func(ctx context.Context) (bool, error) {
		out, err := a.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{s.Name}})
		return err == nil && len(out.Clusters) > 0 && aws.ToString(out.Clusters[0].Status) == "ACTIVE", err
	})
}

func ecsTags(cluster string) []types.Tag {
	return []types.Tag{{Key: aws.String(tagCluster), Value: &cluster}}
}

// observeInstances reads what the cluster's instances have left, the roomiest
// first.
func (a *Account) observeInstances(ctx context.Context, cluster string) error {
	var list []slipway.InstanceRoom
	pages := ecs.NewListContainerInstancesPaginator(a.ecs, &ecs.ListContainerInstancesInput{Cluster: &cluster, MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("reading container instances: %w", plain(err))
		}
		if len(page.ContainerInstanceArns) == 0 {
			continue
		}
		out, err := a.ecs.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{Cluster: &cluster, ContainerInstances: page.ContainerInstanceArns})
		if err != nil {
			return fmt.Errorf("reading container instances: %w", plain(err))
		}
		for _, i := range out.ContainerInstances {
			list = append(list, room(i))
		}
	}
	slices.SortFunc(list, func(x, y slipway.InstanceRoom) int { return cmp.Compare(y.FreeMemory, x.FreeMemory) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen.Instances = list
	return nil
}

func room(i types.ContainerInstance) slipway.InstanceRoom {
	r := slipway.InstanceRoom{ID: aws.ToString(i.Ec2InstanceId), Connected: i.AgentConnected, Draining: aws.ToString(i.Status) != "ACTIVE",
		Tasks: int(i.RunningTasksCount + i.PendingTasksCount)}
	amount := func(list []types.Resource, name string) int {
		for _, x := range list {
			if aws.ToString(x.Name) == name {
				return int(x.IntegerValue)
			}
		}
		return 0
	}
	r.FreeMemory, r.TotalMemory = amount(i.RemainingResources, "MEMORY"), amount(i.RegisteredResources, "MEMORY")
	r.FreeCPU, r.TotalCPU = amount(i.RemainingResources, "CPU"), amount(i.RegisteredResources, "CPU")
	for _, x := range i.RemainingResources {
		if aws.ToString(x.Name) == "PORTS" {
			for _, p := range x.StringSetValue {
				var n int
				if _, err := fmt.Sscan(p, &n); err == nil {
					r.Ports = append(r.Ports, n)
				}
			}
		}
	}
	for _, t := range i.Attributes {
		switch aws.ToString(t.Name) {
		case "ecs.instance-type":
			r.Type = aws.ToString(t.Value)
		case "ecs.availability-zone":
			r.Zone = aws.ToString(t.Value)
		}
	}
	return r
}
