package docker

import (
	"net/netip"
	"slices"
	"time"
)

// Phase is how far a container is. It only grows, except that a container
// that is started again by its restart policy is Running again.
type Phase int

// The phases of a container's life.
const (
	Unknown Phase = iota
	Pulling       // its image is being pulled
	Pulled        // its image is there
	Created
	Running
	Stopped // it has ended, or could not be started: see Reason
	Removed // the daemon no longer has it
)

func (p Phase) String() string {
	return [...]string{"unknown", "pulling", "pulled", "created", "running", "stopped", "removed"}[p]
}

// HealthStatus is what a task definition's health check says, in ECS's words.
type HealthStatus string

// The health of a container. Without a check in the task definition it is
// unknown.
const (
	HealthUnknown HealthStatus = "UNKNOWN"
	Healthy       HealthStatus = "HEALTHY"
	Unhealthy     HealthStatus = "UNHEALTHY"
)

// Health is a container's health with the last check's answer.
type Health struct {
	Status HealthStatus
	// Since is when the last check ended.
	Since    time.Time
	ExitCode int
	// Output is the end of the check's output, at most 1024 bytes.
	Output string
}

// Binding is a port of a container on the host.
type Binding struct {
	// Host is the host's address; not valid in host and awsvpc mode.
	Host                    netip.Addr
	HostPort, ContainerPort uint16
	Proto                   string
}

// ContainerStatus is what is known of a container.
type ContainerStatus struct {
	Name string
	// ID is the daemon's id of it; empty before it is created. DockerName is
	// the name it bears there.
	ID, DockerName string
	// Image is as the task definition names it, ImageID the daemon's id of
	// what it runs, ImageDigest the registry's digest, if it came from one.
	Image, ImageID, ImageDigest string
	Phase                       Phase
	Essential                   bool
	PullStartedAt, PullStoppedAt,
	CreatedAt, StartedAt, StoppedAt time.Time
	// ExitCode is nil while it runs, and when it never ran.
	ExitCode  *int
	OOMKilled bool
	// Reason is the cause of a container's end in the ECS agent's words:
	// "CannotPullContainerError: …"; empty when it simply exited.
	Reason   string
	Health   Health
	Bindings []Binding
	// Ranges are the port mappings that are ranges.
	Ranges []Port
	// Address is its own address, or in awsvpc mode the task's; not valid in
	// host mode.
	Address netip.Addr
	// Restarts counts those by its restart policy since this engine began. A
	// dynamic host port is another one after each.
	Restarts int
}

// TaskStatus is what is known of a task.
type TaskStatus struct {
	Identity
	NetworkMode NetworkMode
	Containers  []ContainerStatus // by name
}

// Event is a change of a container: what is known of it from now on.
type Event struct {
	Identity
	Container ContainerStatus
}

// advance merges what is newly seen of a container into what was known, and
// tells which states to announce: none when nothing is new, several when it has
// gone through more than one since. What was seen later is never taken back by
// something seen earlier: a container only returns to Running with a later
// start.
func advance(known, seen ContainerStatus) []ContainerStatus {
	again := seen.StartedAt.After(known.StartedAt)
	older := !seen.StartedAt.IsZero() && seen.StartedAt.Before(known.StartedAt)
	back := seen.Phase < known.Phase && !(again && seen.Phase == Running)
	if older || back || known.Phase == Removed {
		return nil
	}
	next := seen
	keepTime(&next.PullStartedAt, known.PullStartedAt)
	keepTime(&next.PullStoppedAt, known.PullStoppedAt)
	keepTime(&next.CreatedAt, known.CreatedAt)
	keepTime(&next.StartedAt, known.StartedAt)
	if next.Phase >= Stopped {
		keepEnd(&next, &known)
	}
	keepText(&next.ID, known.ID)
	keepText(&next.DockerName, known.DockerName)
	keepText(&next.ImageID, known.ImageID)
	keepText(&next.ImageDigest, known.ImageDigest)
	keepText(&next.Image, known.Image)
	next.Restarts = max(next.Restarts, known.Restarts)
	next.Essential = next.Essential || known.Essential
	if same(&known, &next) {
		return nil
	}
	var out []ContainerStatus
	if next.Phase > Created && known.Phase < Created && !next.CreatedAt.IsZero() {
		out = append(out, made(next))
	}
	if next.Phase >= Stopped && known.Phase < Stopped && !next.StartedAt.IsZero() && (known.Phase < Running || again) {
		out = append(out, begun(next))
	}
	if next.Phase == Removed && known.Phase < Stopped {
		out = append(out, ended(next))
	}
	return append(out, next)
}

// keepEnd keeps how a container ended, once known: the daemon forgets the
// bindings, and of a container that is gone everything.
func keepEnd(next, known *ContainerStatus) {
	keepTime(&next.StoppedAt, known.StoppedAt)
	if known.Phase >= Stopped && known.Reason != "" {
		next.Reason = known.Reason
	}
	if next.ExitCode == nil {
		next.ExitCode = known.ExitCode
	}
	next.OOMKilled = next.OOMKilled || known.OOMKilled
	if len(next.Bindings) == 0 {
		next.Bindings = known.Bindings
	}
	if !next.Address.IsValid() {
		next.Address = known.Address
	}
	if next.Health.Status == "" {
		next.Health = known.Health
	}
}

// made is a container's state when it had been created.
func made(s ContainerStatus) ContainerStatus {
	s = begun(s)
	s.Phase, s.StartedAt, s.Bindings, s.Address = Created, time.Time{}, nil, netip.Addr{}
	return s
}

// begun is a container's state when it had begun to run.
func begun(s ContainerStatus) ContainerStatus {
	s.Phase = Running
	s.StoppedAt, s.ExitCode, s.OOMKilled, s.Reason = time.Time{}, nil, false, ""
	s.Health = Health{Status: HealthUnknown}
	return s
}

// ended is a container's state when it had ended but was still there.
func ended(s ContainerStatus) ContainerStatus {
	s.Phase = Stopped
	return s
}

func keepTime(t *time.Time, known time.Time) {
	if t.IsZero() {
		*t = known
	}
}

func keepText(s *string, known string) {
	if *s == "" {
		*s = known
	}
}

func same(a, b *ContainerStatus) bool {
	return a.Phase == b.Phase && a.StartedAt.Equal(b.StartedAt) && a.Health.Status == b.Health.Status &&
		a.Reason == b.Reason && a.ID == b.ID && a.OOMKilled == b.OOMKilled && a.Restarts == b.Restarts &&
		a.Address == b.Address && slices.Equal(a.Bindings, b.Bindings) &&
		(a.ExitCode == nil) == (b.ExitCode == nil)
}
