package autoscaling

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// refusePreferences names what a refresh here cannot do.
func refusePreferences(p *api.RefreshPreferences) error {
	switch {
	case p.AlarmSpecification != nil && len(p.AlarmSpecification.Alarms) > 0:
		return unserved("AlarmSpecification (there is no CloudWatch)")
	case awsapi.V(p.AutoRollback):
		return unserved("AutoRollback")
	case awsapi.V(p.BakeTime) > 0:
		return unserved("BakeTime")
	case len(p.CheckpointPercentages) > 0:
		return unserved("CheckpointPercentages")
	case awsapi.V(p.MaxHealthyPercentage) > 100:
		return unserved("MaxHealthyPercentage above 100")
	}
	return nil
}

// StartInstanceRefresh has the group's instances replaced bit by bit.
func (s *Service) StartInstanceRefresh(_ context.Context, c *operation.Caller, in *api.StartInstanceRefreshType) (*api.StartInstanceRefreshAnswer, error) {
	r := &Refresh{ID: ids.UUID(), Start: s.env.Now(), Status: api.InstanceRefreshStatusPending, Strategy: api.RefreshStrategyRolling, Desired: in.DesiredConfiguration}
	if in.Preferences != nil {
		r.Preferences = *in.Preferences
	}
	if err := refusePreferences(&r.Preferences); err != nil {
		return nil, err
	}
	if in.Strategy != "" && in.Strategy != api.RefreshStrategyRolling {
		return nil, unserved("the strategy " + string(in.Strategy))
	}
	return &api.StartInstanceRefreshAnswer{InstanceRefreshId: &r.ID}, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := findLive(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if activeRefresh(tx, c.Scope(), g.Name) != nil {
			return api.InstanceRefreshInProgressFault("An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
		}
		r.Group = g.Name
		if d := in.DesiredConfiguration; d != nil {
			n := *g
			if err := s.template(tx, c.Scope(), &n, d.LaunchTemplate, d.MixedInstancesPolicy); err != nil {
				return err
			}
			g = &n
			Groups.Put(tx, c.Scope(), g)
		}
		current, err := s.machines.Template(tx, c.Scope(), g.Template.ID, "", g.Template.Version)
		if err != nil {
			return invalid("You must use a valid fully-formed launch template. %s", sentence(err))
		}
		for _, i := range InstancesOf(tx, c.Scope(), g.Name) {
			if i.Ending == nil && !(awsapi.V(r.Preferences.SkipMatching) && i.Template.Version == current.Version && i.Template.ID == current.ID) && !passedOver(&r.Preferences, i) {
				r.Old = append(r.Old, i.ID)
			}
		}
		refreshes.Put(tx, c.Scope(), r)
		return nil
	})
}

// passedOver tells whether a refresh leaves an instance alone.
func passedOver(p *api.RefreshPreferences, i *Instance) bool {
	return i.Protected && p.ScaleInProtectedInstances == api.ScaleInProtectedInstancesIgnore || standby(i) && p.StandbyInstances == api.StandbyInstancesIgnore
}

// CancelInstanceRefresh stops one; what is replaced stays replaced.
func (s *Service) CancelInstanceRefresh(_ context.Context, c *operation.Caller, in *api.CancelInstanceRefreshType) (*api.CancelInstanceRefreshAnswer, error) {
	out := &api.CancelInstanceRefreshAnswer{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		r := activeRefresh(tx, c.Scope(), g.Name)
		if r == nil {
			return api.ActiveInstanceRefreshNotFoundFault("No in progress or pending Instance Refresh found for Auto Scaling group %s", g.Name)
		}
		out.InstanceRefreshId = &r.ID
		refreshes.Change(tx, c.Scope(), r.ID, func(r *Refresh) { r.Cancel, r.Status = true, api.InstanceRefreshStatusCancelling })
		return nil
	})
}

// DescribeInstanceRefreshes lists a group's refreshes, the newest first.
func (s *Service) DescribeInstanceRefreshes(_ context.Context, c *operation.Caller, in *api.DescribeInstanceRefreshesType) (*api.DescribeInstanceRefreshesAnswer, error) {
	tx := s.env.View(c)
	g, err := find(tx, c.Scope(), in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	all := slices.Collect(refreshesOf.Get(tx, c.Scope(), g.Name))
	slices.SortStableFunc(all, func(a, b *Refresh) int { return b.Start.Compare(a.Start) })
	all = slices.DeleteFunc(all, func(r *Refresh) bool { return !named(in.InstanceRefreshIds, r.ID) })
	// The key of a page is a date that falls, so that pages follow the order.
	rows, next, err := page(slices.Values(all), in.NextToken, in.MaxRecords, 50, 100, func(r *Refresh) string { return falling(r.Start.UnixNano()) + r.ID })
	if err != nil {
		return nil, err
	}
	out := &api.DescribeInstanceRefreshesAnswer{InstanceRefreshes: []api.InstanceRefresh{}, NextToken: next}
	for _, r := range rows {
		out.InstanceRefreshes = append(out.InstanceRefreshes, r.describe())
	}
	return out, nil
}

func (r *Refresh) describe() api.InstanceRefresh {
	left, done := len(r.Old)-r.Replaced, 100
	if len(r.Old) > 0 {
		done = 100 * r.Replaced / len(r.Old)
	}
	p := r.Preferences
	def(&p.MinHealthyPercentage, 90)
	def(&p.SkipMatching, false)
	def(&p.AutoRollback, false)
	if p.ScaleInProtectedInstances == "" {
		p.ScaleInProtectedInstances = api.ScaleInProtectedInstancesWait
	}
	if p.StandbyInstances == "" {
		p.StandbyInstances = api.StandbyInstancesWait
	}
	out := api.InstanceRefresh{
		InstanceRefreshId: &r.ID, AutoScalingGroupName: &r.Group, Status: r.Status, StatusReason: known(r.Reason), StartTime: &r.Start,
		InstancesToUpdate: &left, PercentageComplete: &done, Preferences: &p, DesiredConfiguration: r.Desired, Strategy: r.Strategy,
	}
	if !r.End.IsZero() {
		out.EndTime = &r.End
	}
	return out
}

// falling writes a number so that greater ones sort first.
func falling(n int64) string { return fmt.Sprintf("%020d", math.MaxInt64-n) }
