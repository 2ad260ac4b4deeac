package ecs

import (
	"slices"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Instance is one container instance: what it is and what is wanted of it. What
// the tasks on it take is its [Usage], a row of its own, because that changes
// with every task.
type Instance struct {
	Cluster, ID string
	ARN         string
	EC2         string // the EC2 instance's id
	// Status is ACTIVE or DRAINING as asked for, REGISTERING while the instance
	// comes, INACTIVE when it was deregistered.
	Status       string
	StatusReason string `json:",omitzero"`
	Provider     string `json:",omitzero"` // the capacity provider's name
	Attributes   []api.Attribute
	Has          Resources
	// Version is the agent's and Docker's.
	Software     *api.VersionInfo `json:",omitzero"`
	Tags         tagging.Set      `json:",omitzero"`
	RegisteredAt time.Time
	// Connected is the agent's, observed.
	Connected bool
	// Changes counts the changes of this row; with the Usage's it is the
	// version that ECS shows.
	Changes int
	// Until is how long an INACTIVE one is described.
	Until time.Time `json:",omitzero"`
}

// Resources is what an instance has or a task takes: CPU units, MiB, GPUs,
// network interfaces for tasks (0 of an instance: as many as there are tasks)
// and host ports.
type Resources struct {
	CPU, Memory, GPU int
	ENI              int   `json:",omitzero"`
	TCP, UDP         []int `json:",omitzero"`
}

// Instances are the container instances under "cluster/id".
var Instances = state.NewTable("ecs.instance", func(i *Instance) string { return key(i.Cluster, i.ID) })

// InstanceByEC2 finds container instances by EC2 instance id, but for those that
// were deregistered.
var InstanceByEC2 = state.NewIndex(Instances, func(i *Instance) []string {
	if i.EC2 == "" || i.Status == Inactive {
		return nil
	}
	return []string{i.EC2}
})

// Key is the row's key.
func (i *Instance) Key() string { return key(i.Cluster, i.ID) }

// Attribute is the value of an attribute; ok is false when it has none of the name.
func (i *Instance) Attribute(name string) (value string, ok bool) {
	at, ok := slices.BinarySearchFunc(i.Attributes, name, func(a api.Attribute, n string) int { return strings.Compare(*a.Name, n) })
	if !ok {
		return "", false
	}
	if v := i.Attributes[at].Value; v != nil {
		value = *v
	}
	return value, true
}

// InstanceARN is the name of a container instance.
func InstanceARN(scope state.Scope, cluster, id string) string {
	return arn.New("ecs", scope, "container-instance/"+key(cluster, id))
}

// Usage is what the tasks on an instance take. Only PutTask writes it.
type Usage struct {
	Cluster, ID string
	Taken       Resources
	// Groups counts the tasks whose desired status is RUNNING by task group.
	Groups map[string]int `json:",omitzero"`
	// Running and Pending count tasks by last status.
	Running, Pending int
	Changes          int
}

// Usages are the instances' usages under "cluster/id".
var Usages = state.NewTable("ecs.usage", func(u *Usage) string { return key(u.Cluster, u.ID) })

// UsageOf is what the tasks on an instance take, never nil.
func UsageOf(tx *state.Tx, scope state.Scope, i *Instance) *Usage {
	if u, ok := Usages.Get(tx, scope, i.Key()); ok {
		return u
	}
	return &Usage{Cluster: i.Cluster, ID: i.ID}
}

// PutInstance puts the row and counts the change.
func PutInstance(tx *state.Tx, scope state.Scope, i *Instance) {
	c := *i
	c.Changes++
	Instances.Put(tx, scope, &c)
}
