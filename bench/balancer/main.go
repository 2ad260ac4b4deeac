// Command balancer measures the load balancer beside nginx, HAProxy and Caddy:
// one run, one core for the proxy, another for wrk and the backend, the same
// backend, keep-alive HTTP/1.1, plain and TLS, 1 KiB and 1 MiB. Proxies take
// turns in every round and medians count. Beside the rate it tells the
// processor's time for a request, which a busy machine disturbs less. It asserts
// nothing.
//
//	go run ./bench/balancer
//	go run ./bench/balancer -rounds 3 -round 1s -case 'tls'
//
// It needs wrk, taskset and nginx (which is the backend, too); a missing peer is
// left out and said so.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

// setup is what all measurements share.
type setup struct {
	dir     string // configurations, certificate, files
	backend string // host:port
	rounds  int
	round   time.Duration
	clients int
	profile string
	report  func(result)
}

// result is what came of one kind of traffic beside one peer.
type result struct {
	Traffic, Peer string
	// Rate and Theirs are requests a second, Cost and TheirCost microseconds of
	// the processor for each. Target is the ratio of rates that the design wants,
	// 0 for none.
	Rate, Theirs, Cost, TheirCost, Target float64
}

// print is result for people. The ratios are slipway's to the peer's: of rates,
// and of requests for the same processor's time.
func (r result) print() {
	line := fmt.Sprintf("%-12s %9.0f/s %6.1f µs   %-8s %9.0f/s %6.1f µs   rate %5.2f×  CPU %5.2f×", r.Traffic, r.Rate, r.Cost, r.Peer, r.Theirs, r.TheirCost, r.Rate/r.Theirs, r.TheirCost/r.Cost)
	if r.Target > 0 {
		verdict := "reached"
		if r.ratio() < r.Target {
			verdict = "MISSED"
		}
		line += fmt.Sprintf("  target ≥ %g× %s", r.Target, verdict)
	}
	fmt.Println(line)
}

// ratio is what the target is held against: the smaller of the two. On a quiet
// machine they are the same; on a busy one the scheduler decides about rates.
func (r result) ratio() float64 { return min(r.Rate/r.Theirs, r.TheirCost/r.Cost) }

// traffic is one kind of it.
type traffic struct {
	name   string
	size   int
	secure bool
	// targets are the ratios of requests/s that the design wants, by peer.
	targets map[string]float64
}

var cases = []traffic{
	{"plain 1 KiB", 1 << 10, false, map[string]float64{"caddy": 1.7, "nginx": 0.9}},
	{"tls 1 KiB", 1 << 10, true, map[string]float64{"caddy": 1.7, "nginx": 0.9}},
	{"plain 1 MiB", 1 << 20, false, nil},
	{"tls 1 MiB", 1 << 20, true, nil},
}

func main() {
	var s setup
	only := flag.String("case", "", "measure only the kinds of traffic that match this expression")
	peers := flag.String("peers", "nginx,haproxy,caddy", "the peers to measure beside")
	asJSON := flag.Bool("json", false, "print one JSON object for each peer and kind of traffic")
	serve := flag.String("serve", "", "be the load balancer, with the folder of a run (internal)")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds; the median counts")
	flag.DurationVar(&s.round, "round", 3*time.Second, "how long a round takes")
	flag.IntVar(&s.clients, "clients", 64, "connections")
	flag.StringVar(&s.profile, "profile", "", "write a CPU profile of the load balancer here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s.report = result.print
	if *asJSON {
		s.report = func(r result) { json.NewEncoder(os.Stdout).Encode(r) }
	}
	err := error(nil)
	if *serve != "" {
		err = serveBalancer(ctx, *serve, s.profile)
	} else {
		err = s.run(ctx, *only, strings.Split(*peers, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/balancer:", err)
		os.Exit(1)
	}
}

func (s *setup) run(ctx context.Context, only string, peers []string) (err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "slipway-bench-balancer-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if err := s.files(); err != nil {
		return err
	}
	stopBackend, err := s.startBackend(ctx)
	if err != nil {
		return err
	}
	defer stopBackend()
	var proxies []*proxy
	defer func() {
		for _, p := range proxies {
			p.stop()
		}
	}()
	for _, name := range append([]string{"slipway"}, peers...) {
		p, err := s.start(ctx, name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", name, err)
			continue
		}
		proxies = append(proxies, p)
	}
	for _, c := range cases {
		if match.MatchString(c.name) {
			if err := s.measure(ctx, c, proxies); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return nil
}

// measure lets the proxies take turns, and reports what came of it.
func (s *setup) measure(ctx context.Context, c traffic, proxies []*proxy) error {
	rates, costs := map[string][]float64{}, map[string][]float64{}
	for round := range s.rounds + 1 {
		for _, p := range proxies {
			rate, cost, err := s.load(ctx, p, c)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if round > 0 { // the first one warms up
				rates[p.name], costs[p.name] = append(rates[p.name], rate), append(costs[p.name], cost)
			}
		}
	}
	for _, p := range proxies {
		if p.name != "slipway" {
			s.report(result{c.name, p.name, median(rates["slipway"]), median(rates[p.name]), median(costs["slipway"]), median(costs[p.name]), c.targets[p.name]})
		}
	}
	return nil
}
