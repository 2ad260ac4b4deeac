package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Stats is what a container has used.
type Stats struct {
	Time time.Time
	// CPU is processor time since the container began.
	CPU time.Duration
	// Memory is bytes in use without the page cache, MemoryLimit the most
	// that there may be.
	Memory, MemoryLimit uint64
	// Received and Sent are bytes on its network since it began; 0 where it
	// has none of its own.
	Received, Sent uint64
	Processes      uint64
	// Raw is the daemon's own answer, which the task metadata endpoint passes
	// on (/stats).
	Raw json.RawMessage
}

// Stats asks what a running container uses now.
func (r *Runtime) Stats(ctx context.Context, containerID string) (Stats, error) {
	res, err := r.cli.ContainerStats(ctx, containerID, client.ContainerStatsOptions{})
	if err != nil {
		return Stats{}, fmt.Errorf("asking for statistics: %w", err)
	}
	defer res.Body.Close()
	var raw json.RawMessage
	var s container.StatsResponse
	if err := json.NewDecoder(res.Body).Decode(&raw); err != nil {
		return Stats{}, fmt.Errorf("reading statistics: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Stats{}, fmt.Errorf("reading statistics: %w", err)
	}
	out := Stats{
		Time: s.Read, CPU: time.Duration(s.CPUStats.CPUUsage.TotalUsage),
		Memory: usedMemory(&s.MemoryStats), MemoryLimit: s.MemoryStats.Limit,
		Processes: s.PidsStats.Current, Raw: raw,
	}
	for _, n := range s.Networks {
		out.Received += n.RxBytes
		out.Sent += n.TxBytes
	}
	return out, nil
}

// usedMemory leaves the page cache out as `docker stats` does: it is given
// back when it is needed. The counter has another name in each cgroup version.
func usedMemory(m *container.MemoryStats) uint64 {
	for _, name := range []string{"total_inactive_file", "inactive_file"} {
		if cache := m.Stats[name]; cache > 0 && cache < m.Usage {
			return m.Usage - cache
		}
	}
	return m.Usage
}
