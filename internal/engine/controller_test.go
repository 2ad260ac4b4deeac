package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestAControllerOutlivesAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{cfg: Config{Log: slog.New(slog.DiscardHandler)}}
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := e.controller(ctx, func(ctx context.Context) error {
			if runs++; runs < 3 {
				return fmt.Errorf("placing: %w", state.ErrNotDurable)
			}
			cancel()
			return ctx.Err()
		})
		if err != nil || runs != 3 {
			t.Errorf("it ended with %v after %d runs, want none after 3", err, runs)
		}
	})
}

func TestAControllerThatBreaksEndsTheEngine(t *testing.T) {
	e := &Engine{cfg: Config{Log: slog.New(slog.DiscardHandler)}}
	broken := errors.New("broken")
	if err := e.controller(t.Context(), func(context.Context) error { return broken }); err != broken {
		t.Errorf("%v, want the loop's own error", err)
	}
}
