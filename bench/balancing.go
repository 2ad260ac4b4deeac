package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// balancing measures the load balancer beside nginx, HAProxy and Caddy, each on
// one core: bench/balancer is a program of its own, because its processes are
// pinned.
func balancing(ctx context.Context, b *bench) ([]row, error) {
	for _, tool := range []string{"wrk", "taskset", "nginx"} {
		if _, err := exec.LookPath(tool); err != nil {
			return []row{{what: "load balancer beside its peers", theirs: tool + " is not installed"}}, nil
		}
	}
	program := filepath.Join(b.dir, "balancer")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/slipway-dev/slipway/bench/balancer").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building it: %w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, program, "-json", "-rounds", strconv.Itoa(b.rounds), "-round", b.round.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	rows, err := balancingRows(out)
	return rows, errors.Join(err, cmd.Wait())
}

// balancingRows reads what bench/balancer prints.
func balancingRows(from io.Reader) (rows []row, err error) {
	for d := json.NewDecoder(from); ; {
		var r struct {
			Traffic, Peer                         string
			Rate, Theirs, Cost, TheirCost, Target float64
		}
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return rows, err
		}
		// Where other programs want the cores, the rates are the scheduler's: the
		// processor's time for a request is held against the target, too.
		line := timesPeer(fmt.Sprintf("balancer, %s, one core, CPU %.1f:%.1f µs", r.Traffic, r.Cost, r.TheirCost), r.Rate, r.Theirs, r.Peer, nil, r.Target)
		line.ratio = min(line.ratio, r.TheirCost/r.Cost)
		line.verdict = judge(line.ratio >= r.Target)
		if r.Target == 0 {
			line.target, line.verdict = "", unjudged
		}
		rows = append(rows, line)
	}
}
