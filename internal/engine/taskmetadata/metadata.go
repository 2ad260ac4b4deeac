package taskmetadata

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// The shapes are those of the task metadata endpoint version 4 (developer guide,
// "Amazon ECS task metadata endpoint version 4"; the agent's tmds package).

type taskAnswer struct {
	Cluster, TaskARN, Family, Revision string
	ServiceName                        string `json:",omitempty"`
	DesiredStatus, KnownStatus         string
	Limits                             *limits    `json:",omitempty"`
	PullStartedAt                      *time.Time `json:",omitempty"`
	PullStoppedAt                      *time.Time `json:",omitempty"`
	ExecutionStoppedAt                 *time.Time `json:",omitempty"`
	AvailabilityZone                   string     `json:",omitempty"`
	VPCID                              string     `json:",omitempty"`
	LaunchType                         string
	Containers                         []containerAnswer
	TaskTags                           map[string]string `json:",omitempty"`
	FaultInjectionEnabled              bool
}

type containerAnswer struct {
	DockerId, Name, DockerName, Image, ImageID string
	Ports                                      []portAnswer      `json:",omitempty"`
	Labels                                     map[string]string `json:",omitempty"`
	DesiredStatus, KnownStatus                 string
	ExitCode                                   *int `json:",omitempty"`
	Limits                                     limits
	CreatedAt, StartedAt, FinishedAt           *time.Time `json:",omitempty"`
	Type                                       string
	Health                                     *healthAnswer     `json:",omitempty"`
	Volumes                                    []volumeAnswer    `json:",omitempty"`
	LogDriver                                  string            `json:",omitempty"`
	LogOptions                                 map[string]string `json:",omitempty"`
	ContainerARN                               string
	Networks                                   []networkAnswer `json:",omitempty"`
	RestartCount                               *int            `json:",omitempty"`
}

// limits are processors (a task's in vCPU, a container's in CPU units) and MiB.
type limits struct {
	CPU    float64 `json:",omitempty"`
	Memory int     `json:",omitempty"`
}

type portAnswer struct {
	ContainerPort int
	Protocol      string
	HostPort      int    `json:",omitempty"`
	HostIp        string `json:",omitempty"`
}

type healthAnswer struct {
	Status   string     `json:"status"`
	Since    *time.Time `json:"statusSince,omitempty"`
	ExitCode *int       `json:"exitCode,omitempty"`
	Output   string     `json:"output,omitempty"`
}

type volumeAnswer struct {
	DockerName  string `json:",omitempty"`
	Source      string `json:",omitempty"`
	Destination string
}

type networkAnswer struct {
	NetworkMode         string
	IPv4Addresses       []string `json:",omitempty"`
	AttachmentIndex     *int     `json:",omitempty"`
	MACAddress          string   `json:",omitempty"`
	IPv4SubnetCIDRBlock string   `json:",omitempty"`
	PrivateDNSName      string   `json:",omitempty"`
}

// view is a task as the metadata endpoint looks at it.
type view struct {
	tx    *state.Tx
	scope state.Scope
	t     *ecs.Task
	def   *ecs.Definition
	seen  map[string]docker.ContainerStatus
	// asks is the container that the path was given to.
	asks string
}

// about finds what the path is about, and has it told.
func (s *Server) about(tell func(http.ResponseWriter, *http.Request, *view)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		about, t, err := s.unseal(id(r), "metadata")
		if err != nil {
			refuse(w, http.StatusNotFound, "NotFound", "V4 metadata handler: unable to get the container of this path")
			return
		}
		v := &view{tx: s.env.Store.View(), scope: about.Scope, t: t, asks: about.Container, seen: map[string]docker.ContainerStatus{}}
		var ok bool
		if v.def, ok = ecs.DefinitionOf(v.tx, v.scope, t.Definition); !ok {
			refuse(w, http.StatusNotFound, "NotFound", "V4 metadata handler: unable to get the task's definition")
			return
		}
		if known, ok := s.containers.Task(t.ID); ok {
			for _, c := range known.Containers {
				v.seen[c.Name] = c
			}
		}
		tell(w, r, v)
	}
}

