// Package reach is where containers really are: for an address at which AWS
// would reach one, the address at which this machine does. It is the one place
// that knows both.
//
// Two kinds stand in it. A task in awsvpc mode is shown with an address of its
// subnet, and has one on the daemon's network. A port of a container is bound to
// a port of the host, behind which Docker copies every byte in a process; the
// container's own port does without, where the host has a route to it.
//
// The scheduler writes as it observes containers, traffic reads.
package reach

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Way is one way to a container.
type Way struct {
	// From is where AWS would reach it: Interface or HostPort.
	From string
	// Task is the task's key and Container the container's name; "" for a way to
	// all of the task.
	Task, Container string
	// Address is the real one.
	Address netip.Addr
	// Port is the container's; 0 leaves every port as it is.
	Port int `json:",omitzero"`
}

// Ways are all of them.
var Ways = state.NewTable("reach.way", func(w *Way) string { return w.From })

// ByTask is by the task's key.
var ByTask = state.NewIndex(Ways, func(w *Way) []string { return []string{w.Task} })

// Tables are all of the package's.
var Tables = []state.AnyTable{Ways}

// Interface is the address of a network interface, which is unique in its VPC
// only.
func Interface(vpc, address string) string { return vpc + " " + address }

// HostPort is a port of this machine, whichever instance's it is.
func HostPort(port int) string { return "host " + strconv.Itoa(port) }

// Dial is host:port at which a target is reached that stands under a name from
// Interface or HostPort; ok is false where nothing else is known.
func Dial(tx *state.Tx, scope state.Scope, from string, port int) (address string, ok bool) {
	w, ok := Ways.Get(tx, scope, from)
	if !ok {
		return "", false
	}
	if w.Port != 0 {
		port = w.Port
	}
	return net.JoinHostPort(w.Address.String(), strconv.Itoa(port)), true
}

// Forget takes away the ways to a task, or to one of its containers where one is
// named.
func Forget(tx *state.Tx, scope state.Scope, task, container string) {
	var gone []string
	for w := range ByTask.Get(tx, scope, task) {
		if container == "" || w.Container == container {
			gone = append(gone, w.From)
		}
	}
	for _, from := range gone {
		Ways.Delete(tx, scope, from)
	}
}

// Moved notes that a container has another address: one that its restart policy
// has started again.
func Moved(tx *state.Tx, scope state.Scope, task, container string, to netip.Addr) {
	var old []*Way
	for w := range ByTask.Get(tx, scope, task) {
		if w.Container == container && w.Address != to {
			old = append(old, w)
		}
	}
	for _, w := range old {
		n := *w
		n.Address = to
		Ways.Put(tx, scope, &n)
	}
}
