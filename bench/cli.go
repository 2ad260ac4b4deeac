package main

import (
	"context"
	"os/exec"
	"time"
)

// cliStart measures what every command pays before it does anything.
func cliStart(ctx context.Context, b *bench) ([]row, error) {
	var took []time.Duration
	for range 31 {
		begun := time.Now()
		if err := exec.CommandContext(ctx, b.binary, "version").Run(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	return []row{atMost("slipway version", median(took), 30*time.Millisecond)}, nil
}
