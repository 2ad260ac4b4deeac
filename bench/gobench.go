package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// goBenchmarks runs a package's own benchmarks, which stand beside what they
// measure, and gives each one's time of an operation: the median of three.
func goBenchmarks(ctx context.Context, pkg, pattern string, options ...string) (map[string]time.Duration, error) {
	args := append([]string{"test", "-run", "^$", "-bench", pattern, "-count", "3"}, options...)
	out, err := exec.CommandContext(ctx, "go", append(args, "github.com/slipway-dev/slipway/"+pkg)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test -bench %s %s: %w\n%s", pattern, pkg, err, out)
	}
	all := map[string][]time.Duration{}
	for line := range strings.Lines(string(out)) {
		if m := benchLine.FindStringSubmatch(line); m != nil {
			ns, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				return nil, err
			}
			all[m[1]] = append(all[m[1]], time.Duration(ns))
		}
	}
	medians := map[string]time.Duration{}
	for name, each := range all {
		medians[name] = median(each)
	}
	return medians, nil
}

// benchLine is "BenchmarkName/sub-8   100   123.4 ns/op …".
var benchLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op`)
