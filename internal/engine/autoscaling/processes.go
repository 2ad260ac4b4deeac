package autoscaling

import (
	"context"
	"maps"
	"slices"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var processes = []string{"AZRebalance", "AddToLoadBalancer", "AlarmNotification", "HealthCheck", "InstanceRefresh", "Launch", "ReplaceUnhealthy", "ScheduledActions", "Terminate"}

var metrics = []string{
	"GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances", "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances",
	"GroupInServiceCapacity", "GroupPendingCapacity", "GroupStandbyCapacity", "GroupTerminatingCapacity", "GroupTotalCapacity",
	"WarmPoolDesiredCapacity", "WarmPoolWarmedCapacity", "WarmPoolPendingCapacity", "WarmPoolTerminatingCapacity", "WarmPoolTotalCapacity", "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity",
}

// some is the names asked for, all when none is, and an error for an unknown one.
func some(asked, known []string, what string) ([]string, error) {
	for _, n := range asked {
		if !slices.Contains(known, n) {
			return nil, invalid("Invalid %s: %s", what, n)
		}
	}
	if len(asked) == 0 {
		return known, nil
	}
	return asked, nil
}

func (s *Service) change(c *operation.Caller, group *string, change func(*Group)) (*empty, error) {
	return &empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), group)
		if err == nil {
			Groups.Change(tx, c.Scope(), g.Name, change)
		}
		return err
	})
}

// SuspendProcesses stops some of what the group does by itself.
func (s *Service) SuspendProcesses(_ context.Context, c *operation.Caller, in *api.ScalingProcessQuery) (*empty, error) {
	list, err := some(in.ScalingProcesses, processes, "process")
	if err != nil {
		return nil, err
	}
	why := "User suspended at " + s.env.Now().UTC().Format("2006-01-02T15:04:05Z")
	return s.change(c, in.AutoScalingGroupName, func(g *Group) {
		more := map[string]string{}
		for _, p := range list {
			more[p] = why
		}
		g.Suspended = g.withSuspended(more)
	})
}

// ResumeProcesses has the group do them again.
func (s *Service) ResumeProcesses(_ context.Context, c *operation.Caller, in *api.ScalingProcessQuery) (*empty, error) {
	list, err := some(in.ScalingProcesses, processes, "process")
	if err != nil {
		return nil, err
	}
	return s.change(c, in.AutoScalingGroupName, func(g *Group) {
		rest := maps.Clone(g.Suspended)
		maps.DeleteFunc(rest, func(p, _ string) bool { return slices.Contains(list, p) })
		g.Suspended = rest
	})
}

// EnableMetricsCollection notes that metrics are wanted; there is no CloudWatch
// here to collect them in.
func (s *Service) EnableMetricsCollection(_ context.Context, c *operation.Caller, in *api.EnableMetricsCollectionQuery) (*empty, error) {
	list, err := some(in.Metrics, metrics, "metric")
	if err != nil {
		return nil, err
	}
	if *in.Granularity != "1Minute" {
		return nil, invalid("The granularity of metrics must be 1Minute")
	}
	return s.change(c, in.AutoScalingGroupName, func(g *Group) {
		g.Metrics = slices.Compact(slices.Sorted(slices.Values(slices.Concat(g.Metrics, list))))
	})
}

// DisableMetricsCollection notes that they are not.
func (s *Service) DisableMetricsCollection(_ context.Context, c *operation.Caller, in *api.DisableMetricsCollectionQuery) (*empty, error) {
	list, err := some(in.Metrics, metrics, "metric")
	if err != nil {
		return nil, err
	}
	return s.change(c, in.AutoScalingGroupName, func(g *Group) {
		g.Metrics = slices.DeleteFunc(slices.Clone(g.Metrics), func(m string) bool { return slices.Contains(list, m) })
	})
}

// DescribeScalingProcessTypes lists what can be suspended.
func (s *Service) DescribeScalingProcessTypes(context.Context, *operation.Caller, *empty) (*api.ProcessesType, error) {
	return &api.ProcessesType{Processes: each(processes, func(n *string) api.ProcessType { return api.ProcessType{ProcessName: n} })}, nil
}

// DescribeMetricCollectionTypes lists metrics and their one granularity.
func (s *Service) DescribeMetricCollectionTypes(context.Context, *operation.Caller, *empty) (*api.DescribeMetricCollectionTypesAnswer, error) {
	return &api.DescribeMetricCollectionTypesAnswer{
		Metrics:       each(metrics, func(n *string) api.MetricCollectionType { return api.MetricCollectionType{Metric: n} }),
		Granularities: []api.MetricGranularityType{{Granularity: new("1Minute")}},
	}, nil
}

// DescribeTerminationPolicyTypes lists the termination policies.
func (s *Service) DescribeTerminationPolicyTypes(context.Context, *operation.Caller, *empty) (*api.DescribeTerminationPolicyTypesAnswer, error) {
	return &api.DescribeTerminationPolicyTypesAnswer{TerminationPolicyTypes: terminationPolicies}, nil
}

// DescribeAdjustmentTypes lists how a policy may change the capacity.
func (s *Service) DescribeAdjustmentTypes(context.Context, *operation.Caller, *empty) (*api.DescribeAdjustmentTypesAnswer, error) {
	return &api.DescribeAdjustmentTypesAnswer{AdjustmentTypes: each(adjustmentTypes, func(n *string) api.AdjustmentType { return api.AdjustmentType{AdjustmentType: n} })}, nil
}

func each[T any](names []string, make func(*string) T) []T {
	out := []T{}
	for _, n := range names {
		out = append(out, make(&n))
	}
	return out
}
