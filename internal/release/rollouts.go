package release

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Witness follows the rollouts that somebody else starts: a script, a pipeline.
// It changes nothing.
type Witness struct {
	a      *cloud.Account
	before map[string]slipway.Rollout
	// Tell takes each thing that is worth knowing of a service, from several goroutines.
	Tell func(service, text string)
}

// NewWitness notes which rollouts there are.
func NewWitness(ctx context.Context, a *cloud.Account, tell func(service, text string)) (*Witness, error) {
	w := &Witness{a: a, before: map[string]slipway.Rollout{}, Tell: tell}
	all, err := a.Rollouts(ctx)
	for _, r := range all {
		w.before[r.Cluster+" "+r.Service] = r
	}
	return w, err
}

// limitOfWitness is how long a rollout that nobody has a budget for may take.
const limitOfWitness = 15 * time.Minute

// Follow waits until each service that has another rollout than before serves it,
// or is known not to; that is a Failure.
func (w *Witness) Follow(ctx context.Context) error {
	moved, err := w.moved(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, r := range moved {
		wg.Go(func() {
			err := w.follow(ctx, r, w.before[r.Cluster+" "+r.Service])
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// moved are the services that have another rollout than before. It looks for as
// long as reads may lag behind what the script did last.
func (w *Witness) moved(ctx context.Context) (map[string]slipway.Rollout, error) {
	moved := map[string]slipway.Rollout{}
	begun := time.Now()
	err := w.a.Poll(ctx, "rollouts", limitOfWitness, func(ctx context.Context) (bool, error) {
		all, err := w.a.Rollouts(ctx)
		for _, r := range all {
			if name := r.Cluster + " " + r.Service; w.before[name].Deployment.ID != r.Deployment.ID {
				moved[name] = r
			}
		}
		return w.a.Settled(begun), err
	})
	return moved, err
}

func (w *Witness) follow(ctx context.Context, r, old slipway.Rollout) error {
	if err := w.a.Containers(ctx, &r); err != nil {
		return err
	}
	w.Tell(r.Service, fmt.Sprintf("%s: %s", path.Base(r.Deployment.Revision), strings.Join(r.Images, ", ")))
	f := follower{a: w.a, said: map[string]bool{}}
	var v Verdict
	latest := ""
	var serving int
	err := w.a.Poll(ctx, r.Service+" serving", limitOfWitness, func(ctx context.Context) (bool, error) {
		p, err := w.a.Watch(ctx, r)
		if err != nil {
			return false, err
		}
		v, serving = Judge(p, Shape{Routed: len(r.TargetGroups) > 0, Checked: r.Checked}), p.Old
		for _, t := range v.Broken {
			if !f.said[t.ID] {
				f.said[t.ID] = true
				w.Tell(r.Service, f.obituary(ctx, t))
			}
		}
		if v.Text != latest {
			latest = v.Text
			w.Tell(r.Service, v.Text)
		}
		return v.Serves || v.Failed != "" || v.Superseded, nil
	})
	switch {
	case v.Failed != "":
		return &Failure{Service: r.Service, Cause: v.Failed, Serving: serving > 0, OldTag: serves(old), Next: w.next(r, old)}
	case err != nil:
		return err
	case v.Superseded:
		return fmt.Errorf("%w of %s", ErrSuperseded, r.Service)
	}
	return nil
}

// serves names what runs on: the revision, "" when there was none.
func serves(old slipway.Rollout) string {
	if old.Deployment.Revision == "" {
		return ""
	}
	return path.Base(old.Deployment.Revision)
}

func (w *Witness) next(r, old slipway.Rollout) string {
	if old.Deployment.Revision == "" {
		return "mend it and run the pipeline again"
	}
	return fmt.Sprintf("ECS goes on trying; go back with: aws ecs update-service --cluster %s --service %s --task-definition %s", path.Base(r.Cluster), r.Service, path.Base(old.Deployment.Revision))
}
