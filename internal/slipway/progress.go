package slipway

import "time"

// Progress is how far a rollout has come, at one look.
type Progress struct {
	// Deployment is the rollout itself; Gone tells that the service knows it no
	// more or has put another in its place.
	Deployment Deployment
	Gone       bool
	// Primary is the rollout in its place.
	Primary Deployment
	// Old is how many tasks of earlier rollouts still run, Leaving how many of
	// these no longer take new requests.
	Old, Leaving int
	Desired      int
	// Tasks are this rollout's, the newest first; stopped ones too.
	Tasks   []Task
	Targets []Target
	// Events are what the service said since the rollout began, the oldest first.
	Events []ServiceEvent
}

// ServiceEvent is a line of the service's event log.
type ServiceEvent struct {
	At   time.Time
	Text string
}

// Task is one task of a rollout.
type Task struct {
	ID, ARN, Revision, Status, Desired string
	StopCode, StoppedReason, Health    string
	Instance                           string
	Containers                         []ContainerSeen
	Started, Stopped                   time.Time
}

// Stopping tells whether the task has ended or will.
func (t Task) Stopping() bool { return t.Desired == "STOPPED" || t.Status == "STOPPED" }

// ContainerSeen is one container of a task.
type ContainerSeen struct {
	Name, Status, Reason, Digest string
	// ExitCode is -1 while there is none.
	ExitCode  int
	Essential bool
	// Address is where its port is reached, as the load balancer knows it:
	// instance id or IP, and port.
	Targets []string
	// Stream is where its output goes in CloudWatch Logs.
	Group, Stream string
}

// Target is what a load balancer thinks of one.
type Target struct {
	// ID is instance id or IP, and port: "i-0ab1:32768".
	ID, State, Reason, Description string
}
