package ecs

import (
	"fmt"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// seeMore ends every message about a task without a place.
const seeMore = " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

// Make puts up to n tasks of a service's deployment, each with a place to run or,
// with a capacity provider that scales, waiting for one. With fewer than n,
// refusal is why the next has no place, as the service's event goes on after "was
// unable to place a task". The service scheduler calls it.
func (s *Service) Make(tx *state.Tx, scope state.Scope, svc *ServiceRow, d *Deployment, n int) (made []*Task, refusal string) {
	spec, ok := ServiceSpec(tx, scope, svc, d)
	if !ok {
		return nil, ". Reason: The task definition does not exist."
	}
	have := map[string]int{}
	for t := range TasksByStarter.Get(tx, scope, key(svc.Cluster, d.ID)) {
		if t.Desired == Running {
			have[t.Provider]++
		}
	}
	for _, share := range Shares(d.Strategy, have, n) {
		spec.Provider = share.Provider
		some, why := s.makeShare(tx, scope, svc, spec, share.Count)
		made = append(made, some...)
		if refusal == "" {
			refusal = why
		}
	}
	return made, refusal
}

func (s *Service) makeShare(tx *state.Tx, scope state.Scope, svc *ServiceRow, spec *TaskSpec, n int) (made []*Task, refusal string) {
	now := s.env.Now()
	start := func(on *Instance) {
		t := NewTask(scope, spec, on, now)
		PutTask(tx, scope, t)
		t, _ = Tasks.Get(tx, scope, t.Key())
		made = append(made, t)
	}
	if spec.Launch == api.LaunchTypeFargate {
		for range n {
			start(nil)
		}
		return made, ""
	}
	want := serviceRequest(svc, spec, n)
	got := s.Placer.Place(tx, scope, spec.Cluster, want)
	for _, id := range got.Instances {
		on, _ := Instances.Get(tx, scope, key(spec.Cluster, id))
		start(on)
	}
	if p, ok := CapacityProviders.Get(tx, scope, spec.Provider); ok && p.ManagedScaling() {
		for range got.Missing {
			start(nil)
		}
		return made, ""
	}
	if got.Missing > 0 {
		refusal = refusalText(got)
	}
	return made, refusal
}

// serviceRequest is what a service's tasks want: of a daemon service one on each
// instance.
func serviceRequest(svc *ServiceRow, spec *TaskSpec, n int) *placement.Request {
	r := PlacementRequest(spec, n)
	if svc.Scheduling == api.SchedulingStrategyDaemon {
		r.Distinct = true
	}
	return r
}

func refusalText(got placement.Result) string {
	const none = " because no container instance met all of its requirements."
	c, ok := got.Closest()
	if !ok {
		return none + " Reason: No Container Instances were found in your cluster." + seeMore
	}
	return none + fmt.Sprintf(" The closest matching (container-instance %s) %s.", c.Instance, c.Why.Phrase()) + seeMore
}

// Daemons is how many instances a daemon service wants a task on: the ACTIVE
// ones that fulfil its constraints, whether or not they have room.
func (s *Service) Daemons(tx *state.Tx, scope state.Scope, svc *ServiceRow) int {
	p := svc.Primary()
	if p == nil {
		return 0
	}
	spec, ok := ServiceSpec(tx, scope, svc, p)
	if !ok {
		return 0
	}
	want := serviceRequest(svc, spec, 1)
	want.Distinct = false
	return len(s.Placer.Eligible(tx, scope, svc.Cluster, want))
}
