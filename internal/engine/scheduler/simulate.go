package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/docker"
)

// Simulation is a Runtime without containers: every container starts at once and
// runs until it is stopped. Its host ports are made up.
type Simulation struct {
	now  func() time.Time
	mu   sync.Mutex
	port uint16
	run  map[string]*docker.Task
	// queue holds events for the one who listens.
	queue []docker.Event
	wake  chan struct{}
}

// NewSimulation is an empty simulation.
func NewSimulation(now func() time.Time) *Simulation {
	return &Simulation{now: now, port: 32768, run: map[string]*docker.Task{}, wake: make(chan struct{}, 1)}
}

// Start implements Runtime.
func (s *Simulation) Start(_ context.Context, t *docker.Task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run[t.ID] != nil {
		return nil
	}
	s.run[t.ID] = t
	for i := range t.Containers {
		s.tell(t, &t.Containers[i], docker.Running)
	}
	return nil
}

// Stop implements Runtime.
func (s *Simulation) Stop(_ context.Context, task string) error { return s.end(task, docker.Stopped) }

// Remove implements Runtime.
func (s *Simulation) Remove(_ context.Context, task string) error {
	err := s.end(task, docker.Removed)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.run, task)
	return err
}

func (s *Simulation) end(task string, phase docker.Phase) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.run[task]; t != nil {
		for i := range t.Containers {
			s.tell(t, &t.Containers[i], phase)
		}
	}
	return nil
}

// tell queues an event. It is called with the simulation locked.
func (s *Simulation) tell(t *docker.Task, c *docker.Container, phase docker.Phase) {
	now := s.now()
	seen := docker.ContainerStatus{
		Name: c.Name, ID: t.ID + c.Name, Image: c.Image, Phase: phase, Essential: c.Essential, CreatedAt: now, StartedAt: now, PullStartedAt: now, PullStoppedAt: now,
		Health: docker.Health{Status: docker.HealthUnknown},
	}
	if c.HealthCheck != nil {
		seen.Health.Status = docker.Healthy
	}
	if phase >= docker.Stopped {
		seen.StoppedAt, seen.ExitCode = now, new(0)
	} else {
		for _, p := range c.Ports {
			host := p.Host
			if host == 0 {
				host = s.port
				if s.port++; s.port == 61000 {
					s.port = 32768
				}
			}
			seen.Bindings = append(seen.Bindings, docker.Binding{ContainerPort: p.Container, HostPort: host, Proto: "tcp"})
		}
	}
	s.queue = append(s.queue, docker.Event{Identity: t.Identity, Container: seen})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Events implements Runtime, for one listener.
func (s *Simulation) Events(ctx context.Context) <-chan docker.Event {
	out := make(chan docker.Event, 256)
	go func() {
		defer close(out)
		for {
			s.mu.Lock()
			batch := s.queue
			s.queue = nil
			s.mu.Unlock()
			for _, e := range batch {
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-s.wake:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
