// Package machines is EC2 in the form in which Auto Scaling asks for it: one
// adapter, which keeps nothing. The engine hands it to autoscaling.
package machines

import (
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Machines answers from ec2's tables.
type Machines struct{}

var _ autoscaling.Machines = Machines{}

// Subnet implements autoscaling.Machines.
func (Machines) Subnet(tx *state.Tx, scope state.Scope, id string) (zone string, ok bool) {
	n, ok := ec2.Subnets.Get(tx, scope, id)
	if !ok {
		return "", false
	}
	return n.Zone, true
}

// ZoneSubnet implements autoscaling.Machines.
func (Machines) ZoneSubnet(tx *state.Tx, scope state.Scope, zone string) (subnet string, known bool) {
	if z, ok := catalog.ZoneOf(scope.Region, zone); !ok || z.Name != zone {
		return "", false
	}
	ec2.Settle(tx, scope)
	if n, ok := ec2.DefaultSubnet(tx, scope, zone); ok {
		subnet = n.ID
	}
	return subnet, true
}

// Template implements autoscaling.Machines.
func (Machines) Template(tx *state.Tx, scope state.Scope, id, name, version string) (autoscaling.Template, error) {
	t, number, data, err := ec2.LaunchTemplateData(tx, scope, some(id), some(name), version)
	if err != nil {
		return autoscaling.Template{}, err
	}
	out := autoscaling.Template{ID: t.ID, Name: t.Name, Version: strconv.Itoa(number), Type: string(data.InstanceType), Image: awsapi.V(data.ImageId)}
	if p := data.IamInstanceProfile; p != nil {
		_, out.Role, _ = iam.ProfileRole(tx, scope, awsapi.V(p.Name)+awsapi.V(p.Arn))
	}
	return out, nil
}

// some is nil for an empty text.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Launch implements autoscaling.Machines.
func (Machines) Launch(tx *state.Tx, scope state.Scope, l autoscaling.Launch) (id string, err error) {
	made, err := ec2.LaunchInstances(tx, scope, ec2.LaunchRequest{
		Template: &api.LaunchTemplateSpecification{LaunchTemplateId: &l.Template, Version: &l.Version},
		Data:     api.RequestLaunchTemplateData{InstanceType: api.InstanceType(l.Type)},
		Subnet:   l.Subnet, Min: 1, Max: 1, Requester: "autoscaling.amazonaws.com", Tags: tagging.Set(l.Tags), Now: l.Now,
	})
	if err != nil {
		return "", err
	}
	return made[0].ID, nil
}

// Terminate implements autoscaling.Machines.
func (Machines) Terminate(tx *state.Tx, scope state.Scope, id string, now time.Time) {
	ec2.Terminate(tx, scope, id, now)
}

// Machine implements autoscaling.Machines.
func (Machines) Machine(tx *state.Tx, scope state.Scope, id string) (autoscaling.Machine, bool) {
	i, ok := ec2.Instances.Get(tx, scope, id)
	if !ok {
		return autoscaling.Machine{}, false
	}
	return autoscaling.Machine{ID: i.ID, Type: i.Type, Image: i.Image, Zone: i.Zone, Subnet: i.Subnet, State: string(i.State)}, true
}

// Tables implements autoscaling.Machines.
func (Machines) Tables() []state.AnyTable { return []state.AnyTable{ec2.Instances} }
