package autoscaling

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// keepActivities is how long AWS tells of an activity.
const keepActivities = 6 * 7 * 24 * time.Hour

// at is a sentence of an activity's cause.
func at(now time.Time, format string, args ...any) string {
	return "At " + now.UTC().Format("2006-01-02T15:04:05Z") + " " + fmt.Sprintf(format, args...)
}

// resized notes why the desired capacity is another than the old group's.
func (g *Group) resized(old *Group, now time.Time, why string) {
	if g.Desired == old.Desired && g.Min == old.Min && g.Max == old.Max {
		return
	}
	g.Failures, g.Failed = 0, time.Time{}
	if g.Desired == old.Desired {
		return
	}
	g.Changed = now
	g.Cause = at(now, "%s to min: %d, max: %d, desired: %d changing the desired capacity from %d to %d.", why, g.Min, g.Max, g.Desired, old.Desired, g.Desired)
}

// begin records an activity that starts now and returns its id.
func begin(tx *state.Tx, scope state.Scope, g *Group, now time.Time, spec api.Activity, subnet, zone string) string {
	details, _ := json.Marshal(map[string]string{"Subnet ID": subnet, "Availability Zone": zone})
	spec.ActivityId, spec.AutoScalingGroupName, spec.AutoScalingGroupARN = new(ids.UUID()), &g.Name, &g.ARN
	spec.StartTime, spec.Details = &now, new(string(details))
	if spec.StatusCode == "" {
		spec.StatusCode, spec.Progress = api.ScalingActivityStatusCodeInProgress, new(0)
	}
	activities.Put(tx, scope, &Activity{g.Name, spec})
	return *spec.ActivityId
}

// mark moves an activity on; Successful and the like end it.
func mark(tx *state.Tx, scope state.Scope, id string, code api.ScalingActivityStatusCode, now time.Time, message string) {
	activities.Change(tx, scope, id, func(a *Activity) {
		if a.Spec.EndTime != nil {
			return
		}
		a.Spec.StatusCode = code
		switch code {
		case api.ScalingActivityStatusCodeSuccessful, api.ScalingActivityStatusCodeFailed, api.ScalingActivityStatusCodeCancelled:
			a.Spec.Progress, a.Spec.EndTime = new(100), &now
		default:
			a.Spec.Progress = new(50)
		}
		if message != "" {
			a.Spec.StatusMessage = &message
		}
	})
}

// forget removes the group's activities that are too old to be told.
func forget(tx *state.Tx, scope state.Scope, group string, now time.Time) {
	for a := range activitiesOf.Get(tx, scope, group) {
		if a.Spec.EndTime != nil && now.Sub(*a.Spec.EndTime) > keepActivities {
			activities.Delete(tx, scope, *a.Spec.ActivityId)
		}
	}
}

// DescribeScalingActivities lists activities, those in progress first, then the
// newest first.
func (s *Service) DescribeScalingActivities(_ context.Context, c *operation.Caller, in *api.DescribeScalingActivitiesType) (*api.ActivitiesType, error) {
	if len(in.Filters) > 0 {
		return nil, unserved("a filter of scaling activities")
	}
	tx := s.env.View(c)
	all := s.activities(tx, c.Scope(), in)
	if in.AutoScalingGroupName != nil && len(all) == 0 && !awsapi.V(in.IncludeDeletedGroups) {
		if _, err := find(tx, c.Scope(), in.AutoScalingGroupName); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, newestFirst)
	after, err := paging.Decode(in.NextToken)
	if err != nil {
		return nil, api.InvalidNextToken("The token '%s' is invalid.", *in.NextToken)
	}
	if i := slices.IndexFunc(all, func(a api.Activity) bool { return *a.ActivityId == after }); i >= 0 {
		all = all[i+1:]
	}
	most := 100
	if in.MaxRecords != nil {
		if most = *in.MaxRecords; most < 1 || most > 100 {
			return nil, invalid("1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy constraint: Member must have value less than or equal to 100", most)
		}
	}
	out := &api.ActivitiesType{Activities: all}
	if len(all) > most {
		out.Activities, out.NextToken = all[:most], new(paging.Encode(*all[most-1].ActivityId))
	}
	return out, nil
}

func (s *Service) activities(tx *state.Tx, scope state.Scope, in *api.DescribeScalingActivitiesType) []api.Activity {
	found := []api.Activity{}
	for a := range activities.All(tx, scope) {
		alive := Groups.Has(tx, scope, a.Group)
		switch {
		case in.AutoScalingGroupName != nil && a.Group != *in.AutoScalingGroupName:
		case !named(in.ActivityIds, *a.Spec.ActivityId):
		case !alive && !awsapi.V(in.IncludeDeletedGroups):
		default:
			spec := a.Spec
			if !alive {
				spec.AutoScalingGroupState = new("Deleted")
			}
			found = append(found, spec)
		}
	}
	return found
}

func newestFirst(a, b api.Activity) int {
	running := func(a api.Activity) int {
		if a.EndTime == nil {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(running(a), running(b)), b.StartTime.Compare(*a.StartTime), cmp.Compare(*a.ActivityId, *b.ActivityId))
}
