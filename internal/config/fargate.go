package config

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// sizes are Fargate's: CPU units and the memory in MiB that each may have.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
var sizes = []struct{ cpu, min, max, step int }{
	{256, 512, 2048, 0}, // 512, 1024, 2048
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

func memories(i int) []int {
	s := sizes[i]
	if s.step == 0 {
		return []int{512, 1024, 2048}
	}
	var all []int
	for m := s.min; m <= s.max; m += s.step {
		all = append(all, m)
	}
	return all
}

// fits is the smallest size that holds cpu and memory; zeroes are none.
func fits(cpu, memory int) (int, int) {
	for i, s := range sizes {
		if s.cpu < cpu {
			continue
		}
		for _, m := range memories(i) {
			if m >= memory {
				return s.cpu, m
			}
		}
	}
	return 0, 0
}

// fargate gives a task on Fargate a size that exists, and refuses what only an
// instance has.
func (b *builder) fargate(s *slipway.Service, n *node) {
	if s.Capacity != "fargate" {
		return
	}
	at := n.get("task")
	cpu, memory := s.CPU, s.Memory
	for _, c := range s.Containers {
		if s.CPU == 0 {
			cpu += c.CPU
		}
		if s.Memory == 0 {
			memory += max(c.MemorySoft, c.MemoryHard)
		}
		if c.HostPort != 0 && c.HostPort != c.Port {
			b.found.add(place(n.get("host-port"), c.At[""]), "", "host-port needs an instance; Fargate has none")
		}
		if c.Stop < 2*time.Second { // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_timeout
			b.found.add(place(n.get("stop"), c.At.Of("stop")), "stop: 2s", "Fargate gives a container at least 2s to stop, not %v", c.Stop)
		}
	}
	for _, v := range s.Volumes {
		if v.HostPath != "" {
			b.found.add(n.get("volumes").at, "", "volume %s is a folder of the instance; Fargate has none", v.Name)
		}
	}
	size, room := fits(cpu, memory)
	switch {
	case size == 0:
		b.found.add(place(at, n.get("capacity").at), "", "Fargate has no size for %d CPU units and %d MiB; the largest is 16384 and 122880", cpu, memory)
	case s.CPU != 0 && s.CPU != size, s.Memory != 0 && s.Memory != room:
		b.found.add(at.at, fmt.Sprintf("task: { cpu: %d, memory: %d }", size, room), "Fargate has no size of %d CPU units and %d MiB", cpu, memory)
	}
	s.CPU, s.Memory = size, room
}
