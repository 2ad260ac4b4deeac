package ecs

import (
	"context"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// WaitsFor is how long a task of a capacity provider waits for an instance.
const WaitsFor = 30 * time.Minute

// RunWaiting places the tasks that wait for an instance when there is room for
// them, and gives them up when it has taken too long.
func (s *Service) RunWaiting(ctx context.Context) error {
	w := s.env.Store.Watch(Instances, Usages, Tasks)
	defer w.Close()
	for {
		now := s.env.Now()
		next, err := s.placeAll(now)
		if err != nil {
			return err
		}
		if _, err := wait(ctx, w, next, now); err != nil {
			return nil // the engine ends
		}
	}
}

// placeAll places what it can of every cluster's waiting tasks, and tells when the
// first of the others has waited too long.
func (s *Service) placeAll(now time.Time) (next time.Time, err error) {
	view := s.env.Store.View()
	for scope, c := range Clusters.Everywhere(view) {
		if _, waits := TasksWaiting.One(view, scope, c.Name); !waits {
			continue
		}
		err := s.env.Store.Update(func(tx *state.Tx) error {
			if end := s.placeWaiting(tx, scope, c.Name, now); next.IsZero() || !end.IsZero() && end.Before(next) {
				next = end
			}
			return nil
		})
		if err != nil {
			return next, err
		}
	}
	return next, nil
}

// PlaceWaiting places a cluster's waiting tasks as far as there is room.
func (s *Service) PlaceWaiting(tx *state.Tx, scope state.Scope, cluster string) time.Time {
	return s.placeWaiting(tx, scope, cluster, s.env.Now())
}

// placeWaiting places a cluster's waiting tasks. Of like tasks only one is
// refused: the next would be, too.
func (s *Service) placeWaiting(tx *state.Tx, scope state.Scope, cluster string, now time.Time) (next time.Time) {
	type like struct{ definition, group, provider string }
	refused := map[like]placement.Result{}
	for t := range TasksWaiting.Get(tx, scope, cluster) {
		k := like{t.Definition, t.Group, t.Provider}
		got, no := refused[k]
		if !no {
			got = s.placeOne(tx, scope, t)
			if got.Missing == 0 {
				continue
			}
			refused[k] = got
		}
		end := t.CreatedAt.Add(WaitsFor)
		if !now.Before(end) {
			ChangeTask(tx, scope, t.Key(), func(t *Task) bool {
				return t.Stop(api.TaskStopCodeTaskFailedToStart, "TaskFailedToStart: "+waitedFor(got), now)
			})
			continue
		}
		if next.IsZero() || end.Before(next) {
			next = end
		}
	}
	return next
}

// waitedFor is what there was not, in one word.
func waitedFor(got placement.Result) string {
	c, ok := got.Closest()
	switch {
	case !ok:
		return "EMPTY CAPACITY PROVIDER"
	case c.Why == placement.WrongProvider:
		return "EMPTY CAPACITY PROVIDER"
	case c.Why == placement.Closed:
		return "NO ACTIVE INSTANCES"
	}
	return c.Why.Reason()
}

func (s *Service) placeOne(tx *state.Tx, scope state.Scope, t *Task) placement.Result {
	def, ok := DefinitionOf(tx, scope, t.Definition)
	if !ok {
		return placement.Result{Missing: 1}
	}
	spec := &TaskSpec{
		Cluster: t.Cluster, Definition: def, Group: t.Group, Service: t.Service, Provider: t.Provider,
		Overrides: t.Overrides, Constraints: t.Constraints, Placement: t.Placement,
	}
	got := s.Placer.Place(tx, scope, t.Cluster, PlacementRequest(spec, 1))
	for _, id := range got.Instances {
		on, _ := Instances.Get(tx, scope, key(t.Cluster, id))
		ChangeTask(tx, scope, t.Key(), func(t *Task) bool {
			if !t.Place(on) {
				return false
			}
			if def.Body.NetworkMode != api.NetworkModeAwsvpc {
				t.Advance(Pending, s.env.Now())
			}
			return true
		})
	}
	return got
}
