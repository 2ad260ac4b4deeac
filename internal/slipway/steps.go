package slipway

import "time"

// Action is what a step does to its resource.
type Action string

// The actions.
const (
	Keep    Action = "keep"
	Create  Action = "create"
	Change  Action = "change"
	Replace Action = "replace"
	Remove  Action = "remove"
)

// Difference is one setting that is not as the file wants it.
type Difference struct {
	Field, Have, Want string
	// Key is what the file calls it: "service.paths"; "" is nothing that a file says.
	Key string
	// At is where the file says so; zero for a default.
	At Position
	// Drift tells that somebody changed what Slipway had set.
	Drift bool
}

// Step is one resource, and what has to be done about it.
type Step struct {
	Resource
	Action      Action
	Differences []Difference
	// Why says it where no difference of settings does.
	Why string `json:",omitempty"`
}

// Plan is everything that a run would do.
type Plan struct {
	Environment string
	Steps       []Step
	// Budgets are each service's, in the file's order.
	Budgets []Budget
	Rooms   []Room
	// Notes are what a person should know and no step changes: deviations of
	// adopted resources, quotas that come near.
	Notes []string
}

// Count is how many steps have the action.
func (p *Plan) Count(a Action) (n int) {
	for _, s := range p.Steps {
		if s.Action == a {
			n++
		}
	}
	return n
}

// Budget is the longest that a deploy of a service should take, by its parts.
type Budget struct {
	Service                          string
	Rounds                           int
	Start, Health, Drain, Stop, Rest time.Duration
	// Gap tells that all old tasks may be stopped before a new one serves.
	Gap bool
}

// Total is the sum over all rounds.
func (b Budget) Total() time.Duration {
	return time.Duration(max(b.Rounds, 1))*(b.Start+b.Health) + b.Drain + b.Stop + b.Rest
}

// Room is whether the cluster has place for a deploy's new tasks.
type Room struct {
	Service string
	// Tasks is how many further ones run at the same time as the old.
	Tasks int
	// Memory is MiB and CPU units, of one task.
	Memory, CPU int
	Port        int // a fixed host port, or 0
	Fits        bool
	// Instances are what there is, the roomiest first.
	Instances []InstanceRoom
	// Grows tells that the cluster adds instances by itself.
	Grows bool
}

// InstanceRoom is what a container instance has left.
type InstanceRoom struct {
	ID, Type              string
	FreeMemory, FreeCPU   int
	TotalMemory, TotalCPU int
	Ports                 []int
	Zone                  string
	Tasks                 int
	Connected, Draining   bool
}

// Event is one thing that happened during a run, for a terminal, a log or a
// program that reads --json.
type Event struct {
	Time  time.Time `json:"time"`
	Phase string    `json:"phase"`
	// Step is the resource's ID, or what is being done.
	Step string `json:"step,omitempty"`
	// State is "started", "progress", "done", "kept", "failed" or "note".
	State   State         `json:"state"`
	Text    string        `json:"text,omitempty"`
	Elapsed time.Duration `json:"elapsed,omitempty"` // of the step, nanoseconds
	Budget  time.Duration `json:"budget,omitempty"`  // what the step may take
}

// State is where a step stands.
type State string

// The states of a step.
const (
	Started State = "started"
	Working State = "progress"
	Done    State = "done"
	Kept    State = "kept"
	Failed  State = "failed"
	Note    State = "note"
)

// Sink takes events; it is called from several goroutines.
type Sink func(Event)
