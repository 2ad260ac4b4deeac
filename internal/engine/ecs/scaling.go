package ecs

import (
	"slices"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// scalingGroup looks an Auto Scaling group up for a capacity provider.
func scalingGroup(tx *state.Tx, scope state.Scope, nameOrARN string) (ScalingGroup, bool) {
	g, ok := autoscaling.FindByARN(tx, scope, nameOrARN)
	if !ok || g.Deleting {
		return ScalingGroup{}, false
	}
	return ScalingGroup{ARN: g.ARN, Protected: g.Protect}, true
}

// managedTag is how ECS marks a group that a capacity provider manages. It comes
// to the instances, too.
const managedTag = "AmazonECSManaged"

// DrainingHook is the lifecycle hook by which ECS has time to drain an instance
// before its group terminates it (developer guide, managed instance draining).
const DrainingHook = "ecs-managed-draining-termination-hook"

func manageGroup(tx *state.Tx, scope state.Scope, p *CapacityProvider) {
	g, ok := autoscaling.FindByARN(tx, scope, *p.Group.AutoScalingGroupArn)
	if !ok {
		return
	}
	if p.Status == api.CapacityProviderStatusInactive || p.Group.ManagedDraining != api.ManagedDrainingEnabled {
		autoscaling.DeleteHook(tx, scope, g.Name, DrainingHook)
	} else {
		autoscaling.SetHook(tx, scope, autoscaling.Hook{Group: g.Name, Name: DrainingHook, Transition: "autoscaling:EC2_INSTANCE_TERMINATING", Heartbeat: 3600, Default: "CONTINUE"})
	}
	if p.Status != api.CapacityProviderStatusInactive {
		autoscaling.PutTag(tx, scope, g.Name, autoscaling.Tag{Key: managedTag, Propagate: true})
	}
}

// Desired is an active service's desired count, for Application Auto Scaling;
// daemon services have none.
func (s *Service) Desired(tx *state.Tx, scope state.Scope, cluster, service string) (count int, ok bool) {
	row, found := scalable(tx, scope, cluster, service)
	if !found {
		return 0, false
	}
	return row.Desired, true
}

// SetDesired changes the desired count of such a service; it starts no new
// deployment.
func (s *Service) SetDesired(tx *state.Tx, scope state.Scope, cluster, service string, count int) {
	old, ok := scalable(tx, scope, cluster, service)
	if !ok || count < 0 || old.Desired == count {
		return
	}
	row := *old
	row.Desired = count
	row.scaled(s.env.Now())
	Services.Put(tx, scope, &row)
}

func scalable(tx *state.Tx, scope state.Scope, cluster, called string) (*ServiceRow, bool) {
	row, ok := service(tx, scope, cluster, called)
	return row, ok && row.Status == Active && row.Scheduling != "DAEMON"
}

// scaled brings the PRIMARY deployment to the service's desired count.
func (s *ServiceRow) scaled(now time.Time) {
	if len(s.Deployments) == 0 {
		return
	}
	s.Deployments = slices.Clone(s.Deployments)
	s.Deployments[0].Desired, s.Deployments[0].UpdatedAt = s.Desired, now
}
