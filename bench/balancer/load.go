package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The proxy has this core for itself; wrk and the backend share the other.
const proxyCore, loadCore = "0", "1"

var wrkRequests = regexp.MustCompile(`(\d+) requests in ([\d.]+)(ms|s|m)`)

// load is one round of wrk: requests a second, and the proxy's processor time
// for each, in microseconds.
func (s *setup) load(ctx context.Context, p *proxy, c traffic) (rate, cost float64, err error) {
	url := fmt.Sprintf("http://%s/%d", p.http, c.size)
	if c.secure {
		url = fmt.Sprintf("https://%s/%d", p.https, c.size)
	}
	before := p.processorTime()
	cmd := exec.CommandContext(ctx, "taskset", "-c", loadCore, "wrk", "-t1", "-c"+strconv.Itoa(s.clients), fmt.Sprintf("-d%.0fs", max(1, s.round.Seconds())), url)
	out, err := cmd.CombinedOutput()
	used := p.processorTime() - before
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	if bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		return 0, 0, fmt.Errorf("not all requests were answered:\n%s", out)
	}
	m := wrkRequests.FindSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("wrk says: %s", out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	took, _ := time.ParseDuration(string(m[2]) + string(m[3]))
	return n / took.Seconds(), used.Seconds() * 1e6 / max(1, n), nil
}

// processorTime is what the proxy and its children have used.
func (p *proxy) processorTime() time.Duration {
	var total time.Duration
	for _, pid := range family(p.cmd.Process.Pid) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		fields := bytes.Fields(rest)
		user, _ := strconv.Atoi(string(fields[11]))
		system, _ := strconv.Atoi(string(fields[12]))
		total += time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
	}
	return total
}

// family is a process with its descendants.
func family(pid int) []int {
	all := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		children, _ := os.ReadFile(f)
		for _, child := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				all = append(all, family(n)...)
			}
		}
	}
	return all
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
