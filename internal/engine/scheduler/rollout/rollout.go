// Package rollout decides what a service needs next: which tasks start, which
// stop, whether its deployment is completed or has failed. It is pure: a
// Picture of one service and the time go in, a Decision comes out, nothing is
// touched. The scheduler's loop makes pictures from the state and carries
// decisions out, again and again, so a decision only has to be a right next
// step.
//
// The rules are those of the ECS developer guide's pages on rolling updates,
// the service scheduler and the deployment circuit breaker.
package rollout

import "time"

// Picture is one service at one instant.
type Picture struct {
	// Desired is the desired count; for a daemon service the number of
	// instances that it runs on.
	Desired int
	// MinPercent and MaxPercent bound the healthy and the active tasks.
	MinPercent, MaxPercent int
	// Breaker is the deployment circuit breaker.
	Breaker Breaker
	// Deployments stand newest first: the first is the PRIMARY.
	Deployments []Deployment
	// NoRoom tells that the last attempt to place a task of the PRIMARY found
	// no instance for it.
	NoRoom bool
}

// Breaker is a deployment circuit breaker.
type Breaker struct {
	Enabled, Rollback bool
}

// RolloutState is how far a deployment is.
type RolloutState int

// The states of a deployment.
const (
	InProgress RolloutState = iota
	Completed
	Failed
)

// Deployment is one of a service's deployments.
type Deployment struct {
	ID    string
	State RolloutState
	// Failures counts the tasks that failed in a row.
	Failures int
	// NotBefore is when the back-off of a crash loop lets the next task start.
	NotBefore time.Time
	// Rollback tells that this deployment is a rollback of another.
	Rollback bool
	// RollsBackTo is what to roll back to: the last deployment that completed or,
	// when that is gone, something else by which the caller knows what it was; ""
	// for none.
	RollsBackTo string
	Tasks       []Task
}

// Phase is where a task is in its life.
type Phase int

// The phases of a task. Stopping is from the order to stop on.
const (
	Pending Phase = iota
	Running
	Stopping
)

// Health is what all of a task's checks say together.
type Health int

// The health of a task.
const (
	Unknown Health = iota
	Healthy
	Unhealthy
)

// Task is one task of a deployment that has not stopped yet.
type Task struct {
	ID     string
	Phase  Phase
	Health Health
	// Why is the reason of Unhealthy, for the stop's.
	Why Why
	// Since is when the task began to run.
	Since time.Time
	// Checked tells that something (a target group, a container health check)
	// judges the task's health; if not, it counts as healthy once it has run for Settle.
	Checked bool
	// Grace is until when failing checks are ignored.
	Grace time.Time
	// Protected is until when neither scaling in nor a deployment may stop it.
	Protected time.Time
	// Leaving tells that its container instance drains: the task is replaced.
	Leaving bool
	// Last tells of a Leaving task that it goes only when the others on its
	// instance have gone, as a daemon's does; it is neither counted nor stopped.
	Last bool
	// Zone and Instance are where it runs; scale-in takes from the fullest.
	Zone, Instance string
}

// Why is what made a task unhealthy.
type Why int

// The reasons.
const (
	NotSaid Why = iota
	TargetHealth
	ContainerHealth
)

// Settle is how long a task without any health check has to run before it counts as
// healthy (ECS API reference, DeploymentConfiguration.minimumHealthyPercent).
const Settle = 40 * time.Second

// Decision is the next step.
type Decision struct {
	// Start is how many tasks of the PRIMARY are to start.
	Start int
	// Replaced is how many of them replace unhealthy tasks.
	Replaced int
	Stop     []Stop
	// Complete: the PRIMARY has reached its steady state.
	Complete bool
	// Fail: the circuit breaker has tripped for the PRIMARY; with RollBackTo,
	// that deployment is to be started again.
	Fail       bool
	RollBackTo string
	// Drop are older deployments without a task.
	Drop []string
	// Stuck: the percentages allow neither a start nor a stop, though one is needed.
	Stuck bool
	// Protected is how many tasks would go were they not protected.
	Protected int
	// Steady: nothing at all is left to do.
	Steady bool
	// Wake is when time alone may change the decision; zero: never.
	Wake time.Time
}

// Stop is a task to stop.
type Stop struct {
	Task string
	Why  Reason
}

// Reason is why a task is stopped.
type Reason int

// The reasons to stop a task.
const (
	Replaced Reason = iota // a newer deployment took its place
	ScaledIn
	FailedTargetHealth
	FailedContainerHealth
)

// Threshold is how many failures in a row trip the breaker: half of the
// desired count, at least 3 and at most 200 (DeploymentCircuitBreaker).
func Threshold(desired int) int { return min(200, max(3, (desired+1)/2)) }

// Backoff is how long the next start waits after tasks that failed before they ran,
// n of them in a row. AWS publishes only that it grows, up to 27 minutes, and that
// it never gives up. The first three failures cost nothing, so that the breaker
// can judge quickly.
func Backoff(n int) time.Duration {
	if n < 3 {
		return 0
	}
	return min(27*time.Minute, 5*time.Second<<min(n-3, 20))
}

// Crashes is the longest that the next start waits after tasks that ran and then
// ended. AWS does not throttle those; there it takes an instance's agent about as
// long to bring up the next one, here a crash loop would only heat the machine.
const Crashes = 15 * time.Second

// Wait is how long the next start waits after a failure, the n-th in a row, of a
// task that began to run at a time, if it did.
func Wait(n int, began, now time.Time) time.Duration {
	switch {
	case began.IsZero():
		return Backoff(n)
	case now.Sub(began) < Settle:
		return min(Backoff(n), Crashes)
	}
	return 0
}
