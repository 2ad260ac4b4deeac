package ecs

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Placer chooses the container instances of tasks. RunTask and the service
// scheduler ask the same one.
type Placer interface {
	// Place chooses instances of the cluster for the request's tasks, as the
	// transaction sees them. It puts nothing: the caller puts the tasks in the same
	// Update, before it asks again.
	Place(tx *state.Tx, scope state.Scope, cluster string, want *placement.Request) placement.Result
	// Check tells why each of the instances does not take one task, or
	// placement.Fits.
	Check(tx *state.Tx, scope state.Scope, cluster string, instances []string, want *placement.Request) []placement.Why
	// Eligible are the instances that fulfil the request's constraints, whether or
	// not they have room.
	Eligible(tx *state.Tx, scope state.Scope, cluster string, want *placement.Request) []string
}

// NewPlacer is the Placer over this package's tables. It keeps a fleet for each
// cluster and brings it in step with the transaction before it answers: that
// compares two pointers for each instance and costs 10,000 instances half a
// millisecond, so the scheduler asks for all tasks of a service at once.
func NewPlacer() Placer { return &fleets{all: map[fleetKey]*mirror{}} }

type fleetKey struct {
	scope   state.Scope
	cluster string
}

type fleets struct {
	mu  sync.Mutex
	all map[fleetKey]*mirror
}

// mirror is a fleet and the rows that it was made of, in the order of their ids.
type mirror struct {
	fleet  *placement.Fleet
	rows   []mirrored
	usages []*Usage // reused
}

type mirrored struct {
	id       string
	instance *Instance
	usage    *Usage
}

func (f *fleets) Place(tx *state.Tx, scope state.Scope, cluster string, want *placement.Request) placement.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.in(tx, scope, cluster)
	got := m.fleet.Place(want)
	for _, id := range got.Instances {
		m.ahead(id)
	}
	return got
}

func (f *fleets) Check(tx *state.Tx, scope state.Scope, cluster string, instances []string, want *placement.Request) []placement.Why {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.in(tx, scope, cluster)
	whys := make([]placement.Why, len(instances))
	for i, id := range instances {
		whys[i] = m.fleet.Check(id, want)
	}
	return whys
}

func (f *fleets) Eligible(tx *state.Tx, scope state.Scope, cluster string, want *placement.Request) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.in(tx, scope, cluster).fleet.Eligible(want)
}

// in is the cluster's fleet, in step with the transaction.
func (f *fleets) in(tx *state.Tx, scope state.Scope, cluster string) *mirror {
	k := fleetKey{scope, cluster}
	m := f.all[k]
	if m == nil {
		m = &mirror{fleet: placement.NewFleet()}
		f.all[k] = m
	}
	m.sync(tx, scope, cluster)
	return m
}

// ahead notes that the fleet has what no row has yet, or never will.
func (m *mirror) ahead(id string) {
	at, _ := slices.BinarySearchFunc(m.rows, id, func(r mirrored, id string) int { return strings.Compare(r.id, id) })
	m.rows[at].instance = nil
}

// sync walks through three lists at once, all in the order of their ids: the
// instances, their usages and what was seen of both the last time.
func (m *mirror) sync(tx *state.Tx, scope state.Scope, cluster string) {
	m.usages = slices.AppendSeq(m.usages[:0], Usages.Prefix(tx, scope, cluster+"/"))
	old, usages := m.rows, m.usages
	rows := make([]mirrored, 0, len(old))
	for i := range Instances.Prefix(tx, scope, cluster+"/") {
		if i.Status == Inactive {
			continue
		}
		var r mirrored
		for len(old) > 0 && old[0].id <= i.ID {
			if old[0].id == i.ID {
				r = old[0]
			} else {
				m.fleet.Remove(old[0].id)
			}
			old = old[1:]
		}
		var u *Usage
		for len(usages) > 0 && usages[0].ID <= i.ID {
			if usages[0].ID == i.ID {
				u = usages[0]
			}
			usages = usages[1:]
		}
		if r.instance != i || r.usage != u {
			m.fleet.Set(seen(i, u))
		}
		rows = append(rows, mirrored{i.ID, i, u})
	}
	for _, r := range old {
		m.fleet.Remove(r.id)
	}
	m.rows = rows
}

// seen is the instance as placement sees it.
func seen(i *Instance, u *Usage) *placement.Instance {
	if u == nil {
		u = &Usage{}
	}
	p := &placement.Instance{
		ID: i.ID, Open: i.Status == Active, Connected: i.Connected, Provider: i.Provider,
		Attributes: make(map[string]string, len(i.Attributes)),
		Free: placement.Amount{
			CPU: i.Has.CPU - u.Taken.CPU, Memory: i.Has.Memory - u.Taken.Memory, GPU: i.Has.GPU - u.Taken.GPU,
			ENI: freeInterfaces(i.Has.ENI, u.Taken.ENI),
		},
		Ports:  placement.Ports{TCP: withPorts(i.Has.TCP, u.Taken.TCP), UDP: withPorts(i.Has.UDP, u.Taken.UDP)},
		Groups: u.Groups, EC2: i.EC2, Running: u.Running, RegisteredAt: i.RegisteredAt,
	}
	for _, a := range i.Attributes {
		p.Attributes[awsapi.V(a.Name)] = awsapi.V(a.Value)
	}
	if i.Software != nil {
		p.Agent = awsapi.V(i.Software.AgentVersion)
	}
	return p
}

// freeInterfaces is how many tasks can still get a network interface of their own.
func freeInterfaces(has, taken int) int {
	if has == 0 {
		return math.MaxInt32
	}
	return has - taken
}
