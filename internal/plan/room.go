package plan

import "github.com/slipway-dev/slipway/internal/slipway"

// RoomFor is whether a deploy's further tasks have a place beside the old ones.
// Fargate has room without end.
func RoomFor(env *slipway.Environment, s *slipway.Service, seen *slipway.Observed) slipway.Room {
	running, there := seen.Running[s.Name]
	r := slipway.Room{Service: s.Name, Instances: seen.Instances, Fits: true}
	r.Memory, r.CPU, r.Port = demand(s)
	if s.Capacity == "fargate" {
		return r
	}
	r.Grows = env.Cluster.Owned && len(seen.Instances) < env.Cluster.Max
	count := s.Count
	if s.Scale != nil {
		count = max(s.Scale.Min, running.Desired)
	}
	r.Tasks = count
	if there && running.Desired > 0 {
		surge := count*s.Most/100 - count
		sacrifice := count - (count*s.MinHealthy+99)/100
		r.Tasks = min(max(surge, 0), count)
		if sacrifice > 0 && r.Tasks == 0 {
			return r // the old ones leave first
		}
		r.Tasks += max(count-running.Desired, 0)
	}
	r.Fits = fits(r)
	return r
}

// demand is what one task reserves on an instance: its own figures, or the sum
// of its containers'.
func demand(s *slipway.Service) (memory, cpu, port int) {
	for _, c := range s.Containers {
		m := c.MemorySoft
		if m == 0 {
			m = c.MemoryHard
		}
		memory, cpu = memory+m, cpu+c.CPU
		if c.HostPort != 0 {
			port = c.HostPort
		}
	}
	if s.Memory != 0 {
		memory = s.Memory
	}
	if s.CPU != 0 {
		cpu = s.CPU
	}
	return memory, cpu, port
}

func fits(r slipway.Room) bool {
	places := 0
	for _, i := range r.Instances {
		if i.Draining || !i.Connected {
			continue
		}
		here := r.Tasks
		if r.Memory > 0 {
			here = min(here, i.FreeMemory/r.Memory)
		}
		if r.CPU > 0 {
			here = min(here, i.FreeCPU/r.CPU)
		}
		if r.Port != 0 {
			here = min(here, 1)
			for _, p := range i.Ports {
				if p == r.Port {
					here = 0
				}
			}
		}
		places += here
	}
	return places >= r.Tasks
}
