package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Stop ends a task: a Start that is under way, then the containers, those that
// depend on others first, each with its stop signal, its stop timeout and, if
// it must be, SIGKILL. It returns when all have ended; their events are told
// by then.
func (r *Runtime) Stop(ctx context.Context, task string) error {
	if err := r.callOff(ctx, task); err != nil {
		return err
	}
	items, err := r.mine(ctx, labelTask+"="+task)
	if err != nil {
		return err
	}
	pause, others := apart(items)
	for _, layer := range stopOrder(others) {
		if err := r.stopAll(ctx, layer); err != nil {
			return err
		}
	}
	if err := r.stopAll(ctx, pause); err != nil {
		return err
	}
	r.settle(task)
	return nil
}

// apart puts pause containers apart from those that share their namespaces.
func apart(items []container.Summary) (pause, others []container.Summary) {
	for _, c := range items {
		if c.Labels[labelRole] == rolePause {
			pause = append(pause, c)
		} else {
			others = append(others, c)
		}
	}
	return pause, others
}

// callOff ends a Start that is under way, and lets no other begin.
func (r *Runtime) callOff(ctx context.Context, task string) error {
	r.mu.Lock()
	r.stopping[task] = true
	s := r.starting[task]
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	s.cancel(ErrStopping)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle tells of containers that never began to run that they never will.
func (r *Runtime) settle(task string) {
	t, _ := r.hub.task(task)
	for _, c := range t.Containers {
		if c.Phase < Running {
			c.Phase, c.StoppedAt = Stopped, r.now()
			r.hub.observe(t.Identity, t.NetworkMode, c)
		}
	}
}

// stopOrder puts containers into layers that stop one after another: each
// before those that it depends on.
func stopOrder(items []container.Summary) [][]container.Summary {
	byName := map[string]container.Summary{}
	var cs []Container
	for _, item := range items {
		_, name, f := identify(item.Labels)
		byName[name] = item
		cs = append(cs, Container{Name: name, DependsOn: f.DependsOn})
	}
	for i := range cs {
		cs[i].DependsOn = slices.DeleteFunc(cs[i].DependsOn, func(d Dependency) bool { return byName[d.Container].ID == "" })
	}
	order, err := layers(cs)
	if err != nil {
		// Start refuses circles, so the labels are not from it: all at once.
		return [][]container.Summary{items}
	}
	var out [][]container.Summary
	for _, names := range slices.Backward(order) {
		var layer []container.Summary
		for _, name := range names {
			layer = append(layer, byName[name])
		}
		out = append(out, layer)
	}
	return out
}

func (r *Runtime) stopAll(ctx context.Context, items []container.Summary) error {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, c := range items {
		wg.Go(func() { errs[i] = r.stopOne(ctx, c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *Runtime) stopOne(ctx context.Context, c container.Summary) error {
	_, name, _ := identify(c.Labels)
	if c.State == container.StateRunning || c.State == container.StatePaused || c.State == container.StateRestarting {
		limit := stopGrace + r.stopTimeout(ctx, c.ID)
		err := within(ctx, limit, name, "stopped", cannotStop, func(ctx context.Context) error {
			_, err := r.cli.ContainerStop(ctx, c.ID, client.ContainerStopOptions{})
			if cerrdefs.IsNotFound(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return r.look(ctx, c.ID)
}

// stopTimeout is what the container was created with.
func (r *Runtime) stopTimeout(ctx context.Context, id string) time.Duration {
	res, err := r.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil || res.Container.Config == nil || res.Container.Config.StopTimeout == nil {
		return defaultStopTimeout
	}
	return time.Duration(*res.Container.Config.StopTimeout) * time.Second
}

// Remove takes a task's containers and its own volumes away; what runs is
// killed. Nothing of the task is left.
func (r *Runtime) Remove(ctx context.Context, task string) error {
	before, _ := r.hub.task(task)
	if err := r.callOff(ctx, task); err != nil {
		return err
	}
	items, err := r.mine(ctx, labelTask+"="+task)
	if err != nil {
		return err
	}
	pause, others := apart(items)
	if err := r.removeAll(ctx, others); err != nil {
		return err
	}
	if err := r.removeAll(ctx, pause); err != nil { // Podman keeps it while others use it
		return err
	}
	if err := r.removeVolumes(ctx, labelTask+"="+task); err != nil {
		return err
	}
	r.settle(task)
	t, _ := r.hub.task(task)
	for _, c := range t.Containers {
		if c.ID == "" {
			c.Phase = Removed
			r.hub.observe(t.Identity, t.NetworkMode, c)
		}
	}
	r.mu.Lock()
	delete(r.stopping, task)
	r.mu.Unlock()
	if before.NetworkMode == AWSVPC {
		return r.leaveVPC(ctx)
	}
	return nil
}

func (r *Runtime) removeAll(ctx context.Context, items []container.Summary) error {
	ids := map[string]bool{}
	for _, c := range items {
		ids[c.ID] = true
	}
	return each(ctx, ids, func(ctx context.Context, id string) error {
		_, err := r.cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		// A conflict is a removal that is under way already.
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
			return fmt.Errorf("removing container %.12s: %w", id, err)
		}
		return r.look(ctx, id)
	})
}

func (r *Runtime) removeVolumes(ctx context.Context, labels ...string) error {
	labels = append(labels, labelEngine+"="+r.opt.Engine, labelRole+"="+roleVolume)
	res, err := r.cli.VolumeList(ctx, client.VolumeListOptions{Filters: make(client.Filters).Add("label", labels...)})
	if err != nil {
		return fmt.Errorf("listing volumes: %w", err)
	}
	var errs []error
	for _, v := range res.Items {
		if !bears(v.Labels, labels) { // Podman lists what bears one of them
			continue
		}
		_, err := r.cli.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
		if err != nil && !cerrdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("removing volume %s: %w", v.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Teardown takes away everything that this engine has on the daemon: tasks,
// their volumes, networks. Shared volumes and pulled images stay.
func (r *Runtime) Teardown(ctx context.Context) error {
	items, err := r.mine(ctx)
	if err != nil {
		return err
	}
	tasks := map[string]bool{}
	for _, c := range items {
		tasks[c.Labels[labelTask]] = true
	}
	for _, t := range r.hub.all() {
		tasks[t.ID] = true
	}
	if err := each(ctx, tasks, r.Remove); err != nil {
		return err
	}
	if err := r.removeVolumes(ctx); err != nil {
		return err
	}
	if err := r.removeNetworks(ctx); err != nil {
		return err
	}
	return r.RemoveImage(ctx, pauseImage)
}
