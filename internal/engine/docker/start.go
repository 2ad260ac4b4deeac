package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Start runs a task: it pulls the images, makes volumes and namespaces, and
// creates and starts each container once those that it depends on are as it
// needs them. It returns when all have started, or with an [*Error] when one
// could not be; the container's event tells the same. What has started by then
// runs on until Stop.
//
// Start may be called again for a task: what is there is adopted. A Stop ends
// it, with [ErrStopping].
func (r *Runtime) Start(ctx context.Context, t *Task) error {
	if err := checkOrder(t.Containers); err != nil {
		return &Error{Name: dependency, Cause: err}
	}
	ctx, end, err := r.begin(ctx, t.ID)
	if err != nil {
		return err
	}
	defer end()
	l := &launch{r: r, t: t}
	return l.run(ctx)
}

// starting is a Start that is under way.
type starting struct {
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// Why Start does not run a task: it is being, or has been, stopped; or another
// Start of it is under way.
var (
	ErrStopping = errors.New("the task is being stopped")
	ErrStarting = errors.New("the task is being started already")
)

func (r *Runtime) begin(ctx context.Context, task string) (context.Context, func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping[task] {
		return nil, nil, ErrStopping
	}
	if r.starting[task] != nil {
		return nil, nil, ErrStarting
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &starting{cancel, make(chan struct{})}
	r.starting[task] = s
	return ctx, func() {
		cancel(nil)
		r.mu.Lock()
		delete(r.starting, task)
		r.mu.Unlock()
		close(s.done)
	}, nil
}

// launch is one Start.
type launch struct {
	r *Runtime
	t *Task
	// pause is the name of the pause container, address the task's own.
	pause   string
	address netip.Addr
}

func (l *launch) run(ctx context.Context) error {
	if err := l.ground(ctx); err != nil {
		return &Error{Name: resource, Cause: err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range l.t.Containers {
		wg.Go(func() {
			c := &l.t.Containers[i]
			if err := l.container(ctx, c); err != nil {
				l.failed(ctx, c, err)
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// ground makes what the containers stand on.
func (l *launch) ground(ctx context.Context) error {
	if l.t.NetworkMode != None {
		if err := l.r.keepAddress(ctx); err != nil {
			return err
		}
	}
	for i := range l.t.Volumes {
		if err := l.volume(ctx, &l.t.Volumes[i]); err != nil {
			return err
		}
	}
	if l.t.NetworkMode == AWSVPC || l.t.PIDMode == "task" || l.t.IPCMode == "task" {
		return l.startPause(ctx)
	}
	return nil
}

// failed announces why a container could not be started. Those that were only
// called off because of another say nothing.
func (l *launch) failed(ctx context.Context, c *Container, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || ctx.Err() != nil {
		return
	}
	seen, _ := l.r.hub.container(l.t.ID, c.Name)
	seen.Name, seen.Image, seen.Essential = c.Name, c.Image, c.Essential
	seen.Phase, seen.Reason, seen.StoppedAt = Stopped, e.Reason(), l.r.now()
	l.r.hub.observe(l.t.Identity, l.t.NetworkMode, seen)
}

// container brings one container up.
func (l *launch) container(ctx context.Context, c *Container) error {
	r := l.r
	if have, ok := r.hub.container(l.t.ID, c.Name); ok && have.Phase >= Created {
		return l.adopt(ctx, c, &have)
	}
	var img image
	err := within(ctx, pullTimeout, c.Name, "pulled", cannotPull, func(ctx context.Context) (err error) {
		l.tell(c, ContainerStatus{Phase: Pulling, PullStartedAt: r.now()})
		img, err = r.image(ctx, l.t.Identity, c)
		return err
	})
	if err != nil {
		return err
	}
	l.tell(c, ContainerStatus{Phase: Pulled, PullStartedAt: img.pullStarted, PullStoppedAt: img.pulled, ImageID: img.id, ImageDigest: img.digest})
	if err := l.await(ctx, c); err != nil {
		return err
	}
	return l.createAndStart(ctx, c, &img)
}

func (l *launch) tell(c *Container, s ContainerStatus) {
	s.Name, s.Image, s.Essential, s.Health.Status = c.Name, c.Image, c.Essential, HealthUnknown
	l.r.hub.observe(l.t.Identity, l.t.NetworkMode, s)
}

// adopt goes on with a container that an earlier Start has made.
func (l *launch) adopt(ctx context.Context, c *Container, have *ContainerStatus) error {
	switch {
	case have.Phase >= Stopped && have.StartedAt.IsZero():
		name, cause, _ := strings.Cut(have.Reason, ": ")
		return &Error{Container: c.Name, Name: name, Cause: errors.New(cause)}
	case have.Phase != Created:
		return nil
	}
	if err := l.await(ctx, c); err != nil {
		return err
	}
	return l.start(ctx, c, have.ID)
}

// await waits for what a container depends on.
func (l *launch) await(ctx context.Context, c *Container) error {
	for _, d := range dependencies(c) {
		err := l.awaitOne(ctx, d)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return &Error{Container: c.Name, Name: dependency, Cause: err}
		}
	}
	return nil
}

func (l *launch) awaitOne(ctx context.Context, d Dependency) error {
	for _, on := range l.t.Containers {
		if on.Name == d.Container && on.StartTimeout > 0 {
			late := fmt.Errorf("container %s was not %s within its start timeout of %s", d.Container, d.Condition, on.StartTimeout)
			timed, cancel := context.WithTimeoutCause(ctx, on.StartTimeout, late)
			defer cancel()
			ctx = timed
		}
	}
	return l.r.hub.until(ctx, l.t.ID, d.Container, func(s *ContainerStatus) (bool, error) { return met(d.Condition, s) })
}

// createAndStart makes the container and starts it. Host ports of a dynamic
// range are chosen here, and chosen again when another took them in between.
func (l *launch) createAndStart(ctx context.Context, c *Container, img *image) error {
	for try := 0; ; try++ {
		s, err := l.surroundings(c, img)
		if err != nil {
			return &Error{Container: c.Name, Name: cannotCreate, Cause: err}
		}
		id, err := l.create(ctx, c, s)
		if err != nil {
			return err
		}
		err = l.start(ctx, c, id)
		if err == nil || len(s.ranges) == 0 || try == 5 || !portTaken(err) {
			return err
		}
		if _, err := l.r.cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			return &Error{Container: c.Name, Name: cannotStart, Cause: err}
		}
	}
}

func portTaken(err error) bool {
	return strings.Contains(err.Error(), "port is already allocated") || strings.Contains(err.Error(), "address already in use")
}

func (l *launch) surroundings(c *Container, img *image) (*surroundings, error) {
	r, id := l.r, l.t.Identity
	s := &surroundings{
		host: r.host, bind: r.opt.Bind, image: img.ref, pause: l.pause,
		name:   func(name string) string { return r.containerName(id, name) },
		volume: func(name string) string { return r.volumeName(id, name) },
	}
	if l.t.Bind.IsValid() {
		s.bind = l.t.Bind
	}
	s.labels = r.labels(id, c.Name, facts{
		Image: c.Image, Digest: img.digest, PullStartedAt: img.pullStarted, PullStoppedAt: img.pulled,
		NetworkMode: l.t.NetworkMode, Essential: c.Essential, Checked: c.HealthCheck != nil,
		DependsOn: dependencies(c), Restart: c.Restart, Ports: c.Ports, Foreign: img.foreign, Address: l.address,
	}, c.DockerLabels)
	if l.t.NetworkMode != Bridge && l.t.NetworkMode != "" {
		return s, nil
	}
	for i, p := range c.Ports {
		if p.Last > p.Container {
			first, err := freeRange(s.bind, int(p.Last-p.Container)+1, proto(p))
			if err != nil {
				return nil, err
			}
			if s.ranges == nil {
				s.ranges = map[int]uint16{}
			}
			s.ranges[i] = first
		}
	}
	return s, nil
}

// create makes the container; one with its name that is there already is the
// same one, left by a Start that lost the daemon in between.
func (l *launch) create(ctx context.Context, c *Container, s *surroundings) (id string, err error) {
	opts, err := creation(l.t, c, s)
	if err != nil {
		return "", &Error{Container: c.Name, Name: cannotCreate, Cause: err}
	}
	err = within(ctx, createTimeout, c.Name, "created", cannotCreate, func(ctx context.Context) error {
		res, err := l.r.cli.ContainerCreate(ctx, *opts)
		if cerrdefs.IsConflict(err) {
			id, err = l.r.named(ctx, opts.Name, err)
			return err
		}
		if err != nil {
			return err
		}
		id = res.ID
		return l.r.heed(ctx, id, res.Warnings)
	})
	return id, err
}

// named finds this engine's container that bears a name.
func (r *Runtime) named(ctx context.Context, name string, conflict error) (string, error) {
	res, err := r.cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil || res.Container.Config == nil || res.Container.Config.Labels[labelEngine] != r.opt.Engine {
		return "", conflict
	}
	return res.Container.ID, nil
}

// heed takes the daemon's warnings for what they are: a limit that it throws
// away was asked for, so the container is not what was asked for.
func (r *Runtime) heed(ctx context.Context, id string, warnings []string) error {
	for _, w := range warnings {
		if strings.Contains(strings.ToLower(w), "discarded") {
			_, err := r.cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			return errors.Join(errors.New(w), err)
		}
		r.log.Debug("docker: the daemon warns", "container", id, "warning", w)
	}
	return nil
}

func (l *launch) start(ctx context.Context, c *Container, id string) error {
	return within(ctx, startTimeout, c.Name, "started", cannotStart, func(ctx context.Context) error {
		_, err := l.r.cli.ContainerStart(ctx, id, client.ContainerStartOptions{})
		return err
	})
}
