package docker

import (
	"context"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

// counts is what start and stop must leave as it was.
type counts struct {
	Containers, Networks, Volumes int
	Descriptors, Goroutines       int
	Known, Heard                  int
}

func count(t *testing.T, r *Runtime) counts {
	t.Helper()
	ctx := context.Background()
	label := make(client.Filters).Add("label", labelEngine+"="+r.opt.Engine)
	containers, err := r.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: label})
	if err != nil {
		t.Fatal(err)
	}
	networks, err := r.cli.NetworkList(ctx, client.NetworkListOptions{Filters: label})
	if err != nil {
		t.Fatal(err)
	}
	volumes, err := r.cli.VolumeList(ctx, client.VolumeListOptions{Filters: label})
	if err != nil {
		t.Fatal(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("SKIP: descriptors cannot be counted here:", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return counts{
		len(containers.Items), len(networks.Items), len(volumes.Items), len(fds), runtime.NumGoroutine(),
		len(r.hub.all()), len(r.heardOf) + len(r.starting) + len(r.stopping),
	}
}

// within tells that nothing is more than it was.
func (c counts) within(was counts) bool {
	return c.Containers <= was.Containers && c.Networks <= was.Networks && c.Volumes <= was.Volumes &&
		c.Descriptors <= was.Descriptors && c.Goroutines <= was.Goroutines && c.Known <= was.Known && c.Heard <= was.Heard
}

// settled counts until nothing changes towards want any more: connections and
// their goroutines end a moment after what used them.
func settled(t *testing.T, r *Runtime, want *counts) counts {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r.cli.Close() // closes idle connections, and nothing else
		got := count(t, r)
		if want == nil || got.within(*want) {
			return got
		}
		select {
		case <-tick.C:
		case <-deadline:
			return got
		}
	}
}

func TestCyclesLeaveNothing(t *testing.T) {
	r := open(t)
	cycle := func(i int) {
		web := run("web", "listen=:8080", "lines=3", "term=0", "wait")
		web.Ports = []Port{{Container: 8080}}
		web.Mounts = []Mount{{"data", "/data", false}}
		job := task(web)
		if i%5 == 0 {
			job = task(web, run("side", "exit=0"))
		}
		job.Volumes = []Volume{{Name: "data"}}
		if i%3 == 0 {
			job.NetworkMode = AWSVPC
		}
		ctx, cancel := context.WithCancel(t.Context())
		events := r.Events(ctx)
		start(t, r, job)
		c := until(t, r, job, "web", isRunning)
		logs := make(chan error, 1)
		go func() { logs <- r.Logs(ctx, c.ID, Cursor{}, true, func(Line) error { return nil }) }()
		if i%2 == 0 {
			stop(t, r, job)
			if err := <-logs; err != nil {
				t.Error("following the logs to their end:", err)
			}
		}
		if err := r.Remove(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
		if i%2 != 0 {
			<-logs // cut off by the removal, with an error or without
		}
		for _, b := range c.Bindings {
			if l, err := hold(netip.AddrPortFrom(b.Host, b.HostPort), "tcp"); b.Host.IsValid() && err != nil {
				t.Error("a host port is left:", err)
			} else if b.Host.IsValid() {
				l.Close()
			}
		}
		cancel()
		for range events {
		}
	}
	cycle(0) // makes the network and the pause image
	before := settled(t, r, nil)
	for i := range 30 {
		cycle(i)
	}
	after := settled(t, r, &before)
	if !after.within(before) {
		t.Error(cmp.Diff(before, after))
	}
}
