package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The labels of what this engine makes. Those of ECS stand beside them, since
// tools (log shippers, cadvisor) read those.
const (
	labelPrefix    = "dev.slipway."
	labelEngine    = labelPrefix + "engine"
	labelTask      = labelPrefix + "task"      // the task's id
	labelIdentity  = labelPrefix + "identity"  // Identity, as JSON
	labelContainer = labelPrefix + "container" // the container's name
	labelFacts     = labelPrefix + "facts"     // facts, as JSON
	labelRole      = labelPrefix + "role"      // rolePause, roleNetwork …

	rolePause   = "pause"
	roleNetwork = "network"
	roleAddress = "address"
	roleVolume  = "volume"

	labelECS = "com.amazonaws.ecs."
)

// facts are what a container's labels hold beyond its identity, so that an
// engine that was started anew knows as much as the one that made it.
type facts struct {
	Image         string      `json:"image"`
	Digest        string      `json:"digest,omitempty"`
	PullStartedAt time.Time   `json:"pullStarted,omitzero"`
	PullStoppedAt time.Time   `json:"pullStopped,omitzero"`
	NetworkMode   NetworkMode `json:"networkMode"`
	Essential     bool        `json:"essential"`
	// Checked tells that the health check is the task definition's.
	Checked   bool         `json:"checked,omitempty"`
	DependsOn []Dependency `json:"dependsOn,omitempty"`
	Restart   *Restart     `json:"restart,omitempty"`
	Ports     []Port       `json:"ports,omitempty"`
	// Foreign is the image's platform where it is not the host's.
	Foreign string `json:"foreign,omitempty"`
	// Address is the task's in awsvpc mode.
	Address netip.Addr `json:"address,omitzero"`
}

// labels of a container; those of the user never win over them.
func (r *Runtime) labels(id Identity, container string, f facts, user map[string]string) map[string]string {
	l := maps.Clone(user)
	if l == nil {
		l = map[string]string{}
	}
	l[labelEngine] = r.opt.Engine
	l[labelTask] = id.ID
	l[labelIdentity] = encode(id)
	l[labelContainer] = container
	l[labelFacts] = encode(f)
	l[labelECS+"cluster"] = id.Cluster
	l[labelECS+"container-name"] = container
	l[labelECS+"task-arn"] = id.ARN
	l[labelECS+"task-definition-family"] = id.Family
	l[labelECS+"task-definition-version"] = id.Revision
	return l
}

// identify reads back what labels has written.
func identify(labels map[string]string) (id Identity, container string, f facts) {
	// Labels that are not ours in shape leave zero values: the container is
	// then listed under its task id alone, and can still be removed.
	_ = json.Unmarshal([]byte(labels[labelIdentity]), &id)
	_ = json.Unmarshal([]byte(labels[labelFacts]), &f)
	id.ID = labels[labelTask]
	return id, labels[labelContainer], f
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("encoding a label: " + err.Error()) // plain structs always encode
	}
	return string(data)
}

// containerName is the name that the ECS agent would choose,
// ecs-family-revision-container-<hex>, but the same each time for a container
// of a task, so that the daemon itself refuses a second one.
func (r *Runtime) containerName(id Identity, container string) string {
	sum := sha256.Sum256([]byte(r.opt.Engine + "\x00" + id.ID + "\x00" + container))
	return strings.Join([]string{"ecs", id.Family, id.Revision, container, hex.EncodeToString(sum[:10])}, "-")
}

// volumeName is the daemon's name for a task's own volume.
func (r *Runtime) volumeName(id Identity, volume string) string {
	return r.containerName(id, "volume-"+volume)
}

func itoa(n int) string { return strconv.Itoa(n) }

// bears tells whether labels, "name=value", are all among what something has.
func bears(has map[string]string, labels []string) bool {
	for _, l := range labels {
		name, value, _ := strings.Cut(l, "=")
		if has[name] != value {
			return false
		}
	}
	return true
}
