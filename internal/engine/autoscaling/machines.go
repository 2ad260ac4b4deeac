package autoscaling

import (
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Machines is what Auto Scaling needs of EC2. Package engine fills it.
type Machines interface {
	// Subnet is a subnet's zone.
	Subnet(tx *state.Tx, scope state.Scope, id string) (zone string, ok bool)
	// ZoneSubnet is the default subnet of a zone; known tells whether the
	// region has the zone at all. It is called in an Update only.
	ZoneSubnet(tx *state.Tx, scope state.Scope, zone string) (subnet string, known bool)
	// Template is a version of a launch template, found by its id or, when that
	// is empty, by its name. The version is a number, $Latest or $Default; empty
	// is $Default. The error is EC2's.
	Template(tx *state.Tx, scope state.Scope, id, name, version string) (Template, error)
	// Launch starts one instance; on an error, which is EC2's, nothing is
	// written.
	Launch(tx *state.Tx, scope state.Scope, l Launch) (id string, err error)
	// Terminate ends an instance, whatever protects it from users; one that has
	// ended stays as it is.
	Terminate(tx *state.Tx, scope state.Scope, id string, now time.Time)
	// Machine is an instance; false when EC2 does not know it (any more).
	Machine(tx *state.Tx, scope state.Scope, id string) (Machine, bool)
	// Tables are those to watch for changes of instances.
	Tables() []state.AnyTable
}

// Template is what Auto Scaling needs of a version of a launch template.
type Template struct {
	ID, Name string
	// Version is the number.
	Version string
	// Type and Image are empty when the template leaves them open.
	Type, Image string
	// Role is the ARN of the role in the template's instance profile.
	Role string
}

// Launch asks for one instance.
type Launch struct {
	Template, Version string
	// Type is instead of the template's, unless empty.
	Type   string
	Subnet string
	Zone   string
	Tags   map[string]string
	Now    time.Time
}

// Machine is an instance as EC2 has it.
type Machine struct {
	ID, Type, Image, Zone, Subnet string
	// State is EC2's name of it: pending, running, shutting-down, terminated,
	// stopping, stopped.
	State string
}
