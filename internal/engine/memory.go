package engine

import (
	"context"
	"os"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

const (
	// garbage is how much may lie about before the collector runs, as long as less
	// than that is alive. What the engine knows is a few MiB, and a request leaves
	// some KiB behind: at Go's own setting, as much garbage as there is alive, the
	// collector would take a quarter of the processor under load.
	garbage = 48 << 20
	// memoryTick is how often the engine looks at its memory, quiet how much it
	// allocates meanwhile when hardly anybody asks it anything.
	memoryTick = 5 * time.Second
	quiet      = 4 << 20
)

// collect tunes the garbage collector to what is alive and to what is going on,
// and gives memory back when the work is over. It leaves it alone where the
// environment sets it.
func (e *Engine) collect(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return ctx.Err()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	tick := time.NewTicker(memoryTick)
	defer tick.Stop()
	samples := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	var allocated uint64
	rests := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		runtimemetrics.Read(samples)
		alive, total := samples[0].Value.Uint64(), samples[1].Value.Uint64()
		rested := rests
		rests = total-allocated < quiet
		allocated = total
		debug.SetGCPercent(collectAt(alive, rests))
		if rests && !rested {
			debug.FreeOSMemory()
			if err := unmapProgram(); err != nil {
				e.cfg.Log.Debug("the program's pages are kept", "error", err)
			}
		}
	}
}

// collectAt is the garbage that may gather, in percent of what is alive: so much
// as the constant says, at most four times and at least as much as is alive. When
// nothing goes on it is Go's own setting.
func collectAt(alive uint64, rests bool) int {
	if rests {
		return 100
	}
	return int(min(400, max(100, 100*garbage/max(alive, 1))))
}
