package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/scheduler/rollout"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// step is one step of one service, inside one update.
type step struct {
	k   *keeper
	tx  *state.Tx
	p   place
	now time.Time
	svc *ecs.ServiceRow
	// draining and checks remember answers of this step, by instance and by task
	// definition.
	draining, checks map[string]bool
}

func newStep(k *keeper, tx *state.Tx, p place, svc *ecs.ServiceRow) *step {
	return &step{k: k, tx: tx, p: p, now: k.env.Now(), svc: svc, draining: map[string]bool{}, checks: map[string]bool{}}
}

// run takes the step and tells when time alone may ask for the next.
func (s *step) run() time.Time {
	s.index()
	if s.halt() {
		return s.now
	}
	s.forgive()
	d := rollout.Decide(s.picture(), s.now)
	s.drop(d.Drop)
	if d.Fail {
		s.fail(d.RollBackTo)
		return s.now
	}
	wake := d.Wake
	refused := s.start(d)
	if refused {
		wake = earlier(wake, s.now.Add(retryPlacement))
	}
	s.stop(d.Stop)
	if d.Complete {
		s.complete()
	}
	if d.Stuck {
		s.event("was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.")
	}
	if p := s.svc.Primary(); d.Protected > 0 {
		s.event(fmt.Sprintf("was unable to reach steady state because (taskSet %s) was unable to scale in due to (reason %d tasks under protection).", p.ID, d.Protected))
	}
	if d.Steady && s.svc.Status == ecs.Active {
		s.event("has reached a steady state.")
	}
	s.counts()
	return wake
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// index notes which target groups concern the service.
func (s *step) index() {
	for _, d := range s.svc.Deployments {
		for _, lb := range d.LoadBalancers {
			g := groupPlace{s.p.scope, awsapi.V(lb.TargetGroupArn)}
			if s.k.groups[g] == nil {
				s.k.groups[g] = map[string]bool{}
			}
			s.k.groups[g][s.p.key] = true
		}
	}
}

// change works on a copy of the service and puts it if the change says so.
func (s *step) change(change func(svc *ecs.ServiceRow) bool) {
	c := *s.svc
	c.Deployments = slices.Clone(s.svc.Deployments)
	if change(&c) {
		ecs.Services.Put(s.tx, s.p.scope, &c)
		s.svc = &c
	}
}

func (s *step) deployment(id string, change func(d *ecs.Deployment)) {
	s.change(func(svc *ecs.ServiceRow) bool {
		for i := range svc.Deployments {
			if svc.Deployments[i].ID == id {
				change(&svc.Deployments[i])
				svc.Deployments[i].UpdatedAt = s.now
				return true
			}
		}
		return false
	})
}

// sayAgain is for how long the same message is withheld while its cause lasts
// (developer guide, service event messages).
const sayAgain = 6 * time.Hour

// event writes an event unless the last one says the same.
func (s *step) event(message string) {
	if all := ecs.EventsOf(s.tx, s.p.scope, s.svc); len(all) > 0 && strings.HasSuffix(all[0].Message, message) && s.now.Sub(all[0].At) < sayAgain {
		return
	}
	ecs.AddEvent(s.tx, s.p.scope, s.svc, s.now, message)
}

// drop removes older deployments whose last task is gone.
func (s *step) drop(ids []string) {
	if len(ids) == 0 {
		return
	}
	s.change(func(svc *ecs.ServiceRow) bool {
		svc.Deployments = slices.DeleteFunc(svc.Deployments, func(d ecs.Deployment) bool { return slices.Contains(ids, d.ID) })
		return true
	})
}

// start makes the tasks that are to start, and tells whether one found no place.
func (s *step) start(d rollout.Decision) (refused bool) {
	if d.Start == 0 {
		if len(s.svc.Deployments) > 0 && s.missing() == 0 {
			delete(s.k.refused, s.p)
		}
		return s.k.refused[s.p] != ""
	}
	made, refusal := s.k.parts.Tasks.Make(s.tx, s.p.scope, s.svc, s.svc.Primary(), d.Start)
	if len(made) > 0 {
		suffix := ""
		if d.Replaced > 0 {
			suffix = fmt.Sprintf(" Amazon ECS replaced %d tasks due to an unhealthy status.", min(d.Replaced, len(made)))
		}
		var names []string
		for _, t := range made {
			names = append(names, "(task "+t.ID+")")
		}
		s.event(fmt.Sprintf("has started %d tasks: %s.%s", len(made), strings.Join(names, " "), suffix))
	}
	if refusal == "" {
		delete(s.k.refused, s.p)
		return false
	}
	s.k.refused[s.p] = refusal
	s.event("was unable to place a task" + refusal)
	return true
}

func (s *step) missing() int {
	t := ecs.DeploymentTally(s.tx, s.p.scope, s.svc.Primary().ID)
	return s.desired() - t.Running - t.Pending
}

// stop asks tasks to stop.
func (s *step) stop(stops []rollout.Stop) {
	var stopped []string
	for _, x := range stops {
		t, ok := ecs.Tasks.Get(s.tx, s.p.scope, x.Task)
		if !ok {
			continue
		}
		reason := s.reason(t, x.Why)
		ecs.ChangeTask(s.tx, s.p.scope, x.Task, func(t *ecs.Task) bool {
			return t.Stop(api.TaskStopCodeServiceSchedulerInitiated, reason, s.now)
		})
		stopped = append(stopped, "(task "+t.ID+")")
	}
	if len(stopped) > 0 {
		s.event(fmt.Sprintf("has stopped %d running tasks: %s.", len(stopped), strings.Join(stopped, " ")))
	}
}

// reason is a stop's reason in the service's words; of unhealthy tasks it tells
// by an event, too.
func (s *step) reason(t *ecs.Task, why rollout.Reason) string {
	switch why {
	case rollout.FailedContainerHealth:
		s.event(fmt.Sprintf("(task %s) failed container health checks.", t.ID))
		return "Task failed container health checks"
	case rollout.FailedTargetHealth:
		return s.failedTarget(t)
	}
	primary := s.svc.Primary()
	return fmt.Sprintf("Scaling activity initiated by (deployment %s)", primary.ID)
}

// complete marks the PRIMARY as completed, and its rollout as successful.
func (s *step) complete() {
	id := s.svc.Primary().ID
	s.deployment(id, func(d *ecs.Deployment) {
		d.State, d.Reason, d.Failed = api.DeploymentRolloutStateCompleted, ecs.CompletedReason(id), 0
	})
	s.event(fmt.Sprintf("(deployment %s) deployment completed.", id))
	s.finishRollout(s.svc.Primary())
}

// counts keeps the counts that a deployment shows.
func (s *step) counts() {
	desired := s.desired()
	s.change(func(svc *ecs.ServiceRow) bool {
		changed := false
		for i := range svc.Deployments {
			want := 0
			if i == 0 {
				want = desired
			}
			if svc.Deployments[i].Desired != want {
				svc.Deployments[i].Desired, changed = want, true
			}
		}
		return changed
	})
}