func (s *Server) container(w http.ResponseWriter, _ *http.Request, v *view) {
	for i := range v.t.Containers {
		if v.t.Containers[i].Name == v.asks {
			answer(w, http.StatusOK, v.container(i))
			return
		}
	}
	refuse(w, http.StatusNotFound, "NotFound", "V4 container metadata handler: unable to find the container")
}

func (s *Server) task(w http.ResponseWriter, _ *http.Request, v *view) {
	answer(w, http.StatusOK, v.task())
}

func (s *Server) taskWithTags(w http.ResponseWriter, _ *http.Request, v *view) {
	a := v.task()
	a.TaskTags = v.t.Tags
	answer(w, http.StatusOK, a)
}

func (s *Server) stats(w http.ResponseWriter, r *http.Request, v *view) {
	raw, err := s.rawStats(r, v.seen[v.asks])
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalServerError", "V4 container stats handler: "+err.Error())
		return
	}
	answer(w, http.StatusOK, raw)
}

func (s *Server) taskStats(w http.ResponseWriter, r *http.Request, v *view) {
	all := map[string]json.RawMessage{}
	for _, c := range v.seen {
		if c.ID == "" {
			continue
		}
		raw, err := s.rawStats(r, c)
		if err != nil {
			raw = nil // the agent answers null for a container that it has none of
		}
		all[c.ID] = raw
	}
	answer(w, http.StatusOK, all)
}

// rawStats are Docker's, null for a container that does not run. One that was only
// just created may run already: it asks sooner than its start is known here.
func (s *Server) rawStats(r *http.Request, c docker.ContainerStatus) (json.RawMessage, error) {
	if c.ID == "" || c.Phase > docker.Running {
		return nil, nil
	}
	got, err := s.containers.Stats(r.Context(), c.ID)
	return got.Raw, err
}

func (v *view) task() taskAnswer {
	t := v.t
	a := taskAnswer{
		Cluster: t.Cluster, TaskARN: t.ARN, Family: v.def.Family, Revision: strconv.Itoa(v.def.Revision), ServiceName: t.Service,
		DesiredStatus: string(t.Desired), KnownStatus: string(t.Last), AvailabilityZone: t.Zone, LaunchType: string(t.LaunchType),
		PullStartedAt: moment(t.PullStartedAt), PullStoppedAt: moment(t.PullStoppedAt), ExecutionStoppedAt: moment(t.ExecutionStoppedAt), VPCID: v.vpc(),
	}
	if t.LaunchType == api.LaunchTypeFargate {
		a.Cluster = ecs.ClusterARN(v.scope, t.Cluster) // the guide's samples differ so
	}
	if a.LaunchType == "" {
		a.LaunchType = string(api.LaunchTypeEc2)
	}
	if d := v.def.Body; d.Cpu != nil || d.Memory != nil {
		cpu, _ := strconv.ParseFloat(awsapi.V(d.Cpu), 64)
		memory, _ := strconv.Atoi(awsapi.V(d.Memory))
		a.Limits = &limits{cpu / 1024, memory}
	}
	for i := range t.Containers {
		a.Containers = append(a.Containers, v.container(i))
	}
	return a
}

func (v *view) container(i int) containerAnswer {
	c, seen := &v.t.Containers[i], v.seen[v.t.Containers[i].Name]
	cpu, _ := strconv.ParseFloat(c.CPU, 64)
	memory, _ := strconv.Atoi(c.Memory)
	a := containerAnswer{
		DockerId: seen.ID, Name: c.Name, DockerName: seen.DockerName, Image: c.Image, ImageID: seen.ImageID,
		DesiredStatus: string(v.t.Desired), KnownStatus: known(seen.Phase), ExitCode: c.ExitCode, Limits: limits{cpu, memory},
		CreatedAt: moment(seen.CreatedAt), StartedAt: moment(seen.StartedAt), FinishedAt: moment(seen.StoppedAt), Type: "NORMAL", ContainerARN: c.ARN,
		Labels: map[string]string{
			"com.amazonaws.ecs.cluster": v.t.Cluster, "com.amazonaws.ecs.container-name": c.Name, "com.amazonaws.ecs.task-arn": v.t.ARN,
			"com.amazonaws.ecs.task-definition-family": v.def.Family, "com.amazonaws.ecs.task-definition-version": strconv.Itoa(v.def.Revision),
		},
	}
	for _, b := range seen.Bindings {
		p := portAnswer{ContainerPort: int(b.ContainerPort), Protocol: b.Proto, HostPort: int(b.HostPort)}
		if b.Host.IsValid() {
			p.HostIp = b.Host.String()
		}
		a.Ports = append(a.Ports, p)
	}
	if n, ok := v.network(c, &seen); ok {
		a.Networks = []networkAnswer{n}
	}
	for j := range v.def.Body.ContainerDefinitions {
		if d := &v.def.Body.ContainerDefinitions[j]; awsapi.V(d.Name) == c.Name {
			a.defined(v, d, &seen)
		}
	}
	return a
}

