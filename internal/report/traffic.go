package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// bars are eighths of a line, the lowest first.
var bars = []rune("▁▂▃▄▅▆▇█")

// Traffic is a line on what a service serves: a bar for each minute, and the
// numbers that they stand for.
func Traffic(t *slipway.Traffic) string {
	var line strings.Builder
	most := max(slices.Max(t.Minutes), 1)
	for _, n := range t.Minutes {
		line.WriteRune(bars[(n*(len(bars)-1)+most/2)/most])
	}
	errors := "errors"
	if t.Errors == 1 {
		errors = "error"
	}
	fmt.Fprintf(&line, " %s req/s · p99 %s · %d %s", figure(t.PerSecond), duration(t.P99), t.Errors, errors)
	return line.String()
}

// figure has two digits where there are not more before the point.
func figure(v float64) string {
	switch {
	case v >= 9.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.095:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func duration(seconds float64) string {
	if seconds >= 1 {
		return figure(seconds) + " s"
	}
	return figure(seconds*1000) + " ms"
}
