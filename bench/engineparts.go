package main

import (
	"context"
	"fmt"
	"time"
)

// hostRouting shows that a listener with 10,000 host rules routes as fast as one
// with ten: the design wants it flat, which we read as at most twice.
func hostRouting(ctx context.Context, _ *bench) ([]row, error) {
	took, err := goBenchmarks(ctx, "internal/engine/balancer", "^BenchmarkRouteByHost$", "-benchtime", "200ms")
	if err != nil {
		return nil, err
	}
	few, many := took["RouteByHost/10"], took["RouteByHost/10000"]
	if few == 0 || many == 0 {
		return nil, fmt.Errorf("no figures in %v", took)
	}
	return []row{
		{what: "a host's rule among 10", ours: few.String()},
		{what: "a host's rule among 10,000", ours: many.String(), theirs: "among 10", ratio: float64(many) / float64(few), target: "flat (≤ 2×)", verdict: judge(many <= 2*few)},
	}, nil
}

// placing measures the scheduler's choice alone, with the default strategy and
// an expression on every task: one by one, and by the hundred.
func placing(ctx context.Context, _ *bench) ([]row, error) {
	took, err := goBenchmarks(ctx, "internal/engine/ecs/placement", "^BenchmarkPlace$/^default$/^instances=10000$", "-benchtime", "1x")
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, each := range []int{1, 100} {
		one, ok := took[fmt.Sprintf("Place/default/instances=10000/tasks=100000/each=%d", each)]
		if !ok {
			return nil, fmt.Errorf("no figures in %v", took)
		}
		rows = append(rows, atMost(fmt.Sprintf("100,000 tasks on 10,000 instances, by %d", each), one, time.Second))
	}
	return rows, nil
}
