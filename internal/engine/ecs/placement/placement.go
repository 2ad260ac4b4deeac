// Package placement chooses the container instances that tasks run on: it knows
// attributes, constraints and their expression language, strategies, and the
// arithmetic of CPU, memory, GPUs and host ports.
//
// It is pure: a [Fleet] of instances and a [Request] go in, instances or the
// reasons of their refusal come out. It starts nothing and stores nothing. The
// parent package keeps a Fleet for each cluster in step with the state; the
// service scheduler, RunTask and StartTask ask it there.
//
// The rules are those of the ECS developer guide's pages on task placement
// strategies, task placement constraints and the cluster query language.
package placement

import "time"

// Instance is one container instance as placement sees it. Its maps are not
// modified.
type Instance struct {
	ID string
	// Open instances take new tasks: they are ACTIVE.
	Open bool
	// Connected is the agent's.
	Connected bool
	// Provider is its capacity provider's name.
	Provider   string
	Attributes map[string]string
	// Free is what no task takes; Ports those that are taken.
	Free  Amount
	Ports Ports
	// Groups counts the tasks on it by task group, those not asked to stop.
	Groups map[string]int
	// These are what expressions may name.
	EC2, Agent   string
	Running      int
	RegisteredAt time.Time
}

// Amount is CPU units, MiB of memory, GPUs and network interfaces.
type Amount struct{ CPU, Memory, GPU, ENI int }

// Ports are host ports.
type Ports struct{ TCP, UDP []int }

// MostPorts is how many host ports of an instance may be taken at once (TCP and
// UDP, the instance's own included).
const MostPorts = 100

// Request is what one or more like tasks want of their instances.
type Request struct {
	// Count is how many tasks.
	Count int
	Needs Amount
	Ports Ports
	// Group is the tasks' group: spread and distinctInstance count its tasks.
	Group string
	// Provider limits the choice to a capacity provider's instances.
	Provider string
	// Attributes must be there, with the value where there is one.
	Attributes []Attribute
	// Distinct allows one task of the group on an instance.
	Distinct bool
	// Only are expressions that must be true of the instance.
	Only []*Expression
	// Strategy is applied in order; none is random.
	Strategy []Strategy
	// Seed makes the random choice.
	Seed uint64
}

// Attribute is a name, and the value where one is asked for.
type Attribute struct{ Name, Value string }

// Strategy is one placement strategy.
type Strategy struct {
	Type StrategyType
	// Attribute is what a spread goes by, "" for the instances themselves.
	Attribute string
}

// StrategyType is how instances are preferred.
type StrategyType int

// The strategies.
const (
	Random StrategyType = iota
	Spread
	BinpackCPU
	BinpackMemory
)

// Zone is the attribute of an instance's availability zone.
const Zone = "ecs.availability-zone"

// Default is a service's strategy when it names none: by zone, then the
// instance with the fewest tasks of the service.
var Default = []Strategy{{Type: Spread, Attribute: Zone}, {Type: Spread}}

// Result is where the tasks go.
type Result struct {
	// Instances has one id for each task that found a place.
	Instances []string
	// Missing is how many found none.
	Missing int
	// Refusals says for every instance why it takes no further task. It is empty
	// when none is missing.
	Refusals []Refusal
}

// Refusal is why an instance does not take a task.
type Refusal struct {
	Instance string
	Why      Why
	// lack is how much is missing, as a share of what is needed.
	lack float64
}

// Why is the first thing that an instance fails, the worst first.
type Why int

// The reasons. Those that come later are closer to a match.
const (
	Fits Why = iota
	Closed
	WrongProvider
	MissingAttribute
	NotMember
	NotDistinct
	NoAgent
	NoGPU
	NoCPU
	NoMemory
	NoENI
	PortTaken
)

// Reason is the word for it in failures[] of RunTask and StartTask (developer
// guide, API failure reasons).
func (w Why) Reason() string { return reasons[w].failure }

// Phrase is how the service's event says it of the closest instance.
func (w Why) Phrase() string { return reasons[w].phrase }

var reasons = map[Why]struct{ failure, phrase string }{
	Closed:           {"INACTIVE", `encountered error "INACTIVE"`},
	WrongProvider:    {"ATTRIBUTE", `is missing an attribute required by your task`},
	MissingAttribute: {"ATTRIBUTE", `is missing an attribute required by your task`},
	NotMember:        {"MemberOf placement constraint unsatisfied.", `encountered error "MemberOf placement constraint unsatisfied."`},
	NotDistinct:      {"DistinctInstance placement constraint unsatisfied.", `encountered error "DistinctInstance placement constraint unsatisfied."`},
	NoAgent:          {"AGENT", `doesn't have the agent connected`},
	NoGPU:            {"RESOURCE:GPU", `has insufficient GPU resource available`},
	NoCPU:            {"RESOURCE:CPU", `has insufficient CPU units available`},
	NoMemory:         {"RESOURCE:MEMORY", `has insufficient memory available`},
	NoENI:            {"RESOURCE:ENI", `encountered error "RESOURCE:ENI"`},
	PortTaken:        {"RESOURCE:PORTS", `is already using a port required by your task`},
}

// Closest is the refusal that came closest to a match: that of the instance that
// failed last, and of those the one that lacks least.
func (r Result) Closest() (Refusal, bool) {
	var best Refusal
	for _, f := range r.Refusals {
		if best.Instance == "" || f.Why > best.Why || f.Why == best.Why && f.lack < best.lack {
			best = f
		}
	}
	return best, best.Instance != ""
}
