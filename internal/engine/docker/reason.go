package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
)

// Error is why a container of a task could not be brought to where it should
// be. Its text is the container's reason as the ECS agent writes it,
// "CannotPullContainerError: Error response from daemon: …".
type Error struct {
	// Container is the container's name; empty for the task's own parts.
	Container string
	// Name is the agent's name of the error.
	Name  string
	Cause error
}

func (e *Error) Error() string { return e.Reason() }

// Unwrap gives the daemon's error.
func (e *Error) Unwrap() error { return e.Cause }

// Reason is the container's reason, at most 1024 characters as on ECS.
func (e *Error) Reason() string {
	text := e.Name + ": " + e.Cause.Error()
	if runes := []rune(text); len(runes) > maxReason {
		return string(runes[:maxReason])
	}
	return text
}

const maxReason = 1024

// The agent's names of what goes wrong (its docs and source).
const (
	cannotPull   = "CannotPullContainerError"
	cannotCreate = "CannotCreateContainerError"
	cannotStart  = "CannotStartContainerError"
	cannotStop   = "CannotStopContainerError"
	vanished     = "ContainerVanishedError"
	outOfMemory  = "OutOfMemoryError"
	timedOut     = "DockerTimeoutError"
	dependency   = "TaskDependencyError"
	resource     = "ResourceInitializationError"
)

// How long the daemon may take for a step: the ECS agent's limits.
const (
	pullTimeout    = 2 * time.Hour
	createTimeout  = 4 * time.Minute
	startTimeout   = 3 * time.Minute
	stopGrace      = 2 * time.Minute // beyond the container's stop timeout
	inspectTimeout = 30 * time.Second
)

// within gives a step of the daemon's its time, and names the error that it
// ends with.
func within(ctx context.Context, limit time.Duration, container, state, name string, step func(context.Context) error) error {
	late := &lateError{state, limit}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	err := step(ctx)
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) == error(late):
		return &Error{Container: container, Name: timedOut, Cause: late}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Container: container, Name: name, Cause: err}
}

// lateError is a step that took the daemon too long, in the agent's words.
type lateError struct {
	state string
	limit time.Duration
}

func (e *lateError) Error() string {
	return fmt.Sprintf("Could not transition to %s; timed out after waiting %s", e.state, e.limit)
}

// The ECS agent's advice (ecs-agent, errormessages).
const (
	advicePermission = "The task can’t pull the image. Check that the role has the permissions to pull images from the registry."
	adviceExistence  = "The task can’t pull the image. Check whether the image exists."
	adviceNetwork    = "The task can’t pull the image. Check your network configuration."
)

// pullCause puts the ECS agent's advice before the daemon's text where the
// agent does.
func pullCause(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "is not authorized to perform: ecr:BatchGetImage"):
		return fmt.Errorf("%s %w", advicePermission, err)
	case strings.Contains(text, "denied: requested access to the resource is denied"):
		return fmt.Errorf("%s %w", adviceExistence, err)
	case strings.Contains(text, "request canceled while waiting for connection"):
		return fmt.Errorf("%s %w", adviceNetwork, err)
	}
	return err
}

// endReason is the reason that a container that ended shows.
func endReason(s *container.State, oom bool, foreign string, h Host) string {
	switch {
	case oom:
		return outOfMemory + ": Container killed due to memory usage"
	case s.Status == container.StateCreated && s.Error != "":
		return (&Error{Name: cannotStart, Cause: errors.New("Error response from daemon: " + s.Error)}).Reason()
	case foreign != "" && s.ExitCode != 0:
		// The kernel's own words ("exec format error") only reach the
		// container's log: its first process is what fails.
		return fmt.Sprintf("exec format error: the image is built for %s and this machine is %s/%s", foreign, h.OS, h.Architecture)
	case s.Error != "":
		return s.Error
	}
	return ""
}