// defined adds what the task definition says of the container.
func (a *containerAnswer) defined(v *view, d *api.ContainerDefinition, seen *docker.ContainerStatus) {
	for key, value := range d.DockerLabels {
		if _, own := a.Labels[key]; !own {
			a.Labels[key] = value
		}
	}
	if d.HealthCheck != nil {
		a.Health = &healthAnswer{Status: string(seen.Health.Status), Since: moment(seen.Health.Since), Output: seen.Health.Output}
		if !seen.Health.Since.IsZero() {
			a.Health.ExitCode = new(seen.Health.ExitCode)
		}
	}
	if l := d.LogConfiguration; l != nil {
		a.LogDriver, a.LogOptions = string(l.LogDriver), l.Options
	}
	if p := d.RestartPolicy; p != nil && awsapi.V(p.Enabled) {
		a.RestartCount = new(seen.Restarts)
	}
	for _, m := range d.MountPoints {
		mount := volumeAnswer{Destination: awsapi.V(m.ContainerPath)}
		for _, volume := range v.def.Body.Volumes {
			if awsapi.V(volume.Name) != awsapi.V(m.SourceVolume) {
				continue
			}
			if volume.Host != nil && volume.Host.SourcePath != nil {
				mount.Source = *volume.Host.SourcePath
			} else {
				mount.DockerName = awsapi.V(volume.Name)
			}
		}
		a.Volumes = append(a.Volumes, mount)
	}
}

// network is what the container has: the task's interface in awsvpc mode, an
// address of the daemon's bridge otherwise.
func (v *view) network(c *ecs.Container, seen *docker.ContainerStatus) (networkAnswer, bool) {
	n := networkAnswer{NetworkMode: string(v.def.Body.NetworkMode)}
	if n.NetworkMode == "" {
		n.NetworkMode = string(api.NetworkModeBridge)
	}
	if n.NetworkMode == string(api.NetworkModeAwsvpc) {
		eni := v.t.ENI()
		if eni["privateIPv4Address"] == "" {
			return n, false
		}
		n.IPv4Addresses, n.AttachmentIndex = []string{eni["privateIPv4Address"]}, new(0)
		n.MACAddress, n.PrivateDNSName = eni["macAddress"], eni["privateDnsName"]
		if subnet, ok := ec2.Subnets.Get(v.tx, v.scope, eni["subnetId"]); ok {
			n.IPv4SubnetCIDRBlock = subnet.Block.String()
		}
		return n, true
	}
	if seen.Address.IsValid() {
		n.IPv4Addresses = []string{seen.Address.String()}
	}
	return n, true
}

// vpc is the task's: its interface's, or its instance's.
func (v *view) vpc() string {
	if subnet, ok := ec2.Subnets.Get(v.tx, v.scope, v.t.ENI()["subnetId"]); ok {
		return subnet.VPC
	}
	if i, ok := ecs.Instances.Get(v.tx, v.scope, v.t.Cluster+"/"+v.t.Instance); ok {
		vpc, _ := i.Attribute("ecs.vpc-id")
		return vpc
	}
	return ""
}

// known is how far a container is, in the agent's words.
func known(p docker.Phase) string {
	switch p {
	case docker.Pulled:
		return "PULLED"
	case docker.Created:
		return "CREATED"
	case docker.Running:
		return "RUNNING"
	case docker.Stopped, docker.Removed:
		return "STOPPED"
	}
	return "NONE"
}

// moment is nil for a time that has not come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
