package ecs

import (
	"cmp"
	"maps"
	"slices"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Tally counts tasks by last status, of a cluster's launch type or of a
// deployment. Only PutTask writes it, so the counts and the tasks always agree,
// and nobody has to count.
type Tally struct {
	Key              string
	Running, Pending int
}

// Tallies are the tallies by what they count.
var Tallies = state.NewTable("ecs.tally", func(t *Tally) string { return t.Key })

// DeploymentTally is the counts of a deployment's tasks.
func DeploymentTally(tx *state.Tx, scope state.Scope, id string) Tally {
	return tallyOf(tx, scope, deploymentTally(id))
}

// ServiceTally is the counts of all of a service's deployments.
func ServiceTally(tx *state.Tx, scope state.Scope, s *ServiceRow) (sum Tally) {
	for _, d := range s.Deployments {
		t := DeploymentTally(tx, scope, d.ID)
		sum.Running += t.Running
		sum.Pending += t.Pending
	}
	return sum
}

// ClusterTally is the counts of a cluster's tasks of a launch type.
func ClusterTally(tx *state.Tx, scope state.Scope, cluster string, launch api.LaunchType) Tally {
	return tallyOf(tx, scope, clusterTally(cluster, launch))
}

func deploymentTally(id string) string { return "deployment/" + id }

func clusterTally(cluster string, launch api.LaunchType) string {
	return "cluster/" + key(cluster, string(launch))
}

func tallyOf(tx *state.Tx, scope state.Scope, key string) Tally {
	if t, ok := Tallies.Get(tx, scope, key); ok {
		return *t
	}
	return Tally{Key: key}
}

// Lingering times. A stopped task is described for at least an hour; how long
// inactive clusters and services are is not published.
const (
	TaskLingers    = time.Hour
	ServiceLingers = 24 * time.Hour
	ClusterLingers = 24 * time.Hour
	TokenLingers   = 24 * time.Hour
)

// PutTask puts the task with its version counted up, and with it what the task
// takes of its instance and the tallies. It is the only door to the table.
func PutTask(tx *state.Tx, scope state.Scope, t *Task) {
	c := *t
	old, _ := Tasks.Get(tx, scope, c.Key())
	c.Version++
	Tasks.Put(tx, scope, &c)
	account(tx, scope, old, &c)
	if c.Last == Stopped && (old == nil || old.Last != Stopped) {
		depart(tx, scope, cmp.Or(c.StoppedAt, c.CreatedAt).Add(TaskLingers), Tasks, c.Key())
	}
}

// ChangeTask puts the task under the key after change has worked on a copy; it
// puts nothing when change answers false.
func ChangeTask(tx *state.Tx, scope state.Scope, key string, change func(*Task) bool) bool {
	old, ok := Tasks.Get(tx, scope, key)
	if !ok {
		return false
	}
	c := old.Clone()
	if !change(c) {
		return false
	}
	PutTask(tx, scope, c)
	return true
}

// weight is what one task adds to the counts.
type weight struct {
	running, pending int
	wanted           bool // desired RUNNING
	holds            bool // takes its resources
}

func weigh(t *Task) (w weight) {
	if t == nil {
		return w
	}
	w.running, w.pending = t.Last.Counts()
	w.wanted = t.Desired == Running
	w.holds = t.Last != Stopped
	return w
}

func account(tx *state.Tx, scope state.Scope, old, now *Task) {
	was, is := weigh(old), weigh(now)
	if running, pending := is.running-was.running, is.pending-was.pending; running != 0 || pending != 0 {
		count(tx, scope, clusterTally(now.Cluster, now.LaunchType), running, pending)
		if now.Service != "" {
			count(tx, scope, deploymentTally(now.StartedBy), running, pending)
		}
	}
	if now.Instance == "" || !Instances.Has(tx, scope, key(now.Cluster, now.Instance)) {
		return
	}
	if old != nil && old.Instance == "" {
		was = weight{} // it was nowhere
	}
	if was != is {
		use(tx, scope, now, was, is)
	}
}

func count(tx *state.Tx, scope state.Scope, key string, running, pending int) {
	t := tallyOf(tx, scope, key)
	t.Running += running
	t.Pending += pending
	if t.Running == 0 && t.Pending == 0 {
		Tallies.Delete(tx, scope, key)
		return
	}
	Tallies.Put(tx, scope, &t)
}

// use brings the instance's usage from what the task was to what it is.
func use(tx *state.Tx, scope state.Scope, t *Task, was, is weight) {
	u := Usage{Cluster: t.Cluster, ID: t.Instance}
	if old, ok := Usages.Get(tx, scope, key(t.Cluster, t.Instance)); ok {
		u = *old
	}
	u.Changes++
	u.Running += is.running - was.running
	u.Pending += is.pending - was.pending
	switch {
	case is.holds && !was.holds:
		u.Taken = u.Taken.plus(t.Needs)
	case was.holds && !is.holds:
		u.Taken = u.Taken.minus(t.Needs)
	}
	if is.wanted != was.wanted {
		u.Groups = maps.Clone(u.Groups)
		if u.Groups == nil {
			u.Groups = map[string]int{}
		}
		if is.wanted {
			u.Groups[t.Group]++
		} else if u.Groups[t.Group]--; u.Groups[t.Group] <= 0 {
			delete(u.Groups, t.Group)
		}
	}
	Usages.Put(tx, scope, &u)
}

func (r Resources) plus(o Resources) Resources {
	r.CPU, r.Memory, r.GPU, r.ENI = r.CPU+o.CPU, r.Memory+o.Memory, r.GPU+o.GPU, r.ENI+o.ENI
	r.TCP, r.UDP = withPorts(r.TCP, o.TCP), withPorts(r.UDP, o.UDP)
	return r
}

func (r Resources) minus(o Resources) Resources {
	r.CPU, r.Memory, r.GPU, r.ENI = r.CPU-o.CPU, r.Memory-o.Memory, r.GPU-o.GPU, r.ENI-o.ENI
	r.TCP, r.UDP = withoutPorts(r.TCP, o.TCP), withoutPorts(r.UDP, o.UDP)
	return r
}

func withPorts(ports, more []int) []int {
	if len(more) == 0 {
		return ports
	}
	all := append(slices.Clone(ports), more...)
	slices.Sort(all)
	return all
}

func withoutPorts(ports, fewer []int) []int {
	if len(fewer) == 0 {
		return ports
	}
	all := slices.Clone(ports)
	for _, p := range fewer {
		if i := slices.Index(all, p); i >= 0 {
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}
