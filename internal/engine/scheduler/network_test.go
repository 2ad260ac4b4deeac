package scheduler

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/reach"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// A container is dialled at its own address while it runs; one that was started
// again at another address and host port is still reached by the port that its
// target was registered with.
func TestTheWayToAContainerFollowsIt(t *testing.T) {
	store := state.InMemory(slices.Concat(ecs.Tables, reach.Tables)...)
	t.Cleanup(func() { store.Close() })
	id := docker.Identity{ID: "1", Cluster: "c", Account: home.Account, Region: home.Region}
	tell := func(own bool, phase docker.Phase, address string, hostPort uint16) {
		t.Helper()
		err := store.Update(func(tx *state.Tx) error {
			ecs.Tasks.Put(tx, home, &ecs.Task{Cluster: "c", ID: "1", Last: ecs.Running})
			route(tx, docker.Event{Identity: id, Container: docker.ContainerStatus{
				Name: "web", Phase: phase, Address: netip.MustParseAddr(address),
				Bindings: []docker.Binding{{Host: netip.MustParseAddr("127.0.0.1"), HostPort: hostPort, ContainerPort: 8000, Proto: "tcp"}},
			}}, own)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(hostPort int, address string) {
		t.Helper()
		if got, _ := reach.Dial(store.View(), home, reach.HostPort(hostPort), hostPort); got != address {
			t.Errorf("port %d leads to %q, not %q", hostPort, got, address)
		}
	}
	tell(false, docker.Running, "172.17.0.5", 32768)
	want(32768, "") // no route to it: the host's port serves
	tell(true, docker.Running, "172.17.0.5", 32768)
	want(32768, "172.17.0.5:8000")
	tell(true, docker.Running, "172.17.0.6", 32770)
	want(32768, "172.17.0.6:8000")
	want(32770, "172.17.0.6:8000")
	tell(true, docker.Stopped, "172.17.0.6", 32770)
	want(32768, "")
	want(32770, "")
}

func TestARangeOfPortsIsOneBinding(t *testing.T) {
	seen := docker.ContainerStatus{Ranges: []docker.Port{{Container: 90, Last: 92, Proto: "tcp"}}, Bindings: []docker.Binding{
		{HostPort: 32768, ContainerPort: 80, Proto: "tcp"}, {HostPort: 40001, ContainerPort: 90, Proto: "tcp"}, {HostPort: 40002, ContainerPort: 91, Proto: "tcp"},
		{HostPort: 32769, ContainerPort: 91, Proto: "udp"}, {HostPort: 40003, ContainerPort: 92, Proto: "tcp"},
	}}
	want := []api.NetworkBinding{
		{ContainerPortRange: new("90-92"), HostPortRange: new("40001-40003"), Protocol: "tcp", BindIP: new("0.0.0.0")},
		{ContainerPort: new(80), HostPort: new(32768), Protocol: "tcp", BindIP: new("0.0.0.0")},
		{ContainerPort: new(91), HostPort: new(32769), Protocol: "udp", BindIP: new("0.0.0.0")},
	}
	if diff := cmp.Diff(want, networkBindings(seen)); diff != "" {
		t.Error(diff)
	}
}
