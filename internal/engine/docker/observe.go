package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// look inspects a container and takes in what it is. One that is gone is
// taken in as removed.
func (r *Runtime) look(ctx context.Context, containerID string) error {
	err := r.inspect(ctx, containerID)
	if cerrdefs.IsNotFound(err) {
		r.vanished(containerID)
		return nil
	}
	return err
}

// inspect looks at a container. While it does, none is taken in as removed:
// what was seen just before a removal must not bring the container back.
func (r *Runtime) inspect(ctx context.Context, containerID string) error {
	r.looking.RLock()
	defer r.looking.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	res, err := r.cli.ContainerInspect(ctx, containerID, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspecting container %.12s: %w", containerID, err)
	}
	c := &res.Container
	if c.Config == nil || c.Config.Labels[labelEngine] != r.opt.Engine || c.Config.Labels[labelRole] != "" {
		return nil
	}
	id, _, f := identify(c.Config.Labels)
	seen := r.observed(c)
	if seen.Phase == Stopped && (r.doubted(id, c, &seen) || r.again(ctx, id, f.Restart, &seen)) {
		return nil
	}
	r.hub.observe(id, f.NetworkMode, seen)
	return nil
}

// observed is the status that an inspection shows.
func (r *Runtime) observed(c *container.InspectResponse) ContainerStatus {
	_, name, f := identify(c.Config.Labels)
	heard := r.told(c.ID)
	s := ContainerStatus{
		Name: name, ID: c.ID, DockerName: strings.TrimPrefix(c.Name, "/"),
		Image: f.Image, ImageID: c.Image, ImageDigest: f.Digest,
		Essential:     f.Essential,
		PullStartedAt: f.PullStartedAt, PullStoppedAt: f.PullStoppedAt,
		CreatedAt: moment(c.Created),
		Health:    Health{Status: HealthUnknown},
		Restarts:  heard.restarts,
	}
	if c.State == nil {
		return s
	}
	s.StartedAt = moment(c.State.StartedAt)
	s.Phase = phase(c.State)
	if f.Checked && c.State.Health != nil {
		s.Health = health(c.State.Health)
	}
	if s.Phase == Stopped {
		s.StoppedAt = moment(c.State.FinishedAt)
		s.OOMKilled = c.State.OOMKilled || c.State.ExitCode == exitKilled && (heard.oom || memoryKills(c.ID) > heard.kills)
		if !s.StartedAt.IsZero() && c.State.Status != container.StateCreated {
			s.ExitCode = new(c.State.ExitCode)
		}
		s.Reason = endReason(c.State, s.OOMKilled, f.Foreign, r.host)
	}
	s.Bindings = bindings(c, f)
	for _, p := range f.Ports {
		if p.Last != 0 {
			s.Ranges = append(s.Ranges, p)
		}
	}
	s.Address = f.Address
	if !s.Address.IsValid() {
		s.Address = address(c)
	}
	return s
}

// oomGrace is how long the news that the kernel ran out of memory may come
// after the news of the end that it caused.
const oomGrace = 1500 * time.Millisecond

// doubted tells that it is not clear yet why a container was killed: on cgroup
// v1 the daemon may hear of a process's end before it hears that this was for
// want of memory, and the kernel's log may not be ours to read. It is looked at
// again when that is told, or has had its time.
func (r *Runtime) doubted(id Identity, c *container.InspectResponse, seen *ContainerStatus) bool {
	if seen.OOMKilled || seen.ExitCode == nil || *seen.ExitCode != exitKilled || c.HostConfig == nil || c.HostConfig.Memory == 0 {
		return false
	}
	r.mu.Lock()
	ordered := r.stopping[id.ID]
	r.mu.Unlock()
	left := min(oomGrace, oomGrace-r.now().Sub(seen.StoppedAt))
	if ordered || left <= 0 {
		return false
	}
	r.later(left, func(ctx context.Context) {
		if err := r.look(ctx, seen.ID); err != nil && ctx.Err() == nil {
			r.log.Warn("docker: looking at a container that was killed", "error", err)
		}
	})
	return true
}

// exitKilled is the exit code of a process that SIGKILL ended.
const exitKilled = 137

// stopping is what Podman calls a container that has been told to stop and has
// not ended.
const stopping container.ContainerState = "stopping"

func phase(s *container.State) Phase {
	switch {
	case s.Running || s.Paused || s.Restarting || s.Status == stopping:
		return Running
	case s.Status == container.StateCreated && s.Error == "":
		return Created
	}
	return Stopped
}

// health is in ECS's words: while Docker says "starting" it is unknown.
func health(h *container.Health) Health {
	out := Health{Status: HealthUnknown}
	switch h.Status {
	case container.Healthy:
		out.Status = Healthy
	case container.Unhealthy:
		out.Status = Unhealthy
	}
	if n := len(h.Log); n > 0 {
		last := h.Log[n-1]
		out.Since, out.ExitCode, out.Output = last.End, last.ExitCode, last.Output
		if len(out.Output) > maxHealthOutput {
			out.Output = strings.ToValidUTF8(out.Output[:maxHealthOutput], "")
		}
	}
	return out
}

// maxHealthOutput is what the ECS agent keeps of a health check's output.
const maxHealthOutput = 1024

// bindings are the container's ports on the host, by container port.
func bindings(c *container.InspectResponse, f facts) []Binding {
	if f.NetworkMode == HostNS || f.NetworkMode == AWSVPC {
		return declared(f.Ports)
	}
	if c.NetworkSettings == nil {
		return nil
	}
	var out []Binding
	for port, hosts := range c.NetworkSettings.Ports {
		for _, h := range hosts {
			n, err := strconv.ParseUint(h.HostPort, 10, 16)
			if err != nil || n == 0 {
				continue
			}
			out = append(out, Binding{Host: h.HostIP, HostPort: uint16(n), ContainerPort: port.Num(), Proto: string(port.Proto())})
		}
	}
	slices.SortFunc(out, byPort)
	return out
}

// declared are the bindings where the container's port is the host's.
func declared(ports []Port) []Binding {
	var out []Binding
	for _, p := range ports {
		for n := int(p.Container); n <= int(max(p.Last, p.Container)); n++ {
			out = append(out, Binding{HostPort: uint16(n), ContainerPort: uint16(n), Proto: proto(p)})
		}
	}
	slices.SortFunc(out, byPort)
	return out
}

func byPort(a, b Binding) int {
	if a.ContainerPort != b.ContainerPort {
		return int(a.ContainerPort) - int(b.ContainerPort)
	}
	if a.Proto != b.Proto {
		return strings.Compare(a.Proto, b.Proto)
	}
	return a.Host.Compare(b.Host)
}

func address(c *container.InspectResponse) netip.Addr {
	if c.NetworkSettings != nil {
		for _, n := range c.NetworkSettings.Networks {
			if n != nil && n.IPAddress.IsValid() {
				return n.IPAddress
			}
		}
	}
	return netip.Addr{}
}

// moment reads the daemon's time; its zero is "0001-01-01T00:00:00Z".
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}
