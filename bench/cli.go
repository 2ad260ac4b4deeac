package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// cliStart measures what every command pays before it does anything, in turns with
// the programs that do the same work by hand.
func cliStart(ctx context.Context, b *bench) ([]row, error) {
	peers := [][]string{{"docker", "--version"}, {"terraform", "version"}, {"aws", "--version"}}
	var ours []time.Duration
	theirs := make([][]time.Duration, len(peers))
	s := shell{ctx: ctx, dir: b.dir, env: append(os.Environ(), "CHECKPOINT_DISABLE=1")}
	for range 21 {
		took, err := s.timed(b.binary, "version")
		if err != nil {
			return nil, err
		}
		ours = append(ours, took)
		for i, p := range peers {
			if took, err := s.timed(p[0], p[1:]...); err == nil {
				theirs[i] = append(theirs[i], took)
			}
		}
	}
	mine := atMost("slipway version", median(ours), 30*time.Millisecond)
	rows := []row{mine}
	for i, p := range peers {
		r := row{what: "the same, beside " + strings.Join(p, " "), ours: mine.ours, theirs: "no " + p[0]}
		if len(theirs[i]) > 0 {
			took := median(theirs[i])
			r.theirs, r.ratio = fmt.Sprintf("%s %s", p[0], milliseconds(took)), float64(median(ours))/float64(took)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
