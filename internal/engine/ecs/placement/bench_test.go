package placement

import (
	"fmt"
	"testing"
)

// many is a fleet of n like instances in three zones, of three types.
func many(n int) *Fleet {
	f := NewFleet()
	for i := range n {
		b := box(fmt.Sprintf("%032x", i), "eu-west-1"+string("abc"[i%3]), 4096, 16384)
		b.Attributes["ecs.instance-type"] = []string{"t3.small", "m5.large", "c5.large"}[i/3%3]
		b.Attributes["ecs.capability.task-eni"] = ""
		f.Set(b)
	}
	return f
}

// BenchmarkPlace places 100,000 tasks on 10,000 instances; ns/task is the figure
// to look at.
func BenchmarkPlace(b *testing.B) {
	strategies := []struct {
		name     string
		strategy []Strategy
	}{
		{"default", Default},
		{"binpack", []Strategy{{Type: BinpackMemory}}},
		{"zones-binpack", []Strategy{{Type: Spread, Attribute: Zone}, {Type: BinpackCPU}}},
		{"random", nil},
	}
	for _, s := range strategies {
		for _, instances := range []int{1_000, 10_000} {
			for _, each := range []int{1, 100, 10_000} {
				tasks := instances * 10
				b.Run(fmt.Sprintf("%s/instances=%d/tasks=%d/each=%d", s.name, instances, tasks, each), func(b *testing.B) {
					for b.Loop() {
						b.StopTimer()
						f := many(instances)
						only := must(b, "attribute:ecs.instance-type =~ [tmc].*")
						b.StartTimer()
						for k := 0; k < tasks; k += each {
							got := f.Place(&Request{
								Count: each, Needs: Amount{CPU: 256, Memory: 1024}, Group: fmt.Sprint("service:", k), Strategy: s.strategy,
								Only: []*Expression{only}, Attributes: []Attribute{{"ecs.capability.task-eni", ""}}, Seed: uint64(k),
							})
							if got.Missing > 0 {
								b.Fatal(got.Missing)
							}
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(tasks), "ns/task")
				})
			}
		}
	}
}
