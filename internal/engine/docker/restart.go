package docker

import (
	"context"
	"slices"

	"github.com/moby/moby/client"
)

// wantsRestart decides whether a container that ended is started again: when
// its policy's period has passed since it began and the exit code is not
// ignored (ECS guide, container restart policies).
func wantsRestart(p *Restart, c *ContainerStatus) bool {
	return p != nil && c.ExitCode != nil && !c.StartedAt.IsZero() &&
		c.StoppedAt.Sub(c.StartedAt) >= p.Period &&
		!slices.Contains(p.IgnoredCodes, *c.ExitCode)
}

// again starts a container again where its policy wants so and the task is not
// being stopped. It tells whether it runs again, so that nobody is told of an
// end that was none.
func (r *Runtime) again(ctx context.Context, id Identity, p *Restart, c *ContainerStatus) bool {
	r.mu.Lock()
	stopping := r.stopping[id.ID]
	r.mu.Unlock()
	if stopping || !wantsRestart(p, c) {
		return false
	}
	// What is known of this end says nothing of the next one.
	kills := memoryKills(c.ID)
	r.hear(c.ID, func(h *hearsay) { h.oom, h.kills = false, kills })
	if _, err := r.cli.ContainerStart(ctx, c.ID, client.ContainerStartOptions{}); err != nil {
		r.log.Warn("docker: restarting a container", "task", id.ID, "container", c.Name, "error", err)
		return false
	}
	r.hear(c.ID, func(h *hearsay) { h.restarts++ })
	return true
}
