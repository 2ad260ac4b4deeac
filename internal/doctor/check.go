package doctor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Check is one look at something, with a time limit of its own.
type Check struct {
	// What names it, in the finding of one that took too long.
	What string
	// Limit is how long it may take, Late what it is if it takes longer, Next what
	// to do then.
	Limit time.Duration
	Late  Verdict
	Next  string
	// Look gives what was found, and the checks that could not begin before.
	Look func(context.Context) ([]Finding, []Check)
}

// One is a Look with one finding.
func One(look func(context.Context) Finding) func(context.Context) ([]Finding, []Check) {
	return func(ctx context.Context) ([]Finding, []Check) { return []Finding{look(ctx)}, nil }
}

// Run does all checks at the same time and gives what they found, in their order;
// what a check found stands before what its further checks did.
func Run(ctx context.Context, checks []Check) []Finding {
	lists := make([][]Finding, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { lists[i] = c.run(ctx) })
	}
	wg.Wait()
	return slices.Concat(lists...)
}

// run waits for the look no longer than its limit, even for one that does not
// heed its context.
func (c Check) run(ctx context.Context) []Finding {
	type found struct {
		list []Finding
		more []Check
	}
	late := errors.New("late")
	own, cancel := context.WithTimeoutCause(ctx, c.Limit, late)
	defer cancel()
	done := make(chan found, 1)
	go func() {
		list, more := c.Look(own)
		done <- found{list, more}
	}()
	select {
	case f := <-done:
		if context.Cause(own) == late && len(f.more) == 0 && Failed(f.list) { // what it says then is only that it was cut off
			return []Finding{c.late()}
		}
		return append(f.list, Run(ctx, f.more)...)
	case <-own.Done():
		return []Finding{c.late()}
	}
}

func (c Check) late() Finding {
	return Finding{Verdict: c.Late, What: c.What, Text: "no answer within " + c.Limit.String(), Next: c.Next}
}
