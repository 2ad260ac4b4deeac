package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elb "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// rig is the service on a store in memory, with a clock that stands still until
// it is moved and an Auto Scaling group called "group".
type rig struct {
	*Service
	t      testing.TB
	now    time.Time
	caller *operation.Caller
	// protected is the group's protection from scale-in.
	protected bool
	managed   []string
}

const groupARN = "arn:aws:autoscaling:eu-west-1:000000000000:autoScalingGroup:1:autoScalingGroupName/group"

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, now: noon}
	store := state.InMemory(slices.Concat(Tables, iam.Tables, elbv2.Tables)...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{
		Store: store, Vault: vault.New([32]byte{1}), Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
		Account: home.Account, Region: home.Region,
	}
	roles := iam.New(env)
	r.Service = New(env, Neighbours{
		LinkedRole: func(tx *state.Tx, scope state.Scope) { roles.EnsureLinkedRole(tx, scope, "ecs.amazonaws.com") },
		ScalingGroup: func(_ *state.Tx, _ state.Scope, ref string) (ScalingGroup, bool) {
			return ScalingGroup{ARN: groupARN, Protected: r.protected}, ref == groupARN || ref == "group"
		},
		ManageGroup: func(_ *state.Tx, _ state.Scope, p *CapacityProvider) { r.managed = append(r.managed, p.Name) },
	})
	r.caller = &operation.Caller{
		Account: home.Account, Region: home.Region, Kind: operation.User, Name: "travis",
		ARN: "arn:aws:iam::000000000000:user/travis", UserID: "AIDATRAVIS",
	}
	return r
}

// call does an operation of the table as the chain does, but for the wire: its
// needs are worked out, too.
func (r *rig) call(name string, in any) (any, error) {
	r.t.Helper()
	op, err := operation.Named(r.Operations(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	op.Needs(r.env.Store.View(), r.caller, in)
	return op.Do(context.Background(), r.caller, in)
}

// ok is an operation's answer, which must be one.
func ok[Out any](r *rig, name string, in any) *Out {
	r.t.Helper()
	out, err := r.call(name, in)
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	return out.(*Out)
}

// refused checks that an operation answers with the error.
func (r *rig) refused(name string, in any, code, message string) {
	r.t.Helper()
	_, err := r.call(name, in)
	e, is := errors.AsType[*awsapi.Error](err)
	if !is || e.Code != code || e.Message != message {
		r.t.Errorf("%s:\n got %v\nwant %s: %s", name, err, code, message)
	}
}

// update changes rows as a controller does.
func (r *rig) update(change func(tx *state.Tx)) {
	r.t.Helper()
	err := r.env.Store.Update(func(tx *state.Tx) error { change(tx); return nil })
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) view() *state.Tx { return r.env.Store.View() }

// needs are what an operation must be allowed.
func (r *rig) needs(name string, in any) []operation.Need {
	r.t.Helper()
	op, err := operation.Named(r.Operations(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	return op.Needs(r.view(), r.caller, in)
}

// cluster makes a cluster with so many connected instances of 1024 CPU units and
// 1000 MiB, in zones in turn.
func (r *rig) cluster(name string, instances int) *api.Cluster {
	r.t.Helper()
	out := ok[api.CreateClusterResponse](r, "CreateCluster", &api.CreateClusterRequest{ClusterName: &name})
	for i := range instances {
		r.join(name, "eu-west-1"+string("abc"[i%3]), 1024, 1000)
	}
	return out.Cluster
}

func (r *rig) join(cluster, zone string, cpu, memory int) *Instance {
	var row *Instance
	r.update(func(tx *state.Tx) {
		row = Join(tx, home, &Instance{
			Cluster: cluster, EC2: "i-" + zone, Has: Resources{CPU: cpu, Memory: memory, TCP: OwnPorts}, Connected: true, RegisteredAt: r.now,
			Attributes: append(Capabilities(), api.Attribute{Name: new("ecs.availability-zone"), Value: &zone}),
		})
	})
	return row
}

// define registers a task definition from JSON, as everybody writes them.
func (r *rig) define(text string) *api.TaskDefinition {
	r.t.Helper()
	return ok[api.RegisterTaskDefinitionResponse](r, "RegisterTaskDefinition", request[api.RegisterTaskDefinitionRequest](r.t, text)).TaskDefinition
}

// web is a task definition of the family with a container "web" on a dynamic port.
func (r *rig) web(family string) *api.TaskDefinition {
	r.t.Helper()
	return r.define(`{"family":"` + family + `","containerDefinitions":[{"name":"web","image":"nginx","memory":100,"portMappings":[{"containerPort":80}]}]}`)
}

func request[In any](t testing.TB, text string) *In {
	t.Helper()
	in := new(In)
	if err := json.Unmarshal([]byte(text), in); err != nil {
		t.Fatal(err)
	}
	return in
}

// targetGroup makes a target group, behind a load balancer or not.
func (r *rig) targetGroup(name string, kind elb.TargetTypeEnum, attached bool) string {
	arn := "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/" + name + "/0123456789abcdef"
	r.update(func(tx *state.Tx) {
		elbv2.TargetGroups.Put(tx, home, &elbv2.TargetGroup{ARN: arn, Name: name, Type: kind})
		if attached {
			elbv2.Listeners.Put(tx, home, &elbv2.Listener{
				ARN: arn + "/listener", LoadBalancer: "lb", Default: []elb.Action{{Type: elb.ActionTypeEnumForward, TargetGroupArn: &arn}},
			})
		}
	})
	return arn
}
