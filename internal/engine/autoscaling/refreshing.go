package autoscaling

import (
	"slices"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
)

// protectedFor is how long a refresh waits for protected or standby instances
// before it fails ("Instance refresh" of the Auto Scaling guide).
const protectedFor = time.Hour

// refreshing moves an instance refresh on: it ends as many of the old instances
// as the healthy ones allow.
func (s *sight) refreshing(p *plan) {
	r := *s.refresh
	left, blocked := s.stale(&r)
	healthy, settling := s.healthy(p, &r)
	r.Replaced = len(r.Old) - len(left) - len(blocked)
	switch {
	case r.Cancel:
		r.Status, r.End = api.InstanceRefreshStatusCancelled, s.now
		r.Reason = "Cancelled by user."
	case len(left) == 0 && len(blocked) > 0:
		if s.now.Before(r.Start.Add(protectedFor)) {
			p.at(r.Start.Add(protectedFor))
			break
		}
		r.Status, r.End = api.InstanceRefreshStatusFailed, s.now
		r.Reason = "Instances that are protected from scale in or in Standby were not replaced within an hour."
	case len(left) == 0 && s.ending(&r):
		// Termination hooks have their time.
	case len(left) == 0 && !settling && healthy >= s.group.Desired:
		r.Status, r.End, r.Reason = api.InstanceRefreshStatusSuccessful, s.now, ""
	case s.group.suspended("InstanceRefresh"), s.group.suspended("Launch"), s.group.suspended("Terminate"):
	default:
		r.Status = api.InstanceRefreshStatusInProgress
		room := healthy - percent(least(&r), s.group.Desired)
		if room <= 0 && !settling && healthy >= s.group.Desired {
			room = 1 // else a small group would never be refreshed
		}
		for _, i := range left[:min(max(room, 0), len(left))] {
			p.ends = append(p.ends, end{i.ID, at(s.now, "an instance was taken out of service in response to an instance refresh.")})
		}
	}
	if r.Status != s.refresh.Status || r.Replaced != s.refresh.Replaced {
		p.refresh = &r
	}
}

// ending tells whether an old instance is still being terminated.
func (s *sight) ending(r *Refresh) bool {
	return slices.ContainsFunc(s.instances, func(i *Instance) bool { return i.Ending != nil && slices.Contains(r.Old, i.ID) })
}

func least(r *Refresh) int {
	if r.Preferences.MinHealthyPercentage != nil {
		return *r.Preferences.MinHealthyPercentage
	}
	return 90
}

// stale are the old instances that are still to be replaced, the oldest first,
// and those that cannot be now because they are protected or in standby.
func (s *sight) stale(r *Refresh) (left, blocked []*Instance) {
	for _, i := range s.instances {
		if i.Ending != nil || !slices.Contains(r.Old, i.ID) {
			continue
		}
		held := i.Protected && r.Preferences.ScaleInProtectedInstances != api.ScaleInProtectedInstancesRefresh ||
			standby(i) && r.Preferences.StandbyInstances != api.StandbyInstancesTerminate
		if held {
			blocked = append(blocked, i)
			continue
		}
		left = append(left, i)
	}
	slices.SortFunc(left, older)
	return left, blocked
}

// healthy is how many instances serve and are warm, and whether others are still
// coming.
func (s *sight) healthy(p *plan, r *Refresh) (n int, settling bool) {
	warmup := time.Duration(warmupOf(s.group, r)) * time.Second
	for _, i := range s.instances {
		switch {
		case !i.counts() || p.ended(i.ID) || i.Unhealthy:
		case i.pending():
			settling = true
		case !slices.Contains(r.Old, i.ID) && s.now.Before(i.InService.Add(warmup)):
			settling = true
			p.at(i.InService.Add(warmup))
		default:
			n++
		}
	}
	return n, settling
}

// warmupOf is how long a new instance warms up: the refresh's, the group's or
// the health check's grace period.
func warmupOf(g *Group, r *Refresh) int {
	switch {
	case r.Preferences.InstanceWarmup != nil && *r.Preferences.InstanceWarmup >= 0:
		return *r.Preferences.InstanceWarmup
	case g.Warmup != nil:
		return *g.Warmup
	}
	return g.Grace
}
