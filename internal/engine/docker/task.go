package docker

import (
	"net/netip"
	"time"
)

// Identity says whose a container is. It stands in the container's labels.
type Identity struct {
	// ARN is the task's, ID its last part.
	ARN, ID string
	// Cluster is the cluster's name; Family and Revision are the task
	// definition's.
	Cluster, Family, Revision string
	Account, Region           string
	// Service is the service's name, Instance the container instance's ARN;
	// both may be empty.
	Service, Instance string
}

// NetworkMode is a task definition's network mode.
type NetworkMode string

// The network modes. The empty one is bridge.
const (
	Bridge NetworkMode = "bridge"
	HostNS NetworkMode = "host"
	None   NetworkMode = "none"
	AWSVPC NetworkMode = "awsvpc"
)

// Task is what to run: a task definition with everything resolved (secrets,
// environment files, roles) by the caller.
type Task struct {
	Identity
	NetworkMode NetworkMode
	// Address is the address to have in awsvpc mode, inside Options.Subnet;
	// the daemon chooses one when it is not valid.
	Address netip.Addr
	// Bind is the host address for published ports; Options.Bind when invalid.
	Bind netip.Addr
	// CPU (1024 are one processor) and Memory (MiB) are task-level ceilings
	// for every container; 0 for none.
	CPU, Memory int64
	// PIDMode is "", "task" or "host"; IPCMode "", "task", "host" or "none".
	PIDMode, IPCMode string
	Containers       []Container
	Volumes          []Volume
}

// Container is one container of a task.
type Container struct {
	Name string
	// Image is as the task definition names it.
	Image string
	// Username and Password are for the image's registry, where the task has
	// its own; empty for those that Registry gives.
	Username, Password  string
	Command, EntryPoint []string
	// Env holds NAME=value; values are never logged.
	Env                                []string
	User, WorkingDir, Hostname, Domain string
	// CPU is the share of processors (1024 are one); MemoryHard and MemorySoft
	// are MiB. 0 for none.
	CPU, MemoryHard, MemorySoft int64
	Ports                       []Port
	Mounts                      []Mount
	VolumesFrom                 []VolumesFrom
	// Links are "container" or "container:alias", within the task.
	Links []string
	// ExtraHosts are "name:address".
	ExtraHosts            []string
	DNSServers, DNSSearch []string
	Ulimits               []Ulimit
	Sysctls               map[string]string
	DockerLabels          map[string]string
	SecurityOptions       []string
	Linux                 Linux
	Privileged            bool
	ReadonlyRoot          bool
	DisableNetworking     bool
	Interactive, Terminal bool
	Essential             bool
	DependsOn             []Dependency
	HealthCheck           *HealthCheck
	Restart               *Restart
	// StartTimeout is how long others wait for this container to be as they
	// depend on it; 0 for ever.
	StartTimeout time.Duration
	// StopTimeout is what the container gets between its stop signal and
	// SIGKILL; 0 is ECS's 30 s, less than a second is one.
	StopTimeout time.Duration
	Log         LogDriver
}

// Linux holds the Linux-specific parameters of a container.
type Linux struct {
	CapAdd, CapDrop []string
	Devices         []Device
	// Init runs an init process that reaps and forwards signals.
	Init bool
	// SharedMemory is /dev/shm's size in MiB.
	SharedMemory int64
	Tmpfs        []Tmpfs
	// MaxSwap is MiB beyond memory; nil leaves it to Docker. Swappiness is
	// 0-100.
	MaxSwap, Swappiness *int64
}

// Port is a port mapping: one port, or a range of them.
type Port struct {
	// Container is the container's port, Host the host's; 0 takes a free one.
	Container, Host uint16
	// Last is the last container port of a range; 0 for one port. The host
	// ports of a range are contiguous, too.
	Last uint16
	// Proto is "tcp" when empty, or "udp".
	Proto string
}

// Mount puts one of the task's volumes into a container.
type Mount struct {
	Volume, Path string
	ReadOnly     bool
}

// VolumesFrom takes the mounts of another container of the task.
type VolumesFrom struct {
	Container string
	ReadOnly  bool
}

// Volume is one of a task's volumes: a host path, a Docker volume, or, with
// neither, an empty one that goes with the task.
type Volume struct {
	Name     string
	HostPath string
	Docker   *DockerVolume
}

// DockerVolume is a volume of the daemon's.
type DockerVolume struct {
	// Shared volumes outlive the task; others go with it.
	Shared bool
	// Autoprovision makes a shared volume that is not there.
	Autoprovision   bool
	Driver          string
	Options, Labels map[string]string
}

// Ulimit is one resource limit.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Device is a host device in a container.
type Device struct {
	Host, Container string
	// Permissions are any of read, write, mknod; empty for all.
	Permissions []string
}

// Tmpfs is a temporary file system; Size is MiB.
type Tmpfs struct {
	Path    string
	Size    int64
	Options []string
}

// Condition is what a container waits for another to be.
type Condition string

// The conditions of container dependencies.
const (
	OnCreate   Condition = "CREATE" // as volumesFrom needs it
	OnStart    Condition = "START"
	OnHealthy  Condition = "HEALTHY"
	OnComplete Condition = "COMPLETE"
	OnSuccess  Condition = "SUCCESS"
)

// Dependency is what a container waits for before it is created.
type Dependency struct {
	Container string
	Condition Condition
}

// HealthCheck is a task definition's health check of a container. (An image's
// own runs, too, but is not reported, as on ECS.)
type HealthCheck struct {
	// Command begins with CMD or CMD-SHELL.
	Command                        []string
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

// Restart is a container's restart policy: it is started again when it exits
// after having run for Period, unless with one of the ignored exit codes.
type Restart struct {
	Period       time.Duration
	IgnoredCodes []int
}

// LogDriver is the Docker log driver of a container. The empty one keeps the
// output with the daemon, bounded in size, for [Runtime.Logs].
type LogDriver struct {
	Name    string
	Options map[string]string
}
