// Package docker runs tasks on a Docker Engine API daemon (or on Podman's
// socket, which speaks the same API): images, containers, networks, volumes,
// logs. It does for the engine what the ECS agent does on an instance: it
// starts a task's containers in the order of their dependencies, tells what
// becomes of each, stops and removes them, and finds everything again after a
// restart, because all that identifies a container stands in its labels.
//
// It decides nothing about services, placement or desired counts, keeps no
// state of its own beyond what the daemon knows, and knows neither the AWS API
// nor the engine's store: plain nouns go in, events come out. The scheduler's
// loop calls it.
//
// Nothing without this engine's label is ever touched.
//
// What Docker has no means for, and what is done instead:
//   - a task-level CPU or memory limit is a ceiling for each container of the
//     task, not for their sum: Docker has no group of containers to limit;
//   - in awsvpc mode the containers share the network namespace of a pause
//     container with an address on the engine's own network; on a daemon in a
//     virtual machine (Docker Desktop) the host has no route to that address.
package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

// Options say which daemon to use and how.
type Options struct {
	// Host is the daemon's address in DOCKER_HOST's form
	// ("unix:///run/docker.sock", "tcp://127.0.0.1:2375"). Empty: DOCKER_HOST,
	// then the docker command's current context, then the usual sockets of
	// Docker and Podman.
	Host string
	// Engine is this engine's id. It labels everything that is made, and
	// nothing without it is touched.
	Engine string
	// Bind is the host address that published ports are bound to; 127.0.0.1
	// when it is not valid.
	Bind netip.Addr
	// Subnet is the network for the addresses of awsvpc tasks; the daemon
	// chooses one when it is not valid.
	Subnet netip.Prefix
	// Pull says when images are pulled; PullDefault when empty.
	Pull PullBehavior
	// Registry turns an image as a task definition names it into what the
	// daemon pulls. An error stops the container from starting and is shown as
	// the reason. Nil leaves every image as it is named.
	Registry func(ctx context.Context, task Identity, image string) (Source, error)
	// Log takes what operators should know; nothing secret is logged.
	Log *slog.Logger
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Source is where an image is pulled from.
type Source struct {
	// Ref is the reference that the daemon pulls.
	Ref string
	// Username and Password are the registry's credentials; empty for none.
	Username, Password string
}

// Runtime runs tasks on one daemon. Its methods may be called concurrently.
type Runtime struct {
	opt  Options
	cli  *client.Client
	log  *slog.Logger
	now  func() time.Time
	host Host
	hub  *hub

	ctx     context.Context // ends when the Runtime is closed
	stop    context.CancelFunc
	stopped sync.WaitGroup

	looking  sync.RWMutex // see inspect
	mu       sync.Mutex
	starting map[string]*starting // by task id
	stopping map[string]bool      // by task id, until removed
	heardOf  map[string]*hearsay  // by container id
	pulls    flights
	network  networkState
}

// Host is what the daemon says about the machine that it runs containers on.
type Host struct {
	// Address is the daemon's address, in DOCKER_HOST's form.
	Address string
	// Version and APIVersion are the daemon's.
	Version, APIVersion string
	// OS and Architecture are as image configurations write them: "linux",
	// "amd64".
	OS, Architecture string
	// CPUs is the number of processors, Memory the bytes of memory.
	CPUs   int
	Memory int64
	// SwapLimit tells whether swap can be limited.
	SwapLimit bool
	// Podman tells that Podman answers, not Docker.
	Podman bool
}

// Open finds a daemon and begins to follow its events. The error is a
// [*NoDaemonError] where none answers.
func Open(ctx context.Context, opt Options) (*Runtime, error) {
	if opt.Engine == "" {
		return nil, errors.New("opening docker: no engine id: containers could not be told from others'")
	}
	if !opt.Bind.IsValid() {
		opt.Bind = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Pull = cmp.Or(opt.Pull, PullDefault)
	cli, host, err := connect(ctx, opt.Host, os.Getenv)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		opt: opt, cli: cli, host: host, log: opt.Log, now: opt.Now,
		hub:      newHub(),
		starting: map[string]*starting{},
		stopping: map[string]bool{},
		heardOf:  map[string]*hearsay{},
	}
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.resync(ctx); err != nil {
		r.stop()
		cli.Close()
		return nil, fmt.Errorf("opening docker: %w", err)
	}
	if err := r.leaveVPC(ctx); err != nil { // an engine that was killed may have left it
		r.log.Warn("network left behind", "error", err)
	}
	r.stopped.Go(func() { r.follow(r.ctx) })
	return r, nil
}

// Host tells about the daemon and its machine.
func (r *Runtime) Host() Host { return r.host }

// Close lets go of the daemon. Containers run on; starts that are under way
// end where they are.
func (r *Runtime) Close() error {
	r.stop()
	r.mu.Lock()
	for _, s := range r.starting {
		s.cancel(errClosed)
	}
	r.mu.Unlock()
	r.stopped.Wait()
	r.hub.close()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := r.leaveVPC(ctx); err != nil { // whoever starts next sees to it
		r.log.Info("network left behind", "error", err)
	}
	return r.cli.Close()
}

// farewell is how long a daemon that does not answer is waited for at the end.
const farewell = 3 * time.Second

// later does something after a while, unless the Runtime is closed by then.
func (r *Runtime) later(d time.Duration, do func(context.Context)) {
	r.stopped.Go(func() {
		if pause(r.ctx, d) == nil {
			do(r.ctx)
		}
	})
}

var errClosed = errors.New("the engine is going down")
