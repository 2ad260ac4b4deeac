package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Verdict is what one look at a rollout says about it.
type Verdict struct {
	// Serves tells that this revision, and no other, takes the requests: every
	// task of it runs and is healthy behind the load balancer, and older tasks
	// have been told to leave.
	Serves bool
	// Failed is the cause, once it is sure that the rollout will not come up.
	Failed string
	// RolledBack tells that ECS itself goes back to the last good revision.
	RolledBack bool
	// Superseded tells that somebody started another rollout.
	Superseded bool
	// Text says how far it is: "new 1/2 healthy · old 1 draining".
	Text string
	// Broken are this rollout's tasks that ended, the newest first.
	Broken []slipway.Task
}

// patience is how many tasks may end for the same cause before the rollout is
// given up: the second one shows that it was no accident.
const patience = 2

// Shape is what tells a service's health: whether a load balancer leads to it,
// and whether its containers have health checks.
type Shape struct{ Routed, Checked bool }

// ShapeOf is a service's shape.
func ShapeOf(s *slipway.Service) Shape {
	return Shape{plan.Routed(s), slices.ContainsFunc(s.Containers, func(c slipway.Container) bool { return len(c.Health) > 0 })}
}

// Judge is what a look says. It is pure.
func Judge(p *slipway.Progress, shape Shape) Verdict {
	var v Verdict
	healthy, running := 0, 0
	for _, t := range p.Tasks {
		if t.Stopping() {
			if t.StopCode != "" && (t.StopCode != "UserInitiated") && !calledBack(t) {
				v.Broken = append(v.Broken, t)
			}
			continue
		}
		if t.Status == "RUNNING" {
			running++
			if up(t, p.Targets, shape) {
				healthy++
			}
		}
	}
	v.Text = text(p, shape.Routed, running, healthy)
	switch {
	case p.Deployment.RolloutState == "FAILED" || p.Gone && rolledBack(p):
		v.Failed, v.RolledBack = failure(v, p), true
	case p.Gone:
		v.Superseded = true
	case len(v.Broken) >= patience && sameCause(v.Broken):
		v.Failed = failure(v, p)
	case healthy >= p.Desired && p.Old <= p.Leaving && p.Deployment.ID != "":
		v.Serves = true
	}
	return v
}

// calledBack tells that a task ended because the service wanted fewer of them,
// not because something was wrong with it.
func calledBack(t slipway.Task) bool {
	return t.StopCode == "ServiceSchedulerInitiated" && strings.HasPrefix(t.StoppedReason, "Scaling activity initiated by")
}

// rolledBack tells that the rollout in this one's place goes back on purpose.
func rolledBack(p *slipway.Progress) bool {
	return strings.Contains(p.Primary.Reason, "rolling back") || strings.Contains(p.Primary.Reason, "circuit breaker") ||
		slices.ContainsFunc(p.Events, func(e slipway.ServiceEvent) bool { return strings.Contains(e.Text, "rolling back to deployment") })
}

// up tells whether a running task does its work: its own health check passes,
// where it has one, and all its targets are healthy, where it has any.
func up(t slipway.Task, targets []slipway.Target, shape Shape) bool {
	if shape.Checked && t.Health != "HEALTHY" {
		return false
	}
	if !shape.Routed {
		return true
	}
	found := false
	for _, target := range targets {
		if !leadsTo(target, t) {
			continue
		}
		if target.State != "healthy" {
			return false
		}
		found = true
	}
	return found
}

// leadsTo tells whether a target is one of the task's: a port of an instance, or
// an address.
func leadsTo(target slipway.Target, t slipway.Task) bool {
	for _, c := range t.Containers {
		for _, address := range c.Targets {
			if strings.HasPrefix(address, ":") && strings.HasSuffix(target.ID, address) || strings.HasPrefix(target.ID, address+":") {
				return true
			}
		}
	}
	return false
}

func text(p *slipway.Progress, routed bool, running, healthy int) string {
	parts := []string{fmt.Sprintf("new %d/%d running", running, p.Desired)}
	if routed {
		parts = append(parts, fmt.Sprintf("%d/%d healthy", healthy, p.Desired))
	}
	switch {
	case p.Old > 0 && healthy < p.Desired:
		parts = append(parts, fmt.Sprintf("old %d serving", p.Old))
	case p.Old > 0:
		parts = append(parts, fmt.Sprintf("old %d draining", p.Old))
	}
	return strings.Join(parts, " · ")
}

func sameCause(broken []slipway.Task) bool {
	return Cause(broken[0]) == Cause(broken[1])
}

func failure(v Verdict, p *slipway.Progress) string {
	if len(v.Broken) > 0 {
		cause := Cause(v.Broken[0])
		if why := unhealthy(p.Events); why != "" && strings.Contains(cause, "health checks") {
			return "the health check fails: " + why
		}
		return cause
	}
	for _, t := range p.Targets {
		if t.State == "unhealthy" {
			return "the health check fails: " + t.Description
		}
	}
	for _, e := range slices.Backward(p.Events) {
		if strings.Contains(e.Text, "unable to place a task") {
			return e.Text
		}
	}
	if p.Deployment.Reason != "" {
		return p.Deployment.Reason
	}
	return p.Primary.Reason
}

// unhealthy is what the load balancer's probe saw, as the service's events say
// it: "… is unhealthy in (target-group …) due to (reason Health checks failed
// with these codes: [404])".
func unhealthy(events []slipway.ServiceEvent) string {
	for _, e := range slices.Backward(events) {
		if _, reason, ok := strings.Cut(e.Text, "due to (reason "); ok {
			return strings.TrimSuffix(strings.TrimSuffix(reason, "."), ")")
		}
	}
	return ""
}

// Cause says in a line why a task ended, from the most telling thing that ECS
// knows of it.
func Cause(t slipway.Task) string {
	for _, c := range t.Containers {
		if c.Reason != "" { // CannotPullContainerError, OutOfMemoryError, CannotStartContainerError …
			return fmt.Sprintf("container %s: %s", c.Name, c.Reason)
		}
	}
	if t.StopCode == "EssentialContainerExited" {
		for _, c := range t.Containers {
			if c.ExitCode > 0 {
				return fmt.Sprintf("essential container %s exited with %d", c.Name, c.ExitCode)
			}
		}
		for _, c := range t.Containers {
			if c.ExitCode == 0 {
				return fmt.Sprintf("essential container %s exited with 0: a service has to keep running", c.Name)
			}
		}
	}
	if t.StoppedReason != "" {
		return t.StoppedReason
	}
	return t.StopCode
}
