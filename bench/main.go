// Command bench measures Slipway beside its peers, in the same run on the same
// machine, and prints a table: the figure, the peer's, their ratio and the
// design's target. It asserts nothing; a missed target is marked.
//
//	go run ./bench                # everything, a few minutes
//	go run ./bench -run reads     # the measurements whose name matches
//	go run ./bench -list
//
// A measurement is one file here: a function that gives rows, named in the list
// below.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// measurements are all there are, in the order of the table.
var measurements = []measurement{
	{"cli", "slipway version, from start to end, beside docker, terraform and aws", cliStart},
	{"start", "engine start to its first API answer; reset; idle memory", engineStart},
	{"reads", "DescribeServices, signed, 8 connections, beside moto_server", reads},
	{"writes", "RegisterTaskDefinition, durable, 32 connections, beside moto_server", writes},
	{"hosts", "routing by host, 10 to 10,000 hosts", hostRouting},
	{"balancer", "requests through the load balancer, beside nginx, HAProxy and Caddy", balancing},
	{"deploy", "a deploy of a built image, beside docker run by hand", deploying},
	{"plan", "slipway plan over 200 services, beside terraform", planning},
	{"placement", "placing 100,000 tasks on 10,000 instances", placing},
}

type measurement struct {
	name, about string
	measure     func(context.Context, *bench) ([]row, error)
}

// bench is what measurements share.
type bench struct {
	// binary is the built slipway, dir a folder for what a measurement leaves.
	binary, dir string
	// rounds of so long are measured, after one that is not; the median counts.
	rounds int
	round  time.Duration
}

func main() {
	var b bench
	only := flag.String("run", "", "measure only what matches this expression")
	list := flag.Bool("list", false, "list the measurements")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds of a throughput measurement; the median counts")
	flag.DurationVar(&b.round, "round", 2*time.Second, "how long such a round takes")
	flag.StringVar(&b.binary, "binary", "", "measure this slipway instead of building one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.main(ctx, *only, *list); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) main(ctx context.Context, only string, list bool) (err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if list {
		for _, m := range measurements {
			fmt.Printf("%-12s %s\n", m.name, m.about)
		}
		return nil
	}
	if b.dir, err = os.MkdirTemp("", "slipway-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.binary == "" {
		b.binary, err = enginetest.Build(b.dir, "-trimpath", "-ldflags=-s -w")
	}
	if err != nil {
		return err
	}
	printHead()
	for _, m := range measurements {
		if !match.MatchString(m.name) {
			continue
		}
		rows, err := m.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, r := range rows {
			r.print()
		}
	}
	return nil
}
