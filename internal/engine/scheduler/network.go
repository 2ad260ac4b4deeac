package scheduler

import (
	"hash/fnv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/reach"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// provision gives an awsvpc task its network interface, if it has none yet. The
// error is EC2's: a subnet that is gone, or full.
func provision(tx *state.Tx, scope state.Scope, t *ecs.Task) error {
	known := t.ENI()
	if known == nil || known["networkInterfaceId"] != "" || t.Network == nil || t.Network.AwsvpcConfiguration == nil {
		return nil
	}
	v := t.Network.AwsvpcConfiguration
	attachment := ""
	for _, a := range t.Attachments {
		attachment = awsapi.V(a.Id)
	}
	i, err := ec2.NewInterface(tx, scope, ec2.InterfaceRequest{
		Subnet: subnetFor(tx, scope, t, v.Subnets), Groups: v.SecurityGroups, Description: arn.New("ecs", scope, "attachment/"+attachment),
		Requester: "amazon-ecs", Public: v.AssignPublicIp == api.AssignPublicIpEnabled, Attach: &ec2.Attachment{Owner: "amazon-ecs", Device: 1},
	})
	if err != nil {
		return err
	}
	pair := func(name, value string) api.KeyValuePair { return api.KeyValuePair{Name: &name, Value: &value} }
	t.SetENI("ATTACHED", []api.KeyValuePair{
		pair("subnetId", i.Subnet), pair("networkInterfaceId", i.ID), pair("macAddress", i.MAC),
		pair("privateDnsName", ec2.PrivateName(scope.Region, i.PrivateIP)), pair("privateIPv4Address", i.PrivateIP.String()),
	})
	if t.Zone == "" {
		t.Zone = i.Zone
	}
	return nil
}

// subnetFor chooses among a task's subnets: one in its instance's zone, or, on
// Fargate, any, so that tasks spread.
func subnetFor(tx *state.Tx, scope state.Scope, t *ecs.Task, subnets []string) string {
	for _, id := range subnets {
		if n, ok := ec2.Subnets.Get(tx, scope, id); ok && t.Zone != "" && n.Zone == t.Zone {
			return id
		}
	}
	h := fnv.New32a()
	h.Write([]byte(t.ID))
	return subnets[int(h.Sum32()%uint32(len(subnets)))]
}

// unprovision takes the task's network interface away again.
func unprovision(tx *state.Tx, scope state.Scope, t *ecs.Task) {
	if id := t.ENI()["networkInterfaceId"]; id != "" {
		ec2.DeleteInterface(tx, scope, id)
		t.SetENI("DELETED", nil)
	}
	reach.Forget(tx, scope, t.Key(), "")
}

// route notes where a container is really reached, from what the runtime says of
// it. Own addresses serve where this machine has a route to them.
func route(tx *state.Tx, e docker.Event, own bool) {
	scope, key, c := scopeOf(e.Identity), taskKey(e.Identity), &e.Container
	if !own || !c.Address.IsValid() || c.Phase != docker.Running {
		if c.Phase >= docker.Stopped {
			// One that its restart policy starts again is never told as stopped.
			reach.Forget(tx, scope, key, c.Name)
		}
		return
	}
	t, ok := ecs.Tasks.Get(tx, scope, key)
	if !ok || t.Last == ecs.Stopped {
		return
	}
	if shown := t.ENI(); shown != nil {
		if n, ok := ec2.Subnets.Get(tx, scope, shown["subnetId"]); ok && shown["privateIPv4Address"] != "" {
			way(tx, scope, &reach.Way{From: reach.Interface(n.VPC, shown["privateIPv4Address"]), Task: key, Address: c.Address})
		}
		return
	}
	reach.Moved(tx, scope, key, c.Name, c.Address)
	for _, b := range c.Bindings {
		if b.Proto == "tcp" && b.Host.IsValid() {
			way(tx, scope, &reach.Way{From: reach.HostPort(int(b.HostPort)), Task: key, Container: c.Name, Address: c.Address, Port: int(b.ContainerPort)})
		}
	}
}

// way puts a way, unless it is there as it is.
func way(tx *state.Tx, scope state.Scope, w *reach.Way) {
	if old, ok := reach.Ways.Get(tx, scope, w.From); !ok || *old != *w {
		reach.Ways.Put(tx, scope, w)
	}
}
