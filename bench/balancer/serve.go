package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// serveBalancer is the process that is measured: the engine's load balancer with
// one target, configured as the engine configures it.
func serveBalancer(ctx context.Context, dir, profile string) error {
	text, err := os.ReadFile(filepath.Join(dir, "slipway.conf"))
	if err != nil {
		return err
	}
	var backend, http, https string
	if _, err := fmt.Sscan(string(text), &backend, &http, &https); err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	forward := balancer.Action{Forward: &balancer.Forward{Groups: []balancer.WeightedGroup{{Group: "web", Weight: 1}}}}
	b := balancer.New(balancer.Options{})
	err = b.Apply(balancer.Config{
		LoadBalancers: []balancer.LoadBalancer{{ID: "lb", Name: "app/bench/1", Listeners: []balancer.Listener{
			{ID: "http", Protocol: balancer.HTTP, Port: 80, Bind: http, Default: forward},
			{ID: "https", Protocol: balancer.HTTPS, Port: 443, Bind: https, Certificates: []string{"cert"}, Default: forward},
		}}},
		TargetGroups: []balancer.TargetGroup{{ID: "web", Targets: []balancer.Target{{ID: "a", Address: backend}}, HealthCheck: balancer.HealthCheck{Matcher: "200-499"}}},
		Certificates: []balancer.Certificate{{ID: "cert", TLS: &cert}},
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return b.Close(ctx)
}
