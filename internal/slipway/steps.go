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
	Field string `json:"field"`
	Have  string `json:"have"`
	Want  string `json:"want"`
	// Key is what the file calls it: "service.paths"; "" is nothing that a file says.
	Key string `json:"key,omitempty"`
	// At is where the file says so; zero for a default.
	At Position `json:"at,omitzero"`
	// Drift tells that somebody changed what Slipway had set.
	Drift bool `json:"drift,omitempty"`
}

// Step is one resource, and what has to be done about it.
type Step struct {
	Resource
	Action      Action       `json:"action"`
	Differences []Difference `json:"differences,omitempty"`
	// Why says it where no difference of settings does.
	Why string `json:"why,omitempty"`
}

// Plan is everything that a run would do.
type Plan struct {
	Environment string `json:"environment"`
	Steps       []Step `json:"steps"`
	// Budgets are each service's, in the file's order.
	Budgets []Budget `json:"budgets,omitempty"`
	Rooms   []Room   `json:"rooms,omitempty"`
	// Notes are what a person should know and no step changes: deviations of
	// adopted resources, quotas that come near.
	Notes []string `json:"notes,omitempty"`
	// Tag is the release that it was looked at for; "" where nothing runs yet.
	Tag string `json:"tag,omitempty"`
	// Calls is how many API calls it took to see all this.
	Calls int `json:"calls,omitempty"`
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
	Service string        `json:"service"`
	Rounds  int           `json:"rounds"`
	Start   time.Duration `json:"start"` // nanoseconds, as all of them
	Health  time.Duration `json:"health"`
	Drain   time.Duration `json:"drain"`
	Stop    time.Duration `json:"stop"`
	// Gap tells that all old tasks may be stopped before a new one serves.
	Gap bool `json:"gap,omitempty"`
}

// Total is the sum over all rounds.
func (b Budget) Total() time.Duration {
	return time.Duration(max(b.Rounds, 1))*(b.Start+b.Health) + b.Drain + b.Stop
}

// Room is whether the cluster has place for a deploy's new tasks.
type Room struct {
	Service string `json:"service"`
	// Tasks is how many further ones run at the same time as the old.
	Tasks int `json:"tasks"`
	// Memory is one task's, in MiB, and CPU its units.
	Memory int  `json:"memory"`
	CPU    int  `json:"cpu"`
	Port   int  `json:"port,omitempty"` // a fixed host port, or 0
	Fits   bool `json:"fits"`
	// Instances are what there is, the roomiest first.
	Instances []InstanceRoom `json:"instances,omitempty"`
	// Grows tells that the cluster adds instances by itself.
	Grows bool `json:"grows,omitempty"`
}

// InstanceRoom is what a container instance has left.
type InstanceRoom struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	FreeMemory  int    `json:"freeMemory"`
	FreeCPU     int    `json:"freeCPU"`
	TotalMemory int    `json:"totalMemory"`
	TotalCPU    int    `json:"totalCPU"`
	Ports       []int  `json:"ports,omitempty"`
	Zone        string `json:"zone"`
	Tasks       int    `json:"tasks"`
	Connected   bool   `json:"connected"`
	Draining    bool   `json:"draining,omitempty"`
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
