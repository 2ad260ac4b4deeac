package docker

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Defaults of the ECS agent.
const (
	defaultStopTimeout = 30 * time.Second
	minStopTimeout     = time.Second
	// minShares is what ECS gives for a cpu of 0 or 1: Linux' own minimum.
	minShares = 2
)

// Logs are kept with the daemon in the json-file driver, which Docker and
// Podman both have, bounded so that no container fills the disk. Few large
// files, because a follower that falls behind by more than a file misses what
// Docker 20.10 has rotated in between, be it still there or not.
var keptLogs = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "50m", "max-file": "2"}}

const mib = 1 << 20

// surroundings are what a container's creation needs to know beyond its task.
type surroundings struct {
	host Host
	// bind is the host address of published ports.
	bind netip.Addr
	// image is the reference to create from.
	image string
	// pause is the name of the task's pause container; empty without one.
	pause string
	// name gives the daemon's name of a container of the task, volume that of
	// a volume.
	name, volume func(string) string
	labels       map[string]string
	// ranges are the first host ports of dynamic port ranges, by index of port.
	ranges map[int]uint16
}

// creation turns a container of a task into the daemon's request. It is pure;
// an error names what Docker cannot do.
func creation(t *Task, c *Container, s *surroundings) (*client.ContainerCreateOptions, error) {
	host, err := hostConfig(t, c, s)
	if err != nil {
		return nil, err
	}
	cfg := &container.Config{
		Image: s.image, Cmd: c.Command, Entrypoint: c.EntryPoint, Env: c.Env,
		User: c.User, WorkingDir: c.WorkingDir,
		Hostname: c.Hostname, Domainname: c.Domain,
		Tty: c.Terminal, OpenStdin: c.Interactive,
		NetworkDisabled: c.DisableNetworking,
		Labels:          s.labels,
		StopTimeout:     new(stopSeconds(c.StopTimeout)),
	}
	if h := c.HealthCheck; h != nil {
		cfg.Healthcheck = &container.HealthConfig{
			Test: h.Command, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	if err := reach(t, c, s, cfg, host); err != nil {
		return nil, err
	}
	return &client.ContainerCreateOptions{Name: s.name(c.Name), Config: cfg, HostConfig: host}, nil
}

func stopSeconds(d time.Duration) int {
	switch {
	case d == 0:
		d = defaultStopTimeout
	case d < minStopTimeout:
		d = minStopTimeout
	}
	return int((d + time.Second - 1) / time.Second)
}

func hostConfig(t *Task, c *Container, s *surroundings) (*container.HostConfig, error) {
	h := &container.HostConfig{
		LogConfig:      keptLogs,
		CapAdd:         c.Linux.CapAdd,
		CapDrop:        c.Linux.CapDrop,
		Privileged:     c.Privileged,
		ReadonlyRootfs: c.ReadonlyRoot,
		SecurityOpt:    c.SecurityOptions,
		ShmSize:        c.Linux.SharedMemory * mib,
		Sysctls:        c.Sysctls,
		Resources:      resources(t, c),
	}
	if c.Log.Name != "" {
		h.LogConfig = container.LogConfig{Type: c.Log.Name, Config: c.Log.Options}
	}
	if c.Linux.Init {
		h.Init = new(true)
	}
	for _, d := range c.Linux.Devices {
		h.Devices = append(h.Devices, device(d))
	}
	if len(c.Linux.Tmpfs) > 0 {
		h.Tmpfs = map[string]string{}
	}
	for _, f := range c.Linux.Tmpfs {
		h.Tmpfs[f.Path] = strings.Join(append(slices.Clone(f.Options), fmt.Sprintf("size=%dm", f.Size)), ",")
	}
	if c.Linux.MaxSwap != nil || c.Linux.Swappiness != nil {
		if err := swap(h, c, s.host); err != nil {
			return nil, err
		}
	}
	for _, v := range c.VolumesFrom {
		h.VolumesFrom = append(h.VolumesFrom, s.name(v.Container)+mode(v.ReadOnly))
	}
	var err error
	h.Binds, err = binds(t, c, s)
	if err != nil {
		return nil, err
	}
	return h, namespaces(t, s, h)
}

// resources are the container's limits, under the task's ceilings.
func resources(t *Task, c *Container) container.Resources {
	res := container.Resources{
		CPUShares:         max(c.CPU, minShares),
		Memory:            c.MemoryHard * mib,
		MemoryReservation: c.MemorySoft * mib,
	}
	if t.Memory > 0 && (c.MemoryHard == 0 || c.MemoryHard > t.Memory) {
		res.Memory = t.Memory * mib
	}
	if t.CPU > 0 {
		res.NanoCPUs = t.CPU * 1e9 / 1024
	}
	for _, u := range c.Ulimits {
		res.Ulimits = append(res.Ulimits, &units.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	return res
}

// swap limits swap, where the kernel can: Docker would leave it out with a
// warning.
func swap(h *container.HostConfig, c *Container, host Host) error {
	if !host.SwapLimit {
		return fmt.Errorf("linuxParameters.maxSwap and swappiness need a kernel that accounts for swap; this one does not (boot it with swapaccount=1)")
	}
	h.MemorySwappiness = c.Linux.Swappiness
	if c.Linux.MaxSwap == nil {
		return nil
	}
	if h.Memory == 0 {
		return fmt.Errorf("linuxParameters.maxSwap needs a memory limit")
	}
	h.MemorySwap = h.Memory + *c.Linux.MaxSwap*mib
	return nil
}

func device(d Device) container.DeviceMapping {
	m := container.DeviceMapping{PathOnHost: d.Host, PathInContainer: d.Container, CgroupPermissions: "rwm"}
	if m.PathInContainer == "" {
		m.PathInContainer = d.Host
	}
	if len(d.Permissions) > 0 {
		m.CgroupPermissions = ""
		for _, p := range d.Permissions {
			m.CgroupPermissions += map[string]string{"read": "r", "write": "w", "mknod": "m"}[p]
		}
	}
	return m
}

func mode(readOnly bool) string {
	if readOnly {
		return ":ro"
	}
	return ":rw"
}

// binds are the container's mounts. They are bind strings, not mount objects,
// because Docker makes a missing host folder for those only, as ECS users
// expect.
func binds(t *Task, c *Container, s *surroundings) ([]string, error) {
	var out []string
	for _, m := range c.Mounts {
		i := slices.IndexFunc(t.Volumes, func(v Volume) bool { return v.Name == m.Volume })
		if i < 0 {
			return nil, fmt.Errorf("mount point %s names volume %s, which is not in the task", m.Path, m.Volume)
		}
		source := t.Volumes[i].HostPath
		if source == "" {
			source = s.volume(m.Volume)
			if d := t.Volumes[i].Docker; d != nil && d.Shared {
				source = m.Volume
			}
		}
		out = append(out, source+":"+m.Path+mode(m.ReadOnly))
	}
	return out, nil
}

// namespaces sets the process and IPC namespaces.
func namespaces(t *Task, s *surroundings, h *container.HostConfig) error {
	switch t.PIDMode {
	case "":
	case "host":
		h.PidMode = "host"
	case "task":
		h.PidMode = container.PidMode("container:" + s.pause)
	default:
		return fmt.Errorf("pidMode %q is not one of host, task", t.PIDMode)
	}
	switch t.IPCMode {
	case "":
	case "host", "none":
		h.IpcMode = container.IpcMode(t.IPCMode)
	case "task":
		h.IpcMode = container.IpcMode("container:" + s.pause)
	default:
		return fmt.Errorf("ipcMode %q is not one of host, task, none", t.IPCMode)
	}
	return nil
}

// reach sets how the container is reached and what it reaches.
func reach(t *Task, c *Container, s *surroundings, cfg *container.Config, h *container.HostConfig) error {
	if t.NetworkMode == AWSVPC {
		return joinPause(c, s, cfg, h)
	}
	h.ExtraHosts = c.ExtraHosts
	h.DNSSearch = c.DNSSearch
	for _, server := range c.DNSServers {
		a, err := netip.ParseAddr(server)
		if err != nil {
			return fmt.Errorf("dnsServers: %w", err)
		}
		h.DNS = append(h.DNS, a)
	}
	if len(c.Links) > 0 && t.NetworkMode != Bridge && t.NetworkMode != "" {
		return fmt.Errorf("links need network mode bridge, not %s", t.NetworkMode)
	}
	switch t.NetworkMode {
	case HostNS:
		h.NetworkMode = "host"
	case None:
		h.NetworkMode = "none"
		if len(c.Ports) > 0 {
			return fmt.Errorf("port mappings need a network; the network mode is none")
		}
	case Bridge, "":
		h.NetworkMode = "bridge"
		for _, l := range c.Links {
			name, alias, _ := strings.Cut(l, ":")
			if alias == "" {
				alias = name
			}
			h.Links = append(h.Links, s.name(name)+":"+alias)
		}
		return publish(c, s, cfg, h)
	default:
		return fmt.Errorf("network mode %q is not one of bridge, host, none, awsvpc", t.NetworkMode)
	}
	return nil
}

// joinPause puts a container into the pause container's network. What belongs
// to a network namespace is the pause container's, and Docker refuses it here.
func joinPause(c *Container, s *surroundings, cfg *container.Config, h *container.HostConfig) error {
	switch {
	case len(c.Links) > 0:
		return fmt.Errorf("links need network mode bridge, not awsvpc")
	case c.Hostname != "":
		return fmt.Errorf("a hostname cannot be had in network mode awsvpc")
	case len(c.DNSServers) > 0 || len(c.DNSSearch) > 0:
		return fmt.Errorf("DNS servers and search domains cannot be had in network mode awsvpc")
	case c.DisableNetworking:
		return fmt.Errorf("networking cannot be disabled in network mode awsvpc")
	}
	cfg.Domainname = ""
	h.NetworkMode = container.NetworkMode("container:" + s.pause)
	h.Sysctls = maps.Clone(h.Sysctls)
	maps.DeleteFunc(h.Sysctls, func(name, _ string) bool { return strings.HasPrefix(name, "net.") })
	return nil
}

// publish binds the container's ports on the host.
func publish(c *Container, s *surroundings, cfg *container.Config, h *container.HostConfig) error {
	if len(c.Ports) == 0 {
		return nil
	}
	cfg.ExposedPorts = network.PortSet{}
	h.PortBindings = network.PortMap{}
	for i, p := range c.Ports {
		host := p.Host
		if p.Last > p.Container {
			host = s.ranges[i]
		}
		for n := int(p.Container); n <= int(max(p.Last, p.Container)); n++ {
			port, ok := network.PortFrom(uint16(n), network.IPProtocol(proto(p)))
			if !ok {
				return fmt.Errorf("port %d/%s is none", n, proto(p))
			}
			b := network.PortBinding{HostIP: s.bind, HostPort: "0"}
			if host != 0 {
				b.HostPort = itoa(int(host) + n - int(p.Container))
			}
			cfg.ExposedPorts[port] = struct{}{}
			h.PortBindings[port] = append(h.PortBindings[port], b)
		}
	}
	return nil
}

func proto(p Port) string {
	if p.Proto == "" {
		return "tcp"
	}
	return p.Proto
}
