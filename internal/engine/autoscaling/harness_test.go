package autoscaling

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// fleet is a small EC2: two subnets in two zones, one launch template with two
// versions, instances that change state when a test says so.
type fleet struct {
	launched int
	refuse   error
	tags     map[string]map[string]string
}

var fleetMachines = state.NewTable("test.machine", func(m *Machine) string { return m.ID })

func (f *fleet) Subnet(_ *state.Tx, _ state.Scope, id string) (string, bool) {
	zone, ok := map[string]string{"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b"}[id]
	return zone, ok
}

func (f *fleet) ZoneSubnet(_ *state.Tx, _ state.Scope, zone string) (string, bool) {
	subnet, ok := map[string]string{"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"}[zone]
	return subnet, ok
}

func (f *fleet) Template(_ *state.Tx, _ state.Scope, id, name, version string) (Template, error) {
	if id != "lt-1" && name != "web" {
		return Template{}, awsapi.Errorf("InvalidLaunchTemplateId.NotFound", 400, "The specified launch template, with template ID %s, does not exist.", id)
	}
	switch version {
	case "$Latest":
		version = "2"
	case "", "$Default":
		version = "1"
	}
	return Template{ID: "lt-1", Name: "web", Version: version, Type: "t3.small", Image: "ami-1", Role: "arn:aws:iam::111122223333:role/ecsInstanceRole"}, nil
}

func (f *fleet) Launch(tx *state.Tx, scope state.Scope, l Launch) (string, error) {
	if f.refuse != nil {
		return "", f.refuse
	}
	f.launched++
	id := fmt.Sprintf("i-%03d", f.launched)
	f.tags[id] = l.Tags
	fleetMachines.Put(tx, scope, &Machine{ID: id, Type: "t3.small", Image: "ami-1", Zone: l.Zone, Subnet: l.Subnet, State: "pending"})
	return id, nil
}

func (f *fleet) Terminate(tx *state.Tx, scope state.Scope, id string, _ time.Time) {
	fleetMachines.Change(tx, scope, id, func(m *Machine) { m.State = "shutting-down" })
}

func (f *fleet) Machine(tx *state.Tx, scope state.Scope, id string) (Machine, bool) {
	m, ok := fleetMachines.Get(tx, scope, id)
	if !ok {
		return Machine{}, false
	}
	return *m, true
}

func (f *fleet) Tables() []state.AnyTable { return []state.AnyTable{fleetMachines} }

// bench is the service over a fleet, with a clock that a test moves.
type bench struct {
	*Service
	t     *testing.T
	fleet *fleet
	now   time.Time
	c     *operation.Caller
}

func newBench(t *testing.T) *bench {
	t.Helper()
	tables := append(slices.Concat(Tables, elbv2.Tables), fleetMachines)
	store := state.InMemory(tables...)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, fleet: &fleet{tags: map[string]map[string]string{}}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), c: &operation.Caller{Account: "111122223333", Region: "eu-west-1"}}
	env := &operation.Env{Store: store, Now: func() time.Time { return b.now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	b.Service = New(env, b.fleet)
	return b
}

// group makes a group over both subnets.
func (b *bench) group(least, most, desired int, change ...func(*api.CreateAutoScalingGroupType)) {
	b.t.Helper()
	in := &api.CreateAutoScalingGroupType{
		AutoScalingGroupName: new("web"), MinSize: &least, MaxSize: &most, DesiredCapacity: &desired, VPCZoneIdentifier: new("subnet-a,subnet-b"),
		LaunchTemplate: &api.LaunchTemplateSpecification{LaunchTemplateId: new("lt-1"), Version: new("$Latest")},
	}
	for _, c := range change {
		c(in)
	}
	if _, err := b.CreateAutoScalingGroup(b.t.Context(), b.c, in); err != nil {
		b.t.Fatal(err)
	}
}

// settle runs the controller until nothing is left to do, with EC2 keeping up.
func (b *bench) settle() {
	b.t.Helper()
	for range 50 {
		before := b.picture()
		b.pass()
		b.machines()
		if b.picture() == before {
			return
		}
	}
	b.t.Fatalf("the group does not settle:\n%s", b.picture())
}

// machines has EC2 finish what it is at.
func (b *bench) machines() {
	b.change(func(tx *state.Tx) {
		for scope, m := range fleetMachines.Everywhere(tx) {
			to := map[string]string{"pending": "running", "shutting-down": "terminated"}[m.State]
			if to != "" {
				fleetMachines.Change(tx, scope, m.ID, func(m *Machine) { m.State = to })
			}
		}
	})
}

func (b *bench) change(fn func(tx *state.Tx)) {
	b.t.Helper()
	if err := b.env.Store.Update(func(tx *state.Tx) error { fn(tx); return nil }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) list() []*Instance { return InstancesOf(b.env.Store.View(), b.c.Scope(), "web") }

func (b *bench) get() *Group {
	g, ok := Groups.Get(b.env.Store.View(), b.c.Scope(), "web")
	if !ok {
		b.t.Fatal("there is no group")
	}
	return g
}

// picture is the states of machines and instances, to see whether something moved.
func (b *bench) picture() string {
	text := ""
	tx := b.env.Store.View()
	for _, m := range fleetMachines.Everywhere(tx) {
		text += m.ID + " " + m.State + "\n"
	}
	for _, i := range Instances.Everywhere(tx) {
		text += fmt.Sprintln(i.ID, i.State, i.RegisteredWith, i.Unhealthy)
	}
	for _, g := range Groups.Everywhere(tx) {
		text += fmt.Sprintln(g.Name, g.Desired, g.Cause, g.Failures)
	}
	for _, r := range refreshes.Everywhere(tx) {
		text += fmt.Sprintln(r.Status, r.Replaced)
	}
	return text
}

// states is how many instances are in each state.
func (b *bench) states() map[api.LifecycleState]int {
	out := map[api.LifecycleState]int{}
	for _, i := range b.list() {
		out[i.State]++
	}
	return out
}

// must fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks the code and the message of an error.
func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	e, ok := err.(*awsapi.Error)
	if !ok || e.Code != code || e.Message != message {
		t.Errorf("got error %v, want %s: %s", err, code, message)
	}
}
