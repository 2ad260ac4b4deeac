package slipway

import (
	"testing"
	"time"
)

func TestTheRateIsCountedFromTheFirstMinuteWithRequests(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 30, 0, time.UTC)
	for _, c := range []struct {
		minutes []int
		want    float64
	}{
		{[]int{0, 0, 0, 0, 0, 0, 0, 60}, 2},
		{[]int{0, 0, 0, 0, 0, 0, 90, 0}, 1},
		{[]int{900, 0, 0, 0, 0, 0, 0, 0}, 2},
		{[]int{0, 0, 0, 0, 0, 0, 0, 0}, 0},
	} {
		traffic := Traffic{Minutes: c.minutes}
		if traffic.Rate(now); traffic.PerSecond != c.want {
			t.Errorf("%v: %v requests a second, want %v", c.minutes, traffic.PerSecond, c.want)
		}
	}
}
