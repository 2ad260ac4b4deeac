package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	what string
	// ours and theirs are shown as they are; theirs is empty without a peer, and
	// says so when the peer is missing.
	ours, theirs string
	// ratio is ours to theirs, 0 without a peer.
	ratio float64
	// target is the design's, in words; verdict tells whether it is reached.
	target  string
	verdict verdict
}

type verdict int

const (
	unjudged verdict = iota
	reached
	missed
)

func (v verdict) String() string { return [...]string{"", "reached", "MISSED"}[v] }

func judge(ok bool) verdict {
	if ok {
		return reached
	}
	return missed
}

const format = "%-46s %14s %22s %8s  %-14s %s\n"

func printHead() {
	fmt.Printf(format, "measured", "slipway", "peer", "ratio", "target", "")
	fmt.Println(strings.Repeat("-", 116))
}

func (r row) print() {
	ratio := ""
	if r.ratio != 0 {
		ratio = fmt.Sprintf("%.1f×", r.ratio)
		if r.ratio < 0.1 {
			ratio = fmt.Sprintf("%.3f×", r.ratio)
		}
	}
	fmt.Printf(format, r.what, r.ours, r.theirs, ratio, r.target, r.verdict)
}

// atMost is a row for a duration with a limit.
func atMost(what string, took, limit time.Duration) row {
	return row{what: what, ours: milliseconds(took), target: "≤ " + milliseconds(limit), verdict: judge(took <= limit)}
}

// timesPeer is a row for a rate that is to be so many times the peer's. Without
// a peer, whose absence why names, nothing is judged.
func timesPeer(what string, ours, theirs float64, peer string, why error, times float64) row {
	r := row{what: what, ours: perSecond(ours), target: fmt.Sprintf("≥ %g×", times)}
	if why != nil {
		r.theirs = why.Error()
		return r
	}
	r.theirs, r.ratio = peer+" "+perSecond(theirs), ours/theirs
	r.verdict = judge(r.ratio >= times)
	return r
}

func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

func perSecond(rate float64) string { return fmt.Sprintf("%.0f/s", rate) }

// median is the middle one; it sorts its argument.
func median[T int | float64 | time.Duration](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}
