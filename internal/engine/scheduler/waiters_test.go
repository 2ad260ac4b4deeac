package scheduler

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// stable is what every SDK's ServicesStable waits for.
func stable(tx *state.Tx, svc *ecs.ServiceRow) bool {
	return len(svc.Deployments) == 1 && ecs.ServiceTally(tx, home, svc).Running == svc.Desired
}

// lie is what is not as the waiters would make one believe, "" for nothing.
func lie(tx *state.Tx, svc *ecs.ServiceRow) string {
	running, going, older := 0, 0, 0
	for t := range ecs.TasksByService.Get(tx, home, svc.Key()) {
		r, p := t.Last.Counts()
		running += r
		if p > 0 || r > 0 && t.Desired == ecs.Stopped {
			going++
		}
		if len(svc.Deployments) > 0 && t.StartedBy != svc.Deployments[0].ID && r+p > 0 {
			older++
		}
	}
	switch {
	case svc.Status == ecs.Inactive && running+going > 0:
		return fmt.Sprintf("ServicesInactive ends while %d tasks run and %d come or go", running, going)
	case svc.Status == ecs.Active && stable(tx, svc) && (running != svc.Desired || older > 0):
		return fmt.Sprintf("ServicesStable ends while %d of %d tasks run, %d of them of an older deployment", running, svc.Desired, older)
	}
	return ""
}

// judge looks at every state that becomes visible until the returned function is
// called, which tells the first lie.
func (w *world) judge() (verdict func() string) {
	ctx, cancel := context.WithCancel(context.Background())
	watch := w.env.Store.Watch(ecs.Tasks, ecs.Services)
	first := ""
	var wg sync.WaitGroup
	wg.Go(func() {
		defer watch.Close()
		for {
			tx := w.env.Store.View()
			for svc := range ecs.Services.All(tx, home) {
				if l := lie(tx, svc); l != "" && first == "" {
					first = l
				}
			}
			if _, err := watch.Next(ctx); err != nil {
				return
			}
		}
	})
	return func() string { cancel(); wg.Wait(); return first }
}

// Whatever happens to a service, whenever a stock waiter would end, what it
// waited for is so; and it ends.
func TestTheWaitersAgreeWithTheTruth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.cluster(4)
		ctx, cancel := context.WithCancel(context.Background())
		var loops sync.WaitGroup
		loops.Go(func() { w.loops.Run(ctx) })
		loops.Go(func() { w.Service.Run(ctx) })
		defer func() { cancel(); loops.Wait() }()
		verdict := w.judge()
		w.service("app", rapid.IntRange(0, 6).Draw(rt, "desired"))
		for range rapid.IntRange(1, 8).Draw(rt, "events") {
			w.happen(rt)
			if rapid.Bool().Draw(rt, "wait") {
				w.untilStable()
			}
		}
		w.drain(func(string) bool { return false })
		w.untilStable()
		do[api.DeleteServiceResponse](w, "DeleteService", &api.DeleteServiceRequest{Cluster: new("web"), Service: new("app"), Force: new(true)})
		w.until(func(tx *state.Tx) bool {
			svc, ok := ecs.Services.Get(tx, home, "web/app")
			return ok && svc.Status == ecs.Inactive
		})
		if l := verdict(); l != "" {
			rt.Fatal(l)
		}
	})
}

func (w *world) untilStable() {
	w.t.Helper()
	w.until(func(tx *state.Tx) bool {
		svc, _ := ecs.Services.Get(tx, home, "web/app")
		return stable(tx, svc)
	})
}

// happen does something to the service or to what it runs on.
func (w *world) happen(rt *rapid.T) {
	in := &api.UpdateServiceRequest{Cluster: new("web"), Service: new("app")}
	switch rapid.SampledFrom([]string{"deploy", "scale", "stop a task", "drain"}).Draw(rt, "event") {
	case "deploy":
		in.ForceNewDeployment = new(true)
		do[api.UpdateServiceResponse](w, "UpdateService", in)
	case "scale":
		in.DesiredCount = new(rapid.IntRange(0, 6).Draw(rt, "desired"))
		do[api.UpdateServiceResponse](w, "UpdateService", in)
	case "stop a task":
		tasks := slices.Collect(ecs.TasksByService.Get(w.env.Store.View(), home, "web/app"))
		if len(tasks) > 0 {
			do[api.StopTaskResponse](w, "StopTask", &api.StopTaskRequest{Cluster: new("web"), Task: new(tasks[rapid.IntRange(0, 100).Draw(rt, "task")%len(tasks)].ID)})
		}
	case "drain":
		// One instance stays, so that there is room.
		most := 3
		w.drain(func(string) bool { most--; return most >= 0 && rapid.Bool().Draw(rt, "drains") })
	}
}

// drain has those instances drain that it is told, and takes the others back.
func (w *world) drain(drains func(id string) bool) {
	w.t.Helper()
	err := w.env.Store.Update(func(tx *state.Tx) error {
		for i := range ecs.Instances.All(tx, home) {
			c := *i
			if c.Status = ecs.Active; drains(i.ID) {
				c.Status = ecs.Draining
			}
			ecs.PutInstance(tx, home, &c)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
