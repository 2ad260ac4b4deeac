package ecs

import (
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestACapacityProviderMarksItsGroup(t *testing.T) {
	r := newRig(t)
	real := New(r.env, Neighbours{})
	r.update(func(tx *state.Tx) {
		autoscaling.Groups.Put(tx, home, &autoscaling.Group{Name: "group", ARN: groupARN, Protect: true})
		g, found := real.ScalingGroup(tx, home, groupARN)
		if !found || !g.Protected {
			t.Errorf("%+v %v", g, found)
		}
		if _, found := real.ScalingGroup(tx, home, "nobody"); found {
			t.Error("a group that is not there was found")
		}
		real.ManageGroup(tx, home, &CapacityProvider{Group: &api.AutoScalingGroupProvider{AutoScalingGroupArn: new(groupARN)}})
		got, _ := autoscaling.Groups.Get(tx, home, "group")
		if len(got.Tags) != 1 || got.Tags[0].Key != "AmazonECSManaged" || !got.Tags[0].Propagate {
			t.Errorf("%+v", got.Tags)
		}
	})
}

func TestApplicationAutoScalingsDoor(t *testing.T) {
	r := stage(t, 0)
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	r.update(func(tx *state.Tx) {
		if n, found := r.Desired(tx, home, "web", "app"); n != 2 || !found {
			t.Error(n, found)
		}
		r.SetDesired(tx, home, "web", "app", 5)
		r.SetDesired(tx, home, "web", "nobody", 5)
		if _, found := r.Desired(tx, home, "web", "nobody"); found {
			t.Error("a service that is not there was found")
		}
	})
	if s := r.service(); *s.DesiredCount != 5 || *s.Deployments[0].DesiredCount != 5 || len(s.Deployments) != 1 {
		t.Errorf("%+v", s)
	}
}
