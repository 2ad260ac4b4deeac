package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
)

// observe takes what the runtime says of a container into the task, and what
// follows for the task: an essential container that ends, ends it. It tells whether
// anything changed.
func observe(t *ecs.Task, seen docker.ContainerStatus, now time.Time) bool {
	c := containerOf(t, seen.Name)
	if c == nil || c.Last == ecs.Stopped {
		return false
	}
	if seen.Phase == docker.Removed && !fromNothing(seen) && c.Last.Before(ecs.Running) && t.Desired == ecs.Running {
		seen.Reason = "ContainerVanishedError: the container was removed behind the agent's back"
	}
	take(c, seen)
	pulled(t, seen)
	switch seen.Phase {
	case docker.Running:
		c.Advance(ecs.Running)
		c.Agent(ecs.Running, now)
	case docker.Stopped, docker.Removed:
		c.Advance(ecs.Stopped)
		c.Agent(ecs.Stopped, now)
		c.ExitCode, c.Reason = code(seen), seen.Reason
		if c.Essential {
			essentialEnded(t, c, seen, now)
		}
	}
	t.Health = ecs.TaskHealth(t.Containers)
	return true
}

// fromNothing tells that a container never was.
func fromNothing(seen docker.ContainerStatus) bool { return seen.ID == "" }

func containerOf(t *ecs.Task, name string) *ecs.Container {
	for i := range t.Containers {
		if t.Containers[i].Name == name {
			return &t.Containers[i]
		}
	}
	return nil
}

// take copies what a running container shows.
func take(c *ecs.Container, seen docker.ContainerStatus) {
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	set(&c.Runtime, seen.ID)
	set(&c.Digest, seen.ImageDigest)
	if seen.Health.Status != "" {
		c.Health = api.HealthStatus(seen.Health.Status)
	}
	if len(seen.Bindings) == 0 {
		return
	}
	c.Bindings = networkBindings(seen)
}

// networkBindings are a container's ports as ECS shows them: a range is one of
// them, whose host ports are in a row.
func networkBindings(seen docker.ContainerStatus) (all []api.NetworkBinding) {
	rest := slices.Clone(seen.Bindings)
	for _, r := range seen.Ranges {
		var first, last docker.Binding
		rest = slices.DeleteFunc(rest, func(b docker.Binding) bool {
			within := b.Proto == cmp.Or(r.Proto, "tcp") && r.Container <= b.ContainerPort && b.ContainerPort <= r.Last
			if within && (first.ContainerPort == 0 || b.ContainerPort < first.ContainerPort) {
				first = b
			}
			if within && b.ContainerPort > last.ContainerPort {
				last = b
			}
			return within
		})
		if first.ContainerPort != 0 {
			all = append(all, api.NetworkBinding{
				ContainerPortRange: new(fmt.Sprintf("%d-%d", first.ContainerPort, last.ContainerPort)), HostPortRange: new(fmt.Sprintf("%d-%d", first.HostPort, last.HostPort)),
				Protocol: api.TransportProtocol(first.Proto), BindIP: new("0.0.0.0"),
			})
		}
	}
	for _, b := range rest {
		all = append(all, api.NetworkBinding{ContainerPort: new(int(b.ContainerPort)), HostPort: new(int(b.HostPort)), Protocol: api.TransportProtocol(b.Proto), BindIP: new("0.0.0.0")})
	}
	return all
}

// pulled notes the time that the images took, over all containers.
func pulled(t *ecs.Task, seen docker.ContainerStatus) {
	if at := seen.PullStartedAt; !at.IsZero() && (t.PullStartedAt.IsZero() || at.Before(t.PullStartedAt)) {
		t.PullStartedAt = at
	}
	if at := seen.PullStoppedAt; at.After(t.PullStoppedAt) {
		t.PullStoppedAt = at
	}
}

// code is the exit code, absent when the container never ran.
func code(seen docker.ContainerStatus) *int {
	if seen.StartedAt.IsZero() {
		return nil
	}
	return seen.ExitCode
}

// essentialEnded stops the task whose essential container has ended: one that
// could not start fails the task's start.
func essentialEnded(t *ecs.Task, c *ecs.Container, seen docker.ContainerStatus, now time.Time) {
	if t.ExecutionStoppedAt.IsZero() && !seen.StartedAt.IsZero() {
		t.ExecutionStoppedAt = seen.StoppedAt
	}
	if seen.StartedAt.IsZero() {
		reason := seen.Reason
		if reason == "" {
			reason = "Task failed to start"
		}
		t.Stop(api.TaskStopCodeTaskFailedToStart, reason, now)
		return
	}
	t.Stop(api.TaskStopCodeEssentialContainerExited, "Essential container in task exited", now)
}

// binding is the host port of a container's port, 0 while there is none.
func binding(t *ecs.Task, container string, port int) int {
	c := containerOf(t, container)
	if c == nil {
		return 0
	}
	for _, b := range c.Bindings {
		if awsapi.V(b.ContainerPort) == port {
			return awsapi.V(b.HostPort)
		}
	}
	return 0
}

// address is the task's own address in awsvpc mode, "" otherwise.
func address(t *ecs.Task) string { return t.ENI()["privateIPv4Address"] }
