package engine

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/docker"
)

// daemon is the container daemon, be it there already or not: an engine that was
// started first serves all the same, and finds the daemon when it comes. Until
// then tasks fail to start and say why. A daemon that goes away after it was
// found is the docker package's to live through.
type daemon struct {
	opt docker.Options
	// own tells that this machine has a route to containers' own addresses.
	own atomic.Bool

	mu     sync.Mutex
	found  *docker.Runtime
	why    error
	closed bool
	there  chan struct{} // closed once the daemon was found
}

func newDaemon(opt docker.Options) *daemon {
	return &daemon{opt: opt, there: make(chan struct{})}
}

// open looks for the daemon once.
func (d *daemon) open(ctx context.Context) bool {
	r, err := docker.Open(ctx, d.opt)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		if d.why == nil {
			d.opt.Log.Warn("no containers until a daemon answers: tasks fail to start", "error", err)
		}
		d.why = err
		return false
	case d.closed:
		r.Close()
		return false
	}
	d.found, d.why = r, nil
	close(d.there)
	return true
}

// lookAgain is how often a daemon that wasn't there is looked for.
const lookAgain = 2 * time.Second

// run looks for the daemon until it is found, or ctx ends.
func (d *daemon) run(ctx context.Context) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.there:
			<-ctx.Done()
			return ctx.Err()
		case <-tick.C:
			if d.open(ctx) {
				d.opt.Log.Info("the daemon answers: containers can run")
			}
		}
	}
}

func (d *daemon) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.found == nil {
		return nil
	}
	return d.found.Close()
}

// runtime is the daemon's, or why there is none.
func (d *daemon) runtime() (*docker.Runtime, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.found == nil {
		return nil, fmt.Errorf("CannotStartContainerError: %w", d.why)
	}
	return d.found, nil
}

// Start implements scheduler.Runtime.
func (d *daemon) Start(ctx context.Context, t *docker.Task) error {
	r, err := d.runtime()
	if err != nil {
		return err
	}
	return r.Start(ctx, t)
}

// Stop implements scheduler.Runtime.
func (d *daemon) Stop(ctx context.Context, task string) error {
	r, err := d.runtime()
	if err != nil {
		return err
	}
	return r.Stop(ctx, task)
}

// Remove implements scheduler.Runtime.
func (d *daemon) Remove(ctx context.Context, task string) error {
	r, err := d.runtime()
	if err != nil {
		return err
	}
	return r.Remove(ctx, task)
}

// Events implements scheduler.Runtime: they begin when the daemon is found.
func (d *daemon) Events(ctx context.Context) <-chan docker.Event {
	out := make(chan docker.Event)
	go func() {
		defer close(out)
		select {
		case <-ctx.Done():
			return
		case <-d.there:
		}
		for e := range d.found.Events(ctx) {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// EnsureAddress implements taskmetadata.Containers.
func (d *daemon) EnsureAddress(ctx context.Context) (docker.Address, error) {
	r, err := d.runtime()
	if err != nil {
		return docker.Address{}, err
	}
	a, err := r.EnsureAddress(ctx)
	if err == nil {
		d.own.Store(a.Local)
	}
	return a, err
}

// Exec runs a command in a container, for package session.
func (d *daemon) Exec(ctx context.Context, container string, cmd docker.Command) (int, error) {
	r, err := d.runtime()
	if err != nil {
		return 0, err
	}
	return r.Exec(ctx, container, cmd)
}

// Has implements taskmetadata.Containers.
func (d *daemon) Has(a netip.Addr) bool {
	r, err := d.runtime()
	return err == nil && r.Has(a)
}

// Task implements taskmetadata.Containers.
func (d *daemon) Task(id string) (docker.TaskStatus, bool) {
	r, err := d.runtime()
	if err != nil {
		return docker.TaskStatus{}, false
	}
	return r.Task(id)
}

// Stats implements taskmetadata.Containers.
func (d *daemon) Stats(ctx context.Context, containerID string) (docker.Stats, error) {
	r, err := d.runtime()
	if err != nil {
		return docker.Stats{}, err
	}
	return r.Stats(ctx, containerID)
}

// teardown takes away everything of the engine's that the daemon has. The
// runtime serves on.
func (d *daemon) teardown(ctx context.Context) error {
	r, err := d.runtime()
	if err != nil {
		return nil // nothing can be there that it could reach
	}
	return r.Teardown(ctx)
}

// Logs implements awslogs.Runtime.
func (d *daemon) Logs(ctx context.Context, container string, from docker.Cursor, follow bool, each func(docker.Line) error) error {
	r, err := d.runtime()
	if err != nil {
		return err
	}
	return r.Logs(ctx, container, from, follow, each)
}
