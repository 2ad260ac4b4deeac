package docker

import (
	"context"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// How long a task takes from Start to the news that it runs, beside what the
// daemon alone takes to create and start the same container.
func BenchmarkStartToRunning(b *testing.B) {
	r, err := Open(b.Context(), Options{Engine: "bench-" + testRun, Pull: PullPreferCached})
	if err != nil {
		b.Skip("SKIP:", err)
	}
	b.Cleanup(func() {
		if err := r.Teardown(context.Background()); err != nil {
			b.Error(err)
		}
		r.Close()
	})
	if err := probe(); err != nil {
		b.Fatal(err)
	}
	for _, mode := range []NetworkMode{Bridge, HostNS, AWSVPC} {
		b.Run(string(mode), func(b *testing.B) {
			for range b.N {
				web := run("web", "wait")
				web.Ports = []Port{{Container: 8080}}
				job := task(web)
				job.NetworkMode = mode
				if err := r.Start(b.Context(), job); err != nil {
					b.Fatal(err)
				}
				if err := r.hub.until(b.Context(), job.ID, "web", func(c *ContainerStatus) (bool, error) { return c.Phase == Running, nil }); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := r.Remove(b.Context(), job.ID); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
	b.Run("daemon", func(b *testing.B) {
		for range b.N {
			res, err := r.cli.ContainerCreate(b.Context(), client.ContainerCreateOptions{
				Config: &container.Config{Image: probeImage, Cmd: []string{"wait"}, Labels: map[string]string{labelEngine: r.opt.Engine, labelRole: "bench"}},
			})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.cli.ContainerStart(b.Context(), res.ID, client.ContainerStartOptions{}); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if _, err := r.cli.ContainerRemove(b.Context(), res.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
