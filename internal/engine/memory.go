package engine

import (
	"context"
	"os"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// garbage is how much may lie about before the collector runs, as long as less
// than that is alive. What the engine knows is a few MiB, and a request leaves
// some KiB behind: at Go's own setting, as much garbage as there is alive, the
// collector would take a quarter of the processor under load.
const garbage = 48 << 20

// collect tunes the garbage collector to what is alive. It leaves it alone where
// the environment sets it.
func collect(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return ctx.Err()
	}
	alive := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for {
		runtimemetrics.Read(alive)
		debug.SetGCPercent(collectAt(alive[0].Value.Uint64()))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// collectAt is the garbage that may gather, in percent of what is alive: so much
// as the constant says, at most four times and at least as much as is alive.
func collectAt(alive uint64) int {
	return int(min(400, max(100, 100*garbage/max(alive, 1))))
}
