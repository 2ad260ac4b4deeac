package report

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestTraffic(t *testing.T) {
	for want, traffic := range map[string]slipway.Traffic{
		"▁▁▂▁▁▃▁█ 14 req/s · p99 21 ms · 0 errors":    {Minutes: []int{0, 10, 150, 20, 0, 300, 10, 1000}, PerSecond: 14.2, P99: 0.0211},
		"▁▁▁▁▁▁▁█ 0.3 req/s · p99 0.6 ms · 1 error":   {Minutes: []int{0, 0, 0, 0, 0, 0, 0, 1}, PerSecond: 0.3, P99: 0.0006, Errors: 1},
		"████████ 0.02 req/s · p99 1.5 s · 12 errors": {Minutes: []int{1, 1, 1, 1, 1, 1, 1, 1}, PerSecond: 0.0166, P99: 1.5, Errors: 12},
	} {
		if got := Traffic(&traffic); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
