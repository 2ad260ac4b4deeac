// Package agents does what the ECS agents on EC2 instances do when instances
// come and go: an instance that runs, whose user data names a cluster and whose
// profile lets it, joins that cluster as a container instance with what its type
// has; one that stops is disconnected, and one that is terminated takes its tasks
// with it. What the agent does for tasks is package scheduler's.
//
// The engine runs its loop.
package agents

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	ec2api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Controller is the loop's state.
type Controller struct {
	env *operation.Env
	// provider is the capacity provider of the Auto Scaling group that an instance
	// belongs to, "" for none.
	provider func(tx *state.Tx, scope state.Scope, instance string) string
}

// New is a controller.
func New(env *operation.Env, provider func(tx *state.Tx, scope state.Scope, instance string) string) *Controller {
	return &Controller{env, provider}
}

// Run follows instances and clusters until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	watch := c.env.Store.Watch(ec2.Instances, ecs.Clusters)
	defer watch.Close()
	for {
		if err := c.pass(); err != nil {
			return err
		}
		if _, err := watch.Next(ctx); err != nil {
			return err
		}
	}
}

// pass brings the container instances in step with EC2's.
func (c *Controller) pass() error {
	tx := c.env.Store.View()
	for scope, i := range ec2.Instances.Everywhere(tx) {
		if c.plan(tx, scope, i) == nothing {
			continue
		}
		err := c.env.Store.Update(func(tx *state.Tx) error {
			if now, ok := ec2.Instances.Get(tx, scope, i.ID); ok {
				c.do(tx, scope, now, c.plan(tx, scope, now))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deed is what an instance's agent has to do.
type deed int

const (
	nothing deed = iota
	join
	connect
	disconnect
	leave
)

// plan decides from the instance and its container instance, if it is one.
func (c *Controller) plan(tx *state.Tx, scope state.Scope, i *ec2.Instance) deed {
	row, joined := ecs.InstanceByEC2.One(tx, scope, i.ID)
	joined = joined && row.Status != ecs.Inactive
	switch i.State {
	case ec2api.InstanceStateNameRunning:
		switch {
		case joined && !row.Connected:
			return connect
		case !joined && c.mayJoin(tx, scope, i):
			return join
		}
	case ec2api.InstanceStateNameTerminated, ec2api.InstanceStateNameShuttingDown:
		if joined {
			return leave
		}
	default:
		if joined && row.Connected {
			return disconnect
		}
	}
	return nothing
}

// mayJoin tells whether the instance's user data names an ACTIVE cluster and its
// profile has a role.
func (c *Controller) mayJoin(tx *state.Tx, scope state.Scope, i *ec2.Instance) bool {
	name, ok := clusterOf(i.UserData)
	if !ok || i.Role(tx, scope) == "" {
		return false
	}
	cluster, ok := ecs.Clusters.Get(tx, scope, name)
	return ok && cluster.Status == ecs.Active
}

var clusterLine = lazyregexp.New(`(?m)ECS_CLUSTER=["']?([A-Za-z0-9_-]{1,255})`)

// clusterOf is the cluster that user data puts into /etc/ecs/ecs.config. Without
// user data for the agent an ECS-optimized image joins "default"; here only what is
// asked for happens.
func clusterOf(userData string) (string, bool) {
	text, err := base64.StdEncoding.DecodeString(userData)
	if err != nil {
		return "", false
	}
	all := clusterLine.FindAllStringSubmatch(string(text), -1)
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1][1], true
}

func (c *Controller) do(tx *state.Tx, scope state.Scope, i *ec2.Instance, what deed) {
	now := c.env.Now()
	if what == join {
		cluster, _ := clusterOf(i.UserData)
		ecs.Join(tx, scope, c.containerInstance(tx, scope, cluster, i, now))
		return
	}
	row, ok := ecs.InstanceByEC2.One(tx, scope, i.ID)
	if !ok || what == nothing {
		return
	}
	changed := *row
	switch what {
	case connect:
		changed.Connected = true
	case disconnect:
		changed.Connected = false
		if i.State == ec2api.InstanceStateNameStopped || i.State == ec2api.InstanceStateNameStopping {
			ecs.Lost(tx, scope, row, api.TaskStopCodeTerminationNotice, fmt.Sprintf("Host EC2 (instance %s) stopped.", i.ID), now)
		}
	case leave:
		ecs.Leave(tx, scope, row, api.TaskStopCodeTerminationNotice, fmt.Sprintf("Host EC2 (instance %s) terminated.", i.ID), now)
		return
	}
	ecs.PutInstance(tx, scope, &changed)
}

// containerInstance is what the agent registers.
func (c *Controller) containerInstance(tx *state.Tx, scope state.Scope, cluster string, i *ec2.Instance, now time.Time) *ecs.Instance {
	kind, _ := catalog.InstanceTypeOf(i.Type)
	attributes := []api.Attribute{
		{Name: new("ecs.ami-id"), Value: new(i.Image)},
		{Name: new("ecs.availability-zone"), Value: new(i.Zone)},
		{Name: new("ecs.instance-type"), Value: new(i.Type)},
		{Name: new("ecs.os-type"), Value: new("linux")},
		{Name: new("ecs.os-family"), Value: new("LINUX")},
		{Name: new("ecs.cpu-architecture"), Value: new(i.Arch)},
		{Name: new("ecs.vpc-id"), Value: new(i.VPC)},
		{Name: new("ecs.subnet-id"), Value: new(i.Subnet)},
	}
	attributes = append(attributes, ecs.Capabilities()...)
	return &ecs.Instance{
		Cluster: cluster, EC2: i.ID, Provider: c.provider(tx, scope, i.ID), Attributes: attributes, Connected: true, RegisteredAt: now,
		Has:      Registers(kind),
		Software: &api.VersionInfo{AgentVersion: new(catalog.AgentVersion), AgentHash: new("slipway"), DockerVersion: new("DockerVersion: 25.0.8")},
	}
}

// Registers is what the agent on an instance of a type registers: its vCPUs, its
// memory without what the kernel keeps, and an interface for each awsvpc task but
// for the instance's own ("Amazon ECS task networking", without trunking).
func Registers(kind catalog.InstanceType) ecs.Resources {
	has := ecs.Resources{CPU: kind.VCPUs * 1024, Memory: usable(kind.Memory), ENI: max(0, kind.Interfaces-1), TCP: ecs.OwnPorts}
	if kind.Name == catalog.Host {
		has.ENI = 0 // as many as there are tasks
	}
	return has
}

// usable is the memory that an instance registers of what its type has: the
// kernel keeps some. Published are 7,985 MiB of an m4.large's 8,192; a t3.small's 1,944
// of 2,048 is what users report.
func usable(memory int) int { return memory - 70 - memory/60 }
